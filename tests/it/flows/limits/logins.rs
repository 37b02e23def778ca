//! The limits of a login: what a stranger can spend, what the owner keeps, and that nobody learns from them who has an account.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use reqwest::header::{DATE, HeaderMap};
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::{Answer, Http};

flow_tests! {
    parallel_guesses_at_one_account_stop_at_its_rate_limit,
    failed_logins_from_another_network_do_not_lock_the_owner_out,
    unknown_accounts_are_limited_like_known_ones,
    a_successful_login_resets_the_rate_limit,
    deleting_an_account_does_not_reset_its_rate_limit,
    addresses_of_one_network_share_a_rate_limit,
}

const ADA: &str = "ada@example.com";
const WRONG: &str = "not the right password";
const MINUTE: Duration = Duration::from_secs(60);
/// The owner's network, and others.
const HOME: &str = "203.0.113.50";
const STRANGERS: [&str; 3] = ["198.51.100.1", "198.51.100.2", "2001:db8:bad::1"];

/// An application behind a proxy that says where clients are, where an account has so many tries a minute and a day.
async fn behind_a_proxy(backend: Backend, minute: u32, day: u32) -> (TestApp, TestClock) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend)
        .clock(clock.clone())
        .settings(move |settings| {
            settings.limits.enabled = true;
            settings.limits.login_per_minute = 1000;
            settings.limits.login_per_account_per_minute = minute;
            settings.limits.login_per_account_per_day = day;
            settings.redis.timeout = Duration::from_secs(5);
            settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
        })
        .spawn()
        .await;
    (app, clock)
}

async fn login_from(http: &Http, network: &str, identifier: &str, password: &str) -> Answer {
    let body = json!({"identifier": identifier, "password": password});
    let request = http.request(Method::POST, "/auth/login").json(&body);
    http.send(request.header("x-forwarded-for", network)).await
}

async fn register_from(http: &Http, network: &str, email: &str, username: &str) -> Answer {
    let body = json!({"email": email, "username": username, "password": PASSWORD});
    let request = http.request(Method::POST, "/auth/register").json(&body);
    http.send(request.header("x-forwarded-for", network)).await
}

/// Wrong passwords until one is refused: how many were looked at, and the refusal.
async fn guess(http: &Http, network: &str, identifier: &str) -> (usize, Answer) {
    for tried in 0..100 {
        let answer = login_from(http, network, identifier, WRONG).await;
        if answer.status == 429 {
            return (tried, answer);
        }
        answer.expect_problem(401, "invalid_credentials");
    }
    panic!("a hundred tries and no limit");
}

/// A refusal by this limiter: its headers agree with each other (draft-ietf-httpapi-ratelimit-headers). Returns the seconds to wait.
#[track_caller]
pub(crate) fn refused_by(answer: Answer, limiter: &str, quota: u32, window: u32) -> u64 {
    let answer = answer.expect_problem(429, "rate_limited");
    let wait = answer.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
    let wait = wait.expect("whole seconds");
    let limit = format!("\"{limiter}\";r=0;t={wait}");
    let policy = format!("\"{limiter}\";q={quota};w={window}");
    assert_eq!(answer.header("ratelimit"), Some(limit.as_str()));
    assert_eq!(answer.header("ratelimit-policy"), Some(policy.as_str()));
    assert!((1..=u64::from(window)).contains(&wait), "{wait}");
    wait
}

async fn parallel_guesses_at_one_account_stop_at_its_rate_limit(backend: Backend) {
    let (app, clock) = behind_a_proxy(backend, 7, 100).await;
    register_from(&app, HOME, ADA, "ada").await.expect_status(201);
    let guesses = join_all((0..200).map(|_| login_from(&app, STRANGERS[0], ADA, WRONG))).await;
    let looked_at = guesses.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(looked_at, 7);
    for answer in guesses.into_iter().filter(|answer| answer.status != 401) {
        refused_by(answer, "login_account_network", 7, 60);
    }
    assert_eq!(app.failed_logins().await, 7, "no other password was looked at");
    // The right one waits its turn too; from elsewhere it does not.
    let right = login_from(&app, STRANGERS[0], ADA, PASSWORD).await;
    let wait = refused_by(right, "login_account_network", 7, 60);
    login_from(&app, HOME, ADA, PASSWORD).await.expect_status(200);
    clock.advance(Duration::from_secs(wait));
    login_from(&app, STRANGERS[0], ADA, PASSWORD).await.expect_status(200);
    app.finish().await;
}

