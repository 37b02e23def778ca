//! A real Redis server, as a child process.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::process::{LastSignal, ProcessSpec};
use super::run_dir::{find_program, scratch};
use super::server::{Server, deref_to_server};

/// The Redis server of a test, without persistence: it is empty after a restart. Dropping it ends
/// the server.
#[derive(Debug)]
pub(crate) struct RedisServer {
    server: Server,
}

deref_to_server!(RedisServer);

impl RedisServer {
    /// Starts a server on a free port.
    pub(crate) async fn start() -> Self {
        let server = Server::start(spec, |port| async move {
            match inline_command(port, "PING").await {
                Ok(answer) if answer.starts_with("+PONG") => Ok(()),
                Ok(answer) => Err(answer),
                Err(error) => Err(error.to_string()),
            }
        });
        Self { server: server.await }
    }

    /// Returns the URL for clients.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port())
    }

    /// Deletes all keys.
    pub(crate) async fn flush(&self) {
        let answer = self.command("FLUSHALL").await.expect("FLUSHALL");
        assert!(answer.starts_with("+OK"), "FLUSHALL answered {answer}");
    }

    /// Runs one inline command, and returns the first chunk of the reply.
    pub(crate) async fn command(&self, command: &str) -> std::io::Result<String> {
        inline_command(self.port(), command).await
    }
}

fn spec(port: u16) -> ProcessSpec {
    let dir = scratch("redis");
    let args = [
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        &dir.display().to_string(),
    ];
    ProcessSpec {
        name: "redis-server",
        program: find_program("redis-server", "WATCHWORD_REDIS_SERVER", &[]),
        args: args.map(String::from).to_vec(),
        env: None,
        log: dir.join("redis.log"),
        user: None,
        last_signal: LastSignal::Kill,
    }
}

async fn inline_command(port: u16, command: &str) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    socket.write_all(format!("{command}\r\n").as_bytes()).await?;
    let mut answer = vec![0; 64 * 1024];
    let length = socket.read(&mut answer).await?;
    answer.truncate(length);
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
