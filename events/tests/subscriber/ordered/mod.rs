//! The events of each user in order and without a hole, in any order of deliveries.

mod held;
mod holes;
#[cfg(feature = "postgres-inbox")]
mod inbox;
mod paused;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use async_nats::jetstream::Context;
use tokio::task::JoinHandle;
use uuid::Uuid;
use watchword_events::subscriber::{CancellationToken, Connected, Durable, UserSequences};
use watchword_events::{DeliveryInfo, Event, EventKind, HandlerError, ReceivedEvent, SubscribeError, UserRef, example};

use super::support::{self, publish};
use super::{DURABLE, QUICK, consumer_info, durable, settled, soon};

/// What a program has applied: the numbers of each user, and those that were reported as missing.
#[derive(Clone, Default)]
struct Copy {
    applied: Arc<Mutex<BTreeMap<Uuid, Vec<i64>>>>,
    missing: Arc<Mutex<Vec<(u128, i64, i64)>>>,
}

impl Copy {
    fn apply(&self, received: &ReceivedEvent, delivery: &DeliveryInfo) {
        let Some(UserRef { id, seq: Some(seq), .. }) = received.user else {
            return;
        };
        if let Some(missing) = &delivery.missing {
            self.missing.lock().unwrap().push((id.as_u128(), *missing.start(), *missing.end()));
        }
        self.applied.lock().unwrap().entry(id).or_default().push(seq);
    }

    fn of(&self, user: u128) -> Vec<i64> {
        let applied = self.applied.lock().unwrap();
        applied.get(&Uuid::from_u128(user)).cloned().unwrap_or_default()
    }
}

impl UserSequences for Copy {
    type Error = Infallible;

    async fn last_seq(&self, user: Uuid) -> Result<Option<i64>, Infallible> {
        Ok(self.applied.lock().unwrap().get(&user).and_then(|seqs| seqs.last().copied()))
    }
}

/// A running ordered subscriber.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), SubscribeError>>,
}

impl Running {
    /// Starts a subscriber that applies events to the copy for which `answer` is `Ok`.
    fn start<A>(connected: Connected<Durable>, stop: CancellationToken, copy: &Copy, answer: A) -> Self
    where
        A: Fn(&ReceivedEvent, &DeliveryInfo) -> Result<(), HandlerError> + Send + Sync + 'static,
    {
        let (sequences, copy) = (copy.clone(), copy.clone());
        let task = tokio::spawn(connected.ordered_by_user().run(sequences, move |received, delivery| {
            let answer = answer(&received, &delivery).map(|()| copy.apply(&received, &delivery));
            async move { answer }
        }));
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        soon(self.task).await.unwrap().unwrap();
    }
}

/// The event `seq` of a user.
fn numbered(user: u128, seq: i64) -> Event {
    Event {
        id: Uuid::from_u128(user << 64 | u128::try_from(seq).unwrap()),
        user: Some(UserRef { id: Uuid::from_u128(user), seq: Some(seq) }),
        ..example::of(EventKind::LoggedIn)
    }
}

async fn publish_all(context: &Context, events: impl IntoIterator<Item = (u128, i64)>) {
    for (user, seq) in events {
        publish(context, &numbered(user, seq)).await;
    }
}
