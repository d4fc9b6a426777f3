//! How a connection to PostgreSQL (or CockroachDB) is made.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use diesel::{ConnectionError, ConnectionResult, connection::CacheSize};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use platform_base::tls;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio_postgres::{Config, NoTls, Socket, config::Host, error::SqlState, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::pooler::Pooler;

/// What is needed to connect, read from the URL once.
pub(super) struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    /// What errors call it: the URL without password and parameters.
    place: String,
    /// Behind a pooler, the timeout that each transaction has to set.
    pub pooled: Option<Duration>,
}

/// `sslmode` of the URL, as libpq has it (<https://www.postgresql.org/docs/current/libpq-ssl.html>).
#[derive(Clone, Copy, PartialEq, Eq)]
enum SslMode {
    Disable,
    /// Encrypted if the server can, whoever it is; who stands in between can prevent it. `allow` is taken as this: libpq
    /// would try without encryption first.
    Prefer,
    /// Encrypted, whoever the server is.
    Require,
    /// The certificate of the server is signed by a root that is trusted.
    VerifyCa,
    /// And it is for the host of the URL.
    VerifyFull,
}

impl Connector {
    /// `statement_timeout` ends what runs longer, on the server; `application` is how the server's own lists call us.
    ///
    /// # Errors
    /// One sentence that does not repeat the URL: it may hold a password.
    pub fn new(
        url: &str,
        application: &str,
        statement_timeout: Duration,
        pooler: Pooler,
    ) -> Result<Self, String> {
        let Parameters {
            url,
            mode,
            root,
            is_pooled,
        } = parameters(url)?;
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            format!("the URL is wrong: {}", cause.unwrap_or_default())
        })?;
        config.ssl_mode(match mode {
            SslMode::Disable => tokio_postgres::config::SslMode::Disable,
            SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
                tokio_postgres::config::SslMode::Require
            }
        });
        if config.get_application_name().is_none() {
            config.application_name(application);
        }
        let is_pooled = is_pooled || pooler == Pooler::Transaction;
        if !is_pooled {
            let timeout = format!("-c statement_timeout={}", statement_timeout.as_millis());
            config.options(match config.get_options() {
                // What the URL says comes last, and so wins.
                Some(options) => format!("{timeout} {options}"),
                None => timeout,
            });
        }
        let tls = match mode {
            SslMode::Disable => None,
            mode => Some(MakeRustlsConnect::new(client(mode, root)?)),
        };
        let place = place(&config);
        Ok(Self {
            config,
            tls,
            place,
            pooled: is_pooled.then_some(statement_timeout),
        })
    }

    pub async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        match &self.tls {
            Some(tls) => self.connect_with(tls.clone()).await,
            None => self.connect_with(NoTls).await,
        }
    }

    async fn connect_with<T>(&self, tls: T) -> ConnectionResult<AsyncPgConnection>
    where
        T: MakeTlsConnect<Socket, Stream: Send + Unpin + 'static>,
    {
        let failed = |error| self.failed(&error);
        let (client, mut connection) = self.config.connect(tls).await.map_err(failed)?;
        if self.pooled.is_none() {
            return AsyncPgConnection::try_from_client_and_connection(client, connection).await;
        }
        // diesel-async prepares statements by name, and begins with two. A pooler may lead each transaction to another
        // server, so they are to be prepared, run and forgotten in one.
        let begun = tokio::select! {
            begun = client.batch_execute("BEGIN") => begun,
            ended = &mut connection => ended,
        };
        begun.map_err(failed)?;
        let connected = AsyncPgConnection::try_from_client_and_connection(client, connection).await;
        let mut connection = connected?;
        connection.set_prepared_statement_cache_size(CacheSize::Disabled);
        connection
            .batch_execute("COMMIT")
            .await
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(connection)
    }

    fn failed(&self, error: &tokio_postgres::Error) -> ConnectionError {
        // The error itself says only that it could not connect.
        let cause = std::error::Error::source(error).map(ToString::to_string);
        let cause = cause.unwrap_or_else(|| error.to_string());
        let advice = if cause.contains(OF_A_POOLER) {
            "; behind a pooler set `database.pooler` to `transaction`, and leave `options` out of the URL"
        } else {
            ""
        };
        let text = format!("{}: {cause}{advice}", self.place);
        if is_final(error, &cause) {
            ConnectionError::InvalidConnectionUrl(text)
        } else {
            ConnectionError::BadConnection(text)
        }
    }
}

/// How a pooler says that it takes no `options`.
const OF_A_POOLER: &str = "unsupported startup parameter";

/// Such as `shop@db.example.com:5432/shop`.
fn place(config: &Config) -> String {
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(folder) => folder.display().to_string(),
    });
    let hosts: Vec<_> = hosts.collect();
    let ports: Vec<_> = config.get_ports().iter().map(u16::to_string).collect();
    let user = config.get_user().unwrap_or_default();
    let name = config.get_dbname().unwrap_or(user);
    let ports = if ports.is_empty() {
        "5432".to_owned()
    } else {
        ports.join(",")
    };
    format!("{user}@{}:{ports}/{name}", hosts.join(","))
}

