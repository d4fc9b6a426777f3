use rust_decimal::Decimal as Number;
use serde::{Serializer, de::MapAccess};

use super::form::Invalid;
use crate::json::{self, Fields, Object, Str};

/// `google.type.Decimal`; in JSON `{"value": "12.5"}`. Up to 12 digits before and 6 after the point.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Decimal {
    #[prost(string, tag = "1")]
    pub value: String,
}

/// The precision of the database columns: NUMERIC(18, 6).
const SCALE: u32 = 6;
const LIMIT: i64 = 1_000_000_000_000;

impl Decimal {
    /// # Errors
    /// When the text is not a decimal, or has more digits than the databases store.
    pub fn number(&self) -> Result<Number, Invalid> {
        let invalid = || {
            Invalid(
                "must be a decimal such as 12.5, of at most 12 digits before and 6 after the point"
                    .to_owned(),
            )
        };
        let text = self.value.as_str();
        // The library also accepts `1_000`. Long texts are refused before they cost anything.
        if text.len() > 64 || text.contains('_') {
            return Err(invalid());
        }
        let number = if text.contains(['e', 'E']) {
            Number::from_scientific(text).map_err(|_| invalid())?
        } else {
            Number::from_str_exact(text).map_err(|_| invalid())?
        };
        let number = number.normalize();
        if number.scale() > SCALE || number.abs() >= Number::from(LIMIT) {
            return Err(invalid());
        }
        Ok(number)
    }
}

impl Fields for Decimal {
    const NAMES: &'static [&'static str] = &["value"];

    fn write<S: Serializer>(&self, object: &mut Object<S>) -> Result<(), S::Error> {
        object.value::<Str>("value", &self.value)
    }

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
    ) -> Result<Option<usize>, A::Error> {
        if name != "value" {
            return Ok(None);
        }
        json::value::<Str, A>(map, &mut self.value)?;
        Ok(Some(0))
    }
}

crate::json_message!(Decimal);

impl From<Number> for Decimal {
    fn from(number: Number) -> Self {
        Self {
            value: number.normalize().to_string(),
        }
    }
}

impl TryFrom<Decimal> for Number {
    type Error = Invalid;

    fn try_from(decimal: Decimal) -> Result<Self, Invalid> {
        decimal.number()
    }
}
