//! `consultants` over HTTP and gRPC, as its clients see it.

use consultants::server::SERVICE;
use consultants_api::v1::{self, consultants_service_client::ConsultantsServiceClient};
use serde_json::{Value, json};
use testkit::TestServer;
use tonic::Code;

const PATH: &str = "/v1/consultants";

fn first() -> Value {
    json!({
        "name": "name a",
        "email": "a@example.com",
        "born": {"year": 1990, "month": 4, "day": 12},
        "active": true,
    })
}

fn second() -> Value {
    json!({
        "name": "name b",
        "email": "b@example.com",
        "born": {"year": 2000, "month": 2, "day": 29},
        "active": false,
    })
}

async fn create(server: &TestServer, value: Value) -> Value {
    let created = server.post(PATH, value).await;
    assert_eq!(created.status, 200, "{}", created.json);
    created.json
}

fn path_of(consultant: &Value) -> String {
    format!("{PATH}/{}", consultant["id"].as_str().unwrap())
}

/// Asserts that every field of `expected` has the same value in `found`.
fn assert_holds(found: &Value, expected: &Value) {
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&found[field], value, "{field}");
    }
}

/// Asserts that `given` has every field that a client can set, so that no test forgets a new one.
fn assert_gives_all(given: &Value, consultant: &Value) {
    let set_by_the_server = ["id", "etag", "createdAt", "updatedAt"];
    for field in consultant.as_object().unwrap().keys() {
        let is_given = given.get(field).is_some();
        assert!(
            is_given || set_by_the_server.contains(&field.as_str()),
            "`first` and `second` lack {field}"
        );
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
    assert_eq!(
        server.get(PATH).await.json["consultants"],
        json!([created.json])
    );

    let other = server.post(&path, second()).await;
    assert_eq!(other.status, 409);
    assert_eq!(
        other.json["details"][0]["reason"],
        "CONSULTANT_REQUEST_ID_REUSED"
    );
}

#[tokio::test]
async fn lists_come_in_pages() {
    let server = TestServer::start(&SERVICE).await;
    create(&server, first()).await;
    create(&server, second()).await;

    let mut found = Vec::new();
    let mut token = String::new();
    for _ in 0..2 {
        let page = server
            .get(&format!("{PATH}?pageSize=1&pageToken={token}"))
            .await;
        assert_eq!(page.status, 200, "{}", page.json);
        found.extend(page.json["consultants"].as_array().unwrap().clone());
        token = page.json["nextPageToken"].as_str().unwrap().to_owned();
    }
    assert_eq!((found.len(), token.as_str()), (2, ""));
    assert_ne!(found[0]["id"], found[1]["id"]);

    assert_eq!(
        server
            .get(&format!("{PATH}?pageToken=another"))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn lists_are_filtered_and_ordered() {
    let server = TestServer::start(&SERVICE).await;
    let older = create(&server, first()).await;
    let newer = create(&server, second()).await;
    let list = async |query: &str| server.get(&format!("{PATH}?{query}")).await;

    let in_order = list("orderBy=created_at").await;
    assert_eq!(in_order.json["consultants"], json!([older, newer]));
    let instant = older["createdAt"].as_str().unwrap();
    let later = list(&format!("filter=created_at%20%3E%20%22{instant}%22")).await;
    assert_eq!(later.json["consultants"], json!([newer]));

    let page = list("pageSize=1").await;
    let token = page.json["nextPageToken"].as_str().unwrap();
    for refused in [
        format!("orderBy=created_at&pageToken={token}"),
        "filter=id%3D1".to_owned(),
        "orderBy=etag".to_owned(),
    ] {
        assert_eq!(list(&refused).await.status, 400, "{refused}");
    }
}

#[tokio::test]
async fn several_are_found_together_or_not_at_all() {
    let server = TestServer::start(&SERVICE).await;
    let older = create(&server, first()).await;
    let newer = create(&server, second()).await;
    let ids = [&newer, &older].map(|consultant| consultant["id"].as_str().unwrap());
    let batch = format!("{PATH}:batchGet?ids={}&ids={}", ids[0], ids[1]);
    let found = server.get(&batch).await;
    assert_eq!(
        found.json["consultants"],
        json!([newer, older]),
        "{}",
        found.json
    );

    let missing = server
        .get(&format!("{batch}&ids=00000000-0000-4000-8000-000000000000"))
        .await;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json["details"][0]["reason"], "CONSULTANT_NOT_FOUND");
    assert_eq!(server.get(&format!("{PATH}:batchGet")).await.status, 400);
}

#[tokio::test]
async fn an_update_changes_what_its_mask_names() {
    let server = TestServer::start(&SERVICE).await;
    let created = create(&server, first()).await;
    let path = path_of(&created);

    let changed = server
        .patch(&format!("{path}?updateMask=name"), second())
        .await;
    assert_eq!(changed.status, 200, "{}", changed.json);
    let mut expected = first();
    expected["name"] = second()["name"].clone();
    assert_holds(&changed.json, &expected);

    let changed = server.patch(&path, second()).await;
    assert_eq!(changed.status, 200, "{}", changed.json);
    assert_holds(&changed.json, &second());

    assert_eq!(
        server
            .patch(&format!("{path}?updateMask=unknown"), second())
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_zero_is_a_value() {
    let server = TestServer::start(&SERVICE).await;
    let created = create(&server, first()).await;
    let zeros = json!({
        "active": false,
    });

    let changed = server.patch(&path_of(&created), zeros.clone()).await;
    assert_eq!(changed.status, 200, "{}", changed.json);
    assert_holds(&changed.json, &zeros);
    assert_eq!(server.get(&path_of(&created)).await.json, changed.json);
}

#[tokio::test]
async fn what_is_optional_can_be_cleared() {
    let server = TestServer::start(&SERVICE).await;
    let created = create(&server, first()).await;

    let mask = "born";
    let changed = server
        .patch(
            &format!("{}?updateMask={mask}", path_of(&created)),
            json!({}),
        )
        .await;
    assert_eq!(changed.status, 200, "{}", changed.json);
    for field in mask.split(',') {
        assert!(changed.json[field].is_null(), "{field}");
    }
}

#[tokio::test]
async fn what_is_required_must_be_there() {
    let server = TestServer::start(&SERVICE).await;
    let refused = server.post(PATH, json!({})).await;
    assert_eq!(refused.status, 400);
    let violations = refused.json["details"][0]["fieldViolations"]
        .as_array()
        .unwrap();
    assert_eq!(violations.len(), 3, "{}", refused.json);
}

#[tokio::test]
async fn a_unique_value_is_taken_once() {
    let server = TestServer::start(&SERVICE).await;
    create(&server, first()).await;
    let again = server.post(PATH, first()).await;
    assert_eq!(again.status, 409);
    assert_eq!(
        again.json["details"][0]["reason"],
        "CONSULTANT_ALREADY_EXISTS"
    );
}

#[tokio::test]
async fn a_stale_etag_changes_nothing() {
    let server = TestServer::start(&SERVICE).await;
    let created = create(&server, first()).await;
    let path = path_of(&created);
    assert_eq!(server.patch(&path, second()).await.status, 200);

    let mut stale = second();
    stale["etag"] = created["etag"].clone();
    let refused = server.patch(&path, stale).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json["details"][0]["reason"], "CONSULTANT_CHANGED");

    let etag = created["etag"].as_str().unwrap();
    assert_eq!(
        server.delete(&format!("{path}?etag={etag}")).await.status,
        409
    );
}

#[tokio::test]
async fn what_is_deleted_is_not_found() {
    let server = TestServer::start(&SERVICE).await;
    let created = create(&server, first()).await;
    let path = path_of(&created);

    assert_eq!(server.delete(&path).await.status, 200);
    for gone in [
        server.get(&path).await,
        server.patch(&path, second()).await,
        server.delete(&path).await,
    ] {
        assert_eq!(gone.status, 404);
        assert_eq!(gone.json["details"][0]["reason"], "CONSULTANT_NOT_FOUND");
    }
}

#[tokio::test]
async fn every_method_demands_what_its_policy_says() {
    testkit::assert_policy(&SERVICE).await;
}

#[tokio::test]
async fn everything_works_over_grpc() {
    let server = TestServer::start(&SERVICE).await;
    let mut client = ConsultantsServiceClient::new(server.channel());
    let message = |value: Value| serde_json::from_value::<v1::Consultant>(value).unwrap();

    let create = v1::CreateConsultantRequest {
        consultant: Some(message(first())),
        request_id: None,
    };
    let created = client
        .create_consultant(server.authorize(create))
        .await
        .unwrap();
    let created = created.into_inner().consultant.unwrap();

    let get = v1::GetConsultantRequest {
        id: created.id.clone(),
    };
    let found = client
        .get_consultant(server.authorize(get.clone()))
        .await
        .unwrap();
    assert_eq!(found.into_inner().consultant.as_ref(), Some(&created));

    let listed = client
        .list_consultants(server.authorize(v1::ListConsultantsRequest::default()))
        .await;
    assert_eq!(
        listed.unwrap().into_inner().consultants,
        std::slice::from_ref(&created)
    );

    let new = v1::Consultant {
        id: created.id.clone(),
        ..message(second())
    };
    let update = v1::UpdateConsultantRequest {
        consultant: Some(new),
        update_mask: None,
    };
    let updated = client
        .update_consultant(server.authorize(update))
        .await
        .unwrap();
    let updated = updated.into_inner().consultant.unwrap();
    assert_holds(&serde_json::to_value(&updated).unwrap(), &second());

    let delete = v1::DeleteConsultantRequest {
        id: updated.id,
        etag: updated.etag,
    };
    client
        .delete_consultant(server.authorize(delete))
        .await
        .unwrap();
    let gone = client
        .get_consultant(server.authorize(get))
        .await
        .unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}
