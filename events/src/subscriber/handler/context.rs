//! Decoding messages for a handler, and settling them at the server afterwards.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::{self, AckKind, Context as JetStream, Message};
use async_nats::{Client, Request};
use tokio::time::timeout;
use tracing::{debug, error, warn};

use super::dead_letter;
use super::failures::Failures;
use super::outage::Outage;
use super::verdict::Verdict;
use crate::catalogue::EventKind;
use crate::received::ReceivedEvent;
use crate::subscriber::builder::{Durable, Subscriber};
use crate::subscriber::connection::Connected;
use crate::subscriber::delivery::{Handled, HandlerError, InFlight, error_chain};
use crate::subscriber::metrics::DeliveryOutcome;
use crate::subscriber::pull::buffer::{progress_interval, report_progress, ticks};

/// How long the server may take to confirm an acknowledgement.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(5);
/// After how long an event is delivered again that this program could not hold.
const GIVE_BACK_TIME: Duration = Duration::from_secs(2);

/// What a subscriber's handlers share: the connection and the settings.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) jetstream: JetStream,
    pub(crate) subscriber: Subscriber<Durable>,
    /// The failures of each event, where the server's count of deliveries says nothing about them.
    failures: Option<Failures>,
    pub(crate) outage: Outage,
    may_read_stream: AtomicBool,
}

/// The consumer's own limits. An administrator may have set others than the subscriber's.
#[derive(Clone, Copy)]
pub(crate) struct ConsumerLimits {
    pub(crate) ack_wait: Duration,
    pub(crate) max_deliver: Option<u32>,
}

impl ConsumerLimits {
    /// Whether half of the message's attempts are used.
    pub(crate) fn is_half_used(&self, in_flight: &InFlight) -> bool {
        self.max_deliver.is_some_and(|last| in_flight.delivery.attempt.saturating_mul(2) >= last)
    }

    /// Whether the server will not deliver the message again.
    pub(crate) fn is_last_attempt(&self, in_flight: &InFlight) -> bool {
        self.max_deliver.is_some_and(|last| in_flight.delivery.attempt >= last)
    }
}

impl Connected<Durable> {
    pub(crate) fn into_context(self) -> Context {
        let Self { subscriber, client } = self;
        Context {
            jetstream: jetstream::new(client.clone()),
            client,
            may_read_stream: AtomicBool::new(true),
            failures: subscriber.mode.hole_timeout.map(|_| Failures::default()),
            outage: Outage::default(),
            subscriber,
        }
    }
}

impl Context {
    pub(crate) fn durable(&self) -> &str {
        &self.subscriber.mode.name
    }

    /// Whether this user may read the stream's state, as far as it is known.
    pub(crate) fn may_read_stream(&self) -> bool {
        self.may_read_stream.load(Ordering::Relaxed)
    }

    /// The server did not answer: it does not answer a user who may not ask.
    pub(crate) fn must_not_read_stream(&self) {
        self.may_read_stream.store(false, Ordering::Relaxed);
    }

    pub(crate) fn report_received(&self, in_flight: &InFlight) {
        let observer = &self.subscriber.mode.observer;
        observer.received(&in_flight.message.subject, &in_flight.delivery);
    }

    /// Returns the event of a wanted message, or the verdict on a message that no handler gets.
    pub(crate) fn decode(&self, in_flight: &InFlight) -> Result<ReceivedEvent, Verdict> {
        let wanted = &self.subscriber.events;
        let kind = || EventKind::from_subject(&in_flight.message.subject);
        if !wanted.is_empty() && kind().is_none_or(|kind| !wanted.contains(&kind)) {
            return Err(Verdict::Done(Handled::Unwanted));
        }
        ReceivedEvent::from_json(&in_flight.message.payload).map_err(|error| Verdict::Poison(error_chain(&error)))
    }

    /// Takes note of the verdict on an event, or on a batch, by stream sequence: while everything
    /// fails, what failed is kept.
    pub(crate) fn weigh(&self, sequences: &[u64], verdict: Verdict) -> Verdict {
        self.outage.weigh(self.durable(), sequences, self.subscriber.mode.backoff, verdict)
    }

    /// Sends the verdict to the server. Returns the outcome of the delivery.
    pub(crate) async fn settle(
        &self,
        in_flight: &InFlight,
        limits: ConsumerLimits,
        verdict: Verdict,
        took: Duration,
    ) -> DeliveryOutcome {
        let outcome = match verdict {
            Verdict::Done(handled) => self.acknowledge(in_flight, handled).await,
            Verdict::Retry(reason) => {
                let failures = self.count_failure(in_flight);
                if failures.is_some_and(|count| count >= self.subscriber.mode.max_deliver)
                    || limits.is_last_attempt(in_flight)
                {
                    let attempts = failures.unwrap_or(in_flight.delivery.attempt);
                    let reason = format!("given up after {attempts} attempts: {reason}");
                    self.dead_letter(in_flight, &reason).await
                } else {
                    warn!(reason, "event failed; retrying");
                    self.retry_later(in_flight).await
                }
            }
            Verdict::Poison(reason) => self.dead_letter(in_flight, &reason).await,
            Verdict::Keep(reason) => {
                debug!(reason, "event failed; keeping it");
                DeliveryOutcome::Kept
            }
        };
        if !matches!(outcome, DeliveryOutcome::Retried | DeliveryOutcome::Kept)
            && let Some(failures) = &self.failures
        {
            failures.forget(in_flight.delivery.stream_sequence);
        }
        self.subscriber.mode.observer.settled(&in_flight.message.subject, outcome, took);
        outcome
    }

