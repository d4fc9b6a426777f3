//! `{{service_name}}` over HTTP and gRPC, as its clients see it.
{%- if is_wide %}

// `json!` recurses once for each token of an object.
#![recursion_limit = "1024"]
{%- endif %}

use {{contract_crate}}::v1::{
    self, {{proto_service_snake}}_client::{{proto_service}}Client,
};
use {{service_crate}}::server::SERVICE;
use serde_json::{Value, json};
use testkit::{ {% if has_embeds %}Double, RunningDouble, {% endif %}TestServer{% if has_owner %}, authorized{% endif %} };
use tonic::{% if has_embeds %}{Code, Status}{% else %}Code{% endif %};

const PATH: &str = "/v1/{{path}}";

fn first() -> Value {
    json!({
{%- for field in field_list %}
{%- assign json = field[4] %}{% assign traits = field[9] %}{% assign samples = field[13] %}
{%- if traits contains "writable" %}
        "{{json}}": {{samples[0][1]}},
{%- endif %}
{%- endfor %}
    })
}

fn second() -> Value {
    json!({
{%- for field in field_list %}
{%- assign json = field[4] %}{% assign traits = field[9] %}{% assign samples = field[13] %}
{%- if traits contains "writable" %}
        "{{json}}": {{samples[1][1]}},
{%- endif %}
{%- endfor %}
    })
}

{% if has_immutable -%}
/// `second` without the fields that never change.
fn changes() -> Value {
    let mut changes = second();
    let immutable = [
{%- assign comma = "" %}
{%- for field in field_list %}
{%- assign json = field[4] %}{% assign traits = field[9] %}
{%- if traits contains "immutable" %}{{comma}}"{{json}}"{% assign comma = ", " %}{% endif %}
{%- endfor %}];
    let fields = changes.as_object_mut().unwrap();
    fields.retain(|field, _| !immutable.contains(&field.as_str()));
    changes
}

{% endif -%}
async fn create(server: &TestServer, value: Value) -> Value {
    let created = server.post(PATH, value).await;
    assert_eq!(created.status, 200, "{}", created.json);
    created.json
}

fn path_of({{resource_ident}}: &Value) -> String {
    format!("{PATH}/{}", {{resource_ident}}["id"].as_str().unwrap())
}

/// Asserts that every field of `expected` has the same value in `found`.
fn assert_holds(found: &Value, expected: &Value) {
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&found[field], value, "{field}");
    }
}

/// Asserts that `given` has every field that a client can set, so that no test forgets a new one.
fn assert_gives_all(given: &Value, {{resource_ident}}: &Value) {
    let set_by_the_server = ["id", "etag", "createdAt", "updatedAt"
{%- for field in field_list %}
{%- assign json = field[4] %}{% assign traits = field[9] %}
{%- if traits contains "output_only" %}, "{{json}}"{% endif %}
{%- endfor %}
{%- for embed in embeds %}
{%- assign embed_json = embed[2] %}
{{- ', "'}}{{embed_json}}"
{%- endfor %}];
    for field in {{resource_ident}}.as_object().unwrap().keys() {
        let is_given = given.get(field).is_some();
        assert!(is_given || set_by_the_server.contains(&field.as_str()), "`first` and `second` lack {field}");
    }
}

#[tokio::test]
async fn what_is_created_is_found() {
    let server = TestServer::start(&SERVICE).await;
    for value in [first(), second()] {
        let created = create(&server, value.clone()).await;
        assert_holds(&created, &value);
        assert_gives_all(&value, &created);
        let found = server.get(&path_of(&created)).await;
        assert_eq!((found.status, found.json), (200, created));
    }
}

#[tokio::test]
async fn a_request_that_is_repeated_creates_nothing_more() {
    let server = TestServer::start(&SERVICE).await;
    let path = format!("{PATH}?requestId=6e2b1b5e-5a5c-4f0e-8a0a-0d7a1c9a3b11");
    let created = server.post(&path, first()).await;
    assert_eq!(created.status, 200, "{}", created.json);
    let again = server.post(&path, first()).await;
    assert_eq!((again.status, again.json), (200, created.json.clone()));
    assert_eq!(server.get(PATH).await.json["{{resources_json}}"], json!([created.json]));
{%- if samples_differ %}

    let other = server.post(&path, second()).await;
    assert_eq!(other.status, 409);
    assert_eq!(other.json["details"][0]["reason"], "{{resource_shouty}}_REQUEST_ID_REUSED");
{%- endif %}
}

