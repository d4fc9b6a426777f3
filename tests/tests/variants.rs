//! Everything that can be rendered builds without a warning and passes its own tests.

use std::path::Path;

use quote::ToTokens;
use tests::{
    acme::{Scratch, succeeds},
    render::render_service,
};

/// A name and its options. Each field type is the only field once, which would show an unused import.
const VARIANTS: &[(&str, &[&str])] = &[
    ("widgets", &[]),
    ("a", &["fields=v:string"]),
    ("order", &["fields=v:text?"]),
    ("user-profile", &["fields=v:bool"]),
    ("people", &["fields=v:int32?"]),
    ("addresses", &["fields=v:int64:unique"]),
    ("data", &["fields=data:double:index"]),
    ("select", &["fields=v:decimal:unique:min=0.01:max=99"]),
    ("group", &["fields=v:date?:unique"]),
    ("statistics", &["fields=v:timestamp:index"]),
    ("types", &["fields=v:bytes:min=2:max=4"]),
    (
        "matches",
        &[
            "fields=v:json, born:date:immutable, secret:string?:redacted, code:string:unique:immutable:redacted",
        ],
    ),
    ("choices", &["fields=v:enum(only)"]),
    ("user-2fa", &["fields=v:enum(a|b_2|c3)?:index"]),
    ("links", &["fields=v:ref(users)?:unique"]),
    ("nodes", &["fields=parent:ref(nodes)?, label:string"]),
    ("todos", &["fields=v:text?, owner_id:owner"]),
    ("drafts", &["fields=v:int32, type:owner", "kind=mounted"]),
    (
        "masks",
        &[
            "fields=mask:string, owner:string?, now:timestamp:index, row:int32?:index, field:string:unique, \
        required:text, parse_uuid:bool, expected_version:int64?, message:string, owner_id:owner",
        ],
    ),
    (
        // Not `finance`: another workspace with the same target folder has a crate of that name.
        "billing/invoices",
        &["fields=v:string:email", "kind=mounted"],
    ),
    (
        "billing/payments",
        &["fields=v:string?:url:unique", "resource=transfer"],
    ),
    (
        "optionals",
        &[
            "fields=a:string?, b:bytes?, c:json?, d:enum(x|y)?, e:decimal?, f:timestamp?, g:ref(users)?",
        ],
    ),
];

/// These also run their tests; the others are only checked.
const TESTED: &[(&str, &[&str])] = &[
    (
        "everything",
        &[
            "fields=name:string:min=3:max=8, email:string:unique:email, site:string?:url, bio:text?:max=2000, \
        active:bool, seats:int32:min=1:max=10, visits:int64:index, score:double?:min=-0.5, \
        rate:decimal?:min=0:max=1000, born:date?, hired_at:timestamp, avatar:bytes?, extra:json?, \
        status:enum(draft|active|retired), user:ref(users)",
        ],
    ),
    // References: two to one contract, one to a contract that embeds itself, and one within a namespace.
    (
        "notes",
        &["fields=author:ref(users), type_id:ref(everything)?, reader:ref(users)?"],
    ),
    ("crm/users", &["fields=name:string"]),
    (
        "crm/accounts",
        &["fields=owner:ref(crm/users), user:ref(users)"],
    ),
    ("teams", &["fields=lead:ref(users), contact:ref(crm/users)"]),
    // An owner, combined with all kinds of list fields and with embedded resources.
    (
        "secrets",
        &[
            "fields=owner:owner, code:string:unique, seats:int32:index, on:date?:index, rate:decimal?:unique, \
        status:enum(a|b):index, bio:text?",
        ],
    ),
    (
        "letters",
        &["fields=reader:ref(users), secret_id:ref(secrets)?, writer_id:owner"],
    ),
    (
        "rust-words",
        &[
            "fields=type:string:unique, match:int32?:index, async:bool, fn:text, impl:enum(if|else|type), r2:date",
        ],
    ),
    (
        "sql-words",
        &[
            "fields=order:string:unique, select:int64:index, group:date?, from:json?, check:enum(a|b), \
        table:double, columns:bool, primary:ref(users), using:timestamp",
            "resource=entry",
        ],
    ),
    (
        "proto-words",
        &[
            "fields=message:string, option:int32, optional:bool, repeated:text?, reserved:bytes?, \
        package:double, import:date, oneof:enum(map|rpc)",
        ],
    ),
    (
        "filters",
        &[
            "fields=filter:string?:unique, order_by:int32:index, type:enum(if|else):index, columns:bool:index, \
        table:double:index, on:date?:index, value:decimal:unique, kind:ref(users)?:index",
        ],
    ),
    (
        "method-words",
        &[
            "fields=from:string, into:string, eq:int32, fmt:int64, hash:double, serialize:bool, new:bool, validate:text?",
        ],
    ),
];

