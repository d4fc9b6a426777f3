//! The well-known types with their own JSON forms, and the values of `google.type` that resources use.

mod any;
mod date;
mod decimal;
mod details;
mod duration;
mod empty;
mod field_mask;
mod form;
mod structs;
#[cfg(test)]
mod tests;
mod timestamp;
mod wrappers;

pub use any::{Any, AnyType, HttpBody, Status, register};
pub use date::Date;
pub use decimal::Decimal;
pub use duration::Duration;
pub use empty::Empty;
pub use field_mask::FieldMask;
pub use form::Invalid;
pub use structs::{ListValue, NullValue, Struct, Value, value};
pub use timestamp::Timestamp;
pub use wrappers::{
    BoolValue, BytesValue, DoubleValue, FloatValue, Int32Value, Int64Value, StringValue,
    UInt32Value, UInt64Value,
};
