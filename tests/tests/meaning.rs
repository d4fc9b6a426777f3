//! The meaning of the five standard methods, over HTTP; contracts.rs calls them over gRPC.

use serde_json::{Value, json};
use tests::{
    acme::Backend,
    http::{Http, PATIENCE},
};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

#[test]
fn every_value_comes_back_as_it_was_sent() {
    let backend = Backend::start(&[]).unwrap();
    let client = backend.client();
    let record = backend.record("every-value");
    let created = create(&client, &record);
    for (key, value) in record.as_object().unwrap() {
        assert_eq!(&created[key], value, "{key}");
    }
    assert_eq!(get(&client, &created), created);
}

#[test]
fn zero_values_survive_and_absent_ones_stay_absent() {
    let backend = Backend::start(&[]).unwrap();
    let client = backend.client();
    let zero = json!({
        "code": "zero", "active": false, "seats": 0, "visits": "0", "score": 0.0, "bio": "", "avatar": "",
        "extra": {}, "price": {"value": "0"}, "hiredAt": "1970-01-01T00:00:00Z",
        "status": "RECORD_STATUS_DRAFT", "userId": backend.user_id,
    });
    let created = create(&client, &zero);
    for (key, value) in zero.as_object().unwrap() {
        assert_eq!(&created[key], value, "{key}");
    }
    for absent in ["email", "site", "born"] {
        assert!(created.get(absent).is_none_or(Value::is_null), "{created}");
    }
    assert_eq!(get(&client, &created), created);

    // An update from other values to zero values.
    let other = create(&client, &backend.record("other"));
    let zeros = json!({"active": false, "seats": 0, "visits": "0", "score": 0.0, "bio": ""});
    let updated = client.patch(&path(&other), &zeros).unwrap().json().unwrap();
    for (key, value) in zeros.as_object().unwrap() {
        assert_eq!(&updated[key], value, "{key}");
    }
}

#[test]
fn an_update_changes_what_the_mask_names_and_nothing_else() {
    let backend = Backend::start(&[]).unwrap();
    let client = backend.client();
    let created = create(&client, &backend.record("mask"));
    let update = |query: &str, body: Value| {
        client
            .patch(&format!("{}{query}", path(&created)), &body)
            .unwrap()
    };

    // Without a mask: the fields that are present are updated.
    let updated = update("", json!({"seats": 7})).json().unwrap();
    assert_eq!(
        (&updated["seats"], &updated["bio"]),
        (&json!(7), &created["bio"])
    );
    assert_ne!(updated["etag"], created["etag"]);
    assert_eq!(updated["createdAt"], created["createdAt"]);

    // With a mask: the fields that it names are updated, whatever else is sent.
    let updated = update("?updateMask=seats", json!({"seats": 8, "bio": "ignored"}))
        .json()
        .unwrap();
    assert_eq!(
        (&updated["seats"], &updated["bio"]),
        (&json!(8), &created["bio"])
    );

    // An optional field named without a value is cleared; a required one cannot be.
    let updated = update("?updateMask=bio,born,price", json!({}))
        .json()
        .unwrap();
    for cleared in ["bio", "born", "price"] {
        assert!(updated.get(cleared).is_none_or(Value::is_null), "{updated}");
    }
    let refused = update("?updateMask=seats,code", json!({}));
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.violations().unwrap(),
        ["record.code", "record.seats"]
    );

    // All fields, an unknown field, and a field that only the server sets.
    let all = update("?updateMask=*", backend.record("mask-2"))
        .json()
        .unwrap();
    assert_eq!(
        (&all["code"], &all["bio"]),
        (&json!("mask-2"), &created["bio"])
    );
    let unknown = update("?updateMask=nonsense", json!({}));
    assert_eq!(unknown.status, 400);
    let output_only = update(
        "?updateMask=createdAt,seats",
        json!({"createdAt": "2000-01-01T00:00:00Z", "seats": 9}),
    );
    assert_eq!(
        output_only.json().unwrap()["createdAt"],
        created["createdAt"]
    );
    assert_eq!(output_only.json().unwrap()["seats"], 9);
}

