//! Stored password hashes: a database that was tampered with cannot make the service use more than
//! its limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchword::security::PasswordHash;

fuzz_target!(|text: &str| {
    if let Ok(hash) = text.parse::<PasswordHash>() {
        let written = hash.expose().to_owned();
        let again: PasswordHash = written.parse().expect("what is written can be read");
        assert_eq!(again.expose(), written);
    }
});
