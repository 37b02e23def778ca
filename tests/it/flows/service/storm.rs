//! Rule 1: a client that goes away in the middle of a request takes nothing with it. Hundreds of connections are reset while the
//! service waits for a slow PostgreSQL, among clients that wait for their answers: what those were told is in the database, and
//! no pooled connection is left inside a transaction.

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

/// Accounts; each has a session to refresh and one to log out of.
const ACCOUNTS: usize = 32;
/// Accounts whose turn it is at the same time. All their requests find a connection: a request that is cut off while it waits
/// for one would prove nothing.
const WAVE: usize = 8;
const CONNECTIONS: u32 = 48;
/// How often each session is refreshed.
const ROUNDS: usize = 4;
/// Requests that are cut off for each one that is waited for.
const VICTIMS: usize = 3;
/// Each way, so that a query takes twice as long and a refresh ten to twelve times.
const LATENCY: Duration = Duration::from_millis(12);
/// The longest time after which a request is cut off: about as long as one takes.
const LONGEST: Duration = Duration::from_millis(320);
/// How long actions without a client may take to end; less than the 15 s after which PostgreSQL ends idle transactions itself.
const SETTLE: Duration = Duration::from_secs(10);

/// The connections of the service that are not waiting for a new transaction.
const BUSY: &str = "SELECT count(*) FROM pg_stat_activity \
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'";

/// One of many moments, spread over the time that a request takes.
fn moment(n: usize) -> Duration {
    const STEPS: u32 = 61;
    let step = u32::try_from(n * 17 % 61).expect("small");
    LONGEST * step / STEPS
}

/// Sends a request and resets its connection at `after`.
async fn cut_off(port: u16, request: String, after: Duration) {
    let mut connection = RawConnection::to(port).await.expect("connect");
    connection.send(request.as_bytes()).await.expect("send");
    tokio::time::sleep(after).await;
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

/// Posts until the service is not too busy.
async fn patient(http: &Http, path: &str, body: &Value) -> Answer {
    loop {
        let answer = http.post(path, body).await;
        if answer.status != 503 {
            return answer;
        }
    }
}

/// An application whose way to PostgreSQL is slow once the proxy is told so.
async fn behind_a_proxy() -> (TestApp, Proxy) {
    let server = Postgres::shared().await.port();
    let proxy = Proxy::to(server).await;
    let (near, far) = (format!("127.0.0.1:{}/", proxy.port()), format!("127.0.0.1:{server}/"));
    let app = TestApp::builder(Backend::Postgres)
        // However slow the machine is, the parent of a token leads to its successor: two rounds are never under way at once.
        .clock(TestClock::frozen())
        .settings(move |settings| {
            let url = settings.database.url.take().expect("a PostgreSQL database");
            assert!(url.expose_secret().contains(&far));
            settings.database.url = Some(SecretString::from(url.expose_secret().replace(&far, &near)));
            settings.database.max_connections = CONNECTIONS;
            settings.database.acquire_timeout = Duration::from_secs(8);
        })
        .spawn()
        .await;
    (app, proxy)
}

/// Waits until what the reset clients have left behind is done, and nothing is inside a transaction.
async fn settled(app: &TestApp) {
    let quiet = Cell::new(0);
    let looks = || async {
        let busy = app.database.count(BUSY).await.map_err(|error| error.to_string())?;
        // Between two statements a connection may look idle: several looks in a row.
        quiet.set(if busy == 0 { quiet.get() + 1 } else { 0 });
        if quiet.get() >= 5 {
            Ok(())
        } else {
            Err(format!("{busy} connections are inside a transaction"))
        }
    };
    eventually(SETTLE, looks).await;
}

/// One round of one session: some refreshes are cut off, one is waited for.
async fn refresh_round(http: &Http, n: usize, tokens: &Tokens) -> Tokens {
    let port = http.port();
    let cut = (0..VICTIMS).map(|victim| {
        let request = if victim == 0 {
            sessions_bytes(&tokens.access)
        } else {
            refresh_bytes(&tokens.refresh)
        };
        cut_off(port, request, moment(n * VICTIMS + victim))
    });
    let body = json!({"refreshToken": tokens.refresh});
    let (_, answer) = tokio::join!(join_all(cut), patient(http, "/auth/refresh", &body));
    answer.expect_status(200).tokens()
}

/// One session's end: a logout is cut off, and for every second session another one is waited for.
async fn logout_round(http: &Http, n: usize, tokens: &Tokens) {
    let cut = cut_off(http.port(), logout_bytes(&tokens.refresh), moment(n));
    if n.is_multiple_of(2) {
        let body = json!({"refreshToken": tokens.refresh});
        let (_, answer) = tokio::join!(cut, patient(http, "/auth/logout", &body));
        answer.expect_status(204);
    } else {
        cut.await;
    }
}

/// One registration: it is cut off, and tried again by somebody who waits.
async fn register_round(http: &Http, n: usize) {
    let email = format!("late{n}@example.com");
    let body = json!({"email": email, "password": PASSWORD});
    let (head, text) = post("/auth/register", "", &body);
    let cut = cut_off(http.port(), head + &text, moment(n * 5));
    let (_, answer) = tokio::join!(cut, patient(http, "/auth/register", &body));
    assert!(matches!(answer.status.as_u16(), 201 | 409), "{}", answer.text);
    let login = json!({"identifier": email, "password": PASSWORD});
    patient(http, "/auth/login", &login).await.expect_status(200);
}

/// The sessions that the ledger says were logged out of.
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
            let kept = patient(&http, "/auth/register", &body).await.expect_status(201);
            let body = json!({"identifier": email, "password": PASSWORD});
            let left = patient(&http, "/auth/login", &body).await.expect_status(200);
            (kept.tokens(), left.tokens())
        }
    }));
    let (mut kept, left): (Vec<Tokens>, Vec<Tokens>) = accounts.await.into_iter().unzip();

    proxy.set_latency(LATENCY);
    for round in 0..ROUNDS {
        for first in (0..ACCOUNTS).step_by(WAVE) {
            let wave = first..(first + WAVE).min(ACCOUNTS);
            let refreshes = wave
                .clone()
                .map(|n| refresh_round(&http, n + round * ACCOUNTS, &kept[n]));
            let ends = wave.clone().filter(|n| n % ROUNDS == round);
            let ends = ends.map(|n| logout_round(&http, n, &left[n]));
            let late = register_round(&http, round * ACCOUNTS + first);
            let (next, _, ()) = tokio::join!(join_all(refreshes), join_all(ends), late);
            kept.splice(wave, next);
            settled(&app).await;
        }
    }
    proxy.set_latency(Duration::ZERO);

    everything_said_is_true(&app, &kept, &left).await;
    everything_goes_on(&app, &kept).await;
    app.finish().await;
}

