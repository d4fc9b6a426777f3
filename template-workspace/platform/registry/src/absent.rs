//! Replaces the address of an etcd in a program that is built without it.

use std::str::FromStr;

/// An address that cannot be.
#[derive(Clone, Debug)]
pub enum EtcdUrl {}

impl FromStr for EtcdUrl {
    type Err = String;

    fn from_str(_: &str) -> Result<Self, String> {
        Err(
            "this program was built without etcd: add `etcd` to the features of `platform` in the Cargo.toml of the \
             workspace"
                .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    #[test]
    fn without_etcd_a_url_is_refused_with_the_word_to_add() {
        let error = Config::at("etcd://user:secret@host:2379")
            .unwrap_err()
            .to_string();
        assert!(error.contains("add `etcd` to the features"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
