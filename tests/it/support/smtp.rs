//! A mail server (aiosmtpd) that stores the received mails.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use watchword::config::{MailTls, Settings};

use super::process::{LastSignal, ProcessSpec};
use super::run_dir::{find_program, repository, scratch};
use super::server::{Server, deref_to_server};
use super::wait::{eventually, within};

/// How long a mail may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The mail server. Dropping it ends the server.
#[derive(Debug)]
pub(crate) struct SmtpServer {
    server: Server,
    mails: PathBuf,
}

deref_to_server!(SmtpServer);

/// A received mail, with its parts decoded.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    /// The whole file, with headers.
    pub(crate) raw: String,
}

impl SmtpServer {
    /// Starts a server that accepts every mail.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a server with additional arguments of `smtp_server.py`.
    pub(crate) async fn start_with(more: &[&str]) -> Self {
        let directory = scratch("smtp");
        let mails = directory.join("mails");
        // A server with implicit TLS sends nothing before the handshake.
        let is_wrapped = more.contains(&"--wrap");
        let server = Server::start(
            |port| spec(&directory, port, more),
            move |port| async move {
                let greeting = async {
                    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
                    match is_wrapped {
                        true => Ok(0),
                        false => connection.read_u8().await,
                    }
                };
                greeting.await.map(drop).map_err(|error: std::io::Error| error.to_string())
            },
        );
        Self { server: server.await, mails }
    }

    /// Returns a change of the settings that makes the service use this server without TLS.
    pub(crate) fn settings(&self) -> impl FnOnce(&mut Settings) + Send + 'static {
        let port = self.port();
        move |settings| {
            settings.mail.host = Some("127.0.0.1".to_owned());
            settings.mail.port = Some(port);
            settings.mail.tls = MailTls::None;
        }
    }

    /// Returns the same as environment variables.
    pub(crate) fn environment(&self) -> [(&'static str, String); 3] {
        [
            ("WATCHWORD__MAIL__HOST", "127.0.0.1".to_owned()),
            ("WATCHWORD__MAIL__PORT", self.port().to_string()),
            ("WATCHWORD__MAIL__TLS", "none".to_owned()),
        ]
    }

    /// Returns every mail so far, oldest first.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        let mut files: Vec<PathBuf> = fs::read_dir(&self.mails)
            .expect("the mails")
            .map(|file| file.expect("a file").path())
            .collect();
        files.sort();
        let read = |path: &PathBuf| Mail {
            raw: fs::read_to_string(path).expect("a mail").replace("\r\n", "\n"),
        };
        files.iter().map(read).collect()
    }

    /// Waits until there are `count` mails with this recipient and subject, and returns the newest.
    pub(crate) async fn mail(&self, to: &str, subject: &str, count: usize) -> Mail {
        let found = within(TIMEOUT, || async {
            let mut mails = self.mails();
            mails.retain(|mail| mail.header("X-Rcpt") == to && mail.header("Subject") == subject);
            match mails.len() == count {
                true => mails.pop().ok_or_else(|| "the count must not be 0".to_owned()),
                false => Err(format!("{} mails {subject:?} instead of {count}", mails.len())),
            }
        });
        found.await.unwrap_or_else(|reason| panic!("{reason}"))
    }

    /// Waits until `count` mails have been received in total.
    pub(crate) async fn count(&self, count: usize) {
        eventually(TIMEOUT, || async {
            match self.mails().len() {
                len if len == count => Ok(()),
                len => Err(format!("{len} mails instead of {count}")),
            }
        })
        .await;
    }
}

fn spec(directory: &Path, port: u16, more: &[&str]) -> ProcessSpec {
    let library = repository().join(".tools/aiosmtpd");
    assert!(
        library.exists(),
        "{} is missing: scripts/install-sample-servers.sh installs it",
        library.display()
    );
    let script = repository().join("tests/it/support/smtp_server.py");
    let mut args = vec![
        script.display().to_string(),
        port.to_string(),
        directory.join("mails").display().to_string(),
    ];
    args.extend(more.iter().map(ToString::to_string));
    ProcessSpec {
        name: "aiosmtpd",
        program: find_program("python3", "WATCHWORD_PYTHON", &[]),
        args,
        env: Some(vec![
            ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
            ("PYTHONPATH".to_owned(), library.display().to_string()),
        ]),
        log: scratch("smtp-log").join("smtp.log"),
        user: None,
        last_signal: LastSignal::Kill,
    }
}

impl Mail {
    /// Returns a header of the message in one line; empty if it is missing.
    pub(crate) fn header(&self, name: &str) -> String {
        let (head, _) = self.raw.split_once("\n\n").expect("a head");
        let head = head.replace("\n ", " ");
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_default().to_owned()
    }

    /// Returns how many headers have this name.
    pub(crate) fn headers(&self, name: &str) -> usize {
        let (head, _) = self.raw.split_once("\n\n").expect("a head");
        let prefix = format!("{}:", name.to_ascii_lowercase());
        let lines = head.lines();
        lines.filter(|line| line.to_ascii_lowercase().starts_with(&prefix)).count()
    }

    /// Returns the message, decoded from quoted-printable (RFC 2045 section 6.7).
    pub(crate) fn text(&self) -> String {
        self.raw.replace("=\n", "").replace("=3D", "=").replace("=20\n", " \n")
    }

    /// Returns the code in the mail.
    pub(crate) fn code(&self) -> String {
        let text = self.text();
        let start = text.find("#code=").expect("a link with a code") + "#code=".len();
        let rest = text.get(start..).expect("a code");
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
        rest.get(..end.unwrap_or(rest.len())).expect("a code").to_owned()
    }
}
