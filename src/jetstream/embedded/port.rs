//! The port of the server, and who answers there.

use std::{io, time::Duration};

use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// Between two attempts to connect to a server that starts.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// The longest wait for the greeting of a server that accepts connections.
const GREETING_TIMEOUT: Duration = Duration::from_secs(1);

/// The wanted port if it is free, else one that the system chooses.
pub(super) async fn free(wanted: u16) -> io::Result<u16> {
    let listener = match TcpListener::bind(("127.0.0.1", wanted)).await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::info!(%error, port = wanted, "port of the embedded nats-server is taken; using another");
            TcpListener::bind(("127.0.0.1", 0)).await?
        }
    };
    Ok(listener.local_addr()?.port())
}

/// Resolve when a server of this name listens on the port.
pub(super) async fn listening(port: u16, server_name: &str) {
    while !answers(port, server_name).await {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Whether a server of this name listens on the port.
pub(super) async fn answers(port: u16, server_name: &str) -> bool {
    greeting(port).await.is_ok_and(|name| name == server_name)
}

/// Read the name in a server's greeting.
async fn greeting(port: u16) -> io::Result<String> {
    #[derive(Deserialize)]
    struct Info {
        server_name: String,
    }
    let socket = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut line = String::new();
    let read = async { BufReader::new(socket).read_line(&mut line).await };
    tokio::time::timeout(GREETING_TIMEOUT, read).await??;
    let json = line.strip_prefix("INFO ").unwrap_or_default();
    let info: Info = serde_json::from_str(json)?;
    Ok(info.server_name)
}
