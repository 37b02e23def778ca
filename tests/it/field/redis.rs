//! Redis servers as operators have them: users, databases, certificates, and servers that take no
//! writes. Each works, or is named in one line at the start.

use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::support::app::PASSWORD;
use crate::support::binary::{Binary, BinaryOptions, run};
use crate::support::nats::NatsServer;
use crate::support::ports::free_port;
use crate::support::redis::RedisServer;
use crate::support::run_dir::scratch;
use crate::support::wait::eventually;

const TIMEOUT: Duration = Duration::from_secs(60);
/// The level of an error in the log.
const ERROR: &str = "\"level\":50";

/// The service with this Redis, and its server of NATS.
async fn service(url: &str, more: &[(&str, &str)]) -> (Binary, NatsServer) {
    let nats = NatsServer::start().await;
    let nats_url = nats.url();
    let env = [
        ("NATS_URL", nats_url.as_str()),
        ("REDIS_URL", url),
        ("WATCHWORD__REDIS__TIMEOUT", "2s"),
        ("WATCHWORD__LIMITS__ENABLED", "true"),
    ];
    let binary = Binary::start(BinaryOptions::serve(&[&env[..], more].concat())).await;
    (binary, nats)
}

/// A line of the log that says that Redis cannot be used.
fn problems(binary: &mut Binary) -> Vec<String> {
    let log = binary.process().log();
    let is_problem = |line: &&str| line.contains("redis cannot be used") || line.contains("redis does not answer");
    log.lines().filter(is_problem).map(str::to_owned).collect()
}

/// Counts of rate limits are in this database of Redis after a login.
async fn assert_counts(binary: &mut Binary, redis: &RedisServer, database: u8) {
    binary.http().login("ada@example.com", PASSWORD).await.expect_status(401);
    eventually(TIMEOUT, || async {
        let size = redis.command("INFO keyspace").await.ok()?;
        size.contains(&format!("db{database}:")).then_some(())
    })
    .await;
    assert_eq!(problems(binary), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_the_documented_rights_and_a_database_number_is_enough() {
    let redis = RedisServer::start().await;
    let user = "ACL SETUSER app on >pa#s@s/w?rd ~{watchword}:* +@scripting +@read +@write +@connection +time +info";
    let answer = redis.command(user).await.expect("create the user");
    assert!(answer.starts_with("+OK"), "{answer}");
    let url = format!("redis://app:pa%23s%40s%2Fw%3Frd@127.0.0.1:{}/3", redis.port());
    let (mut binary, _nats) = service(&url, &[]).await;
    assert_counts(&mut binary, &redis, 3).await;
    assert!(binary.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_be_used_is_named_at_the_start_with_what_to_do() {
    let full = RedisServer::start_with(&["--maxmemory", "1", "--maxmemory-policy", "noeviction"]).await;
    let small = RedisServer::start_with(&["--databases", "2"]).await;
    for (url, expected) in [
        (full.url(), "raise maxmemory"),
        (format!("{}/7", small.url()), "does not have the database of redis.url"),
    ] {
        let (mut binary, _nats) = service(&url, &[]).await;
        let lines = problems(&mut binary);
        assert!(
            lines.len() == 1 && lines[0].contains(ERROR) && lines[0].contains(expected),
            "{url}: {lines:?}"
        );
        // It serves, and counts in this process.
        binary.http().login("ada@example.com", PASSWORD).await.expect_status(401);
        assert!(binary.stop().await.success());
    }
}

/// Arguments of a server with a certificate for localhost, and the file of its authority.
fn certificates() -> (Vec<String>, String) {
    let dir = scratch("redis-tls");
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let ca = authority.self_signed(&key).expect("an authority").pem();
    let authority = Issuer::new(authority, key);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, &authority).expect("a certificate");
    let file = |name: &str, text: String| {
        let path = dir.join(name);
        std::fs::write(&path, text).expect("write a file");
        path.display().to_string()
    };
    let (chain, key, ca) = (
        file("server.pem", certificate.pem()),
        file("server.key", key.serialize_pem()),
        file("ca.pem", ca),
    );
    let args = [
        "--tls-cert-file",
        &chain,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &ca,
        "--tls-auth-clients",
        "no",
    ];
    (args.map(str::to_owned).to_vec(), ca)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_verified_by_the_authorities_of_the_system() {
    let (mut args, ca) = certificates();
    let port = free_port();
    args.extend(["--tls-port".to_owned(), port.to_string()]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let redis = RedisServer::start_with(&args).await;
    let url = format!("rediss://localhost:{port}");
    let (mut binary, _nats) = service(&url, &[("SSL_CERT_FILE", &ca)]).await;
    assert_counts(&mut binary, &redis, 0).await;
    assert!(binary.stop().await.success());

    let (mut binary, _nats) = service(&url, &[]).await;
    let lines = problems(&mut binary);
    assert!(lines.len() == 1 && lines[0].contains("SSL_CERT_FILE"), "{lines:?}");
    assert!(binary.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_would_be_misread_is_refused_by_check_and_start_alike() {
    for (url, named) in [
        ("redis://CANARY@127.0.0.1", "without a password"),
        ("redis://:CANARY#more@127.0.0.1", "percent-encode"),
        ("redis://127.0.0.1/CANARY", "redis.url"),
        ("rediss://127.0.0.1#insecure", "always"),
        ("redis://127.0.0.1?ssl_cert_reqs=CANARY", "ssl_cert_reqs"),
        ("redis+sentinel://:CANARY@127.0.0.1:26379/mymaster", "Sentinels"),
        ("redis://:CANARY@one,two", "redis.url"),
    ] {
        let mut said = Vec::new();
        for args in [&["config", "check"][..], &["serve"]] {
            let ended = run(BinaryOptions::command(args, &[("REDIS_URL", url)]), "").await;
            assert_eq!(ended.status.code(), Some(3), "{url}: {ended:?}");
            assert!(ended.stderr.contains("redis.url") && ended.stderr.contains(named), "{url}: {ended:?}");
            assert!(!ended.stderr.contains("CANARY"), "{url}: {ended:?}");
            said.push(ended.stderr);
        }
        assert_eq!(said[0], said[1]);
    }
}
