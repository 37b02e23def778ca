//! A missing permission is reported at once, with its subject and user, and not as a timeout.

use std::time::{Duration, Instant};

use secrecy::SecretString;
use watchword::jetstream::{NatsError, ProbeError, StreamAdmin, StreamFault, StreamState};

use super::shipped;
use crate::relay::rig::{Rig, TIMEOUT, marks};
use crate::support::binary::{BinaryOptions, run};
use crate::support::database::Backend;
use crate::support::nats::NatsServer;
use crate::support::nats_users::password;
use crate::support::timing::within_once;
use crate::support::wait::eventually;

/// Shorter than every timeout of a request.
const NO_TIMEOUT: Duration = Duration::from_secs(4);

/// Returns the relay's parts, connected as this user.
async fn rig(nats: &NatsServer, user: &str, inbox: &str) -> Rig {
    let mut rig = Rig::new(Backend::Sqlite, nats).await;
    rig.settings.nats.user = Some(user.to_owned());
    rig.settings.nats.password = Some(SecretString::from(password(user)));
    rig.settings.nats.inbox_prefix = inbox.to_owned();
    rig
}

#[tokio::test]
async fn a_denied_publish_is_reported_for_one_event_and_for_a_batch() {
    for count in [1, 50] {
        within_once(NO_TIMEOUT, async || {
            let nats = shipped().await;
            let rig = rig(&nats, "viewer", "_INBOX_viewer").await;
            let running = rig.start().await;
            running.ready().await;
            rig.record(1, count).await;
            let denied = r#"publish_failures_total{reason="denied"}"#;
            let began = Instant::now();
            eventually(TIMEOUT, || async { running.metrics.render().contains(denied) }).await;
            let took = began.elapsed();
            assert_eq!(rig.database.unpublished().await.expect("count"), i64::from(count));
            assert_eq!(nats.messages("auth-events").await.len(), 0);
            running.stop().await;
            took
        })
        .await;
    }
}

#[tokio::test]
async fn a_denied_stream_request_is_reported() {
    let nats = shipped().await;
    let mut rig = rig(&nats, "welcome-mailer", "_INBOX_welcome-mailer").await;
    // Every user may read the state of the events' own stream.
    rig.settings.stream.name = "others".to_owned();
    let running = rig.start().await;
    let state = running.stream(|stream| matches!(stream, StreamState::Fault(_))).await;
    let subject = "$JS.API.STREAM.INFO.others".to_owned();
    assert_eq!(state, StreamState::Fault(StreamFault::Denied(subject.clone())));
    within_once(NO_TIMEOUT, async || {
        let began = Instant::now();
        let position = running.nats.publisher(marks()).position().await;
        let denied = ProbeError::Denied(subject.clone());
        assert_eq!(position.map(|facts| facts.last_seq), Err(denied));
        began.elapsed()
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn a_denied_inbox_is_reported() {
    let nats = shipped().await;
    let rig = rig(&nats, "publisher", "_INBOX_other").await;
    let running = rig.start().await;
    let state = running.stream(|stream| matches!(stream, StreamState::Fault(_))).await;
    let StreamState::Fault(StreamFault::Denied(subject)) = state else {
        panic!("{state:?}");
    };
    assert!(subject.starts_with("_INBOX_other."), "{subject}");
    running.stop().await;
}

#[tokio::test]
async fn the_stream_command_reports_a_denied_request() {
    let nats = shipped().await;
    let mut rig = rig(&nats, "publisher", "_INBOX_auth").await;
    rig.settings.stream.max_msgs = 7;
    let admin = StreamAdmin::connect(&rig.settings).await.expect("connect");
    let refused = admin.apply().await.expect_err("no right");
    let NatsError::Stream(StreamFault::Denied(subject)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(subject, "$JS.API.STREAM.UPDATE.auth-events");
    let options = BinaryOptions::command(
        &["stream", "apply"],
        &[
            ("NATS_URL", &nats.url()),
            ("WATCHWORD__NATS__USER", "provisioner"),
            ("WATCHWORD__NATS__PASSWORD", &password("provisioner")),
            ("WATCHWORD__NATS__INBOX_PREFIX", "_INBOX_provisioner"),
            ("WATCHWORD__STREAM__MAX_MSGS", "7"),
        ],
    );
    let ended = run(options, "").await;
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.stdout.contains("Updated auth-events:"), "{ended:?}");
}

#[tokio::test]
async fn credentials_in_the_url_are_used() {
    let nats = shipped().await;
    let address = nats.url().replace("nats://", &format!("nats://viewer:{}@", password("viewer")));
    let options = BinaryOptions::command(
        &["stream", "info"],
        &[
            ("NATS_URL", &address),
            ("WATCHWORD__NATS__INBOX_PREFIX", "_INBOX_viewer"),
        ],
    );
    let ended = run(options, "").await;
    assert!(ended.status.success(), "{ended:?}");
}
