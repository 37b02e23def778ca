//! Messages that were pulled and wait for a handler.
//!
//! A buffered message's `ack_wait` runs at the server, so the buffer reports progress for all of
//! them. What is left when reading ends is released at once, instead of waiting for the server's
//! timeout.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::BatchConfig;
use async_nats::jetstream::consumer::{PullConsumer, SequenceInfo};
use async_nats::jetstream::{AckKind, Context as JetStream, Message};
use async_nats::{Client, StatusCode, Subject};
use futures_util::StreamExt as _;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};
use tracing::warn;

use super::held::HeldMessages;
use crate::subscriber::delivery::{DeliveryInfo, InFlight};
use crate::subscriber::{HEARTBEAT_INTERVAL, PULL_TIMEOUT};

/// How often the connection and the heartbeat are checked.
const LIVENESS_INTERVAL: Duration = Duration::from_millis(250);
/// How long a release may take. The server redelivers what was not released after its own timeout.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why reading from a consumer stopped. A later attempt may succeed after each of them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the connection was lost, and its pull requests with it")]
    Reconnected,
    #[error("no heartbeat from the consumer: the server is unavailable, or this user may not publish on {0}")]
    MissedHeartbeat(String),
    #[error("no responders for the consumer: it was deleted, or JetStream is unavailable")]
    NoResponders,
    #[error("the server ended the pull request: {0}")]
    RequestEnded(String),
    #[error("the subscription is closed")]
    Closed,
    #[error(transparent)]
    Client(#[from] Box<dyn std::error::Error + Send + Sync>),
}

pub(crate) struct PullBuffer {
    consumer: PullConsumer,
    jetstream: JetStream,
    client: Client,
    inbox: Subject,
    subscription: async_nats::Subscriber,
    messages: VecDeque<InFlight>,
    /// Messages that wait for earlier ones, and not for a handler.
    pub(crate) held: HeldMessages,
    /// How many messages were requested and have not arrived.
    requested: usize,
    delivered: bool,
    last_heard: Instant,
    connects: u64,
    progress_ticks: Interval,
    liveness_ticks: Interval,
}

impl PullBuffer {
    pub(crate) async fn open(
        jetstream: &JetStream,
        client: &Client,
        consumer: &PullConsumer,
        ack_wait: Duration,
    ) -> Result<Self, ReadError> {
        let connects = client.statistics().connects.load(Ordering::Relaxed);
        let inbox = Subject::from(client.new_inbox());
        let subscription = client.subscribe(inbox.clone()).await.map_err(|error| ReadError::Client(error.into()))?;
        Ok(Self {
            consumer: consumer.clone(),
            jetstream: jetstream.clone(),
            client: client.clone(),
            inbox,
            subscription,
            messages: VecDeque::new(),
            held: HeldMessages::default(),
            requested: 0,
            delivered: false,
            last_heard: Instant::now(),
            connects,
            progress_ticks: ticks(progress_interval(ack_wait)),
            liveness_ticks: ticks(LIVENESS_INTERVAL),
        })
    }

    /// How many messages are buffered or requested.
    pub(crate) fn pending(&self) -> usize {
        self.messages.len() + self.requested
    }

    /// How many messages are buffered.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Removes the oldest buffered message.
    pub(crate) fn pop(&mut self) -> Option<InFlight> {
        self.messages.pop_front()
    }

    /// Puts back a message that was held, before all others.
    pub(crate) fn push_front(&mut self, in_flight: InFlight) {
        self.messages.push_front(in_flight);
    }

    /// Puts back a message that failed while everything fails, behind all others: those that were
    /// not tried yet come first.
    pub(crate) fn keep(&mut self, mut in_flight: InFlight) {
        in_flight.is_kept = true;
        self.messages.push_back(in_flight);
    }

    /// Puts the buffered messages in the order of the stream.
    pub(crate) fn sort(&mut self) {
        self.messages
            .make_contiguous()
            .sort_by_key(|in_flight| in_flight.delivery.stream_sequence);
    }

    /// Whether every message that is buffered or on its way has failed, and was kept.
    pub(crate) fn has_only_kept(&self) -> bool {
        self.requested == 0 && self.messages.iter().all(|in_flight| in_flight.is_kept)
    }

    /// The oldest buffered message.
    pub(crate) fn peek(&self) -> Option<&InFlight> {
        self.messages.front()
    }

    /// What the server must not redeliver yet.
    fn unsettled(&self) -> Vec<&InFlight> {
        self.messages.iter().chain(self.held.messages()).collect()
    }

    /// Whether any message was ever delivered.
    pub(crate) const fn has_delivered(&self) -> bool {
        self.delivered
    }

    /// Asks the server for the sequence up to which everything is settled, by this program or
    /// another.
    pub(crate) async fn ack_floor(&mut self) -> Result<SequenceInfo, ReadError> {
        let info = self.consumer.info().await.map_err(|error| ReadError::Client(error.into()))?;
        Ok(info.ack_floor)
    }

