//! Clients that disconnect during a request. The test resets hundreds of connections while the
//! service waits for a slow PostgreSQL, and other clients wait for their responses. These responses
//! must match the database, and no pooled connection may stay inside a transaction.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::http::{Answer, Http, Tokens};
use crate::support::postgres::Postgres;
use crate::support::proxy::Proxy;
use crate::support::raw::{RawConnection, post};
use crate::support::wait::eventually;

/// The number of accounts. Each has a session to refresh and one to log out.
const ACCOUNTS: usize = 32;
/// The number of accounts in parallel. All their requests get a connection, since resetting a
/// request that waits for one would prove nothing.
const WAVE: usize = 8;
const CONNECTIONS: u32 = 48;
/// The number of refreshes of each session.
const ROUNDS: usize = 4;
/// The number of reset requests for each completed one.
const RESETS: usize = 3;
/// The latency in each direction. A query takes twice as long, and a refresh ten to twelve times.
const LATENCY: Duration = Duration::from_millis(12);
/// The latest reset of a request: about the duration of one.
const MAX_RESET_DELAY: Duration = Duration::from_millis(320);
/// The timeout for actions without a client. PostgreSQL ends idle transactions after 15 s.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);

/// The connections of the service that are not idle.
const BUSY: &str = "SELECT count(*) FROM pg_stat_activity \
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'";

/// A delay, spread over the duration of a request.
fn reset_delay(n: usize) -> Duration {
    const STEPS: u32 = 61;
    let step = u32::try_from(n * 17 % 61).expect("small");
    MAX_RESET_DELAY * step / STEPS
}

/// Send a request, and reset its connection after `delay`.
async fn send_and_reset(port: u16, request: String, delay: Duration) {
    let mut connection = RawConnection::to(port).await.expect("connect");
    connection.send(request.as_bytes()).await.expect("send");
    tokio::time::sleep(delay).await;
    connection.reset();
}

fn refresh_bytes(refresh: &str) -> String {
    let (head, body) = post("/auth/refresh", "", &json!({"refreshToken": refresh}));
    head + &body
}

fn logout_bytes(refresh: &str) -> String {
    let (head, body) = post("/auth/logout", "", &json!({"refreshToken": refresh}));
    head + &body
}

fn sessions_bytes(access: &str) -> String {
    format!(
        "GET /auth/sessions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {access}\r\n\r\n"
    )
}

/// Post, and retry on 503.
async fn post_with_retry(http: &Http, path: &str, body: &Value) -> Answer {
    loop {
        let answer = http.post(path, body).await;
        if answer.status != 503 {
            return answer;
        }
    }
}

/// An application that connects to PostgreSQL through a proxy.
async fn behind_a_proxy() -> (TestApp, Proxy) {
    let server = Postgres::shared().await.port();
    let proxy = Proxy::to(server).await;
    let (proxied, direct) = (format!("127.0.0.1:{}/", proxy.port()), format!("127.0.0.1:{server}/"));
    let app = TestApp::builder(Backend::Postgres)
        // The grace period does not expire on a slow machine. Rounds do not overlap.
        .clock(TestClock::frozen())
        .settings(move |settings| {
            let url = settings.database.url.take().expect("a PostgreSQL database");
            assert!(url.expose_secret().contains(&direct));
            settings.database.url = Some(SecretString::from(url.expose_secret().replace(&direct, &proxied)));
            settings.database.max_connections = CONNECTIONS;
            settings.database.acquire_timeout = Duration::from_secs(8);
        })
        .spawn()
        .await;
    (app, proxy)
}

/// Wait until the actions of disconnected clients have ended, and no transaction is open.
async fn until_idle(app: &TestApp) {
    let idle_checks = Cell::new(0);
    let check = || async {
        let busy = app.database.count(BUSY).await.map_err(|error| error.to_string())?;
        // Between two statements a connection seems idle, so check several times in a row.
        idle_checks.set(if busy == 0 { idle_checks.get() + 1 } else { 0 });
        if idle_checks.get() >= 5 {
            Ok(())
        } else {
            Err(format!("{busy} connections are inside a transaction"))
        }
    };
    eventually(SETTLE_TIMEOUT, check).await;
}

/// Reset some refreshes of a session, and complete one.
async fn refresh_round(http: &Http, n: usize, tokens: &Tokens) -> Tokens {
    let port = http.port();
    let reset = (0..RESETS).map(|index| {
        let request = if index == 0 {
            sessions_bytes(&tokens.access)
        } else {
            refresh_bytes(&tokens.refresh)
        };
        send_and_reset(port, request, reset_delay(n * RESETS + index))
    });
    let body = json!({"refreshToken": tokens.refresh});
    let (_, answer) = tokio::join!(join_all(reset), post_with_retry(http, "/auth/refresh", &body));
    answer.expect_status(200).tokens()
}

/// Reset a logout of a session. For every second session, complete another one.
async fn logout_round(http: &Http, n: usize, tokens: &Tokens) {
    let reset = send_and_reset(http.port(), logout_bytes(&tokens.refresh), reset_delay(n));
    if n.is_multiple_of(2) {
        let body = json!({"refreshToken": tokens.refresh});
        let (_, answer) = tokio::join!(reset, post_with_retry(http, "/auth/logout", &body));
        answer.expect_status(204);
    } else {
        reset.await;
    }
}