#[tokio::test]
async fn lists_come_in_pages() {
    let server = TestServer::start(&SERVICE).await;
    create(&server, first()).await;
    create(&server, second()).await;

    let mut found = Vec::new();
    let mut token = String::new();
    for _ in 0..2 {
        let page = server.get(&format!("{PATH}?pageSize=1&pageToken={token}")).await;
        assert_eq!(page.status, 200, "{}", page.json);
        found.extend(page.json["{{resources_json}}"].as_array().unwrap().clone());
        token = page.json["nextPageToken"].as_str().unwrap().to_owned();
    }
    assert_eq!((found.len(), token.as_str()), (2, ""));
    assert_ne!(found[0]["id"], found[1]["id"]);

    assert_eq!(server.get(&format!("{PATH}?pageToken=another")).await.status, 400);
}

#[tokio::test]
async fn lists_are_filtered_and_ordered() {
    let server = TestServer::start(&SERVICE).await;
    let older = create(&server, first()).await;
    let newer = create(&server, second()).await;
    let list = async |query: &str| server.get(&format!("{PATH}?{query}")).await;

    let in_order = list("orderBy=created_at").await;
    assert_eq!(in_order.json["{{resources_json}}"], json!([older, newer]));
    let instant = older["createdAt"].as_str().unwrap();
    let later = list(&format!("filter=created_at%20%3E%20%22{instant}%22")).await;
    assert_eq!(later.json["{{resources_json}}"], json!([newer]));

    let page = list("pageSize=1").await;
    let token = page.json["nextPageToken"].as_str().unwrap();
    for refused in [format!("orderBy=created_at&pageToken={token}"), "filter=id%3D1".to_owned(), "orderBy=etag".to_owned()] {
        assert_eq!(list(&refused).await.status, 400, "{refused}");
    }
}

#[tokio::test]
async fn several_are_found_together_or_not_at_all() {
    let server = TestServer::start(&SERVICE).await;
    let older = create(&server, first()).await;
    let newer = create(&server, second()).await;
    let ids = [&newer, &older].map(|{{resource_ident}}| {{resource_ident}}["id"].as_str().unwrap());
    let batch = format!("{PATH}:batchGet?ids={}&ids={}", ids[0], ids[1]);
    let found = server.get(&batch).await;
    assert_eq!(found.json["{{resources_json}}"], json!([newer, older]), "{}", found.json);

    let missing = server.get(&format!("{batch}&ids=00000000-0000-4000-8000-000000000000")).await;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json["details"][0]["reason"], "{{resource_shouty}}_NOT_FOUND");
    assert_eq!(server.get(&format!("{PATH}:batchGet")).await.status, 400);
}

#[tokio::test]
async fn an_update_changes_what_its_mask_names() {
    let server = TestServer::start(&SERVICE).await;
    let created = create(&server, first()).await;
    let path = path_of(&created);

    let changed = server.patch(&format!("{path}?updateMask={{first_field}}"), {{changes}}()).await;
    assert_eq!(changed.status, 200, "{}", changed.json);
    let mut expected = first();
    expected["{{first_field}}"] = {{changes}}()["{{first_field}}"].clone();
    assert_holds(&changed.json, &expected);

    let changed = server.patch(&path, {{changes}}()).await;
    assert_eq!(changed.status, 200, "{}", changed.json);
    assert_holds(&changed.json, &{{changes}}());

    assert_eq!(server.patch(&format!("{path}?updateMask=unknown"), {{changes}}()).await.status, 400);
}
{%- if has_immutable %}

