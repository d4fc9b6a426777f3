//! How a connection to PostgreSQL (or CockroachDB) is made.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
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
use tokio_postgres::{Config, NoTls, config::Host, error::SqlState};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What is needed to connect, read from the URL once.
pub(super) struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    /// What errors call it: the URL without password and parameters.
    place: String,
}

/// `sslmode` of the URL, as libpq has it (<https://www.postgresql.org/docs/current/libpq-ssl.html>).
#[derive(Clone, Copy, PartialEq, Eq)]
enum SslMode {
    Disable,
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
    pub fn new(url: &str, application: &str, statement_timeout: Duration) -> Result<Self, String> {
        let (url, mode, root) = take_ssl(url)?;
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            format!("the URL is wrong: {}", cause.unwrap_or_default())
        })?;
        config.ssl_mode(match mode {
            SslMode::Disable => tokio_postgres::config::SslMode::Disable,
            _ => tokio_postgres::config::SslMode::Require,
        });
        if config.get_application_name().is_none() {
            config.application_name(application);
        }
        let timeout = format!("-c statement_timeout={}", statement_timeout.as_millis());
        config.options(match config.get_options() {
            // What the URL says comes last, and so wins.
            Some(options) => format!("{timeout} {options}"),
            None => timeout,
        });
        let tls = match mode {
            SslMode::Disable => None,
            mode => Some(MakeRustlsConnect::new(client(mode, root)?)),
        };
        let place = place(&config);
        Ok(Self { config, tls, place })
    }

    pub async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        let failed = |error: tokio_postgres::Error| {
            // The error itself says only that it could not connect.
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let cause = cause.unwrap_or_else(|| error.to_string());
            let text = format!("{}: {cause}", self.place);
            if is_final(&error, &cause) {
                ConnectionError::InvalidConnectionUrl(text)
            } else {
                ConnectionError::BadConnection(text)
            }
        };
        match &self.tls {
            Some(tls) => {
                let (client, connection) =
                    self.config.connect(tls.clone()).await.map_err(failed)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(failed)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
        }
    }
}

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
        "unsupported startup parameter",
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
    Connector::new(url, "", Duration::ZERO).map(drop)
}

/// Takes `sslmode` and `sslrootcert` out of the URL: tokio-postgres knows only some of their values.
fn take_ssl(url: &str) -> Result<(String, SslMode, Option<PathBuf>), String> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let mut mode = None;
    let mut root = None;
    let mut rest = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("sslmode", text)) => {
                mode = Some(match text {
                    "disable" => SslMode::Disable,
                    "require" => SslMode::Require,
                    "verify-ca" => SslMode::VerifyCa,
                    "verify-full" => SslMode::VerifyFull,
                    _ => {
                        return Err(format!(
                            "sslmode={text} is not possible: write disable, require, verify-ca or verify-full"
                        ));
                    }
                });
            }
            Some(("sslrootcert", path)) => {
                let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
                root = Some(PathBuf::from(path.as_ref()));
            }
            _ => rest.push(parameter),
        }
    }
    let mode = mode.unwrap_or(SslMode::Disable);
    if root.is_some() && matches!(mode, SslMode::Disable | SslMode::Require) {
        return Err("sslrootcert goes with sslmode=verify-ca or verify-full".to_owned());
    }
    let separator = if rest.is_empty() { "" } else { "?" };
    Ok((format!("{base}{separator}{}", rest.join("&")), mode, root))
}

fn client(mode: SslMode, root: Option<PathBuf>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let verifier: Arc<dyn ServerCertVerifier> = match mode {
        SslMode::Disable | SslMode::Require => Arc::new(Anybody(provider)),
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

/// For `sslmode=require`: whoever the server is, it must have the key of its certificate.
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
        Connector::new(url, "shop", Duration::from_secs(30))
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
        assert!(tls("prefer").unwrap_err().contains("verify-full"));
        let missing = connector("postgres://u@h/d?sslmode=verify-ca&sslrootcert=/nowhere.pem");
        assert!(missing.err().unwrap().contains("/nowhere.pem"));
        let alone = connector("postgres://u@h/d?sslrootcert=/nowhere.pem");
        assert!(alone.err().unwrap().contains("goes with"));
    }

    #[test]
    fn a_wrong_url_is_told_without_its_password() {
        let error = connector("postgres://u:secret@h:x/d").err().unwrap();
        assert!(!error.contains("secret"), "{error}");
    }
}
