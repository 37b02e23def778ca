//! Sends the mails that wait, at every instance, each by one of them at a time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::compose::{ComposeError, Composer};
use super::schedule::{lease, pause};
use super::transport::{Refusal, Smtp};
use super::{MailError, shows};
use crate::config::Settings;
use crate::domain::email_message::EmailMessage;
use crate::domain::random::Random;
use crate::security::SecretKey;
use crate::security::letters::open_letter;
use crate::store::{ClaimedMail, Store, StoreError};
use crate::telemetry::{Metrics, causes, crash_point};

/// How often it looks for mails. A mail is not sent at the moment when it is written, so that the work for one that exists does
/// not slow down the answer to the next request: whoever measures would learn which addresses have an account.
const LOOK: Duration = Duration::from_secs(1);

/// How often the waiting mails are counted.
const COUNT_EVERY: u32 = 10;

/// How long a stop waits for mails that are being handed over.
const GRACE: Duration = Duration::from_secs(3);

/// Where the time comes from.
pub type Clock = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// What the worker works with.
pub struct MailWorkerParts {
    /// Where mails wait.
    pub store: Store,
    /// Opens them.
    pub secret: Arc<SecretKey>,
    /// The time.
    pub now: Clock,
    /// Spreads the tries.
    pub random: Arc<dyn Random>,
    /// Counts them.
    pub metrics: Arc<Metrics>,
}

/// Where mails go.
enum Way {
    Server(Smtp),
    /// Nowhere: a developer reads them in the log.
    Log,
}

/// Sends mails.
pub struct MailWorker {
    parts: MailWorkerParts,
    composer: Composer,
    way: Way,
    at_once: u32,
    lease: Duration,
    retry_for: Duration,
}

/// What became of a try.
enum Outcome {
    Sent,
    Later(&'static str),
    Never(&'static str),
    /// The service stops: whoever claims it next tries again.
    Left,
}

impl MailWorker {
    /// A worker as configured; none when there is no way for a mail to go.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn new(settings: &Settings, parts: MailWorkerParts) -> Result<Option<Self>, MailError> {
        let mail = &settings.mail;
        let way = match &mail.host {
            Some(host) => Way::Server(Smtp::new(mail, host)?),
            None if shows(settings) => {
                tracing::warn!("no mail server (mail.host): in this environment, development, mails are shown here");
                Way::Log
            }
            None => return Ok(None),
        };
        Ok(Some(Self {
            composer: Composer::new(settings)?,
            parts,
            way,
            at_once: mail.max_connections,
            lease: lease(mail.timeout),
            retry_for: mail.retry_for,
        }))
    }

    /// Sends what is due until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut round = 0_u32;
        loop {
            if let Err(error) = self.look(round, &stop).await {
                tracing::warn!(error = %causes(&error), "mails could not be looked for");
            }
            round = round.wrapping_add(1);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn look(&self, round: u32, stop: &CancellationToken) -> Result<(), StoreError> {
        let mut some = false;
        while !stop.is_cancelled() {
            let now = (self.parts.now)();
            let claimed = self
                .parts
                .store
                .claim_mails(now, now + self.lease, self.at_once)
                .await?;
            if claimed.is_empty() {
                break;
            }
            crash_point::reach("mail_claimed");
            some = true;
            let mut tries: FuturesUnordered<_> = claimed.iter().map(|mail| self.deal_with(mail, stop)).collect();
            while tries.next().await.is_some() {}
        }
        if some || round.is_multiple_of(COUNT_EVERY) {
            self.parts
                .metrics
                .mails_waiting
                .set(self.parts.store.count_waiting_mails().await?);
        }
        Ok(())
    }

    async fn deal_with(&self, mail: &ClaimedMail, stop: &CancellationToken) {
        let outcome = tokio::select! {
            outcome = self.try_once(mail) => outcome,
            () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => Outcome::Left,
        };
        if let Err(error) = self.settle(mail, outcome).await {
            // It is claimed until the lease is over, and then tried again: twice is better than never.
            tracing::warn!(mail = %mail.id, error = %causes(&error), "a mail could not be settled");
        }
    }

    async fn try_once(&self, mail: &ClaimedMail) -> Outcome {
        let letter = match open_letter(&self.parts.secret, mail.id, mail.kind, &mail.sealed) {
            Ok(letter) => letter,
            Err(error) => {
                tracing::error!(mail = %mail.id, error = %causes(&error), "a mail cannot be opened");
                return Outcome::Never("unreadable");
            }
        };
        let handed_over = match &self.way {
            Way::Server(smtp) => self.hand_over(smtp, mail, &letter).await,
            Way::Log => self.show(mail, &letter),
        };
        handed_over.unwrap_or_else(|error| {
            tracing::error!(mail = %mail.id, error = %causes(&error), "a mail cannot be written");
            Outcome::Never("unwritable")
        })
    }

    async fn hand_over(&self, smtp: &Smtp, mail: &ClaimedMail, letter: &EmailMessage) -> Result<Outcome, ComposeError> {
        let message = self.composer.message(mail.id, mail.kind, letter, mail.created_at)?;
        let answer = smtp.send(message).await;
        crash_point::reach("mail_handed_over");
        Ok(match answer {
            Ok(()) => Outcome::Sent,
            Err(Refusal::ForNow(reason)) => Outcome::Later(reason),
            Err(Refusal::ForGood) => Outcome::Never("refused"),
        })
    }

    /// The one place where a code is shown, and only where no mail server is configured in development.
    fn show(&self, mail: &ClaimedMail, letter: &EmailMessage) -> Result<Outcome, ComposeError> {
        let texts = self.composer.texts(mail.kind, letter)?;
        tracing::warn!(
            "DEVELOPMENT: no mail server is configured, so this mail is shown and not sent\nTo: {}\nSubject: {}\n\n{}",
            letter.to,
            texts.subject,
            texts.text
        );
        Ok(Outcome::Sent)
    }

    async fn settle(&self, mail: &ClaimedMail, outcome: Outcome) -> Result<(), StoreError> {
        let (store, metrics, now) = (&self.parts.store, &self.parts.metrics, (self.parts.now)());
        match outcome {
            Outcome::Sent => {
                metrics.mail_sent();
                store.mark_mail_sent(mail.id, now).await
            }
            Outcome::Later(reason) if now - mail.created_at < self.retry_for => {
                metrics.mail_failed(reason);
                let mut spread = [0_u8];
                self.parts.random.fill(&mut spread);
                let [spread] = spread;
                tracing::warn!(mail = %mail.id, attempt = mail.attempt, reason, "a mail could not be sent yet");
                store
                    .mark_mail_failed(mail, now + pause(mail.attempt, spread), reason)
                    .await
            }
            Outcome::Later(reason) | Outcome::Never(reason) => {
                metrics.mail_dead(reason);
                tracing::error!(mail = %mail.id, attempt = mail.attempt, reason, "a mail is given up");
                store.mark_mail_dead(mail, now, reason).await
            }
            Outcome::Left => Ok(()),
        }
    }
}
