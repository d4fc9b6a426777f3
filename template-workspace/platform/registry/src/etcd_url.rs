//! The address of an etcd.

use std::{path::PathBuf, str::FromStr};

use percent_encoding::percent_decode_str;
use secrecy::SecretString;

/// `etcd://user:password@host:2379,host:2379?tls&ca=FILE&cert=FILE&key=FILE`, with what is behind the `://`.
#[derive(Clone, Debug)]
pub struct EtcdUrl {
    /// The hosts, each with its port.
    pub(crate) hosts: Vec<String>,
    pub(crate) user: Option<(String, SecretString)>,
    pub(crate) tls: Option<Tls>,
}

/// The files are read for every connection, so a renewed certificate is used without a restart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    /// The certificates to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// The certificate to present, and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

const PORT: u16 = 2379;

impl FromStr for EtcdUrl {
    type Err = String;

    /// The message does not repeat the URL: it may hold a password.
    fn from_str(rest: &str) -> Result<Self, String> {
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, authority),
        };
        let user = match user.map(|user| user.split_once(':')) {
            Some(Some((name, password))) => Some((decoded(name)?, decoded(password)?.into())),
            Some(None) => {
                return Err("has a user without a password: write user:password@".to_owned());
            }
            None => None,
        };
        let hosts = hosts.split(',').map(host).collect::<Result<_, _>>()?;
        Ok(Self {
            hosts,
            user,
            tls: tls(query)?,
        })
    }
}

/// The host with its port.
fn host(text: &str) -> Result<String, String> {
    let text = match text.rsplit_once(':') {
        // The last colon of an IPv6 address in brackets is not that of a port.
        Some((_, port)) if !port.ends_with(']') => text.to_owned(),
        _ => format!("{text}:{PORT}"),
    };
    let is_right = format!("grpc://{text}").parse::<crate::Endpoint>().is_ok();
    let wrong = "is not an address like etcd://user:password@host:2379,host:2379";
    is_right.then_some(text).ok_or_else(|| wrong.to_owned())
}

fn tls(query: &str) -> Result<Option<Tls>, String> {
    let mut tls = None;
    let (mut certificate, mut key) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let tls = tls.get_or_insert_with(Tls::default);
        match pair.split_once('=').unwrap_or((pair, "")) {
            ("tls", "") => {}
            ("ca", file) if !file.is_empty() => tls.ca = Some(decoded(file)?.into()),
            ("cert", file) if !file.is_empty() => certificate = Some(decoded(file)?.into()),
            ("key", file) if !file.is_empty() => key = Some(decoded(file)?.into()),
            _ => {
                return Err(
                    "may have ?tls, ca=FILE, cert=FILE and key=FILE, and nothing else".to_owned(),
                );
            }
        }
    }
    match (certificate, key) {
        (None, None) => Ok(tls),
        (Some(certificate), Some(key)) => Ok(tls.map(|tls| Tls {
            identity: Some((certificate, key)),
            ..tls
        })),
        _ => Err("has a cert without a key, or a key without a cert".to_owned()),
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(Into::into)
        .map_err(|_| "has a part that is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn parse(url: &str) -> Result<EtcdUrl, String> {
        url.strip_prefix("etcd://").unwrap().parse()
    }

    #[test]
    fn every_form_of_the_url_is_taken() {
        let url = parse("etcd://us%40er:p%3Aw@one,two:2380,[::1]/?ca=/a&cert=b&key=c").unwrap();
        assert_eq!(url.hosts, ["one:2379", "two:2380", "[::1]:2379"]);
        let (user, password) = url.user.unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("us@er", "p:w"));
        let tls = url.tls.unwrap();
        assert_eq!(tls.ca, Some("/a".into()));
        assert_eq!(tls.identity, Some(("b".into(), "c".into())));

        assert!(parse("etcd://one?tls").unwrap().tls.is_some());
        let plain = parse("etcd://one").unwrap();
        assert!(plain.tls.is_none() && plain.user.is_none());
    }

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        for url in [
            "etcd://",
            "etcd://:secret@",
            "etcd://user:secret@one,",
            "etcd://secret@one",
            "etcd://user:secret@one:port",
            "etcd://user:secret@one?ssl",
            "etcd://user:secret@one?cert=a",
            "etcd://user:%ffsecret@one",
        ] {
            let error = parse(url).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
