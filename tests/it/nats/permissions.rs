//! Tries every operation as every user: users with the permission succeed, and all others are
//! refused.

use async_nats::Client;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use super::shipped;
use crate::relay::rig::TIMEOUT;
use crate::support::nats::NatsServer;
use crate::support::nats_users::{connect, durables, inbox, users};

/// An operation, and the users who have permission for it.
struct Permission {
    verb: Verb,
    subject: String,
    users_allowed: Vec<String>,
}

/// The server refuses this as invalid JSON. A body that does not look like JSON would count as an
/// empty request, and purge the stream.
const INVALID_REQUEST: &str = "{no request";

#[derive(Clone, Copy, Debug)]
enum Verb {
    Publish,
    Subscribe,
}

/// Subjects of events and of requests to the JetStream API.
const PUBLISH: &[(&str, &[&str])] = &[
    ("auth.user.logged_in", &["publisher"]),
    ("auth.user.registered", &["publisher"]),
    ("auth.custom.playlist_shared", &["publisher"]),
    ("auth.system.rate_limited", &["publisher"]),
    ("auth.org.created", &[]),
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
            // The users of durables.
            "clickhouse-analytics",
            "dynamodb-lookup",
            "postgres-audit",
            "security-monitor",
            "tasks-service",
            "welcome-mailer",
        ],
    ),
    ("$JS.API.STREAM.INFO.auth-events-dlq", &["provisioner", "viewer", "operator"]),
    ("$JS.API.STREAM.CREATE.auth-events", &["provisioner", "operator"]),
    ("$JS.API.STREAM.CREATE.auth-events-dlq", &["provisioner", "operator"]),
    (
        "$JS.API.STREAM.INFO.auth-events-replays",
        &["publisher", "provisioner", "viewer", "operator"],
    ),
    ("$JS.API.STREAM.CREATE.auth-events-replays", &["provisioner", "operator"]),
    ("$JS.API.STREAM.DELETE.auth-events-replays", &["operator"]),
    ("$JS.API.CONSUMER.CREATE.auth-events-replays.own", &["operator"]),
    ("$JS.API.CONSUMER.MSG.NEXT.auth-events-replays.own", &["operator"]),
    ("$JS.API.CONSUMER.DELETE.auth-events-replays.own", &["operator"]),
    ("$JS.API.STREAM.CREATE.other", &["operator"]),
    ("$JS.API.STREAM.UPDATE.auth-events", &["provisioner", "operator"]),
    ("$JS.API.STREAM.DELETE.auth-events", &["operator"]),
    ("$JS.API.STREAM.DELETE.auth-events-dlq", &["operator"]),
    ("$JS.API.STREAM.PURGE.auth-events", &["operator"]),
    ("$JS.API.STREAM.SNAPSHOT.auth-events", &["operator"]),
    ("$JS.API.STREAM.RESTORE.auth-events", &["operator"]),
    ("$JS.API.STREAM.MSG.DELETE.auth-events", &["operator"]),
    ("$JS.API.STREAM.MSG.GET.auth-events", &["publisher", "viewer", "operator"]),
    ("$JS.API.STREAM.MSG.GET.auth-events-replays", &["publisher", "viewer", "operator"]),
    ("$JS.API.DIRECT.GET.auth-events", &["viewer", "operator"]),
    ("$JS.API.DIRECT.GET.auth-events.auth.user.registered", &["viewer", "operator"]),
    ("$JS.API.STREAM.MSG.GET.auth-events-dlq", &["viewer", "operator"]),
    ("$JS.API.CONSUMER.LIST.auth-events", &["publisher", "viewer", "operator"]),
    ("$JS.API.CONSUMER.NAMES.auth-events", &["viewer", "operator"]),
    // An ephemeral consumer. Without a name in the subject, the request could name any consumer.
    (
        "$JS.API.CONSUMER.CREATE.auth-events.own",
        &["provisioner", "tail", "verify-offline", "operator"],
    ),
    ("$JS.API.CONSUMER.MSG.NEXT.auth-events.own", &["tail", "verify-offline", "operator"]),
    ("$JS.API.CONSUMER.DELETE.auth-events.own", &["operator"]),
    ("$JS.API.CONSUMER.CREATE.auth-events", &["operator"]),
    ("$JS.API.CONSUMER.CREATE.auth-events-dlq.own", &["operator"]),
];

