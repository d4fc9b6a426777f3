//! Rate limits per caller: the generic cell rate algorithm, in this process or, if the cache is a Redis, there for all
//! replicas.
//!
//! If Redis does not answer, no request fails, and each waits `cache.timeout` at most. Until Redis is back, each
//! process counts by itself, from zero.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use api_runtime::RateLimit;
use bytes::Bytes;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::{InMemoryState, NotKeyed},
};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use ipnet::Ipv6Net;
use moka::{policy::EvictionPolicy, sync::Cache};
use platform_auth::{Caller, CallingService};
use platform_base::context;
use platform_redis::Redis;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// draft-ietf-httpapi-ratelimit-headers-11.
pub(crate) const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Takes one call. Returns how many more are possible now or, if none was left, the microseconds until there is one, as
/// a negative number. The key holds the theoretical arrival time (TAT), at which the full burst is available again.
/// Microseconds since 1970 are exact integers in Lua. A value that is not a number counts as no value.
const TAKE: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, requests = tonumber(ARGV[1]), tonumber(ARGV[2])
local tat = tonumber(redis.pcall('GET', KEYS[1])) or now
tat = math.min(math.max(tat, now), now + interval * requests)
local room = now + interval * requests - tat
if room < interval then return room - interval end
tat = tat + interval
redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000))
return math.floor(room / interval) - 1
";

/// The memory for counters in bytes. The least recently used one is evicted; its caller gets the full burst again.
const REMEMBERED: u64 = 16 * 1024 * 1024;
/// The size of a counter without its key, in bytes.
const COUNTER: usize = 200;

type Counter = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// Counts the calls of all methods.
pub(super) struct Rates {
    service: &'static str,
    redis: Option<Arc<Redis>>,
    here: Cache<String, Arc<Counter>>,
}

/// The limit of one method.
pub(super) struct Limit {
    rpc: &'static str,
    requests: NonZeroU32,
    /// The time between two calls at an even rate.
    interval: Duration,
    policy: HeaderValue,
}

/// The result of counting a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Granted { remaining: u32 },
    Refused { retry_after: Duration },
}

impl Rates {
    /// Counts on this Redis for all replicas; without one, in this process.
    pub fn new(service: &'static str, redis: Option<Arc<Redis>>) -> Self {
        let weight =
            |key: &String, _: &Arc<Counter>| u32::try_from(key.len() + COUNTER).unwrap_or(u32::MAX);
        Self {
            service,
            redis,
            here: Cache::builder()
                .max_capacity(REMEMBERED)
                .weigher(weight)
                // The default policy may refuse a new entry while the cache is full.
                .eviction_policy(EvictionPolicy::lru())
                .build(),
        }
    }

    /// Counts a call.
    pub async fn take(&self, limit: &Limit, caller: &str) -> Verdict {
        let key = format!("{} {caller}", limit.rpc);
        if let Some(redis) = &self.redis {
            let interval = limit.interval.as_micros().to_string();
            let arguments = [interval, limit.requests.to_string()].map(Bytes::from);
            let key = format!("{}:rate:{key}", self.service);
            if !redis.is_open() {
                // Boxed, so that it does not enlarge the future of every request.
                let left = Box::pin(redis.eval(TAKE, &key, arguments.into()));
                if let Ok(left) = left.await {
                    return Verdict::read(left);
                }
            }
        }
        self.take_here(limit, key)
    }

    fn take_here(&self, limit: &Limit, key: String) -> Verdict {
        let counter = self.here.get_with(key, || Arc::new(limit.counter()));
        match counter.check() {
            Ok(left) => Verdict::Granted {
                remaining: left.remaining_burst_capacity(),
            },
            Err(not_until) => Verdict::Refused {
                retry_after: not_until.wait_time_from(DefaultClock::default().now()),
            },
        }
    }
}

impl Limit {
    /// `rpc` names the method, such as `users.v1.UsersService/GetUser`.
    pub fn new(rpc: &'static str, rate: RateLimit) -> Self {
        let requests = NonZeroU32::new(rate.requests).unwrap_or(NonZeroU32::MIN);
        // Whole microseconds, because the Lua script gets an integer.
        let interval =
            u64::try_from(rate.per.as_micros()).unwrap_or(u64::MAX) / requests.get() as u64;
        let seconds = rate.per.as_secs();
        let window = if rate.per == Duration::from_secs(seconds) {
            format!(";w={seconds}")
        } else {
            // The header cannot express fractions of a second.
            String::new()
        };
        Self {
            rpc,
            requests,
            interval: Duration::from_micros(interval.max(1)),
            policy: value(format!("\"{rpc}\";q={requests}{window}")),
        }
    }

    fn counter(&self) -> Counter {
        let quota = Quota::with_period(self.interval)
            .unwrap_or(Quota::per_second(self.requests))
            .allow_burst(self.requests);
        RateLimiter::direct(quota).with_middleware()
    }

