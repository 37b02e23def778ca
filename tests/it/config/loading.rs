//! The precedence of the sources, and the parsing of environment variables.

use std::{path::Path, time::Duration};

use secrecy::ExposeSecret as _;
use watchword::config::{ConfigError, LogFormat, PiiMode, RequestRate, Settings};

use super::{load, load_file};

#[test]
fn the_defaults_are_valid() {
    let settings = load(&[]).expect("the defaults");
    assert_eq!(settings.http.address().to_string(), "0.0.0.0:3001");
    assert_eq!(settings.http.base_path, "/");
    assert_eq!(settings.http.public_url, "http://localhost:3001");
    assert_eq!(settings.http.max_body_bytes, 16_384);
    assert_eq!(settings.metrics.listen.to_string(), "127.0.0.1:9464");
    assert!(settings.database.url.is_none() && settings.redis.url.is_none() && settings.nats.url.is_none());
    assert_eq!(settings.stream.subjects, ["auth.user.*", "auth.custom.*", "auth.system.*"]);
    assert_eq!(settings.stream.max_age, Duration::from_secs(7 * 24 * 3600));
    assert_eq!(settings.events.service, "watchword");
    assert_eq!(settings.events.pii, PiiMode::Full);
    assert_eq!(settings.passwords.argon2_memory_kib, 19_456);
    assert_eq!(settings.tokens.access_ttl, Duration::from_secs(900));
    assert_eq!(settings.sessions.absolute_ttl, Duration::from_secs(30 * 24 * 3600));
    assert!(settings.limits.enabled);
    assert_eq!(settings.telemetry.format, LogFormat::Auto);
    assert_eq!(settings.data_dir, Path::new("data"));
    assert!(settings.secret_key.is_none());
}

#[test]
fn variables_win_over_the_file_and_short_names_over_long_ones() {
    let text = "data_dir = '/srv'\n[http]\nport = 1000\nbase_path = '/file'\nhost = '::1'\n";
    let vars = [
        ("WATCHWORD__HTTP__PORT", "2000"),
        ("WATCHWORD__HTTP__BASE_PATH", "/var"),
        ("PORT", "3000"),
    ];
    let settings = load_file(text, &vars).expect("settings");
    assert_eq!(settings.data_dir, Path::new("/srv"));
    assert_eq!(settings.http.address().to_string(), "[::1]:3000");
    assert_eq!(settings.http.base_path, "/var");
}

#[test]
fn every_short_name_sets_its_key() {
    let key = super::refusals::GOOD_KEY;
    let settings = load(&[
        ("PORT", "8080"),
        ("DATABASE_URL", "postgres://db/auth"),
        ("REDIS_URL", "redis://cache"),
        ("NATS_URL", "nats://one:4222, two:4222"),
        ("WATCHWORD_SECRET_KEY", key),
    ])
    .expect("settings");
    assert_eq!(settings.http.port, 8080);
    assert_eq!(settings.database.url.expect("url").expose_secret(), "postgres://db/auth");
    assert_eq!(settings.redis.url.expect("url").expose_secret(), "redis://cache");
    assert_eq!(settings.nats.url.expect("url").expose_secret(), "nats://one:4222, two:4222");
    assert_eq!(settings.secret_key.expect("key").expose_secret(), key);
}

#[test]
fn strings_that_look_like_numbers_stay_strings() {
    let settings = load(&[
        ("NATS_URL", "nats://host"),
        ("WATCHWORD__NATS__USER", "42"),
        ("WATCHWORD__NATS__PASSWORD", "0123456789"),
        ("WATCHWORD__EVENTS__ENVIRONMENT", "true"),
        ("WATCHWORD__STREAM__NAME", "7"),
        ("WATCHWORD__DATA_DIR", "1e3"),
    ])
    .expect("settings");
    assert_eq!(settings.nats.user.as_deref(), Some("42"));
    assert_eq!(settings.nats.password.expect("password").expose_secret(), "0123456789");
    assert_eq!(settings.events.environment, "true");
    assert_eq!(settings.stream.name, "7");
    assert_eq!(settings.data_dir, Path::new("1e3"));
}

