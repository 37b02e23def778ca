//! Telling the server what became of a message.

use std::error::Error;
use std::time::Duration;

use async_nats::jetstream::{AckKind, Context, Message};
use async_nats::{Client, Request};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{debug, error, warn};

use super::delivery::{Handled, Held};
use super::intake::progress_period;
use super::metrics::Outcome;
use super::{Durable, Subscriber, dead_letter};

/// How long the server may take to confirm.
const CONFIRMATION: Duration = Duration::from_secs(5);

/// What a subscriber's handlers have in common: the connection and the settings.
pub(super) struct Desk {
    pub(super) client: Client,
    pub(super) context: Context,
    pub(super) subscriber: Subscriber<Durable>,
}

/// The consumer's own limits; an administrator may have set others than the subscriber asks for.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) ack_wait: Duration,
    pub(super) max_deliver: Option<u32>,
}

impl Limits {
    /// Whether the server will not deliver the message another time.
    pub(super) fn is_last(&self, held: &Held) -> bool {
        self.max_deliver.is_some_and(|last| held.delivery.attempt >= last)
    }
}

/// What shall become of a message.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    Done(Handled),
    Retry(String),
    Poison(String),
}

impl Desk {
    /// Tells the server. Returns what became of the message.
    pub(super) async fn settle(&self, held: &Held, limits: Limits, verdict: Verdict, took: Duration) -> Outcome {
        let outcome = match verdict {
            Verdict::Done(handled) => self.acknowledge(held, handled).await,
            Verdict::Retry(reason) if limits.is_last(held) => {
                let reason = format!("given up after {} attempts: {reason}", held.delivery.attempt);
                self.bury(held, &reason).await
            }
            Verdict::Retry(reason) => {
                warn!(reason, "the event will be tried again");
                self.put_back(held).await
            }
            Verdict::Poison(reason) => self.bury(held, &reason).await,
        };
        self.subscriber
            .mode
            .observer
            .settled(&held.message.subject, outcome, took);
        outcome
    }

    async fn acknowledge(&self, held: &Held, handled: Handled) -> Outcome {
        let outcome = match handled {
            Handled::Now => Outcome::Acked,
            Handled::Before => {
                debug!("the event was dealt with before");
                Outcome::Duplicate
            }
            Handled::Unwanted => {
                debug!("the durable delivers more than is asked for; the event is passed over");
                Outcome::Skipped
            }
        };
        // Answered by the server, so that "done" is not lost with a connection. If it is, the event comes again, and
        // that is within the promise.
        self.tell(&held.message, AckKind::Ack, outcome).await;
        outcome
    }

    /// Nothing is given up before the dead letter is safe: without it the event is tried again, and after the
    /// last attempt the server reports it and it stays in the stream.
    async fn bury(&self, held: &Held, reason: &str) -> Outcome {
        let Durable { name, dead_letters, .. } = &self.subscriber.mode;
        if *dead_letters {
            let stream = &self.subscriber.stream;
            let letter = dead_letter::publish(&self.context, name, stream, held, reason).await;
            if let Err(error) = letter {
                error!(
                    error = &*error,
                    reason,
                    "the event cannot be handled, and its dead letter is not taken: no stream listens on {}{name}, \
                     or this user may not publish there",
                    dead_letter::DLQ_SUBJECT_PREFIX,
                );
                return self.put_back(held).await;
            }
        }
        error!(reason, dead_letter = dead_letters, "the event is given up");
        self.tell(&held.message, AckKind::Term, Outcome::DeadLettered).await;
        Outcome::DeadLettered
    }

    async fn put_back(&self, held: &Held) -> Outcome {
        let wait = self.subscriber.mode.backoff.after(held.delivery.attempt);
        self.tell(&held.message, AckKind::Nak(Some(wait)), Outcome::Retried)
            .await;
        Outcome::Retried
    }

    async fn tell(&self, message: &Message, answer: AckKind, outcome: Outcome) {
        if let Err(error) = self.confirm(message, answer).await {
            let subject = message.reply.as_deref();
            warn!(
                error = &*error,
                answer = ?answer,
                "not confirmed by the server: it is away, or this user may not publish on {}",
                subject.unwrap_or_default(),
            );
            self.subscriber.mode.observer.unconfirmed(&message.subject, outcome);
        }
    }

    /// A request over the client's one reply subscription, where `double_ack` makes a new one each time and takes
    /// "nobody is listening" for a confirmation.
    async fn confirm(&self, message: &Message, answer: AckKind) -> Result<(), Box<dyn Error + Send + Sync>> {
        let reply = message.reply.clone().ok_or("the message has no reply subject")?;
        let request = Request::new().payload(answer.into()).timeout(Some(CONFIRMATION));
        self.client.send_request(reply, request).await?;
        Ok(())
    }
}

/// Tells the server now and then that the work goes on, so that it does not give the messages to someone else.
pub(super) async fn keep_alive<T>(messages: &[Held], ack_wait: Duration, work: impl Future<Output = T>) -> T {
    let period = progress_period(ack_wait);
    let mut tick = interval_at(Instant::now() + period, period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            _ = tick.tick() => for held in messages {
                if let Err(error) = held.message.ack_with(AckKind::Progress).await {
                    warn!(error = &*error, "progress could not be reported");
                }
            }
        }
    }
}
