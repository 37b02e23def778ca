//! Configuration as operators write it: names that are almost right, values with quotation marks,
//! and a check that says what the start would say.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::binary::{BinaryOptions, Ended, run};
use crate::support::database::{Backend, Database};
use crate::support::nats::NatsServer;
use crate::support::ports::free_port;
use crate::support::redis::RedisServer;
use crate::support::run_dir::scratch;
use crate::support::smtp::SmtpServer;

pub(super) fn write(directory: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).expect("write a file");
    path
}

/// Runs `config check` and `serve`, which say the same and store nothing.
async fn refused(env: &[(&str, &str)]) -> Ended {
    let checked = run(BinaryOptions::command(&["config", "check"], env), "").await;
    let data_dir = scratch("refused").join("data");
    let mut serve = BinaryOptions::command(&["serve"], env);
    serve.data_dir = Some(data_dir.clone());
    let served = run(serve, "").await;
    assert_eq!(checked.status.code(), Some(3), "{env:?}: {checked:?}");
    assert_eq!(served.status.code(), Some(3), "{env:?}: {served:?}");
    assert_eq!(checked.stderr, served.stderr, "{env:?}");
    assert!(!data_dir.exists(), "{env:?}: something was stored");
    checked
}

#[tokio::test]
async fn a_variable_that_is_almost_right_is_refused_with_the_name_that_is_meant() {
    for (name, meant) in [
        ("WATCHWORD_HTTP_PORT", "WATCHWORD__HTTP__PORT"),
        ("WATCHWORD_EVENTS__ENVIRONMENT", "WATCHWORD__EVENTS__ENVIRONMENT"),
        ("watchword__mail__host", "WATCHWORD__MAIL__HOST"),
        ("WATCHWORD_MAIL_PASSWORD", "WATCHWORD__MAIL__PASSWORD"),
        ("WATCHWORD_DATABASE_URL", "DATABASE_URL"),
        ("database_url", "DATABASE_URL"),
        ("WATCHWORD_SECRET_KEY_FLIE", "WATCHWORD_SECRET_KEY_FILE"),
    ] {
        let ended = refused(&[(name, "canary-4000")]).await;
        let names_both = ended.stderr.contains(&format!("\n  {name}: ")) && ended.stderr.contains(&format!("{meant}?"));
        assert!(names_both && !ended.stderr.contains("canary"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn what_kubernetes_sets_for_a_service_of_this_name_does_no_harm() {
    let env = [
        ("WATCHWORD_PORT", "tcp://10.0.0.1:3001"),
        ("WATCHWORD_PORT_3001_TCP", "tcp://10.0.0.1:3001"),
        ("WATCHWORD_PORT_3001_TCP_ADDR", "10.0.0.1"),
        ("WATCHWORD_PORT_3001_TCP_PORT", "3001"),
        ("WATCHWORD_PORT_3001_TCP_PROTO", "tcp"),
        ("WATCHWORD_SERVICE_HOST", "10.0.0.1"),
        ("WATCHWORD_SERVICE_PORT", "3001"),
        ("WATCHWORD_SERVICE_PORT_HTTP", "3001"),
        ("WATCHWORD_HTTP_PORT", "tcp://10.0.0.1:80"),
        ("WATCHWORD_NATS_SERVICE_HOST", "10.0.0.2"),
    ];
    let ended = run(BinaryOptions::command(&["config", "check"], &env), "").await;
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
    // What is neither a key nor Kubernetes' is named.
    let ended = run(BinaryOptions::command(&["config", "check"], &[("WATCHWORD_IMAGE_TAG", "v1")]), "").await;
    assert!(ended.status.success() && ended.stderr.contains("WATCHWORD_IMAGE_TAG"), "{ended:?}");
    let ended = run(BinaryOptions::command(&["config", "check"], &[("Mail__Host", "smtp")]), "").await;
    assert!(ended.stderr.contains("did you mean WATCHWORD__MAIL__HOST?"), "{ended:?}");
    let env = [("NATS_URL", "nats://127.0.0.1"), ("NATS_CREDS", "/etc/nats.creds")];
    let ended = run(BinaryOptions::command(&["config", "check"], &env), "").await;
    assert!(ended.stderr.contains("WATCHWORD__NATS__CREDS_FILE"), "{ended:?}");
}

/// Secrets that were made with `echo`, and values with the quotation marks of another file format.
#[tokio::test]
async fn a_variable_has_the_value_that_was_meant_or_is_refused() {
    let directory = scratch("secrets");
    let url = write(&directory, "nats", "nats://from-a-file:4222\r\n").display().to_string();
    let env = [
        ("NATS_URL_FILE", url.as_str()),
        ("WATCHWORD__MAIL__PRODUCT", "Product\n"),
    ];
    let ended = run(BinaryOptions::command(&["config", "show", "--format", "json"], &env), "").await;
    let settings: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(settings.pointer("/nats/url").and_then(Value::as_str), Some("nats://from-a-file:4222"));
    assert_eq!(settings.pointer("/mail/product").and_then(Value::as_str), Some("Product"));
    for value in ["\"canary\"", "'canary'"] {
        let ended = refused(&[("WATCHWORD__MAIL__PASSWORD", value)]).await;
        assert!(ended.stderr.contains("mail.password: is in quotation marks"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn the_check_says_what_the_start_would_say() {
    let directory = scratch("check");
    let garbage = write(&directory, "garbage", "canary\n").display().to_string();
    let template = directory.join("templates");
    fs::create_dir(&template).expect("a directory");
    write(&template, "verify_email.txt", "{{ unknown }}");
    let templates = template.display().to_string();
    let tls = ("NATS_URL", "tls://127.0.0.1");
    for (env, part) in [
        (&[("NATS_URL", "ws://127.0.0.1:8080")][..], "nats.url"),
        (&[("NATS_URL", "wss://127.0.0.1:8080")], "nats.url"),
        (&[("NATS_URL", "ws://127.0.0.1:8080,nats://127.0.0.1")], "nats.url"),
        (&[("NATS_URL", "nats://127.0.0.1/auth")], "nats.url"),
        (&[("NATS_URL", "nats://a:canary@127.0.0.1,nats://b:canary@127.0.0.2")], "different users"),
        (&[("DATABASE_URL", "postgres://w@127.0.0.1:port/w")], "database.url"),
        (&[("REDIS_URL", "redis://127.0.0.1:port")], "redis.url"),
        (&[tls, ("WATCHWORD__NATS__CREDS_FILE", &garbage)], "nats.creds_file"),
        (&[tls, ("WATCHWORD__NATS__NKEY_FILE", &garbage)], "nats.nkey_file"),
        (&[tls, ("WATCHWORD__NATS__TLS__CA", &garbage)], "nats.tls.ca"),
        (
            &[
                ("WATCHWORD__MAIL__HOST", "127.0.0.1"),
                ("WATCHWORD__MAIL__CA", "/nonexistent/ca.pem"),
            ],
            "mail.ca",
        ),
        (
            &[
                ("WATCHWORD__MAIL__HOST", "127.0.0.1"),
                ("WATCHWORD__MAIL__TEMPLATES", &templates),
            ],
            "verify_email",
        ),
        (&[("WATCHWORD__ACCOUNTS__PROFILE_DIR", "/nonexistent")], "accounts.profile_dir"),
        (&[("WATCHWORD__MAIL__TEMPLATES", "/nonexistent")], "/nonexistent"),
        (&[("RUST_LOG", "watchword=loud")], "RUST_LOG"),
        (
            &[
                ("DATABASE_URL", "postgres://w@127.0.0.1:port/w"),
                ("RUST_LOG", "watchword=loud"),
            ],
            "\n  database.url",
        ),
    ] {
        let ended = refused(env).await;
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
        assert!(!ended.stderr.contains("canary"), "{part}: {}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_check_connects_to_every_server() {
    let database = Database::fresh(Backend::Postgres, &scratch("check")).await;
    let (redis, nats, smtp) = (RedisServer::start().await, NatsServer::start().await, SmtpServer::start().await);
    let (redis_url, nats_url) = (redis.url(), nats.url());
    let mut env = vec![
        ("DATABASE_URL", database.url().expect("a URL")),
        ("REDIS_URL", &redis_url),
        ("NATS_URL", &nats_url),
    ];
    let mail = smtp.environment();
    env.extend(mail.iter().map(|(name, value)| (*name, value.as_str())));
    let ended = run(BinaryOptions::command(&["config", "check", "--connect"], &env), "").await;
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.stdout.matches("good: ").count(), 4, "{ended:?}");

    // Nothing listens there any longer.
    let dead = free_port().to_string();
    let postgres = format!("postgres://ada:canary@127.0.0.1:{dead}/w");
    let (redis, nats) = (format!("redis://:canary@127.0.0.1:{dead}"), format!("nats://ada:canary@127.0.0.1:{dead}"));
    let env = [
        ("DATABASE_URL", postgres.as_str()),
        ("REDIS_URL", &redis),
        ("NATS_URL", &nats),
        ("WATCHWORD__MAIL__HOST", "127.0.0.1"),
        ("WATCHWORD__MAIL__PORT", &dead),
    ];
    let ended = run(BinaryOptions::command(&["config", "check", "--connect"], &env), "").await;
    assert_eq!(ended.status.code(), Some(5), "{ended:?}");
    for part in ["database", "redis", "nats", "mail"] {
        let line = ended.stdout.lines().find(|line| line.trim_start().starts_with(part)).expect("a line");
        assert!(line.contains("FAILED") && line.contains(&format!("127.0.0.1:{dead}")), "{line}");
    }
    assert!(!ended.stdout.contains("canary"), "{ended:?}");

    let args = ["config", "check", "--connect", "--format", "json"];
    let ended = run(BinaryOptions::command(&args, &[]), "").await;
    assert!(ended.status.success(), "{ended:?}");
    let checked: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let states: Vec<_> = (0..4).filter_map(|at| checked.pointer(&format!("/connections/{at}/state"))).collect();
    assert_eq!(states, ["unused", "unused", "unused", "unused"]);
    database.remove().await;
}
