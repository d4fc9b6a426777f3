//! Writes a contract with every rule of `buf.validate` in every place that a rule can stand, and compiles it.
//!
//! `RULES` is the table of rules. Each is put on a field without presence, an `optional` one, a member of a oneof, the
//! items of a list, the keys and the values of a map, and a wrapper, as far as its type can be there. `WRITTEN` has what
//! no table can say: rules about several fields, `required` and `ignore`.

use std::{
    env,
    error::Error,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

/// The type of a field, its group of rules, and sets of rules as text.
type Group = (&'static str, &'static str, &'static [&'static str]);

const RULES: &[Group] = &[
    (
        "string",
        "string",
        &[
            "const: 'abc'",
            "len: 3",
            "min_len: 2",
            "max_len: 3",
            "len_bytes: 3",
            "min_bytes: 2",
            "max_bytes: 4",
            "min_len: 1 max_len: 3 prefix: 'a'",
            "prefix: 'ab'",
            "suffix: 'c'",
            "contains: 'b'",
            "not_contains: 'b'",
            "in: 'abc' in: 'b' in: ''",
            "in: 'abc'",
            "not_in: 'abc' not_in: ''",
            "not_in: 'abc'",
            r"pattern: '^\\d+$'",
            r"pattern: '^\\D+$'",
            r"pattern: '^\\w+$'",
            r"pattern: '^\\W+$'",
            r"pattern: '^\\s+$'",
            r"pattern: '^\\S+$'",
            r"pattern: '^[\\d_]+$'",
            r"pattern: '^[^\\d\\s]+$'",
            r"pattern: '^[\\W\\d]+$'",
            r"pattern: '\\bab'",
            r"pattern: 'a\\B'",
            "pattern: '(?i)^abc$'",
            r"pattern: '(?i)^\\w+$'",
            r"pattern: '(?i)^\\W+$'",
            "pattern: '^a.c$'",
            "pattern: '(?s)^a.c$'",
            "pattern: '(?m)^b$'",
            r"pattern: '^\\p{Lu}+$'",
            "pattern: '^[[:alpha:]]+$'",
            "pattern: '^[[:space:][:^word:]]+$'",
            r"pattern: '\\Aa|c\\z'",
            r"pattern: '^\\x61\\x{62}'",
            "pattern: '^(?:a{2,3}|(b)+?)$'",
            "email: true",
            "email: false",
            "hostname: true",
            "ip: true",
            "ipv4: true",
            "ipv6: true",
            "uri: true",
            "uri_ref: true",
            "address: true",
            "uuid: true",
            "tuuid: true",
            "ulid: true",
            "ip_with_prefixlen: true",
            "ipv4_with_prefixlen: true",
            "ipv6_with_prefixlen: true",
            "ip_prefix: true",
            "ipv4_prefix: true",
            "ipv6_prefix: true",
            "host_and_port: true",
            "protobuf_fqn: true",
            "protobuf_dot_fqn: true",
            "well_known_regex: KNOWN_REGEX_UNSPECIFIED",
            "well_known_regex: KNOWN_REGEX_HTTP_HEADER_NAME",
            "well_known_regex: KNOWN_REGEX_HTTP_HEADER_NAME strict: false",
            "well_known_regex: KNOWN_REGEX_HTTP_HEADER_VALUE strict: true",
            "well_known_regex: KNOWN_REGEX_HTTP_HEADER_VALUE strict: false",
            "strict: true example: 'abc'",
        ],
    ),
    (
        "bytes",
        "bytes",
        &[
            "const: 'abc'",
            "len: 3",
            "min_len: 2",
            "max_len: 3",
            "pattern: '^a.c$'",
            "prefix: 'a'",
            "suffix: 'c'",
            r"contains: '\xff'",
            "contains: 'bc'",
            r"in: 'abc' in: '\xff'",
            "in: 'abc'",
            "not_in: 'abc'",
            "not_in: 'abc' not_in: 'b'",
            "ip: true",
            "ipv4: true",
            "ipv6: true",
            "uuid: true",
            "uuid: false example: 'b'",
        ],
    ),
    (
        "bool",
        "bool",
        &["const: true", "const: false", "example: true"],
    ),
    (
        "Color",
        "enum",
        &[
            "const: 1",
            "defined_only: true",
            "defined_only: false",
            "in: 1 in: 7",
            "not_in: 0 not_in: 2",
            "not_in: 2 example: 1",
        ],
    ),
    (
        "google.protobuf.Any",
        "any",
        &[
            "in: 'type.googleapis.com/rules.v1.Inner'",
            "in: 'a/b' in: ''",
            "not_in: 'type.googleapis.com/rules.v1.Inner'",
        ],
    ),
    (
        "google.protobuf.FieldMask",
        "field_mask",
        &[
            "const: {paths: 'a' paths: 'b.c'}",
            "in: 'a' in: 'b.c'",
            "not_in: 'a' not_in: 'b.c'",
            "in: 'a' example: {paths: 'a'}",
        ],
    ),
    ("google.protobuf.Duration", "duration", TIMES),
    (
        "google.protobuf.Duration",
        "duration",
        &[
            "in: {seconds: 1} in: {nanos: -1}",
            "in: {seconds: 1}",
            "not_in: {seconds: 1} not_in: {}",
        ],
    ),
    ("google.protobuf.Timestamp", "timestamp", TIMES),
    (
        "google.protobuf.Timestamp",
        "timestamp",
        &[
            "lt_now: true",
            "gt_now: true",
            "lt_now: false",
            "within: {seconds: 3600}",
            "gt: {seconds: 2} lt_now: true",
            "gt_now: true lt: {seconds: 2}",
        ],
    ),
    ("int32", "int32", WHOLE),
    ("int64", "int64", WHOLE),
    ("uint32", "uint32", WHOLE),
    ("uint64", "uint64", WHOLE),
    ("sint32", "sint32", WHOLE),
    ("sint64", "sint64", WHOLE),
    ("fixed32", "fixed32", WHOLE),
    ("fixed64", "fixed64", WHOLE),
    ("sfixed32", "sfixed32", WHOLE),
    ("sfixed64", "sfixed64", WHOLE),
    ("int32", "int32", &["const: -2147483648", "gt: -3 lte: -1"]),
    (
        "int64",
        "int64",
        &["const: -9223372036854775808", "gte: 9223372036854775807"],
    ),
    (
        "uint64",
        "uint64",
        &["const: 18446744073709551615", "gt: 9223372036854775807"],
    ),
    ("float", "float", WHOLE),
    ("float", "float", BROKEN),
    ("double", "double", WHOLE),
    ("double", "double", BROKEN),
    (
        "double",
        "double",
        &["lt: 1e400", "gt: -1e400", "gte: 1e400", "in: 1e400 in: 2"],
    ),
];

