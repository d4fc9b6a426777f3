use super::form::{Invalid, json_text};

/// `google.protobuf.Duration`; in JSON `1.5s`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Duration {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Has the same sign as `seconds`.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// About 10 000 years.
const LIMIT: i64 = 315_576_000_000;

impl Duration {
    fn to_text(self) -> Result<String, Invalid> {
        self.valid()?;
        let sign = if self.seconds < 0 || self.nanos < 0 {
            "-"
        } else {
            ""
        };
        let (seconds, nanos) = (self.seconds.unsigned_abs(), self.nanos.unsigned_abs());
        let fraction = match nanos {
            0 => String::new(),
            n if n % 1_000_000 == 0 => format!(".{:03}", n / 1_000_000),
            n if n % 1_000 == 0 => format!(".{:06}", n / 1_000),
            n => format!(".{n:09}"),
        };
        Ok(format!("{sign}{seconds}{fraction}s"))
    }

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let expected = || Invalid("expected a duration in seconds such as 1.5s".to_owned());
        let number = text.strip_suffix('s').ok_or_else(expected)?;
        let (negative, number) = match number.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, number),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let digits =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
            return Err(expected());
        }
        let seconds: i64 = whole.parse().map_err(|_| expected())?;
        let nanos: i32 = format!("{fraction:0<9}").parse().map_err(|_| expected())?;
        let sign = if negative { -1 } else { 1 };
        let duration = Self {
            seconds: seconds * sign,
            nanos: nanos * sign as i32,
        };
        duration.valid()?;
        Ok(duration)
    }

    /// # Errors
    /// When protobuf does not allow the duration: more than 10,000 years, or seconds and nanoseconds of different
    /// signs.
    pub fn valid(self) -> Result<(), Invalid> {
        let one_sign = self.seconds == 0
            || self.nanos == 0
            || self.seconds.is_negative() == self.nanos.is_negative();
        if self.seconds.unsigned_abs() <= LIMIT.unsigned_abs()
            && self.nanos.unsigned_abs() < 1_000_000_000
            && one_sign
        {
            Ok(())
        } else {
            Err(Invalid(
                "must be a duration of at most 10000 years, its parts of one sign".to_owned(),
            ))
        }
    }
}

json_text!(Duration);

impl TryFrom<Duration> for std::time::Duration {
    type Error = Invalid;

    fn try_from(duration: Duration) -> Result<Self, Invalid> {
        duration.valid()?;
        match (
            u64::try_from(duration.seconds),
            u32::try_from(duration.nanos),
        ) {
            (Ok(seconds), Ok(nanos)) => Ok(Self::new(seconds, nanos)),
            _ => Err(Invalid("must not be negative".to_owned())),
        }
    }
}

impl From<std::time::Duration> for Duration {
    fn from(duration: std::time::Duration) -> Self {
        let seconds = i64::try_from(duration.as_secs())
            .unwrap_or(LIMIT)
            .min(LIMIT);
        Self {
            seconds,
            nanos: duration.subsec_nanos() as i32,
        }
    }
}
