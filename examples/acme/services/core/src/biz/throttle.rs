//! Limits how often a log in may fail.
//!
//! Failures are counted in three ways (OWASP, "Authentication Cheat Sheet"). Each count goes down with time.
//!
//! - Failures of an account **from one address**. This slows down an attacker who guesses a password, but not the user,
//!   who is elsewhere.
//! - Failures **of one address**. This slows down an attacker who tries leaked passwords on many accounts.
//! - Failures **of one account**, from any address. This slows down an attacker with many addresses. Addresses from
//!   which the user has logged in lately are exempt, and sessions go on, so that nobody can lock a user out.
//!
//! An account that does not exist is treated like any other. The counts are in memory, because an attacker must not be
//! able to load the database with them. So each replica has its own counts, and a restart forgets them.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use moka::{ops::compute::Op, sync::Cache};

use super::Error;

const OF_ACCOUNT_AND_ADDRESS: Limit = Limit {
    failures: 10,
    forgiven_every: Duration::from_secs(5 * 60),
};
/// The users of an office or a mobile network may share one address.
const OF_ADDRESS: Limit = Limit {
    failures: 100,
    forgiven_every: Duration::from_secs(60),
};
/// The most that NIST SP 800-63B allows in a row (section 5.2.2, rate limiting).
const OF_ACCOUNT: Limit = Limit {
    failures: 100,
    forgiven_every: Duration::from_secs(5 * 60),
};
const FAMILIAR_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The size of each table of counts. Together they take a few megabytes.
const REMEMBERED: u64 = 50_000;

/// The counts of failed log ins. Clones share them.
#[derive(Clone)]
pub struct Throttle(Arc<Counts>);

struct Counts {
    hasher: RandomState,
    of_account_and_address: Failures,
    of_address: Failures,
    of_account: Failures,
    /// Pairs of an account and an address from which its user has logged in.
    familiar: Cache<u64, ()>,
}

/// An attempt that was admitted. It counts as failed until [`Attempt::end`] is called, so that many attempts at once do
/// not get around the limit.
#[must_use]
pub struct Attempt<'a> {
    counts: &'a Counts,
    account_and_address: u64,
    address: u64,
    /// None when the address is familiar.
    account: Option<u64>,
}

impl Throttle {
    pub fn new() -> Self {
        Self(Arc::new(Counts {
            hasher: RandomState::new(),
            of_account_and_address: Failures::new(OF_ACCOUNT_AND_ADDRESS),
            of_address: Failures::new(OF_ADDRESS),
            of_account: Failures::new(OF_ACCOUNT),
            familiar: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(FAMILIAR_FOR)
                .build(),
        }))
    }

    /// Admits an attempt, or returns [`Error::TooManyAttempts`] with the time to wait.
    pub fn admit(&self, account: &str, client: Option<IpAddr>) -> Result<Attempt<'_>, Error> {
        let counts = &*self.0;
        let network = client.map(network);
        let account_and_address = counts.hasher.hash_one((account, network));
        let attempt = Attempt {
            counts,
            account_and_address,
            address: counts.hasher.hash_one(network),
            account: (!counts.familiar.contains_key(&account_and_address))
                .then(|| counts.hasher.hash_one(account)),
        };
        let now = Instant::now();
        for (number, (failures, key)) in attempt.counted().enumerate() {
            if let Err(wait) = failures.add(key, now) {
                // A refused attempt is not counted.
                for (failures, key) in attempt.counted().take(number) {
                    failures.forgive(key, now);
                }
                return Err(Error::TooManyAttempts(wait));
            }
        }
        Ok(attempt)
    }
}

impl Attempt<'_> {
    /// Records how the attempt ended. An error that the caller did not cause is not counted.
    pub fn end<T>(self, result: &Result<T, Error>) {
        match result {
            Ok(_) => {
                self.forgive();
                let counts = self.counts;
                counts
                    .of_account_and_address
                    .clear(self.account_and_address);
                counts.familiar.insert(self.account_and_address, ());
            }
            Err(Error::WrongCredentials | Error::WrongPassword) => {}
            Err(_) => self.forgive(),
        }
    }

    fn forgive(&self) {
        let now = Instant::now();
        for (failures, key) in self.counted() {
            failures.forgive(key, now);
        }
    }

    fn counted(&self) -> impl Iterator<Item = (&Failures, u64)> {
        let counts = self.counts;
        [
            Some((&counts.of_account_and_address, self.account_and_address)),
            Some((&counts.of_address, self.address)),
            self.account.map(|account| (&counts.of_account, account)),
        ]
        .into_iter()
        .flatten()
    }
}

/// How many failures are allowed in a row, and how often one of them is forgiven.
#[derive(Clone, Copy)]
struct Limit {
    failures: u32,
    forgiven_every: Duration,
}

/// Failures by key. The value is the time at which all of them will have been forgiven. This is the generic cell rate
/// algorithm; the crate `governor` has it, too, but cannot take back an attempt.
struct Failures {
    limit: Limit,
    forgiven_at: Cache<u64, Instant>,
}

impl Failures {
    fn new(limit: Limit) -> Self {
        let longest = limit.forgiven_every * limit.failures;
        Self {
            limit,
            forgiven_at: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(longest)
                .build(),
        }
    }

