use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::stream;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem::{EndpointExt as _, Route, get, handler, web::Data};
use reqwest::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;
use watchword_events::{LoggedOut, LogoutScope, SUBJECT_FILTERS};

use crate::example::{Account, Example, Running};
use crate::servers::wait::seen_within;
use crate::servers::{Session, Watchword, free_port, serve};
use crate::support::{NatsServer, STREAM, create_stream, eventually};

/// The running example and a client of it.
struct Verifier {
    running: Running,
    http: reqwest::Client,
    url: String,
}

impl Verifier {
    async fn start(nats: &NatsServer, auth: &str) -> Self {
        let port = free_port();
        let example = Example::new("verify_offline", nats)
            .set("AUTH_URL", auth)
            .set("VERIFY_LISTEN", format!("127.0.0.1:{port}"));
        let mut running = example.start();
        let url = running.line().await;
        assert_eq!(url, format!("http://127.0.0.1:{port}/whoami"));
        let http = reqwest::Client::new();
        let verifier = Self { running, http, url };
        // The example prints its address before it listens.
        eventually("the example listens", async || verifier.http.get(&verifier.url).send().await.ok()).await;
        verifier
    }

    async fn status(&self, token: &str) -> StatusCode {
        let request = self.http.get(&self.url).bearer_auth(token);
        request.send().await.unwrap().status()
    }

    async fn accepts(&self, session: &Session) -> bool {
        match self.status(&session.access).await {
            StatusCode::OK => true,
            StatusCode::UNAUTHORIZED => false,
            other => panic!("{other}"),
        }
    }

    /// Waits until the session is refused: every request that is sent a second later has to be.
    async fn refuses_within_a_second(&self, session: &Session) {
        seen_within(Duration::from_secs(1), || async { !self.accepts(session).await }).await;
    }
}

#[tokio::test]
async fn ended_sessions_are_refused_within_a_second() {
    let nats = NatsServer::start().await;
    let auth = Watchword::start(&nats).await;
    let before = auth.register("before@example.com").await;
    auth.logout(&before, "local").await;
    let good = auth.register("ada@example.com").await;
    let verifier = Verifier::start(&nats, &auth.url()).await;
    assert!(!verifier.accepts(&before).await, "it ended before the start");
    assert!(verifier.accepts(&good).await);
    let answer = verifier.http.get(&verifier.url).bearer_auth(&good.access).send().await.unwrap();
    let claims: Value = answer.json().await.unwrap();
    assert_eq!(claims.get("roles"), Some(&json!(["user"])));

    // Logout of one session.
    let session = auth.login("ada@example.com").await;
    assert!(verifier.accepts(&session).await);
    auth.logout(&session, "local").await;
    verifier.refuses_within_a_second(&session).await;
    // All other sessions, by logout and by the session list. The acting session stays, and so does
    // a later one.
    for from_the_list in [false, true] {
        let (acting, other) = (auth.login("ada@example.com").await, auth.login("ada@example.com").await);
        assert!(verifier.accepts(&acting).await && verifier.accepts(&other).await);
        if from_the_list {
            auth.revoke_others(&acting).await;
        } else {
            auth.logout(&acting, "others").await;
        }
        verifier.refuses_within_a_second(&other).await;
        assert!(!verifier.accepts(&good).await, "one of the others");
        assert!(verifier.accepts(&acting).await);
        let refreshed = auth.refresh(&acting.refresh).await;
        assert!(verifier.accepts(&refreshed).await);
        assert!(verifier.accepts(&auth.login("ada@example.com").await).await);
    }
    // Reuse of a refresh token.
    let first = auth.login("ada@example.com").await;
    let second = auth.refresh(&first.refresh).await;
    let third = auth.refresh(&second.refresh).await;
    let reused = json!({ "refreshToken": first.refresh });
    let request = verifier.http.post(format!("{}/auth/refresh", auth.url())).json(&reused);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    verifier.refuses_within_a_second(&third).await;
    // All sessions of a user, and then the account. Another user's sessions stay.
    let bystander = auth.register("bob@example.com").await;
    let (one, two) = (auth.login("ada@example.com").await, auth.login("ada@example.com").await);
    assert!(verifier.accepts(&two).await);
    auth.logout(&one, "global").await;
    verifier.refuses_within_a_second(&two).await;
    assert!(!verifier.accepts(&one).await);
    // A password change, which also ends the session that made it.
    let carol = auth.register("carol@example.com").await;
    let other = auth.login("carol@example.com").await;
    assert!(verifier.accepts(&other).await);
    auth.change_password(&carol, "quiet harbour 52").await;
    verifier.refuses_within_a_second(&other).await;
    assert!(!verifier.accepts(&carol).await);
    let last = auth.login("ada@example.com").await;
    assert!(verifier.accepts(&last).await);
    auth.delete(&last).await;
    verifier.refuses_within_a_second(&last).await;
    assert!(verifier.accepts(&bystander).await);

    // Without the auth service the known keys stay in use, even after a token with an unknown key.
    auth.kill().await;
    let (header, rest) = bystander.access.split_once('.').unwrap();
    let header = String::from_utf8(URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let kid: Value = serde_json::from_str(&header).unwrap();
    let unknown = header.replace(kid.get("kid").and_then(Value::as_str).unwrap(), "unknown");
    let unknown = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(unknown));
    assert_eq!(verifier.status(&unknown).await, StatusCode::UNAUTHORIZED);
    assert!(verifier.accepts(&bystander).await);
    assert!(!verifier.accepts(&two).await);
    verifier.running.stop().await;
}