    /// How many messages the consumer delivers before it waits for acknowledgements.
    pub(crate) fn max_ack_pending(&self) -> usize {
        let limit = usize::try_from(self.consumer.cached_info().config.max_ack_pending);
        limit.ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX)
    }

    /// Requests `count` more messages, or as many as the consumer allows in one request.
    pub(crate) async fn request(&mut self, count: usize) -> Result<(), ReadError> {
        let config = &self.consumer.cached_info().config;
        let max_batch = usize::try_from(config.max_batch).ok().filter(|max| *max > 0);
        let max_expires = Some(config.max_expires).filter(|max| !max.is_zero());
        let count = count.min(max_batch.unwrap_or(usize::MAX));
        let expires = PULL_TIMEOUT.min(max_expires.unwrap_or(PULL_TIMEOUT));
        let request = BatchConfig {
            batch: count,
            expires: Some(expires),
            // The server requires at least two heartbeats before a request expires.
            idle_heartbeat: HEARTBEAT_INTERVAL.min(expires / 2),
            ..Default::default()
        };
        if self.requested == 0 {
            self.last_heard = Instant::now();
        }
        let sent = self.consumer.request_batch(request, self.inbox.clone()).await;
        sent.map_err(|error| ReadError::Client(error.into()))?;
        self.requested += count;
        Ok(())
    }

    /// Waits until a message arrives or a pull request ends. Cancelling the wait loses nothing.
    pub(crate) async fn poll_message(&mut self) -> Result<(), ReadError> {
        loop {
            tokio::select! {
                biased;
                next = self.subscription.next() => {
                    self.last_heard = Instant::now();
                    if self.accept(next.ok_or(ReadError::Closed)?)? {
                        return Ok(());
                    }
                }
                _ = self.progress_ticks.tick() => {
                    report_progress(self.unsettled()).await;
                }
                _ = self.liveness_ticks.tick() => self.check_liveness()?,
            }
        }
    }

    /// Buffers a message, or reads a status. Returns whether [`Self::pending`] may have changed.
    fn accept(&mut self, message: async_nats::Message) -> Result<bool, ReadError> {
        match message.status.unwrap_or(StatusCode::OK) {
            StatusCode::OK => {
                self.requested = self.requested.saturating_sub(1);
                self.delivered = true;
                let context = self.jetstream.clone();
                let message = Message { message, context };
                let delivery = DeliveryInfo::of(&message);
                self.messages.extend(delivery.map(|delivery| InFlight::new(message, delivery)));
                Ok(true)
            }
            StatusCode::IDLE_HEARTBEAT => Ok(false),
            StatusCode::TIMEOUT | StatusCode::NOT_FOUND => {
                let headers = message.headers.as_ref();
                let left = headers.and_then(|headers| headers.get("Nats-Pending-Messages"));
                let left = left.and_then(|left| left.as_str().parse().ok());
                self.requested = self.requested.saturating_sub(left.unwrap_or(self.requested));
                Ok(true)
            }
            StatusCode::NO_RESPONDERS => Err(ReadError::NoResponders),
            status => Err(ReadError::RequestEnded(message.description.unwrap_or_else(|| status.to_string()))),
        }
    }

    /// Fails when the connection was replaced, or the consumer no longer sends heartbeats.
    fn check_liveness(&self) -> Result<(), ReadError> {
        if self.client.statistics().connects.load(Ordering::Relaxed) != self.connects {
            return Err(ReadError::Reconnected);
        }
        if self.requested > 0 && self.last_heard.elapsed() > HEARTBEAT_INTERVAL * 2 {
            let info = self.consumer.cached_info();
            return Err(ReadError::MissedHeartbeat(format!(
                "$JS.API.CONSUMER.MSG.NEXT.{}.{}",
                info.stream_name, info.name
            )));
        }
        Ok(())
    }

    /// Returns to the server what is buffered or on its way, at once and in order.
    pub(crate) async fn release(mut self) {
        let drain = async {
            if self.requested > 0 && self.subscription.drain().await.is_ok() {
                while let Some(message) = self.subscription.next().await {
                    // The status of the requests no longer matters.
                    let _ = self.accept(message);
                }
            }
        };
        // A connection that is down would block it.
        let _ = timeout(RELEASE_TIMEOUT, drain).await;
        let unsettled = self.unsettled();
        if unsettled.is_empty() {
            return;
        }
        let nak_all = async {
            for in_flight in unsettled {
                in_flight.message.ack_with(AckKind::Nak(None)).await?;
            }
            self.client.flush().await.map_err(async_nats::Error::from)
        };
        if let Ok(Err(error)) = timeout(RELEASE_TIMEOUT, nak_all).await {
            warn!(error = &*error, "could not release messages");
        }
    }
}

/// Reports to the server that these messages are still being worked on.
pub(crate) async fn report_progress(messages: impl IntoIterator<Item = &InFlight>) {
    for in_flight in messages {
        if let Err(error) = in_flight.message.ack_with(AckKind::Progress).await {
            return warn!(error = &*error, "could not report progress");
        }
    }
}

/// How often progress is reported, so that one report may get lost.
pub(crate) fn progress_interval(ack_wait: Duration) -> Duration {
    (ack_wait / 3).max(Duration::from_millis(10))
}

/// Ticks every `period`, for the first time after one.
pub(crate) fn ticks(period: Duration) -> Interval {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
