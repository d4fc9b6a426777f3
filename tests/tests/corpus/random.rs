//! Random contracts: any shape of services, messages, enums and options, with the names that are bad in Rust, in the
//! libraries that the generated code uses, or in JSON.

use std::{collections::BTreeSet, fmt::Write};

use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

const WORDS: &[&str] = &[
    // Rust
    "Self",
    "self",
    "super",
    "crate",
    "type",
    "match",
    "async",
    "gen",
    "dyn",
    "Option",
    "Some",
    "None",
    "Result",
    "Ok",
    "Err",
    "Box",
    "Vec",
    "String",
    "Default",
    "Send",
    "Clone",
    "Into",
    "TryInto",
    "Iterator",
    "usize",
    "str",
    "core",
    "std",
    "alloc",
    "fmt",
    "vec",
    // prost, tonic, axum, ours
    "Message",
    "Oneof",
    "Enumeration",
    "Service",
    "Body",
    "Arc",
    "Context",
    "StdError",
    "Streaming",
    "Request",
    "Router",
    "Connect",
    "New",
    "WithOrigin",
    "WithInterceptor",
    "SendCompressed",
    "Call",
    "Errors",
    "Names",
    "Path",
    "Violations",
    "T",
    "S",
    "B",
    "F",
    "ApiRuntime",
    "Wkt",
    "tonic",
    "prost",
    "http",
    "DESCRIPTOR_SET",
    // JSON, and how words are joined
    "at_type",
    "value",
    "null",
    "key",
    "fooBar",
    "foo_bar",
    "FOO_BAR",
    "HTTPServer",
    "HttpServer",
    "A1",
    "a_1",
    "A__B",
    "ThingServer",
    "ThingClient",
    "CheckedThing",
    "Thing",
    "thing_server",
    "kind",
    "Kind",
    "OneOf",
    "KindOneOf",
];

const VALUES: &[&str] = &[
    "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32",
    "fixed64", "sfixed32", "sfixed64", "bool", "string", "bytes",
];

const KNOWN: &[&str] = &[
    "Any",
    "BoolValue",
    "BytesValue",
    "DoubleValue",
    "Duration",
    "Empty",
    "FieldMask",
    "FloatValue",
    "Int32Value",
    "Int64Value",
    "ListValue",
    "NullValue",
    "StringValue",
    "Struct",
    "Timestamp",
    "Type",
    "UInt32Value",
    "UInt64Value",
    "Value",
];