#[test]
fn a_full_view_embeds_what_is_referred_to() {
    let mut backend = Backend::start(&[]).unwrap();
    let client = backend.client();
    let created = create(&client, &backend.record("embedding"));
    let full = |client: &Http| {
        let path = format!("{}?view=RECORD_VIEW_FULL", path(&created));
        client.get(&path).unwrap()
    };

    let users = backend.core.client().with_token(&backend.token);
    let user = users
        .get(&format!("/v1/users/{}", backend.user_id))
        .unwrap();
    assert_eq!(full(&client).json().unwrap()["user"], user.json().unwrap());
    assert!(get(&client, &created)["user"].is_null());
    let unknown = client.get(&format!("{}?view=7", path(&created))).unwrap();
    assert_eq!(unknown.status, 400);
    // An embedded resource is output only: a client that sends it back stores nothing.
    let sent_back = client.patch(&path(&created), &full(&client).json().unwrap());
    assert!(sent_back.unwrap().json().unwrap()["user"].is_null());

    // The embedded user is deleted, and then its service is unavailable.
    users
        .delete(&format!("/v1/users/{}", backend.user_id))
        .unwrap();
    let without = full(&client);
    assert_eq!(
        (without.status, &without.json().unwrap()["user"]),
        (200, &Value::Null)
    );
    backend.core.process.signal("KILL").unwrap();
    backend.core.process.wait(PATIENCE).unwrap();
    let away = full(&client);
    assert_eq!(
        (away.status, away.reason().unwrap().as_str()),
        (503, "DEPENDENCY_UNAVAILABLE")
    );
    assert!(!String::from_utf8_lossy(&away.body).contains("connect"));
}

#[test]
fn a_unique_value_taken_twice_is_a_conflict() {
    let backend = Backend::start(&[]).unwrap();
    let client = backend.client();
    create(&client, &backend.record("taken"));
    let twice = client
        .post("/v1/records", &backend.record("taken"))
        .unwrap();
    assert_eq!(
        (twice.status, twice.reason().unwrap().as_str()),
        (409, "RECORD_ALREADY_EXISTS")
    );
    assert_eq!(twice.json().unwrap()["code"], 6);

    let other = create(&client, &backend.record("free"));
    let renamed = client
        .patch(&path(&other), &json!({"code": "taken"}))
        .unwrap();
    assert_eq!(
        (renamed.status, renamed.reason().unwrap().as_str()),
        (409, "RECORD_ALREADY_EXISTS")
    );
    assert_eq!(get(&client, &other), other);
}

#[test]
fn a_missing_row_is_not_found() {
    let backend = Backend::start(&[]).unwrap();
    let client = backend.client();
    let nobody = format!("/v1/records/{NOBODY}");
    for answer in [
        client.get(&nobody),
        client.patch(&nobody, &json!({"seats": 1})),
        client.delete(&nobody),
    ] {
        let answer = answer.unwrap();
        assert_eq!(
            (answer.status, answer.reason().unwrap().as_str()),
            (404, "RECORD_NOT_FOUND")
        );
        assert_eq!(answer.json().unwrap()["code"], 5);
    }
    let created = create(&client, &backend.record("gone"));
    assert_eq!(
        client.delete(&path(&created)).unwrap().json().unwrap(),
        json!({})
    );
    assert_eq!(client.delete(&path(&created)).unwrap().status, 404);
}

#[test]
fn a_stale_etag_aborts() {
    let backend = Backend::start(&[]).unwrap();
    let client = backend.client();
    let created = create(&client, &backend.record("stale"));
    let etag = created["etag"].as_str().unwrap();
    let updated = client
        .patch(&path(&created), &json!({"seats": 1, "etag": etag}))
        .unwrap();
    assert_eq!(updated.status, 200);
    for stale in [
        client.patch(&path(&created), &json!({"seats": 2, "etag": etag})),
        client.delete(&format!("{}?etag={etag}", path(&created))),
        client.delete(&format!("{}?etag=nonsense", path(&created))),
    ] {
        let stale = stale.unwrap();
        assert_eq!(
            (stale.status, stale.reason().unwrap().as_str()),
            (409, "RECORD_CHANGED")
        );
        assert_eq!(stale.json().unwrap()["code"], 10);
    }
    assert_eq!(get(&client, &created), updated.json().unwrap());
    let current = updated.json().unwrap()["etag"].as_str().unwrap().to_owned();
    assert_eq!(
        client
            .delete(&format!("{}?etag={current}", path(&created)))
            .unwrap()
            .status,
        200
    );
}

