//! A user with the minimal permissions, one with fewer, and a server that is too old.

use secrecy::SecretString;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use watchword::jetstream::{StreamFault, StreamState, desired};

use super::rig::{Rig, STREAM};
use crate::support::database::Backend;
use crate::support::nats::{NatsOptions, NatsServer};

/// Users of which `auth` has the publisher's permissions: to publish, to see the stream, and
/// (`reading`) to read its messages.
fn users(reading: bool) -> NatsOptions {
    let reading = if reading {
        r#", "$JS.API.STREAM.MSG.GET.auth-events""#
    } else {
        ""
    };
    let extra = format!(
        r#"
authorization {{
  users = [
    {{ user: admin, password: admin }}
    {{ user: auth, password: secret, permissions: {{
        publish: ["auth.user.*", "$JS.API.STREAM.INFO.auth-events"{reading}]
        subscribe: ["_INBOX_auth.>"]
    }} }}
  ]
}}
no_auth_user: admin
"#
    );
    NatsOptions { extra, ..NatsOptions::default() }
}

async fn restricted(reading: bool) -> (NatsServer, Rig) {
    let nats = NatsServer::start_with(users(reading)).await;
    let mut rig = Rig::new(Backend::Sqlite, &nats).await;
    rig.settings.nats.user = Some("auth".to_owned());
    rig.settings.nats.password = Some(SecretString::from("secret"));
    let definition = desired(&rig.settings.stream).expect("the definition");
    nats.jetstream().await.create_stream(definition).await.expect("create the stream");
    (nats, rig)
}

#[tokio::test]
async fn minimal_permissions_suffice() {
    let (nats, rig) = restricted(true).await;
    rig.record(3, 30).await;
    let running = rig.start().await;
    rig.assert_consistent(&nats).await;
    running.stop().await;
    // A second start, with events to compare.
    rig.record(3, 30).await;
    let running = rig.start().await;
    assert_eq!(rig.assert_consistent(&nats).await.len(), 180);
    running.stop().await;
}

#[tokio::test]
async fn without_permission_to_read_nothing_is_published() {
    let (nats, rig) = restricted(false).await;
    rig.record(2, 5).await;
    let running = rig.start().await;
    let state = running.stream(|stream| matches!(stream, StreamState::Fault(_))).await;
    let subject = "$JS.API.STREAM.MSG.GET.auth-events".to_owned();
    assert_eq!(state, StreamState::Fault(StreamFault::Denied(subject)));
    assert_eq!(rig.database.unpublished().await.expect("count"), 10);
    assert_eq!(nats.messages(STREAM).await.len(), 0);
    running.stop().await;
}

#[tokio::test]
async fn a_server_before_2_10_is_refused() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("listen");
    let port = listener.local_addr().expect("an address").port();
    let server = tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(old_server(socket));
        }
    });
    let nats = NatsServer::not_started(NatsOptions::default());
    let mut rig = Rig::new(Backend::Sqlite, &nats).await;
    rig.settings.nats.url = Some(SecretString::from(format!("nats://127.0.0.1:{port}")));
    rig.record(1, 3).await;
    let running = rig.start().await;
    let state = running.stream(|stream| matches!(stream, StreamState::Fault(_))).await;
    assert_eq!(state, StreamState::Fault(StreamFault::ServerTooOld { found: "2.9.10".to_owned() }));
    assert_eq!(rig.database.unpublished().await.expect("count"), 3);
    running.stop().await;
    server.abort();
}

/// A minimal server that a client can connect to.
async fn old_server(socket: TcpStream) {
    const INFO: &str = r#"INFO {"server_id":"S","server_name":"old","version":"2.9.10","go":"go1","host":"127.0.0.1","port":4222,"headers":true,"max_payload":1048576,"proto":1,"jetstream":true}"#;
    let (reader, mut writer) = socket.into_split();
    let _ = writer.write_all(format!("{INFO}\r\n").as_bytes()).await;
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.starts_with("PING") {
            let _ = writer.write_all(b"PONG\r\n").await;
        }
    }
}
