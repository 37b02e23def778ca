//! Rate limits of logins: an attacker cannot lock out the owner, and learns of no account.

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
/// The owner's network, and those of attackers.
const HOME: &str = "203.0.113.50";
const ATTACKERS: [&str; 3] = ["198.51.100.1", "198.51.100.2", "2001:db8:bad::1"];

/// An application behind a trusted proxy, with the given login limits per account.
async fn behind_a_proxy(backend: Backend, minute: u32, day: u32) -> (TestApp, TestClock) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend)
        .clock(clock.clone())
        .settings(move |settings| {
            settings.limits.enabled = true;
            settings.limits.login.count = 1000;
            settings.limits.login_account_network.count = minute;
            settings.limits.login_account.count = day;
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

/// Guess until the rate limit. Return the number of verified guesses, and the 429 response.
async fn guess(http: &Http, network: &str, identifier: &str) -> (usize, Answer) {
    for verified in 0..100 {
        let answer = login_from(http, network, identifier, WRONG).await;
        if answer.status == 429 {
            return (verified, answer);
        }
        answer.expect_problem(401, "invalid_credentials");
    }
    panic!("a hundred guesses without a rate limit");
}

/// Assert a 429 response by `limiter`, with consistent headers. Return the seconds to wait.
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
    let guesses = join_all((0..200).map(|_| login_from(&app, ATTACKERS[0], ADA, WRONG))).await;
    let verified = guesses.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(verified, 7);
    for answer in guesses.into_iter().filter(|answer| answer.status != 401) {
        refused_by(answer, "login_account_network", 7, 60);
    }
    assert_eq!(app.failed_logins().await, 7, "no other password was verified");
    // The limit also holds for the right password, but not from another network.
    let right = login_from(&app, ATTACKERS[0], ADA, PASSWORD).await;
    let wait = refused_by(right, "login_account_network", 7, 60);
    login_from(&app, HOME, ADA, PASSWORD).await.expect_status(200);
    clock.advance(Duration::from_secs(wait));
    login_from(&app, ATTACKERS[0], ADA, PASSWORD).await.expect_status(200);
    app.finish().await;
}

async fn failed_logins_from_another_network_do_not_lock_the_owner_out(backend: Backend) {
    let (app, clock) = behind_a_proxy(backend, 3, 6).await;
    register_from(&app, HOME, ADA, "ada").await.expect_status(201);

    // One network cannot exhaust the limit of the account.
    let (verified, refusal) = guess(&app, ATTACKERS[0], ADA).await;
    assert_eq!(verified, 3);
    refused_by(refusal, "login_account_network_day", 3, 86_400);
    login_from(&app, "192.0.2.77", ADA, PASSWORD).await.expect_status(200);

    // Several networks can. Then all untrusted networks are refused, also with the right password.
    let (verified, _) = guess(&app, ATTACKERS[1], ADA).await;
    assert_eq!(verified, 3);
    let (verified, refusal) = guess(&app, ATTACKERS[2], ADA).await;
    assert_eq!(verified, 0);
    refused_by(refusal, "login_account", 6, 86_400);
    let untrusted = login_from(&app, "192.0.2.99", ADA, PASSWORD).await;
    refused_by(untrusted, "login_account", 6, 86_400);

    // Networks from which the owner logged in or registered are trusted.
    for (network, identifier) in [(HOME, ADA), ("192.0.2.77", "ADA@Example.com"), (HOME, "ada")] {
        login_from(&app, network, identifier, PASSWORD).await.expect_status(200);
    }
    // A trusted network still has its own limit.
    let (verified, refusal) = guess(&app, HOME, ADA).await;
    assert_eq!(verified, 3);
    refused_by(refusal, "login_account_network_day", 3, 86_400);

    // The trust in a network expires.
    clock.advance(Duration::from_secs(31 * 86_400));
    guess(&app, ATTACKERS[0], ADA).await;
    guess(&app, ATTACKERS[1], ADA).await;
    if backend == Backend::Sqlite {
        // Redis expires keys by its own clock, which a test cannot change.
        let expired = login_from(&app, HOME, ADA, PASSWORD).await;
        refused_by(expired, "login_account", 6, 86_400);
    }
    app.finish().await;
}

/// The response without the fields that differ between any two requests.
fn comparable(answer: &Answer) -> (u16, HeaderMap, Value) {
    let mut headers = answer.headers.clone();
    headers.remove(DATE);
    headers.remove("x-request-id");
    let mut body = answer.json.clone();
    body.as_object_mut().and_then(|fields| fields.remove("requestId")).expect("a request id");
    (answer.status.as_u16(), headers, body)
}

async fn unknown_accounts_are_limited_like_known_ones(backend: Backend) {
    let (app, clock) = behind_a_proxy(backend, 4, 10).await;
    register_from(&app, HOME, ADA, "ada").await.expect_status(201);
    let disabled = "disabled@example.com";
    register_from(&app, HOME, disabled, "disabled").await.expect_status(201);
    let disable = "UPDATE users SET status = 'disabled' WHERE email = 'disabled@example.com'";
    app.database.execute(disable).await.expect("disable an account");

    // Three networks exhaust every limit of an account.
    let mut curves = Vec::new();
    for identifier in [ADA, "nobody@example.com", disabled] {
        let mut curve = Vec::new();
        for network in ATTACKERS {
            for _ in 0..7 {
                curve.push(comparable(&login_from(&app, network, identifier, WRONG).await));
            }
        }
        curves.push(curve);
    }
    let statuses: Vec<u16> = curves[0].iter().map(|(status, ..)| *status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 10);
    assert_eq!(curves[0], curves[1], "an unknown account is limited differently");
    assert_eq!(curves[0], curves[2], "a disabled account is limited differently");
    // The same after the limits have refilled.
    clock.advance(6 * 60 * MINUTE);
    let of_known = comparable(&login_from(&app, ATTACKERS[2], ADA, WRONG).await);
    let of_unknown = comparable(&login_from(&app, ATTACKERS[2], "nobody@example.com", WRONG).await);
    assert_eq!(of_known, of_unknown);
    app.finish().await;
}

async fn a_successful_login_resets_the_rate_limit(backend: Backend) {
    let (app, _clock) = behind_a_proxy(backend, 4, 8).await;
    register_from(&app, HOME, ADA, "ada").await.expect_status(201);
    // Every successful login resets the limits, from a trusted and from a new network.
    for network in [HOME, ATTACKERS[0]] {
        for _ in 0..4 {
            for _ in 0..2 {
                login_from(&app, network, ADA, WRONG).await.expect_status(401);
            }
            login_from(&app, network, ADA, PASSWORD).await.expect_status(200);
        }
    }
    // The login of another user does not reset the limit.
    register_from(&app, ATTACKERS[1], "eve@example.com", "eve").await.expect_status(201);
    let (verified, _) = guess(&app, ATTACKERS[1], ADA).await;
    assert_eq!(verified, 4);
    login_from(&app, ATTACKERS[1], "eve@example.com", PASSWORD).await.expect_status(200);
    let (verified, _) = guess(&app, ATTACKERS[1], ADA).await;
    assert_eq!(verified, 0);
    app.finish().await;
}

async fn deleting_an_account_does_not_reset_its_rate_limit(backend: Backend) {
    let (app, _clock) = behind_a_proxy(backend, 4, 100).await;
    let access = register_from(&app, HOME, ADA, "ada").await.expect_status(201).tokens().access;
    let delete = || {
        let request = app.request(Method::POST, "/auth/me/delete").bearer_auth(&access);
        app.send(request.json(&json!({"password": WRONG})).header("x-forwarded-for", HOME))
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
    let unknown = "nobody@example.com";
    // An IPv6 /64 is one network. An IPv4 address is one network in every notation.
    for n in 1..=4 {
        let answer = login_from(&app, &format!("2001:db8:1:2:{n}::{n}"), unknown, WRONG).await;
        answer.expect_problem(401, "invalid_credentials");
    }
    let same = login_from(&app, "2001:db8:1:2:ffff:ffff:ffff:ffff", unknown, WRONG).await;
    refused_by(same, "login_account_network", 4, 60);
    let next = login_from(&app, "2001:db8:1:3::1", unknown, WRONG).await;
    next.expect_problem(401, "invalid_credentials");
    for address in ["192.0.2.9", "::ffff:192.0.2.9", "192.0.2.9:4711", "[::ffff:c000:209]"] {
        let answer = login_from(&app, address, unknown, WRONG).await;
        answer.expect_problem(401, "invalid_credentials");
    }
    let same = login_from(&app, "192.0.2.9", unknown, WRONG).await;
    refused_by(same, "login_account_network", 4, 60);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_calls_redis_once_and_stores_no_identifier() {
    let (app, _clock) = behind_a_proxy(Backend::Postgres, 4, 100).await;
    register_from(&app, HOME, ADA, "ada_l").await.expect_status(201);
    login_from(&app, HOME, ADA, PASSWORD).await.expect_status(200);
    login_from(&app, HOME, "ada_l", WRONG).await.expect_status(401);
    let redis = app.redis.as_ref().expect("Redis");
    let keys = redis.command("KEYS {watchword}:limit:*").await.expect("keys");
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

/// Refresh until the rate limit. Return the number of successful refreshes.
async fn refresh_to_the_limit(http: Http, mut token: String, done: &AtomicUsize) -> usize {
    for refreshed in 0..1000 {
        let answer = http.refresh(&token).await;
        if answer.status == 429 {
            return refreshed;
        }
        token = answer.expect_status(200).tokens().refresh;
        done.fetch_add(1, Ordering::Relaxed);
    }
    panic!("a thousand refreshes without a rate limit");
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
            settings.limits.refresh.count = REFRESHES;
            settings.limits.login.count = 12;
        })
        .spawn()
        .await;
    let mut tokens = Vec::new();
    for n in 0..SESSIONS {
        tokens.push(app.registered(&format!("ada{n}@example.com")).await.tokens().refresh);
    }
    let (http, done) = (app.http(), AtomicUsize::new(0));
    let refreshes = join_all(tokens.into_iter().map(|token| refresh_to_the_limit(http.clone(), token, &done)));
    let guesses = async {
        let mut verified = 0;
        for n in 0..60 {
            let answer = http.login(&format!("nobody{n}@example.com"), WRONG).await;
            match answer.status.as_u16() {
                401 => verified += 1,
                status => assert_eq!(status, 429, "{}", answer.text),
            }
        }
        verified
    };
    let kill = async {
        while done.load(Ordering::Relaxed) < SESSIONS * REFRESHES as usize / 2 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        app.redis.as_mut().expect("Redis").kill();
        done.load(Ordering::Relaxed)
    };
    let (refreshed, verified, killed_at) = tokio::join!(refreshes, guesses, kill);
    assert!(killed_at < SESSIONS * REFRESHES as usize, "Redis died too late");
    // The process counts too, so that no client gets a second quota.
    assert_eq!(refreshed, [REFRESHES as usize; SESSIONS]);
    assert_eq!(verified, 12);
    assert!(app.metric("watchword_limit_fallbacks_total", "").await > 0.0);
    app.finish().await;
}
