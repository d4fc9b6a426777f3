use std::sync::{Mutex, atomic::AtomicUsize};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use http::StatusCode;
use tokio::net::TcpListener;

use platform_base::config::HttpUrl;

use super::*;
use crate::{
    Caller, Rejection, Verifier,
    tests::{Issuer, SUBJECT, bearer},
};

#[derive(Clone)]
enum Answer {
    Text(String),
    Status(StatusCode),
    Redirect(String),
    Nothing,
}

/// A key server with configurable answers.
struct JwksServer {
    url: String,
    answer: Mutex<Answer>,
    asked: AtomicUsize,
}

impl JwksServer {
    async fn start(answer: Answer) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Arc::new(Self {
            url: format!("http://{}/jwks.json", listener.local_addr().unwrap()),
            answer: Mutex::new(answer),
            asked: AtomicUsize::new(0),
        });
        let router = Router::new().route("/jwks.json", get(Self::answer));
        let router = router.with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    fn will(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn answer(State(server): State<Arc<Self>>) -> Response {
        server.asked.fetch_add(1, Ordering::SeqCst);
        let answer = server.answer.lock().unwrap().clone();
        match answer {
            Answer::Text(text) => text.into_response(),
            Answer::Status(status) => status.into_response(),
            Answer::Redirect(to) => Redirect::temporary(&to).into_response(),
            Answer::Nothing => std::future::pending().await,
        }
    }
}

/// A verifier that trusts the keys of a URL.
struct Relying {
    keys: Arc<TrustedKeys>,
    verifier: Verifier,
}

impl Relying {
    fn on(issuer: &Issuer, server: &JwksServer) -> Self {
        let mut config = issuer.config.clone();
        config.jwks_url = Some(HttpUrl(server.url.parse().unwrap()));
        let verifier = Verifier::new(&config, None).unwrap();
        let keys = verifier.keys();
        Self { keys, verifier }
    }

    async fn verdict(&self, token: &str) -> Result<(), Rejection> {
        self.verifier.verify(&bearer(token)).await.map(drop)
    }

