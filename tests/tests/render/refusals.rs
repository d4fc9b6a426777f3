//! Refusals: one sentence that says what to write instead, and no file is written.

use super::support::{EVERYTHING, Workspace};

#[test]
fn names_that_mean_something_else() {
    let workspace = Workspace::new();
    let names = [
        ("type", "a keyword of Rust"),
        ("match", "a keyword of Rust"),
        ("self", "a keyword of Rust"),
        ("async", "a keyword of Rust"),
        ("true", "a keyword of Rust"),
        ("std", "a library"),
        ("tokio", "a library"),
        ("rust-decimal", "a library"),
        ("core", "means something else"),
        ("platform", "means something else"),
        ("xtask", "means something else"),
        ("test", "means something else"),
        ("help", "means something else"),
        ("api-runtime", "means something else"),
        ("google/maps", "means something else"),
        ("platform-notes", "write another name, such as `notes`"),
        ("platform-base", "belong to the platform's crates"),
        ("users", "`users` is a contract of the service `core`"),
        ("auth", "`auth` is a contract of the service `core`"),
        ("users/notes", "`users` is a contract of the service `core`"),
        ("orders-api", "write `orders`"),
        ("strings", "`-d resource=record`"),
        ("options", "`-d resource=record`"),
        ("errors", "`-d resource=record`"),
        ("statuses", "`-d resource=record`"),
    ];
    for (name, words) in names {
        workspace.refuses(words, || workspace.service(name, &[]));
        workspace.refuses(words, || workspace.proto(name, &[]));
    }
}

#[test]
fn names_that_are_none() {
    let workspace = Workspace::new();
    let names = [
        ("UserProfile", "write `user-profile`"),
        ("user_profile", "write `user-profile`"),
        ("2fa", "a letter first"),
        ("-a", "write `a`"),
        ("a-", "write `a`"),
        ("a--b", "write `a-b`"),
        ("", "A name is missing"),
        ("ünï", "small letters"),
        ("a b", "write `a-b`"),
        ("../up", "cannot name a namespace"),
        ("/etc", "lacks a half"),
        ("a/", "lacks a half"),
        ("a/b/c", "more than one namespace"),
        ("..", "small letters"),
        ("{{x}}", "write `x`"),
        ("a\nb", "write `a-b`"),
        ("a;b", "write `a-b`"),
    ];
    for (name, words) in names {
        workspace.refuses(words, || workspace.service(name, &[]));
        workspace.refuses(words, || workspace.proto(name, &[]));
    }
}

