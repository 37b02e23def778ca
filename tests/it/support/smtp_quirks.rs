//! A mail server whose answers a test chooses, and may change while it runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use watchword::config::{MailTls, Settings};

/// How the server behaves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quirks {
    /// What it offers after EHLO.
    pub(crate) extensions: Vec<&'static str>,
    /// What it answers instead of "ok", by the verb of the command; `greeting` and `.` (the end of
    /// the content) are verbs too.
    pub(crate) answers: BTreeMap<&'static str, &'static str>,
    /// After so much silence it says 421 and closes the connection.
    pub(crate) idle: Option<Duration>,
}

/// What the server got.
#[derive(Debug, Default)]
struct Seen {
    commands: Vec<String>,
    mails: Vec<String>,
}

/// Dropping it ends the server.
#[derive(Debug)]
pub(crate) struct QuirkySmtp {
    port: u16,
    quirks: Arc<Mutex<Quirks>>,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Drop for QuirkySmtp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl QuirkySmtp {
    /// Starts a server.
    pub(crate) async fn start(quirks: Quirks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let port = listener.local_addr().expect("an address").port();
        let quirks = Arc::new(Mutex::new(quirks));
        let seen = Arc::<Mutex<Seen>>::default();
        let task = tokio::spawn(accept(listener, quirks.clone(), seen.clone()));
        Self { port, quirks, seen, task }
    }

    /// Returns a change of the settings that makes the service use this server without TLS.
    pub(crate) fn settings(&self) -> impl FnOnce(&mut Settings) + Send + 'static {
        let port = self.port;
        move |settings| {
            settings.mail.host = Some("127.0.0.1".to_owned());
            settings.mail.port = Some(port);
            settings.mail.tls = MailTls::None;
        }
    }

    /// Behaves so from now on, also on connections that are open.
    pub(crate) fn behave(&self, quirks: Quirks) {
        *self.quirks.lock().unwrap_or_else(PoisonError::into_inner) = quirks;
    }

    /// Returns the commands so far that begin with a verb.
    pub(crate) fn commands(&self, verb: &str) -> Vec<String> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.commands.iter().filter(|line| line.starts_with(verb)).cloned().collect()
    }

    /// Returns the mails so far.
    pub(crate) fn mails(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).mails.clone()
    }
}

async fn accept(listener: TcpListener, quirks: Arc<Mutex<Quirks>>, seen: Arc<Mutex<Seen>>) {
    while let Ok((socket, _)) = listener.accept().await {
        let (quirks, seen) = (quirks.clone(), seen.clone());
        // A client that hangs up is no error.
        tokio::spawn(async move { drop(serve(socket, &quirks, &seen).await) });
    }
}

async fn serve(socket: TcpStream, quirks: &Mutex<Quirks>, seen: &Mutex<Seen>) -> std::io::Result<()> {
    let now = || quirks.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut socket = BufReader::new(socket);
    let greeting = now().answers.get("greeting").copied().unwrap_or("220 quirks.test ESMTP");
    socket.write_all(format!("{greeting}\r\n").as_bytes()).await?;
    if !greeting.starts_with('2') {
        return Ok(());
    }
    loop {
        let mut line = String::new();
        let idle = now().idle.unwrap_or(Duration::from_secs(600));
        let Ok(read) = timeout(idle, socket.read_line(&mut line)).await else {
            return socket.write_all(b"421 4.4.2 idle\r\n").await;
        };
        if read? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        seen.lock().unwrap_or_else(PoisonError::into_inner).commands.push(line.clone());
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let quirks = now();
        let usual = match verb.as_str() {
            "EHLO" => hello(&quirks.extensions),
            "AUTH" => login(&mut socket, &line).await?,
            "DATA" => "354 go on".to_owned(),
            "QUIT" => "221 bye".to_owned(),
            _ => "250 ok".to_owned(),
        };
        let answer = quirks.answers.get(verb.as_str()).map_or(usual, |answer| (*answer).to_owned());
        socket.write_all(format!("{answer}\r\n").as_bytes()).await?;
        match verb.as_str() {
            "QUIT" => return Ok(()),
            "DATA" if answer.starts_with("354") => {
                let content = content(&mut socket).await?;
                let end = now().answers.get(".").copied().unwrap_or("250 kept");
                if end.starts_with('2') {
                    seen.lock().unwrap_or_else(PoisonError::into_inner).mails.push(content);
                }
                socket.write_all(format!("{end}\r\n").as_bytes()).await?;
            }
            _ => {}
        }
    }
}

fn hello(extensions: &[&str]) -> String {
    let mut lines = vec!["quirks.test"];
    lines.extend(extensions);
    let last = lines.len() - 1;
    let line = |(n, line): (usize, &&str)| format!("250{}{line}", if n == last { ' ' } else { '-' });
    lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\r\n")
}

/// Accepts everything: LOGIN asks for the name and the password.
async fn login(socket: &mut BufReader<TcpStream>, line: &str) -> std::io::Result<String> {
    if line.starts_with("AUTH LOGIN") {
        for question in ["334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n"] {
            socket.write_all(question.as_bytes()).await?;
            socket.read_line(&mut String::new()).await?;
        }
    }
    Ok("235 welcome".to_owned())
}

async fn content(socket: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut content = String::new();
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(content);
        }
        content.push_str(&line.replace("\r\n", "\n"));
    }
}
