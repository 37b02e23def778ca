//! Determines the client's IP address, for rate limits and the audit log.
//!
//! Only the address of the socket cannot be forged. One header, which the operator chooses, is read
//! as far as trusted proxies wrote it; all others are ignored, since proxies pass on what they do
//! not write themselves.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use poem::http::header::FORWARDED;
use poem::http::{HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Most hops that are walked back.
const MAX_HOPS: usize = 16;

/// The address of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientIp(pub IpAddr);

/// The proxies that are trusted to name the client, and the header in which they do.
#[derive(Debug, Clone)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: HeaderName,
}

impl Default for TrustedProxies {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl TrustedProxies {
    /// Trust the `X-Forwarded-For` of proxies inside `networks`.
    #[must_use]
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self { networks, header: X_FORWARDED_FOR }
    }

    /// Read `header` instead: `Forwarded` (RFC 7239), or another one with a list of addresses.
    #[must_use]
    pub fn reading(self, header: HeaderName) -> Self {
        Self { header, ..self }
    }

    /// Whether no proxy is trusted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// Whether `address` is that of a trusted proxy.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether the headers name a client, as a proxy does.
    #[must_use]
    pub fn named_in(&self, headers: &HeaderMap) -> bool {
        let is_another = self.header != X_FORWARDED_FOR && self.header != FORWARDED;
        headers.contains_key(X_FORWARDED_FOR)
            || headers.contains_key(FORWARDED)
            || (is_another && headers.contains_key(&self.header))
    }
}

/// Return the client's address: the socket's peer, unless that is a trusted proxy; then the
/// right-most hop of the proxies' header that is not a trusted proxy.
///
/// The walk goes from right to left and ends at the first entry that is not an address: nothing
/// left of it is trusted, and the client is the last hop before it. IPv4-mapped IPv6 addresses
/// count as IPv4.
#[must_use]
pub fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> ClientIp {
    let peer = peer.to_canonical();
    if trusted.is_empty() || !trusted.contain(peer) {
        return ClientIp(peer);
    }
    let lines = headers.get_all(&trusted.header).iter().rev();
    // A line that is not text ends the walk, like an entry that is not an address.
    let lines = lines.map(|line| line.to_str().unwrap_or("?"));
    ClientIp(if trusted.header == FORWARDED {
        walk(peer, lines.flat_map(forwarded_hops), trusted)
    } else {
        walk(peer, lines.flat_map(|line| line.rsplit(',').map(str::trim)), trusted)
    })
}

fn walk<'a>(peer: IpAddr, hops: impl Iterator<Item = &'a str>, trusted: &TrustedProxies) -> IpAddr {
    let mut client = peer;
    for hop in hops.take(MAX_HOPS) {
        let Some(address) = parse_hop(hop) else { break };
        client = address;
        if !trusted.contain(address) {
            break;
        }
    }
    client
}

/// Parse an address with or without a port.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let address = hop
        .parse::<IpAddr>()
        .or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()))
        .or_else(|_| hop.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>())
        .ok()?;
    Some(address.to_canonical())
}

/// The nodes of the parameters `for` of a `Forwarded` line, the last one first. An element without
/// one, or a line with an open quote, gives a node that is no address and ends the walk.
fn forwarded_hops(line: &str) -> Vec<&str> {
    let Some(elements) = split_unquoted(line, ',') else {
        return vec!["?"];
    };
    elements.into_iter().rev().map(|element| node_of(element).unwrap_or("?")).collect()
}

fn node_of(element: &str) -> Option<&str> {
    let mut nodes = split_unquoted(element, ';')?.into_iter().filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    });
    match (nodes.next(), nodes.next()) {
        (Some(node), None) => Some(node.strip_prefix('"').and_then(|node| node.strip_suffix('"')).unwrap_or(node)),
        _ => None,
    }
}

/// Split at a character outside quoted strings: clients choose the text in some of them, such as
/// the value of `Host`. `None` for a quote that stays open.
fn split_unquoted(text: &str, at: char) -> Option<Vec<&str>> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(|c: char| {
        let (was_escaped, is_quoted) = (std::mem::take(&mut escaped), quoted);
        match c {
            _ if was_escaped => {}
            '\\' if is_quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return c == at && !is_quoted,
        }
        false
    });
    let parts = parts.collect();
    (!quoted).then_some(parts)
}