/// The database, asked beside the service, agrees with every answer.
async fn everything_said_is_true(app: &TestApp, kept: &[Tokens], left: &[Tokens]) {
    let count = |sql| async move { app.database.count(sql).await.expect("a query") };
    let rounds = i64::try_from(ROUNDS).expect("a few");
    let rotations = "SELECT sum(generation - 1)::bigint FROM sessions";
    let refreshed = "SELECT count(*) FROM events WHERE subject = 'auth.user.token_refreshed'";
    let expected = rounds * i64::try_from(ACCOUNTS).expect("a few");
    assert_eq!(count(rotations).await, expected, "each answered rotation, and no other");
    assert_eq!(count(refreshed).await, expected, "and its event");
    assert_eq!(
        count("SELECT max(generation) FROM sessions").await,
        rounds + 1,
        "every session as often as the others"
    );
    let reused = "SELECT count(*) FROM events WHERE subject = 'auth.user.token_reuse_detected'";
    assert_eq!(count(reused).await, 0);

    let ended = logged_out(app).await;
    let revoked = "SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL";
    assert_eq!(
        count(revoked).await,
        i64::try_from(ended.len()).expect("a few"),
        "a session that ended has its event"
    );
    for (n, tokens) in left.iter().enumerate() {
        let is_ended = ended.contains(&tokens.session());
        assert!(is_ended || n % 2 == 1, "logout {n} was answered with 204");
        let status = app.me(&tokens.access).await.status.as_u16();
        assert_eq!(status, if is_ended { 401 } else { 200 }, "session {n}");
    }
    assert!(kept.iter().all(|tokens| !ended.contains(&tokens.session())));
}

/// More requests at once than there are connections, and none of them finds a bad one.
async fn everything_goes_on(app: &TestApp, kept: &[Tokens]) {
    let answers = join_all(kept.iter().map(|tokens| async move {
        let tokens = app.refresh(&tokens.refresh).await.expect_status(200).tokens();
        let body = json!({"name": "Ada"});
        app.send_as(&tokens.access, Method::PATCH, "/auth/me", &body)
            .await
            .expect_status(200);
        app.logout(&tokens.access, "local").await.expect_status(204)
    }));
    answers.await;
    settled(app).await;
}
