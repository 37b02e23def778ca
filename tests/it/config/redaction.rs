//! The redacted configuration.

use super::{load, refusals::GOOD_KEY};

#[test]
fn the_effective_values_are_shown_without_secrets() {
    let settings = load(&[
        ("DATABASE_URL", "postgres://app:canary-1@db.internal:5432/auth?sslmode=require"),
        ("REDIS_URL", "redis://:canary-2@cache.internal/0"),
        ("NATS_URL", "nats://app:canary-3@one.internal:4222,nats://canary-4@two.internal"),
        ("WATCHWORD_SECRET_KEY", GOOD_KEY),
        ("WATCHWORD__MAIL__HOST", "smtp.internal"),
        ("WATCHWORD__MAIL__USERNAME", "app"),
        ("WATCHWORD__MAIL__PASSWORD", "canary-5"),
        ("WATCHWORD__TOKENS__ACCESS_TTL", "5m"),
    ])
    .expect("settings");
    let shown = settings.redacted_toml().expect("TOML");
    for part in [
        "secret_key = \"***\"",
        "postgres://app:***@db.internal:5432/auth?sslmode=require",
        "redis://:***@cache.internal/0",
        "nats://app:***@one.internal:4222,nats://***@two.internal",
        "access_ttl = \"5m\"",
        "[nats.tls]",
    ] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    for text in [shown, format!("{settings:?}"), format!("{settings:#?}")] {
        assert!(!text.contains("canary") && !text.contains(GOOD_KEY), "{text}");
    }
}

#[test]
fn debug_of_a_section_hides_its_secrets() {
    let settings = load(&[
        ("NATS_URL", "nats://h"),
        ("WATCHWORD__NATS__USER", "u"),
        ("WATCHWORD__NATS__PASSWORD", "canary"),
    ])
    .expect("settings");
    assert!(!format!("{:?}", settings.nats).contains("canary"));
    assert!(settings.redacted_toml().expect("TOML").contains("password = \"***\""));
}

#[test]
fn redacted_settings_can_be_loaded_again() {
    let shown = load(&[("PORT", "8080")]).expect("settings").redacted_toml().expect("TOML");
    let again = super::load_file(&shown, &[]).expect("the shown values");
    assert_eq!(again.redacted_toml().expect("TOML"), shown);
}
