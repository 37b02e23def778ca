//! Every right, tried by every user: who has it may, and nobody else may.

use async_nats::Client;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use super::shipped;
use crate::relay::rig::SOON;
use crate::support::nats::NatsServer;
use crate::support::nats_users::{connect, durables, inbox, users};

/// An operation, what it is asked with, and who may.
struct Right {
    verb: Verb,
    subject: String,
    who: Vec<String>,
}

/// The server refuses this as broken JSON. (What does not look like JSON it takes for an empty request, and purges.)
const NO_REQUEST: &str = "{no request";

#[derive(Clone, Copy, Debug)]
enum Verb {
    Publish,
    Subscribe,
}

/// What is published, or asked of the JetStream API, in general.
const PUBLISH: &[(&str, &[&str])] = &[
    ("auth.user.logged_in", &["publisher"]),
    ("auth.user.registered", &["publisher"]),
    ("auth.replay.monday.logged_in", &["publisher"]),
    ("auth.dlq.someone", &[]),
    ("somewhere.else", &[]),
    ("$SYS.REQ.SERVER.PING", &[]),
    ("_INBOX_auth.forged-answer", &[]),
    ("$JS.API.INFO", &["provisioner", "viewer", "operator"]),
    ("$JS.API.STREAM.LIST", &["viewer", "operator"]),
    ("$JS.API.STREAM.NAMES", &["provisioner", "viewer", "operator"]),
    (
        "$JS.API.STREAM.INFO.auth-events",
        &[
            "publisher",
            "provisioner",
            "tail",
            "verify-offline",
            "viewer",
            "operator",
        ],
    ),
    (
        "$JS.API.STREAM.INFO.auth-events-dlq",
        &["provisioner", "viewer", "operator"],
    ),
    ("$JS.API.STREAM.CREATE.auth-events", &["provisioner", "operator"]),
    ("$JS.API.STREAM.CREATE.auth-events-dlq", &["provisioner", "operator"]),
    (
        "$JS.API.STREAM.INFO.auth-events-replays",
        &["publisher", "provisioner", "viewer", "operator"],
    ),
    (
        "$JS.API.STREAM.CREATE.auth-events-replays",
        &["provisioner", "operator"],
    ),
    ("$JS.API.STREAM.DELETE.auth-events-replays", &["operator"]),
    (
        "$JS.API.CONSUMER.CREATE.auth-events-replays.own",
        &["publisher", "operator"],
    ),
    (
        "$JS.API.CONSUMER.MSG.NEXT.auth-events-replays.own",
        &["publisher", "operator"],
    ),
    (
        "$JS.API.CONSUMER.DELETE.auth-events-replays.own",
        &["publisher", "operator"],
    ),
    ("$JS.API.STREAM.CREATE.other", &["operator"]),
    ("$JS.API.STREAM.UPDATE.auth-events", &["provisioner", "operator"]),
    ("$JS.API.STREAM.DELETE.auth-events", &["operator"]),
    ("$JS.API.STREAM.DELETE.auth-events-dlq", &["operator"]),
    ("$JS.API.STREAM.PURGE.auth-events", &["operator"]),
    ("$JS.API.STREAM.SNAPSHOT.auth-events", &["operator"]),
    ("$JS.API.STREAM.RESTORE.auth-events", &["operator"]),
    ("$JS.API.STREAM.MSG.DELETE.auth-events", &["operator"]),
    (
        "$JS.API.STREAM.MSG.GET.auth-events",
        &["publisher", "viewer", "operator"],
    ),
    ("$JS.API.DIRECT.GET.auth-events", &["publisher", "viewer", "operator"]),
    (
        "$JS.API.DIRECT.GET.auth-events.auth.user.registered",
        &["viewer", "operator"],
    ),
    ("$JS.API.STREAM.MSG.GET.auth-events-dlq", &["viewer", "operator"]),
    (
        "$JS.API.CONSUMER.LIST.auth-events",
        &["publisher", "viewer", "operator"],
    ),
    ("$JS.API.CONSUMER.NAMES.auth-events", &["viewer", "operator"]),
    // A consumer of somebody's own. Without a name in the subject the request could be about any consumer.
    (
        "$JS.API.CONSUMER.CREATE.auth-events.own",
        &["provisioner", "tail", "verify-offline", "operator"],
    ),
    (
        "$JS.API.CONSUMER.MSG.NEXT.auth-events.own",
        &["tail", "verify-offline", "operator"],
    ),
    ("$JS.API.CONSUMER.DELETE.auth-events.own", &["operator"]),
    ("$JS.API.CONSUMER.CREATE.auth-events", &["operator"]),
    ("$JS.API.CONSUMER.CREATE.auth-events-dlq.own", &["operator"]),
];

