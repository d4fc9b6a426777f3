//! Sessions over HTTP and gRPC, as clients and attackers see them.

use std::time::Duration;

use auth_api::v1::{
    ChangePasswordRequest, LogInRequest, LogOutRequest, RefreshRequest, Session,
    auth_service_client::AuthServiceClient,
};
use core_service::server::SERVICE;
use serde_json::{Value, json};
use testkit::{Response, TestServer};
use tonic::{Code, Request, Status, transport::Channel};
use tonic_types::StatusExt;

const PASSWORD: &str = "correct horse";

async fn register(server: &TestServer, email: &str) -> Value {
    let registration = json!({"user": {"email": email, "name": "Ada"}, "password": PASSWORD});
    let registered = server.anonymous().post("/v1/users", registration).await;
    assert_eq!(registered.status, 200, "{}", registered.json);
    registered.json
}

async fn log_in(server: &TestServer, email: &str, password: &str) -> Response {
    let credentials = json!({"email": email, "password": password});
    server.anonymous().post("/v1/auth/login", credentials).await
}

async fn refresh(server: &TestServer, session: &Value) -> Response {
    let token = json!({"refreshToken": session["refreshToken"]});
    server.anonymous().post("/v1/auth/refresh", token).await
}

fn ended(response: &Response) -> bool {
    response.status == 401 && response.json["details"][0]["reason"] == "SESSION_ENDED"
}

#[tokio::test]
async fn a_session_goes_on_until_it_is_logged_out() {
    let server = TestServer::start(&SERVICE).await;
    let user = register(&server, "ada@example.com").await;
    let first = log_in(&server, "ada@example.com", PASSWORD).await.json;
    assert_eq!(first["userId"], user["id"]);
    assert_eq!(first["expiresIn"], "300s");
    assert_eq!(first["refreshExpiresIn"], "1209600s");

    let second = refresh(&server, &first).await;
    assert_eq!(second.status, 200, "{}", second.json);
    let second = second.json;
    let client = server.with_token(second["accessToken"].as_str().unwrap());
    let path = format!("/v1/users/{}", user["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await.status, 200);
    // Services do not accept a refresh token.
    let client = server.with_token(second["refreshToken"].as_str().unwrap());
    assert_eq!(client.get(&path).await.status, 401);

    for _ in 0..2 {
        let token = json!({"refreshToken": second["refreshToken"]});
        let out = server.anonymous().post("/v1/auth/logout", token).await;
        assert_eq!(out.status, 200, "{}", out.json);
    }
    assert!(ended(&refresh(&server, &second).await));
}

#[tokio::test]
async fn a_stolen_refresh_token_ends_its_session_and_no_other() {
    let server = TestServer::start(&SERVICE).await;
    register(&server, "ada@example.com").await;
    let phone = log_in(&server, "ada@example.com", PASSWORD).await.json;
    let laptop = log_in(&server, "ada@example.com", PASSWORD).await.json;

    let thief = refresh(&server, &phone).await.json;
    assert!(ended(&refresh(&server, &phone).await), "the phone");
    assert!(ended(&refresh(&server, &thief).await), "the thief");
    assert_eq!(refresh(&server, &laptop).await.status, 200);
}

#[tokio::test]
async fn of_many_refreshes_at_once_one_succeeds() {
    let server = TestServer::start(&SERVICE).await;
    register(&server, "ada@example.com").await;
    let session = log_in(&server, "ada@example.com", PASSWORD).await.json;
    let body = json!({"refreshToken": session["refreshToken"]});
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (client, body) = (server.anonymous(), body.clone());
        requests.spawn(async move { client.post("/v1/auth/refresh", body).await.status });
    }
    let mut statuses = requests.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401, 401, 401, 401, 401, 401, 401]);
}

