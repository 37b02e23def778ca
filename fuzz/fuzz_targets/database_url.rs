//! Database URLs: one with a password never shows it, and the driver takes what is accepted.
#![no_main]

use std::str::FromStr as _;

use libfuzzer_sys::fuzz_target;
use secrecy::ExposeSecret as _;
use sqlx::postgres::PgConnectOptions;
use watchword::config::{DatabaseUrl, Settings};

fuzz_target!(|text: &str| {
    for url in [text.to_owned(), format!("postgres://{text}"), format!("sqlite:{text}")] {
        // The driver understands everything that is accepted.
        if let Ok(DatabaseUrl::Postgres(url)) = DatabaseUrl::parse(&url) {
            PgConnectOptions::from_str(url.for_driver().expose_secret()).expect("an address");
        }
    }
    // A password that occurs nowhere else, in a URL whose other parts are anything.
    let secret = "correct-horse-battery-7";
    let vars = [("DATABASE_URL".to_owned(), format!("postgres://user:{secret}@{text}"))];
    let shown = match Settings::load_from(None, vars) {
        Ok(settings) => format!("{settings:?}{}", settings.redacted_toml().unwrap_or_default()),
        Err(error) => format!("{error:?}{error}"),
    };
    assert!(!shown.contains(secret) || text.contains(secret), "{shown}");
});