#[tokio::test]
async fn what_is_immutable_keeps_its_value() {
    let server = TestServer::start(&SERVICE).await;
    let created = create(&server, first()).await;
    let path = path_of(&created);
{%- for field in field_list %}
{%- assign json = field[4] %}{% assign traits = field[9] %}{% assign samples = field[13] %}
{%- if traits contains "immutable" %}
    let same = json!({"{{json}}": {{samples[0][1]}}});
    assert_eq!(server.patch(&format!("{path}?updateMask={{json}}"), same).await.status, 200);
{%- if samples[0][1] != samples[1][1] %}
    let other = json!({"{{json}}": {{samples[1][1]}}});
    assert_eq!(server.patch(&format!("{path}?updateMask={{json}}"), other).await.status, 400);
{%- endif %}
{%- endif %}
{%- endfor %}
    assert_holds(&server.get(&path).await.json, &first());
}
{%- endif %}
{%- if has_zeros %}

#[tokio::test]
async fn a_zero_is_a_value() {
    let server = TestServer::start(&SERVICE).await;
    let created = create(&server, first()).await;
    let zeros = json!({
{%- for field in field_list %}
{%- assign json = field[4] %}{% assign traits = field[9] %}{% assign zero = field[14] %}
{%- if traits contains "changeable" and zero != "" %}
        "{{json}}": {{zero}},
{%- endif %}
{%- endfor %}
    });

    let changed = server.patch(&path_of(&created), zeros.clone()).await;
    assert_eq!(changed.status, 200, "{}", changed.json);
    assert_holds(&changed.json, &zeros);
    assert_eq!(server.get(&path_of(&created)).await.json, changed.json);
}
{%- endif %}
{%- if has_optional %}

#[tokio::test]
async fn what_is_optional_can_be_cleared() {
    let server = TestServer::start(&SERVICE).await;
    let created = create(&server, first()).await;

    let mask = "{% assign comma = "" %}
{%- for field in field_list %}
{%- assign json = field[4] %}{% assign traits = field[9] %}
{%- if traits contains "changeable" and traits contains "optional" %}{{comma}}{{json}}{% assign comma = "," %}{% endif %}
{%- endfor %}";
    let changed = server.patch(&format!("{}?updateMask={mask}", path_of(&created)), json!({})).await;
    assert_eq!(changed.status, 200, "{}", changed.json);
    for field in mask.split(',') {
        assert!(changed.json[field].is_null(), "{field}");
    }
}
{%- endif %}
{%- if has_required %}

#[tokio::test]
async fn what_is_required_must_be_there() {
    let server = TestServer::start(&SERVICE).await;
    let refused = server.post(PATH, json!({})).await;
    assert_eq!(refused.status, 400);
    let violations = refused.json["details"][0]["fieldViolations"].as_array().unwrap();
    assert_eq!(violations.len(), {{required_count}}, "{}", refused.json);
}
{%- endif %}
{%- if has_unique %}

#[tokio::test]
async fn a_unique_value_is_taken_once() {
    let server = TestServer::start(&SERVICE).await;
    create(&server, first()).await;
    let again = server.post(PATH, first()).await;
    assert_eq!(again.status, 409);
    assert_eq!(again.json["details"][0]["reason"], "{{resource_shouty}}_ALREADY_EXISTS");
}
{%- endif %}

#[tokio::test]
async fn a_stale_etag_changes_nothing() {
    let server = TestServer::start(&SERVICE).await;
    let created = create(&server, first()).await;
    let path = path_of(&created);
    assert_eq!(server.patch(&path, {{changes}}()).await.status, 200);

    let mut stale = {{changes}}();
    stale["etag"] = created["etag"].clone();
    let refused = server.patch(&path, stale).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json["details"][0]["reason"], "{{resource_shouty}}_CHANGED");

    let etag = created["etag"].as_str().unwrap();
    assert_eq!(server.delete(&format!("{path}?etag={etag}")).await.status, 409);
}

