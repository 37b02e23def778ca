//! A low limit of open files, as many systems set it. The test runs the real binary with one.

use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::binary::{Binary, BinaryOptions};

/// The soft limit, which a process may raise.
const LIMIT: usize = 200;
/// More connections than that, and fewer than `http.max_connections`.
const CONNECTIONS: usize = 400;
/// Half of `http.header_timeout`: before it, none of the connections is closed.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_low_limit_of_open_files_does_not_limit_connections() {
    // A nats-server of its own would inherit the limit.
    let mut binary = Binary::start(BinaryOptions::serve(&[("NATS_URL", "nats://127.0.0.1:1")])).await;
    assert!(binary.stop().await.success());
    let spec = binary.process().spec_mut();
    let program = spec.program.display().to_string();
    spec.args = vec!["-c".into(), format!("ulimit -S -n {LIMIT}; exec \"$0\" serve"), program];
    spec.program = "/bin/sh".into();
    binary.start_again("RUST_LOG", Some("error")).await;

    let port = binary.http().port();
    let open = timeout(SOON, try_join_all((0..CONNECTIONS).map(|_| TcpStream::connect(("127.0.0.1", port)))));
    let open = open.await.expect("the kernel queues them").expect("connect");
    // A new connection, behind all of them.
    let client = reqwest::Client::new();
    let answer = timeout(SOON, client.get(format!("http://127.0.0.1:{port}/healthz")).send()).await;
    let answer = answer.expect("every connection is accepted").expect("an answer");
    assert_eq!(answer.status(), 200);
    drop(open);
}
