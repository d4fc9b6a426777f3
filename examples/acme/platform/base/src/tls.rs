//! The certificates that TLS trusts.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

/// The certificates in the file. Without a file: those that the operating system trusts.
pub fn roots(file: Option<&Path>) -> Result<RootCertStore, String> {
    let trusted = match file {
        Some(path) => certificates(path)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted);
    Ok(roots)
}

/// The TLS client configuration that trusts these certificates, or without a file those of the operating system.
pub fn client(file: Option<&Path>) -> Result<ClientConfig, String> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config
        .with_root_certificates(roots(file)?)
        .with_no_client_auth())
}

/// Reads the certificates of a PEM file.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    if certificates.is_empty() {
        return Err(format!("{} holds no certificate in PEM", path.display()));
    }
    Ok(certificates)
}
