use chrono::{Datelike, NaiveDate};

use super::form::Invalid;
use crate::json::{self, Fields, I32, Object};
use serde::{Serializer, de::MapAccess};

/// `google.type.Date`, here always a full date; in JSON `{"year": 2026, "month": 1, "day": 31}`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Date {
    /// 1 to 9999
    #[prost(int32, tag = "1")]
    pub year: i32,
    /// 1 to 12
    #[prost(int32, tag = "2")]
    pub month: i32,
    /// 1 to 31
    #[prost(int32, tag = "3")]
    pub day: i32,
}

impl Date {
    /// # Errors
    /// When the calendar has no such day.
    pub fn valid(self) -> Result<(), Invalid> {
        NaiveDate::try_from(self).map(drop)
    }
}

impl Fields for Date {
    const NAMES: &'static [&'static str] = &["year", "month", "day"];

    fn write<S: Serializer>(&self, object: &mut Object<S>) -> Result<(), S::Error> {
        object.value::<I32>("year", &self.year)?;
        object.value::<I32>("month", &self.month)?;
        object.value::<I32>("day", &self.day)
    }

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
    ) -> Result<Option<usize>, A::Error> {
        let (field, place) = match name {
            "year" => (&mut self.year, 0),
            "month" => (&mut self.month, 1),
            "day" => (&mut self.day, 2),
            _ => return Ok(None),
        };
        json::value::<I32, A>(map, field)?;
        Ok(Some(place))
    }
}

crate::json_message!(Date);

impl From<NaiveDate> for Date {
    fn from(date: NaiveDate) -> Self {
        Self {
            year: date.year(),
            month: date.month() as i32,
            day: date.day() as i32,
        }
    }
}

impl TryFrom<Date> for NaiveDate {
    type Error = Invalid;

    fn try_from(date: Date) -> Result<Self, Invalid> {
        let day = match (u32::try_from(date.month), u32::try_from(date.day)) {
            (Ok(month), Ok(day)) if (1..=9999).contains(&date.year) => {
                NaiveDate::from_ymd_opt(date.year, month, day)
            }
            _ => None,
        };
        day.ok_or_else(|| {
            Invalid("must be a day of the calendar with year, month and day".to_owned())
        })
    }
}
