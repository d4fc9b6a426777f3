//! The string formats of `buf.validate`.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use fluent_uri::{Uri, UriRef};
use regex::Regex;

/// HTML's definition of a valid e-mail address, which browsers use in forms.
pub fn email(text: &str) -> bool {
    static EMAIL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            "^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\
             (?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$",
        )
        .ok()
    });
    EMAIL.as_ref().is_some_and(|email| email.is_match(text))
}

/// Labels of letters, digits and inner hyphens; the last label is not a number.
pub fn hostname(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253
        && name.split('.').all(label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

pub fn ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

pub fn ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

pub fn ipv6(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok()
}

pub fn address(text: &str) -> bool {
    hostname(text) || ip(text)
}

/// An absolute URI, with a scheme.
pub fn uri(text: &str) -> bool {
    Uri::parse(text).is_ok()
}

pub fn uri_ref(text: &str) -> bool {
    UriRef::parse(text).is_ok()
}

/// 8-4-4-4-12 hexadecimal digits.
pub fn uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

pub fn tuuid(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// 26 digits of Crockford's base32, at most 128 bits.
pub fn ulid(text: &str) -> bool {
    text.len() == 26
        && text.as_bytes()[0] <= b'7'
        && text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() && !b"ILOU".contains(&byte.to_ascii_uppercase())
        })
}

/// `host:port`, with an IPv6 address in brackets.
pub fn host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let digits = port == "0" || (!port.starts_with('0') && !port.starts_with('+'));
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    digits
        && port.parse::<u16>().is_ok()
        && bracketed.map_or_else(|| hostname(host) || ipv4(host), ipv6)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A format, texts that it accepts, and texts that it refuses.
    type Case = (
        fn(&str) -> bool,
        &'static [&'static str],
        &'static [&'static str],
    );

    #[test]
    fn formats_take_what_they_name_and_nothing_else() {
        let cases: [Case; 6] = [
            (
                email,
                &["a@b.org", "a+b@c"],
                &["", "a", "a@", "@b", "a b@c.d", "a@b..c", "a@-b.c"],
            ),
            (
                hostname,
                &["a", "a-b.example.", "1.com"],
                &["", ".", "-a", "a..b", "a_b", "1.2.3.4"],
            ),
            (
                uuid,
                &["00000000-0000-4000-8000-00000000000f"],
                &["", "{0}", "0000000000004000800000000000000f"],
            ),
            (
                uri,
                &["https://a.b/c?d#e", "urn:x:y"],
                &["", "/a", "a b:c", "http://[::g]"],
            ),
            (
                host_and_port,
                &["a:1", "[::1]:80"],
                &["a", "a:", "a:99999", "a:+1", "::1:80"],
            ),
            (ipv6, &["::1"], &["1.2.3.4", "::1%eth0x y"]),
        ];
        for (format, right, wrong) in cases {
            right
                .iter()
                .for_each(|text| assert!(format(text), "{text:?}"));
            wrong
                .iter()
                .for_each(|text| assert!(!format(text), "{text:?}"));
        }
    }
}