#[test]
fn lists_numbers_and_booleans_are_parsed_from_variables() {
    let settings = load(&[
        ("WATCHWORD__STREAM__SUBJECTS", "auth.user.*, auth.replay.*"),
        ("WATCHWORD__TOKENS__AUDIENCE", "orders, billing"),
        ("WATCHWORD__HTTP__TRUSTED_PROXIES", r#"["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]"#),
        ("WATCHWORD__LIMITS__ENABLED", "false"),
        ("WATCHWORD__STREAM__MAX_MSGS", "-1"),
        ("WATCHWORD__PASSWORDS__HASH_THREADS", "2"),
        ("WATCHWORD__NATS__TLS__REQUIRED", "true"),
        ("WATCHWORD__SESSIONS__IDLE_TTL", "1day 12h"),
    ])
    .expect("settings");
    assert_eq!(settings.stream.subjects, ["auth.user.*", "auth.replay.*"]);
    assert_eq!(settings.tokens.audience, ["orders", "billing"]);
    let proxies: Vec<String> = settings.http.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]);
    assert!(!settings.limits.enabled);
    assert_eq!(settings.stream.max_msgs, -1);
    assert_eq!(settings.passwords.hash_threads, Some(2));
    assert!(settings.nats.tls.required);
    assert_eq!(settings.sessions.idle_ttl, Duration::from_secs(36 * 3600));
}

#[test]
fn account_types_are_tables_in_a_file_and_json_in_a_variable() {
    let text = "[accounts]\nroles = ['editor']\n\n[[accounts.types]]\nname = 'user'\nroles = ['user']\n\n\
                [[accounts.types]]\nname = 'label'\nroles = ['user', 'publisher']\n";
    let names = |settings: &Settings| -> Vec<(String, Vec<String>)> {
        let types = settings.accounts.types.iter();
        types.map(|known| (known.name.clone(), known.roles.clone())).collect()
    };
    let expected =
        |name: &str, roles: &[&str]| (name.to_owned(), roles.iter().map(|role| (*role).to_owned()).collect());
    let settings = load_file(text, &[]).expect("settings");
    assert_eq!(names(&settings), [expected("user", &["user"]), expected("label", &["user", "publisher"])]);
    assert_eq!(settings.accounts.roles, ["editor"]);
    let shown = settings.redacted_toml().expect("TOML");
    assert_eq!(names(&load_file(&shown, &[]).expect("settings")), names(&settings));

    let json = r#"[{"name": "user", "roles": ["user"]}, {"name": "artist", "roles": ["user", "artist"]}]"#;
    let settings = load_file(text, &[("WATCHWORD__ACCOUNTS__TYPES", json)]).expect("settings");
    assert_eq!(names(&settings), [expected("user", &["user"]), expected("artist", &["user", "artist"])]);
    assert_eq!(names(&load(&[]).expect("settings")), names(&settings), "the default");
}

#[test]
fn a_limit_is_a_number_and_a_window() {
    let text = "[limits]\nregister = '7/90s'\n";
    let vars = [
        ("WATCHWORD__LIMITS__LOGIN", "1000/10m"),
        ("WATCHWORD__LIMITS__MAIL_ADDRESS", "3/1d"),
    ];
    let limits = load_file(text, &vars).expect("settings").limits;
    let rate = |count, seconds| RequestRate { count, window: Duration::from_secs(seconds) };
    assert_eq!(limits.register, rate(7, 90));
    assert_eq!(limits.login, rate(1000, 600));
    assert_eq!(limits.mail_address, rate(3, 86_400));
    assert_eq!(limits.login_account, rate(100, 86_400), "the default");
}

