//! The public metadata of an issuer: its keys (RFC 7517) and a short OpenID discovery document. Users log in with
//! `core`'s own methods and not with OAuth, so the document names no endpoints and no response types.

use axum::{Router, routing::get};
use http::{
    HeaderName,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use platform_base::StartError;
use serde_json::json;

use crate::signing::SigningKeys;

const JWKS: &str = "/.well-known/jwks.json";
const CONFIGURATION: &str = "/.well-known/openid-configuration";

/// Verifiers may cache the keys for this long. A new key is therefore published for longer than this before it signs.
const FOR_A_WHILE: (HeaderName, &str) = (CACHE_CONTROL, "public, max-age=300");

/// `/.well-known/jwks.json` and `/.well-known/openid-configuration` of the issuer that signs with these keys.
///
/// # Errors
/// When `auth.issuer` is not a URL: verifiers could not find the documents.
pub fn routes(keys: &SigningKeys) -> Result<Router, StartError> {
    let issuer = keys.issuer().trim_end_matches('/');
    if !issuer.starts_with("http://") && !issuer.starts_with("https://") {
        return Err(StartError::new(format!(
            "auth.issuer is `{issuer}`, but must be the URL of this service, such as https://auth.example.com"
        )));
    }
    let jwks_uri = format!("{issuer}{JWKS}");
    let (published, described) = (keys.clone(), keys.clone());
    let jwks = async move || {
        let content_type = (CONTENT_TYPE, "application/jwk-set+json");
        ([content_type, FOR_A_WHILE], published.jwks())
    };
    let configuration = async move || {
        let configuration = json!({
            "issuer": described.issuer(),
            "jwks_uri": jwks_uri,
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": described.algorithms(),
            "claims_supported": SigningKeys::CLAIMS,
        });
        let content_type = (CONTENT_TYPE, "application/json");
        ([content_type, FOR_A_WHILE], configuration.to_string())
    };
    Ok(Router::new()
        .route(JWKS, get(jwks))
        .route(CONFIGURATION, get(configuration)))
}
