use std::fs;
use std::path::{Path, PathBuf};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::process::{LastSignal, ProcessSpec};
use super::run_dir::{find_program, scratch};
use super::server::{Server, deref_to_server};
use super::tool;

/// An SMTP server (aiosmtpd) that stores mails in a maildir.
pub(crate) struct SmtpServer {
    server: Server,
    maildir: PathBuf,
}

deref_to_server!(SmtpServer);

impl SmtpServer {
    pub(crate) async fn start() -> Self {
        let maildir = scratch("smtp").join("mails");
        let server = Server::start(
            |port| spec(port, &maildir),
            |port| async move {
                let greeting = async {
                    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
                    connection.read_u8().await
                };
                greeting.await.map(drop).map_err(|error| error.to_string())
            },
        )
        .await;
        Self { server, maildir }
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port())
    }

    /// Returns the received mails.
    pub(crate) fn mails(&self) -> Vec<String> {
        let files = fs::read_dir(self.maildir.join("new")).unwrap();
        files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }
}

fn spec(port: u16, maildir: &Path) -> ProcessSpec {
    let library = tool("aiosmtpd").display().to_string();
    let arguments = [
        "-m",
        "aiosmtpd",
        "--nosetuid",
        "--listen",
        &format!("127.0.0.1:{port}"),
        "--class",
        "aiosmtpd.handlers.Mailbox",
        &maildir.display().to_string(),
    ];
    ProcessSpec {
        name: "aiosmtpd",
        program: find_program("python3", "WATCHWORD_PYTHON", &[]),
        args: arguments.map(String::from).to_vec(),
        env: Some(vec![
            ("PATH".to_owned(), std::env::var("PATH").unwrap()),
            ("PYTHONPATH".to_owned(), library),
        ]),
        log: scratch("smtp-log").join("smtp.log"),
        user: None,
        last_signal: LastSignal::Kill,
    }
}
