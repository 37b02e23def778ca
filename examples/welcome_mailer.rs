//! Sends a welcome mail to every new account over SMTP, or prints it if no mail server is
//! configured.
//!
//! It shows a **durable** subscriber: the server keeps its position under the name
//! `welcome-mailer`, so accounts that register while it is stopped get their mail when it runs
//! again. The server redelivers an event until the handler returns `Ok`. Therefore the mailer
//! records the ids of handled events in a SQLite file, and sends one mail for a duplicate. Only a
//! crash between sending and recording sends a second mail, with the same `Message-ID`. No account
//! is left without a mail.
//!
//! ```sh
//! cargo run --example welcome_mailer
//! docker compose up -d mail   # a mail server that shows its mails on http://localhost:8025
//! SMTP_URL=smtp://127.0.0.1:1025 cargo run --example welcome_mailer
//! SMTP_URL='smtps://user:password@smtp.example.com' MAIL_FROM='Ada <ada@example.com>' \
//!   cargo run --example welcome_mailer
//! ```
//!
//! Start it twice in one directory, and the two programs share the accounts. Settings: `NATS_URL`,
//! `SMTP_URL`, `MAIL_FROM`, and `WELCOME_MAILER_DB`, the path of the file (default
//! `welcome_mailer.db`).

use std::error::Error;

use anyhow::Context as _;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use sqlx::SqlitePool;
use watchword_events::{AuthEvent, EventKind, HandlerError, ReceivedEvent, Subscriber};
use watchword_examples::{NATS_HELP, ctrl_c, init_logging, nats_url, setting};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    init_logging();
    let mailer = Mailer::open().await?;
    Subscriber::durable("welcome-mailer")
        .events([EventKind::Registered])
        .stop_on(ctrl_c())
        .connect(&nats_url())
        .await
        .context(NATS_HELP)?
        .run(move |received, _delivery| {
            let mailer = mailer.clone();
            async move { mailer.welcome(received).await }
        })
        .await?;
    Ok(())
}

#[derive(Clone)]
struct Mailer {
    from: String,
    /// `None` prints mails.
    smtp: Option<AsyncSmtpTransport<Tokio1Executor>>,
    /// The ids of the events whose mail was sent.
    sent: SqlitePool,
}

impl Mailer {
    async fn open() -> anyhow::Result<Self> {
        let file = setting("WELCOME_MAILER_DB", "welcome_mailer.db");
        let sent = SqlitePool::connect(&format!("sqlite://{file}?mode=rwc"))
            .await
            .with_context(|| format!("cannot open {file}"))?;
        sqlx::query("CREATE TABLE IF NOT EXISTS sent (event_id TEXT PRIMARY KEY) WITHOUT ROWID")
            .execute(&sent)
            .await?;
        let from = setting("MAIL_FROM", "Watchword <welcome@localhost>");
        let smtp = match setting("SMTP_URL", "") {
            url if url.is_empty() => None,
            url => {
                let smtp = AsyncSmtpTransport::<Tokio1Executor>::from_url(&url)
                    .context("SMTP_URL is not an SMTP URL")?
                    .build();
                let help = "cannot reach the mail server: start it, or set SMTP_URL";
                smtp.test_connection().await.context(help)?;
                Some(smtp)
            }
        };
        Ok(Self { from, smtp, sent })
    }

    async fn welcome(&self, received: ReceivedEvent) -> Result<(), HandlerError> {
        let Some(AuthEvent::Registered(account)) = &received.event else {
            return Ok(());
        };
        let id = received.id.to_string();
        let known = sqlx::query("SELECT 1 FROM sent WHERE event_id = ?").bind(&id);
        if known.fetch_optional(&self.sent).await?.is_some() {
            return Ok(());
        }
        // A retry would not find an address: the service includes it only if `events.pii` is
        // `full`. The event becomes a dead letter, which an operator can read.
        let address = account
            .email
            .as_deref()
            .filter(|address| !address.contains("***"))
            .ok_or_else(|| HandlerError::poison("the event has no full address"))?;
        let name = account.name.as_deref().unwrap_or("you");
        self.send(&id, address, name, &received).await?;
        // `?` retries after any error, here and above.
        let insert = sqlx::query("INSERT INTO sent VALUES (?) ON CONFLICT DO NOTHING").bind(&id);
        insert.execute(&self.sent).await?;
        Ok(())
    }

    async fn send(&self, id: &str, address: &str, name: &str, received: &ReceivedEvent) -> Result<(), HandlerError> {
        let Some(smtp) = &self.smtp else {
            print(address, name);
            return Ok(());
        };
        let mail = self.compose(id, address, name, received).map_err(HandlerError::Poison)?;
        match smtp.send(mail).await {
            Ok(_) => Ok(()),
            // Such as an unknown mailbox: a retry would fail again.
            Err(error) if error.is_permanent() => Err(HandlerError::poison(error)),
            Err(error) => Err(HandlerError::retry(error)),
        }
    }

    fn compose(
        &self,
        id: &str,
        address: &str,
        name: &str,
        received: &ReceivedEvent,
    ) -> Result<Message, Box<dyn Error + Send + Sync>> {
        let date = received.timestamp.date();
        Ok(Message::builder()
            .message_id(Some(format!("<{id}@watchword>")))
            .from(self.from.parse()?)
            .to(address.parse()?)
            .subject(format!("Welcome, {name}!"))
            .header(ContentType::TEXT_PLAIN)
            .body(format!("Hello {name},\n\nYou created your account on {date}.\n"))?)
    }
}

#[expect(clippy::print_stdout, reason = "this example prints mails")]
fn print(address: &str, name: &str) {
    println!("To: {address} | Subject: Welcome, {name}!");
}
