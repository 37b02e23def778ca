//! Other credentials: a client certificate over TLS, an nkey, and credentials of an operator's
//! account. The service publishes with each; a wrong one is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::{ConnectOptions, jetstream};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer};
use serde_json::{Value, json};
use watchword::domain::clock::{Clock as _, SystemClock};

use crate::relay::rig::{STREAM, TIMEOUT};
use crate::support::app::PASSWORD;
use crate::support::binary::{Binary, BinaryOptions};
use crate::support::nats::{NatsOptions, NatsServer};
use crate::support::run_dir::scratch;
use crate::support::wait::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_publishes_over_tls_with_a_client_certificate() {
    let dir = scratch("tls");
    let ca = Ca::new(&dir, "ca");
    let (server_cert, server_key) = ca.issue(&dir, "server");
    let (cert, key) = ca.issue(&dir, "client");
    let nats = start(format!(
        "tls {{ cert_file: {server_cert:?}, key_file: {server_key:?}, ca_file: {:?}, verify: true }}",
        ca.file
    ))
    .await;
    let with = |ca: &Path, cert: &Path, key: &Path| {
        BinaryOptions::serve(&[])
            .with("NATS_URL", &nats.url().replace("nats://", "tls://"))
            .with("WATCHWORD__NATS__TLS__CA", &ca.display().to_string())
            .with("WATCHWORD__NATS__TLS__CERT", &cert.display().to_string())
            .with("WATCHWORD__NATS__TLS__KEY", &key.display().to_string())
            .with("WATCHWORD__NATS__TLS__REQUIRED", "true")
    };
    let own = || {
        ConnectOptions::new()
            .add_root_certificates(ca.file.clone())
            .add_client_certificate(cert.clone(), key.clone())
    };
    assert_publishes(&nats, with(&ca.file, &cert, &key), own).await;
    // The service does not trust a server of another authority, and the server refuses a client of
    // another one.
    let other = Ca::new(&dir, "other");
    let (other_cert, other_key) = other.issue(&dir, "stranger");
    assert_not_connected(with(&other.file, &cert, &key)).await;
    assert_not_connected(with(&ca.file, &other_cert, &other_key)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_publishes_with_an_nkey() {
    let dir = scratch("nkey");
    let (user, admin) = (KeyPair::new_user(), KeyPair::new_user());
    let nats = start(format!(
        "authorization {{ users: [ {{ nkey: {} }}, {{ nkey: {} }} ] }}",
        user.public_key(),
        admin.public_key()
    ))
    .await;
    let with = |name: &str, key: &KeyPair| {
        let file = write(&dir, name, &format!("{}\n", seed(key)));
        BinaryOptions::serve(&[])
            .with("NATS_URL", &nats.url())
            .with("WATCHWORD__NATS__NKEY_FILE", &file.display().to_string())
    };
    assert_publishes(&nats, with("user.nk", &user), || ConnectOptions::with_nkey(seed(&admin))).await;
    assert_not_connected(with("stranger.nk", &KeyPair::new_user())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_publishes_with_credentials() {
    let dir = scratch("creds");
    let (nats, account) = operated().await;
    let with = |name: &str, text: &str| {
        BinaryOptions::serve(&[])
            .with("NATS_URL", &nats.url())
            .with("WATCHWORD__NATS__CREDS_FILE", &write(&dir, name, text).display().to_string())
    };
    let creds = credentials(&account);
    let own = || ConnectOptions::with_credentials(&creds).expect("credentials");
    assert_publishes(&nats, with("user.creds", &creds), own).await;
    // The account of these credentials is unknown to the server.
    assert_not_connected(with("stranger.creds", &credentials(&KeyPair::new_account()))).await;
}

/// Whoever renews credentials replaces the file before they expire.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renewed_credentials_are_used_at_the_next_connect() {
    const LIFETIME: i64 = 12;
    let dir = scratch("renewed");
    let (nats, account) = operated().await;
    let expires = SystemClock.now().unix_timestamp() + LIFETIME;
    let file = write(&dir, "user.creds", &credentials_until(expires, &account));
    let mut service = Binary::start(
        BinaryOptions::serve(&[])
            .with("NATS_URL", &nats.url())
            .with("WATCHWORD__NATS__CREDS_FILE", &file.display().to_string()),
    )
    .await;
    let published = |events: u64| {
        let (nats, own) = (&nats, credentials(&account));
        async move {
            let options = ConnectOptions::with_credentials(&own).expect("credentials");
            let client = options.connect(nats.url()).await.expect("connect");
            let context = jetstream::new(client);
            eventually(TIMEOUT, || async {
                let stream = context.get_stream(STREAM).await.ok()?;
                (stream.cached_info().state.messages == events).then_some(())
            })
            .await;
        }
    };
    service.http().register("ada@example.com", PASSWORD).await.expect_status(201);
    published(1).await;
    write(&dir, "user.creds", &credentials(&account));
    while SystemClock.now().unix_timestamp() <= expires + 1 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    service.http().login("ada@example.com", PASSWORD).await.expect_status(200);
    published(2).await;
    assert!(service.stop().await.success());
}

/// Starts a server with an operator, and returns it with an account for the service.
pub(crate) async fn operated() -> (NatsServer, KeyPair) {
    let (operator, system, account) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    // The system account must not use JetStream.
    let preload: Vec<String> = [(&system, 0), (&account, -1)]
        .map(|(key, storage)| format!("{}: {}", key.public_key(), account_token(&operator, key, storage)))
        .into();
    let nats = start(format!(
        "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {} }}",
        token(&operator, &operator, json!({ "type": "operator", "version": 2 })),
        system.public_key(),
        preload.join("\n")
    ))
    .await;
    (nats, account)
}

pub(crate) async fn start(extra: String) -> NatsServer {
    NatsServer::start_with(NatsOptions { extra, ..NatsOptions::default() }).await
}

/// Checks that the service connects, creates its stream and publishes an event. The test reads the
/// event over its own connection.
async fn assert_publishes(nats: &NatsServer, options: BinaryOptions, own: impl Fn() -> ConnectOptions) {
    let mut service = Binary::start(options).await;
    let registered = service.http().register("ada@example.com", PASSWORD).await;
    registered.expect_status(201);
    let client = own().connect(nats.url()).await.expect("connect");
    eventually(TIMEOUT, || async {
        let stream = jetstream::new(client.clone()).get_stream(STREAM).await;
        let messages = stream.map_err(|error| error.to_string())?.cached_info().state.messages;
        if messages == 1 {
            Ok(())
        } else {
            Err(format!("{messages} messages"))
        }
    })
    .await;
    assert!(service.stop().await.success());
}

/// Checks that the service cannot connect to NATS, but serves and keeps its event.
async fn assert_not_connected(options: BinaryOptions) {
    let service = Binary::start(options).await;
    let registered = service.http().register("eve@example.com", PASSWORD).await;
    registered.expect_status(201);
    let ready = service.http().get("/readyz").await;
    assert_eq!(ready.str("/eventsDetail"), "not connected to NATS");
}

pub(crate) fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let file = dir.join(name);
    fs::write(&file, text).expect("write");
    file
}

fn seed(key: &KeyPair) -> String {
    key.seed().expect("the seed")
}

/// A certificate authority.
pub(crate) struct Ca {
    issuer: Issuer<'static, rcgen::KeyPair>,
    pub(crate) file: PathBuf,
}

impl Ca {
    pub(crate) fn new(dir: &Path, name: &str) -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            file: write(dir, &format!("{name}.pem"), &certificate.pem()),
            issuer: Issuer::new(params, key),
        }
    }

    /// Returns a certificate for this machine, and its key.
    pub(crate) fn issue(&self, dir: &Path, name: &str) -> (PathBuf, PathBuf) {
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (
            write(dir, &format!("{name}.pem"), &certificate.pem()),
            write(dir, &format!("{name}.key"), &key.serialize_pem()),
        )
    }
}