    async fn acknowledge(&self, in_flight: &InFlight, handled: Handled) -> DeliveryOutcome {
        let outcome = match handled {
            Handled::Applied => DeliveryOutcome::Acked,
            Handled::Duplicate => {
                debug!("event was applied before");
                DeliveryOutcome::Duplicate
            }
            Handled::Unwanted => {
                debug!("event skipped; the durable delivers more events than the subscriber wants");
                DeliveryOutcome::Skipped
            }
            Handled::Ahead { missing } => return self.give_back(in_flight, missing).await,
        };
        // The server confirms it, so that an acknowledgement is not lost with a connection. If it
        // is lost all the same, the event is redelivered, which delivery at least once allows.
        self.send_answer(&in_flight.message, AckKind::Ack, outcome).await;
        outcome
    }

    /// Returns an event to the server that cannot be held, until earlier events of its user may be
    /// applied.
    pub(crate) async fn give_back(&self, in_flight: &InFlight, missing: i64) -> DeliveryOutcome {
        debug!(missing, "event given back; earlier events of its user are not applied");
        let outcome = DeliveryOutcome::GivenBack;
        self.send_answer(&in_flight.message, AckKind::Nak(Some(GIVE_BACK_TIME)), outcome).await;
        outcome
    }

    /// Counts a failure, where the server's count of deliveries says nothing about failures.
    fn count_failure(&self, in_flight: &InFlight) -> Option<u32> {
        self.failures.as_ref().map(|failures| failures.count(in_flight.delivery.stream_sequence))
    }

    /// Runs a handler, for at most its timeout.
    pub(crate) async fn verdict(&self, handler: impl Future<Output = Result<Handled, HandlerError>>) -> Verdict {
        let verdict = Verdict::of(handler);
        match self.subscriber.mode.handler_timeout {
            None => verdict.await,
            Some(limit) => timeout(limit, verdict)
                .await
                .unwrap_or_else(|_| Verdict::Retry(format!("the handler took longer than {limit:?}"))),
        }
    }

    /// Gives up an event, but not before a stream has stored its dead letter. Without one the event
    /// is retried; after the last attempt the server reports it, and it stays in the stream.
    async fn dead_letter(&self, in_flight: &InFlight, reason: &str) -> DeliveryOutcome {
        let Durable { name, dead_letters, .. } = &self.subscriber.mode;
        if *dead_letters {
            let stream = &self.subscriber.stream;
            let published = dead_letter::publish(&self.jetstream, name, stream, in_flight, reason).await;
            if let Err(error) = published {
                error!(
                    error = &*error,
                    reason,
                    subject = dead_letter::subject(name),
                    "dead letter not stored; the event is retried as long as it has attempts left, and then only \
                     stays in the stream: no stream has the subject, or this user may not publish on it",
                );
                self.count_failure(in_flight);
                return self.retry_later(in_flight).await;
            }
        }
        error!(reason, dead_letter = dead_letters, "event given up");
        let outcome = DeliveryOutcome::DeadLettered;
        self.send_answer(&in_flight.message, AckKind::Term, outcome).await;
        outcome
    }

    pub(crate) async fn retry_later(&self, in_flight: &InFlight) -> DeliveryOutcome {
        let sequence = in_flight.delivery.stream_sequence;
        let failures = self.failures.as_ref().map(|failures| failures.of(sequence));
        let wait = self.subscriber.mode.backoff.after(failures.unwrap_or(in_flight.delivery.attempt));
        let outcome = DeliveryOutcome::Retried;
        self.send_answer(&in_flight.message, AckKind::Nak(Some(wait)), outcome).await;
        outcome
    }

    async fn send_answer(&self, message: &Message, answer: AckKind, outcome: DeliveryOutcome) {
        if let Err(error) = self.request_confirmation(message, answer).await {
            warn!(
                error = &*error,
                ?answer,
                subject = message.reply.as_deref(),
                "answer not confirmed; the server is unavailable, or this user may not publish on the subject",
            );
            self.subscriber.mode.observer.unconfirmed(&message.subject, outcome);
        }
    }

    /// Sends a request over the client's one reply subscription. `double_ack` would create one each
    /// time, and take "no responders" for a confirmation.
    async fn request_confirmation(
        &self,
        message: &Message,
        answer: AckKind,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let reply = message.reply.clone().ok_or("the message has no reply subject")?;
        let request = Request::new().payload(answer.into()).timeout(Some(CONFIRM_TIMEOUT));
        self.client.send_request(reply, request).await?;
        Ok(())
    }
}

/// Reports progress while `work` runs, so that the server does not redeliver the messages.
pub(crate) async fn keep_alive<T>(messages: &[InFlight], ack_wait: Duration, work: impl Future<Output = T>) -> T {
    let mut progress_ticks = ticks(progress_interval(ack_wait));
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            _ = progress_ticks.tick() => report_progress(messages).await,
        }
    }
}
