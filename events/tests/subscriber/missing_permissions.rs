//! Missing permissions are logged. The server reports each once, and then does not answer.

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::pull;
use async_nats::{ConnectOptions, jetstream};
use tokio::task::JoinHandle;
use watchword_events::subscriber::connect_options;
use watchword_events::{EventKind, SubscribeError};

use super::durable;
use super::logs::Logs;
use super::support::{NatsServer, create_stream, event, publish};

const INFO: &str = "$JS.API.CONSUMER.INFO.auth-events.test-reader";
const NEXT: &str = "$JS.API.CONSUMER.MSG.NEXT.auth-events.test-reader";
const CREATE: &str = "$JS.API.CONSUMER.CREATE.auth-events.test-reader";
const ACK: &str = "$JS.ACK.auth-events.test-reader.";

/// Starts a server whose user `reader` may publish on these subjects only.
async fn server(permissions: &[&str]) -> (NatsServer, Context) {
    let users = format!(
        "authorization {{ users: [
            {{ user: admin, password: admin }}
            {{ user: reader, password: reader, permissions: {{ publish: {permissions:?}, subscribe: [\"_INBOX.>\"] }} }}
        ] }}"
    );
    let server = NatsServer::start_with(&users).await;
    let admin = ConnectOptions::with_user_and_password("admin".to_owned(), "admin".to_owned());
    let context = jetstream::new(admin.connect(server.url()).await.unwrap());
    create_stream(&context).await;
    publish(&context, &event(EventKind::LoggedIn, 1)).await;
    (server, context)
}

async fn create_durable(context: &Context) {
    let config = pull::Config {
        durable_name: Some("test-reader".to_owned()),
        ..Default::default()
    };
    context.create_consumer_on_stream(config, "auth-events").await.unwrap();
}

async fn read(server: &NatsServer) -> JoinHandle<Result<(), SubscribeError>> {
    let options = connect_options()
        .user_and_password("reader".to_owned(), "reader".to_owned())
        .request_timeout(Some(std::time::Duration::from_millis(300)));
    let connected = durable().connect_with(&server.url(), options).await.unwrap();
    tokio::spawn(connected.run(|_, _| async { Ok(()) }))
}

/// The server's report about the subject, and what the subscriber says about it.
async fn expect_logged(logs: &Logs, subject: &str, message: &str) {
    let reported = "the NATS server reported an error";
    logs.line(&["ERROR", reported, "Permissions Violation", subject]).await;
    logs.line(&["WARN", message, "may not publish on", subject]).await;
}

#[tokio::test]
async fn a_missing_permission_to_read_the_durable_is_logged() {
    let logs = Logs::capture();
    let (server, context) = server(&[NEXT]).await;
    create_durable(&context).await;
    let task = read(&server).await;
    expect_logged(&logs, INFO, "cannot reach the consumer").await;
    task.abort();
}

#[tokio::test]
async fn a_missing_permission_to_create_the_durable_is_logged() {
    let logs = Logs::capture();
    let (server, _context) = server(&[INFO, NEXT]).await;
    let task = read(&server).await;
    expect_logged(&logs, CREATE, "cannot reach the consumer").await;
    task.abort();
}

#[tokio::test]
async fn a_missing_permission_to_pull_messages_is_logged() {
    let logs = Logs::capture();
    let (server, context) = server(&[INFO]).await;
    create_durable(&context).await;
    let task = read(&server).await;
    expect_logged(&logs, NEXT, "reading stopped").await;
    task.abort();
}

#[tokio::test]
async fn a_missing_permission_to_acknowledge_is_logged() {
    let logs = Logs::capture();
    let (server, context) = server(&[INFO, NEXT]).await;
    create_durable(&context).await;
    let task = read(&server).await;
    expect_logged(&logs, ACK, "answer not confirmed").await;
    task.abort();
}