#[test]
fn every_variant_is_free_of_warnings() {
    let scratch = Scratch::new("variants").unwrap();
    for (name, options) in VARIANTS.iter().chain(TESTED) {
        render_service(scratch.path(), name, options)
            .unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }
    let wide: Vec<_> = (0..40)
        .map(|number| {
            format!(
                "f{number}:{}",
                ["string", "bool?", "date", "int64"][number % 4]
            )
        })
        .collect();
    render_service(
        scratch.path(),
        "wide",
        &[&format!("fields={}", wide.join(", "))],
    )
    .unwrap();
    let long = "n".repeat(60);
    render_service(scratch.path(), &long, &[]).unwrap();

    succeeds(scratch.cargo(&["fmt", "--all", "--check"])).unwrap();
    succeeds(scratch.cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
    .unwrap();
    let mut test = scratch.cargo(&["test"]);
    for (name, _) in TESTED {
        test.args(["--package", &name.replace('/', "-")]);
    }
    succeeds(test).unwrap();
    no_panic_outside_tests(scratch.path());
}

fn no_panic_outside_tests(workspace: &Path) {
    let sources = walkdir::WalkDir::new(workspace.join("services"))
        .into_iter()
        .map(|entry| entry.unwrap().into_path());
    for path in sources.filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        if path
            .components()
            .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
        {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        let found = forbidden(&source);
        let shown = path.display();
        assert!(
            found.is_none() || path.ends_with("fake.rs"),
            "{found:?} in {shown}"
        );
    }
}

/// A construct that is forbidden in a service's code, except in test modules.
fn forbidden(source: &str) -> Option<&'static str> {
    let items = syn::parse_file(source).unwrap().items.into_iter();
    let is_for_tests = |item: &syn::Item| match item {
        syn::Item::Mod(module) => module.attrs.iter().any(|attribute| {
            let condition = attribute.parse_args::<syn::Ident>();
            attribute.path().is_ident("cfg") && condition.is_ok_and(|it| it == "test")
        }),
        _ => false,
    };
    let code: String = items
        .filter(|item| !is_for_tests(item))
        .map(|item| item.into_token_stream().to_string().replace(' ', ""))
        .collect();
    [".unwrap()", ".expect(", "panic!", "todo!", "#[allow("]
        .into_iter()
        .find(|construct| code.contains(construct))
}

#[test]
fn what_may_panic_is_found_in_code_and_allowed_in_tests() {
    for (body, expected) in [
        ("x . unwrap ( )", Some(".unwrap()")),
        ("with_conn!(x, x.expect(\"y\"))", Some(".expect(")),
        ("panic!()", Some("panic!")),
        ("todo!()", Some("todo!")),
        ("#[allow(unused)] x", Some("#[allow(")),
        ("x.unwrap_or_default()", None),
    ] {
        assert_eq!(
            forbidden(&format!("fn f() {{ {body} }}")),
            expected,
            "{body}"
        );
        let test = format!("#[cfg(test)]\nmod tests {{ fn f() {{ {body} }} }}");
        assert_eq!(forbidden(&test), None, "{body}");
    }
}
