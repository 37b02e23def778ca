//! NATS as operators have it: logins that are wrong or have expired, domains, limits, TLS first.

use std::time::Duration;

use async_nats::{ConnectOptions, jetstream};
use watchword::domain::clock::{Clock as _, SystemClock};

use crate::nats::identities::{Ca, credentials, credentials_until, operated, start, write};
use crate::support::app::PASSWORD;
use crate::support::binary::{Binary, BinaryOptions, run};
use crate::support::nats::NatsServer;
use crate::support::ports::free_port;
use crate::support::run_dir::scratch;
use crate::support::wait::eventually;

const TIMEOUT: Duration = Duration::from_secs(60);

const FAILED: &str = "cannot connect to NATS; events wait in the ledger";

/// Starts the service, waits until it says why it cannot connect, and returns its log.
async fn failing(env: &[(&str, &str)]) -> (Binary, String) {
    let mut service = Binary::start(BinaryOptions::serve(env)).await;
    service.process().logged(FAILED, TIMEOUT).await;
    let log = service.process().log();
    (service, log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_named_once_with_the_user_and_the_server() {
    let mut nats = start("authorization { users: [ { user: ada, password: right } ] }".to_owned()).await;
    let url = nats.url();
    let env = [
        ("NATS_URL", url.as_str()),
        ("WATCHWORD__NATS__USER", "ada"),
        ("WATCHWORD__NATS__PASSWORD", "canary-wrong"),
    ];
    let (mut service, _) = failing(&env).await;
    // It tries again and again.
    let server = &*nats.process();
    eventually(TIMEOUT, || async {
        let attempts = server.log().matches("authentication error").count();
        if attempts > 5 {
            Ok(())
        } else {
            Err(format!("{attempts} attempts"))
        }
    })
    .await;
    let log = service.process().log();
    assert_eq!(log.matches(FAILED).count(), 1, "{log}");
    assert_eq!(log.lines().filter(|line| line.contains("violation")).count(), 1, "{log}");
    let line = log.lines().find(|line| line.contains(FAILED)).expect("the line");
    for part in ["ada", url.as_str(), "nats.password"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!log.contains("canary"), "{log}");
    assert!(service.stop().await.success());

    let ended = run(BinaryOptions::command(&["stream", "diff"], &env), "").await;
    assert_eq!(ended.status.code(), Some(5), "{ended:?}");
    for part in ["ada", url.as_str(), "nats.password"] {
        assert!(ended.stderr.contains(part), "{part}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_credentials_are_called_expired() {
    let dir = scratch("expired");
    let (nats, account) = operated().await;
    let expired = credentials_until(SystemClock.now().unix_timestamp() - 60, &account);
    let file = write(&dir, "user.creds", &expired).display().to_string();
    let url = nats.url();
    let env = [("NATS_URL", url.as_str()), ("WATCHWORD__NATS__CREDS_FILE", &file)];
    let (mut service, log) = failing(&env).await;
    let line = log.lines().find(|line| line.contains(FAILED)).expect("the line");
    assert!(line.contains(&file) && line.contains("expired at"), "{line}");
    // The file is read at every attempt.
    write(&dir, "user.creds", &credentials(&account));
    service.process().logged("NATS can be reached again", TIMEOUT).await;
    assert!(service.stop().await.success());

    // A JWT with the seed of another user can never work.
    let (jwt, seed) = (credentials(&account), credentials(&account));
    let (jwt, seed) = (
        jwt.split_once("\n\n").expect("two parts").0,
        seed.split_once("\n\n").expect("two parts").1.to_owned(),
    );
    let file = write(&dir, "mixed.creds", &format!("{jwt}\n\n{seed}")).display().to_string();
    let env = [("NATS_URL", url.as_str()), ("WATCHWORD__NATS__CREDS_FILE", &file)];
    let ended = run(BinaryOptions::command(&["config", "check"], &env), "").await;
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    assert!(ended.stderr.contains("does not belong"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_addresses_and_limits_are_named() {
    let dead = format!("nats://127.0.0.1:{}", free_port());
    let (_service, log) = failing(&[("NATS_URL", &format!("{dead},nats://name.invalid"))]).await;
    let line = log.lines().find(|line| line.contains(FAILED)).expect("the line");
    assert!(line.contains(&dead), "{line}");
    let ended = run(BinaryOptions::command(&["stream", "diff"], &[("NATS_URL", "nats://name.invalid")]), "").await;
    assert!(ended.stderr.contains("nats://name.invalid:4222"), "{ended:?}");

    let nats = start("max_connections: 1".to_owned()).await;
    let _other = nats.client().await;
    let (_service, log) = failing(&[("NATS_URL", &nats.url())]).await;
    let line = log.lines().find(|line| line.contains(FAILED)).expect("the line");
    assert!(line.contains("maximum connections exceeded"), "{line}");

    let nats = start("authorization { users: [ { user: ada, password: right } ] }".to_owned()).await;
    let (_service, log) = failing(&[("NATS_URL", &nats.url())]).await;
    let line = log.lines().find(|line| line.contains(FAILED)).expect("the line");
    assert!(line.contains("the server wants a user"), "{line}");
}

async fn published(nats: &NatsServer, context: jetstream::Context) {
    eventually(TIMEOUT, || async {
        let stream = context.get_stream("auth-events").await.map_err(|error| error.to_string())?;
        let messages = stream.cached_info().state.messages;
        if messages == 1 {
            Ok(())
        } else {
            Err(format!("{messages} messages in {}", nats.url()))
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_can_be_in_a_domain() {
    let store = scratch("domain").display().to_string();
    let nats = start(format!("jetstream {{ store_dir: {store:?}, domain: hub }}")).await;
    let url = nats.url();
    let env = [("NATS_URL", url.as_str()), ("WATCHWORD__NATS__DOMAIN", "hub")];
    let mut service = Binary::start(BinaryOptions::serve(&env)).await;
    service.http().register("ada@example.com", PASSWORD).await.expect_status(201);
    published(&nats, jetstream::with_domain(nats.client().await, "hub")).await;
    let ended = run(BinaryOptions::command(&["stream", "diff"], &env), "").await;
    assert!(ended.status.success(), "{ended:?}");
    assert!(service.stop().await.success());
    // The stream is not in this domain.
    let other = [env[0], ("WATCHWORD__NATS__DOMAIN", "spoke")];
    let ended = run(BinaryOptions::command(&["stream", "diff"], &other), "").await;
    assert_eq!(ended.status.code(), Some(5), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_begin_with_tls() {
    let dir = scratch("tls-first");
    let ca = Ca::new(&dir, "ca");
    let (cert, key) = ca.issue(&dir, "server");
    // The harness, which knows no TLS, gets the greeting after a moment.
    let nats = start(format!("tls {{ cert_file: {cert:?}, key_file: {key:?}, handshake_first: \"300ms\" }}")).await;
    let (url, file) = (nats.url().replace("nats://", "tls://"), ca.file.display().to_string());
    let env = [
        ("NATS_URL", url.as_str()),
        ("WATCHWORD__NATS__TLS__CA", &file),
        ("WATCHWORD__NATS__TLS__HANDSHAKE_FIRST", "true"),
    ];
    let mut service = Binary::start(BinaryOptions::serve(&env)).await;
    service.http().register("ada@example.com", PASSWORD).await.expect_status(201);
    let options = ConnectOptions::new().add_root_certificates(ca.file.clone()).tls_first();
    let client = options.connect(&url).await.expect("connect");
    published(&nats, jetstream::new(client)).await;
    assert!(service.stop().await.success());
}
