//! Which contracts are refused, and what an accepted one becomes.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// What dependent crates are told of the contract `things`.
const MADE: &str = r#"{"made":{"things.v1":"::things_api::v1"},"unmade":{}}"#;

/// An empty workspace with the vendored protos, and in it the contract `things` with this body of `v1/things.proto`.
fn contract(test: &str, body: &str) -> PathBuf {
    let workspace = workspace(test);
    // The folder at run time, not at compile time: the workspace may have been moved.
    let platform = env::var("CARGO_MANIFEST_DIR").unwrap();
    let vendored = Path::new(&platform).join("../../third_party");
    symlink(vendored, workspace.join("third_party")).unwrap();
    write_contract(&workspace, body)
}

fn workspace(test: &str) -> PathBuf {
    let workspace = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&workspace);
    fs::create_dir_all(&workspace).unwrap();
    workspace
}

fn write_contract(workspace: &Path, body: &str) -> PathBuf {
    let folder = workspace.join("api/things");
    let imports = [
        "buf/validate/validate.proto",
        "google/api/annotations.proto",
        "google/api/field_behavior.proto",
        "google/protobuf/field_mask.proto",
        "google/type/decimal.proto",
        "platform/v1/options.proto",
        "platform/v1/policy.proto",
    ];
    let imports: String = imports
        .iter()
        .map(|import| format!("import \"{import}\";\n"))
        .collect();
    fs::create_dir_all(folder.join("v1")).unwrap();
    fs::write(
        folder.join("v1/things.proto"),
        format!("syntax = \"proto3\";\npackage things.v1;\n{imports}\n{body}\n"),
    )
    .unwrap();
    folder
}

/// Compiles the contract into its own folder. Returns what dependent crates are told.
fn compile(contract: &Path) -> Result<String, api_build::Error> {
    api_build::compile_folder(contract, "things_api", contract, std::iter::empty())
}

/// The OpenAPI document of the contract with this body.
fn document(test: &str, body: &str) -> serde_json::Value {
    let folder = contract(test, body);
    compile(&folder).unwrap();
    let openapi = fs::read_to_string(folder.join("v1.openapi.json")).unwrap();
    serde_json::from_str(&openapi).unwrap()
}

