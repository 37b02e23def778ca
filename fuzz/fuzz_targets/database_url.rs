//! Database URLs: one with a password never shows it.
#![no_main]

use std::str::FromStr as _;

use libfuzzer_sys::fuzz_target;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use watchword::config::Settings;

fuzz_target!(|text: &str| {
    for url in [text.to_owned(), format!("postgres://{text}"), format!("sqlite:{text}")] {
        if url.starts_with("sqlite:") {
            let _ = SqliteConnectOptions::from_str(&url);
        } else {
            let _ = PgConnectOptions::from_str(&url);
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
