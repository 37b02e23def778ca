//! The name that the service gives in EHLO. Many servers refuse one without a domain.

use std::net::Ipv4Addr;

use lettre::transport::smtp::extension::ClientId;
use url::{Host, Url};

use crate::config::Settings;
use crate::mail::address::ascii_domain;

/// The configured name, else the host of `http.public_url`, the domain of `mail.from` or the name
/// of the machine, whichever is the first that others can resolve.
pub(super) fn name(settings: &Settings) -> ClientId {
    if let Some(name) = &settings.mail.ehlo_name {
        return parse(name);
    }
    let url = Url::parse(&settings.http.public_url).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(domain)) if is_full(domain) => return ClientId::Domain(domain.to_owned()),
        Some(Host::Ipv4(address)) if !address.is_loopback() => return ClientId::Ipv4(address),
        Some(Host::Ipv6(address)) if !address.is_loopback() => return ClientId::Ipv6(address),
        _ => {}
    }
    let sender = settings.mail.from.parse::<lettre::message::Mailbox>();
    let sender = sender.ok().and_then(|from| ascii_domain(from.email.domain()));
    if let Some(domain) = sender.filter(|domain| is_full(domain)) {
        return ClientId::Domain(domain);
    }
    match ClientId::default() {
        ClientId::Domain(name) if is_full(&name) => ClientId::Domain(name),
        // What a client without a name gives (RFC 5321, section 4.1.4).
        _ => ClientId::Ipv4(Ipv4Addr::LOCALHOST),
    }
}

/// A name, or an address in brackets.
fn parse(name: &str) -> ClientId {
    let literal = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let ipv6 = literal.and_then(|text| text.strip_prefix("IPv6:")).and_then(|text| text.parse().ok());
    let ipv4 = literal.and_then(|text| text.parse().ok());
    match (ipv4, ipv6) {
        (Some(address), _) => ClientId::Ipv4(address),
        (None, Some(address)) => ClientId::Ipv6(address),
        (None, None) => ClientId::Domain(ascii_domain(name).unwrap_or_else(|| name.to_owned())),
    }
}

/// Whether a name has a domain.
fn is_full(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.contains('.') && !name.ends_with(".localhost") && !name.ends_with(".local")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_others_can_resolve_is_preferred() {
        let mut settings = Settings::load_from(None, []).unwrap();
        let mut named = |public_url: &str, from: &str, given: Option<&str>| {
            settings.http.public_url = public_url.to_owned();
            settings.mail.from = from.to_owned();
            settings.mail.ehlo_name = given.map(str::to_owned);
            name(&settings).to_string()
        };
        let (local, sender) = ("no-reply@localhost", "Example <no-reply@mail.example.com>");
        assert_eq!(named("https://auth.example.com/login", local, None), "auth.example.com");
        assert_eq!(named("https://bücher.example", local, None), "xn--bcher-kva.example");
        assert_eq!(named("http://192.0.2.7:3001", sender, None), "[192.0.2.7]");
        assert_eq!(named("http://[2001:db8::1]", sender, None), "[IPv6:2001:db8::1]");
        assert_eq!(named("http://localhost:3001", sender, None), "mail.example.com");
        assert_eq!(named("http://127.0.0.1:3001", "x@bücher.example", None), "xn--bcher-kva.example");
        assert!(named("http://localhost:3001", local, None).contains('.'));
        assert_eq!(named("https://auth.example.com", sender, Some("out.example.org")), "out.example.org");
        assert_eq!(named("https://auth.example.com", sender, Some("[192.0.2.9]")), "[192.0.2.9]");
        assert_eq!(
            named("https://auth.example.com", sender, Some("[IPv6:2001:db8::2]")),
            "[IPv6:2001:db8::2]"
        );
    }
}