#[test]
fn fields_that_are_none() {
    let workspace = Workspace::new();
    let lists = [
        ("name", "has no type: write `name:string`"),
        ("name:", "has no type"),
        ("name:str", "is no type: write one of string, text"),
        ("name:String", "is no type"),
        ("name:string,", "an empty entry"),
        (",name:string", "an empty entry"),
        ("a:string,,b:string", "an empty entry"),
        ("name:string:", "nothing behind it"),
        ("name:string:uniq", "is no modifier: write `unique`"),
        ("name:string:unique:unique", "is there twice"),
        ("name:string:unique:index", "remove `index`"),
        ("name:string:unique=1", "takes no value"),
        ("name:string:immutable=1", "takes no value"),
        ("me:owner:immutable, name:string", "nobody changes an owner"),
        (
            "me:owner, name:string:immutable",
            "nothing is left to update",
        ),
        ("name:string:min", "has no value"),
        ("name:string:min=", "has no value"),
        ("name:string:min=1=2", "has no value"),
        ("name:string:min=a", "is not a length"),
        ("name:string:min=-1", "is not a length"),
        ("name:string:max=0", "leaves no room"),
        ("name:string:max=99999", "is not a length"),
        ("name:string:min=9:max=8", "swap them"),
        ("name:string:min=1:min=2", "two `min=`"),
        ("name:string:min=300", "write a `max=`"),
        ("name:string:unique:max=600", "`max=512`"),
        ("name:string:email:url", "keep one of"),
        ("name:string:email:min=3", "remove one of them"),
        ("name:string:email:max=5", "at least `max=30`"),
        ("age:int32:email", "strings only"),
        (
            "email:string:unique:email, email_lower:string",
            "has a column of that name, in small letters",
        ),
        ("age:int32:min=3000000000", "not a value of int32"),
        ("age:int64:max=99999999999999999999", "not a value of int64"),
        ("age:int32:min=1.5", "not a value of int32"),
        ("rate:decimal:min=0.1234567", "is not a decimal"),
        ("rate:double:min=x", "is not a number"),
        ("on:bool:min=1", "remove it from this bool"),
        ("on:bool:unique", "cannot be unique"),
        ("bio:text:index", "cannot be indexed"),
        ("data:bytes:unique", "cannot be unique"),
        ("n:int32:unique:min=1:max=1", "a single value"),
        ("status:enum", "needs something in brackets"),
        ("status:enum()", "needs something in brackets"),
        ("status:enum(a,b)", "separate the values with `|`"),
        ("status:enum(a||b)", "none may be empty"),
        ("status:enum(a|A)", "is no value for an enum"),
        ("status:enum(a|a)", "is there twice"),
        ("status:enum(in_review|inreview)", "is there twice"),
        ("status:enum(2x)", "is no value for an enum"),
        ("status:enum(unspecified)", "is kept for the languages"),
        ("status:enum(self)", "is kept for the languages"),
        ("repository:enum(a|b)", "choose another name"),
        ("name:string(3)", "takes nothing in brackets"),
        ("user:ref", "needs something in brackets"),
        ("user:ref(nobody)", "there is no contract `nobody`"),
        ("user:ref(auth)", "has no resource"),
        (
            "user:string, user_id:ref(users)",
            "embedded as `user`, and there is a field",
        ),
        ("version_id:ref(users)", "which means something else"),
        ("self_id:ref(users)", "which means something else"),
        ("user:ref(users), view:enum(a|b)", "such as `view_kind`"),
        ("user:ref(../../x)", "there is no contract"),
        ("bio?:text", "stands after its type: write `bio:string?`"),
        ("Name:string", "write `name`"),
        ("firstName:string", "write `first_name`"),
        ("first-name:string", "write `first_name`"),
        ("_name:string", "write `name`"),
        ("name_:string", "write `name`"),
        ("a__b:string", "write `a_b`"),
        ("1st:string", "a letter first"),
        ("größe:string", "small letters"),
        ("id:string", "has a field `id` already"),
        ("created_at:timestamp", "has a field `created_at` already"),
        ("updated_at:timestamp", "has a field `updated_at` already"),
        ("etag:string", "has a field `etag` already"),
        ("version:int32", "has a field `version` already"),
        ("self:string", "Rust keeps it"),
        ("super:string", "Rust keeps it"),
        ("crate:string", "Rust keeps it"),
        ("xmin:string", "PostgreSQL keeps it"),
        ("clone:string", "a method of that name"),
        ("name:string, name:text", "is there twice"),
        (
            "user_name:string, username:string",
            "must differ in more than `_`",
        ),
        ("user:ref(users), user_id:string", "is there twice"),
        ("name:string, owner_id:owner?", "write `owner_id:owner`"),
        (
            "name:string, owner_id:owner:index",
            "an index by their owner already",
        ),
        (
            "name:string, owner_id:owner:unique",
            "an index by their owner already",
        ),
        ("name:string, owner_id:owner:email", "strings only"),
        (
            "name:string, owner_id:owner:max=9",
            "remove it from this owner",
        ),
        (
            "name:string, owner_id:owner(users)",
            "takes nothing in brackets",
        ),
        (
            "a:owner, b:string, c:owner",
            "`a` and `c` are both owners, and a resource has one",
        ),
        ("owner_id:owner", "something beside its owner"),
        ("owner_id:owner, owner:ref(users)", "is there twice"),
        ("{{name}}:string", "write `name`"),
        ("name:string\", b:\"", "is no type"),
    ];
    for (list, words) in lists {
        let option = format!("fields={list}");
        workspace.refuses(words, || workspace.service("things", &[&option]));
        workspace.refuses(words, || workspace.proto("things", &[&option]));
    }
}

#[test]
fn more_fields_than_a_table_takes() {
    let workspace = Workspace::new();
    let list = |count: usize| {
        let fields: Vec<_> = (0..count)
            .map(|number| format!("f{number}:string"))
            .collect();
        format!("fields={}", fields.join(","))
    };
    workspace.refuses("at most 60 fields, and the list has 61", || {
        workspace.service("wide", &[&list(61)])
    });
    workspace.service("wide", &[&list(60)]).unwrap();
    let indexed = list(9).replace(":string", ":string:index");
    workspace.refuses("At most 8 fields can have `index`", || {
        workspace.service("many", &[&indexed])
    });
    let owned = format!(
        "{},owner_id:owner,g:string:unique",
        list(8).replace(":string", ":string:index")
    );
    workspace.refuses("At most 8 fields beside an owner", || {
        workspace.service("many", &[&owned])
    });
    workspace
        .service("many", &[&list(8).replace(":string", ":string:index")])
        .unwrap();
}

#[test]
fn names_too_long_for_an_index() {
    let workspace = Workspace::new();
    let name = "n".repeat(50);
    let words = "more letters than PostgreSQL takes";
    workspace.refuses(words, || {
        workspace.service(&name, &["fields=postal_code:string:unique"])
    });
    workspace
        .service(&name, &["fields=postal_code:string"])
        .unwrap();
}