/// Reset a registration, and complete a retry.
async fn register_round(http: &Http, n: usize) {
    let email = format!("late{n}@example.com");
    let body = json!({"email": email, "password": PASSWORD});
    let (head, text) = post("/auth/register", "", &body);
    let reset = send_and_reset(http.port(), head + &text, reset_delay(n * 5));
    let (_, answer) = tokio::join!(reset, post_with_retry(http, "/auth/register", &body));
    assert!(matches!(answer.status.as_u16(), 201 | 409), "{}", answer.text);
    let login = json!({"identifier": email, "password": PASSWORD});
    post_with_retry(http, "/auth/login", &login).await.expect_status(200);
}

/// The sessions with a `logged_out` event.
async fn logged_out(app: &TestApp) -> BTreeSet<String> {
    let rows = app.ledger().await.into_iter();
    rows.filter(|row| row.subject == "auth.user.logged_out")
        .filter_map(|row| {
            let event: Value = serde_json::from_slice(&row.payload).expect("JSON");
            Some(event["data"]["sessionId"].as_str()?.to_owned())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reset_connections_lose_no_event() {
    let (app, proxy) = behind_a_proxy().await;
    let http = app.http();
    let accounts = join_all((0..ACCOUNTS).map(|n| {
        let http = http.clone();
        async move {
            let email = format!("user{n}@example.com");
            let body = json!({"email": email, "password": PASSWORD});
            let refreshed_sessions = post_with_retry(&http, "/auth/register", &body).await.expect_status(201);
            let body = json!({"identifier": email, "password": PASSWORD});
            let closed_sessions = post_with_retry(&http, "/auth/login", &body).await.expect_status(200);
            (refreshed_sessions.tokens(), closed_sessions.tokens())
        }
    }));
    let (mut refreshed_sessions, closed_sessions): (Vec<Tokens>, Vec<Tokens>) = accounts.await.into_iter().unzip();

    proxy.set_latency(LATENCY);
    for round in 0..ROUNDS {
        for first in (0..ACCOUNTS).step_by(WAVE) {
            let wave = first..(first + WAVE).min(ACCOUNTS);
            let refreshes = wave.clone().map(|n| refresh_round(&http, n + round * ACCOUNTS, &refreshed_sessions[n]));
            let ends = wave.clone().filter(|n| n % ROUNDS == round);
            let ends = ends.map(|n| logout_round(&http, n, &closed_sessions[n]));
            let late = register_round(&http, round * ACCOUNTS + first);
            let (next, _, ()) = tokio::join!(join_all(refreshes), join_all(ends), late);
            refreshed_sessions.splice(wave, next);
            until_idle(&app).await;
        }
    }
    proxy.set_latency(Duration::ZERO);

    assert_database_matches(&app, &refreshed_sessions, &closed_sessions).await;
    assert_connections_work(&app, &refreshed_sessions).await;
    app.finish().await;
}

/// Assert that the database matches every response.
async fn assert_database_matches(app: &TestApp, refreshed_sessions: &[Tokens], closed_sessions: &[Tokens]) {
    let count = |sql| async move { app.database.count(sql).await.expect("a query") };
    let rounds = i64::try_from(ROUNDS).expect("a few");
    let rotations = "SELECT sum(generation - 1)::bigint FROM sessions";
    let refreshed = "SELECT count(*) FROM events WHERE subject = 'auth.user.token_refreshed'";
    let expected = rounds * i64::try_from(ACCOUNTS).expect("a few");
    assert_eq!(count(rotations).await, expected, "the acknowledged refreshes, and no others");
    assert_eq!(count(refreshed).await, expected, "each refresh has its event");
    assert_eq!(
        count("SELECT max(generation) FROM sessions").await,
        rounds + 1,
        "all sessions have the same generation"
    );
    let reused = "SELECT count(*) FROM events WHERE subject = 'auth.user.token_reuse_detected'";
    assert_eq!(count(reused).await, 0);

    let logged_out_sessions = logged_out(app).await;
    let revoked = "SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL";
    assert_eq!(
        count(revoked).await,
        i64::try_from(logged_out_sessions.len()).expect("a few"),
        "each revoked session has its event"
    );
    for (n, tokens) in closed_sessions.iter().enumerate() {
        let is_logged_out = logged_out_sessions.contains(&tokens.session());
        assert!(is_logged_out || n % 2 == 1, "logout {n} was acknowledged with 204 and is lost");
        let status = app.me(&tokens.access).await.status.as_u16();
        assert_eq!(status, if is_logged_out { 401 } else { 200 }, "session {n}");
    }
    assert!(refreshed_sessions.iter().all(|tokens| !logged_out_sessions.contains(&tokens.session())));
}

/// Assert that all pooled connections work, with more parallel requests than connections.
async fn assert_connections_work(app: &TestApp, refreshed_sessions: &[Tokens]) {
    let answers = join_all(refreshed_sessions.iter().map(|tokens| async move {
        let tokens = app.refresh(&tokens.refresh).await.expect_status(200).tokens();
        let body = json!({"name": "Ada"});
        app.send_as(&tokens.access, Method::PATCH, "/auth/me", &body).await.expect_status(200);
        app.logout(&tokens.access, "local").await.expect_status(204)
    }));
    answers.await;
    until_idle(app).await;
}