/// The reason why the contract is refused.
fn refusal(test: &str, body: &str) -> String {
    match compile(&contract(test, body)) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

/// A service with one method with this binding, over messages with a field of each shape.
fn method(http: &str) -> String {
    format!(
        "service ThingsService {{\n  rpc Get(Request) returns (Request) {{ option (google.api.http) = {{ {http} }}; option (platform.v1.policy) = {{ access: ACCESS_PUBLIC }}; }}\n}}\n\
         message Request {{ string id = 1; repeated string tags = 2; Inner inner = 3; string made = 4 [(google.api.field_behavior) = OUTPUT_ONLY]; }}\n\
         message Inner {{ string name = 1; }}"
    )
}

#[test]
fn every_mistake_in_a_binding_is_named_with_its_line() {
    for (index, (http, words)) in [
        ("get: \"v1/things\"", "begins with `/`"),
        ("get: \"/v1/{nope}\"", "has no field \"nope\""),
        ("get: \"/v1/{tags}\"", "is repeated"),
        ("get: \"/v1/{inner}\"", "is a message"),
        ("get: \"/v1/{inner.nope}\"", "has no field \"nope\""),
        (
            "post: \"/v1\" body: \"nope\"",
            "body: Request has no field \"nope\"",
        ),
        (
            "post: \"/v1\" body: \"inner.name\"",
            "must be a field of Request itself",
        ),
        (
            "get: \"/v1\" response_body: \"nope\"",
            "response_body: Request has no field",
        ),
        ("get: \"/v1/{made}\"", "\"made\" is OUTPUT_ONLY"),
        ("get: \"/v1/**/x\"", "can only be the last"),
        (
            "custom: { kind: \"*\" path: \"/v1\" }",
            "one binding for each",
        ),
        ("body: \"*\"", "write a path"),
        (
            "get: \"/v1/{id}\" additional_bindings { get: \"/v1/{inner.name}\" }",
            "is already that of Get",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let refusal = refusal(&format!("binding{index}"), &method(http));
        assert!(refusal.contains(words), "{http}: {refusal:?}");
        assert!(refusal.contains("things/v1/things.proto:12: "), "{refusal}");
    }
}

#[test]
fn a_method_says_who_may_call_it() {
    for (index, (policy, words)) in [
        ("", "policy of Get: there is none"),
        ("{}", "say who may call it"),
        ("{timeout: {seconds: 1}}", "say who may call it"),
        (
            "{access: ACCESS_PUBLIC any_role: \"admin\"}",
            "demand a user",
        ),
        ("{access: ACCESS_INTERNAL owner: \"id\"}", "demand a user"),
        ("{any_role: \"an admin\"}", "is no name"),
        ("{all_scopes: [\"read\", \"\"]}", "is no name"),
        ("{owner: \"nope\"}", "no resource of ThingsService has"),
        ("{owner: \"tags\"}", "no resource of ThingsService has"),
        (
            "{access: ACCESS_PUBLIC rate_limit: {requests: 1}}",
            "write both",
        ),
        (
            "{access: ACCESS_PUBLIC rate_limit: {per: {seconds: 1}}}",
            "write both",
        ),
        ("{access: ACCESS_PUBLIC timeout: {}}", "longer than nothing"),
        (
            "{access: ACCESS_PUBLIC timeout: {seconds: -1}}",
            "longer than nothing",
        ),
        (
            "{access: ACCESS_PUBLIC timeout: {seconds: 86401}}",
            "at most a day",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let option = match policy {
            "" => String::new(),
            policy => format!("option (platform.v1.policy) = {policy};"),
        };
        let body = format!(
            "service ThingsService {{\n  rpc Get(Request) returns (Thing) {{ {option} }}\n}}\n\
             message Request {{ Thing thing = 1; }}\n\
             message Thing {{ string name = 1; repeated string tags = 2; }}"
        );
        let refusal = refusal(&format!("policy{index}"), &body);
        assert!(refusal.contains(words), "{policy}: {refusal:?}");
        assert!(refusal.contains("things/v1/things.proto:12: "), "{refusal}");
    }
}

#[test]
fn a_rule_that_nothing_enforces_is_refused() {
    for (index, (field, words)) in [
        ("string a = 1 [(buf.validate.field).cel = {id: \"x\" expression: \"true\"}];", "`cel` is not enforced"),
        ("string a = 1 [(buf.validate.field).string.well_known_regex = KNOWN_REGEX_HTTP_HEADER_NAME];", "not enforced"),
        ("string a = 1 [(buf.validate.field).int32.gt = 1];", "do not fit"),
        ("string a = 1 [(buf.validate.field).string.pattern = \"(\"];", "pattern"),
        ("string a = 1 [(platform.v1.decimal).gte = \"1\"];", "for a single google.type.Decimal"),
        ("google.type.Decimal a = 1 [(platform.v1.decimal).gte = \"one\"];", "is no decimal"),
        ("google.protobuf.FieldMask a = 1 [(buf.validate.field).field_mask.in = \"b\"];", "do not fit"),
    ]
    .into_iter()
    .enumerate()
    {
        let refusal = refusal(&format!("rule{index}"), &format!("message Thing {{ {field} }}"));
        assert!(refusal.contains(words), "{field}: {refusal:?}");
    }
    let cel =
        "message Thing { option (buf.validate.message).cel = {id: \"x\" expression: \"true\"}; }";
    assert!(refusal("rules", cel).contains("not enforced"));
}

#[test]
fn who_sees_a_field_is_said_so_that_it_can_be_kept() {
    for (index, (field, words)) in [
        (
            "optional string a = 1 [(platform.v1.visible_to) = {}];",
            "say who sees it",
        ),
        (
            "optional string a = 1 [(platform.v1.visible_to).owner = \"nope\"];",
            "Thing has no string \"nope\"",
        ),
        (
            "optional string a = 1 [(platform.v1.visible_to).owner = \"b\"]; int32 b = 2;",
            "Thing has no string \"b\"",
        ),
        (
            "string a = 1 [(platform.v1.visible_to).any_role = \"admin\"];",
            "write `optional` before it",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let refusal = refusal(
            &format!("visible{index}"),
            &format!("message Thing {{ {field} }}"),
        );
        assert!(refusal.contains(words), "{field}: {refusal:?}");
    }
}

#[test]
fn the_document_tells_who_sees_a_field() {
    let body = "service ThingsService {\n  rpc Get(Thing) returns (Thing) { option (google.api.http) = { post: \"/v1\" body: \"*\" }; option (platform.v1.policy) = { access: ACCESS_PUBLIC }; }\n}\n\
                message Thing {\n  string id = 1;\n  // Its secret.\n  optional string a = 2 [(platform.v1.visible_to) = { owner: \"id\" any_role: \"admin\" }];\n}";
    let openapi = document("visible", body);
    assert_eq!(
        openapi["components"]["schemas"]["things.v1.Thing"]["properties"]["a"],
        serde_json::json!({
            "type": ["string", "null"],
            "description": "Its secret.\n\nOnly for its owner (`id`) and the role `admin`; unset for everybody else.",
        })
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let body = "message A { string a = 1 [(buf.validate.field).int32.gt = 1]; }\n\
                message B { string b = 1 [(buf.validate.field).int32.gt = 1]; }";
    let error = compile(&contract("all", body)).unwrap_err();

    assert_eq!(error.problems().len(), 2, "{error}");
}

#[test]
fn an_error_reason_begins_with_its_enum_and_is_a_failure() {
    let body = "enum ThingsErrorReason {\n  THINGS_ERROR_REASON_UNSPECIFIED = 0;\n  NOT_FOUND = 1;\n  \
                THINGS_ERROR_REASON_FINE = 2 [(platform.v1.code) = OK];\n}";
    let refusal = refusal("reasons", body);

    assert!(
        refusal.contains("write THINGS_ERROR_REASON_NOT_FOUND"),
        "{refusal}"
    );
    assert!(refusal.contains("OK is no failure"), "{refusal}");
}

#[test]
fn a_workspace_that_was_moved_builds_on() {
    let before = workspace("workspace_before_move");
    let after = workspace("workspace_after_move");
    let own = before.join("third_party/own/v1");
    fs::create_dir_all(&own).unwrap();
    fs::write(
        own.join("own.proto"),
        "syntax = \"proto3\";\npackage own.v1;\n",
    )
    .unwrap();
    let folder = before.join("api/things");
    fs::create_dir_all(folder.join("v1")).unwrap();
    let proto = "syntax = \"proto3\";\npackage things.v1;\nimport \"own/v1/own.proto\";\n";
    fs::write(folder.join("v1/things.proto"), proto).unwrap();
    assert_eq!(compile(&folder).unwrap(), MADE);

    fs::remove_dir(&after).unwrap();
    fs::rename(&before, &after).unwrap();
    assert_eq!(compile(&after.join("api/things")).unwrap(), MADE);
}

#[test]
fn a_contract_without_vendored_protos_is_told_where_they_belong() {
    // Outside this workspace, which has a `third_party` folder.
    let workspace = env::temp_dir().join(format!("api-build-{}", std::process::id()));
    let error = compile(&write_contract(&workspace, "")).unwrap_err();
    fs::remove_dir_all(&workspace).unwrap();

    assert!(error.to_string().contains("has third_party/"), "{error}");
}

#[test]
fn the_policies_are_a_file_for_tools() {
    let body = "service ThingsService {\n  rpc Watch(Request) returns (stream Request) {\n    \
                option (google.api.http) = { get: \"/v1/things/{id}\" additional_bindings { get: \"/v1/mine\" } };\n    \
                option (platform.v1.policy) = { any_role: \"admin\", rate_limit: { requests: 6, per: { seconds: 60 } }, timeout: { seconds: 1, nanos: 500000000 } };\n  }\n}\n\
                message Request { string id = 1; }";
    let folder = contract("policies", body);
    compile(&folder).unwrap();

    let policies = fs::read_to_string(folder.join("v1.policy.json")).unwrap();
    let policies: serde_json::Value = serde_json::from_str(&policies).unwrap();
    assert_eq!(
        policies,
        serde_json::json!({
            "package": "things.v1",
            "methods": [{
                "method": "things.v1.ThingsService/Watch",
                "http": ["GET /v1/things/{id}", "GET /v1/mine"],
                "access": "authenticated",
                "anyRole": ["admin"],
                "allScopes": [],
                "owner": null,
                "rateLimit": {"requests": 6, "per": "60s"},
                "timeout": "1.5s",
                "streamsRequests": false,
                "streamsAnswers": true,
            }],
        })
    );
}

#[test]
fn what_does_not_parse_is_told_with_its_line() {
    let refusal = refusal("syntax", "message Thing { strin a = 1; }");

    assert!(refusal.contains("things/v1/things.proto:"), "{refusal}");
}

#[test]
fn the_package_is_that_of_the_folder() {
    let folder = contract("package", "");
    fs::write(
        folder.join("v1/things.proto"),
        "syntax = \"proto3\";\npackage other.v1;\n",
    )
    .unwrap();
    let error = compile(&folder).unwrap_err();

    assert!(
        error
            .to_string()
            .contains("things/v1/things.proto:2: write `package things.v1;`"),
        "{error}"
    );
}

#[test]
fn the_document_tells_paths_parameters_and_rules() {
    let body = "// Manages things. Well.\nservice ThingsService {\n  // Updates a thing.\n  rpc UpdateThing(UpdateThingRequest) returns (UpdateThingResponse) {\n    \
                option (google.api.http) = { patch: \"/v1/{thing.name=shelves/*}\" body: \"thing\" response_body: \"thing\" };\n    \
                option (platform.v1.policy) = { any_role: [\"admin\", \"clerk\"], all_scopes: \"things.write\" };\n  }\n}\n\
                message Thing { string name = 1; optional string title = 2 [(google.api.field_behavior) = REQUIRED, (buf.validate.field).string.max_len = 9]; }\n\
                message UpdateThingRequest { Thing thing = 1; google.protobuf.FieldMask update_mask = 2; }\n\
                message UpdateThingResponse { Thing thing = 1; }";
    let openapi = document("document", body);
    let operation = &openapi["paths"]["/v1/shelves/{name}"]["patch"];
    assert_eq!(operation["operationId"], "ThingsService_UpdateThing");
    assert_eq!(operation["summary"], "Updates a thing");
    assert_eq!(
        operation["security"],
        serde_json::json!([
            {"bearer": ["admin", "things.write"]},
            {"bearer": ["clerk", "things.write"]},
        ])
    );
    assert_eq!(operation["parameters"][1]["name"], "updateMask");
    let schemas = &openapi["components"]["schemas"];
    assert_eq!(
        schemas["things.v1.Thing.Patch"]["properties"]["title"]["maxLength"],
        9
    );
    assert_eq!(
        schemas["things.v1.Thing"]["required"],
        serde_json::json!(["name", "title"])
    );
}

#[test]
fn what_would_have_one_name_in_rust_is_refused_with_both_places() {
    for (index, (body, words)) in [
        (
            "enum F { F_UNSPECIFIED = 0;\n F_A1 = 1;\n F_A_1 = 2; }",
            "things.proto:13: value F_A_1 and value F_A1 (things/v1/things.proto:12) would both be `A1`",
        ),
        (
            "message FooBar {}\nmessage Foo_Bar {}",
            "things.proto:12: message Foo_Bar and message FooBar (things/v1/things.proto:11)",
        ),
        (
            "message A { string foo = 1;\n oneof Foo { string b = 2; } }",
            "things.proto:12: oneof Foo and field foo (things/v1/things.proto:11)",
        ),
        (
            "enum AErrorReason { A_ERROR_REASON_UNSPECIFIED = 0; A_ERROR_REASON_X = 1; }\n\
             enum BErrorReason { B_ERROR_REASON_UNSPECIFIED = 0; B_ERROR_REASON_X = 1; }",
            "things.proto:12: reason X and reason X (things/v1/things.proto:11)",
        ),
        (
            "service S {}\nservice s {}",
            "things.proto:12: service s and service S (things/v1/things.proto:11)",
        ),
        ("message _ {}", "things.proto:11: message _ needs a letter"),
    ]
    .into_iter()
    .enumerate()
    {
        let refusal = refusal(&format!("same{index}"), body);
        assert!(refusal.contains(words), "{body}: {refusal:?}");
    }
}

#[test]
fn an_edition_is_named_with_its_line() {
    let folder = contract("edition", "");
    let text = "// Things.\nedition = \"2023\";\npackage things.v1;\n";
    fs::write(folder.join("v1/things.proto"), text).unwrap();

    let error = compile(&folder).unwrap_err().to_string();
    assert_eq!(
        error,
        "things/v1/things.proto:2: edition 2023 is not supported by this build: write `syntax = \"proto3\";`"
    );
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    let folder = contract("mark", "message Thing { string name = 1; }");
    let proto = folder.join("v1/things.proto");
    let text = fs::read_to_string(&proto).unwrap();
    fs::write(&proto, format!("\u{feff}{text}")).unwrap();

    assert_eq!(compile(&folder).unwrap(), MADE);
}

#[test]
fn a_field_whose_type_nothing_makes_is_refused_with_the_line_to_add() {
    let refusal = refusal(
        "unmade",
        "import \"google/api/http.proto\";\nmessage Thing { google.api.HttpRule rule = 1; }",
    );

    assert!(refusal.contains("things.proto:12: "), "{refusal}");
    assert!(
        refusal.contains("`api-vendored.workspace = true`"),
        "{refusal}"
    );
}

#[test]
fn an_enum_of_proto2_is_refused_as_protoc_does() {
    let refusal = refusal(
        "closed",
        "import \"google/protobuf/descriptor.proto\";\nmessage Thing { google.protobuf.Edition edition = 1; }",
    );

    assert!(
        refusal.contains("things.proto:12: `edition`: proto3 does not allow"),
        "{refusal}"
    );
}

#[test]
fn a_contract_passes_on_the_contracts_that_it_knows() {
    let folder = contract("passes_on", "message Thing { string name = 1; }");
    let known = r#"{"made":{"users.v1":"::users_api::v1","deep.v1":"::users_api::v1::__deep_api::v1"},"unmade":{"bad":"of a clash"}}"#;
    let direct = r#"{"made":{"deep.v1":"::deep_api::v1"},"unmade":{}}"#;
    let variables = [
        ("DEP_USERS_API_CONTRACT", known),
        ("DEP_DEEP_API_CONTRACT", direct),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let made = api_build::compile_folder(&folder, "things_api", &folder, variables.into_iter());

    let made: serde_json::Value = serde_json::from_str(&made.unwrap()).unwrap();
    assert_eq!(
        made,
        serde_json::json!({
            "made": {
                "things.v1": "::things_api::v1",
                "users.v1": "::things_api::v1::__users_api::v1",
                "deep.v1": "::things_api::v1::__deep_api::v1",
            },
            "unmade": {"bad": "of a clash"},
        })
    );
}

#[test]
fn a_path_may_go_through_a_member_of_a_oneof() {
    let body = "service ThingsService { rpc Get(Request) returns (Request) { option (google.api.http) = { get: \"/v1/{inner.name}\" }; option (platform.v1.policy) = { access: ACCESS_PUBLIC }; } }\n\
                message Request { oneof by { Inner inner = 1; string other = 2; } }\n\
                message Inner { string name = 1; }";
    let openapi = document("member", body);

    assert_eq!(
        openapi["paths"]["/v1/{name}"]["get"]["parameters"][0]["name"],
        "name"
    );
}

/// A service whose only method takes and returns a `Thing`, in the body and in the query.
const ECHO: &str = "service ThingsService {\n  rpc Echo(Thing) returns (Thing) { option deprecated = true; option (google.api.http) = { post: \"/v1\" body: \"*\" additional_bindings { get: \"/v1\" } }; option (platform.v1.policy) = { access: ACCESS_PUBLIC }; }\n}\n";

#[test]
fn the_document_tells_what_is_deprecated() {
    let thing = "message Thing { option deprecated = true; string old = 1 [deprecated = true]; Kind kind = 2; }\n\
                 enum Kind { option deprecated = true; KIND_UNSPECIFIED = 0; }";
    let openapi = document("deprecated", &format!("{ECHO}{thing}"));

    let operation = &openapi["paths"]["/v1"]["get"];
    let schema = &openapi["components"]["schemas"]["things.v1.Thing"];
    for deprecated in [
        operation,
        &operation["parameters"][0],
        schema,
        &schema["properties"]["old"],
        &schema["properties"]["kind"],
    ] {
        assert_eq!(deprecated["deprecated"], true, "{deprecated}");
    }
}

#[test]
fn the_document_allows_the_numbers_of_an_enum_unless_it_is_closed() {
    let thing = "message Thing { Kind open = 1; Kind closed = 2 [(buf.validate.field).enum.defined_only = true]; repeated Kind list = 3; }\n\
                 enum Kind { KIND_UNSPECIFIED = 0; KIND_A = 1; }";
    let openapi = document("numbers", &format!("{ECHO}{thing}"));

    let schemas = &openapi["components"]["schemas"];
    let names = serde_json::json!(["KIND_UNSPECIFIED", "KIND_A"]);
    let number = serde_json::json!({"type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX});
    let open = serde_json::json!({"anyOf": [{"type": "string", "enum": names}, number]});
    let answered = &schemas["things.v1.Thing"]["properties"];
    assert_eq!(answered["open"], open);
    assert_eq!(answered["list"]["items"], open);
    assert_eq!(
        answered["closed"],
        serde_json::json!({"type": "string", "enum": names})
    );
    let sent = &schemas["things.v1.Thing.Input"]["properties"];
    assert_eq!(
        sent["closed"],
        serde_json::json!({"type": ["string", "integer", "null"], "enum": ["KIND_UNSPECIFIED", "KIND_A", 0, 1, null]})
    );
    assert_eq!(
        sent["open"]["anyOf"][2],
        serde_json::json!({"type": "null"})
    );
}

#[test]
fn the_document_requires_nothing_that_an_answer_leaves_out() {
    let thing = "message Thing { google.protobuf.Value value = 1; optional google.protobuf.NullValue null = 2; string name = 3; }";
    let openapi = document(
        "left_out",
        &format!("import \"google/protobuf/struct.proto\";\n{ECHO}{thing}"),
    );

    assert_eq!(
        openapi["components"]["schemas"]["things.v1.Thing"]["required"],
        serde_json::json!(["name"])
    );
    // Nothing in a query can be a Value.
    let parameters = openapi["paths"]["/v1"]["get"]["parameters"].as_array();
    let names: Vec<_> = parameters.unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["null", "name"]);
}

#[test]
fn the_document_names_no_parameter_by_a_word_with_a_dot_and_has_no_empty_text() {
    let thing = "message Thing { string one_two = 1 [json_name = \"one.two\"]; }";
    let openapi = document("dotted", &format!("{ECHO}{thing}"));

    let operation = &openapi["paths"]["/v1"]["get"];
    assert_eq!(operation["parameters"][0]["name"], "one_two");
    assert_eq!(operation.get("summary"), None);
    assert_eq!(operation.get("description"), None);
    assert_eq!(
        openapi["tags"],
        serde_json::json!([{"name": "ThingsService"}])
    );
}
