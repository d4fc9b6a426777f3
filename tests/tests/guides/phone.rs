//! The result of "Add a field".

use consultants::server::SERVICE;
use serde_json::json;
use testkit::TestServer;

const PATH: &str = "/v1/consultants";

#[tokio::test]
async fn a_phone_number_is_stored_returned_listed_filtered_and_changed() {
    let server = TestServer::start(&SERVICE).await;
    let consultant = |name: &str, phone| {
        let email = format!("{name}@example.com");
        json!({"name": name, "email": email, "active": true, "phone": phone})
    };
    let ada = server.post(PATH, consultant("ada", json!("1815"))).await;
    assert_eq!((ada.status, &ada.json["phone"]), (200, &json!("1815")));
    let eve = server.post(PATH, consultant("eve", json!(null))).await;
    assert!(eve.json["phone"].is_null(), "{}", eve.json);

    let path = format!("{PATH}/{}", ada.json["id"].as_str().unwrap());
    assert_eq!(server.get(&path).await.json, ada.json);
    let all = server.get(PATH).await.json;
    assert_eq!(all["consultants"], json!([eve.json, ada.json]));
    let found = server
        .get(&format!("{PATH}?filter=phone%20%3D%20%221815%22"))
        .await;
    assert_eq!(found.json["consultants"], json!([ada.json]));

    let mask = format!("{path}?updateMask=phone");
    let changed = server.patch(&mask, json!({"phone": "1852"})).await;
    assert_eq!(changed.json["phone"], "1852", "{}", changed.json);
    let cleared = server.patch(&mask, json!({})).await;
    assert!(cleared.json["phone"].is_null(), "{}", cleared.json);
    let too_long = json!({"phone": "1".repeat(41)});
    assert_eq!(server.patch(&path, too_long).await.status, 400);
}
