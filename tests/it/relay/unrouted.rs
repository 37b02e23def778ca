//! Events that the stream does not take, or that this user may not publish: they stay in the ledger
//! and never hold up what happened to accounts.

use secrecy::SecretString;
use watchword::jetstream::{StreamAdmin, StreamState, desired};

use super::rig::{Rig, Running};
use crate::support::database::{Backend, LedgerRow};
use crate::support::flow_tests;
use crate::support::nats::{NatsOptions, NatsServer};

flow_tests! {
    a_stream_for_accounts_alone_gets_all_of_them,
    what_the_user_may_not_publish_holds_up_nothing,
}

const USER_EVENTS: &str = "auth.user.*";

/// Records `count` events of two users, custom events and system events, one after the other.
async fn record(rig: &Rig, count: u32) {
    for part in 0..2 {
        rig.record(1, count / 2).await;
        for number in 0..count {
            rig.record_payload(&format!("{{\"{part}\":{number}}}")).await;
        }
    }
    let others = "user_id IS NULL AND subject = 'auth.user.logged_in'";
    rig.execute(&format!(
        "UPDATE events SET subject = 'auth.custom', custom_name = 'shared' WHERE seq % 2 = 0 AND {others}"
    ))
    .await;
    rig.execute(&format!("UPDATE events SET subject = 'auth.system.rate_limited' WHERE {others}"))
        .await;
}

/// Checks that the stream has what happened to users, and that the rest was stepped over and
/// counted.
async fn assert_only_user_events(rig: &Rig, nats: &NatsServer, running: &Running, user_events: usize) {
    let messages = rig.assert_consistent_where(nats, |row| row.subject.starts_with("auth.user.")).await;
    assert_eq!(messages.len(), user_events);
    assert!(messages.iter().all(|message| message.subject == "auth.user.logged_in"));
    let ledger = rig.database.ledger().await.expect("the ledger");
    let count = |subject: &str| ledger.iter().filter(|row| row.subject == subject).count();
    let (custom, system) = (count("auth.custom.shared"), count("auth.system.rate_limited"));
    assert_eq!(custom + system, ledger.len() - user_events);
    assert!(custom > 0 && system > 0);
    let metrics = running.metrics.render();
    for (subject, counted) in [("auth.custom", custom), ("auth.system.rate_limited", system)] {
        let line = format!("watchword_event_unrouted_total{{subject=\"{subject}\"}} {counted}\n");
        assert!(metrics.contains(&line), "no {line} in {metrics}");
    }
}

/// A stream as the predecessors made it. Each run takes both ways of publishing: single events and
/// an atomic batch.
async fn a_stream_for_accounts_alone_gets_all_of_them(backend: Backend) {
    for count in [8, 200] {
        let nats = NatsServer::start().await;
        let rig = Rig::new(backend, &nats).await;
        let mut definition = desired(&rig.settings.stream).expect("the definition");
        definition.subjects = vec![USER_EVENTS.to_owned()];
        nats.jetstream().await.create_stream(definition).await.expect("create the stream");
        record(&rig, count).await;
        let running = rig.start().await;
        let StreamState::Ok(facts) = running.stream(|stream| matches!(stream, StreamState::Ok(_))).await else {
            return;
        };
        let drift: Vec<String> = facts.drift.iter().map(ToString::to_string).collect();
        let expected = |line: &String| line.starts_with("subjects: [\"auth.user.*\"] instead of");
        assert!(matches!(&drift[..], [only] if expected(only)), "{drift:?}");
        let user_events = usize::try_from(count).expect("a count");
        assert_only_user_events(&rig, &nats, &running, user_events).await;
        running.stop().await;

        // From now on the stream takes them. What was stepped over stays in the ledger, for a replay.
        let admin = StreamAdmin::connect(&rig.settings).await.expect("connect");
        admin.apply().await.expect("apply");
        let before = rig.database.ledger().await.expect("the ledger").last().map(|row| row.seq);
        record(&rig, count).await;
        let running = rig.start().await;
        let takes = |row: &LedgerRow| row.subject.starts_with("auth.user.") || Some(row.seq) > before;
        let messages = rig.assert_consistent_where(&nats, takes).await;
        assert_eq!(messages.len(), user_events + 3 * user_events);
        let customs = messages.iter().filter(|message| message.subject == "auth.custom.shared").count();
        assert_eq!(customs, user_events);
        running.stop().await;
    }
}

/// The user of a predecessor's service, on a stream that takes everything.
async fn what_the_user_may_not_publish_holds_up_nothing(backend: Backend) {
    let extra = r#"
authorization {
  users = [
    { user: admin, password: admin }
    { user: auth, password: secret, permissions: {
        publish: ["auth.user.*", "$JS.API.STREAM.INFO.auth-events", "$JS.API.STREAM.MSG.GET.auth-events"]
        subscribe: ["_INBOX_auth.>"]
    } }
  ]
}
no_auth_user: admin
"#;
    for count in [8, 200] {
        let nats = NatsServer::start_with(NatsOptions { extra: extra.to_owned(), ..NatsOptions::default() }).await;
        let mut rig = Rig::new(backend, &nats).await;
        rig.settings.nats.user = Some("auth".to_owned());
        rig.settings.nats.password = Some(SecretString::from("secret"));
        let definition = desired(&rig.settings.stream).expect("the definition");
        nats.jetstream().await.create_stream(definition).await.expect("create the stream");
        record(&rig, count).await;
        let running = rig.start().await;
        assert_only_user_events(&rig, &nats, &running, usize::try_from(count).expect("a count")).await;
        running.stop().await;
    }
}
