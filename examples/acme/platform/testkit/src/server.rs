//! A server of the service under test.

use std::{collections::BTreeSet, net::SocketAddr, ops::Deref, time::Duration};

use api_runtime::{Contract, Policy};
use http::HeaderMap;
use platform::{
    Application, Running, Service, Sources,
    auth::{self, Caller, ServiceKey, ServiceVerifier, SigningKeys},
};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use crate::{Client, authorized, database::Place};

/// The subject of the token that the server's own client sends.
const SUBJECT: &str = "00000000-0000-4000-8000-000000000001";

/// A running service on free ports, with a database and keys of its own. It dereferences to a client with a valid token.
pub struct TestServer {
    running: Running,
    contracts: Vec<Contract>,
    client: Client,
    keys: SigningKeys,
    auth: auth::Config,
    _place: Place,
    _folder: TempDir,
}

impl TestServer {
    /// Starts the service with its own configuration, except for addresses, database and keys.
    pub async fn start(service: &Service) -> Self {
        Self::configured(service, &[]).await
    }

    /// Like [`TestServer::start`], with further settings, such as `("service.users", "http://…")`.
    pub async fn configured(service: &Service, settings: &[(&str, &str)]) -> Self {
        let place = Place::any().await;
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let in_folder = |name| folder.path().join(name).display().to_string();
        let key_file = in_folder("jwks.json");
        let signing_keys = in_folder("signing");
        let services = in_folder("services");
        let service_key = in_folder("service.key.pem");
        let own = [
            ("http.host", "127.0.0.1"),
            ("http.port", "0"),
            ("grpc.host", "127.0.0.1"),
            ("grpc.port", "0"),
            ("database.url", place.url()),
            ("database.max_connections", "4"),
            ("database.migrate_at_start", "true"),
            ("auth.keys_file", &key_file),
            ("auth.signing.keys", &signing_keys),
            ("auth.services.keys", &services),
            ("auth.services.key_file", &service_key),
        ];
        let sources = Sources::settings(own.iter().chain(settings).copied());
        let application = Application::assemble(service, &[], &sources)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let auth = application.config().auth.clone();
        let signing_keys =
            SigningKeys::open(&auth, Duration::from_secs(300)).expect("a key can be made");
        let contracts = application.contracts().to_vec();
        let running = application.start().await.expect("the service starts");
        let token = signing_keys
            .sign(&able(&contracts, SUBJECT))
            .expect("a token can be signed")
            .0;
        let client = Client::new(running.http(), Some(token));
        Self {
            running,
            contracts,
            client,
            keys: signing_keys,
            auth,
            _place: place,
            _folder: folder,
        }
    }

    pub(crate) fn contracts(&self) -> &[Contract] {
        &self.contracts
    }

    /// A client without a token.
    pub fn anonymous(&self) -> Client {
        Client::new(self.http(), None)
    }

    /// A client with this token.
    pub fn with_token(&self, token: &str) -> Client {
        Client::new(self.http(), Some(token.to_owned()))
    }

    /// A valid token for a subject, with every role and scope that the policies of the service require. Tests of what a
    /// method does should not depend on who may call it.
    pub fn token(&self, subject: &str) -> String {
        self.sign(&able(&self.contracts, subject))
    }

    /// A valid token for exactly this caller.
    pub fn sign(&self, caller: &Caller) -> String {
        self.keys.sign(caller).expect("a token can be signed").0
    }

    /// The header `service-authorization` with which another service calls a contract of the server, such as
    /// `users.v1.UsersService`. From then on, the server trusts the key of that service.
    pub fn service_proof(&self, service: &str, contract: &str) -> String {
        let keys = auth::ServiceKeys {
            key_file: self.auth.services.keys.join(format!("{service}.key.pem")),
            ..self.auth.services.clone()
        };
        let key = ServiceKey::open(service, &keys).expect("a key can be made");
        let proof = key.prove(contract).expect("a proof can be signed");
        proof.to_str().expect("a proof is ASCII").to_owned()
    }

    /// The service that sent a call, as proven in its headers, if the proof is valid for the contract. The calls that the
    /// server makes to a [`Double`](crate::Double) prove the server.
    pub fn proven_service(&self, headers: &HeaderMap, contract: &str) -> Option<String> {
        let verified = ServiceVerifier::new(&self.auth).verify(headers, contract);
        verified.ok().map(|service| service.to_string())
    }

    /// A gRPC connection to the server.
    pub fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.grpc()));
        endpoint.expect("an address is a URI").connect_lazy()
    }

    /// A gRPC request with a valid token.
    pub fn authorize<T>(&self, message: T) -> tonic::Request<T> {
        authorized(message, &self.token(SUBJECT))
    }

    /// The address for HTTP.
    pub fn http(&self) -> SocketAddr {
        self.running.http()
    }

    /// The address for gRPC.
    pub fn grpc(&self) -> SocketAddr {
        self.running.grpc()
    }

    /// Stops the service as SIGTERM does, without the drain delay.
    pub async fn stop(self) {
        self.running.stop(Duration::ZERO).await;
    }
}

/// A caller with every role and scope that the contracts require.
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
