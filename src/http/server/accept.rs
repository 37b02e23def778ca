//! Accepting connections, no more than there is room for.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

/// Shortest and longest pause when the system has nothing left to accept with.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A new connection and its place among the most there may be.
pub(super) struct Accepted {
    pub(super) socket: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) permit: OwnedSemaphorePermit,
}

/// The next connection. Waits for a place first: until there is one, clients queue in the kernel.
pub(super) async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> Accepted {
    let mut pause = FIRST_PAUSE;
    loop {
        let Ok(permit) = Arc::clone(permits).acquire_owned().await else {
            // Nobody closes this semaphore; were it closed, there would be no place ever again.
            return std::future::pending().await;
        };
        match listener.accept().await {
            Ok((socket, peer)) => {
                // Answers are small and written whole: waiting for more to send would only delay them.
                if let Err(error) = socket.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                return Accepted { socket, peer, permit };
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                // Out of file descriptors or memory: trying again at once would only spin.
                tracing::warn!(%error, pause_ms = pause.as_millis(), "cannot accept connections");
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// The client was gone before it was accepted: accept(2) reports that like an error of the listener.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}
