//! Messages on their way to a handler: asked for in chosen numbers, held until there is a handler for them.
//!
//! While a message is held its time runs at the server, so progress is reported for all of them, and what is held
//! when reading ends is given back instead of being left to the server's clock.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::BatchConfig;
use async_nats::jetstream::{AckKind, Context, Message};
use async_nats::{Client, StatusCode, Subject};
use futures_util::StreamExt as _;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};
use tracing::warn;

use super::delivery::{Delivery, Held};
use super::{HEARTBEAT, REQUEST};

/// How often it is looked whether the connection or the heartbeat is gone.
const PULSE: Duration = Duration::from_millis(250);
/// How long giving back may take. What was not given back comes again when the server's clock says so.
const GIVE_BACK: Duration = Duration::from_secs(1);

/// Why reading from a consumer broke off. All of it may be right after a while.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("the connection was lost, and with it the requests for messages")]
    Reconnected,
    #[error("no sign of life from the consumer: the server is away, or this user may not publish on {0}")]
    Silent(String),
    #[error("nobody answers for the consumer: it is gone, or JetStream is away")]
    NoResponders,
    #[error("the server ended the request for messages: {0}")]
    Refused(String),
    #[error("the subscription is closed")]
    Closed,
    #[error(transparent)]
    Client(#[from] Box<dyn std::error::Error + Send + Sync>),
}

pub(super) struct Intake {
    consumer: PullConsumer,
    context: Context,
    client: Client,
    inbox: Subject,
    subscription: async_nats::Subscriber,
    held: VecDeque<Held>,
    /// How many messages are asked for and have not come yet.
    asked: usize,
    delivered: bool,
    sign_of_life: Instant,
    connects: u64,
    progress: Interval,
    pulse: Interval,
}

impl Intake {
    pub(super) async fn open(
        context: &Context,
        client: &Client,
        consumer: &PullConsumer,
        ack_wait: Duration,
    ) -> Result<Self, Broken> {
        let connects = client.statistics().connects.load(Ordering::Relaxed);
        let inbox = Subject::from(client.new_inbox());
        let subscription = client
            .subscribe(inbox.clone())
            .await
            .map_err(|error| Broken::Client(error.into()))?;
        Ok(Self {
            consumer: consumer.clone(),
            context: context.clone(),
            client: client.clone(),
            inbox,
            subscription,
            held: VecDeque::new(),
            asked: 0,
            delivered: false,
            sign_of_life: Instant::now(),
            connects,
            progress: every(progress_period(ack_wait)),
            pulse: every(PULSE),
        })
    }

    /// How many messages are held or asked for.
    pub(super) fn coming(&self) -> usize {
        self.held.len() + self.asked
    }

    /// How many messages are held.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// The message that has been held the longest.
    pub(super) fn take(&mut self) -> Option<Held> {
        self.held.pop_front()
    }

    /// Whether any message has come.
    pub(super) const fn has_delivered(&self) -> bool {
        self.delivered
    }

    /// Up to which sequence everything is dealt with, by this program or others.
    pub(super) async fn floor(&mut self) -> Result<u64, Broken> {
        let info = self
            .consumer
            .info()
            .await
            .map_err(|error| Broken::Client(error.into()))?;
        Ok(info.ack_floor.stream_sequence)
    }

    /// The message that has been held the longest, which stays.
    pub(super) fn peek(&self) -> Option<&Held> {
        self.held.front()
    }

    /// How many messages the consumer delivers before it wants an answer to some.
    pub(super) fn max_ack_pending(&self) -> usize {
        let most = usize::try_from(self.consumer.cached_info().config.max_ack_pending);
        most.ok().filter(|most| *most > 0).unwrap_or(usize::MAX)
    }

