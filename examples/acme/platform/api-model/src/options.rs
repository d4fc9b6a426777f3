//! Options of descriptors, and the fields of message options.

use prost_reflect::{DescriptorPool, DynamicMessage, EnumValueDescriptor, FieldDescriptor, Value};

/// The value of an extension, if it is set.
pub fn extension(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> Option<Value> {
    let extension = pool.get_extension_by_name(name)?;
    options
        .has_extension(&extension)
        .then(|| options.get_extension(&extension).into_owned())
}

/// The value of an extension that is a message.
pub fn message(
    pool: &DescriptorPool,
    options: &DynamicMessage,
    name: &str,
) -> Option<DynamicMessage> {
    match extension(pool, options, name)? {
        Value::Message(message) => Some(message),
        _ => None,
    }
}

/// `google.api.field_behavior` of a field (AIP-203).
#[derive(Clone, Copy, Default)]
pub struct Behavior {
    /// A request must set it.
    pub required: bool,
    /// Only the server sets it.
    pub output_only: bool,
    /// It is in no answer.
    pub input_only: bool,
    /// It is the id of the resource: the server sets it once, and it never changes.
    pub identifier: bool,
    /// It is set when the resource is created, and never changes.
    pub immutable: bool,
}

pub fn behavior(field: &FieldDescriptor) -> Behavior {
    let options = field.options();
    let values = extension(field.parent_pool(), &options, "google.api.field_behavior");
    let mut behavior = Behavior::default();
    for value in values.iter().filter_map(Value::as_list).flatten() {
        match value.as_enum_number() {
            Some(2) => behavior.required = true,
            Some(3) => behavior.output_only = true,
            Some(4) => behavior.input_only = true,
            Some(5) => behavior.immutable = true,
            Some(8) => behavior.identifier = true,
            _ => (),
        }
    }
    behavior
}

/// The `google.rpc.Code` of an error reason.
pub fn code(value: &EnumValueDescriptor) -> Option<i32> {
    extension(value.parent_pool(), &value.options(), "platform.v1.code")?.as_enum_number()
}

/// The text of a field, if it is not empty.
pub fn text(message: &DynamicMessage, field: &str) -> Option<String> {
    let value = message.get_field_by_name(field)?;
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// The texts of a repeated field.
pub fn texts(message: &DynamicMessage, field: &str) -> Vec<String> {
    let values = message.get_field_by_name(field);
    let values = values
        .iter()
        .filter_map(|values| values.as_list())
        .flatten();
    values
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// Whether a field is set and true.
pub fn is_true(message: &DynamicMessage, field: &str) -> bool {
    message
        .get_field_by_name(field)
        .is_some_and(|value| value.as_bool() == Some(true))
}
