//! Determines the client's IP address, for rate limits and the audit log.
//!
//! Only the address of the socket cannot be forged. `X-Forwarded-For` is read as far as trusted
//! proxies wrote it; `Forwarded`, `X-Real-IP` and other headers are ignored.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use poem::http::HeaderMap;

const X_FORWARDED_FOR: &str = "x-forwarded-for";
/// Most hops that are walked back.
const MAX_HOPS: usize = 16;

/// The address of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientIp(pub IpAddr);

/// The proxies whose `X-Forwarded-For` is trusted.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Trust proxies inside `networks`.
    #[must_use]
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Return the client's address: the socket's peer, unless that is a trusted proxy; then the
/// right-most hop of `X-Forwarded-For` that is not a trusted proxy.
///
/// The walk goes from right to left and ends at the first entry that is not an address: nothing
/// left of it is trusted, and the client is the last hop before it. IPv4-mapped IPv6 addresses
/// count as IPv4.
#[must_use]
pub fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> ClientIp {
    let mut client = peer.to_canonical();
    if trusted.0.is_empty() || !trusted.contain(client) {
        return ClientIp(client);
    }
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    // A line that is not text ends the walk, like an entry that is not an address.
    let hops = lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
    for hop in hops.take(MAX_HOPS) {
        let Some(address) = parse_hop(hop) else { break };
        client = address;
        if !trusted.contain(address) {
            break;
        }
    }
    ClientIp(client)
}

/// Parse an address with or without a port.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let address = hop
        .parse::<IpAddr>()
        .or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()))
        .or_else(|_| hop.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>())
        .ok()?;
    Some(address.to_canonical())
}