#[tokio::test]
async fn what_is_deleted_is_not_found() {
    let server = TestServer::start(&SERVICE).await;
    let created = create(&server, first()).await;
    let path = path_of(&created);

    assert_eq!(server.delete(&path).await.status, 200);
    for gone in [server.get(&path).await, server.patch(&path, {{changes}}()).await, server.delete(&path).await] {
        assert_eq!(gone.status, 404);
        assert_eq!(gone.json["details"][0]["reason"], "{{resource_shouty}}_NOT_FOUND");
    }
}

{% if has_embeds -%}
/// A double of the services that {{a_resource}} refers to. It finds every id, or none if `gone`.
async fn others(gone: bool) -> RunningDouble {
    let others = Double::new();
{%- for client in clients %}
{%- assign client_service = client[3] %}{% assign client_messages = client[5] %}
{%- assign client_resource = client[6] %}{% assign client_field = client[7] %}
    let others = others.method("/{{client_service}}/Get{{client_resource}}", move |get: {{client_messages}}::Get{{client_resource}}Request| {
        let found = {{client_messages}}::{{client_resource}} { id: get.id, ..Default::default() };
        let answer = {{client_messages}}::Get{{client_resource}}Response { {{client_field}}: Some(found) };
        if gone { Err(Status::not_found("gone")) } else { Ok(answer) }
    });
{%- endfor %}
    others.start().await
}

