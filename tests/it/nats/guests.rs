//! Clients without credentials at the embedded server: they read and acknowledge, and change
//! nothing that the service has.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use async_nats::jetstream::consumer::{PullConsumer, PushConsumer, pull, push};
use async_nats::{Client, ConnectOptions, jetstream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{sleep, timeout};
use watchword_events::subscriber::CancellationToken;
use watchword_events::{HandlerError, Subscriber};

use crate::relay::rig::{STREAM, TIMEOUT};
use crate::support::app::PASSWORD;
use crate::support::binary::{Binary, BinaryOptions, run};
use crate::support::nats::{messages, program};
use crate::support::nats_users::{api, definition, heard};
use crate::support::wait::eventually;

/// What a guest may not publish. The server would refuse the body of a request that it lets pass.
const PUBLISH: &[&str] = &[
    "auth.user.registered",
    "auth.custom.playlist_shared",
    "auth.system.rate_limited",
    "auth.replay.monday.registered",
    "somewhere.else",
    "_INBOX.of-another",
    "_INBOX_auth.of-the-service",
    "$SYS.REQ.SERVER.PING",
    "$JS.API.STREAM.CREATE.auth-events",
    "$JS.API.STREAM.CREATE.other",
    "$JS.API.STREAM.UPDATE.auth-events",
    "$JS.API.STREAM.DELETE.auth-events",
    "$JS.API.STREAM.PURGE.auth-events",
    "$JS.API.STREAM.MSG.DELETE.auth-events",
    "$JS.API.STREAM.SNAPSHOT.auth-events",
    "$JS.API.STREAM.RESTORE.auth-events",
    "$JS.API.STREAM.RESTORE.other",
    "$JS.API.STREAM.PEER.REMOVE.auth-events",
    "$JS.API.STREAM.LEADER.STEPDOWN.auth-events",
    "$JS.API.STREAM.DELETE.auth-events-dlq",
    "$JS.API.CONSUMER.CREATE.auth-events-dlq.own",
    "$JS.API.CONSUMER.CREATE.auth-events-replays.own",
    "$JS.API.CONSUMER.DURABLE.CREATE.auth-events-replays.own",
    "$JS.API.CONSUMER.MSG.NEXT.auth-events-dlq.own",
    "$JS.API.DIRECT.GET.auth-events-dlq",
    "$JS.ACK.auth-events-dlq.own.1.1.1.1795341600000000000.0",
    "$JS.API.ACCOUNT.PURGE.AUTH",
    "$JS.API.SERVER.REMOVE",
    "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.auth-events.own",
];

/// What a guest may not subscribe to: the answers to others and the requests of others.
const SUBSCRIBE: &[&str] = &[
    ">",
    "auth.>",
    "auth.replay.>",
    "$JS.API.>",
    "$JS.ACK.>",
    "$SYS.>",
    "_INBOX_auth.>",
    "_INBOX_operator.>",
];

/// Subjects that would forge an event or destroy the stream, if the server sent something there.
const TARGETS: &[&str] = &[
    "auth.user.role_granted",
    "auth.custom.forged",
    "auth.system.forged",
    "auth.replay.monday.registered",
    "$JS.API.STREAM.PURGE.auth-events",
    "$JS.API.STREAM.DELETE.auth-events",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_cannot_publish_events_or_change_streams() {
    let service = service().await;
    let before = stored(&service).await;
    let (client, mut errors) = guest(&service).await;
    for subject in PUBLISH {
        client.publish(*subject, "{no request".into()).await.expect("send");
    }
    let mut subscriptions = Vec::new();
    for subject in SUBSCRIBE {
        subscriptions.push(client.subscribe(*subject).await.expect("send"));
    }
    let mut left: BTreeSet<&str> = PUBLISH.iter().chain(SUBSCRIBE).copied().collect();
    while !left.is_empty() {
        let error = timeout(TIMEOUT, errors.recv()).await;
        let error = error.unwrap_or_else(|_| panic!("allowed: {left:?}")).expect("a connection");
        let subject = error.split('"').nth(1).expect("a subject");
        assert!(left.remove(subject), "{error}");
    }
    assert_eq!(stored(&service).await, before);
}

/// The server does not check the subject to which it sends an answer or a delivery.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_cannot_have_the_server_forge_an_event() {
    let service = service().await;
    let owner = owner(&service).await;
    let dead_letter = definition("streams", "auth-events-dlq");
    api(&owner, "STREAM.CREATE.auth-events-dlq", &dead_letter).await;
    let before = stored(&service).await;
    let (client, _errors) = guest(&service).await;
    create(&client, "pulled", json!({})).await;
    for target in TARGETS {
        // A message, and after it nothing but the status that the request has expired.
        let next = json!({ "batch": 1, "expires": Duration::from_millis(100).as_nanos() });
        for (request, body) in [
            ("STREAM.INFO.auth-events", Value::Null),
            ("STREAM.MSG.GET.auth-events", json!({ "seq": 1 })),
            ("DIRECT.GET.auth-events", json!({ "seq": 1 })),
            ("CONSUMER.MSG.NEXT.auth-events.pulled", next.clone()),
            ("CONSUMER.MSG.NEXT.auth-events.pulled", next),
        ] {
            let body = if body.is_null() {
                String::new()
            } else {
                body.to_string()
            };
            let subject = format!("$JS.API.{request}");
            client.publish_with_reply(subject, *target, body.into()).await.expect("send");
        }
        client.publish_with_reply("auth.dlq.own", *target, "".into()).await.expect("send");
    }
    // A push consumer delivers where a client listens, and sends heartbeats without a body.
    let mut subscriptions = Vec::new();
    for (number, target) in TARGETS.iter().enumerate() {
        subscriptions.push(client.subscribe(*target).await.expect("send"));
        let heartbeat = Duration::from_millis(100).as_nanos();
        let config = json!({ "deliver_subject": target, "headers_only": true, "idle_heartbeat": heartbeat });
        create(&client, &format!("pushed-{number}"), config).await;
    }
    sleep(Duration::from_secs(2)).await;
    assert_eq!(stored(&service).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_reads_and_acknowledges() {
    let service = service().await;
    let (client, mut errors) = guest(&service).await;
    let jetstream = jetstream::new(client.clone());
    jetstream.query_account().await.expect("the account");
    let names: Vec<String> = jetstream.stream_names().try_collect().await.expect("the names");
    assert_eq!(names, [STREAM]);
    let stream = jetstream.get_stream(STREAM).await.expect("the stream");
    stream.get_raw_message(1).await.expect("a message");
    stream.direct_get(1).await.expect("a message");

    let pull = pull::Config { durable_name: Some("own".into()), ..Default::default() };
    let consumer: PullConsumer = stream.create_consumer(pull.clone()).await.expect("create");
    let mut pulled = consumer.messages().await.expect("pull");
    let message = timeout(TIMEOUT, pulled.next()).await.expect("in time").expect("one").expect("a message");
    message.double_ack().await.expect("an answer to the acknowledgement");
    let info = stream.consumer_info("own").await.expect("its state");
    assert_eq!(info.ack_floor.stream_sequence, 1);
    stream.update_consumer(pull::Config { max_ack_pending: 7, ..pull }).await.expect("update");
    stream.delete_consumer("own").await.expect("delete");

    let deliver_subject = client.new_inbox();
    let config = push::Config {
        deliver_subject,
        flow_control: true,
        idle_heartbeat: TIMEOUT,
        ..Default::default()
    };
    let consumer: PushConsumer = stream.create_consumer(config).await.expect("create");
    let mut pushed = consumer.messages().await.expect("subscribe");
    let message = timeout(TIMEOUT, pushed.next()).await.expect("in time").expect("one").expect("a message");
    message.double_ack().await.expect("an answer to the acknowledgement");
    let config = push::OrderedConfig { deliver_subject: client.new_inbox(), ..Default::default() };
    let ordered = stream.create_consumer(config).await.expect("create");
    let mut ordered = ordered.messages().await.expect("subscribe");
    timeout(TIMEOUT, ordered.next()).await.expect("in time").expect("one").expect("a message");

    let mut live = client.subscribe("auth.user.*").await.expect("subscribe");
    client.flush().await.expect("flush");
    register(&service, "bob@example.com").await;
    timeout(TIMEOUT, live.next()).await.expect("in time").expect("an event");
    assert_eq!(errors.try_recv().ok(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_kit_works_for_a_guest() {
    let service = service().await;
    let owner = owner(&service).await;
    let dead_letters = definition("streams", "auth-events-dlq");
    api(&owner, "STREAM.CREATE.auth-events-dlq", &dead_letters).await;
    let stop = CancellationToken::new();
    let done = stop.clone();
    let connected = Subscriber::durable("mailer")
        .stop_on(stop)
        .connect(&url(&service))
        .await
        .expect("connect");
    let run = connected.run(move |_, _| {
        done.cancel();
        async { Err(HandlerError::poison("the test gives it up")) }
    });
    timeout(TIMEOUT, run).await.expect("in time").expect("run");
    let jetstream = jetstream::new(owner);
    let dead = messages(&jetstream, "auth-events-dlq").await;
    let subjects: Vec<&str> = dead.iter().map(|message| message.subject.as_str()).collect();
    assert!(subjects.contains(&"auth.dlq.mailer"), "{subjects:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_is_kept_and_only_its_owner_reads_it() {
    let mut service = service().await;
    let dir = service.data_dir().join("nats");
    let password = fs::read_to_string(dir.join("password")).expect("the password");
    assert!(password.len() > 40, "{password}");
    let mode = |name: &str| fs::metadata(dir.join(name)).expect(name).permissions().mode() & 0o777;
    assert_eq!(mode("."), 0o700);
    for file in ["password", "operator.json", "nats-server.conf"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    let wrong = ConnectOptions::with_user_and_password("watchword".into(), "wrong".into());
    assert!(wrong.connect(url(&service)).await.is_err());
    assert!(service.stop().await.success());
    service.start_again("WATCHWORD_CRASH_AT", None).await;
    flowing(&service).await;
    assert_eq!(fs::read_to_string(dir.join("password")).expect("the password"), password);
    owner(&service).await;

    // A command finds server and password in the data directory.
    let mut options = BinaryOptions::command(&["events", "verify"], &[]);
    options.data_dir = Some(service.data_dir().to_owned());
    let verified = run(options, "").await;
    assert!(verified.status.success(), "{}{}", verified.stdout, verified.stderr);
    let ready = service.http().get("/readyz").await.text;
    let server_log = fs::read_to_string(dir.join("nats-server.log")).expect("the log");
    for text in [service.process().log(), ready, verified.stderr, server_log] {
        assert!(!text.contains(&password), "{text}");
    }
}

/// Starts a service with an embedded server, and registers an account.
async fn service() -> Binary {
    let server = program().display().to_string();
    let options = BinaryOptions::serve(&[
        ("WATCHWORD__NATS__EMBEDDED_PORT", "0"),
        ("WATCHWORD__NATS__SERVER_PATH", &server),
    ]);
    let service = Binary::start(options).await;
    flowing(&service).await;
    register(&service, "ada@example.com").await;
    eventually(TIMEOUT, || async { !stored(&service).await.is_empty() }).await;
    service
}

/// Waits until the service publishes.
async fn flowing(service: &Binary) {
    eventually(TIMEOUT, || async { service.http().get("/readyz").await.text.contains("flowing") }).await;
}

async fn register(service: &Binary, email: &str) {
    service.http().register(email, PASSWORD).await.expect_status(201);
}

/// Returns the context that the service writes for the `nats` command.
fn context(service: &Binary) -> Value {
    let file = fs::read(service.data_dir().join("nats/operator.json")).expect("the context");
    serde_json::from_slice(&file).expect("JSON")
}

fn url(service: &Binary) -> String {
    text(&context(service), "url")
}

fn text(context: &Value, name: &str) -> String {
    context.get(name).and_then(Value::as_str).expect(name).to_owned()
}

/// Connects with the context of the operator.
async fn owner(service: &Binary) -> Client {
    let context = context(service);
    ConnectOptions::with_user_and_password(text(&context, "user"), text(&context, "password"))
        .custom_inbox_prefix(text(&context, "inbox_prefix"))
        .connect(text(&context, "url"))
        .await
        .expect("connect")
}

/// Connects without credentials, and returns the permission errors that the server sends.
async fn guest(service: &Binary) -> (Client, UnboundedReceiver<String>) {
    heard(ConnectOptions::new(), &url(service)).await.expect("connect")
}

/// Returns the sequences and subjects of the messages in the stream.
async fn stored(service: &Binary) -> Vec<(u64, String)> {
    let jetstream = jetstream::new(owner(service).await);
    let stored = messages(&jetstream, STREAM).await;
    stored.into_iter().map(|message| (message.seq, message.subject)).collect()
}

/// Creates a consumer of the event stream. The server may refuse the configuration.
async fn create(client: &Client, name: &str, more: Value) {
    let mut config = json!({ "name": name, "ack_policy": "none", "deliver_policy": "all" });
    let all = config.as_object_mut().expect("an object");
    all.append(&mut more.as_object().expect("an object").clone());
    let request = json!({ "stream_name": STREAM, "config": config }).to_string();
    let subject = format!("$JS.API.CONSUMER.CREATE.{STREAM}.{name}");
    client.request(subject, request.into()).await.expect("an answer");
}
