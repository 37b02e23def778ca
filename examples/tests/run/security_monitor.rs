use std::time::Duration;

use sqlx::SqlitePool;
use watchword_events::{
    AuthMethod, IdentifierHash, LoggedIn, LoginFailed, LoginFailedReason, LoginMethod, ReuseAction, TokenReuseDetected,
};

use crate::example::{Account, Example, START, caught_up, delete_durable};
use crate::support::{NatsServer, create_stream};

const DURABLE: &str = "security-monitor";

fn failure() -> LoginFailed {
    LoginFailed {
        identifier_hash: IdentifierHash::from_mac([7; 32]),
        reason: LoginFailedReason::WrongPassword,
        ip: "192.0.2.7".parse().ok(),
        user_agent: None,
    }
}

fn success() -> LoggedIn {
    LoggedIn {
        session_id: uuid::Uuid::from_u128(1),
        email: None,
        ip: "192.0.2.7".parse().ok(),
        user_agent: None,
        method: LoginMethod::Password,
        amr: vec![AuthMethod::Pwd],
        expires_at: START + Duration::from_secs(30 * 86_400),
        idle_expires_at: START + Duration::from_secs(7 * 86_400),
    }
}

fn stolen() -> TokenReuseDetected {
    TokenReuseDetected {
        session_id: uuid::Uuid::from_u128(1),
        presented_generation: 1,
        current_generation: 2,
        action: ReuseAction::SessionRevoked,
        ended_session_ids: vec![uuid::Uuid::from_u128(1)],
    }
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[tokio::test]
async fn a_success_after_three_recent_failures_raises_one_alert() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    let [mut ada, mut bob, mut eve] = [1, 2, 3].map(|number| Account::new(&context, number));
    let directory = tempfile::tempdir().unwrap();
    let memory = directory.path().join("memory.db").display().to_string();
    let example = Example::new("security_monitor", &server).set("SECURITY_MONITOR_DB", &memory);
    let monitor = example.start();
    for minute in 0..3 {
        ada.publish(failure(), minutes(minute)).await;
        // Long before the success.
        eve.publish(failure(), minutes(minute)).await;
    }
    // Two failures before each success, which resets the count.
    for minute in [0, 1, 3, 4] {
        bob.publish(failure(), minutes(minute)).await;
        if minute % 3 == 1 {
            bob.publish(success(), minutes(minute + 1)).await;
        }
    }
    eve.publish(success(), minutes(20)).await;
    caught_up(&stream, DURABLE, 13).await;
    monitor.stop().await; // without output

    // Failures survive a restart.
    let mut monitor = example.start();
    ada.publish(success(), minutes(3)).await;
    let alert = format!("ALERT 2026-03-01 12:03:00.0 +00:00:00 {}: logged in after 3 failures", ada.id);
    assert_eq!(monitor.line().await, alert);
    ada.publish(stolen(), minutes(4)).await;
    let alert = format!("ALERT 2026-03-01 12:04:00.0 +00:00:00 {}: a refresh token was used twice", ada.id);
    assert_eq!(monitor.line().await, alert);
    // Failures before the last success do not count.
    ada.publish(failure(), minutes(4)).await;
    ada.publish(success(), minutes(5)).await;
    caught_up(&stream, DURABLE, 4).await;
    monitor.stop().await;

    delete_durable(&stream, DURABLE).await;
    let monitor = example.start();
    caught_up(&stream, DURABLE, 17).await;
    monitor.stop().await; // no second alert

    // An event that was delivered twice counts once.
    bob.publish(failure(), minutes(6)).await;
    bob.publish(failure(), minutes(6)).await;
    bob.publish(failure(), minutes(7)).await;
    bob.publish(success(), minutes(8)).await;
    let mut monitor = example.start();
    let line = monitor.line().await;
    assert!(line.contains(&format!("{}: logged in after 3 failures", bob.id)), "{line}");
    monitor.stop().await;
    // Old failures are deleted at a success.
    let memory = SqlitePool::connect(&format!("sqlite://{memory}")).await.unwrap();
    let of_eve = "SELECT COUNT(*) FROM logins WHERE user_id = ?";
    let of_eve: i64 = sqlx::query_scalar(of_eve).bind(eve.id.to_string()).fetch_one(&memory).await.unwrap();
    assert_eq!(of_eve, 1);
}