#[tokio::test]
async fn a_deleted_user_has_no_session() {
    let server = TestServer::start(&SERVICE).await;
    let user = register(&server, "ada@example.com").await;
    let session = log_in(&server, "ada@example.com", PASSWORD).await.json;
    let client = server.with_token(session["accessToken"].as_str().unwrap());
    let path = format!("/v1/users/{}", user["id"].as_str().unwrap());
    assert_eq!(client.delete(&path).await.status, 200);

    assert!(ended(&refresh(&server, &session).await));
    let again = log_in(&server, "ada@example.com", PASSWORD).await;
    assert_eq!(again.status, 401);
    let change = json!({"oldPassword": PASSWORD, "newPassword": "battery staple"});
    assert_eq!(client.post("/v1/auth/password", change).await.status, 403);
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_other_sessions() {
    let server = TestServer::start(&SERVICE).await;
    register(&server, "ada@example.com").await;
    let phone = log_in(&server, "ada@example.com", PASSWORD).await.json;
    let laptop = log_in(&server, "ada@example.com", PASSWORD).await.json;
    let client = server.with_token(laptop["accessToken"].as_str().unwrap());

    let change = json!({"oldPassword": "wrong horse", "newPassword": "battery staple"});
    let refused = client.post("/v1/auth/password", change).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json["details"][0]["reason"], "WRONG_PASSWORD");
    let change = json!({"oldPassword": PASSWORD, "newPassword": "short"});
    assert_eq!(client.post("/v1/auth/password", change).await.status, 400);
    let change = json!({"oldPassword": PASSWORD, "newPassword": "battery staple"});
    let nobody = server
        .anonymous()
        .post("/v1/auth/password", change.clone())
        .await;
    assert_eq!(nobody.status, 401);

    let changed = client.post("/v1/auth/password", change).await;
    assert_eq!(changed.status, 200, "{}", changed.json);
    assert!(ended(&refresh(&server, &phone).await));
    assert!(ended(&refresh(&server, &laptop).await));
    assert_eq!(refresh(&server, &changed.json).await.status, 200);
    assert_eq!(
        log_in(&server, "ada@example.com", PASSWORD).await.status,
        401
    );
    assert_eq!(
        log_in(&server, "ada@example.com", "battery staple")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn an_address_is_one_however_it_is_spelled() {
    let server = TestServer::start(&SERVICE).await;
    register(&server, "ada@xn--bcher-kva.example").await;
    register(&server, "Zo\u{eb}@b\u{fc}cher.example").await;
    for spelling in [
        "ADA@b\u{fc}cher.example",
        "ada@bu\u{308}cher.Example",
        "ａda@xn--bcher-kva.example",
        "ZOE\u{308}@xn--bcher-kva.example",
    ] {
        let session = log_in(&server, spelling, PASSWORD).await;
        assert_eq!(session.status, 200, "{spelling}");
    }
}

#[tokio::test]
async fn access_tokens_of_more_than_five_minutes_are_not_to_be_had() {
    let sources = platform::Sources::settings([
        ("service.token_lifetime", "6m"),
        ("service.session_idle", "0s"),
    ]);
    let refused = platform::Application::assemble(&SERVICE, &[], &sources).await;
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("service.token_lifetime"), "{refused}");
    assert!(refused.contains("must be from 1s to 5m"), "{refused}");
    assert!(refused.contains("must be from 1s to 3650d"), "{refused}");
}

type Auth = AuthServiceClient<Channel>;

/// A server behind a proxy that forwards the addresses of its clients.
async fn behind_a_proxy() -> (TestServer, Auth) {
    let server = TestServer::configured(&SERVICE, &[("http.proxies", "127.0.0.0/8")]).await;
    let auth = AuthServiceClient::new(server.channel());
    (server, auth)
}

async fn log_in_from(
    auth: &mut Auth,
    address: &str,
    email: &str,
    password: &str,
) -> Result<Session, Status> {
    let mut request = Request::new(LogInRequest {
        email: email.to_owned(),
        password: password.to_owned(),
    });
    let address = address.parse().unwrap();
    request.metadata_mut().insert("x-forwarded-for", address);
    let answer = auth.log_in(request).await?.into_inner();
    Ok(answer.session.unwrap())
}

#[tokio::test]
async fn a_guesser_is_throttled_and_the_user_logs_in_from_elsewhere() {
    let (server, mut auth) = behind_a_proxy().await;
    register(&server, "ada@example.com").await;
    let mut guesses = 0;
    let refused = loop {
        let guess = format!("guess {guesses}");
        let wrong = log_in_from(&mut auth, "203.0.113.1", "ada@example.com", &guess).await;
        match wrong.unwrap_err() {
            wrong if wrong.code() == Code::Unauthenticated => guesses += 1,
            refused => break refused,
        }
    };
    assert_eq!(guesses, 10);
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let details = refused.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "TOO_MANY_ATTEMPTS");
    let wait = details.retry_info().unwrap().retry_delay.unwrap();
    assert!(
        wait > Duration::from_secs(240) && wait <= Duration::from_secs(300),
        "{wait:?}"
    );

    // The right password gets the same answer, so that a guesser cannot find out that it is right.
    let right = log_in_from(&mut auth, "203.0.113.1", "ADA@example.com", PASSWORD).await;
    assert_eq!(right.unwrap_err().code(), Code::ResourceExhausted);
    let victim = log_in_from(&mut auth, "203.0.113.2", "ada@example.com", PASSWORD).await;
    victim.unwrap();
}