#[tokio::test]
async fn without_nats_every_request_is_answered_with_503() {
    let mut nats = NatsServer::start().await;
    let auth = Watchword::start(&nats).await;
    let good = auth.register("ada@example.com").await;
    let verifier = Verifier::start(&nats, &auth.url()).await;
    assert!(verifier.accepts(&good).await);
    nats.kill();
    eventually("it answers 503", async || {
        (verifier.status(&good.access).await == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    nats.start_again().await;
    eventually("it answers 200", async || {
        (verifier.status(&good.access).await == StatusCode::OK).then_some(())
    })
    .await;
    verifier.running.stop().await;
}

/// Returns the seconds since 1970, since the example uses the system clock.
#[expect(clippy::disallowed_methods, reason = "the program under test uses the system clock")]
fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// The JWKS of a fake auth service, and how often it was fetched.
#[derive(Clone, Default)]
struct Published {
    keys: Arc<std::sync::Mutex<Vec<Value>>>,
    fetches: Arc<AtomicU32>,
}

#[handler]
fn jwks(Data(published): Data<&Published>) -> String {
    published.fetches.fetch_add(1, Ordering::SeqCst);
    json!({ "keys": *published.keys.lock().unwrap() }).to_string()
}

/// A signing key.
struct Key {
    pair: Ed25519KeyPair,
    id: &'static str,
}

impl Key {
    fn new(id: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        Self { pair, id }
    }

    fn public(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref());
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.id, "use": "sig", "alg": "EdDSA" })
    }

    /// Signs a token, after `change` to its header and claims.
    fn token(&self, issuer: &str, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let now = now();
        let mut header = json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": self.id });
        let mut claims = json!({
            "iss": issuer, "aud": "watchword", "sub": Uuid::from_u128(1), "exp": now + 600, "iat": now, "roles": ["user"],
            "sid": Uuid::from_u128(0x019c_a9b7_0000_7000_8000_0000_0000_0002), "client_id": "watchword",
        });
        change(&mut header, &mut claims);
        let parts = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = parts.join(".");
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

#[tokio::test]
async fn invalid_tokens_are_refused_and_unknown_keys_are_fetched_rarely() {
    let nats = NatsServer::start().await;
    create_stream(&nats.jetstream().await).await;
    let published = Published::default();
    let [old, new, foreign] = ["old", "new", "foreign"].map(Key::new);
    published.keys.lock().unwrap().push(old.public());
    let routes = Route::new().at("/.well-known/jwks.json", get(jwks)).data(published.clone());
    let (issuer, server) = serve(routes).await;
    let verifier = Verifier::start(&nats, &issuer).await;

    let good = old.token(&issuer, |_, _| {});
    assert_eq!(verifier.status(&good).await, StatusCode::OK);
    let now = now();
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    let none = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"typ":"at+jwt","alg":"none","kid":"old"}"#),
        unsigned.split_once('.').unwrap().1
    );
    let of_old = |change: fn(&mut Value, &mut Value)| old.token(&issuer, change);
    for (name, token) in [
        ("no signature", format!("{unsigned}.")),
        ("alg none", none),
        ("another key under its id", Key { id: "old", ..Key::new("x") }.token(&issuer, |_, _| {})),
        ("another type", of_old(|header, _| header["typ"] = json!("JWT"))),
        ("no type", of_old(|header, _| header["typ"] = Value::Null)),
        ("another issuer", old.token("http://elsewhere", |_, _| {})),
        ("another audience", of_old(|_, claims| claims["aud"] = json!("elsewhere"))),
        ("no audience", of_old(|_, claims| claims["aud"] = Value::Null)),
        ("no session", of_old(|_, claims| claims["sid"] = Value::Null)),
        ("expired", old.token(&issuer, |_, claims| claims["exp"] = json!(now - 6))),
        ("not yet", old.token(&issuer, |_, claims| claims["nbf"] = json!(now + 60))),
        ("a word", "token".to_owned()),
    ] {
        assert_eq!(verifier.status(&token).await, StatusCode::UNAUTHORIZED, "{name}");
    }

    // A hundred tokens with an unknown key cause few fetches, and a key that is published later is
    // found.
    let (started, before) = (Instant::now(), published.fetches.load(Ordering::SeqCst));
    for _ in 0..100 {
        let token = foreign.token(&issuer, |_, _| {});
        assert_eq!(verifier.status(&token).await, StatusCode::UNAUTHORIZED);
    }
    published.keys.lock().unwrap().push(new.public());
    let token = new.token(&issuer, |_, _| {});
    eventually("the new key is known", async || {
        (verifier.status(&token).await == StatusCode::OK).then_some(())
    })
    .await;
    let took = started.elapsed();
    assert!(took < Duration::from_secs(12), "{took:?}");
    let fetches = u64::from(published.fetches.load(Ordering::SeqCst) - before);
    assert!((1..=1 + took.as_secs() / 5).contains(&fetches), "{fetches} fetches in {took:?}");
    assert_eq!(verifier.status(&good).await, StatusCode::OK);
    verifier.running.stop().await;
    server.abort();
}

