//! Secrets in files.

use std::fs;

use secrecy::{ExposeSecret as _, SecretString};

use super::{load, load_file, refusals::GOOD_KEY};

fn shown(secret: Option<&SecretString>) -> &str {
    secret.expect("a secret").expose_secret()
}

#[test]
fn every_secret_can_be_read_from_a_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let (key, database) = (file("key", &format!("{GOOD_KEY}\n")), file("database", "postgres://app:canary-1@db/auth"));
    let (redis, nats) = (file("redis", "redis://:canary-2@cache\r\n"), file("nats", "nats://one,nats://two\n"));
    // Only the final line break is not part of the secret.
    let (password, mail) = (file("password", " canary-3 \n\n"), file("mail", "canary-4"));
    let text =
        format!("[nats]\nurl_file = '{nats}'\n[mail]\nhost = 'smtp'\nusername = 'u'\npassword_file = '{mail}'\n");
    let vars = [
        ("WATCHWORD_SECRET_KEY_FILE", key.as_str()),
        ("DATABASE_URL_FILE", &database),
        ("WATCHWORD__REDIS__URL_FILE", &redis),
        ("WATCHWORD__NATS__USER", "app"),
        ("WATCHWORD__NATS__PASSWORD_FILE", &password),
    ];
    let settings = load_file(&text, &vars).expect("settings");
    assert_eq!(shown(settings.secret_key.as_ref()), GOOD_KEY);
    assert_eq!(shown(settings.database.url.as_ref()), "postgres://app:canary-1@db/auth");
    assert_eq!(shown(settings.redis.url.as_ref()), "redis://:canary-2@cache");
    assert_eq!(shown(settings.nats.url.as_ref()), "nats://one,nats://two");
    assert_eq!(shown(settings.nats.password.as_ref()), " canary-3 \n");
    assert_eq!(shown(settings.mail.password.as_ref()), "canary-4");
    for text in [settings.redacted_toml().expect("TOML"), format!("{settings:?}")] {
        assert!(!text.contains("canary") && !text.contains(GOOD_KEY), "{text}");
        assert!(text.contains(&format!("secret_key_file = \"{key}\"")), "{text}");
    }
}

#[test]
fn a_secret_and_its_file_exclude_each_other() {
    let refused = |error: &watchword::config::ConfigError, key: &str, source: &str| {
        let [problem] = error.problems() else { panic!("{error}") };
        assert_eq!(problem.key, key);
        assert!(problem.problem.contains("only one of"), "{problem}");
        assert!(problem.origin.as_deref().is_some_and(|origin| origin.contains(source)), "{problem}");
    };
    let both = [
        ("WATCHWORD_SECRET_KEY", GOOD_KEY),
        ("WATCHWORD_SECRET_KEY_FILE", "/etc/hostname"),
    ];
    refused(&load(&both).expect_err("refused"), "secret_key_file", "WATCHWORD_SECRET_KEY_FILE");
    let text = "[redis]\nurl = 'redis://cache'\n";
    let error = load_file(text, &[("REDIS_URL_FILE", "/etc/hostname")]).expect_err("refused");
    refused(&error, "redis.url_file", "REDIS_URL_FILE");
}

#[test]
fn a_refused_value_names_its_file_and_is_not_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("url");
    fs::write(&path, "mysql://user:canary@host/db\n").expect("a file");
    let path = path.display().to_string();
    let error = load(&[("DATABASE_URL_FILE", &path)]).expect_err("refused");
    let [problem] = error.problems() else { panic!("{error}") };
    assert_eq!(
        (problem.key.as_str(), problem.origin.as_deref()),
        ("database.url", Some(format!("file {path}").as_str()))
    );
    assert!(!format!("{error}\n{error:?}").contains("canary"), "{error:?}");
}

/// The nats command reads NATS_URL too, so it does not collide with the service's file.
#[test]
fn a_file_with_the_nats_url_wins_over_the_short_variable() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("url");
    fs::write(&path, "nats://from-a-file\n").expect("a file");
    let path = path.display().to_string();
    let settings = load(&[("NATS_URL", "nats://short"), ("WATCHWORD__NATS__URL_FILE", &path)]).expect("settings");
    assert_eq!(shown(settings.nats.url.as_ref()), "nats://from-a-file");
}
