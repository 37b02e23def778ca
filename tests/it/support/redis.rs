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
        Self::start_with(&[]).await
    }

    /// Starts a server with further arguments on a free port.
    pub(crate) async fn start_with(arguments: &[&str]) -> Self {
        let base = ["--save", "", "--appendonly", "no"];
        Self::run(base.iter().chain(arguments).map(|argument| (*argument).to_owned()).collect()).await
    }

    /// Starts a Sentinel that watches nothing.
    pub(crate) async fn sentinel() -> Self {
        let file = scratch("sentinel").join("sentinel.conf");
        std::fs::write(&file, "").expect("write the configuration");
        Self::run(vec![file.display().to_string(), "--sentinel".to_owned()]).await
    }

    async fn run(arguments: Vec<String>) -> Self {
        let server = Server::start(
            move |port| spec(port, &arguments),
            |port| async move {
                match inline_command(port, "PING").await {
                    Ok(answer) if answer.starts_with("+PONG") || answer.starts_with("-NOAUTH") => Ok(()),
                    Ok(answer) => Err(answer),
                    Err(error) => Err(error.to_string()),
                }
            },
        );
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

fn spec(port: u16, arguments: &[String]) -> ProcessSpec {
    let dir = scratch("redis");
    let args = [
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--dir",
        &dir.display().to_string(),
    ];
    ProcessSpec {
        name: "redis-server",
        program: find_program("redis-server", "WATCHWORD_REDIS_SERVER", &[]),
        args: arguments.iter().cloned().chain(args.map(String::from)).collect(),
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
