//! Running a durable subscriber in the order of each user's events.

use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info};
use uuid::Uuid;

use super::inbox::OrderedInbox;
use super::locks::UserLocks;
use super::sequences::UserSequences;
use super::{DEFAULT_HOLE_TIMEOUT, Place, numbered};
use crate::received::ReceivedEvent;
use crate::subscriber::builder::Durable;
use crate::subscriber::connection::Connected;
use crate::subscriber::delivery::{DeliveryInfo, Handled, HandlerError};
use crate::subscriber::error::SubscribeError;
use crate::subscriber::metrics::Observer;

/// A durable subscriber that applies the events of each user in the order of `userSeq`, each once
/// and without a hole: [`Connected::ordered_by_user`].
///
/// - The event that follows the last applied one is passed to the handler.
/// - One that is not higher is acknowledged and reported as
///   [`Duplicate`](crate::subscriber::DeliveryOutcome::Duplicate).
/// - One that is further ahead is held until the ones before it are applied, by this program or by
///   another one with the same durable. It uses none of its attempts. A program holds at
///   most 256 events; further ones are given back to the server for a few seconds.
///
/// Events that will never come are reported: in the log, to
/// [`Metrics::missing`](crate::subscriber::Metrics::missing), and to the handler by
/// [`DeliveryInfo::missing`]. The stream discarded them before they were read, an operator deleted
/// them, or they became dead letters. The kit knows it once everything before the held event is
/// settled, or assumes it after the [hole timeout](Self::hole_timeout). The handler then decides:
/// it applies the event, or reads the user from the service, or returns [`HandlerError::poison`].
/// Other users do not wait.
///
/// A subscriber that begins in the middle of the stream begins with the first event of each user
/// that it gets. That event has [`DeliveryInfo::missing`] too.
///
/// Custom events, and events about no account, have no number. They are passed on as they come.
#[must_use]
pub struct OrderedByUser {
    connected: Connected<Durable>,
}

impl Connected<Durable> {
    /// Applies the events of each user in the order of `userSeq`. The subscriber must want all
    /// events, and its durable must deliver all of `auth.user.*`.
    ///
    /// ```no_run
    /// # use std::convert::Infallible;
    /// # use uuid::Uuid;
    /// # use watchword_events::subscriber::UserSequences;
    /// # use watchword_events::{HandlerError, ReceivedEvent, Subscriber};
    /// # #[derive(Clone)] struct Users;
    /// # impl UserSequences for Users {
    /// #     type Error = Infallible;
    /// #     async fn last_seq(&self, _: Uuid) -> Result<Option<i64>, Infallible> { Ok(None) }
    /// # }
    /// # impl Users {
    /// #     async fn apply(self, _: ReceivedEvent) -> Result<(), HandlerError> { Ok(()) }
    /// # }
    /// # async fn example(users: Users) -> Result<(), Box<dyn std::error::Error>> {
    /// let copy = users.clone();
    /// Subscriber::durable("tasks-service")
    ///     .connect("nats://127.0.0.1:4222")
    ///     .await?
    ///     .ordered_by_user()
    ///     .run(users, move |received, _delivery| copy.clone().apply(received))
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub fn ordered_by_user(mut self) -> OrderedByUser {
        self.subscriber.mode.hole_timeout = Some(DEFAULT_HOLE_TIMEOUT);
        OrderedByUser { connected: self }
    }
}

impl OrderedByUser {
    /// Sets how long an event is held for the ones before it when the server does not tell whether
    /// they still come (default 15 min). Set it longer than the longest handler, and than all
    /// attempts of an event with their pauses: an event that comes after it is skipped.
    pub fn hole_timeout(mut self, timeout: Duration) -> Self {
        self.connected.subscriber.mode.hole_timeout = Some(timeout);
        self
    }