/// Whether it is of no use to wait and try again: the server is there and does not want us, or we do not want it.
fn is_final(error: &tokio_postgres::Error, cause: &str) -> bool {
    const STATES: [SqlState; 4] = [
        SqlState::INVALID_PASSWORD,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        SqlState::INVALID_CATALOG_NAME,
        SqlState::INSUFFICIENT_PRIVILEGE,
    ];
    // What has no code of its own, here or at a pooler.
    const SIGNS: [&str; 4] = [
        "server does not support TLS",
        "password missing",
        OF_A_POOLER,
        "no such database",
    ];
    let of_tls = std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<io::Error>()?.get_ref())
        .is_some_and(|inner| inner.is::<rustls::Error>());
    of_tls
        || error.code().is_some_and(|code| STATES.contains(code))
        || SIGNS.iter().any(|sign| cause.contains(sign))
}

/// Whether a URL can be used at all.
///
/// # Errors
/// As [`Connector::new`].
pub(super) fn check(url: &str) -> Result<(), String> {
    Connector::new(url, "", Duration::ZERO, Pooler::None).map(drop)
}

/// The parameters that a URL may have, beside those that are read here.
const PASSED_ON: [&str; 17] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// What to write for parameters that other libraries know, and that providers print.
const ELSEWHERE: [(&str, &str); 9] = [
    ("connection_limit", "set `database.max_connections`"),
    ("pool_timeout", "set `database.wait_timeout`"),
    ("statement_timeout", "set `database.statement_timeout`"),
    ("schema", "write `options=-csearch_path%3DNAME`"),
    (
        "prepared_statements",
        "set `database.pooler` to `transaction`",
    ),
    (
        "statement_cache_size",
        "set `database.pooler` to `transaction`",
    ),
    ("supa", "leave it out"),
    ("workaround", "leave it out"),
    ("sslcert", "certificates of clients are not supported"),
];

/// What the parameters of a URL say.
struct Parameters {
    /// The URL with what tokio-postgres reads.
    url: String,
    mode: SslMode,
    /// A file of roots; without one, those of the system.
    root: Option<PathBuf>,
    /// `pgbouncer=true`, as Supabase prints it: a pooler in transaction mode.
    is_pooled: bool,
}

/// tokio-postgres knows only some values of `sslmode`, and no `sslrootcert`.
fn parameters(url: &str) -> Result<Parameters, String> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let mut mode = None;
    let mut root = None;
    let mut is_pooled = false;
    let mut rest = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name {
            "sslmode" => {
                mode = Some(match value {
                    "disable" => SslMode::Disable,
                    "allow" | "prefer" => SslMode::Prefer,
                    "require" => SslMode::Require,
                    "verify-ca" => SslMode::VerifyCa,
                    "verify-full" => SslMode::VerifyFull,
                    _ => {
                        return Err(format!(
                            "sslmode={value} is not possible: write disable, prefer, require, verify-ca or verify-full"
                        ));
                    }
                });
            }
            "sslrootcert" => {
                let path = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
                root = Some(PathBuf::from(path.as_ref()));
            }
            "pgbouncer" => {
                is_pooled = match value {
                    "true" => true,
                    "false" => false,
                    _ => return Err("pgbouncer is not true or false".to_owned()),
                }
            }
            name if PASSED_ON.contains(&name) => rest.push(parameter),
            name => return Err(unknown(name)),
        }
    }
    // As libpq has it: `system` stands for the roots of the system, and only for a full verification.
    let system = root.take_if(|root| root.as_os_str() == "system").is_some();
    let default = if system {
        SslMode::VerifyFull
    } else {
        SslMode::Disable
    };
    let mode = mode.unwrap_or(default);
    if system && mode != SslMode::VerifyFull {
        return Err("sslrootcert=system goes with sslmode=verify-full".to_owned());
    }
    if root.is_some() && !matches!(mode, SslMode::VerifyCa | SslMode::VerifyFull) {
        return Err("sslrootcert goes with sslmode=verify-ca or verify-full".to_owned());
    }
    let separator = if rest.is_empty() { "" } else { "?" };
    Ok(Parameters {
        url: format!("{base}{separator}{}", rest.join("&")),
        mode,
        root,
        is_pooled,
    })
}

fn unknown(name: &str) -> String {
    match ELSEWHERE.iter().find(|(other, _)| *other == name) {
        Some((_, instead)) => format!("the parameter `{name}` is not taken: {instead}"),
        None => format!(
            "there is no parameter `{name}`; there are sslmode, sslrootcert, pgbouncer, {}",
            PASSED_ON.join(", ")
        ),
    }
}