async fn failed_logins_from_another_network_do_not_lock_the_owner_out(backend: Backend) {
    let (app, clock) = behind_a_proxy(backend, 3, 6).await;
    register_from(&app, HOME, ADA, "ada").await.expect_status(201);

    // One network can't spend what the account has: from everywhere else the owner still logs in.
    let (tried, refusal) = guess(&app, STRANGERS[0], ADA).await;
    assert_eq!(tried, 3);
    refused_by(refusal, "login_account_network_day", 3, 86_400);
    login_from(&app, "192.0.2.77", ADA, PASSWORD).await.expect_status(200);

    // Several can: nobody unknown gets further, the owner included.
    let (tried, _) = guess(&app, STRANGERS[1], ADA).await;
    assert_eq!(tried, 3);
    let (tried, refusal) = guess(&app, STRANGERS[2], ADA).await;
    assert_eq!(tried, 0);
    refused_by(refusal, "login_account", 6, 86_400);
    let abroad = login_from(&app, "192.0.2.99", ADA, PASSWORD).await;
    refused_by(abroad, "login_account", 6, 86_400);

    // Where the owner has logged in or registered before, strangers make no difference, whatever identifier they use.
    for (network, identifier) in [(HOME, ADA), ("192.0.2.77", "ADA@Example.com"), (HOME, "ada")] {
        login_from(&app, network, identifier, PASSWORD).await.expect_status(200);
    }
    // That is no free pass: from there the network's own share is what there is.
    let (tried, refusal) = guess(&app, HOME, ADA).await;
    assert_eq!(tried, 3);
    refused_by(refusal, "login_account_network_day", 3, 86_400);

    // A network is known for a time.
    clock.advance(Duration::from_secs(31 * 86_400));
    guess(&app, STRANGERS[0], ADA).await;
    guess(&app, STRANGERS[1], ADA).await;
    if backend == Backend::Sqlite {
        // Redis forgets by its own clock, which a test can't move.
        let stale = login_from(&app, HOME, ADA, PASSWORD).await;
        refused_by(stale, "login_account", 6, 86_400);
    }
    app.finish().await;
}

/// What an answer shows, without what differs between any two requests.
fn shown(answer: &Answer) -> (u16, HeaderMap, Value) {
    let mut headers = answer.headers.clone();
    headers.remove(DATE);
    headers.remove("x-request-id");
    let mut body = answer.json.clone();
    body.as_object_mut()
        .and_then(|fields| fields.remove("requestId"))
        .expect("a request id");
    (answer.status.as_u16(), headers, body)
}

async fn unknown_accounts_are_limited_like_known_ones(backend: Backend) {
    let (app, clock) = behind_a_proxy(backend, 4, 10).await;
    register_from(&app, HOME, ADA, "ada").await.expect_status(201);
    let disabled = "disabled@example.com";
    register_from(&app, HOME, disabled, "disabled").await.expect_status(201);
    let disable = "UPDATE users SET status = 'disabled' WHERE email = 'disabled@example.com'";
    app.database.execute(disable).await.expect("disable an account");

    // From three networks: every limiter of an account has its turn.
    let mut curves = Vec::new();
    for identifier in [ADA, "nobody@example.com", disabled] {
        let mut curve = Vec::new();
        for network in STRANGERS {
            for _ in 0..7 {
                curve.push(shown(&login_from(&app, network, identifier, WRONG).await));
            }
        }
        curves.push(curve);
    }
    let statuses: Vec<u16> = curves[0].iter().map(|(status, ..)| *status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 10);
    assert_eq!(curves[0], curves[1], "an unknown account is limited differently");
    assert_eq!(curves[0], curves[2], "a disabled account is limited differently");
    // After a rest, still.
    clock.advance(6 * 60 * MINUTE);
    let known = shown(&login_from(&app, STRANGERS[2], ADA, WRONG).await);
    let unknown = shown(&login_from(&app, STRANGERS[2], "nobody@example.com", WRONG).await);
    assert_eq!(known, unknown);
    app.finish().await;
}

async fn a_successful_login_resets_the_rate_limit(backend: Backend) {
    let (app, _clock) = behind_a_proxy(backend, 4, 8).await;
    register_from(&app, HOME, ADA, "ada").await.expect_status(201);
    // Three mistakes and a success, again and again: never refused, from home or from a new network.
    for network in [HOME, STRANGERS[0]] {
        for _ in 0..4 {
            for _ in 0..2 {
                login_from(&app, network, ADA, WRONG).await.expect_status(401);
            }
            login_from(&app, network, ADA, PASSWORD).await.expect_status(200);
        }
    }
    // Somebody else's login forgives nothing.
    register_from(&app, STRANGERS[1], "eve@example.com", "eve")
        .await
        .expect_status(201);
    let (tried, _) = guess(&app, STRANGERS[1], ADA).await;
    assert_eq!(tried, 4);
    login_from(&app, STRANGERS[1], "eve@example.com", PASSWORD)
        .await
        .expect_status(200);
    let (tried, _) = guess(&app, STRANGERS[1], ADA).await;
    assert_eq!(tried, 0);
    app.finish().await;
}

async fn deleting_an_account_does_not_reset_its_rate_limit(backend: Backend) {
    let (app, _clock) = behind_a_proxy(backend, 4, 100).await;
    let access = register_from(&app, HOME, ADA, "ada")
        .await
        .expect_status(201)
        .tokens()
        .access;
    let delete = || {
        let request = app.request(Method::DELETE, "/auth/me").bearer_auth(&access);
        app.send(
            request
                .json(&json!({"password": WRONG}))
                .header("x-forwarded-for", HOME),
        )
    };
    for _ in 0..2 {
        delete().await.expect_problem(422, "validation_failed");
        login_from(&app, HOME, ADA, WRONG).await.expect_status(401);
    }
    refused_by(delete().await, "login_account_network", 4, 60);
    app.finish().await;
}

