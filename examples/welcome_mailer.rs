//! Sends a welcome mail to every new account, over SMTP; prints it when no mail server is configured.
//!
//! It shows a **durable** subscriber: the server keeps its place under the name `welcome-mailer`, so accounts
//! that register while it is not running get their mail when it is. An event is acknowledged when the handler
//! answers `Ok`; until then it comes again. So the mailer keeps the ids of the events it has dealt with, in a
//! SQLite file: an event that comes twice makes one mail. Only a crash between the mail and the note makes two,
//! which then have the same `Message-ID`; none is never made.
//!
//! ```sh
//! cargo run --example welcome_mailer
//! docker compose up -d mail   # shows what it gets on http://localhost:8025
//! SMTP_URL=smtp://127.0.0.1:1025 cargo run --example welcome_mailer
//! SMTP_URL='smtps://user:password@smtp.example.com' MAIL_FROM='Ada <ada@example.com>' cargo run --example welcome_mailer
//! ```
//!
//! Start it two times in one directory: the two share the accounts between them. `NATS_URL` says where NATS is,
//! `WELCOME_MAILER_DB` where the file is (default `welcome_mailer.db`).

use std::error::Error;

use anyhow::Context as _;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use sqlx::SqlitePool;
use watchword_events::{AuthEvent, EventKind, Failure, Received, Subscriber};
use watchword_examples::{NATS_HELP, ctrl_c, nats_url, setting, show_warnings};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    show_warnings();
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
    /// Nothing when mails are printed.
    smtp: Option<AsyncSmtpTransport<Tokio1Executor>>,
    /// The ids of the events that have their mail.
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
                    .context("SMTP_URL is not an SMTP address")?
                    .build();
                let help = "the mail server cannot be reached: SMTP_URL says where it is";
                smtp.test_connection().await.context(help)?;
                Some(smtp)
            }
        };
        Ok(Self { from, smtp, sent })
    }

    async fn welcome(&self, received: Received) -> Result<(), Failure> {
        let Some(AuthEvent::Registered(account)) = &received.event else {
            return Ok(());
        };
        let id = received.id.to_string();
        let known = sqlx::query("SELECT 1 FROM sent WHERE event_id = ?").bind(&id);
        if known.fetch_optional(&self.sent).await?.is_some() {
            return Ok(());
        }
        // No second attempt will find an address: unless `events.pii` is "full" the service does not send it. The
        // event becomes a dead letter, where someone can look at it.
        let address = account
            .email
            .as_deref()
            .filter(|address| !address.contains("***"))
            .ok_or_else(|| Failure::poison("the event has no full address"))?;
        let name = account.name.as_deref().unwrap_or("you");
        self.send(&id, address, name, &received).await?;
        // Any error here or above is worth another attempt, and `?` says so.
        let note = sqlx::query("INSERT INTO sent VALUES (?) ON CONFLICT DO NOTHING").bind(&id);
        note.execute(&self.sent).await?;
        Ok(())
    }

    async fn send(&self, id: &str, address: &str, name: &str, received: &Received) -> Result<(), Failure> {
        let Some(smtp) = &self.smtp else {
            print(address, name);
            return Ok(());
        };
        let mail = self.compose(id, address, name, received).map_err(Failure::Poison)?;
        match smtp.send(mail).await {
            Ok(_) => Ok(()),
            // Such as "no such mailbox": the server will say it again.
            Err(error) if error.is_permanent() => Err(Failure::poison(error)),
            Err(error) => Err(Failure::retry(error)),
        }
    }

    fn compose(
        &self,
        id: &str,
        address: &str,
        name: &str,
        received: &Received,
    ) -> Result<Message, Box<dyn Error + Send + Sync>> {
        let since = received.timestamp.date();
        Ok(Message::builder()
            .message_id(Some(format!("<{id}@watchword>")))
            .from(self.from.parse()?)
            .to(address.parse()?)
            .subject(format!("Welcome, {name}!"))
            .header(ContentType::TEXT_PLAIN)
            .body(format!("Hello {name},\n\nyour account exists since {since}.\n"))?)
    }
}

#[expect(clippy::print_stdout, reason = "it stands for a mail server")]
fn print(address: &str, name: &str) {
    println!("To: {address} | Subject: Welcome, {name}!");
}
