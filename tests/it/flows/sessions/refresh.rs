//! Rotation of refresh tokens: one active successor, the grace period, and reuse.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::{Answer, Tokens};
use crate::support::wait::eventually;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

flow_tests! {
    parallel_refreshes_of_one_token_have_one_active_successor,
    the_previous_token_yields_the_same_successor_within_the_grace_period,
    the_previous_token_revokes_the_session_after_the_grace_period,
    an_older_token_revokes_the_session_at_once,
    reuse_revokes_the_access_token_too,
    a_token_can_be_refreshed_after_a_restart,
    refreshing_cannot_pass_the_absolute_lifetime,
    an_idle_session_expires,
    forged_refresh_tokens_are_refused,
    a_disabled_user_cannot_refresh,
}

/// An application with a frozen clock, and the tokens of a registration.
async fn frozen(backend: Backend) -> (TestApp, TestClock, Tokens) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend).clock(clock.clone()).spawn().await;
    let tokens = app.registered("ada@example.com").await.tokens();
    (app, clock, tokens)
}

async fn refresh(app: &TestApp, tokens: &Tokens) -> Tokens {
    app.refresh(&tokens.refresh).await.expect_status(200).tokens()
}

/// Assert that both tokens are refused.
async fn assert_revoked(app: &TestApp, tokens: &Tokens) {
    app.refresh(&tokens.refresh).await.expect_problem(401, "invalid_refresh_token");
    app.me(&tokens.access).await.expect_problem(401, "invalid_token");
}

async fn parallel_refreshes_of_one_token_have_one_active_successor(backend: Backend) {
    const PARALLEL: usize = 64;
    let (app, _, first) = frozen(backend).await;
    let mut tokens = first.clone();
    let rounds = 3;
    for round in 1..=rounds {
        let answers: Vec<Answer> = join_all((0..PARALLEL).map(|_| app.refresh(&tokens.refresh))).await;
        // Within the grace period, all requests are retries.
        assert!(
            answers.iter().all(|answer| answer.status == 200),
            "{:?}",
            answers.iter().find(|a| a.status != 200)
        );
        let successors: BTreeSet<String> = answers.iter().map(|answer| answer.tokens().refresh).collect();
        assert_eq!(successors.len(), 1, "several successors in round {round}");
        tokens = answers.first().expect("an answer").tokens();
    }
    let names = app.event_names().await;
    assert_eq!(names.iter().filter(|name| *name == "token_refreshed").count(), rounds, "{names:?}");
    assert_eq!(app.database.count("SELECT max(generation) FROM sessions").await.expect("a query"), 4);
    // The first token is older than the previous one.
    app.refresh(&first.refresh).await.expect_problem(401, "invalid_refresh_token");
    assert_revoked(&app, &tokens).await;
    app.finish().await;
}

async fn the_previous_token_yields_the_same_successor_within_the_grace_period(backend: Backend) {
    let (app, clock, parent) = frozen(backend).await;
    let successor = refresh(&app, &parent).await;
    clock.advance(Duration::from_secs(9));
    assert_eq!(
        refresh(&app, &parent).await.refresh,
        successor.refresh,
        "the retry returned another successor"
    );
    app.me(&successor.access).await.expect_status(200);
    let next = refresh(&app, &successor).await;
    app.me(&next.access).await.expect_status(200);
    assert_eq!(
        app.event_names().await,
        ["registered", "token_refreshed", "token_refreshed"],
        "a retry records no event"
    );
    app.finish().await;
}

async fn the_previous_token_revokes_the_session_after_the_grace_period(backend: Backend) {
    let (app, clock, parent) = frozen(backend).await;
    let successor = refresh(&app, &parent).await;
    clock.advance(Duration::from_secs(11));
    app.refresh(&parent.refresh).await.expect_problem(401, "invalid_refresh_token");
    assert_revoked(&app, &successor).await;
    let events = app.events().await;
    let reuse = events.last().expect("an event");
    assert_eq!(reuse.subject, "auth.user.token_reuse_detected");
    assert_eq!(reuse.payload["data"]["presentedGeneration"], 1);
    assert_eq!(reuse.payload["data"]["currentGeneration"], 2);
    assert_eq!(reuse.payload["data"]["sessionId"], parent.session());
    app.finish().await;
}

async fn an_older_token_revokes_the_session_at_once(backend: Backend) {
    let (app, clock, grandparent) = frozen(backend).await;
    let parent = refresh(&app, &grandparent).await;
    let current = refresh(&app, &parent).await;
    clock.advance(Duration::from_secs(1));
    app.refresh(&grandparent.refresh).await.expect_problem(401, "invalid_refresh_token");
    assert_revoked(&app, &current).await;
    assert_revoked(&app, &parent).await;
    app.finish().await;
}

