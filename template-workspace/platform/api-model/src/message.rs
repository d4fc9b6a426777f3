//! Messages and enums: their fields, their Rust types, and their rules.

use std::collections::BTreeMap;

use proc_macro2::Ident;
use prost_reflect::{
    Cardinality, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind as ProtoKind,
    MessageDescriptor, OneofDescriptor, Value,
};

use crate::{
    comment::Comment,
    names::{self, Names, camel, snake},
    options::{self, Behavior},
    problem::Error,
    rules::Rules,
};

/// Holds any message.
pub const ANY: &str = "google.protobuf.Any";
/// Names fields.
pub const FIELD_MASK: &str = "google.protobuf.FieldMask";
/// Bytes of any content type.
pub const HTTP_BODY: &str = "google.api.HttpBody";
/// The enum of `null`.
pub const NULL_VALUE: &str = "google.protobuf.NullValue";

/// A message of the contract, or one that it uses.
pub struct Message {
    /// `users.v1.User`
    pub full_name: String,
    /// `User`
    pub name: String,
    /// Its comment in the contract.
    pub comment: Comment,
    /// Whether callers should stop using it.
    pub deprecated: bool,
    /// `None` if no crate generates the type: then every use of it is a problem.
    pub ty: Option<syn::Path>,
    /// In the order of the contract.
    pub fields: Vec<Field>,
    /// Without the synthetic oneofs of `optional` fields.
    pub oneofs: Vec<Oneof>,
    /// Rules about several fields.
    pub groups: Vec<Group>,
}

impl Message {
    /// A field by its proto name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The fields outside oneofs.
    pub fn plain_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| !field.is_member())
    }

    /// The members of a oneof, with their variants.
    pub fn members(&self, oneof: usize) -> impl Iterator<Item = (&Field, &Ident)> {
        self.fields
            .iter()
            .filter_map(move |field| match &field.shape {
                Shape::Member(of, variant) if *of == oneof => Some((field, variant)),
                _ => None,
            })
    }
}

/// A field of a message.
pub struct Field {
    /// `display_name`
    pub name: String,
    /// `displayName`
    pub json: String,
    /// Its comment in the contract.
    pub comment: Comment,
    /// `r#type`
    pub ident: Ident,
    /// The type of one value: of an element of a list, or of a value of a map.
    pub kind: Kind,
    /// How the message stores it.
    pub shape: Shape,
    /// Who sets it, and when.
    pub behavior: Behavior,
    /// Its validation rules.
    pub rules: Rules,
    /// Callers should stop using it.
    pub deprecated: bool,
    /// It must not be logged.
    pub redacted: bool,
    /// Who may see it in an answer; `None` means everybody.
    pub visible_to: Option<Visibility>,
}

/// Who may see a field in an answer: the owner, or a caller with a role.
pub struct Visibility {
    /// The string field of the same message that holds the owner's subject, by its proto name.
    pub owner: Option<String>,
    /// A caller with one of these roles.
    pub any_role: Vec<String>,
}

impl Field {
    /// Whether it is a member of a oneof.
    pub fn is_member(&self) -> bool {
        matches!(self.shape, Shape::Member(..))
    }

    /// The message type of a single field with presence.
    pub fn message(&self) -> Option<&str> {
        match (&self.kind, &self.shape) {
            (Kind::Message(name), Shape::Optional) => Some(name),
            _ => None,
        }
    }
}

/// The type of a value. The encodings of an integer size (`int32`, `sint32`, `sfixed32`) are the same type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Bool,
    String,
    Bytes,
    /// By full name.
    Enum(String),
    /// By full name.
    Message(String),
}

impl Kind {
    fn of(kind: &ProtoKind) -> Self {
        match kind {
            ProtoKind::Double => Self::Double,
            ProtoKind::Float => Self::Float,
            ProtoKind::Int32 | ProtoKind::Sint32 | ProtoKind::Sfixed32 => Self::Int32,
            ProtoKind::Int64 | ProtoKind::Sint64 | ProtoKind::Sfixed64 => Self::Int64,
            ProtoKind::Uint32 | ProtoKind::Fixed32 => Self::Uint32,
            ProtoKind::Uint64 | ProtoKind::Fixed64 => Self::Uint64,
            ProtoKind::Bool => Self::Bool,
            ProtoKind::String => Self::String,
            ProtoKind::Bytes => Self::Bytes,
            ProtoKind::Enum(kind) => Self::Enum(kind.full_name().to_owned()),
            ProtoKind::Message(kind) => Self::Message(kind.full_name().to_owned()),
        }
    }

    /// Whether it is the message of this full name.
    pub fn is(&self, message: &str) -> bool {
        matches!(self, Self::Message(name) if name == message)
    }

    /// Whether it is a message that is an object in JSON. Path variables and query parameters can only set the fields
    /// below it.
    pub fn is_object(&self) -> bool {
        matches!(self, Self::Message(name) if !is_value(name))
    }
}