    /// Acts as if the pause since the last read were over.
    async fn pause_is_over(&self) {
        *self.keys.asked.lock().await = None;
    }
}

fn jwks(issuer: &Issuer) -> Answer {
    Answer::Text(issuer.keys().jwks())
}

/// Tokens with unknown keys and without a valid signature.
fn forged(count: usize) -> impl Iterator<Item = String> {
    let token = Issuer::new().token();
    let (_, rest) = token.split_once('.').unwrap();
    let rest = rest.to_owned();
    (0..count).map(move |number| {
        let header = format!(r#"{{"alg": "EdDSA", "kid": "unknown {number}"}}"#);
        format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(header))
    })
}

#[tokio::test]
async fn the_keys_are_asked_for_once_by_however_many_requests() {
    let issuer = Issuer::new();
    let server = JwksServer::start(jwks(&issuer)).await;
    let relying = Relying::on(&issuer, &server);
    let token = issuer.token();
    let requests = (0..100).map(|_| relying.verdict(&token));
    let verdicts = join_all(requests).await;
    assert!(verdicts.iter().all(Result::is_ok));
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn ten_thousand_unknown_keys_are_one_question() {
    let issuer = Issuer::new();
    let server = JwksServer::start(jwks(&issuer)).await;
    let relying = Relying::on(&issuer, &server);
    let token = issuer.token();
    relying.verdict(&token).await.unwrap();
    assert_eq!(server.asked(), 1);

    relying.pause_is_over().await;
    for forged in forged(10_000) {
        assert_eq!(relying.verdict(&forged).await, Err(Rejection::Invalid));
    }
    assert_eq!(server.asked(), 2);
    relying.verdict(&token).await.unwrap();
}

#[tokio::test]
async fn a_new_key_is_asked_for_when_its_first_token_comes() {
    let (old, new) = (Issuer::new(), Issuer::new());
    let server = JwksServer::start(jwks(&old)).await;
    let relying = Relying::on(&old, &server);
    relying.verdict(&old.token()).await.unwrap();

    server.will(jwks(&new));
    assert_eq!(relying.verdict(&new.token()).await, Err(Rejection::Invalid));
    relying.pause_is_over().await;
    relying.verdict(&new.token()).await.unwrap();
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn what_a_withdrawn_key_proved_is_forgotten_with_it() {
    let (old, new) = (Issuer::new(), Issuer::new());
    let server = JwksServer::start(jwks(&old)).await;
    let relying = Relying::on(&old, &server);
    let token = old.token();
    relying.verdict(&token).await.unwrap();
    relying.verdict(&token).await.unwrap();

    server.will(jwks(&new));
    relying.keys.refresh(Duration::ZERO).await;
    assert_eq!(relying.verdict(&token).await, Err(Rejection::Invalid));
}

#[tokio::test]
async fn a_source_that_fails_leaves_the_known_keys_in_use() {
    let (issuer, stranger) = (Issuer::new(), Issuer::new());
    let server = JwksServer::start(jwks(&issuer)).await;
    let elsewhere = JwksServer::start(jwks(&stranger)).await;
    let relying = Relying::on(&issuer, &server);
    let token = issuer.token();
    relying.verdict(&token).await.unwrap();

    let huge = format!("{{\"keys\": [], \"x\": \"{}\"}}", "x".repeat(10_000_000));
    let failures = [
        Answer::Text("<html>It works!</html>".to_owned()),
        Answer::Text(r#"{"keys": "none"}"#.to_owned()),
        Answer::Text(r#"{"keys": []}"#.to_owned()),
        Answer::Text(r#"{"keys": [{"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}]}"#.to_owned()),
        Answer::Text(
            r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "enc", "x": "AA"}]}"#.to_owned(),
        ),
        Answer::Text("[".repeat(100_000)),
        Answer::Text(huge),
        Answer::Status(StatusCode::INTERNAL_SERVER_ERROR),
        Answer::Status(StatusCode::NO_CONTENT),
        Answer::Redirect(elsewhere.url.clone()),
    ];
    for answer in failures {
        server.will(answer);
        relying.pause_is_over().await;
        relying.keys.refresh(Duration::ZERO).await;
        relying.verdict(&token).await.unwrap();
        // The token may be signed with a new key; without the source, this is unknown.
        assert_eq!(
            relying.verdict(&stranger.token()).await,
            Err(Rejection::NoKey)
        );
    }
    assert_eq!(elsewhere.asked(), 0);

    server.will(jwks(&issuer));
    relying.keys.refresh(Duration::ZERO).await;
    relying.verdict(&token).await.unwrap();
    assert_eq!(
        relying.verdict(&stranger.token()).await,
        Err(Rejection::Invalid)
    );
}

#[tokio::test]
async fn a_source_that_hangs_holds_up_nobody_who_is_known() {
    let issuer = Issuer::new();
    let server = JwksServer::start(jwks(&issuer)).await;
    let relying = Relying::on(&issuer, &server);
    let token = issuer.token();
    relying.verdict(&token).await.unwrap();

    server.will(Answer::Nothing);
    relying.pause_is_over().await;
    let started = Instant::now();
    let unknown: Vec<_> = forged(50).collect();
    let strangers = join_all(unknown.iter().map(|token| relying.verdict(token)));
    let known = async {
        for _ in 0..100 {
            let started = Instant::now();
            relying.verdict(&token).await.unwrap();
            assert!(started.elapsed() < Duration::from_millis(500));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (strangers, ()) = tokio::join!(strangers, known);
    assert!(
        strangers
            .iter()
            .all(|verdict| *verdict == Err(Rejection::NoKey))
    );
    assert!(
        started.elapsed() < Duration::from_secs(6),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn requests_that_are_given_up_do_not_ask_again() {
    let issuer = Issuer::new();
    let server = JwksServer::start(Answer::Nothing).await;
    let relying = Relying::on(&issuer, &server);
    let token = issuer.token();
    for _ in 0..20 {
        let impatient = tokio::time::timeout(Duration::from_millis(10), relying.verdict(&token));
        assert!(impatient.await.is_err());
    }
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn without_any_key_a_request_is_told_to_come_again() {
    let issuer = Issuer::new();
    let server = JwksServer::start(Answer::Status(StatusCode::BAD_GATEWAY)).await;
    let relying = Relying::on(&issuer, &server);
    let token = issuer.token();
    assert_eq!(relying.verdict(&token).await, Err(Rejection::NoKey));
    server.will(jwks(&issuer));
    tokio::time::sleep(FIRST_PAUSE).await;
    let caller = relying.verifier.verify(&bearer(&token)).await;
    assert_eq!(caller, Ok(Caller::new(SUBJECT)));
}
