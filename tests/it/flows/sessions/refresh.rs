//! Rotation of refresh tokens: one live descendant, the grace for a lost answer, and what reuse does.

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

/// An application with a clock that stands still, and the tokens of a registration.
async fn frozen(backend: Backend) -> (TestApp, TestClock, Tokens) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend).clock(clock.clone()).spawn().await;
    let tokens = app.registered("ada@example.com").await.tokens();
    (app, clock, tokens)
}

/// Refreshes with a token that must be accepted.
async fn rotate(app: &TestApp, tokens: &Tokens) -> Tokens {
    app.refresh(&tokens.refresh).await.expect_status(200).tokens()
}

/// The session is over for whoever holds any of its tokens.
async fn assert_dead(app: &TestApp, tokens: &Tokens) {
    app.refresh(&tokens.refresh)
        .await
        .expect_problem(401, "invalid_refresh_token");
    app.me(&tokens.access).await.expect_problem(401, "invalid_token");
}

async fn parallel_refreshes_of_one_token_have_one_active_successor(backend: Backend) {
    const PARALLEL: usize = 64;
    let (app, _, first) = frozen(backend).await;
    let mut tokens = first.clone();
    let rounds = 3;
    for round in 1..=rounds {
        let answers: Vec<Answer> = join_all((0..PARALLEL).map(|_| app.refresh(&tokens.refresh))).await;
        // Within the grace all of them are the one holder whose answers were lost.
        assert!(
            answers.iter().all(|answer| answer.status == 200),
            "{:?}",
            answers.iter().find(|a| a.status != 200)
        );
        let successors: BTreeSet<String> = answers.iter().map(|answer| answer.tokens().refresh).collect();
        assert_eq!(successors.len(), 1, "one live descendant in round {round}");
        tokens = answers.first().expect("an answer").tokens();
    }
    let names = app.event_names().await;
    assert_eq!(
        names.iter().filter(|name| *name == "token_refreshed").count(),
        rounds,
        "{names:?}"
    );
    assert_eq!(
        app.database
            .count("SELECT max(generation) FROM sessions")
            .await
            .expect("a query"),
        4
    );
    // The first one is a grandparent by now.
    app.refresh(&first.refresh)
        .await
        .expect_problem(401, "invalid_refresh_token");
    assert_dead(&app, &tokens).await;
    app.finish().await;
}

async fn the_previous_token_yields_the_same_successor_within_the_grace_period(backend: Backend) {
    let (app, clock, parent) = frozen(backend).await;
    let successor = rotate(&app, &parent).await;
    clock.advance(Duration::from_secs(9));
    assert_eq!(
        rotate(&app, &parent).await.refresh,
        successor.refresh,
        "the same successor, not a second branch"
    );
    app.me(&successor.access).await.expect_status(200);
    let next = rotate(&app, &successor).await;
    app.me(&next.access).await.expect_status(200);
    assert_eq!(
        app.event_names().await,
        ["registered", "token_refreshed", "token_refreshed"],
        "a repeated answer is no event"
    );
    app.finish().await;
}

async fn the_previous_token_revokes_the_session_after_the_grace_period(backend: Backend) {
    let (app, clock, parent) = frozen(backend).await;
    let successor = rotate(&app, &parent).await;
    clock.advance(Duration::from_secs(11));
    app.refresh(&parent.refresh)
        .await
        .expect_problem(401, "invalid_refresh_token");
    assert_dead(&app, &successor).await;
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
    let parent = rotate(&app, &grandparent).await;
    let live = rotate(&app, &parent).await;
    clock.advance(Duration::from_secs(1));
    app.refresh(&grandparent.refresh)
        .await
        .expect_problem(401, "invalid_refresh_token");
    assert_dead(&app, &live).await;
    assert_dead(&app, &parent).await;
    app.finish().await;
}

/// Nobody keeps anything: not the thief, not the owner; the user's other session goes on.
async fn reuse_revokes_the_access_token_too(backend: Backend) {
    let (app, clock, stolen) = frozen(backend).await;
    let other = app.login("ada@example.com", PASSWORD).await.expect_status(200).tokens();
    let owner = rotate(&app, &stolen).await;
    // The access token is known to this instance and remembered as valid.
    app.me(&owner.access).await.expect_status(200);
    clock.advance(Duration::from_secs(60));
    app.refresh(&stolen.refresh)
        .await
        .expect_problem(401, "invalid_refresh_token");
    app.me(&owner.access).await.expect_problem(401, "invalid_token");
    app.me(&stolen.access).await.expect_problem(401, "invalid_token");
    assert_dead(&app, &owner).await;
    app.me(&other.access).await.expect_status(200);
    let names = app.event_names().await;
    assert_eq!(
        names.iter().filter(|name| *name == "token_reuse_detected").count(),
        1,
        "a dead session is reported once"
    );
    app.finish().await;
}

async fn a_token_can_be_refreshed_after_a_restart(backend: Backend) {
    let (mut app, clock, spent) = frozen(backend).await;
    let live = rotate(&app, &spent).await;
    app.restart(clock.clone()).await;
    app.me(&live.access).await.expect_status(200);
    let next = rotate(&app, &live).await;
    clock.advance(Duration::from_secs(1));
    app.refresh(&spent.refresh)
        .await
        .expect_problem(401, "invalid_refresh_token");
    assert_dead(&app, &next).await;
    app.finish().await;
}

async fn refreshing_cannot_pass_the_absolute_lifetime(backend: Backend) {
    let (app, clock, mut tokens) = frozen(backend).await;
    for day in 1..=29 {
        clock.advance(DAY);
        tokens = rotate(&app, &tokens).await;
        if day % 7 == 0 {
            app.me(&tokens.access).await.expect_status(200);
        }
    }
    let answer = app.refresh(&tokens.refresh).await.expect_status(200);
    assert_eq!(
        answer.json["refreshExpiresIn"],
        DAY.as_secs(),
        "no longer than the session lives"
    );
    clock.advance(DAY);
    app.refresh(&answer.tokens().refresh)
        .await
        .expect_problem(401, "invalid_refresh_token");
    app.me(&answer.tokens().access)
        .await
        .expect_problem(401, "invalid_token");
    app.finish().await;
}

async fn an_idle_session_expires(backend: Backend) {
    let (app, clock, tokens) = frozen(backend).await;
    clock.advance(7 * DAY - Duration::from_secs(1));
    let tokens = rotate(&app, &tokens).await;
    clock.advance(7 * DAY);
    app.refresh(&tokens.refresh)
        .await
        .expect_problem(401, "invalid_refresh_token");
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
    rotate(&app, &tokens).await;
    app.finish().await;
}

async fn a_disabled_user_cannot_refresh(backend: Backend) {
    let (app, clock, tokens) = frozen(backend).await;
    app.me(&tokens.access).await.expect_status(200);
    app.database
        .execute("UPDATE users SET status = 'disabled'")
        .await
        .expect("disable the account");
    app.refresh(&tokens.refresh)
        .await
        .expect_problem(401, "invalid_refresh_token");
    // Done behind the service's back: what it remembers may be one second old.
    clock.advance(Duration::from_millis(1001));
    eventually(Duration::from_secs(60), || async {
        app.me(&tokens.access).await.status == 401
    })
    .await;
    app.finish().await;
}