async fn addresses_of_one_network_share_a_rate_limit(backend: Backend) {
    let (app, _clock) = behind_a_proxy(backend, 4, 100).await;
    let nobody = "nobody@example.com";
    // An IPv6 /64 is one network, and an IPv4 address is one however it is written.
    for n in 1..=4 {
        let answer = login_from(&app, &format!("2001:db8:1:2:{n}::{n}"), nobody, WRONG).await;
        answer.expect_problem(401, "invalid_credentials");
    }
    let same = login_from(&app, "2001:db8:1:2:ffff:ffff:ffff:ffff", nobody, WRONG).await;
    refused_by(same, "login_account_network", 4, 60);
    let next = login_from(&app, "2001:db8:1:3::1", nobody, WRONG).await;
    next.expect_problem(401, "invalid_credentials");
    for address in ["192.0.2.9", "::ffff:192.0.2.9", "192.0.2.9:4711", "[::ffff:c000:209]"] {
        let answer = login_from(&app, address, nobody, WRONG).await;
        answer.expect_problem(401, "invalid_credentials");
    }
    let same = login_from(&app, "192.0.2.9", nobody, WRONG).await;
    refused_by(same, "login_account_network", 4, 60);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_asks_redis_once_and_stores_no_identifier() {
    let (app, _clock) = behind_a_proxy(Backend::Postgres, 4, 100).await;
    register_from(&app, HOME, ADA, "ada_l").await.expect_status(201);
    login_from(&app, HOME, ADA, PASSWORD).await.expect_status(200);
    login_from(&app, HOME, "ada_l", WRONG).await.expect_status(401);
    let redis = app.redis.as_ref().expect("Redis");
    let keys = redis.command("KEYS watchword:limit:*").await.expect("keys");
    assert!(keys.contains("limit:known:") && keys.contains("limit:login_account_network_day:"));
    for word in ["ada", "example.com"] {
        assert!(!keys.contains(word), "{word} is in {keys}");
    }
    redis.command("CONFIG RESETSTAT").await.expect("an answer");
    login_from(&app, HOME, ADA, WRONG).await.expect_status(401);
    let stats = redis.command("INFO commandstats").await.expect("statistics");
    assert!(stats.contains("cmdstat_evalsha:calls=1,"), "{stats}");
    app.finish().await;
}

/// Refreshes until one is refused: how many there were.
async fn refresh_to_the_limit(http: Http, mut token: String, done: &AtomicUsize) -> usize {
    for refreshed in 0..1000 {
        let answer = http.refresh(&token).await;
        if answer.status == 429 {
            return refreshed;
        }
        token = answer.expect_status(200).tokens().refresh;
        done.fetch_add(1, Ordering::Relaxed);
    }
    panic!("a thousand refreshes and no limit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_limits_hold_when_redis_dies_under_load() {
    const SESSIONS: usize = 8;
    const REFRESHES: u32 = 40;
    let clock = TestClock::frozen();
    let mut app = TestApp::builder(Backend::Postgres)
        .clock(clock.clone())
        .settings(|settings| {
            settings.limits.enabled = true;
            settings.limits.refresh_per_minute = REFRESHES;
            settings.limits.login_per_minute = 12;
        })
        .spawn()
        .await;
    let mut tokens = Vec::new();
    for n in 0..SESSIONS {
        tokens.push(app.registered(&format!("ada{n}@example.com")).await.tokens().refresh);
    }
    let (http, done) = (app.http(), AtomicUsize::new(0));
    let refreshes = join_all(
        tokens
            .into_iter()
            .map(|token| refresh_to_the_limit(http.clone(), token, &done)),
    );
    let guesses = async {
        let mut looked_at = 0;
        for n in 0..60 {
            let answer = http.login(&format!("nobody{n}@example.com"), WRONG).await;
            match answer.status.as_u16() {
                401 => looked_at += 1,
                status => assert_eq!(status, 429, "{}", answer.text),
            }
        }
        looked_at
    };
    let killer = async {
        while done.load(Ordering::Relaxed) < SESSIONS * REFRESHES as usize / 2 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        app.redis.as_mut().expect("Redis").kill();
        done.load(Ordering::Relaxed)
    };
    let (refreshed, looked_at, killed_at) = tokio::join!(refreshes, guesses, killer);
    assert!(killed_at < SESSIONS * REFRESHES as usize, "Redis died too late");
    // What Redis had counted was counted in the process too: nobody gets a second quota.
    assert_eq!(refreshed, [REFRESHES as usize; SESSIONS]);
    assert_eq!(looked_at, 12);
    assert!(app.metric("watchword_limit_fallbacks_total", "").await > 0.0);
    app.finish().await;
}
