//! `core` over HTTP and gRPC, as its clients see it.

use auth_api::v1::{LogInRequest, auth_service_client::AuthServiceClient};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use core_service::server::SERVICE;
use serde_json::{Value, json};
use testkit::TestServer;
use tonic::Code;
use users_api::v1::{
    CreateUserRequest, DeleteUserRequest, GetUserRequest, UpdateUserRequest, User,
    users_service_client::UsersServiceClient,
};

const PASSWORD: &str = "correct horse";

/// Registers a user and logs in. Returns the user, as they see themselves, and the access token.
async fn join(server: &TestServer, email: &str) -> (Value, String) {
    let registration = json!({"user": {"email": email, "name": "Ada"}, "password": PASSWORD});
    let registered = server.anonymous().post("/v1/users", registration).await;
    assert_eq!(registered.status, 200, "{}", registered.json);
    let mut user = registered.json;
    // Nobody is known to look at the answer of a public method.
    assert_eq!(user["email"], Value::Null);
    user["email"] = email.into();

    let credentials = json!({"email": email, "password": PASSWORD});
    let session = server.anonymous().post("/v1/auth/login", credentials).await;
    assert_eq!(session.status, 200, "{}", session.json);
    let token = session.json["accessToken"].as_str().unwrap().to_owned();
    (user, token)
}

#[tokio::test]
async fn a_user_registers_logs_in_and_is_found() {
    let server = TestServer::start(&SERVICE).await;
    let (user, token) = join(&server, "ada@example.com").await;

    let client = server.with_token(&token);
    let found = client
        .get(&format!("/v1/users/{}", user["id"].as_str().unwrap()))
        .await;
    assert_eq!((found.status, found.json), (200, user.clone()));
    let listed = client.get("/v1/users").await;
    assert_eq!(listed.status, 403, "{}", listed.json);
}

#[tokio::test]
async fn an_address_is_seen_by_its_user_and_by_administrators_only() {
    let server = TestServer::start(&SERVICE).await;
    let (ada, ada_token) = join(&server, "ada@example.com").await;
    let (_, eve_token) = join(&server, "eve@example.com").await;
    let id = ada["id"].as_str().unwrap();
    let admin_token = server.token("an administrator");
    for (token, expected) in [
        (&ada_token, Some("ada@example.com")),
        (&eve_token, None),
        (&admin_token, Some("ada@example.com")),
    ] {
        let over_http = server
            .with_token(token)
            .get(&format!("/v1/users/{id}"))
            .await;
        assert_eq!(over_http.json["email"], json!(expected));
        assert_eq!(over_http.json["name"], "Ada");

        let get = testkit::authorized(GetUserRequest { id: id.to_owned() }, token);
        let mut client = UsersServiceClient::new(server.channel());
        let over_grpc = client.get_user(get).await.unwrap().into_inner();
        assert_eq!(over_grpc.user.unwrap().email.as_deref(), expected);
    }
}

