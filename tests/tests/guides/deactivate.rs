//! The result of "Add an RPC".

use consultants::server::SERVICE;
use consultants_api::v1::{
    DeactivateConsultantRequest, consultants_service_client::ConsultantsServiceClient,
};
use serde_json::json;
use testkit::TestServer;
use tonic::Code;

const PATH: &str = "/v1/consultants";

#[tokio::test]
async fn a_consultant_is_deactivated_over_http_and_grpc() {
    let server = TestServer::start(&SERVICE).await;
    let mut client = ConsultantsServiceClient::new(server.channel());
    let consultant = json!({"name": "ada", "email": "ada@example.com", "active": true});
    let created = server.post(PATH, consultant).await.json;
    let id = created["id"].as_str().unwrap().to_owned();

    let request = DeactivateConsultantRequest { id: id.clone() };
    let answer = client.deactivate_consultant(server.authorize(request.clone()));
    let answer = answer.await.unwrap().into_inner().consultant.unwrap();
    assert_eq!(answer.active, Some(false));
    let refused = client.deactivate_consultant(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);

    let path = format!("{PATH}/{id}");
    let over_http = server.post(&format!("{path}:deactivate"), json!({})).await;
    assert_eq!(over_http.status, 200, "{}", over_http.json);
    assert_eq!(over_http.json["active"], false);
    assert_eq!(server.get(&path).await.json, over_http.json);
    let no_id = server
        .post(&format!("{PATH}/x:deactivate"), json!({}))
        .await;
    assert_eq!(no_id.status, 400);
}