#[tokio::test]
async fn stuffing_is_throttled_and_the_victims_log_in_from_elsewhere() {
    let (server, mut auth) = behind_a_proxy().await;
    register(&server, "ada@example.com").await;
    let mut tried = 0;
    while log_in_from(
        &mut auth,
        "203.0.113.1",
        &format!("{tried}@example.com"),
        "leaked",
    )
    .await
    .is_err_and(|error| error.code() == Code::Unauthenticated)
    {
        tried += 1;
    }
    // It is more than 100 only if a minute has passed.
    assert!((100..110).contains(&tried), "{tried}");
    // The one account for which the leaked password is right is refused, too.
    let leaked = log_in_from(&mut auth, "203.0.113.1", "ada@example.com", PASSWORD).await;
    assert_eq!(leaked.unwrap_err().code(), Code::ResourceExhausted);
    let victim = log_in_from(&mut auth, "203.0.113.2", "ada@example.com", PASSWORD).await;
    victim.unwrap();
}

#[tokio::test]
async fn a_header_of_ones_own_is_no_way_around_the_throttle() {
    let server = TestServer::start(&SERVICE).await;
    let mut auth = AuthServiceClient::new(server.channel());
    let mut codes = Vec::new();
    for number in 0..12 {
        let address = format!("203.0.113.{number}");
        let wrong = log_in_from(&mut auth, &address, "ada@example.com", "wrong horse").await;
        codes.push(wrong.unwrap_err().code());
    }
    assert_eq!(
        codes[9..],
        [
            Code::Unauthenticated,
            Code::ResourceExhausted,
            Code::ResourceExhausted
        ]
    );
}

#[tokio::test]
async fn everything_works_over_grpc() {
    let server = TestServer::start(&SERVICE).await;
    register(&server, "ada@example.com").await;
    let mut auth = AuthServiceClient::new(server.channel());
    let credentials = LogInRequest {
        email: "ada@example.com".to_owned(),
        password: PASSWORD.to_owned(),
    };
    let first = auth
        .log_in(credentials)
        .await
        .unwrap()
        .into_inner()
        .session
        .unwrap();
    let shown = format!("{first:?}");
    assert!(!shown.contains(&first.access_token) && !shown.contains(&first.refresh_token));

    let refresh = |refresh_token: &str| RefreshRequest {
        refresh_token: refresh_token.to_owned(),
    };
    let second = auth.refresh(refresh(&first.refresh_token)).await.unwrap();
    let second = second.into_inner().session.unwrap();
    let change = ChangePasswordRequest {
        old_password: PASSWORD.to_owned(),
        new_password: "battery staple".to_owned(),
    };
    let changed = auth
        .change_password(testkit::authorized(change, &second.access_token))
        .await;
    let changed = changed.unwrap().into_inner().session.unwrap();
    let ended = auth
        .refresh(refresh(&second.refresh_token))
        .await
        .unwrap_err();
    assert_eq!(ended.code(), Code::Unauthenticated);
    let log_out = LogOutRequest {
        refresh_token: changed.refresh_token.clone(),
    };
    auth.log_out(log_out).await.unwrap();
    let ended = auth
        .refresh(refresh(&changed.refresh_token))
        .await
        .unwrap_err();
    assert_eq!(
        ended.get_error_details().error_info().unwrap().reason,
        "SESSION_ENDED"
    );
}