#[test]
fn pages_show_each_row_once_newest_first() {
    let backend = Backend::start(&[]).unwrap();
    let client = backend.client();
    let mut ids: Vec<Value> = (0..7)
        .map(|number| create(&client, &backend.record(&format!("page-{number}")))["id"].clone())
        .collect();
    ids.reverse();

    let (mut seen, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = client
            .get(&format!("/v1/records?pageSize=3&pageToken={token}"))
            .unwrap()
            .json()
            .unwrap();
        seen.extend(
            page["records"]
                .as_array()
                .unwrap()
                .iter()
                .map(|record| record["id"].clone()),
        );
        pages += 1;
        token = page["nextPageToken"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ids);
    assert_eq!(pages, 3);
}

#[test]
fn lists_show_what_the_filter_asks_for_in_the_order_asked_for() {
    let backend = Backend::start(&[]).unwrap();
    let client = backend.client();
    for (code, seats) in [("c 1", 3), ("b 2", 9), ("a \\ \"3\"", 3), ("d%_", 10)] {
        let mut record = backend.record(code);
        record["seats"] = json!(seats);
        create(&client, &record);
    }
    let list = |filter: &str, order_by: &str| {
        let query = format!(
            "/v1/records?filter={}&orderBy={}",
            encoded(filter),
            encoded(order_by)
        );
        let answer = client.get(&query).unwrap();
        assert_eq!(answer.status, 200, "{filter}: {answer:?}");
        let records = answer.json().unwrap()["records"].clone();
        let records = records.as_array().unwrap().iter();
        records
            .map(|record| record["code"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(list("", "code desc"), ["d%_", "c 1", "b 2", "a \\ \"3\""]);
    // Sorted as numbers, not as texts: 10 comes after 9. Equal values are sorted by id, in either direction.
    let up = list("", "seats");
    assert_eq!(up[2..], ["b 2", "d%_"]);
    assert_eq!(
        list("", "seats desc"),
        up.into_iter().rev().collect::<Vec<_>>()
    );
    assert_eq!(list("seats > 3 AND code != \"b 2\"", "code"), ["d%_"]);
    assert_eq!(
        list("code = \"c 1\" OR seats >= 10", "code"),
        ["c 1", "d%_"]
    );
    assert_eq!(list("NOT seats = 3", "code"), ["b 2", "d%_"]);
    assert_eq!(list("code = 'a \\\\ \"3\"'", ""), ["a \\ \"3\""]);
    assert_eq!(list("code = 'd%'", ""), [""; 0]);
    assert_eq!(list("created_at < \"2026-01-01T00:00:00Z\"", ""), [""; 0]);

    let page = client.get("/v1/records?pageSize=1&orderBy=seats").unwrap();
    let page = page.json().unwrap();
    let token = page["nextPageToken"].as_str().unwrap();
    for (query, field) in [
        (
            format!("orderBy=seats%20desc&pageToken={token}"),
            "page_token",
        ),
        (
            format!("orderBy=seats&filter=seats%3D3&pageToken={token}"),
            "page_token",
        ),
        ("filter=active%3Dtrue".to_owned(), "filter"),
        ("orderBy=active".to_owned(), "order_by"),
    ] {
        let refused = client.get(&format!("/v1/records?{query}")).unwrap();
        assert_eq!(refused.status, 400, "{query}");
        assert_eq!(refused.violations().unwrap(), [field], "{query}");
    }
}

#[test]
fn several_are_found_together_in_the_order_of_their_ids() {
    let backend = Backend::start(&[]).unwrap();
    let client = backend.client();
    let records = ["one", "two", "three"].map(|code| create(&client, &backend.record(code)));
    let get = |records: &[&Value]| {
        let ids = records
            .iter()
            .map(|record| format!("ids={}&", record["id"].as_str().unwrap()));
        client
            .get(&format!(
                "/v1/records:batchGet?{}",
                ids.collect::<String>().trim_end_matches('&')
            ))
            .unwrap()
    };
    let [one, two, three] = &records;
    assert_eq!(
        get(&[three, one]).json().unwrap()["records"],
        json!([three, one])
    );
    assert_eq!(client.delete(&path(two)).unwrap().status, 200);
    let missing = get(&[one, two]);
    assert_eq!(
        (missing.status, missing.reason().unwrap().as_str()),
        (404, "RECORD_NOT_FOUND")
    );
}

#[test]
fn only_the_user_themselves_changes_a_user() {
    let backend = Backend::start(&[]).unwrap();
    let client = backend.core.client().with_token(&backend.token);
    let bob =
        json!({"user": {"email": "bob@example.com", "name": "Bob"}, "password": "battery staple"});
    let bob = client.post("/v1/users", &bob).unwrap().json().unwrap();
    let path = format!("/v1/users/{}", bob["id"].as_str().unwrap());
    for answer in [
        client.patch(&path, &json!({"name": "Eve"})),
        client.delete(&path),
    ] {
        let answer = answer.unwrap();
        assert_eq!(
            (answer.status, answer.reason().unwrap().as_str()),
            (403, "NOT_YOURSELF")
        );
    }
    let again =
        json!({"user": {"email": "BOB@example.com", "name": "Bob"}, "password": "battery staple"});
    let again = client.post("/v1/users", &again).unwrap();
    assert_eq!(
        (again.status, again.reason().unwrap().as_str()),
        (409, "USER_ALREADY_EXISTS")
    );
    assert!(!String::from_utf8_lossy(&again.body).contains("battery"));
}

fn create(client: &Http, record: &Value) -> Value {
    let answer = client.post("/v1/records", record).unwrap();
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    answer.json().unwrap()
}

fn get(client: &Http, record: &Value) -> Value {
    let answer = client.get(&path(record)).unwrap();
    assert_eq!(answer.status, 200);
    answer.json().unwrap()
}

/// Encodes a value for a URL.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn path(record: &Value) -> String {
    format!("/v1/records/{}", record["id"].as_str().unwrap())
}