#[tokio::test]
async fn a_token_older_than_what_was_read_is_answered_with_503() {
    let nats = NatsServer::start().await;
    let context = nats.jetstream().await;
    let config = stream::Config {
        name: STREAM.to_owned(),
        subjects: SUBJECT_FILTERS.map(str::to_owned).into(),
        max_messages: 2,
        ..Default::default()
    };
    context.create_stream(config).await.unwrap();
    let mut ada = Account::new(&context, 1);
    // The first one is discarded: nothing tells any more that its session ended.
    let [lost, ended] = [7, 8].map(Uuid::from_u128);
    for session_id in [lost, ended, Uuid::from_u128(9)] {
        let scope = LogoutScope::Local;
        let ended_session_ids = vec![session_id];
        ada.publish(LoggedOut { session_id, scope, ended_session_ids }, Duration::ZERO).await;
    }
    let (published, key) = (Published::default(), Key::new("key"));
    published.keys.lock().unwrap().push(key.public());
    let routes = Route::new().at("/.well-known/jwks.json", get(jwks)).data(published);
    let (issuer, server) = serve(routes).await;
    let verifier = Verifier::start(&nats, &issuer).await;

    let (before, after) = (now() - 300, now() + 300);
    let token = |session: Uuid, issued: i64| {
        key.token(&issuer, |_, claims| {
            claims["sid"] = json!(session);
            claims["iat"] = json!(issued);
            claims["exp"] = json!(issued + 900);
        })
    };
    for (token, status) in [
        (token(lost, before), StatusCode::SERVICE_UNAVAILABLE),
        (token(Uuid::from_u128(10), before), StatusCode::SERVICE_UNAVAILABLE),
        (token(ended, before), StatusCode::UNAUTHORIZED),
        (token(Uuid::from_u128(11), after), StatusCode::OK),
    ] {
        assert_eq!(verifier.status(&token).await, status);
    }
    verifier.running.stop().await;
    server.abort();
}