/// How a message stores a field.
pub enum Shape {
    /// Always has a value; the default if it is not set.
    Value,
    /// With presence, outside oneofs.
    Optional,
    /// A list of values.
    List,
    /// A map with keys of this kind.
    Map(Kind),
    /// A member of the oneof with this index, as this variant.
    Member(usize, Ident),
}

/// Fields of which at most one is set.
pub struct Oneof {
    /// Its name in the contract.
    pub name: String,
    /// The Rust field that holds it.
    pub ident: Ident,
    /// The enum that prost generates for it.
    pub ty: Option<syn::Path>,
    /// Whether one member must be set.
    pub required: bool,
}

/// Fields of which at most one may be set, or exactly one must be.
pub struct Group {
    /// Proto names.
    pub fields: Vec<String>,
    /// Whether exactly one must be set, instead of at most one.
    pub required: bool,
}

/// An enum of the contract, or one that it uses.
pub struct Enum {
    /// `None` if no crate generates the type.
    pub ty: Option<syn::Path>,
    /// Names and numbers, in the order of the contract.
    pub values: Vec<(String, i32)>,
    /// Whether callers should stop using it.
    pub deprecated: bool,
}

impl Enum {
    /// Names that share their number with another name; prost knows only one of them.
    pub fn aliases(&self) -> impl Iterator<Item = &(String, i32)> {
        self.values.iter().filter(|(name, number)| {
            let mut others = self.values.iter().filter(|(other, _)| other != name);
            others.any(|(_, other)| other == number)
        })
    }
}

/// The messages and enums that a contract defines or uses, by full name.
#[derive(Default)]
pub struct Types {
    /// Always contains the type of every field.
    pub messages: BTreeMap<String, Message>,
    /// Likewise for enums.
    pub enums: BTreeMap<String, Enum>,
}

impl Types {
    /// Adds a message and everything that it uses.
    pub fn add(&mut self, message: &MessageDescriptor, names: &Names, problems: &mut Error) {
        if self.messages.contains_key(message.full_name()) {
            return;
        }
        let reader = Reader { names, problems };
        let read = reader.message(message);
        self.messages.insert(read.full_name.clone(), read);
        for field in message.fields() {
            self.add_kind(&field.kind(), names, problems);
        }
    }

    fn add_kind(&mut self, kind: &ProtoKind, names: &Names, problems: &mut Error) {
        match kind {
            ProtoKind::Message(entry) if entry.is_map_entry() => {
                self.add_kind(&entry.map_entry_value_field().kind(), names, problems);
            }
            ProtoKind::Message(message) => self.add(message, names, problems),
            ProtoKind::Enum(values) => self.add_enum(values, names),
            _ => (),
        }
    }

    /// Adds an enum.
    pub fn add_enum(&mut self, values: &EnumDescriptor, names: &Names) {
        let entry = self.enums.entry(values.full_name().to_owned());
        entry.or_insert_with(|| Enum {
            ty: names.ty(values.full_name()),
            values: values
                .values()
                .map(|value| (value.name().to_owned(), value.number()))
                .collect(),
            deprecated: options::is_true(&values.options(), "deprecated"),
        });
    }

    /// Whether a message satisfies `wanted`, or contains one that does at any depth.
    pub fn reaches(&self, message: &str, wanted: &impl Fn(&Message) -> bool) -> bool {
        self.search(message, wanted, &mut Vec::new())
    }

    fn search<'a>(
        &'a self,
        message: &'a str,
        wanted: &impl Fn(&Message) -> bool,
        seen: &mut Vec<&'a str>,
    ) -> bool {
        let Some(found) = self
            .messages
            .get(message)
            .filter(|_| !seen.contains(&message))
        else {
            return false;
        };
        seen.push(message);
        wanted(found)
            || found.fields.iter().any(|field| match &field.kind {
                Kind::Message(inner) => self.search(inner, wanted, seen),
                _ => false,
            })
    }
}

struct Reader<'a> {
    names: &'a Names,
    problems: &'a mut Error,
}

