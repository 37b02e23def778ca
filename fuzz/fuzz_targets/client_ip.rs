//! `X-Forwarded-For` and `Forwarded`: a peer that is not trusted is the client, and a hop counts
//! only behind trusted ones.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use poem::http::header::FORWARDED;
use poem::http::{HeaderMap, HeaderValue};
use watchword::http::client_ip::{ClientIp, TrustedProxies, client_ip};

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

static TRUSTED: LazyLock<TrustedProxies> =
    LazyLock::new(|| TrustedProxies::new(vec!["10.0.0.0/8".parse().expect("a network")]));

fuzz_target!(|data: &[u8]| {
    let (mut headers, mut elements) = (HeaderMap::new(), HeaderMap::new());
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append("x-forwarded-for", value.clone());
            elements.append(FORWARDED, value);
        }
    }
    assert_eq!(client_ip(STRANGER, &headers, &TRUSTED), ClientIp(STRANGER));
    let ClientIp(found) = client_ip(PROXY, &headers, &TRUSTED);
    assert_eq!(found, found.to_canonical());
    // What a client writes left of the hop that the proxy added changes nothing.
    let mut forged = headers.clone();
    forged.append("x-forwarded-for", HeaderValue::from_static("203.0.113.9"));
    assert_eq!(client_ip(PROXY, &forged, &TRUSTED).0.to_string(), "203.0.113.9");

    let trusted = TRUSTED.clone().reading(FORWARDED);
    assert_eq!(client_ip(STRANGER, &elements, &trusted), ClientIp(STRANGER));
    assert_eq!(client_ip(PROXY, &headers, &trusted), ClientIp(PROXY));
    elements.append(FORWARDED, HeaderValue::from_static("for=203.0.113.9"));
    assert_eq!(client_ip(PROXY, &elements, &trusted).0.to_string(), "203.0.113.9");
});