const WHOLE: &[&str] = &[
    "const: 2",
    "lt: 2",
    "lte: 2",
    "gt: 2",
    "gte: 2",
    "gt: 2 lt: 5",
    "gt: 5 lt: 2",
    "gt: 2 lt: 2",
    "gt: 2 lte: 5",
    "gt: 5 lte: 2",
    "gt: 2 lte: 2",
    "gte: 2 lt: 5",
    "gte: 5 lt: 2",
    "gte: 2 lt: 2",
    "gte: 2 lte: 5",
    "gte: 5 lte: 2",
    "gte: 2 lte: 2",
    "in: 2 in: 5",
    "in: 2",
    "not_in: 2 not_in: 5",
    "not_in: 2 example: 7",
];

const BROKEN: &[&str] = &[
    "const: 0.1",
    "const: -0.0",
    "gt: 0.1 lt: 0.3",
    "gte: -0.5 lt: -1.5",
    "in: 0.1 in: 0.0",
    "in: nan",
    "in: nan in: 2",
    "not_in: nan",
    "const: nan",
    "lte: inf",
    "lt: inf",
    "gt: -inf",
    "not_in: 0.1 not_in: -0.0",
    "finite: true",
    "finite: false",
];

const TIMES: &[&str] = &[
    "const: {seconds: 2}",
    "lt: {seconds: 2}",
    "lte: {seconds: 2}",
    "gt: {seconds: 2}",
    "gte: {seconds: 2 nanos: 5}",
    "gt: {seconds: 2} lt: {seconds: 5}",
    "gt: {seconds: 5} lt: {seconds: 2}",
    "gt: {seconds: 2} lt: {seconds: 2}",
    "gt: {seconds: 2} lte: {seconds: 2 nanos: 5}",
    "gt: {seconds: 2 nanos: 5} lte: {seconds: 2}",
    "gte: {seconds: 2} lt: {seconds: 5}",
    "gte: {seconds: 5} lt: {seconds: 2}",
    "gte: {seconds: 2} lte: {seconds: 5}",
    "gte: {seconds: 5} lte: {seconds: 2}",
    "gte: {seconds: 2} lte: {seconds: 2}",
    "gt: {seconds: 2} example: {seconds: 3}",
];