#[test]
fn a_resource_called_like_its_owner() {
    let workspace = Workspace::new();
    let fields = "fields=name:string, owner_id:owner";
    let words = "so is the one it belongs to";
    workspace.refuses(words, || workspace.service("owners", &[fields]));
    workspace.refuses(words, || workspace.proto("owners", &[fields]));
    workspace
        .service("owners", &["fields=name:string"])
        .unwrap();
}

#[test]
fn options_that_are_none() {
    let workspace = Workspace::new();
    let options = [
        (
            ["kind=own", "http_port=80"],
            "write a number from 8102 to 8999",
        ),
        (
            ["kind=own", "http_port=x"],
            "write a number from 8102 to 8999",
        ),
        (
            ["kind=own", "http_port=9102"],
            "write a number from 8102 to 8999",
        ),
        (
            ["kind=own", "http_port=08102"],
            "write a number from 8102 to 8999",
        ),
        (
            ["kind=own", "http_port=8101"],
            "write a number from 8102 to 8999",
        ),
        (["kind=mounted", "http_port=8102"], "no port of its own"),
        (["kind=other", "http_port="], "kind"),
        (["kind=own", "resource=A B"], "cannot name a resource"),
        (["kind=own", "resource=option"], "something else in Rust"),
        (["kind=own", "port=8102"], "write `-d http_port=…`"),
        (["kind=own", "field=a:string"], "write `-d fields=…`"),
    ];
    for (options, words) in options {
        workspace.refuses(words, || workspace.service("things", &options));
    }
}

#[test]
fn a_second_service_of_a_name() {
    let workspace = Workspace::new();
    workspace.service("user-profile", &[EVERYTHING]).unwrap();
    workspace.refuses("exists already", || {
        workspace.service("user-profile", &[EVERYTHING])
    });
    workspace.refuses("exists already", || workspace.service("user/profile", &[]));
    workspace.refuses("exists already", || workspace.proto("user-profile", &[]));
}

#[test]
fn a_port_in_use() {
    let workspace = Workspace::new();
    workspace.service("first", &["http_port=8200"]).unwrap();
    workspace.refuses("write `http_port=8102`", || {
        workspace.service("second", &["http_port=8200"])
    });
}

#[test]
fn a_place_that_is_no_workspace() {
    let workspace = Workspace::new();
    let words = "change into the root of one";
    let outside = workspace.outside().to_owned();
    workspace.refuses(words, || {
        tests::render::render_service(&outside, "things", &[]).map_err(|error| format!("{error:#}"))
    });
    let services = workspace.root().join(".platform");
    workspace.refuses(words, || {
        tests::render::render_proto(&services, "things", &[]).map_err(|error| format!("{error:#}"))
    });
}

#[test]
fn a_workspace_of_another_layout() {
    let workspace = Workspace::new();
    for (text, words) in [
        ("export const LAYOUT = 2;", "This workspace has layout 2"),
        (
            "export const SOMETHING = 1;",
            "no workspace of this template",
        ),
        ("not a module at all {", "no workspace of this template"),
    ] {
        workspace.write(".platform/workspace.rhai", text);
        workspace.refuses(words, || workspace.service("things", &[]));
        workspace.refuses(words, || workspace.proto("things", &[]));
    }
}

#[test]
fn fields_that_differ_from_the_contract() {
    let workspace = Workspace::new();
    workspace
        .proto("things", &["fields=name:string, size:int32?"])
        .unwrap();
    let words = "has the fields `name:string, size:int32?`";
    workspace.refuses(words, || {
        workspace.service("things", &["fields=name:string"])
    });
    workspace.refuses("has the resource `thing`", || {
        workspace.service("things", &["resource=other"])
    });
    workspace
        .service("things", &["fields= name : string,size:int32 ? "])
        .unwrap();
}

#[test]
fn a_reference_to_what_no_service_has() {
    let workspace = Workspace::new();
    workspace.proto("things", &[]).unwrap();
    workspace.refuses(
        "make it first with `cargo new-service --name things`",
        || workspace.service("parts", &["fields=thing:ref(things)"]),
    );
    workspace.service("things", &[]).unwrap();
    workspace
        .service("parts", &["fields=thing:ref(things)"])
        .unwrap();
}

#[test]
fn a_service_for_a_contract_without_fields() {
    let workspace = Workspace::new();
    let entry = workspace.read(".platform/contracts/auth.rhai");
    workspace.write(
        ".platform/contracts/notes.rhai",
        &entry.replace("core", "notes"),
    );
    workspace.refuses("written by hand", || workspace.service("notes", &[]));
}