/// Returns a token as nats-server reads it, about `subject`, signed by `issuer`.
fn token(issuer: &KeyPair, subject: &KeyPair, nats: Value) -> String {
    token_until(0, issuer, subject, nats)
}

/// Returns a token that expires at a time in seconds; never if it is 0.
fn token_until(exp: i64, issuer: &KeyPair, subject: &KeyPair, nats: Value) -> String {
    let claims = json!({
        "exp": exp,
        "jti": subject.public_key(),
        "iat": 1_795_341_600,
        "iss": issuer.public_key(),
        "sub": subject.public_key(),
        "name": "test",
        "nats": nats,
    });
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&json!({ "typ": "JWT", "alg": "ed25519-nkey" })), encode(&claims));
    let signature = issuer.sign(signed.as_bytes()).expect("sign");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Returns an account without limits, except for its storage.
fn account_token(operator: &KeyPair, account: &KeyPair, storage: i64) -> String {
    let limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        "mem_storage": storage, "disk_storage": storage, "streams": storage, "consumer": storage,
    });
    token(operator, account, json!({ "type": "account", "version": 2, "limits": limits }))
}

/// Returns the credentials file of a new user of the account.
pub(crate) fn credentials(account: &KeyPair) -> String {
    credentials_until(0, account)
}

pub(crate) fn credentials_until(exp: i64, account: &KeyPair) -> String {
    let user = KeyPair::new_user();
    let rights = json!({ "type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1 });
    format!(
        "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        token_until(exp, account, &user, rights),
        seed(&user)
    )
}
