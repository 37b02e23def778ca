//! A missing right has to be seen: the server says so once, and then answers nothing.

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

/// A server whose user `reader` may publish on these subjects alone.
async fn server(rights: &[&str]) -> (NatsServer, Context) {
    let users = format!(
        "authorization {{ users: [
            {{ user: admin, password: admin }}
            {{ user: reader, password: reader, permissions: {{ publish: {rights:?}, subscribe: [\"_INBOX.>\"] }} }}
        ] }}"
    );
    let server = NatsServer::start_with(&users).await;
    let admin = ConnectOptions::with_user_and_password("admin".to_owned(), "admin".to_owned());
    let context = jetstream::new(admin.connect(server.url()).await.unwrap());
    create_stream(&context).await;
    publish(&context, &event(EventKind::LoggedIn, 1)).await;
    (server, context)
}

async fn make_durable(context: &Context) {
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

#[tokio::test]
async fn without_the_right_to_look_at_the_durable() {
    let logs = Logs::collect();
    let (server, context) = server(&[NEXT]).await;
    make_durable(&context).await;
    let task = read(&server).await;
    logs.line(&["ERROR", "the NATS server refuses", "Permissions Violation", INFO])
        .await;
    logs.line(&["WARN", "the consumer cannot be reached yet", "may not publish on", INFO])
        .await;
    task.abort();
}

#[tokio::test]
async fn without_the_right_to_make_the_durable() {
    let logs = Logs::collect();
    let (server, _context) = server(&[INFO, NEXT]).await;
    let task = read(&server).await;
    logs.line(&["ERROR", "the NATS server refuses", "Permissions Violation", CREATE])
        .await;
    logs.line(&[
        "WARN",
        "the consumer cannot be reached yet",
        "may not publish on",
        CREATE,
    ])
    .await;
    task.abort();
}

#[tokio::test]
async fn without_the_right_to_ask_for_messages() {
    let logs = Logs::collect();
    let (server, context) = server(&[INFO]).await;
    make_durable(&context).await;
    let task = read(&server).await;
    logs.line(&["ERROR", "the NATS server refuses", "Permissions Violation", NEXT])
        .await;
    logs.line(&["WARN", "reading broke off", "may not publish on", NEXT])
        .await;
    task.abort();
}

#[tokio::test]
async fn without_the_right_to_acknowledge() {
    let logs = Logs::collect();
    let (server, context) = server(&[INFO, NEXT]).await;
    make_durable(&context).await;
    let task = read(&server).await;
    logs.line(&["ERROR", "the NATS server refuses", "Permissions Violation", ACK])
        .await;
    logs.line(&["WARN", "not confirmed by the server", "may not publish on", ACK])
        .await;
    task.abort();
}