impl Reader<'_> {
    fn message(mut self, message: &MessageDescriptor) -> Message {
        let oneofs: Vec<OneofDescriptor> = message
            .oneofs()
            .filter(|oneof| !oneof.is_synthetic())
            .collect();
        Message {
            full_name: message.full_name().to_owned(),
            name: message.name().to_owned(),
            comment: Comment::of(&message.parent_file(), message.path()),
            deprecated: options::is_true(&message.options(), "deprecated"),
            ty: self.names.ty(message.full_name()),
            fields: message
                .fields()
                .map(|field| self.field(&field, &oneofs))
                .collect(),
            oneofs: oneofs.iter().map(|oneof| self.oneof(oneof)).collect(),
            groups: self.groups(message),
        }
    }

    fn field(&mut self, field: &FieldDescriptor, oneofs: &[OneofDescriptor]) -> Field {
        let is_required = field.cardinality() == Cardinality::Required;
        let (kind, shape) = match field.kind() {
            ProtoKind::Message(entry) if field.is_map() => (
                entry.map_entry_value_field().kind(),
                Shape::Map(Kind::of(&entry.map_entry_key_field().kind())),
            ),
            kind if field.is_list() => (kind, Shape::List),
            kind => {
                let oneof = real_oneof(field);
                let place = oneof.and_then(|oneof| oneofs.iter().position(|one| *one == oneof));
                let shape = match place {
                    Some(place) => Shape::Member(place, camel(field.name())),
                    // prost stores a `required` field of proto2 like one that always has a value.
                    None if field.supports_presence() && !is_required => Shape::Optional,
                    None => Shape::Value,
                };
                (kind, shape)
            }
        };
        Field {
            name: field.name().to_owned(),
            json: field.json_name().to_owned(),
            comment: Comment::of(&field.parent_file(), field.path()),
            ident: names::field(field),
            kind: Kind::of(&kind),
            shape,
            behavior: options::behavior(field),
            rules: Rules::of(field, self.problems),
            deprecated: options::is_true(&field.options(), "deprecated"),
            redacted: options::is_true(&field.options(), "debug_redact"),
            visible_to: self.visibility(field),
        }
    }

    fn visibility(&mut self, field: &FieldDescriptor) -> Option<Visibility> {
        let pool = field.parent_pool();
        let set = options::message(pool, &field.options(), "platform.v1.visible_to")?;
        let (owner, any_role) = (
            options::text(&set, "owner"),
            options::texts(&set, "any_role"),
        );
        let holds_subject = |name: &String| {
            let owner = field.parent_message().get_field_by_name(name);
            owner.is_some_and(|owner| {
                owner.kind() == ProtoKind::String
                    && !owner.is_list()
                    && real_oneof(&owner).is_none()
            })
        };
        let problem = if owner.is_none() && any_role.is_empty() {
            Some("say who sees it: `owner`, `any_role` or both".to_owned())
        } else if let Some(owner) = owner.as_ref().filter(|owner| !holds_subject(owner)) {
            let message = field.parent_message();
            Some(format!("owner: {} has no string {owner:?}", message.name()))
        } else if !field.supports_presence() && !field.is_list() && !field.is_map() {
            Some("write `optional` before it, or hidden would look like empty".to_owned())
        } else {
            None
        };
        if let Some(problem) = problem {
            let problem = format!("platform.v1.visible_to of {}: {problem}", field.name());
            self.problems
                .add(&field.parent_file(), field.path(), problem);
        }
        Some(Visibility { owner, any_role })
    }

    fn oneof(&self, oneof: &OneofDescriptor) -> Oneof {
        let rules = options::message(oneof.parent_pool(), &oneof.options(), "buf.validate.oneof");
        Oneof {
            name: oneof.name().to_owned(),
            ident: snake(oneof.name()),
            ty: self.names.oneof(oneof),
            required: rules.is_some_and(|rules| options::is_true(&rules, "required")),
        }
    }

    fn groups(&mut self, message: &MessageDescriptor) -> Vec<Group> {
        let (pool, set) = (message.parent_pool(), message.options());
        let rules = options::message(pool, &set, "buf.validate.message");
        let mut groups = Vec::new();
        for (rule, value) in rules.iter().flat_map(DynamicMessage::fields) {
            if rule.name() != "oneof" {
                self.problems.add(
                    &message.parent_file(),
                    message.path(),
                    format_args!(
                        "buf.validate rule `{}` is not enforced by this build: check it in biz, and delete it here",
                        rule.name()
                    ),
                );
                continue;
            }
            let listed = value.as_list().into_iter().flatten();
            for group in listed.filter_map(Value::as_message) {
                let fields = options::texts(group, "fields");
                let unknown = fields
                    .iter()
                    .filter(|name| message.get_field_by_name(name).is_none());
                for name in unknown {
                    self.problems.add(
                        &message.parent_file(),
                        message.path(),
                        format_args!("buf.validate oneof names `{name}`, which is no field here"),
                    );
                }
                groups.push(Group {
                    required: options::is_true(group, "required"),
                    fields,
                });
            }
        }
        groups
    }
}

/// Whether a message is a single value in JSON, which a path variable or query parameter can set.
pub fn is_value(message: &str) -> bool {
    let name = message.strip_prefix("google.protobuf.");
    name.is_some_and(|name| {
        name.ends_with("Value") && !matches!(name, "Value" | "ListValue")
            || matches!(name, "Timestamp" | "Duration" | "FieldMask")
    })
}

/// Whether a path variable or query parameter can set fields of a message that is an object in JSON.
pub fn has_settable_fields(message: &str) -> bool {
    let name = message.strip_prefix("google.protobuf.");
    let is_whole =
        name.is_some_and(|name| matches!(name, "Any" | "Empty" | "ListValue" | "Struct" | "Value"));
    message != HTTP_BODY && !is_whole
}

/// The oneof of a field, unless it is the synthetic one of an `optional` field.
pub fn real_oneof(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    field
        .containing_oneof()
        .filter(|oneof| !oneof.is_synthetic())
}
