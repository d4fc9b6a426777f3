use chrono::{DateTime, Datelike, NaiveDateTime, Timelike, Utc};

use super::form::{Invalid, json_text};

/// `google.protobuf.Timestamp`; in JSON `2026-01-31T12:00:00.000001Z`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Timestamp {
    /// Since 1970-01-01T00:00:00Z.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// 0 to 999 999 999, even before 1970.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// The years 1 to 9999.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

impl Timestamp {
    /// Written digit by digit, because chrono's formatting takes five times as long, and most answers have times.
    fn to_text(self) -> Result<String, Invalid> {
        let time = DateTime::try_from(self)?.naive_utc();
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        let parts = [
            (0..4, time.year().unsigned_abs()),
            (5..7, time.month()),
            (8..10, time.day()),
            (11..13, time.hour()),
            (14..16, time.minute()),
            (17..19, time.second()),
            (20..29, time.nanosecond()),
        ];
        for (place, mut number) in parts {
            for digit in text[place].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        // 0, 3, 6 or 9 digits of a second, as few as possible.
        let end = match self.nanos {
            0 => 19,
            nanos if nanos % 1_000_000 == 0 => 23,
            nanos if nanos % 1_000 == 0 => 26,
            _ => 29,
        };
        text[end] = b'Z';
        let text = str::from_utf8(&text[..=end]).unwrap_or_default();
        Ok(text.to_owned())
    }

    fn from_text(text: &str) -> Result<Self, Invalid> {
        let expected = || Invalid("expected a time such as 2026-01-31T12:00:00Z".to_owned());
        // chrono also accepts a space between date and time, `z`, a leap second, and truncates below a nanosecond;
        // proto3 JSON allows none of this.
        let bytes = text.as_bytes();
        let digits = text.split_once('.').map_or(0, |(_, fraction)| {
            fraction.bytes().take_while(u8::is_ascii_digit).count()
        });
        if bytes.get(10) != Some(&b'T')
            || bytes.get(17..19) == Some(b"60")
            || bytes.last() == Some(&b'z')
            || digits > 9
        {
            return Err(expected());
        }
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| expected())?;
        let timestamp = Self::from(time.with_timezone(&Utc));
        timestamp.valid()?;
        Ok(timestamp)
    }

    /// # Errors
    /// When the time is not in the years 1 to 9999.
    pub fn valid(self) -> Result<(), Invalid> {
        if RANGE.contains(&self.seconds) && (0..1_000_000_000).contains(&self.nanos) {
            Ok(())
        } else {
            Err(Invalid("must be a time in the years 1 to 9999".to_owned()))
        }
    }
}

json_text!(Timestamp);

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self {
            seconds: time.timestamp(),
            nanos: time.timestamp_subsec_nanos() as i32,
        }
    }
}

impl TryFrom<Timestamp> for DateTime<Utc> {
    type Error = Invalid;

    fn try_from(timestamp: Timestamp) -> Result<Self, Invalid> {
        timestamp.valid()?;
        DateTime::from_timestamp(timestamp.seconds, timestamp.nanos as u32)
            .ok_or_else(|| Invalid("must be a time in the years 1 to 9999".to_owned()))
    }
}

impl From<NaiveDateTime> for Timestamp {
    fn from(time: NaiveDateTime) -> Self {
        time.and_utc().into()
    }
}