/// Reuse revokes the tokens of the attacker and of the owner. Other sessions stay active.
async fn reuse_revokes_the_access_token_too(backend: Backend) {
    let (app, clock, stolen) = frozen(backend).await;
    let other = app.login("ada@example.com", PASSWORD).await.expect_status(200).tokens();
    let owner = refresh(&app, &stolen).await;
    // Put the session into the session cache.
    app.me(&owner.access).await.expect_status(200);
    clock.advance(Duration::from_secs(60));
    app.refresh(&stolen.refresh).await.expect_problem(401, "invalid_refresh_token");
    app.me(&owner.access).await.expect_problem(401, "invalid_token");
    app.me(&stolen.access).await.expect_problem(401, "invalid_token");
    assert_revoked(&app, &owner).await;
    app.me(&other.access).await.expect_status(200);
    let names = app.event_names().await;
    assert_eq!(
        names.iter().filter(|name| *name == "token_reuse_detected").count(),
        1,
        "reuse in a revoked session is reported once"
    );
    app.finish().await;
}

async fn a_token_can_be_refreshed_after_a_restart(backend: Backend) {
    let (mut app, clock, used) = frozen(backend).await;
    let current = refresh(&app, &used).await;
    app.restart(clock.clone()).await;
    app.me(&current.access).await.expect_status(200);
    let next = refresh(&app, &current).await;
    clock.advance(Duration::from_secs(1));
    app.refresh(&used.refresh).await.expect_problem(401, "invalid_refresh_token");
    assert_revoked(&app, &next).await;
    app.finish().await;
}

async fn refreshing_cannot_pass_the_absolute_lifetime(backend: Backend) {
    let (app, clock, mut tokens) = frozen(backend).await;
    for day in 1..=29 {
        clock.advance(DAY);
        tokens = refresh(&app, &tokens).await;
        if day % 7 == 0 {
            app.me(&tokens.access).await.expect_status(200);
        }
    }
    let answer = app.refresh(&tokens.refresh).await.expect_status(200);
    assert_eq!(
        answer.json["refreshExpiresIn"],
        DAY.as_secs(),
        "not longer than the lifetime of the session"
    );
    clock.advance(DAY);
    app.refresh(&answer.tokens().refresh).await.expect_problem(401, "invalid_refresh_token");
    app.me(&answer.tokens().access).await.expect_problem(401, "invalid_token");
    app.finish().await;
}

async fn an_idle_session_expires(backend: Backend) {
    let (app, clock, tokens) = frozen(backend).await;
    clock.advance(7 * DAY - Duration::from_secs(1));
    let tokens = refresh(&app, &tokens).await;
    clock.advance(7 * DAY);
    app.refresh(&tokens.refresh).await.expect_problem(401, "invalid_refresh_token");
    app.finish().await;
}

async fn forged_refresh_tokens_are_refused(backend: Backend) {
    let (app, _, tokens) = frozen(backend).await;
    let other = app.registered("bob@example.com").await.tokens();
    let (start, end) = tokens.refresh.split_at(tokens.refresh.len() - 8);
    let flipped: String = end.chars().map(|c| if c == 'A' { 'B' } else { 'A' }).collect();
    let with_tail_of_other = format!("{start}{}", &other.refresh[start.len()..]);
    let forged = [
        format!("{start}{flipped}"),
        with_tail_of_other,
        start.to_owned(),
        format!("{}A", tokens.refresh),
        tokens.refresh.replacen("wrt_", "", 1),
        "wrt_".to_owned(),
        tokens.access.clone(),
        "../../etc/passwd".to_owned(),
    ];
    for token in forged {
        app.refresh(&token).await.expect_problem(401, "invalid_refresh_token");
    }
    app.me(&tokens.refresh).await.expect_problem(401, "invalid_token");
    refresh(&app, &tokens).await;
    app.finish().await;
}

async fn a_disabled_user_cannot_refresh(backend: Backend) {
    let (app, clock, tokens) = frozen(backend).await;
    app.me(&tokens.access).await.expect_status(200);
    app.database
        .execute("UPDATE users SET status = 'disabled'")
        .await
        .expect("disable the account");
    app.refresh(&tokens.refresh).await.expect_problem(401, "invalid_refresh_token");
    // The service did not make this change, so the session cache must expire first.
    clock.advance(Duration::from_millis(1001));
    eventually(Duration::from_secs(60), || async { app.me(&tokens.access).await.status == 401 }).await;
    app.finish().await;
}