    /// Runs like [`Connected::run`]. `sequences` reads the number of each user's last applied
    /// event; the handler writes it, with its work.
    ///
    /// Programs that share the durable can handle an event twice after an outage. Write the number
    /// on the condition that it is lower than the new one.
    ///
    /// # Errors
    /// As for [`Connected::run`], and when the durable filters out events of users.
    pub async fn run<S, H, F>(self, sequences: S, handler: H) -> Result<(), SubscribeError>
    where
        S: UserSequences,
        H: Fn(ReceivedEvent, DeliveryInfo) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let order = Arc::new(Order::new(&self.connected, (sequences, handler)));
        let run = move |received: ReceivedEvent, delivery: DeliveryInfo| {
            let order = Arc::clone(&order);
            async move {
                let (sequences, handler) = &order.shared;
                let Some((user, seq)) = numbered(&received) else {
                    return handler(received, delivery).await.map(|()| Handled::Applied);
                };
                let work = async {
                    let place = Place::of(seq, sequences.last_seq(user).await?);
                    match order.pass(place, user, delivery) {
                        Ok(delivery) => handler(received, delivery).await.map(|()| Handled::Applied),
                        Err(handled) => Ok(handled),
                    }
                };
                order.locks.with(user, work).await
            }
        };
        self.connected.run_each(run).await
    }

    /// Runs like [`Connected::run_with_inbox`]. The inbox keeps the number of each user's last
    /// applied event in the handler's transaction.
    ///
    /// # Errors
    /// As for [`Self::run`].
    pub async fn run_with_inbox<I, H, F>(self, inbox: I, handler: H) -> Result<(), SubscribeError>
    where
        I: OrderedInbox,
        H: Fn(ReceivedEvent, DeliveryInfo, I::Transaction) -> F + Send + Sync + 'static,
        F: Future<Output = Result<I::Transaction, HandlerError>> + Send + 'static,
    {
        let durable = self.connected.subscriber.mode.name.clone();
        let order = Arc::new(Order::new(&self.connected, (durable, inbox, handler)));
        let run = move |received: ReceivedEvent, delivery: DeliveryInfo| {
            let order = Arc::clone(&order);
            async move {
                let (durable, inbox, handler) = &order.shared;
                let user = numbered(&received);
                let work = async {
                    let Some(mut transaction) = inbox.begin(durable, received.id).await? else {
                        return Ok(Handled::Duplicate);
                    };
                    let mut delivery = delivery;
                    if let Some((user, seq)) = user {
                        let last = inbox.last_seq(&mut transaction, durable, user).await?;
                        match order.pass(Place::of(seq, last), user, delivery) {
                            Ok(passed) => delivery = passed,
                            Err(handled) => return Ok(handled),
                        }
                        inbox.set_last_seq(&mut transaction, durable, user, seq).await?;
                    }
                    let transaction = handler(received, delivery, transaction).await?;
                    inbox.commit(transaction).await?;
                    Ok(Handled::Applied)
                };
                match user {
                    Some((user, _)) => order.locks.with(user, work).await,
                    None => work.await,
                }
            }
        };
        self.connected.run_each(run).await
    }
}

/// What all handlers of an ordered subscriber share.
struct Order<T> {
    durable: String,
    observer: Observer,
    locks: UserLocks,
    shared: T,
}

impl<T> Order<T> {
    fn new(connected: &Connected<Durable>, shared: T) -> Self {
        let mode = &connected.subscriber.mode;
        Self {
            durable: mode.name.clone(),
            observer: mode.observer.clone(),
            locks: UserLocks::default(),
            shared,
        }
    }

    /// Returns the delivery of an event whose turn it is, or why it is not passed on.
    fn pass(&self, place: Place, user: Uuid, mut delivery: DeliveryInfo) -> Result<DeliveryInfo, Handled> {
        match place {
            Place::Applied => Err(Handled::Duplicate),
            Place::Next => Ok(delivery),
            Place::Ahead(missing) if !delivery.hole_is_final => Err(Handled::Ahead { missing: *missing.start() }),
            Place::Ahead(missing) => {
                let durable = self.durable.as_str();
                let (first, last) = (missing.start(), missing.end());
                // Expected of a subscriber that begins in the middle, and then for each user.
                if *first == 1 {
                    info!(durable, %user, first, last, "the user's first events are not in the stream");
                } else {
                    error!(durable, %user, first, last, "events of the user are missing; continuing behind them");
                }
                self.observer.missing(user, missing.clone());
                delivery.missing = Some(missing);
                Ok(delivery)
            }
        }
    }
}