    /// Asks for `count` more messages, or as many as the consumer gives at once.
    pub(super) async fn ask(&mut self, count: usize) -> Result<(), Broken> {
        let config = &self.consumer.cached_info().config;
        let most = usize::try_from(config.max_batch).ok().filter(|most| *most > 0);
        let longest = Some(config.max_expires).filter(|longest| !longest.is_zero());
        let count = count.min(most.unwrap_or(usize::MAX));
        let expires = REQUEST.min(longest.unwrap_or(REQUEST));
        let request = BatchConfig {
            batch: count,
            expires: Some(expires),
            // The server wants at least two of them in a request's life.
            idle_heartbeat: HEARTBEAT.min(expires / 2),
            ..Default::default()
        };
        if self.asked == 0 {
            self.sign_of_life = Instant::now();
        }
        let asked = self.consumer.request_batch(request, self.inbox.clone()).await;
        asked.map_err(|error| Broken::Client(error.into()))?;
        self.asked += count;
        Ok(())
    }

    /// Waits until one more message is held, or a request is over. Nothing is lost when the wait is cancelled.
    pub(super) async fn pump(&mut self) -> Result<(), Broken> {
        loop {
            tokio::select! {
                biased;
                next = self.subscription.next() => {
                    self.sign_of_life = Instant::now();
                    if self.sort(next.ok_or(Broken::Closed)?)? {
                        return Ok(());
                    }
                }
                _ = self.progress.tick() => self.report_progress().await,
                _ = self.pulse.tick() => self.feel()?,
            }
        }
    }

    /// Whether the message changes what is held or asked for.
    fn sort(&mut self, message: async_nats::Message) -> Result<bool, Broken> {
        match message.status.unwrap_or(StatusCode::OK) {
            StatusCode::OK => {
                self.asked = self.asked.saturating_sub(1);
                self.delivered = true;
                let context = self.context.clone();
                let message = Message { message, context };
                let delivery = Delivery::of(&message);
                self.held.extend(delivery.map(|delivery| Held::new(message, delivery)));
                Ok(true)
            }
            StatusCode::IDLE_HEARTBEAT => Ok(false),
            StatusCode::TIMEOUT | StatusCode::NOT_FOUND => {
                let headers = message.headers.as_ref();
                let left = headers.and_then(|headers| headers.get("Nats-Pending-Messages"));
                let left = left.and_then(|left| left.as_str().parse().ok());
                self.asked = self.asked.saturating_sub(left.unwrap_or(self.asked));
                Ok(true)
            }
            StatusCode::NO_RESPONDERS => Err(Broken::NoResponders),
            status => Err(Broken::Refused(
                message.description.unwrap_or_else(|| status.to_string()),
            )),
        }
    }

    async fn report_progress(&self) {
        for held in &self.held {
            if let Err(error) = held.message.ack_with(AckKind::Progress).await {
                return warn!(error = &*error, "progress could not be reported");
            }
        }
    }

    /// Whether the connection and the consumer are still there.
    fn feel(&self) -> Result<(), Broken> {
        if self.client.statistics().connects.load(Ordering::Relaxed) != self.connects {
            return Err(Broken::Reconnected);
        }
        if self.asked > 0 && self.sign_of_life.elapsed() > HEARTBEAT * 2 {
            let info = self.consumer.cached_info();
            return Err(Broken::Silent(format!(
                "$JS.API.CONSUMER.MSG.NEXT.{}.{}",
                info.stream_name, info.name
            )));
        }
        Ok(())
    }

    /// Gives back what is held or on its way, at once and in its order.
    pub(super) async fn give_back(mut self) {
        let all = async {
            if self.asked > 0 && self.subscription.drain().await.is_ok() {
                while let Some(message) = self.subscription.next().await {
                    // What the server says about the requests no longer matters.
                    let _ = self.sort(message);
                }
            }
        };
        // A connection that is down would keep it waiting.
        let _ = timeout(GIVE_BACK, all).await;
        if self.held.is_empty() {
            return;
        }
        let all = async {
            for held in &self.held {
                held.message.ack_with(AckKind::Nak(None)).await?;
            }
            self.client.flush().await.map_err(async_nats::Error::from)
        };
        if let Ok(Err(error)) = timeout(GIVE_BACK, all).await {
            warn!(error = &*error, "messages could not be given back");
        }
    }
}

/// How often progress is reported, so that one report may be lost.
pub(super) fn progress_period(ack_wait: Duration) -> Duration {
    (ack_wait / 3).max(Duration::from_millis(10))
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