    /// Counts a failure, or returns how long to wait until another is allowed.
    fn add(&self, key: u64, now: Instant) -> Result<(), Duration> {
        let latest = now + self.limit.forgiven_every * self.limit.failures;
        let mut wait = Duration::ZERO;
        self.forgiven_at.entry(key).and_compute_with(|entry| {
            let forgiven_at = entry.map_or(now, |entry| entry.into_value().max(now));
            let forgiven_at = forgiven_at + self.limit.forgiven_every;
            wait = forgiven_at.saturating_duration_since(latest);
            if wait.is_zero() {
                Op::Put(forgiven_at)
            } else {
                Op::Nop
            }
        });
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    /// Takes a failure back.
    fn forgive(&self, key: u64, now: Instant) {
        self.forgiven_at
            .entry(key)
            .and_compute_with(|entry| match entry {
                Some(entry) => match entry.into_value().checked_sub(self.limit.forgiven_every) {
                    Some(forgiven_at) if forgiven_at > now => Op::Put(forgiven_at),
                    _ => Op::Remove,
                },
                None => Op::Nop,
            });
    }

    fn clear(&self, key: u64) {
        self.forgiven_at.invalidate(&key);
    }
}

/// The addresses that one client can choose from: for IPv6 all that share the first 64 bits (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let prefix = address.to_bits() >> 64 << 64;
            std::net::Ipv6Addr::from_bits(prefix).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit {
        failures: 3,
        forgiven_every: Duration::from_secs(60),
    };
    const WRONG: Result<(), Error> = Err(Error::WrongCredentials);

    fn at(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn fail(throttle: &Throttle, account: &str, client: Option<IpAddr>) -> Result<(), Error> {
        throttle.admit(account, client)?.end(&WRONG);
        Ok(())
    }

    #[test]
    fn after_a_few_failures_one_is_forgiven_at_a_time() {
        let failures = Failures::new(LIMIT);
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(failures.add(1, start), Ok(()));
        }
        assert_eq!(failures.add(1, start), Err(Duration::from_secs(60)));
        assert_eq!(failures.add(2, start), Ok(()), "another is another");

        let later = start + Duration::from_secs(45);
        assert_eq!(failures.add(1, later), Err(Duration::from_secs(15)));
        let later = start + Duration::from_secs(60);
        assert_eq!(failures.add(1, later), Ok(()));
        assert_eq!(failures.add(1, later), Err(Duration::from_secs(60)));

        failures.forgive(1, later);
        assert_eq!(failures.add(1, later), Ok(()));
        failures.clear(1);
        for _ in 0..3 {
            assert_eq!(failures.add(1, later), Ok(()));
        }
    }

    #[test]
    fn many_attempts_at_once_count_before_they_have_ended() {
        let throttle = Throttle::new();
        let attempts: Vec<_> = std::iter::from_fn(|| throttle.admit("ada", at("192.0.2.1")).ok())
            .take(1000)
            .collect();
        assert_eq!(attempts.len(), OF_ACCOUNT_AND_ADDRESS.failures as usize);
    }

    #[test]
    fn success_is_never_throttled() {
        let throttle = Throttle::new();
        for number in 0..1000 {
            let attempt = throttle.admit("ada", at("192.0.2.1"));
            attempt
                .unwrap_or_else(|error| panic!("{number}: {error}"))
                .end(&Ok(()));
        }
    }

    #[test]
    fn what_is_not_the_guessers_fault_does_not_count() {
        let throttle = Throttle::new();
        for _ in 0..1000 {
            throttle
                .admit("ada", at("192.0.2.1"))
                .unwrap()
                .end::<()>(&Err(Error::Busy));
        }
    }

    #[test]
    fn guessing_at_one_account_leaves_its_user_alone() {
        let throttle = Throttle::new();
        while fail(&throttle, "ada", at("192.0.2.1")).is_ok() {}
        let refused = fail(&throttle, "ada", at("192.0.2.1"));
        assert!(
            matches!(refused, Err(Error::TooManyAttempts(wait)) if wait <= OF_ACCOUNT_AND_ADDRESS.forgiven_every)
        );
        assert!(
            throttle.admit("ada", at("192.0.2.2")).is_ok(),
            "the user, elsewhere"
        );
        assert!(
            throttle.admit("bob", at("192.0.2.1")).is_ok(),
            "another, beside the guesser"
        );
    }

    #[test]
    fn stuffing_from_one_address_is_slowed_down() {
        let throttle = Throttle::new();
        let tried = (0..1000)
            .take_while(|account| fail(&throttle, &account.to_string(), at("192.0.2.1")).is_ok())
            .count();
        assert_eq!(tried, OF_ADDRESS.failures as usize);
        assert!(
            throttle.admit("7", at("192.0.2.2")).is_ok(),
            "a victim, elsewhere"
        );
    }

    #[test]
    fn guessing_from_many_addresses_is_slowed_down_but_not_the_user() {
        let throttle = Throttle::new();
        let home = at("2001:db8:1:1::1");
        throttle.admit("ada", home).unwrap().end(&Ok(()));
        let address = |number: usize| at(&format!("192.0.{}.{}", number / 256, number % 256));
        let tried = (0..1000)
            .take_while(|&number| fail(&throttle, "ada", address(number)).is_ok())
            .count();
        assert_eq!(tried, OF_ACCOUNT.failures as usize);
        assert!(
            throttle.admit("ada", home).is_ok(),
            "where the user logs in from"
        );
        // The next address of the same household, or of the same machine.
        assert!(throttle.admit("ada", at("2001:db8:1:1:ffff::2")).is_ok());
    }

    #[test]
    fn a_client_is_one_address_or_half_of_one() {
        let same = |one: &str, other: &str| {
            network(one.parse().unwrap()) == network(other.parse().unwrap())
        };
        assert!(same("2001:db8::1", "2001:db8::ffff:2"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }
}
