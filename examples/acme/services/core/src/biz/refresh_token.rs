//! Refresh tokens, with which a client continues its session.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The id of a session and 256 random bits. The bits change with each use: right id and wrong bits mean that a token is
/// used a second time.
pub struct RefreshToken {
    session: Uuid,
    secret: [u8; 32],
}

impl RefreshToken {
    /// Makes the next token of a session.
    pub fn new(session: Uuid) -> Self {
        Self {
            session,
            secret: rand::random(),
        }
    }

    /// Reads what [`RefreshToken::reveal`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (session, secret) = bytes.split_first_chunk()?;
        Some(Self {
            session: Uuid::from_bytes(*session),
            secret: secret.try_into().ok()?,
        })
    }

    /// The session that the token continues.
    pub fn session(&self) -> Uuid {
        self.session
    }

    /// The hash that is stored. Nobody can guess a random token, so SHA-256 is as safe here as a slow hash.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret).into()
    }

    /// The text that the client keeps.
    pub fn reveal(&self) -> String {
        let bytes = [self.session.as_bytes().as_slice(), &self.secret].concat();
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let token = RefreshToken::new(Uuid::new_v4());
        let read = RefreshToken::parse(&token.reveal()).unwrap();
        assert_eq!(
            (read.session(), read.hash()),
            (token.session(), token.hash())
        );
        assert_ne!(token.hash(), token.secret);
        assert_ne!(token.secret, RefreshToken::new(token.session()).secret);
    }

    #[test]
    fn nothing_else_is_a_token() {
        let token = RefreshToken::new(Uuid::new_v4()).reveal();
        for text in [
            "",
            "x",
            &token[1..],
            &format!("{token}AAAA"),
            &token.replace(&token[..1], "!"),
        ] {
            assert!(RefreshToken::parse(text).is_none(), "{text}");
        }
    }
}
