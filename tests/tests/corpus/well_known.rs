//! Each type of protobuf in each place where a contract can have it.

use std::fmt::Write;

/// Messages that are one value in JSON, so that a path can hold them.
const VALUES: &[&str] = &[
    "BoolValue",
    "BytesValue",
    "DoubleValue",
    "Duration",
    "FieldMask",
    "FloatValue",
    "Int32Value",
    "Int64Value",
    "StringValue",
    "Timestamp",
    "UInt32Value",
    "UInt64Value",
];

const MESSAGES: &[&str] = &[
    "Any",
    "Api",
    "DescriptorProto",
    "Empty",
    "Enum",
    "EnumDescriptorProto",
    "EnumValue",
    "Field",
    "FieldDescriptorProto",
    "FileDescriptorProto",
    "FileDescriptorSet",
    "FileOptions",
    "ListValue",
    "Method",
    "Mixin",
    "Option",
    "SourceCodeInfo.Location",
    "SourceContext",
    "Struct",
    "Type",
    "UninterpretedOption.NamePart",
    "Value",
];

const ENUMS: &[&str] = &["Field.Kind", "NullValue", "Syntax"];

const IMPORTS: &[&str] = &[
    "any",
    "api",
    "descriptor",
    "duration",
    "empty",
    "field_mask",
    "source_context",
    "struct",
    "timestamp",
    "type",
    "wrappers",
];

/// A contract with all of them, alone in a message, in a oneof, and in every other shape.
pub fn proto() -> String {
    let mut messages = String::new();
    let mut methods = String::new();
    for full in VALUES.iter().chain(MESSAGES).chain(ENUMS) {
        let name = full.replace('.', "");
        let ty = format!("google.protobuf.{full}");
        write!(
            messages,
            "message {name}Alone {{ {ty} a = 1; }}\n\
             message {name}Chosen {{ oneof choice {{ {ty} a = 1; string b = 2; }} }}\n\
             message {name}All {{\n  {ty} a = 1;\n  optional {ty} b = 2;\n  repeated {ty} c = 3;\n  map<string, {ty}> d = 4;\n  \
             oneof choice {{ {ty} e = 5; bool f = 6; }}\n}}\n"
        )
        .unwrap();
        // In the query, the body and the path.
        let in_path = |field| match MESSAGES.contains(full) {
            true => String::new(),
            false => format!("additional_bindings {{ get: \"/v1/{name}/{field}/{{{field}}}\" }}"),
        };
        let mut method = |verb: &str, of: &str, given: &str, answered: &str, binding: &str| {
            writeln!(
                methods,
                "  rpc {verb}{name}{of}({given}) returns ({answered}) {{ option (platform.v1.policy) = {{access: ACCESS_PUBLIC}};{binding} }}"
            )
            .unwrap();
        };
        let (alone, chosen, all) = (
            format!("{name}Alone"),
            format!("{name}Chosen"),
            format!("{name}All"),
        );
        let http = |path: &str, fields: &str, more: &str| {
            format!(
                " option (google.api.http) = {{ post: \"/v1/{name}/{path}\" {fields} additional_bindings {{ get: \"/v1/{name}/{path}\" }} {more} }};"
            )
        };
        method(
            "Get",
            "Alone",
            &alone,
            &alone,
            &http("alone", "body: \"a\" response_body: \"a\"", &in_path("a")),
        );
        method(
            "Get",
            "Chosen",
            &chosen,
            &chosen,
            &http("chosen", "body: \"a\" response_body: \"a\"", ""),
        );
        method(
            "Get",
            "All",
            &all,
            &all,
            &http("all", "body: \"*\" response_body: \"d\"", &in_path("b")),
        );
        method(
            "List",
            "All",
            &all,
            &all,
            &http("list", "body: \"c\" response_body: \"c\"", &in_path("e")),
        );
        if !ENUMS.contains(full) {
            method("Pass", "", &ty, &ty, "");
            method(
                "Stream",
                "",
                &format!("stream {ty}"),
                &format!("stream {ty}"),
                "",
            );
        }
    }
    let imports: String = IMPORTS
        .iter()
        .map(|file| format!("import \"google/protobuf/{file}.proto\";\n"))
        .collect();
    format!(
        "syntax = \"proto3\";\npackage well_known.v1;\nimport \"google/api/annotations.proto\";\n\
         import \"platform/v1/policy.proto\";\n{imports}{messages}service WellKnownService {{\n{methods}}}\n"
    )
}
