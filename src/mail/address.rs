//! Addresses as mail servers take them.

use lettre::Address;
use lettre::address::AddressError;

/// The address with its domain in the form that every server takes: `bücher.example` is
/// `xn--bcher-kva.example` (UTS 46). The part before the `@` stays as it is.
pub(super) fn ascii(address: &str) -> Result<Address, AddressError> {
    let given: Address = address.parse()?;
    match ascii_domain(given.domain()) {
        Some(domain) => Address::new(given.user(), domain),
        None => Err(AddressError::InvalidDomain),
    }
}

/// A domain in its ASCII form, and an address in brackets as it is.
pub(super) fn ascii_domain(domain: &str) -> Option<String> {
    if domain.starts_with('[') {
        return Some(domain.to_owned());
    }
    idna::domain_to_ascii(domain).ok().filter(|domain| !domain.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_sent_in_ascii() {
        for (given, sent) in [
            ("ada@bücher.example", "ada@xn--bcher-kva.example"),
            ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
            ("ada@straße.example", "ada@xn--strae-oqa.example"),
            ("用户@例子.测试", "用户@xn--fsqu00a.xn--0zwm56d"),
            ("Ada@Example.com", "Ada@example.com"),
        ] {
            assert_eq!(ascii(given).map(|address| address.to_string()), Ok(sent.to_owned()), "{given}");
        }
    }
}