/// The nats command reads NATS_URL too.
#[test]
fn the_long_name_of_the_nats_url_wins() {
    let url = |vars: &[(&str, &str)]| {
        let settings = load_file("[nats]\nurl = 'nats://file'\n", vars).expect("settings");
        settings.nats.url.expect("a URL").expose_secret().to_owned()
    };
    let (short, long) = (("NATS_URL", "nats://short"), ("WATCHWORD__NATS__URL", "nats://long"));
    assert_eq!(url(&[]), "nats://file");
    assert_eq!(url(&[short]), "nats://short");
    assert_eq!(url(&[short, long]), "nats://long");
    assert_eq!(url(&[short, ("WATCHWORD__NATS__URL", "")]), "nats://short");
}

#[test]
fn empty_variables_are_not_set() {
    let vars = [
        ("DATABASE_URL", ""),
        ("PORT", ""),
        ("WATCHWORD__TOKENS__ISSUER", ""),
        ("WATCHWORD__HTTP__HOST", ""),
    ];
    let settings = load_file("[http]\nport = 99\n", &vars).expect("settings");
    assert!(settings.database.url.is_none() && settings.tokens.issuer.is_none());
    assert_eq!(settings.http.port, 99);
}

#[test]
fn an_audience_is_a_list_or_one_text() {
    for (text, expected) in [
        ("", &["watchword"][..]),
        ("[tokens]\naudience = 'orders'\n", &["orders"]),
        ("[tokens]\naudience = ['orders', 'billing']\n", &["orders", "billing"]),
    ] {
        assert_eq!(load_file(text, &[]).expect("settings").tokens.audience, expected, "{text}");
    }
}

#[test]
fn the_issuer_is_where_clients_find_the_metadata_unless_it_is_set() {
    let vars = [
        ("WATCHWORD__HTTP__PUBLIC_URL", "https://auth.example.com/"),
        ("WATCHWORD__HTTP__BASE_PATH", "/api/v1"),
    ];
    assert_eq!(load(&vars[..1]).expect("settings").issuer(), "https://auth.example.com");
    assert_eq!(load(&vars).expect("settings").issuer(), "https://auth.example.com/api/v1");
    let given = [
        vars[0],
        vars[1],
        ("WATCHWORD__TOKENS__ISSUER", "https://id.example.com"),
    ];
    assert_eq!(load(&given).expect("settings").issuer(), "https://id.example.com");
}

#[test]
fn the_public_url_follows_the_port_by_default() {
    assert_eq!(load(&[("PORT", "8080")]).expect("settings").http.public_url, "http://localhost:8080");
    let given = load(&[
        ("PORT", "8080"),
        ("WATCHWORD__HTTP__PUBLIC_URL", "https://auth.example.com/"),
    ]);
    assert_eq!(given.expect("settings").http.public_url, "https://auth.example.com");
}

#[test]
fn a_missing_file_and_a_broken_file_get_different_errors() {
    let missing = Settings::load_from(Some(Path::new("/nonexistent/watchword.toml")), []).expect_err("no file");
    assert!(matches!(missing, ConfigError::Read { .. }), "{missing}");

    let broken = load_file("data_dir = 'x'\nsecret_key = \"canary-3141 \n", &[]).expect_err("not TOML");
    assert!(matches!(broken, ConfigError::Syntax { line: 2, .. }), "{broken:?}");
    assert!(!format!("{broken} {broken:?}").contains("canary"), "{broken:?}");
}

#[test]
fn the_stream_defaults_equal_the_stream_definition() {
    let definition = Path::new(env!("CARGO_MANIFEST_DIR")).join("nats/streams/auth-events.json");
    let definition: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(definition).expect("the definition")).expect("JSON");
    let stream = load(&[]).expect("settings").stream;
    assert_eq!(definition["name"], stream.name);
    assert_eq!(definition["subjects"], serde_json::json!(stream.subjects));
    assert_eq!(definition["max_msgs"], stream.max_msgs);
    assert_eq!(definition["max_bytes"], stream.max_bytes);
    assert_eq!(definition["max_age"], u64::try_from(stream.max_age.as_nanos()).expect("nanoseconds"));
    assert_eq!(definition["num_replicas"], stream.replicas);
}
