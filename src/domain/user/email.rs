//! Email addresses: stored as the user wrote them, compared in a canonical form.

use std::str::FromStr;

use email_address::EmailAddress;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization as _;

use super::personal_text::personal_text;
use crate::domain::text::fold::fold;
use crate::domain::text::{self, TextError};

const MIN_LENGTH: usize = 3;
const MAX_LENGTH: usize = 254;

personal_text! {
    /// An email address (RFC 5321, RFC 6531) without display name, comment or address literal.
    ///
    /// Two addresses name the same account when their [canonical](Self::canonical) forms are equal:
    /// the local part [folded](fold), and the domain in its ASCII form (UTS 46).
    Email { text, canonical }
}

impl Email {
    /// The part before the `@`, in canonical form.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.canonical.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// Whether a confirmation of one address holds for the other: only case differs, or how the
    /// domain is spelled. Addresses of one account may differ by more, and be of two mailboxes.
    #[must_use]
    pub fn is_same_mailbox(&self, other: &Self) -> bool {
        let local = |email: &Self| email.text.rsplit_once('@').map(|(local, _)| local.to_lowercase());
        self.canonical == other.canonical && local(self) == local(other)
    }
}

impl FromStr for Email {
    type Err = TextError;

    fn from_str(address: &str) -> Result<Self, TextError> {
        const FORM: TextError = TextError::Form("must be an email address such as name@example.com");
        let text = text::normalize(&text::narrow(text::trim(address)), MIN_LENGTH, MAX_LENGTH)?;
        if text.chars().any(|c| c.is_whitespace() || text::is_deceptive(c)) {
            return Err(FORM);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(FORM)?;
        let domain = ascii_domain(domain).ok_or(FORM)?;
        let options = email_address::Options::default()
            .without_display_text()
            .without_domain_literal()
            .with_required_tld();
        EmailAddress::parse_with_options(&format!("{local}@{domain}"), options).map_err(|_| FORM)?;
        if local.starts_with('"') {
            return Err(FORM);
        }
        let canonical = format!("{}@{domain}", fold(local));
        Ok(Self { text, canonical })
    }
}

/// Return the canonical form of an address as a login submits it, whether or not it is valid.
pub(super) fn canonical(text: &str) -> String {
    let text: String = text::narrow(text).nfc().collect();
    match text.rsplit_once('@') {
        Some((local, domain)) => format!("{}@{}", fold(local), ascii_domain(domain).unwrap_or_else(|| fold(domain))),
        None => fold(&text),
    }
}

/// Return the form of a domain that the DNS and every mail server take.
fn ascii_domain(domain: &str) -> Option<String> {
    let ascii =
        Uts46::new().to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify);
    ascii.ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> String {
        address
            .parse::<Email>()
            .map_or_else(|error| error.to_string(), |email| email.canonical().to_owned())
    }

    #[test]
    fn an_address_has_one_canonical_form() {
        for address in [
            "ada@bücher.example",
            "Ada@BÜCHER.example",
            "ada@xn--bcher-kva.example",
            "ADA@XN--BCHER-KVA.EXAMPLE",
            "ａｄａ＠ＢÜＣＨＥＲ。example",
            " ada@bu\u{308}cher.example\n",
        ] {
            assert_eq!(of(address), "ada@xn--bcher-kva.example", "{address}");
            assert_eq!(canonical(text::trim(address)), "ada@xn--bcher-kva.example", "{address}");
        }
        assert_eq!(of("ada@a。b.com"), "ada@a.b.com");
    }

    #[test]
    fn a_confirmation_holds_for_one_mailbox() {
        let is_same = |one: &str, other: &str| {
            let parse = |address: &str| address.parse::<Email>().expect(address);
            parse(one).is_same_mailbox(&parse(other))
        };
        assert!(is_same("Ada@bücher.example", "ada@xn--bcher-kva.example"));
        assert!(is_same("adas@example.com", "ADAS@Example.com"));
        // One account, as the canonical forms are equal, and another mailbox.
        for other in ["ada\u{17f}@example.com", "\u{aa}das@example.com"] {
            assert_eq!(of(other), "adas@example.com");
            assert!(!is_same("adas@example.com", other), "{other}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for address in [
            "ada",
            "ada@",
            "@example.com",
            "ada@xn--a.example",
            "ada@-a.com",
            "ada@a b.com",
            "a@b@c.com",
            "ada@localhost",
        ] {
            address.parse::<Email>().expect_err(address);
        }
    }
}
