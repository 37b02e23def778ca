//! Delivers the enqueued emails. Every instance runs it, and each email is claimed by one instance
//! at a time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use super::compose::{ComposeError, Composer};
use super::schedule::{claim_ttl, retry_interval};
use super::smtp::{SendError, Smtp};
use super::{MailError, logs_emails};
use crate::config::Settings;
use crate::domain::clock::Clock;
use crate::domain::email_message::EmailMessage;
use crate::domain::random::Random;
use crate::security::SecretKey;
use crate::security::email_messages::decrypt_message;
use crate::store::{ClaimedMail, Store, StoreError};
use crate::telemetry::{Metrics, Recurring, crash_point, error_chain};

/// An email is not sent at the moment when it is enqueued, so that the work for it does not slow
/// down the response to the next request: a client could measure which addresses have an account.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The enqueued emails are counted at every such poll.
const POLLS_PER_COUNT: u32 = 10;

/// The longest wait of a shutdown for the deliveries in flight.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

pub struct MailWorkerParts {
    pub store: Store,
    /// Decrypts the emails.
    pub secret: Arc<SecretKey>,
    pub clock: Arc<dyn Clock>,
    /// Spreads the retries.
    pub random: Arc<dyn Random>,
    pub metrics: Arc<Metrics>,
}

enum Transport {
    Smtp(Box<Smtp>),
    /// Emails are logged for a developer and not sent.
    Log,
}

pub struct MailWorker {
    parts: MailWorkerParts,
    composer: Composer,
    transport: Transport,
    concurrency: u32,
    claim_ttl: Duration,
    retry_for: Duration,
}

enum DeliveryOutcome {
    Sent,
    Retry(SendError),
    GiveUp(SendError),
    /// The service stops: the next claim retries.
    Abandoned,
}

impl MailWorker {
    /// `None` when no email can be sent or logged.
    pub fn new(settings: &Settings, parts: MailWorkerParts) -> Result<Option<Self>, MailError> {
        let mail = &settings.mail;
        let transport = match &mail.host {
            Some(host) => Transport::Smtp(Box::new(Smtp::new(settings, host)?)),
            None if logs_emails(settings) => {
                tracing::warn!(
                    "no mail server (mail.host): emails are logged here, since events.environment is development"
                );
                Transport::Log
            }
            None => return Ok(None),
        };
        Ok(Some(Self {
            composer: Composer::new(settings)?,
            parts,
            transport,
            concurrency: mail.max_connections,
            claim_ttl: claim_ttl(mail.timeout),
            retry_for: mail.retry_for,
        }))
    }

    /// Deliver what is due until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let failures = Recurring::new("emails cannot be claimed");
        let mut round = 0_u32;
        loop {
            match self.poll(round, &stop).await {
                Ok(()) => failures.succeeded(),
                Err(error) => failures.failed(&error),
            }
            round = round.wrapping_add(1);
            if let Transport::Smtp(smtp) = &self.transport {
                smtp.close_idle();
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
    }

    async fn poll(&self, round: u32, stop: &CancellationToken) -> Result<(), StoreError> {
        let mut delivered = false;
        while !stop.is_cancelled() {
            let now = self.parts.clock.now();
            let claimed = self.parts.store.claim_mails(now, self.claim_ttl, self.concurrency).await?;
            if claimed.is_empty() {
                break;
            }
            crash_point::reach("mail_claimed");
            delivered = true;
            let mut deliveries: FuturesUnordered<_> = claimed.iter().map(|mail| self.deliver(mail, stop)).collect();
            while deliveries.next().await.is_some() {}
        }
        if delivered || round.is_multiple_of(POLLS_PER_COUNT) {
            self.parts.metrics.mails_waiting.set(self.parts.store.count_waiting_mails().await?);
        }
        Ok(())
    }

    async fn deliver(&self, mail: &ClaimedMail, stop: &CancellationToken) {
        let outcome = tokio::select! {
            outcome = self.attempt(mail) => outcome,
            () = async { stop.cancelled().await; tokio::time::sleep(SHUTDOWN_TIMEOUT).await } => DeliveryOutcome::Abandoned,
        };
        if let Err(error) = self.settle(mail, outcome).await {
            // It is retried when the claim expires: twice is better than never.
            tracing::warn!(mail = %mail.id, error = %error_chain(&error), "email cannot be settled; retrying later");
        }
    }

    async fn attempt(&self, mail: &ClaimedMail) -> DeliveryOutcome {
        let message = match decrypt_message(&self.parts.secret, mail.id, mail.kind, &mail.sealed) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(mail = %mail.id, error = %error_chain(&error), "email cannot be decrypted");
                return DeliveryOutcome::GiveUp(SendError::of_email("unreadable"));
            }
        };
        let outcome = match &self.transport {
            Transport::Smtp(smtp) => self.send(smtp, mail, &message).await,
            Transport::Log => self.log(mail, &message),
        };
        outcome.unwrap_or_else(|error| {
            tracing::error!(mail = %mail.id, error = %error_chain(&error), "email cannot be composed");
            DeliveryOutcome::GiveUp(SendError::of_email("unwritable"))
        })
    }

    async fn send(
        &self,
        smtp: &Smtp,
        mail: &ClaimedMail,
        message: &EmailMessage,
    ) -> Result<DeliveryOutcome, ComposeError> {
        let email = self.composer.compose(mail.id, mail.kind, message, mail.created_at)?;
        let answer = smtp.send(&email).await;
        crash_point::reach("mail_handed_over");
        Ok(match answer {
            Ok(()) => DeliveryOutcome::Sent,
            Err(error) if error.is_permanent => DeliveryOutcome::GiveUp(error),
            Err(error) => DeliveryOutcome::Retry(error),
        })
    }

    /// The only place where a code is logged, and only in development without a mail server.
    fn log(&self, mail: &ClaimedMail, message: &EmailMessage) -> Result<DeliveryOutcome, ComposeError> {
        let texts = self.composer.texts(mail.kind, message)?;
        tracing::warn!(
            "DEVELOPMENT: no mail server is configured, so this mail is shown and not sent\nTo: {}\nSubject: {}\n\n{}",
            message.to,
            texts.subject,
            texts.text
        );
        Ok(DeliveryOutcome::Sent)
    }

    async fn settle(&self, mail: &ClaimedMail, outcome: DeliveryOutcome) -> Result<(), StoreError> {
        let (store, metrics, now) = (&self.parts.store, &self.parts.metrics, self.parts.clock.now());
        match outcome {
            DeliveryOutcome::Sent => {
                metrics.mail_sent();
                store.mark_mail_sent(mail.id, now).await
            }
            DeliveryOutcome::Retry(SendError { reason, answer, .. }) if now - mail.created_at < self.retry_for => {
                let answer = answer.map(tracing::field::display);
                metrics.mail_failed(reason);
                let mut spread = [0_u8];
                self.parts.random.fill(&mut spread);
                let [spread] = spread;
                tracing::warn!(mail = %mail.id, attempt = mail.attempt, reason, answer, "email not delivered; retrying");
                store.mark_mail_failed(mail, now, retry_interval(mail.attempt, spread), reason).await
            }
            DeliveryOutcome::Retry(SendError { reason, answer, .. })
            | DeliveryOutcome::GiveUp(SendError { reason, answer, .. }) => {
                let answer = answer.map(tracing::field::display);
                metrics.mail_dead(reason);
                tracing::error!(mail = %mail.id, attempt = mail.attempt, reason, answer, "email not delivered; giving up");
                store.mark_mail_dead(mail, now, reason).await
            }
            DeliveryOutcome::Abandoned => Ok(()),
        }
    }
}
