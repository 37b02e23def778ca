//! Invalid configurations and their error messages.

use watchword::config::{ConfigError, Problem};

use super::{load, load_file};

/// A valid secret key.
pub(super) const GOOD_KEY: &str = "3q2+7wAB8CQz5hVbZ4lX1nMvS0pTgKjYcUeRiOaWdLs=";

fn problems(result: Result<watchword::config::Settings, ConfigError>) -> Vec<Problem> {
    match result {
        Err(ConfigError::Invalid(problems)) => problems,
        other => panic!("expected refused keys, got {other:?}"),
    }
}

/// The variable, its value, the refused key, and a part of the message.
#[rustfmt::skip]
const REFUSED: &[(&str, &str, &str, &str)] = &[
    ("WATCHWORD__HTTP__PORT", "65536", "http.port", "0 to 65535"),
    ("WATCHWORD__HTTP__PORT", "http", "http.port", "0 to 65535"),
    ("WATCHWORD__HTTP__HOST", "localhost", "http.host", "IP address"),
    ("WATCHWORD__HTTP__BASE_PATH", "api", "http.base_path", "start with '/'"),
    ("WATCHWORD__HTTP__BASE_PATH", "/api/", "http.base_path", "not end"),
    ("WATCHWORD__HTTP__BASE_PATH", "/:id", "http.base_path", "segments"),
    ("WATCHWORD__HTTP__PUBLIC_URL", "auth.example.com", "http.public_url", "absolute"),
    ("WATCHWORD__HTTP__PUBLIC_URL", "ftp://auth.example.com", "http.public_url", "absolute"),
    ("WATCHWORD__HTTP__PUBLIC_URL", "http:auth.example.com", "http.public_url", "absolute"),
    ("WATCHWORD__HTTP__PUBLIC_URL", "https://a@b.c", "http.public_url", "absolute"),
    ("WATCHWORD__HTTP__TRUSTED_PROXIES", "10.0.0.0/33", "http.trusted_proxies", "10.0.0.0/33"),
    ("WATCHWORD__HTTP__TRUSTED_PROXIES", "0.0.0.0/0", "http.trusted_proxies", "every client"),
    ("WATCHWORD__HTTP__HEADER_TIMEOUT", "0s", "http.header_timeout", "between 1s and 1m"),
    ("WATCHWORD__HTTP__BODY_TIMEOUT", "10", "http.body_timeout", "duration"),
    ("WATCHWORD__HTTP__MAX_CONNECTIONS", "0", "http.max_connections", "at least 1;"),
    ("WATCHWORD__HTTP__MAX_BODY_BYTES", "999999999", "http.max_body_bytes", "1048576"),
    ("WATCHWORD__METRICS__LISTEN", "9464", "metrics.listen", "127.0.0.1:9464"),
    ("WATCHWORD__METRICS__LISTEN", "0.0.0.0:3001", "metrics.listen", "public"),
    ("WATCHWORD__METRICS__ENABLED", "yes", "metrics.enabled", "true or false"),
    ("DATABASE_URL", "mysql://db/auth", "database.url", "postgres://"),
    ("DATABASE_URL", "/var/auth.db", "database.url", "postgres://"),
    ("DATABASE_URL", "sqlite::memory:", "database.url", "in memory"),
    ("DATABASE_URL", "postgres://db/auth?sslpassword=x", "database.url", "sslpassword"),
    ("WATCHWORD__MAIL__EHLO_NAME", "a b", "mail.ehlo_name", "host name"),
    ("WATCHWORD__MAIL__FROM", "jørn@example.com", "mail.from", "ASCII"),
    ("REDIS_URL", "redis://secret@cache", "redis.url", "without a password"),
    ("WATCHWORD__DATABASE__MAX_CONNECTIONS", "0", "database.max_connections", "between 1 and"),
    ("WATCHWORD__DATABASE__ACQUIRE_TIMEOUT", "30s", "database.acquire_timeout", "http.request_deadline"),
    ("WATCHWORD__DATABASE__STATEMENT_TIMEOUT", "900ms", "database.statement_timeout", "between 1s and 1m"),
    ("WATCHWORD__DATABASE__MIGRATION_LOCK_TIMEOUT", "0s", "database.migration_lock_timeout", "between 1s and 1day"),
    ("REDIS_URL", "http://cache", "redis.url", "redis://"),
    ("NATS_URL", "http://nats", "nats.url", "nats://"),
    ("NATS_URL", "nats://one,,two", "nats.url", "nats://"),
    ("WATCHWORD__NATS__PASSWORD", "x", "nats.user", "requires nats.password"),
    ("WATCHWORD__NATS__TLS__CERT", "/etc/hostname", "nats.tls.cert", "nats.tls.key"),
    ("WATCHWORD__NATS__INBOX_PREFIX", "_INBOX.>", "nats.inbox_prefix", "wildcards"),
    ("WATCHWORD__STREAM__NAME", "auth.events", "stream.name", "without"),
    ("WATCHWORD__STREAM__SUBJECTS", "auth.user.registered", "stream.subjects", "cover auth.user.*"),
    ("WATCHWORD__STREAM__SUBJECTS", "[]", "stream.subjects", "cover auth.user.*"),
    ("WATCHWORD__STREAM__SUBJECTS", "auth.>", "stream.subjects", "dead-letter"),
    ("WATCHWORD__STREAM__SUBJECTS", "auth.user.*,a..b", "stream.subjects", "a..b"),
    ("WATCHWORD__STREAM__MAX_AGE", "9m", "stream.max_age", "duplicate window of 10m"),
    ("WATCHWORD__STREAM__MAX_MSGS", "0", "stream.max_msgs", "-1"),
    ("WATCHWORD__STREAM__MAX_BYTES", "1024", "stream.max_bytes", "65536"),
    ("WATCHWORD__STREAM__REPLICAS", "2", "stream.replicas", "1, 3 or 5"),
    ("WATCHWORD__EVENTS__PII", "some", "events.pii", "full, masked, none"),
    ("WATCHWORD__EVENTS__RETENTION", "23h", "events.retention", "1day"),
    ("WATCHWORD__EVENTS__RETENTION", "7d", "events.retention", "longer than stream.max_age"),
    ("WATCHWORD__EVENTS__SERVICE", "auth service", "events.service", "spaces"),
    ("WATCHWORD__EVENTS__SOURCE", "watchword", "events.source", "absolute"),
    ("WATCHWORD__EVENTS__SOURCE", "urn:with space", "events.source", "absolute"),
    ("WATCHWORD__EVENTS__SCHEMA_BASE_URL", "schemas", "events.schema_base_url", "absolute"),
    ("WATCHWORD__PASSWORDS__MIN_LENGTH", "7", "passwords.min_length", "between 8 and 64"),
    ("WATCHWORD__PASSWORDS__MIN_LENGTH", "65", "passwords.min_length", "between 8 and 64"),
    ("WATCHWORD__PASSWORDS__ARGON2_MEMORY_KIB", "19455", "passwords.argon2_memory_kib", "too weak"),
    ("WATCHWORD__PASSWORDS__ARGON2_MEMORY_KIB", "262145", "passwords.argon2_memory_kib", "at most 262144"),
    ("WATCHWORD__PASSWORDS__ARGON2_ITERATIONS", "1", "passwords.argon2_memory_kib", "too weak"),
    ("WATCHWORD__PASSWORDS__ARGON2_PARALLELISM", "0", "passwords.argon2_parallelism", "between 1 and 16"),
    ("WATCHWORD__PASSWORDS__HASH_MEMORY_LIMIT_MIB", "18", "passwords.hash_memory_limit_mib", "at least 19"),
    ("WATCHWORD__PASSWORDS__HASH_THREADS", "27", "passwords.hash_threads", "between 1 and 26"),
    ("WATCHWORD__PASSWORDS__HASH_THREADS", "0", "passwords.hash_threads", "between 1 and 26"),
    ("WATCHWORD__PASSWORDS__MAX_WAIT", "10s", "passwords.max_wait", "http.request_deadline"),
    ("WATCHWORD__MAIL__TLS", "ssl", "mail.tls", "starttls, tls, none"),
    ("WATCHWORD__MAIL__PORT", "0", "mail.port", "at least 1;"),
    ("WATCHWORD__MAIL__HOST", "smtp example", "mail.host", "spaces"),
    ("WATCHWORD__MAIL__PASSWORD", "x", "mail.username", "requires mail.password"),
    ("WATCHWORD__MAIL__FROM", "no-reply", "mail.from", "no-reply@example.com"),
    ("WATCHWORD__MAIL__RESET_PATH", "reset", "mail.reset_path", "/account/reset"),
    ("WATCHWORD__MAIL__VERIFY_PATH", "/verify?code=", "mail.verify_path", "without query"),
    ("WATCHWORD__MAIL__VERIFY_PATH", "https://app.example.com/verify?x", "mail.verify_path", "without user"),
    ("WATCHWORD__MAIL__CODE_TTL", "25h", "mail.code_ttl", "between 1m and 1day"),
    ("WATCHWORD__MAIL__TIMEOUT", "0s", "mail.timeout", "between 1s and"),
    ("WATCHWORD__MAIL__RETRY_FOR", "8d", "mail.retry_for", "7days"),
    ("WATCHWORD__MAIL__MAX_CONNECTIONS", "0", "mail.max_connections", "between 1 and 64"),
    ("WATCHWORD__TOKENS__AUDIENCE", ",", "tokens.audience", "between 1 and 8"),
    ("WATCHWORD__TOKENS__AUDIENCE", "a,b,c,d,e,f,g,h,i", "tokens.audience", "between 1 and 8"),
    ("WATCHWORD__TOKENS__AUDIENCE", "orders,or ders", "tokens.audience", "without spaces"),
    ("WATCHWORD__TOKENS__AUDIENCE", "orders,orders", "tokens.audience", "twice"),
    ("WATCHWORD__TOKENS__CLIENT_ID", "my app", "tokens.client_id", "without spaces"),
    ("WATCHWORD__TOKENS__ALGORITHM", "HS256", "tokens.algorithm", "ES256, RS256, EdDSA"),
    ("WATCHWORD__TOKENS__ALGORITHM", "es256", "tokens.algorithm", "ES256, RS256, EdDSA"),
    ("WATCHWORD__TOKENS__ACCESS_TTL", "16m", "tokens.access_ttl", "15m"),
    ("WATCHWORD__TOKENS__ACCESS_TTL", "0s", "tokens.access_ttl", "between 1s and"),
    ("WATCHWORD__TOKENS__LEEWAY", "6s", "tokens.leeway", "between 0s and 5s"),
    ("WATCHWORD__TOKENS__REFRESH_GRACE", "2m", "tokens.refresh_grace", "1m"),
    ("WATCHWORD__TOKENS__KEY_ROTATION", "1m", "tokens.key_rotation", "1h"),
    ("WATCHWORD__SESSIONS__ABSOLUTE_TTL", "31d", "sessions.absolute_ttl", "30days"),
    ("WATCHWORD__SESSIONS__ABSOLUTE_TTL", "6d", "sessions.idle_ttl", "sessions.absolute_ttl"),
    ("WATCHWORD__SESSIONS__IDLE_TTL", "10m", "sessions.idle_ttl", "tokens.access_ttl"),
    ("WATCHWORD__SESSIONS__MAX_PER_USER", "0", "sessions.max_per_user", "between 1 and"),
    ("WATCHWORD__LIMITS__LOGIN_ACCOUNT_NETWORK", "51/1m", "limits.login_account_network", "at most 50"),
    ("WATCHWORD__LIMITS__LOGIN_ACCOUNT", "1/1d", "limits.login_account", "between 2 and"),
    ("WATCHWORD__LIMITS__LOGIN", "20", "limits.login", "for example \"20/1m\""),
    ("WATCHWORD__LIMITS__LOGIN", "twenty/1m", "limits.login", "for example \"20/1m\""),
    ("WATCHWORD__LIMITS__LOGIN", "20/minute", "limits.login", "for example \"20/1m\""),
    ("WATCHWORD__LIMITS__LOGIN", "20/999ms", "limits.login", "between 1s and 31d; got 999ms"),
    ("WATCHWORD__LIMITS__MFA_DAY", "100/32d", "limits.mfa_day", "between 1s and 31d"),
    ("WATCHWORD__LIMITS__MAIL_ADDRESS", "1000001/1h", "limits.mail_address", "between 1 and 1000000"),
    ("WATCHWORD__LIMITS__LOGIN_PER_MINUTE", "20", "limits.login_per_minute", "unknown key"),
    ("WATCHWORD__ACCOUNTS__TYPES", "user=user", "accounts.types", "[{ name = \"user\", roles = [\"user\"] }]"),
    ("WATCHWORD__ACCOUNTS__TYPES", r#"[{"name":"user"}]"#, "accounts.types", "a list of tables"),
    ("WATCHWORD__ACCOUNTS__TYPES", r#"[{"name":"user","roles":["user"],"role":"x"}]"#, "accounts.types", "a list of tables"),
    ("WATCHWORD__ACCOUNTS__TYPES", r#"[{"name":"user","roles":["user"]},{"name":"label","roles":[]}]"#, "accounts.types", "a name and roles"),
    ("WATCHWORD__ACCOUNTS__TYPES", r#"[{"name":"user","roles":["user"]},{"name":"user","roles":["user"]}]"#, "accounts.types", "listed twice"),
    ("WATCHWORD__ACCOUNTS__TYPES", r#"[{"name":"user","roles":["user"]},{"name":"boss","roles":["admin"]}]"#, "accounts.types", "role admin"),
    ("WATCHWORD__ACCOUNTS__TYPES", r#"[{"name":"label","roles":["user"]}]"#, "accounts.types", "include the type user"),
    ("WATCHWORD_SECRET_KEY_FILE", "/nonexistent", "secret_key_file", "/nonexistent cannot be read"),
    ("WATCHWORD__MAIL__PASSWORD_FILE", "/dev/null", "mail.password_file", "is empty"),
    ("WATCHWORD__LIMITS__KNOWN_NETWORK_TTL", "1m", "limits.known_network_ttl", "1h"),
    ("WATCHWORD__LIMITS__FORGOT", "0/1h", "limits.forgot", "between 1 and"),
    ("WATCHWORD__OAUTH__CLIENTS", "gateway", "oauth.clients", "64 hexadecimal digits"),
    ("WATCHWORD__OAUTH__CLIENTS", "gateway=sha256:c2hvcnQ", "oauth.clients", "client-secret"),
    ("WATCHWORD__OAUTH__CLIENTS", "gateway=0f9f58cb075d261120536a33e8f33ae3afedfaf4cd44268bf179572bed6c50ce", "oauth.clients", "sha256:"),
    ("WATCHWORD__OAUTH__CLIENTS", "gateway=sha256:0f9f58cb075d261120536a33e8f33ae3afedfaf4cd44268bf179572bed6c50", "oauth.clients", "64 hexadecimal digits"),
    ("WATCHWORD__OAUTH__CLIENTS", "gateway=sha256:0f9f58cb075d261120536a33e8f33ae3afedfaf4cd44268bf179572bed6c50cg", "oauth.clients", "64 hexadecimal digits"),
    ("WATCHWORD__OAUTH__CLIENTS", "gateway=sha256:0000000000000000000000000000000000000000000000000000000000000000", "oauth.clients", "not the hash of a random secret"),
    ("WATCHWORD__OAUTH__CLIENTS", "gateway=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "oauth.clients", "not the hash of a random secret"),
    ("WATCHWORD__OAUTH__CLIENTS", "a b=sha256:0f9f58cb075d261120536a33e8f33ae3afedfaf4cd44268bf179572bed6c50ce", "oauth.clients", "an id must have"),
    ("WATCHWORD__OAUTH__CLIENTS", "a=sha256:0f9f58cb075d261120536a33e8f33ae3afedfaf4cd44268bf179572bed6c50ce,a=sha256:0F9F58cb075d261120536a33e8f33ae3afedfaf4cd44268bf179572bed6c50ce", "oauth.clients", "listed twice"),
    ("WATCHWORD__LIMITS__LOGIN", "0/1m", "limits.login", "between 1 and"),
    ("WATCHWORD__TELEMETRY__FORMAT", "xml", "telemetry.format", "auto, json, text"),
    ("WATCHWORD__TELEMETRY__LEVEL", "info,watchword=loud", "telemetry.level", "debug"),
    ("WATCHWORD_SECRET_KEY", "not base64!", "secret_key", "base64"),
    ("WATCHWORD_SECRET_KEY", "c2hvcnQ=", "secret_key", "32 bytes"),
    ("WATCHWORD_SECRET_KEY", "YWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJj", "secret_key", "is not random"),
    ("WATCHWORD_SECRET_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "secret_key", "is not random"),
    ("WATCHWORD_SECRET_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "secret_key", "openssl rand"),
    ("WATCHWORD__FOO__BAR", "1", "foo.bar", "unknown key"),
    ("WATCHWORD__HTTP__PROT", "1", "http.prot", "did you mean http.port?"),
    ("WATCHWORD__HTTP", "1", "http", "unknown key"),
    ("WATCHWORD__PASSWORD__MIN_LENGTH", "9", "password.min_length", "did you mean passwords.min_length?"),
];

#[test]
fn one_refused_value_names_its_key_and_its_source() {
    for (variable, value, key, part) in REFUSED {
        let found = problems(load(&[(*variable, *value)]));
        let [problem] = found.as_slice() else {
            panic!("{variable}={value}: {found:?}")
        };
        assert_eq!(problem.key, *key, "{variable}={value}");
        assert!(problem.problem.contains(part), "{variable}={value}: {problem}");
        let origin = problem.origin.as_deref().unwrap_or_default();
        // A problem that involves two keys is reported for one of them.
        let names_variable = origin == format!("environment variable {variable}");
        assert!(names_variable || origin.is_empty(), "{variable}={value}: {problem}");
    }
}

/// A mail password requires TLS, except for a server on this machine.
#[test]
fn a_mail_password_is_not_sent_in_the_clear() {
    let with = |host: &str, tls: &str| {
        load(&[
            ("WATCHWORD__MAIL__HOST", host),
            ("WATCHWORD__MAIL__TLS", tls),
            ("WATCHWORD__MAIL__USERNAME", "watchword"),
            ("WATCHWORD__MAIL__PASSWORD", "x"),
        ])
    };
    for (host, tls) in [
        ("smtp.example.com", "starttls"),
        ("smtp.example.com", "tls"),
        ("127.0.0.1", "none"),
    ] {
        with(host, tls).expect("settings");
    }
    let found = problems(with("smtp.example.com", "none"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found.first().map(|problem| problem.key.as_str()), Some("mail.tls"));
}

#[test]
fn each_owasp_minimum_is_accepted_and_one_less_is_refused() {
    for (memory, passes) in [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)] {
        let with = |memory: u32| {
            let (memory, passes) = (memory.to_string(), passes.to_string());
            load(&[
                ("WATCHWORD__PASSWORDS__ARGON2_MEMORY_KIB", &memory),
                ("WATCHWORD__PASSWORDS__ARGON2_ITERATIONS", &passes),
            ])
        };
        assert!(with(memory).is_ok(), "{memory} KiB, {passes}");
        assert!(with(memory - 1).is_err(), "{memory} KiB minus one, {passes}");
    }
}

#[test]
fn limit_values_are_accepted() {
    load(&[
        ("WATCHWORD__TOKENS__ACCESS_TTL", "15m"),
        ("WATCHWORD__TOKENS__LEEWAY", "5s"),
        ("WATCHWORD__SESSIONS__ABSOLUTE_TTL", "30d"),
        ("WATCHWORD__EVENTS__RETENTION", "1450m"),
        ("WATCHWORD__STREAM__MAX_AGE", "10m"),
        ("WATCHWORD__PASSWORDS__MIN_LENGTH", "64"),
        ("WATCHWORD__PASSWORDS__HASH_THREADS", "26"),
        ("WATCHWORD__STREAM__SUBJECTS", "auth.user.>"),
        ("WATCHWORD__HTTP__BASE_PATH", "/api/v1"),
        ("WATCHWORD__HTTP__PORT", "0"),
        ("WATCHWORD_SECRET_KEY", GOOD_KEY),
    ])
    .expect("accepted");
    load(&[
        ("WATCHWORD__STREAM__MAX_AGE", "0s"),
        ("DATABASE_URL", "sqlite://data/w.db?mode=rwc"),
    ])
    .expect("accepted");
    // Base64 may also be URL-safe and without padding (RFC 4648).
    let url_safe = GOOD_KEY.replace('+', "-").replace('=', "");
    load(&[("WATCHWORD_SECRET_KEY", &url_safe)]).expect("accepted");
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = "colour = 'red'\nhttp = { port = 'eighty', prt = 1 }\n[nope]\na = 1\nb = 2\n[redis]\ntimeout = 5\n[metrics.listen]\nx = 1\n";
    let vars = [
        ("WATCHWORD__PASSWORDS__MIN_LENGTH", "1"),
        ("WATCHWORD__TOKENS__LEEWAY", "1h"),
        ("DATABASE_URL", "x"),
    ];
    let error = load_file(text, &vars).expect_err("refused");
    let keys: Vec<&str> = error.problems().iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "colour",
            "database.url",
            "http.port",
            "http.prt",
            "metrics.listen",
            "nope",
            "passwords.min_length",
            "redis.timeout",
            "tokens.leeway",
        ],
    );
    let text = error.to_string();
    assert!(text.contains("http.prt: unknown key; did you mean http.port? (in "), "{text}");
    assert!(text.contains("(environment variable DATABASE_URL)"), "{text}");
    assert_eq!(text.lines().count(), 10, "{text}");
}

#[test]
fn a_section_given_as_a_value_is_refused() {
    let found = problems(load_file("http = 3\n[nats]\ntls = true\n", &[]));
    let keys: Vec<&str> = found.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["http", "nats.tls"]);
}

#[test]
fn nats_takes_one_identity_and_only_for_an_external_server() {
    let user = [
        ("WATCHWORD__NATS__USER", "app"),
        ("WATCHWORD__NATS__PASSWORD", "s3cret"),
    ];
    let found = problems(load(&user));
    assert!(found[0].problem.contains("nats.url"), "{found:?}");

    let found = problems(load(&[
        ("NATS_URL", "nats://host"),
        ("WATCHWORD__NATS__CREDS_FILE", "/nonexistent"),
    ]));
    assert!(
        found[0].key == "nats.creds_file" && found[0].problem.contains("no such file"),
        "{found:?}"
    );

    let mut both = user.to_vec();
    both.extend([
        ("NATS_URL", "nats://host"),
        ("WATCHWORD__NATS__NKEY_FILE", "/etc/hostname"),
    ]);
    let found = problems(load(&both));
    assert!(found[0].problem.contains("nats.nkey_file, nats.user"), "{found:?}");
}

#[test]
fn variables_of_other_programs_are_ignored() {
    load(&[
        ("WATCHWORD_PORT", "tcp://10.0.0.1:3001"),
        ("WATCHWORD_SERVICE_HOST", "x"),
        ("HOME", "/root"),
    ])
    .expect("ignore variables that an orchestrator sets");
}

#[test]
fn no_refusal_shows_a_secret() {
    let text = "secret_key = ['canary-file']\n[database]\nurl = { password = 'canary-table' }\n[nats]\npassword = 31415926535\n";
    let vars = [
        ("WATCHWORD_SECRET_KEY", "canary-key"),
        ("DATABASE_URL", "mysql://user:canary-database@host/db"),
        ("REDIS_URL", "http://:canary-redis@host"),
        ("NATS_URL", "http://canary-nats@host"),
        ("PORT", "canary-in-the-wrong-place"),
        ("WATCHWORD__HTTP__TRUSTED_PROXIE", "canary-unknown"),
    ];
    for error in [
        load(&vars).expect_err("refused"),
        load_file(text, &[]).expect_err("refused"),
    ] {
        assert!(error.problems().len() >= 2, "{error}");
        let shown = format!("{error}\n{error:?}");
        assert!(!shown.contains("canary") && !shown.contains("31415926535"), "{shown}");
    }
}