/// Subjects about a durable, the users with permission, and whether the durable's own user has it.
/// `*` is the durable's name.
const DURABLE: &[(&str, &[&str], bool)] = &[
    ("$JS.API.CONSUMER.INFO.auth-events.*", &["provisioner", "viewer", "operator"], true),
    ("$JS.API.CONSUMER.MSG.NEXT.auth-events.*", &["operator"], true),
    ("$JS.ACK.auth-events.*.1.1.1.1795341600000000000.0", &["operator"], true),
    ("$JS.ACK._.account.auth-events.*.1.1.1.1795341600000000000.0.random", &["operator"], true),
    ("auth.dlq.*", &[], true),
    ("$JS.API.CONSUMER.CREATE.auth-events.*", &["provisioner", "operator"], false),
    (
        "$JS.API.CONSUMER.CREATE.auth-events.*.auth.user.registered",
        &["provisioner", "operator"],
        false,
    ),
    ("$JS.API.CONSUMER.DURABLE.CREATE.auth-events.*", &["operator"], false),
    ("$JS.API.CONSUMER.DELETE.auth-events.*", &["operator"], false),
    ("$JS.API.CONSUMER.PAUSE.auth-events.*", &["operator"], false),
    ("$JS.API.CONSUMER.RESET.auth-events.*", &["operator"], true),
];

/// Subjects of subscriptions.
const SUBSCRIBE: &[(&str, &[&str])] = &[
    (">", &[]),
    ("_INBOX.>", &[]),
    ("auth.>", &[]),
    ("auth.user.*", &[]),
    ("auth.custom.*", &[]),
    ("auth.system.*", &[]),
    ("auth.dlq.*", &[]),
    ("$JS.API.>", &[]),
    ("$JS.ACK.>", &[]),
    ("$JS.EVENT.>", &["operator"]),
];

#[tokio::test]
async fn every_nats_user_has_exactly_its_permissions() {
    let nats = shipped().await;
    let users: Vec<String> = users().into_iter().map(|user| user.name).collect();
    let permissions = permissions(&users);
    let mut wrong = Vec::new();
    for user in &users {
        let (client, mut errors) = connect(&nats, user).await;
        for (number, permission) in permissions.iter().enumerate() {
            let is_allowed = permission.users_allowed.contains(user);
            let succeeded = try_operation(&client, &mut errors, permission, number).await;
            if is_allowed != succeeded {
                let (verb, subject) = (permission.verb, &permission.subject);
                wrong.push(format!("{user} {verb:?} {subject}: allowed {is_allowed}, succeeded {succeeded}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_no_request_took_effect(&nats).await;
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

/// Returns all operations.
fn permissions(users: &[String]) -> Vec<Permission> {
    let permission = |verb, subject: String, users_allowed: &[&str]| Permission {
        verb,
        subject,
        users_allowed: users_allowed.iter().map(ToString::to_string).collect(),
    };
    let mut permissions: Vec<Permission> = Vec::new();
    for (subject, users_allowed) in PUBLISH {
        permissions.push(permission(Verb::Publish, (*subject).to_owned(), users_allowed));
    }
    for durable in durables() {
        for (subject, users_allowed, owner) in DURABLE {
            let mut permission = permission(Verb::Publish, subject.replace('*', &durable), users_allowed);
            permission.users_allowed.extend(owner.then(|| durable.clone()));
            permissions.push(permission);
        }
    }
    for (subject, users_allowed) in SUBSCRIBE {
        permissions.push(permission(Verb::Subscribe, (*subject).to_owned(), users_allowed));
    }
    for user in users {
        permissions.push(permission(Verb::Subscribe, format!("{}.>", inbox(user)), &[user]));
    }
    permissions
}

/// Whether the server allows the operation.
///
/// The server does not confirm what it allows. Therefore a forbidden operation follows: errors
/// arrive in order. The operation itself has no effect, because its request is invalid.
async fn try_operation(
    client: &Client,
    errors: &mut UnboundedReceiver<String>,
    permission: &Permission,
    number: usize,
) -> bool {
    let marker = format!("marker.{number}");
    let subscription = match permission.verb {
        Verb::Publish => {
            let sent = client.publish(permission.subject.clone(), INVALID_REQUEST.into()).await;
            sent.map(|()| None).expect("send")
        }
        Verb::Subscribe => Some(client.subscribe(permission.subject.clone()).await.expect("send")),
    };
    client.publish(marker.clone(), "".into()).await.expect("send");
    let mut succeeded = true;
    loop {
        let error = timeout(TIMEOUT, errors.recv()).await.expect("an error about the marker");
        let error = error.expect("a connection").to_lowercase();
        if error.contains(&format!("\"{marker}\"")) {
            break;
        }
        let subject = permission.subject.to_lowercase();
        assert!(error.contains(&format!("\"{subject}\"")), "{error}");
        succeeded = false;
    }
    drop(subscription);
    succeeded
}

/// Checks that the stream has the publisher's events, that there is one dead letter for each
/// durable, and that no stream or consumer was deleted.
async fn assert_no_request_took_effect(nats: &NatsServer) {
    assert_eq!(nats.messages("auth-events").await.len(), 4);
    assert_eq!(nats.messages("auth-events-dlq").await.len(), durables().len());
    let stream = nats.jetstream().await.get_stream("auth-events").await.expect("the stream");
    let left = stream.cached_info().state.consumer_count;
    assert_eq!(left, durables().len());
}
