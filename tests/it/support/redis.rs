//! A real Redis server, as a child process.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::process::{LastSignal, Process, ProcessSpec};
use super::run_dir::{find_program, free_port, scratch};

/// A Redis server of the test's own, without persistence. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct RedisServer {
    process: Process,
    port: u16,
}

impl RedisServer {
    /// Starts a server on a free port.
    pub(crate) async fn start() -> Self {
        let dir = scratch("redis");
        let port = free_port();
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
        ];
        let mut args: Vec<String> = args.map(String::from).to_vec();
        args.push(dir.display().to_string());
        let process = Process::start(ProcessSpec {
            name: "redis-server",
            program: find_program("redis-server", "WATCHWORD_REDIS_SERVER", &[]),
            args,
            env: None,
            log: dir.join("redis.log"),
            user: None,
            last_signal: LastSignal::Kill,
        });
        let mut server = Self { process, port };
        server.ready().await;
        server
    }

    /// The address that clients connect to.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port that it listens on, also after a restart.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The child process, to signal it or to read its log.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Ends the server at once (SIGKILL): everything it held is gone.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Freezes the server: connections stay, nothing is answered.
    pub(crate) fn pause(&self) {
        self.process.pause();
    }

    /// Lets a frozen server go on.
    pub(crate) fn resume(&self) {
        self.process.resume();
    }

    /// Starts a server that was killed again, on the same port and empty.
    pub(crate) async fn start_again(&mut self) {
        self.process.start_again();
        self.ready().await;
    }

    /// Forgets everything.
    pub(crate) async fn flush(&self) {
        let answer = self.command("FLUSHALL").await.expect("FLUSHALL");
        assert!(answer.starts_with("+OK"), "FLUSHALL answered {answer}");
    }

    /// Runs one inline command and returns the first part of the answer as it came over the wire.
    pub(crate) async fn command(&self, command: &str) -> std::io::Result<String> {
        inline_command(self.port, command).await
    }

    async fn ready(&mut self) {
        let port = self.port;
        let probe = || async move {
            match inline_command(port, "PING").await {
                Ok(answer) if answer.starts_with("+PONG") => Ok(()),
                Ok(answer) => Err(answer),
                Err(error) => Err(error.to_string()),
            }
        };
        self.process.ready(probe).await;
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
