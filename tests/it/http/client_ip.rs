//! The client's address comes from headers of trusted proxies only.

use std::net::IpAddr;

use poem::http::{HeaderMap, HeaderName, HeaderValue};
use watchword::http::client_ip::{ClientIp, TrustedProxies, client_ip};

use super::api::{edge_settings, long_timeouts, start, start_with};
use super::raw::request;

fn trusted() -> TrustedProxies {
    let networks = ["10.0.0.0/8", "fd00::/8", "127.0.0.1/32"];
    TrustedProxies::new(networks.iter().map(|network| network.parse().unwrap()).collect())
}

fn resolve(peer: &str, headers: &[(&str, &str)]) -> IpAddr {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    let ClientIp(client) = client_ip(peer.parse().unwrap(), &map, &trusted());
    client
}

/// The socket's peer, the headers, and the expected client address.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

#[test]
fn the_client_address_comes_from_the_nearest_untrusted_hop() {
    let xff = "X-Forwarded-For";
    let many = format!("6.6.6.6, {}", vec!["10.0.0.1"; 300].join(", "));
    let cases: &[Case<'_>] = &[
        // Headers count only from a trusted proxy.
        ("203.0.113.9", &[], "203.0.113.9"),
        ("203.0.113.9", &[(xff, "6.6.6.6")], "203.0.113.9"),
        ("203.0.113.9", &[("X-Real-IP", "6.6.6.6"), ("Forwarded", "for=6.6.6.6")], "203.0.113.9"),
        (
            "10.1.2.3",
            &[
                ("X-Real-IP", "6.6.6.6"),
                ("Forwarded", "for=6.6.6.6"),
                ("True-Client-IP", "6.6.6.6"),
            ],
            "10.1.2.3",
        ),
        (
            "10.1.2.3",
            &[
                ("X-Real-IP", "6.6.6.6"),
                ("X-Client-IP", "6.6.6.6"),
                ("CF-Connecting-IP", "6.6.6.6"),
                ("Fastly-Client-IP", "6.6.6.6"),
                ("X-Cluster-Client-IP", "6.6.6.6"),
                ("X-Original-Forwarded-For", "6.6.6.6"),
                ("Via", "1.1 6.6.6.6"),
                (xff, "198.51.100.7"),
            ],
            "198.51.100.7",
        ),
        // The right-most hop that is not a proxy.
        ("10.1.2.3", &[], "10.1.2.3"),
        ("10.1.2.3", &[(xff, "198.51.100.7")], "198.51.100.7"),
        ("10.1.2.3", &[(xff, "6.6.6.6, 198.51.100.7")], "198.51.100.7"),
        ("10.1.2.3", &[(xff, "6.6.6.6, 198.51.100.7, 10.9.9.9")], "198.51.100.7"),
        (
            "10.1.2.3",
            &[(xff, "6.6.6.6"), (xff, "198.51.100.7"), (xff, "10.9.9.9, 10.8.8.8")],
            "198.51.100.7",
        ),
        ("10.1.2.3", &[(xff, "10.7.7.7, 10.8.8.8")], "10.7.7.7"),
        // Ports, brackets, spaces, IPv6, mapped addresses.
        ("10.1.2.3", &[(xff, "198.51.100.7:4711")], "198.51.100.7"),
        ("10.1.2.3", &[(xff, "[2001:db8::7]:4711")], "2001:db8::7"),
        ("10.1.2.3", &[(xff, "[2001:db8::7]")], "2001:db8::7"),
        ("10.1.2.3", &[(xff, "  2001:db8::7  ")], "2001:db8::7"),
        ("fd00::1", &[(xff, "2001:db8::7")], "2001:db8::7"),
        ("::ffff:10.1.2.3", &[(xff, "::ffff:198.51.100.7")], "198.51.100.7"),
        ("::ffff:203.0.113.9", &[(xff, "6.6.6.6")], "203.0.113.9"),
        // An invalid address ends the walk: the last valid hop counts.
        ("10.1.2.3", &[(xff, "a")], "10.1.2.3"),
        ("10.1.2.3", &[(xff, "")], "10.1.2.3"),
        ("10.1.2.3", &[(xff, ",,,")], "10.1.2.3"),
        ("10.1.2.3", &[(xff, "6.6.6.6, unknown, 10.9.9.9")], "10.9.9.9"),
        ("10.1.2.3", &[(xff, "6.6.6.6, 999.1.1.1")], "10.1.2.3"),
        ("10.1.2.3", &[(xff, "198.51.100.7, ")], "10.1.2.3"),
        ("10.1.2.3", &[(xff, "6.6.6.6, fe80::1%eth0")], "10.1.2.3"),
        ("10.1.2.3", &[(xff, "6.6.6.6"), (xff, "\u{fc}")], "10.1.2.3"),
        // A chain that is too long is not walked to its end.
        ("10.1.2.3", &[(xff, &many)], "10.0.0.1"),
    ];
    for (peer, headers, client) in cases {
        assert_eq!(resolve(peer, headers), client.parse::<IpAddr>().unwrap(), "{peer} {headers:?}");
    }
}

#[tokio::test]
async fn forwarding_headers_count_only_from_trusted_peers() {
    let headers = [("X-Forwarded-For", "6.6.6.6, 198.51.100.7")];
    let app = start().await;
    let reply = request(app.address, "GET", "/base/who", &headers, b"").await;
    assert_eq!(reply.body.split('|').nth(2), Some("127.0.0.1"));

    let mut edge = edge_settings();
    edge.trusted_proxies = trusted();
    let app = start_with(long_timeouts(), edge).await;
    let reply = request(app.address, "GET", "/base/who", &headers, b"").await;
    assert_eq!(reply.body.split('|').nth(2), Some("198.51.100.7"));
}