/// What stands beside the table.
const WRITTEN: &str = include_str!("written.proto");

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let vendored =
        Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../../template-workspace/third_party");
    copy(&vendored, &out.join("third_party"))?;
    let contract = out.join("rules");
    fs::create_dir_all(contract.join("v1"))?;
    fs::write(contract.join("v1/rules.proto"), contract_text()?)?;
    api_build::compile_folder(&contract, "rules", &out, env::vars())?;
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=written.proto");
    Ok(())
}

fn contract_text() -> Result<String, std::fmt::Error> {
    let mut messages = String::new();
    let mut cases = String::new();
    for (number, (ty, group, rules)) in RULES.iter().enumerate() {
        for (place, fields) in places(ty, group) {
            let name = format!("{}{place}{number}", capital(group));
            writeln!(messages, "message {name} {{")?;
            for (index, rule) in rules.iter().enumerate() {
                let option = fields
                    .rule
                    .replace("RULES", &format!("{group}: {{{rule}}}"));
                let field = format!("f{index}");
                let (declared, number) = (fields.ty.replace("TYPE", ty), index + 1);
                writeln!(
                    messages,
                    "  {} {declared} {field} = {number} [(buf.validate.field) = {{{option}}}]; {}",
                    fields.before.replace("NAME", &field),
                    fields.after,
                )?;
            }
            writeln!(messages, "  repeated double more = 1000;\n}}")?;
            case(&mut cases, &name)?;
        }
    }
    for line in WRITTEN.lines() {
        if let Some(name) = line
            .strip_prefix("message ")
            .and_then(|rest| rest.split(' ').next())
        {
            case(&mut cases, name)?;
        }
    }
    Ok(format!(
        "{HEAD}message Case {{\n  oneof case {{\n{cases}  }}\n}}\n{messages}{WRITTEN}"
    ))
}

const HEAD: &str = r#"syntax = "proto3";
package rules.v1;
import "buf/validate/validate.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
"#;

fn case(cases: &mut String, name: &str) -> std::fmt::Result {
    let number = cases.lines().count() + 1;
    let field = name.to_lowercase();
    writeln!(cases, "    {name} {field} = {number};")
}

struct Place {
    before: &'static str,
    ty: &'static str,
    after: &'static str,
    rule: &'static str,
}

/// The places of a rule for this type.
fn places(ty: &str, group: &str) -> Vec<(&'static str, Place)> {
    let place = |before, ty, after, rule| Place {
        before,
        ty,
        after,
        rule,
    };
    let message = ty.starts_with("google.");
    let mut places = vec![
        ("Plain", place("", "TYPE", "", "RULES")),
        ("Member", place("oneof o_NAME {", "TYPE", "}", "RULES")),
        (
            "Items",
            place("repeated", "TYPE", "", "repeated: {items: {RULES}}"),
        ),
        (
            "Values",
            place("", "map<string, TYPE>", "", "map: {values: {RULES}}"),
        ),
        (
            "Set",
            place(
                "repeated",
                "TYPE",
                "",
                "repeated: {items: {ignore: IGNORE_IF_ZERO_VALUE RULES}}",
            ),
        ),
    ];
    if !message {
        places.push(("Optional", place("optional", "TYPE", "", "RULES")));
        places.push((
            "Zero",
            place("", "TYPE", "", "ignore: IGNORE_IF_ZERO_VALUE RULES"),
        ));
    }
    if !message && !matches!(group, "bytes" | "float" | "double" | "enum") {
        places.push((
            "Keys",
            place("", "map<TYPE, bool>", "", "map: {keys: {RULES}}"),
        ));
    }
    let wrapper = match ty {
        "string" => "google.protobuf.StringValue",
        "bytes" => "google.protobuf.BytesValue",
        "bool" => "google.protobuf.BoolValue",
        "double" => "google.protobuf.DoubleValue",
        "float" => "google.protobuf.FloatValue",
        "int32" => "google.protobuf.Int32Value",
        "int64" => "google.protobuf.Int64Value",
        "uint32" => "google.protobuf.UInt32Value",
        "uint64" => "google.protobuf.UInt64Value",
        _ => return places,
    };
    places.push(("Wrapped", place("", wrapper, "", "RULES")));
    places.push((
        "Wraps",
        place("repeated", wrapper, "", "repeated: {items: {RULES}}"),
    ));
    places
}

fn capital(group: &str) -> String {
    let mut letters = group.replace('_', "");
    letters[..1].make_ascii_uppercase();
    letters
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false => fs::copy(entry.path(), target).map(drop)?,
        }
    }
    Ok(())
}
