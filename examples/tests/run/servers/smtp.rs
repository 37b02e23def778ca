use std::fs;
use std::path::PathBuf;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::process::{LastSignal, Process, ProcessSpec};
use super::run_dir::{find_program, free_port, scratch};
use super::tool;

/// An SMTP server (aiosmtpd) that stores mails in a maildir.
pub(crate) struct SmtpServer {
    process: Process,
    port: u16,
    maildir: PathBuf,
}

impl SmtpServer {
    pub(crate) async fn start() -> Self {
        let directory = scratch("smtp");
        let maildir = directory.join("mails");
        let port = free_port();
        let library = tool("aiosmtpd").display().to_string();
        let arguments = ["-m", "aiosmtpd", "--nosetuid", "--listen", &format!("127.0.0.1:{port}")];
        let mut arguments: Vec<String> = arguments.map(String::from).to_vec();
        arguments.extend(["--class", "aiosmtpd.handlers.Mailbox"].map(String::from));
        arguments.push(maildir.display().to_string());
        let process = Process::start(ProcessSpec {
            name: "aiosmtpd",
            program: find_program("python3", "WATCHWORD_PYTHON", &[]),
            args: arguments,
            env: Some(vec![
                ("PATH".to_owned(), std::env::var("PATH").unwrap()),
                ("PYTHONPATH".to_owned(), library),
            ]),
            log: directory.join("smtp.log"),
            user: None,
            last_signal: LastSignal::Kill,
        });
        let mut server = Self { process, port, maildir };
        server.ready().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts again on the same port, with the same maildir.
    pub(crate) async fn start_again(&mut self) {
        self.process.start_again();
        self.ready().await;
    }

    /// Returns the received mails.
    pub(crate) fn mails(&self) -> Vec<String> {
        let files = fs::read_dir(self.maildir.join("new")).unwrap();
        files
            .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
            .collect()
    }

    async fn ready(&mut self) {
        let port = self.port;
        let greeting = async || {
            let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
            connection.read_u8().await
        };
        let probe = async || greeting().await.map(drop).map_err(|error| error.to_string());
        self.process.ready(probe).await;
    }
}