fn client(mode: SslMode, root: Option<PathBuf>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let verifier: Arc<dyn ServerCertVerifier> = match mode {
        SslMode::Disable | SslMode::Prefer | SslMode::Require => Arc::new(Anybody(provider)),
        SslMode::VerifyCa | SslMode::VerifyFull => {
            let roots = Arc::new(roots(root)?);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider);
            let verifier = verifier.build().map_err(|error| error.to_string())?;
            if mode == SslMode::VerifyFull {
                verifier
            } else {
                Arc::new(AnyName(verifier))
            }
        }
    };
    let client = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(client)
}

fn roots(file: Option<PathBuf>) -> Result<RootCertStore, String> {
    let roots = tls::roots(file.as_deref()).map_err(|error| format!("sslrootcert: {error}"))?;
    if roots.is_empty() {
        return Err("no root certificate is trusted: name one with sslrootcert".to_owned());
    }
    Ok(roots)
}

/// For `sslmode=prefer` and `require`: whoever the server is, it must have the key of its certificate.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// For `sslmode=verify-ca`: as usual, but for the name in the certificate.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use rustls::{CertificateError, Error};
        let verified = self
            .0
            .verify_server_cert(certificate, intermediates, name, ocsp, now);
        match verified {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connector(url: &str) -> Result<Connector, String> {
        Connector::new(url, "shop", Duration::from_secs(30), Pooler::None)
    }

    #[test]
    fn the_server_knows_who_we_are_and_ends_what_takes_too_long() {
        let config = connector("postgres://u@h/d?options=-csearch_path%3Dx")
            .unwrap()
            .config;
        assert_eq!(config.get_application_name(), Some("shop"));
        assert_eq!(
            config.get_options(),
            Some("-c statement_timeout=30000 -csearch_path=x")
        );
    }

    #[test]
    fn the_modes_of_tls_are_those_of_libpq() {
        let tls =
            |mode| connector(&format!("postgres://u@h/d?sslmode={mode}")).map(|c| c.tls.is_some());
        assert_eq!(tls("disable"), Ok(false));
        assert_eq!(tls("require"), Ok(true));
        assert_eq!(tls("prefer"), Ok(true));
        assert_eq!(tls("allow"), Ok(true));
        assert!(tls("maybe").unwrap_err().contains("verify-full"));
        let system = connector("postgres://u@h/d?sslrootcert=system&sslmode=require");
        assert!(system.err().unwrap().contains("verify-full"));
        let missing = connector("postgres://u@h/d?sslmode=verify-ca&sslrootcert=/nowhere.pem");
        assert!(missing.err().unwrap().contains("/nowhere.pem"));
        let alone = connector("postgres://u@h/d?sslrootcert=/nowhere.pem");
        assert!(alone.err().unwrap().contains("goes with"));
    }

    #[test]
    fn what_providers_print_is_taken() {
        for url in [
            "postgresql://u:p@ep-a-1-pooler.eu-central-1.aws.neon.tech/d?sslmode=require&channel_binding=require",
            "postgresql://postgres.ref:p@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=true",
            "postgresql://u:p@a.b.eu-central-1.rds.amazonaws.com:5432/d?sslmode=require",
            "postgresql://u:p@a-1.aws-eu-central-1.cockroachlabs.cloud:26257/d?sslmode=verify-full",
            "postgres://u:p@h/d?options=--cluster%3Da-1&sslmode=require",
        ] {
            assert_eq!(connector(url).map(drop), Ok(()), "{url}");
        }
    }

    #[test]
    fn a_parameter_that_is_not_taken_is_told_with_what_to_write() {
        let refusal = |parameter: &str| {
            let url = format!("postgres://u:secret@h/d?{parameter}");
            connector(&url).err().unwrap()
        };
        let typing_error = refusal("ssl_mode=require");
        assert!(
            typing_error.contains("`ssl_mode`; there are sslmode, "),
            "{typing_error}"
        );
        let elsewhere = refusal("connection_limit=1");
        assert!(
            elsewhere.contains("`database.max_connections`"),
            "{elsewhere}"
        );
        assert!(refusal("pgbouncer=maybe").contains("pgbouncer"));
    }

    #[test]
    fn a_pooler_is_sent_no_options_and_each_transaction_has_the_timeout() {
        let url = "postgres://u@h/d?pgbouncer=true";
        let by_url = connector(url).unwrap();
        let url = "postgres://u@h/d";
        let timeout = Duration::from_secs(30);
        let by_setting = Connector::new(url, "shop", timeout, Pooler::Transaction).unwrap();
        for pooled in [by_url, by_setting] {
            assert_eq!(pooled.config.get_options(), None);
            assert_eq!(pooled.pooled, Some(timeout));
        }
        assert_eq!(connector(url).unwrap().pooled, None);
    }

    #[test]
    fn a_wrong_url_is_told_without_its_password() {
        let error = connector("postgres://u:secret@h:x/d").err().unwrap();
        assert!(!error.contains("secret"), "{error}");
    }
}
