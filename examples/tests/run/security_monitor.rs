use std::time::Duration;

use watchword_events::{AuthMethod, IdentifierHash, LoggedIn, LoginFailed, LoginFailedReason, LoginMethod};

use crate::example::{Account, Example, caught_up, forget};
use crate::support::{NatsServer, create_stream};

const DURABLE: &str = "security-monitor";

fn failure() -> LoginFailed {
    LoginFailed {
        identifier_hash: IdentifierHash::from_mac([7; 32]),
        reason: LoginFailedReason::WrongPassword,
        ip: "192.0.2.7".parse().ok(),
        user_agent: None,
        attempts: None,
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
    }
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[tokio::test]
async fn a_success_after_three_recent_failures_is_one_alert() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = create_stream(&context).await;
    let [mut ada, mut bob, mut eve] = [1, 2, 3].map(|number| Account::new(&context, number));
    let example = Example::new("security_monitor", &server);
    let monitor = example.start();
    for minute in 0..3 {
        ada.does(failure(), minutes(minute)).await;
        // Long before the success.
        eve.does(failure(), minutes(minute)).await;
    }
    // Two failures before each success, which forgives them.
    for minute in [0, 1, 3, 4] {
        bob.does(failure(), minutes(minute)).await;
        if minute % 3 == 1 {
            bob.does(success(), minutes(minute + 1)).await;
        }
    }
    eve.does(success(), minutes(20)).await;
    caught_up(&stream, DURABLE, 13).await;
    monitor.stop().await; // and nothing was printed

    // A restart forgets no failure.
    let mut monitor = example.start();
    ada.does(success(), minutes(3)).await;
    let alert = format!(
        "ALERT 2026-03-01 12:03:00.0 +00:00:00 {} logged in from 192.0.2.7 after 3 failures",
        ada.id
    );
    assert_eq!(monitor.line().await, alert);
    // Not what came before the last success.
    ada.does(failure(), minutes(4)).await;
    ada.does(success(), minutes(5)).await;
    caught_up(&stream, DURABLE, 3).await;
    monitor.stop().await;

    forget(&stream, DURABLE).await;
    let monitor = example.start();
    caught_up(&stream, DURABLE, 16).await;
    monitor.stop().await; // no alert again

    // What it has heard twice counts once.
    bob.does(failure(), minutes(6)).await;
    bob.does(failure(), minutes(6)).await;
    bob.does(failure(), minutes(7)).await;
    bob.does(success(), minutes(8)).await;
    let mut monitor = example.start();
    let line = monitor.line().await;
    assert!(
        line.contains(&format!("{} logged in from 192.0.2.7 after 3 failures", bob.id)),
        "{line}"
    );
    monitor.stop().await;
}