async fn start_beside(others: &RunningDouble) -> TestServer {
    let address = others.address();
    let settings = [{% for client in clients %}
{%- assign key = client[0] %}
{{- '("service.'}}{{key}}", address.as_str()), {% endfor %}];
    TestServer::configured(&SERVICE, &settings).await
}

#[tokio::test]
async fn a_full_view_embeds_what_is_referred_to() {
    let others = others(false).await;
    let server = start_beside(&others).await;
    let created = create(&server, first()).await;

    let full = server.get(&format!("{}?view={{resource_shouty}}_VIEW_FULL", path_of(&created))).await;
    assert_eq!(full.status, 200, "{}", full.json);
    let basic = server.get(&path_of(&created)).await;
{%- for embed in embeds %}
{%- assign embed_json = embed[2] %}{% assign of_json = embed[4] %}
    assert_eq!(full.json["{{embed_json}}"]["id"], created["{{of_json}}"]);
    assert!(basic.json["{{embed_json}}"].is_null());
{%- endfor %}
    let calls = others.calls();
{%- for client in clients %}
{%- assign client_service = client[3] %}
    let proven = |call| server.proven_service(call, "{{client_service}}");
    assert!(calls.iter().any(|call| proven(call).as_deref() == Some(SERVICE.name)));
{%- endfor %}
}

#[tokio::test]
async fn a_full_view_leaves_out_what_is_gone_but_not_what_it_cannot_reach() {
    let others = others(true).await;
    let server = start_beside(&others).await;
    let created = create(&server, first()).await;
    let path = format!("{}?view={{resource_shouty}}_VIEW_FULL", path_of(&created));

    let full = server.get(&path).await;
    assert_eq!(full.status, 200, "{}", full.json);
{%- for embed in embeds %}
{%- assign embed_json = embed[2] %}
    assert!(full.json["{{embed_json}}"].is_null());
{%- endfor %}
    others.stop().await;
    assert_eq!(server.get(&path).await.status, 503);
}

{% endif -%}
#[tokio::test]
async fn every_method_demands_what_its_policy_says() {
    testkit::assert_policy(&SERVICE).await;
}

{% if has_owner -%}
#[tokio::test]
async fn others_neither_see_nor_change_it() {
    let server = TestServer::start(&SERVICE).await;
    let [ada, eve] = ["ada", "eve"].map(|subject| server.with_token(&server.token(subject)));
    let mut value = first();
    value["{{owner_json}}"] = json!("eve");
    let created = ada.post(PATH, value).await.json;
    assert_eq!(created["{{owner_json}}"], "ada", "{created}");
    assert_eq!(ada.post(PATH, second()).await.status, 200);
    let path = path_of(&created);
    // This read fills the cache.
    assert_eq!(ada.get(&path).await.json, created);

    for refused in [eve.get(&path).await, eve.patch(&path, {{changes}}()).await, eve.delete(&path).await] {
        assert_eq!(refused.status, 403, "{}", refused.json);
        assert_eq!(refused.json["details"][0]["reason"], "{{resource_shouty}}_NOT_YOURS");
    }
    let batch = format!("{PATH}:batchGet?ids={}", created["id"].as_str().unwrap());
    assert_eq!(eve.get(&batch).await.status, 404);
    assert_eq!(eve.get(PATH).await.json["{{resources_json}}"], json!([]));
    let page = ada.get(&format!("{PATH}?pageSize=1")).await.json;
    let next = format!("{PATH}?pageSize=1&pageToken={}", page["nextPageToken"].as_str().unwrap());
    assert_eq!(eve.get(&next).await.status, 400);
    assert_eq!(ada.get(&next).await.json["{{resources_json}}"], json!([created]));
}

#[tokio::test]
async fn others_neither_see_nor_change_it_over_grpc() {
    let server = TestServer::start(&SERVICE).await;
    let id = create(&server, first()).await["id"].as_str().unwrap().to_owned();
    let mut client = {{proto_service}}Client::new(server.channel());
    let eve = server.token("eve");

    let get = v1::Get{{Resource}}Request { id: id.clone(){% if has_embeds %}, view: v1::{{Resource}}View::Basic.into(){% endif %} };
    let refused = client.get_{{resource_rpc}}(authorized(get, &eve)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let new = v1::{{Resource}} { id: id.clone(), ..serde_json::from_value({{changes}}()).unwrap() };
    let update = v1::Update{{Resource}}Request { {{resource_ident}}: Some(new), update_mask: None };
    let refused = client.update_{{resource_rpc}}(authorized(update, &eve)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let delete = v1::Delete{{Resource}}Request { id: id.clone(), etag: String::new() };
    let refused = client.delete_{{resource_rpc}}(authorized(delete, &eve)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);

    let batch = v1::BatchGet{{Resources}}Request { ids: vec![id] };
    let missing = client.batch_get_{{resources_rpc}}(authorized(batch, &eve)).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    let listed = client.list_{{resources_rpc}}(authorized(v1::List{{Resources}}Request::default(), &eve)).await;
    assert_eq!(listed.unwrap().into_inner().{{resources_ident}}, []);
}

{% endif -%}
#[tokio::test]
async fn everything_works_over_grpc() {
    let server = TestServer::start(&SERVICE).await;
    let mut client = {{proto_service}}Client::new(server.channel());
    let message = |value: Value| serde_json::from_value::<v1::{{Resource}}>(value).unwrap();

    let create = v1::Create{{Resource}}Request { {{resource_ident}}: Some(message(first())), request_id: None };
    let created = client.create_{{resource_rpc}}(server.authorize(create)).await.unwrap();
    let created = created.into_inner().{{resource_ident}}.unwrap();

    let get = v1::Get{{Resource}}Request { id: created.id.clone(){% if has_embeds %}, view: v1::{{Resource}}View::Basic.into(){% endif %} };
    let found = client.get_{{resource_rpc}}(server.authorize(get.clone())).await.unwrap();
    assert_eq!(found.into_inner().{{resource_ident}}.as_ref(), Some(&created));

    let listed = client.list_{{resources_rpc}}(server.authorize(v1::List{{Resources}}Request::default())).await;
    assert_eq!(listed.unwrap().into_inner().{{resources_ident}}, std::slice::from_ref(&created));

    let new = v1::{{Resource}} { id: created.id.clone(), ..message({{changes}}()) };
    let update = v1::Update{{Resource}}Request { {{resource_ident}}: Some(new), update_mask: None };
    let updated = client.update_{{resource_rpc}}(server.authorize(update)).await.unwrap();
    let updated = updated.into_inner().{{resource_ident}}.unwrap();
    assert_holds(&serde_json::to_value(&updated).unwrap(), &{{changes}}());

    let delete = v1::Delete{{Resource}}Request { id: updated.id, etag: updated.etag };
    client.delete_{{resource_rpc}}(server.authorize(delete)).await.unwrap();
    let gone = client.get_{{resource_rpc}}(server.authorize(get)).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}