#[tokio::test]
async fn an_administrator_lists_users_by_their_address() {
    let server = TestServer::start(&SERVICE).await;
    let (ada, _) = join(&server, "ada@example.com").await;
    let (bob, _) = join(&server, "bob@example.com").await;

    let client = server.with_token(&server.token("an administrator"));
    let in_order = client.get("/v1/users?orderBy=email%20desc").await;
    assert_eq!(in_order.json["users"], json!([bob, ada]));
    let found = client
        .get("/v1/users?filter=email%3D%22ada@example.com%22")
        .await;
    assert_eq!(found.json["users"], json!([ada]));
    let refused = client.get("/v1/users?filter=name%3DAda").await;
    assert_eq!(refused.status, 400, "{}", refused.json);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_told_alike() {
    let server = TestServer::start(&SERVICE).await;
    join(&server, "ada@example.com").await;

    let wrong = json!({"email": "ada@example.com", "password": "wrong horse"});
    let wrong = server.anonymous().post("/v1/auth/login", wrong).await;
    let unknown = json!({"email": "eve@example.com", "password": PASSWORD});
    let unknown = server.anonymous().post("/v1/auth/login", unknown).await;

    assert_eq!(wrong.status, 401);
    assert_eq!(wrong.json["details"][0]["reason"], "WRONG_CREDENTIALS");
    assert_eq!((unknown.status, unknown.json), (wrong.status, wrong.json));
}

#[tokio::test]
async fn an_address_is_registered_once_whatever_its_letters_case() {
    let server = TestServer::start(&SERVICE).await;
    join(&server, "ada@example.com").await;

    let again = json!({
        "user": {"email": "ADA@example.com", "name": "Ada"},
        "password": PASSWORD,
    });
    let again = server.anonymous().post("/v1/users", again).await;
    assert_eq!(again.status, 409);
    assert_eq!(again.json["details"][0]["reason"], "USER_ALREADY_EXISTS");
}

#[tokio::test]
async fn what_is_no_address_is_not_registered() {
    let server = TestServer::start(&SERVICE).await;
    for bad in [
        "",
        "ada",
        "@b.example",
        "ada@",
        "ada@b@c.example",
        "ada lovelace@b.example",
        "<ada@b.example>",
        "ada@b..example",
        "ada@-b.example",
        "ada@b.example\n",
    ] {
        let user = json!({"user": {"email": bad, "name": "Ada"}, "password": PASSWORD});
        let refused = server.anonymous().post("/v1/users", user).await;
        assert_eq!(refused.status, 400, "{bad:?}");
    }
}

#[tokio::test]
async fn one_answer_names_every_bad_field() {
    let server = TestServer::start(&SERVICE).await;
    let bad = json!({"user": {"email": "not an address"}, "password": "short"});
    let refused = server.anonymous().post("/v1/users", bad).await;

    assert_eq!(refused.status, 400);
    let violations = refused.json["details"][0]["fieldViolations"]
        .as_array()
        .unwrap()
        .clone();
    let mut fields: Vec<_> = violations
        .iter()
        .map(|violation| violation["field"].as_str().unwrap())
        .collect();
    fields.sort_unstable();
    assert_eq!(fields, ["password", "user.email", "user.name"]);
    assert!(
        !refused.json.to_string().contains("short"),
        "a password was repeated"
    );
}

#[tokio::test]
async fn without_a_token_only_registering_and_log_in_are_open() {
    let server = TestServer::start(&SERVICE).await;
    assert_eq!(server.anonymous().get("/v1/users").await.status, 401);

    let mut users = UsersServiceClient::new(server.channel());
    let refused = users.get_user(GetUserRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn every_method_demands_what_its_policy_says() {
    testkit::assert_policy(&SERVICE).await;
}

#[tokio::test]
async fn users_change_and_delete_themselves_and_nobody_else() {
    let server = TestServer::start(&SERVICE).await;
    let (ada, ada_token) = join(&server, "ada@example.com").await;
    let (_, eve_token) = join(&server, "eve@example.com").await;
    let path = format!("/v1/users/{}", ada["id"].as_str().unwrap());
    let (ada_client, eve_client) = (server.with_token(&ada_token), server.with_token(&eve_token));

    assert_eq!(
        eve_client.patch(&path, json!({"name": "Eve"})).await.status,
        403
    );
    assert_eq!(eve_client.delete(&path).await.status, 403);

    let changed = ada_client.patch(&path, json!({"name": "Ada L."})).await;
    assert_eq!(
        (changed.status, &changed.json["name"]),
        (200, &json!("Ada L."))
    );
    assert_eq!(changed.json["email"], ada["email"]);

    let stale = json!({"name": "Ada", "etag": ada["etag"]});
    assert_eq!(ada_client.patch(&path, stale).await.status, 409);
    assert_eq!(ada_client.delete(&path).await.status, 200);
    assert_eq!(ada_client.get(&path).await.status, 404);
}

#[tokio::test]
async fn everything_works_over_grpc() {
    let server = TestServer::start(&SERVICE).await;
    let mut users = UsersServiceClient::new(server.channel());
    let mut auth = AuthServiceClient::new(server.channel());

    let ada = User {
        email: Some("ada@example.com".to_owned()),
        name: Some("Ada".to_owned()),
        ..User::default()
    };
    let registration = CreateUserRequest {
        user: Some(ada),
        password: PASSWORD.to_owned(),
    };
    let registered = users.create_user(registration).await.unwrap().into_inner();
    let user = User {
        email: Some("ada@example.com".to_owned()),
        ..registered.user.unwrap()
    };

    let credentials = LogInRequest {
        email: "ada@example.com".to_owned(),
        password: PASSWORD.to_owned(),
    };
    let session = auth.log_in(credentials).await.unwrap().into_inner();
    let session = session.session.unwrap();
    assert_eq!(session.user_id, user.id);
    let token = &session.access_token;

    let get = GetUserRequest {
        id: user.id.clone(),
    };
    let found = users
        .get_user(testkit::authorized(get.clone(), token))
        .await
        .unwrap();
    assert_eq!(found.into_inner().user, Some(user.clone()));

    let renamed = User {
        name: Some("Ada L.".to_owned()),
        ..user.clone()
    };
    let update = UpdateUserRequest {
        user: Some(renamed),
        update_mask: None,
    };
    let updated = users
        .update_user(testkit::authorized(update, token))
        .await
        .unwrap();
    assert_eq!(updated.into_inner().user.unwrap().name(), "Ada L.");

    let delete = DeleteUserRequest {
        id: user.id,
        etag: String::new(),
    };
    users
        .delete_user(testkit::authorized(delete, token))
        .await
        .unwrap();
    let gone = users
        .get_user(testkit::authorized(get, token))
        .await
        .unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

#[tokio::test]
async fn whoever_verifies_tokens_finds_the_public_keys() {
    let server = TestServer::start(&SERVICE).await;
    let (_, token) = join(&server, "ada@example.com").await;

    let client = server.anonymous();
    let document = client.get("/.well-known/openid-configuration").await.json;
    let issuer = document["issuer"].as_str().unwrap();
    assert_eq!(
        document["jwks_uri"],
        format!("{issuer}/.well-known/jwks.json")
    );
    assert_eq!(
        document["id_token_signing_alg_values_supported"],
        json!(["EdDSA"])
    );

    let keys = client.get("/.well-known/jwks.json").await;
    assert_eq!(keys.headers["cache-control"], "public, max-age=300");
    let key = &keys.json["keys"][0];
    assert_eq!(keys.json["keys"].as_array().unwrap().len(), 1);
    let names: Vec<_> = key.as_object().unwrap().keys().collect();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"]);
    let (header, _) = token.split_once('.').unwrap();
    let header = BASE64_URL_SAFE_NO_PAD.decode(header).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(
        header,
        json!({"typ": "JWT", "alg": "EdDSA", "kid": key["kid"]})
    );
}
