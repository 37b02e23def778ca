//! Email addresses, usernames, names, roles, ids and keys: what is accepted is accepted again as it
//! is stored, and names the same account.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchword::domain::custom_event::CustomName;
use watchword::domain::idempotency::IdempotencyKey;
use watchword::domain::ids::{LedgerSeq, UserId};
use watchword::domain::password::Password;
use watchword::domain::user::display_name::DisplayName;
use watchword::domain::user::email::Email;
use watchword::domain::user::identifier;
use watchword::domain::user::role::Role;
use watchword::domain::user::username::Username;

fuzz_target!(|text: &str| {
    if let Ok(address) = text.parse::<Email>() {
        let canonical = address.canonical();
        assert_eq!(identifier::canonical(canonical), canonical, "the canonical form is its own");
        assert_eq!(identifier::canonical(text), canonical, "a login with the address finds the account");
        let again: Email = address.as_str().parse().expect("what is stored can be read");
        assert_eq!(again.canonical(), canonical);
    }
    if let Ok(name) = text.parse::<Username>() {
        let again: Username = name.as_str().parse().expect("what is stored can be read");
        assert_eq!(again.canonical(), name.canonical());
        assert_eq!(identifier::canonical(text), name.canonical(), "a login with the name finds the account");
        assert!(!name.as_str().contains('@'), "a username is never an address");
    }
    if let Ok(name) = text.parse::<DisplayName>() {
        assert!(name.as_str().parse::<DisplayName>().is_ok());
    }
    if let Ok(role) = text.parse::<Role>() {
        assert_eq!(role.as_str(), text);
    }
    let _ = Password::parse(text);
    let _ = text.parse::<IdempotencyKey>();
    let _ = text.parse::<CustomName>();
    let _ = text.parse::<UserId>();
    let _ = text.parse::<LedgerSeq>();
});
