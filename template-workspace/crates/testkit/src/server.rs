//! A service under test.

use std::{collections::BTreeSet, net::SocketAddr, ops::Deref, time::Duration};

use api_runtime::{Contract, Policy};
use platform::{
    Application, Running, Service, Sources,
    auth::{Caller, SigningKey},
};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use crate::{Client, authorized, database::Place};

/// The subject whose requests the server's own client sends.
const SUBJECT: &str = "00000000-0000-4000-8000-000000000001";

/// A service on free ports, with a database and a key of its own. It is also a client of itself, with a valid token.
pub struct TestServer {
    running: Running,
    contracts: Vec<Contract>,
    client: Client,
    key: SigningKey,
    _place: Place,
    _keys: TempDir,
}

impl TestServer {
    /// Starts the service with its own configuration, but for addresses, database and key.
    pub async fn start(service: &Service) -> Self {
        Self::configured(service, &[]).await
    }

    /// As [`TestServer::start`], with settings such as `("service.users", "http://…")`.
    pub async fn configured(service: &Service, settings: &[(&str, &str)]) -> Self {
        let place = Place::any().await;
        let keys = tempfile::tempdir().expect("a temporary folder can be made");
        let key_file = keys.path().join("token.pub.pem").display().to_string();
        let own = [
            ("http.host", "127.0.0.1"),
            ("http.port", "0"),
            ("grpc.host", "127.0.0.1"),
            ("grpc.port", "0"),
            ("database.url", place.url()),
            ("database.max_connections", "4"),
            ("database.migrate_at_start", "true"),
            ("auth.public_key_file", &key_file),
        ];
        let sources = Sources::settings(own.iter().chain(settings).copied());
        let application = Application::assemble(service, &[], &sources)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let key = SigningKey::open(&application.config().auth, Duration::from_secs(300))
            .expect("a key can be made");
        application
            .migrate_at_start()
            .await
            .expect("the migrations apply");
        let contracts = application.contracts().to_vec();
        let running = application.start().await.expect("the service starts");
        let token = key
            .sign(&able(&contracts, SUBJECT))
            .expect("a token can be signed")
            .0;
        let client = Client::new(running.http(), Some(token));
        Self {
            running,
            contracts,
            client,
            key,
            _place: place,
            _keys: keys,
        }
    }

    pub(crate) fn contracts(&self) -> &[Contract] {
        &self.contracts
    }

    /// A client without a token.
    pub fn anonymous(&self) -> Client {
        Client::new(self.http(), None)
    }

    /// A client with a token of your own.
    pub fn with_token(&self, token: &str) -> Client {
        Client::new(self.http(), Some(token.to_owned()))
    }

    /// A valid token for a subject, with every role and scope that a policy of the service asks for: tests of what its
    /// methods do are none of who may call them.
    pub fn token(&self, subject: &str) -> String {
        self.sign(&able(&self.contracts, subject))
    }

    /// A valid token for a caller with these roles and scopes and no others.
    pub fn sign(&self, caller: &Caller) -> String {
        self.key.sign(caller).expect("a token can be signed").0
    }

    /// A connection over gRPC.
    pub fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.grpc()));
        endpoint.expect("an address is a URI").connect_lazy()
    }

    /// A request over gRPC with a valid token.
    pub fn authorize<T>(&self, message: T) -> tonic::Request<T> {
        authorized(message, &self.token(SUBJECT))
    }

    pub fn http(&self) -> SocketAddr {
        self.running.http()
    }

    pub fn grpc(&self) -> SocketAddr {
        self.running.grpc()
    }

    /// Stops as SIGTERM does, without the drain.
    pub async fn stop(self) {
        self.running.stop(Duration::ZERO).await;
    }
}

fn able(contracts: &[Contract], subject: &str) -> Caller {
    let names = |of: fn(&Policy) -> &[&'static str]| {
        let methods = contracts.iter().flat_map(|contract| contract.methods);
        let names: BTreeSet<_> = methods.flat_map(|method| of(&method.policy)).collect();
        names.into_iter().map(|name| (*name).to_owned()).collect()
    };
    Caller {
        roles: names(|policy| policy.any_role),
        scopes: names(|policy| policy.all_scopes),
        ..Caller::new(subject)
    }
}

impl Deref for TestServer {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}