/// The full name of a message, and the names of its fields.
type Type = (String, Vec<&'static str>);

#[derive(Clone, Debug)]
enum Label {
    Plain,
    Optional,
    Repeated,
    Map(&'static str),
    /// In the oneof with this number.
    Member(usize),
}

#[derive(Clone, Debug)]
struct Field {
    name: &'static str,
    label: Label,
    /// A scalar, a well-known type, or the type with this number.
    ty: (usize, &'static str, prop::sample::Index),
    options: Vec<&'static str>,
}

#[derive(Clone, Debug)]
struct Message {
    name: &'static str,
    fields: Vec<Field>,
    oneofs: [&'static str; 2],
    enums: Vec<(&'static str, Vec<&'static str>)>,
    nested: Vec<Message>,
    deprecated: bool,
}

#[derive(Clone, Debug)]
struct Rpc {
    name: &'static str,
    types: [prop::sample::Index; 2],
    streams: [bool; 2],
    binding: usize,
    field: prop::sample::Index,
    deprecated: bool,
}

#[derive(Clone, Debug)]
pub struct Contract {
    messages: Vec<Message>,
    services: Vec<(&'static str, Vec<Rpc>)>,
    reasons: Vec<&'static str>,
    /// Whether it imports the contract before it.
    imports: bool,
}

fn field() -> impl Strategy<Value = Field> {
    let key = select(&["int32", "int64", "uint64", "sfixed32", "bool", "string"][..]);
    let label = prop_oneof![
        Just(Label::Plain),
        Just(Label::Optional),
        Just(Label::Repeated),
        key.prop_map(Label::Map),
        (0usize..2).prop_map(Label::Member),
    ];
    let ty = prop_oneof![
        (Just(0), select(VALUES), any::<prop::sample::Index>()),
        (Just(1), select(KNOWN), any::<prop::sample::Index>()),
        (Just(2), Just(""), any::<prop::sample::Index>()),
    ];
    let options = [
        "deprecated = true",
        "debug_redact = true",
        "(google.api.field_behavior) = REQUIRED",
        "(google.api.field_behavior) = OUTPUT_ONLY",
        "(google.api.field_behavior) = IMMUTABLE",
        "(google.api.field_behavior) = IDENTIFIER",
        "(platform.v1.visible_to).any_role = \"admin\"",
        "(buf.validate.field).required = true",
        "json_name = \"a.b\"",
        "json_name = \"@type\"",
    ];
    let options = vec(select(options.to_vec()), 0..2);
    (select(WORDS), label, ty, options).prop_map(|(name, label, ty, mut options)| {
        if matches!(label, Label::Plain) {
            // Hidden would look like empty.
            options.retain(|option| !option.contains("visible_to"));
        }
        Field {
            name,
            label,
            ty,
            options,
        }
    })
}

fn message() -> impl Strategy<Value = Message> {
    let values = vec(select(WORDS), 1..4);
    let leaf = (
        select(WORDS),
        vec(field(), 0..6),
        [select(WORDS), select(WORDS)],
        vec((select(WORDS), values), 0..2),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(name, fields, oneofs, enums, deprecated)| Message {
            name,
            fields,
            oneofs,
            enums,
            nested: Vec::new(),
            deprecated,
        });
    leaf.prop_recursive(2, 6, 2, |inner| {
        (inner.clone(), vec(inner, 0..3)).prop_map(|(outer, nested)| Message { nested, ..outer })
    })
}

fn contract() -> impl Strategy<Value = Contract> {
    let rpc = (
        select(WORDS),
        [any::<prop::sample::Index>(), any::<prop::sample::Index>()],
        [prop::bool::weighted(0.2), prop::bool::weighted(0.2)],
        0usize..7,
        any::<prop::sample::Index>(),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(name, types, streams, binding, field, deprecated)| Rpc {
            name,
            types,
            streams,
            binding,
            field,
            deprecated,
        });
    (
        vec(message(), 1..4),
        vec((select(WORDS), vec(rpc, 0..4)), 0..3),
        vec(select(WORDS), 0..3),
        prop::bool::weighted(0.3),
    )
        .prop_map(|(messages, services, reasons, imports)| Contract {
            messages,
            services,
            reasons,
            imports,
        })
}

/// So many contracts, the same ones for the same seed.
pub fn contracts(seed: u64, count: usize) -> Vec<Contract> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = contract();
    (0..count)
        .map(|_| {
            strategy
                .new_tree(&mut runner)
                .expect("nothing is filtered")
                .current()
        })
        .collect()
}

/// The names that are taken in a scope. What protobuf itself would refuse is left out, or little would be left to test.
#[derive(Default)]
struct Scope(BTreeSet<String>);

impl Scope {
    fn take(&mut self, name: &str) -> bool {
        self.0.insert(name.to_owned())
    }

    /// Names that differ only in how words are joined are one name in JSON.
    fn take_in_json(&mut self, name: &str) -> bool {
        self.take(&name.replace('_', "").to_lowercase())
    }
}

impl Contract {
    /// The text of `<name>/v1/<name>.proto`. `before` is the contract that it may import, with one of its messages.
    pub fn proto(&self, name: &str, before: Option<(&str, &str)>) -> String {
        let before = before.filter(|_| self.imports);
        let mut text = format!("syntax = \"proto3\";\npackage {name}.v1;\n");
        let known = [
            "any",
            "duration",
            "empty",
            "field_mask",
            "struct",
            "timestamp",
            "type",
            "wrappers",
        ];
        for import in known {
            writeln!(text, "import \"google/protobuf/{import}.proto\";").unwrap();
        }
        text += "import \"buf/validate/validate.proto\";\nimport \"google/api/annotations.proto\";\n\
                 import \"google/api/field_behavior.proto\";\nimport \"google/rpc/error_details.proto\";\n\
                 import \"platform/v1/options.proto\";\nimport \"platform/v1/policy.proto\";\n";
        if let Some((other, _)) = before {
            writeln!(text, "import \"{other}/v1/{other}.proto\";").unwrap();
        }
        let mut types = vec![(
            ".google.rpc.BadRequest".to_owned(),
            vec!["field_violations"],
        )];
        types.extend(before.map(|(other, message)| (format!(".{other}.v1.{message}"), Vec::new())));
        let mut scope = Scope::default();
        let messages: Vec<_> = self
            .messages
            .iter()
            .filter(|message| scope.take(message.name))
            .collect();
        for message in &messages {
            message.types(&format!(".{name}.v1"), &mut types);
        }
        for message in messages {
            message.write(&types, &mut text, "");
        }
        for (index, (service, rpcs)) in self.services.iter().enumerate() {
            if !scope.take(service) {
                continue;
            }
            writeln!(text, "service {service} {{").unwrap();
            let mut methods = Scope::default();
            for rpc in rpcs.iter().filter(|rpc| methods.take(rpc.name)) {
                let types = rpc.types.map(|ty| ty.get(&types));
                rpc.write(types, index, &mut text);
            }
            text += "}\n";
        }
        if scope.take("ThingErrorReason") {
            text += "enum ThingErrorReason {\n  THING_ERROR_REASON_UNSPECIFIED = 0;\n";
            for (index, reason) in self
                .reasons
                .iter()
                .filter(|reason| scope.take(&format!("reason {reason}")))
                .enumerate()
            {
                writeln!(text, "  THING_ERROR_REASON_{reason} = {};", index + 1).unwrap();
            }
            text += "}\n";
        }
        text
    }

    /// The name of a message of its own.
    pub fn first_message(&self) -> &'static str {
        self.messages[0].name
    }
}

impl Message {
    /// The names of nested types of which only the first is declared.
    fn nested(
        &self,
    ) -> (
        Vec<&Message>,
        Vec<&(&'static str, Vec<&'static str>)>,
        Scope,
    ) {
        let mut scope = Scope::default();
        let nested = self
            .nested
            .iter()
            .filter(|nested| scope.take(nested.name))
            .collect();
        let enums = self
            .enums
            .iter()
            .filter(|(name, _)| scope.take(name))
            .collect();
        (nested, enums, scope)
    }

    fn types(&self, above: &str, types: &mut Vec<Type>) {
        let name = format!("{above}.{}", self.name);
        let (nested, ..) = self.nested();
        nested.iter().for_each(|nested| nested.types(&name, types));
        types.push((name, self.fields.iter().map(|field| field.name).collect()));
    }

    fn write(&self, types: &[Type], text: &mut String, indent: &str) {
        writeln!(text, "{indent}message {} {{", self.name).unwrap();
        if self.deprecated {
            writeln!(text, "{indent}  option deprecated = true;").unwrap();
        }
        let (nested, enums, mut scope) = self.nested();
        for message in nested {
            message.write(types, text, &format!("{indent}  "));
        }
        for (name, values) in enums {
            writeln!(text, "{indent}  enum {name} {{").unwrap();
            let values = values.iter().filter(|value| scope.take(value));
            let values: Vec<String> = values.map(|value| (*value).to_owned()).collect();
            // An enum has a value, and the values of enums beside each other have different names.
            let first = values.is_empty().then(|| format!("ZERO_{name}"));
            for (number, value) in first.into_iter().chain(values).enumerate() {
                writeln!(text, "{indent}    {value} = {number};").unwrap();
            }
            writeln!(text, "{indent}  }}").unwrap();
        }
        let mut names = Scope::default();
        let fields: Vec<_> = self
            .fields
            .iter()
            .filter(|field| scope.take(field.name) && names.take_in_json(field.name))
            .enumerate()
            .collect();
        for (index, field) in &fields {
            if !matches!(field.label, Label::Member(_)) {
                field.write(*index, types, text, indent);
            }
        }
        for (number, oneof) in self.oneofs.iter().enumerate() {
            let is_member =
                |field: &Field| matches!(field.label, Label::Member(of) if of == number);
            let members: Vec<_> = fields
                .iter()
                .filter(|(_, field)| is_member(field))
                .collect();
            if members.is_empty() {
                continue;
            }
            // Within a message, a oneof has a name of its own.
            let oneof = if scope.take(oneof) {
                (*oneof).to_owned()
            } else {
                format!("{oneof}_of_{number}")
            };
            writeln!(text, "{indent}  oneof {oneof} {{").unwrap();
            for (index, field) in members {
                field.write(*index, types, text, indent);
            }
            writeln!(text, "{indent}  }}").unwrap();
        }
        writeln!(text, "{indent}}}").unwrap();
    }
}

impl Field {
    fn write(&self, index: usize, types: &[Type], text: &mut String, indent: &str) {
        let (kind, named, of_types) = &self.ty;
        let ty = match kind {
            0 => (*named).to_owned(),
            1 => format!(".google.protobuf.{named}"),
            _ => of_types.get(types).0.clone(),
        };
        let ty = match &self.label {
            Label::Plain | Label::Member(_) => ty,
            Label::Optional => format!("optional {ty}"),
            Label::Repeated => format!("repeated {ty}"),
            Label::Map(key) => format!("map<{key}, {ty}>"),
        };
        let options = match self.options.is_empty() {
            true => String::new(),
            false => format!(" [{}]", self.options.join(", ")),
        };
        writeln!(
            text,
            "{indent}    {ty} {} = {}{options};",
            self.name,
            index + 1
        )
        .unwrap();
    }
}

impl Rpc {
    fn write(&self, [input, output]: [&Type; 2], service: usize, text: &mut String) {
        let stream = |streams: bool| if streams { "stream " } else { "" };
        let path = format!("/v1/{service}/{}", self.name);
        let field = |(_, fields): &Type| match fields.is_empty() {
            true => "nothing",
            false => *self.field.get(fields),
        };
        let (given, answered) = (field(input), field(output));
        let binding = match self.binding {
            _ if self.streams[0] => String::new(),
            0 => String::new(),
            1 => format!("get: \"{path}\""),
            2 => format!("post: \"{path}\" body: \"*\""),
            3 => format!("put: \"{path}\" body: \"{given}\""),
            4 => format!("get: \"{path}/{{{given}}}\""),
            5 => format!("post: \"{path}\" body: \"*\" response_body: \"{answered}\""),
            _ => format!(
                "post: \"{path}\" body: \"*\" additional_bindings {{ get: \"{path}/{{{given}=**}}\" }}"
            ),
        };
        let binding = match binding.is_empty() {
            true => binding,
            false => format!(" option (google.api.http) = {{ {binding} }};"),
        };
        let deprecated = if self.deprecated {
            " option deprecated = true;"
        } else {
            ""
        };
        writeln!(
            text,
            "  rpc {}({}{}) returns ({}{}) {{{deprecated} option (platform.v1.policy) = {{access: ACCESS_PUBLIC}};{binding} }}",
            self.name,
            stream(self.streams[0]),
            input.0,
            stream(self.streams[1]),
            output.0,
        )
        .unwrap();
    }
}