    /// Adds the rate-limit headers. The reset time says when more calls are possible; for a granted call it assumes an
    /// even rate.
    pub fn tell(&self, verdict: Verdict, headers: &mut HeaderMap) {
        let (remaining, time) = match verdict {
            Verdict::Granted { remaining } => (remaining, self.interval),
            Verdict::Refused { retry_after } => (0, retry_after),
        };
        let (rpc, time) = (self.rpc, time.as_micros().div_ceil(1_000_000));
        headers.insert(RATELIMIT_POLICY, self.policy.clone());
        headers.insert(
            RATELIMIT,
            value(format!("\"{rpc}\";r={remaining};t={time}")),
        );
    }
}

impl Verdict {
    /// Reads the result of the script.
    fn read(left: i64) -> Self {
        match u32::try_from(left) {
            Ok(remaining) => Self::Granted { remaining },
            Err(_) => Self::Refused {
                retry_after: Duration::from_micros(left.unsigned_abs()),
            },
        }
    }
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("invalid"))
}

/// The key under which calls are counted: the calling service or user or, if neither is known, the client's address. In
/// IPv6 this is the /64 network, because one customer has all of it.
pub(super) fn caller_of(known: &Extensions) -> String {
    if let Some(CallingService(service)) = known.get() {
        return format!("service {service}");
    }
    if let Some(Caller { subject, .. }) = known.get() {
        return format!("user {subject}");
    }
    match context::with(|request| request.client).flatten() {
        Some(IpAddr::V6(address)) => {
            let network = Ipv6Net::new(address, 64).map_or(address, |net| net.network());
            format!("address {network}")
        }
        Some(IpAddr::V4(address)) => format!("address {address}"),
        None => "nobody".to_owned(),
    }
}

pub(crate) fn refusal(retry_after: Duration) -> Status {
    let mut details =
        ErrorDetails::with_error_info("RATE_LIMITED", "platform", std::collections::HashMap::new());
    details.set_retry_info(Some(retry_after));
    let message = "this method was called too often: wait before you call it again";
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(requests: u32, per: Duration) -> Limit {
        Limit::new("shop.v1.ShopService/Buy", RateLimit { requests, per })
    }

    fn headers(limit: &Limit, verdict: Verdict) -> [String; 2] {
        let mut headers = HeaderMap::new();
        limit.tell(verdict, &mut headers);
        ["ratelimit-policy", "ratelimit"].map(|name| headers[name].to_str().unwrap().to_owned())
    }

    async fn drain(rates: &Rates, limit: &Limit, caller: &str) -> u32 {
        let mut taken = 0;
        while let Verdict::Granted { .. } = rates.take(limit, caller).await {
            taken += 1;
        }
        taken
    }

    #[tokio::test]
    async fn a_caller_has_all_calls_at_once_and_then_waits_for_the_next() {
        let rates = Rates::new("shop", None);
        let limit = limit(3, Duration::from_secs(60));
        for remaining in [2, 1, 0] {
            let verdict = rates.take(&limit, "user ada").await;
            assert_eq!(verdict, Verdict::Granted { remaining });
        }
        let Verdict::Refused { retry_after } = rates.take(&limit, "user ada").await else {
            panic!("a fourth call");
        };
        assert!(retry_after > Duration::from_secs(19) && retry_after <= Duration::from_secs(20));
        assert_eq!(drain(&rates, &limit, "user bob").await, 3);
    }

    #[tokio::test]
    async fn calls_come_back_one_by_one() {
        let rates = Rates::new("shop", None);
        let limit = limit(10, Duration::from_secs(1));
        drain(&rates, &limit, "user ada").await;
        tokio::time::sleep(Duration::from_millis(250)).await;
        let taken = drain(&rates, &limit, "user ada").await;
        assert!((2..=9).contains(&taken), "{taken}");
    }

    #[tokio::test]
    async fn what_is_counted_takes_bounded_memory_and_forgets_the_oldest() {
        let rates = Rates::new("shop", None);
        let limit = limit(1, Duration::from_secs(3600));
        for caller in 0..100_000 {
            rates.take(&limit, &format!("user {caller}")).await;
        }
        rates.here.run_pending_tasks();
        assert!(rates.here.weighted_size() <= REMEMBERED);
        assert_eq!(drain(&rates, &limit, "user 99999").await, 0);
    }

    #[test]
    fn the_headers_are_structured_fields() {
        let per_minute = limit(10, Duration::from_secs(60));
        assert_eq!(
            headers(&per_minute, Verdict::Granted { remaining: 9 }),
            [
                "\"shop.v1.ShopService/Buy\";q=10;w=60",
                "\"shop.v1.ShopService/Buy\";r=9;t=6"
            ]
        );
        let retry_after = Duration::from_millis(1001);
        assert_eq!(
            headers(&per_minute, Verdict::Refused { retry_after })[1],
            "\"shop.v1.ShopService/Buy\";r=0;t=2"
        );
        let fast = limit(3, Duration::from_millis(500));
        assert_eq!(
            headers(&fast, Verdict::Granted { remaining: 0 })[0],
            "\"shop.v1.ShopService/Buy\";q=3"
        );
    }
}