/// What is done to a durable: who else may, and whether its own user may. `*` is the durable's name.
const DURABLE: &[(&str, &[&str], bool)] = &[
    (
        "$JS.API.CONSUMER.INFO.auth-events.*",
        &["provisioner", "viewer", "operator"],
        true,
    ),
    ("$JS.API.CONSUMER.MSG.NEXT.auth-events.*", &["operator"], true),
    ("$JS.ACK.auth-events.*.1.1.1.1795341600000000000.0", &["operator"], true),
    (
        "$JS.ACK._.account.auth-events.*.1.1.1.1795341600000000000.0.random",
        &["operator"],
        true,
    ),
    ("auth.dlq.*", &[], true),
    (
        "$JS.API.CONSUMER.CREATE.auth-events.*",
        &["provisioner", "operator"],
        false,
    ),
    (
        "$JS.API.CONSUMER.CREATE.auth-events.*.auth.user.registered",
        &["provisioner", "operator"],
        false,
    ),
    ("$JS.API.CONSUMER.DURABLE.CREATE.auth-events.*", &["operator"], false),
    ("$JS.API.CONSUMER.DELETE.auth-events.*", &["operator"], false),
    ("$JS.API.CONSUMER.PAUSE.auth-events.*", &["operator"], false),
    ("$JS.API.CONSUMER.RESET.auth-events.*", &["operator"], false),
];

/// What is listened to.
const SUBSCRIBE: &[(&str, &[&str])] = &[
    (">", &[]),
    ("_INBOX.>", &[]),
    ("auth.>", &[]),
    ("auth.user.*", &[]),
    ("auth.dlq.*", &[]),
    ("$JS.API.>", &[]),
    ("$JS.ACK.>", &[]),
    ("$JS.EVENT.>", &["operator"]),
];

#[tokio::test]
async fn every_nats_user_has_exactly_its_rights() {
    let nats = shipped().await;
    let users: Vec<String> = users().into_iter().map(|user| user.name).collect();
    let rights = rights(&users);
    let mut wrong = Vec::new();
    for user in &users {
        let (client, mut complaints) = connect(&nats, user).await;
        for (number, right) in rights.iter().enumerate() {
            let may = right.who.contains(user);
            let could = try_it(&client, &mut complaints, right, number).await;
            if may != could {
                let (verb, subject) = (right.verb, &right.subject);
                wrong.push(format!("{user} {verb:?} {subject}: may {may}, could {could}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    nothing_has_happened(&nats).await;
}

#[tokio::test]
async fn connections_without_a_password_are_refused() {
    let nats = shipped().await;
    assert!(async_nats::connect(nats.url()).await.is_err());
    let wrong = async_nats::ConnectOptions::with_user_and_password("publisher".into(), "wrong".into());
    assert!(wrong.connect(nats.url()).await.is_err());
}

#[test]
fn every_durable_has_a_user_of_its_name() {
    let users: Vec<String> = users().into_iter().map(|user| user.name).collect();
    for durable in durables() {
        assert!(users.contains(&durable), "{durable}");
    }
    for needed in [
        "publisher",
        "provisioner",
        "tail",
        "verify-offline",
        "viewer",
        "operator",
    ] {
        assert!(users.contains(&needed.to_owned()), "{needed}");
    }
}

/// The whole table.
fn rights(users: &[String]) -> Vec<Right> {
    let right = |verb, subject: String, who: &[&str]| Right {
        verb,
        subject,
        who: who.iter().map(ToString::to_string).collect(),
    };
    let mut rights: Vec<Right> = Vec::new();
    for (subject, who) in PUBLISH {
        rights.push(right(Verb::Publish, (*subject).to_owned(), who));
    }
    for durable in durables() {
        for (subject, who, owner) in DURABLE {
            let mut right = right(Verb::Publish, subject.replace('*', &durable), who);
            right.who.extend(owner.then(|| durable.clone()));
            rights.push(right);
        }
    }
    for (subject, who) in SUBSCRIBE {
        rights.push(right(Verb::Subscribe, (*subject).to_owned(), who));
    }
    for user in users {
        rights.push(right(Verb::Subscribe, format!("{}.>", inbox(user)), &[user]));
    }
    rights
}

/// Whether the server lets the user do it.
///
/// The server says nothing about what it allows, so something it always refuses is done afterwards: complaints come in the
/// order of their causes. Nothing that is asked for is done, since the request cannot be read.
async fn try_it(client: &Client, complaints: &mut UnboundedReceiver<String>, right: &Right, number: usize) -> bool {
    let marker = format!("marker.{number}");
    let subscription = match right.verb {
        Verb::Publish => {
            let sent = client.publish(right.subject.clone(), NO_REQUEST.into()).await;
            sent.map(|()| None).expect("send")
        }
        Verb::Subscribe => Some(client.subscribe(right.subject.clone()).await.expect("send")),
    };
    client.publish(marker.clone(), "".into()).await.expect("send");
    let mut could = true;
    loop {
        let complaint = timeout(SOON, complaints.recv()).await.expect("the marker's complaint");
        let complaint = complaint.expect("a connection").to_lowercase();
        if complaint.contains(&format!("\"{marker}\"")) {
            break;
        }
        let subject = right.subject.to_lowercase();
        assert!(complaint.contains(&format!("\"{subject}\"")), "{complaint}");
        could = false;
    }
    drop(subscription);
    could
}

/// The stream has what the publisher published, the dead letters are one for each durable, and everything is still there.
async fn nothing_has_happened(nats: &NatsServer) {
    assert_eq!(nats.messages("auth-events").await.len(), 2);
    assert_eq!(nats.messages("auth-events-dlq").await.len(), durables().len());
    let stream = nats
        .jetstream()
        .await
        .get_stream("auth-events")
        .await
        .expect("the stream");
    let left = stream.cached_info().state.consumer_count;
    assert_eq!(left, durables().len());
}
