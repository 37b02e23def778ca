//! Warns of a proxy in front of the service that is not trusted: all its clients would share one
//! address in limits, events and logs.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use poem::http::HeaderMap;

use crate::http::client_ip::TrustedProxies;

/// Whether the warning was given, for a proxy nearby and for one elsewhere: any client can cause
/// the latter with a header of its own.
#[derive(Debug, Default)]
pub(super) struct UntrustedProxy {
    nearby: AtomicBool,
    elsewhere: AtomicBool,
}

impl UntrustedProxy {
    /// Warn once if `peer` forwards requests without being trusted.
    pub(super) fn note(&self, peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) {
        let peer = peer.to_canonical();
        let is_nearby = is_nearby(peer);
        let given = if is_nearby { &self.nearby } else { &self.elsewhere };
        // Behind trusted proxies, a client elsewhere that sends such a header is no proxy.
        if given.load(Relaxed) || (!is_nearby && !trusted.is_empty()) {
            return;
        }
        if !trusted.contain(peer) && trusted.named_in(headers) && !given.swap(true, Relaxed) {
            tracing::warn!(
                %peer,
                "requests are forwarded by a proxy that is not trusted, and its clients count as one; \
                 list its network in http.trusted_proxies"
            );
        }
    }
}

/// Whether the address is of this machine or of a private network.
fn is_nearby(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            // The last are those of carriers, which clouds and overlay networks use too (RFC 6598).
            address.is_loopback() || address.is_private() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}
