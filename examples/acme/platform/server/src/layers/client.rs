//! The address of the client. Anyone can send forwarding headers, so they are trusted only from configured proxies.
//! They are read from the right, where the nearest proxy has added the address that it saw.

use std::net::{IpAddr, SocketAddr};

use api_runtime::Request;
use axum::extract::ConnectInfo;
use http::{
    HeaderMap, HeaderName,
    header::{AsHeaderName, FORWARDED},
};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// None if the request did not come over a connection.
pub(super) fn of(request: &Request, proxies: &[IpNet]) -> Option<IpAddr> {
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    Some(forwarded(
        peer.ip().to_canonical(),
        request.headers(),
        proxies,
    ))
}

/// The right-most address that is not a proxy. A proxy writes one of the two headers and may pass on the other, which
/// the client may have forged: if they disagree, neither is trusted.
fn forwarded(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    if !is_proxy(peer, proxies) {
        return peer;
    }
    let plain = walk(peer, list(headers, X_FORWARDED_FOR).map(address), proxies);
    let standard = walk(peer, list(headers, FORWARDED).map(forwarded_for), proxies);
    match (
        headers.contains_key(X_FORWARDED_FOR),
        headers.contains_key(FORWARDED),
    ) {
        (true, false) => plain,
        (false, true) => standard,
        _ if plain == standard => plain,
        _ => peer,
    }
}

/// Goes from proxy to proxy, towards the client, as long as the addresses are known.
fn walk(
    peer: IpAddr,
    hops: impl DoubleEndedIterator<Item = Option<IpAddr>>,
    proxies: &[IpNet],
) -> IpAddr {
    let mut client = peer;
    for hop in hops.rev() {
        match hop {
            Some(address) if is_proxy(client, proxies) => client = address,
            _ => break,
        }
    }
    client
}

fn is_proxy(address: IpAddr, proxies: &[IpNet]) -> bool {
    proxies.iter().any(|network| network.contains(&address))
}

/// The elements of a list (RFC 9110 section 5.6.1), which may span several lines. An unreadable line is one element,
/// because nothing to the left of it can be trusted.
fn list(headers: &HeaderMap, name: impl AsHeaderName) -> impl DoubleEndedIterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .flat_map(|line| line.to_str().unwrap_or("?").split(','))
        .map(str::trim)
}

/// `for=` of one element of `forwarded` (RFC 7239 section 4).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    address(node.trim().trim_matches('"'))
}

/// An address with or without a port; None for `unknown` and obfuscated names.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || Some(text.parse::<SocketAddr>().ok()?.ip());
    let address = text.parse().ok().or_else(bare).or_else(with_port)?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const CLIENT: &str = "203.0.113.7";

    /// The client of a request with these headers, behind the proxies 10.0.0.0/8 and fd00::/8.
    fn client(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let proxies = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        forwarded(peer.parse().unwrap(), &map, &proxies).to_string()
    }

    #[test]
    fn who_is_no_proxy_is_not_believed() {
        for headers in [
            ("x-forwarded-for", "203.0.113.7"),
            ("forwarded", "for=203.0.113.7"),
        ] {
            assert_eq!(client("192.0.2.1", &[headers]), "192.0.2.1");
        }
    }

    #[test]
    fn the_client_is_the_right_most_that_is_no_proxy() {
        let plain = |value| client("10.0.0.1", &[("x-forwarded-for", value)]);
        assert_eq!(plain(CLIENT), CLIENT);
        assert_eq!(
            plain("198.51.100.1, 203.0.113.7, 10.0.0.2,10.0.0.3"),
            CLIENT
        );
        assert_eq!(plain("1.2.3.4, 203.0.113.7:4711, [fd00::1]:80"), CLIENT);
        assert_eq!(plain("10.0.0.9, 10.0.0.2"), "10.0.0.9");
        let lines = ["1.2.3.4", CLIENT, "10.0.0.2"].map(|line| ("x-forwarded-for", line));
        assert_eq!(client("10.0.0.1", &lines), CLIENT);
    }

    #[test]
    fn nothing_to_the_left_of_what_is_no_address_counts() {
        let plain = |value| client("10.0.0.1", &[("x-forwarded-for", value)]);
        assert_eq!(plain("203.0.113.7, unknown, 10.0.0.2"), "10.0.0.2");
        assert_eq!(plain("203.0.113.7, "), "10.0.0.1");
        let latin = [("x-forwarded-for", "203.0.113.7, \u{e4}")];
        assert_eq!(client("10.0.0.1", &latin), "10.0.0.1");
    }

    #[test]
    fn the_standard_header_is_read_as_well() {
        let standard = |value| client("10.0.0.1", &[("forwarded", value)]);
        assert_eq!(
            standard(
                "for=1.2.3.4, For=\"203.0.113.7:80\";proto=https;by=10.0.0.2, for=\"[fd00::1]:9\""
            ),
            CLIENT
        );
        assert_eq!(standard("for=\"[2001:db8::1]\""), "2001:db8::1");
        assert_eq!(standard("for=203.0.113.7, for=_hidden"), "10.0.0.1");
        assert_eq!(standard("proto=https"), "10.0.0.1");
    }

    #[test]
    fn headers_that_disagree_are_not_believed() {
        let both = |standard| {
            client(
                "10.0.0.1",
                &[("x-forwarded-for", CLIENT), ("forwarded", standard)],
            )
        };
        assert_eq!(both("for=203.0.113.7"), CLIENT);
        assert_eq!(both("for=1.2.3.4"), "10.0.0.1");
    }

    #[test]
    fn an_address_has_one_form() {
        let mapped = "::ffff:203.0.113.7";
        assert_eq!(client("10.0.0.1", &[("x-forwarded-for", mapped)]), CLIENT);
    }
}
