//! The string formats of `buf.validate`.

use std::{
    borrow::Cow,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
    sync::LazyLock,
};

use fluent_uri::{Uri, UriRef};
use percent_encoding::percent_decode_str;
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
    ipv4(text) || ipv6(text)
}

pub fn ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

/// With or without a zone: `fe80::1%eth0` (RFC 4007). A zone is any text.
pub fn ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, "any"));
    address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty() && !zone.contains('\0')
}

/// An address in bytes.
pub fn ip_bytes(bytes: &[u8]) -> bool {
    matches!(bytes.len(), 4 | 16)
}

pub fn ip_with_prefixlen(text: &str) -> bool {
    ipv4_with_prefixlen(text) || ipv6_with_prefixlen(text)
}

/// `10.1.2.3/8`
pub fn ipv4_with_prefixlen(text: &str) -> bool {
    with_prefix::<Ipv4Addr>(text, 32).is_some()
}

/// `2001:db8::1/32`
pub fn ipv6_with_prefixlen(text: &str) -> bool {
    with_prefix::<Ipv6Addr>(text, 128).is_some()
}

pub fn ip_prefix(text: &str) -> bool {
    ipv4_prefix(text) || ipv6_prefix(text)
}

/// `10.0.0.0/8`: no bit is set after the prefix.
pub fn ipv4_prefix(text: &str) -> bool {
    with_prefix::<Ipv4Addr>(text, 32).is_some_and(|(address, length)| {
        let rest = u32::MAX.checked_shr(length).unwrap_or_default();
        address.to_bits() & rest == 0
    })
}

/// `2001:db8::/32`: no bit is set after the prefix.
pub fn ipv6_prefix(text: &str) -> bool {
    with_prefix::<Ipv6Addr>(text, 128).is_some_and(|(address, length)| {
        let rest = u128::MAX.checked_shr(length).unwrap_or_default();
        address.to_bits() & rest == 0
    })
}

/// An address and the length of its prefix, in so many bits at most.
fn with_prefix<A: FromStr>(text: &str, bits: u32) -> Option<(A, u32)> {
    let (address, length) = text.split_once('/')?;
    let written = length.len() == 1 || !length.starts_with(['0', '+']);
    let length = length.parse().ok().filter(|length| *length <= bits)?;
    Some((address.parse().ok()?, length)).filter(|_| written)
}

pub fn address(text: &str) -> bool {
    hostname(text) || ip(text)
}

/// An absolute URI, with a scheme.
pub fn uri(text: &str) -> bool {
    Uri::parse(&*without_zone(text))
        .is_ok_and(|uri| uri.authority().is_none_or(|at| is_text(at.host())))
}

pub fn uri_ref(text: &str) -> bool {
    UriRef::parse(&*without_zone(text))
        .is_ok_and(|uri| uri.authority().is_none_or(|at| is_text(at.host())))
}

/// Removes the zone of an IPv6 address (RFC 6874), which the parser does not know: `http://[fe80::1%25eth0]/`.
fn without_zone(text: &str) -> Cow<'_, str> {
    static ZONE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^([^\[\]]*\[[0-9A-Fa-f:.]+)%25((?:[0-9A-Za-z._~-]|%[0-9A-Fa-f]{2})+)\]").ok()
    });
    let found = ZONE.as_ref().and_then(|zone| zone.captures(text));
    match found.map(|found| found.extract()) {
        Some((all, [before, zone])) if is_text(zone) => {
            format!("{before}]{}", &text[all.len()..]).into()
        }
        _ => text.into(),
    }
}

/// The bytes of a host that are percent-encoded are UTF-8 (RFC 3986, section 3.2.2).
fn is_text(host: &str) -> bool {
    percent_decode_str(host).decode_utf8().is_ok()
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

/// `users.v1.User`
pub fn protobuf_fqn(text: &str) -> bool {
    text.split('.').all(|part| {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        part.starts_with(|first: char| !first.is_ascii_digit()) && part.bytes().all(word)
    })
}

/// `.users.v1.User`
pub fn protobuf_dot_fqn(text: &str) -> bool {
    text.strip_prefix('.').is_some_and(protobuf_fqn)
}

/// The name of a header, or of a pseudo header such as `:path`.
pub fn header_name(text: &str) -> bool {
    let name = text.strip_prefix(':').unwrap_or(text);
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+,-.^_`|~".contains(&byte))
}

pub fn loose_header_name(text: &str) -> bool {
    !text.is_empty() && loose_header_value(text)
}

/// Without control characters, but tabs are allowed.
pub fn header_value(text: &str) -> bool {
    !text
        .bytes()
        .any(|byte| byte.is_ascii_control() && byte != b'\t')
}

pub fn loose_header_value(text: &str) -> bool {
    !text.contains(['\0', '\n', '\r'])
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
        let cases: [Case; 10] = [
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
                &[
                    "https://a.b/c?d#e",
                    "urn:x:y",
                    "http://[fe80::1%25eth0]:80/",
                ],
                &[
                    "",
                    "/a",
                    "a b:c",
                    "http://[::g]",
                    "http://[::1%eth0]/",
                    "http://%ff/",
                ],
            ),
            (
                ip_with_prefixlen,
                &["1.2.3.4/8", "::1/64", "0.0.0.0/0"],
                &[
                    "1.2.3.4",
                    "1.2.3.4/33",
                    "1.2.3.4/08",
                    "1.2.3.4/",
                    "fe80::1%a/64",
                ],
            ),
            (
                ip_prefix,
                &["10.0.0.0/8", "2001:db8::/32", "1.2.3.4/32", "::/0"],
                &["10.0.0.1/8", "2001:db8::1/32", "1.2.3.4/0"],
            ),
            (
                protobuf_dot_fqn,
                &[".a", "._a.B_1"],
                &["", ".", "a", ".a.", ".1a", "..a"],
            ),
            (
                header_name,
                &["x-name", ":path", "a`b"],
                &["", ":", "::path", "x name", "a;b"],
            ),
            (
                host_and_port,
                &["a:1", "[::1]:80"],
                &["a", "a:", "a:99999", "a:+1", "::1:80"],
            ),
            (
                ipv6,
                &["::1", "fe80::1%eth0"],
                &["1.2.3.4", "::1%", "1.2.3.4%a"],
            ),
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
