//! Publishing one by one: sent one after the other, acknowledgements awaited in the same order.

use std::{
    collections::{HashSet, VecDeque},
    future::IntoFuture as _,
    time::Duration,
};

use async_nats::jetstream::{context::PublishAckFuture, message::PublishMessage};
use uuid::Uuid;

use super::{
    denied::Listener,
    outcome::{Outcome, Reason, of_publish_error},
    publisher::{JetStreamPublisher, OutgoingEvent, acknowledged},
};

/// How many messages may wait for their acknowledgement.
const WINDOW: usize = 256;
/// After a first failure the acknowledgements that have already arrived are taken, and no others waited for.
const LATE_ANSWERS: Duration = Duration::from_millis(50);

/// Publishes events in order, with one event of a user in flight at a time. The first failure stops the sending;
/// what was not sent is answered [`Reason::NotSent`].
pub(crate) async fn publish(publisher: &JetStreamPublisher, events: &[&OutgoingEvent]) -> Vec<Outcome> {
    let mut run = Run::new(publisher, events.len());
    for (index, event) in events.iter().enumerate() {
        while run.must_wait(event) {
            run.settle_oldest().await;
        }
        if run.failed {
            break;
        }
        run.send(index, event).await;
    }
    while !run.in_flight.is_empty() {
        run.settle_oldest().await;
    }
    run.outcomes
}

struct Run<'a> {
    publisher: &'a JetStreamPublisher,
    outcomes: Vec<Outcome>,
    in_flight: VecDeque<InFlight>,
    users: HashSet<Uuid>,
    denials: Listener,
    /// Subjects that the server does not let this user publish to.
    denied: HashSet<String>,
    failed: bool,
}

struct InFlight {
    index: usize,
    user: Option<Uuid>,
    subject: String,
    ack: PublishAckFuture,
}

impl<'a> Run<'a> {
    fn new(publisher: &'a JetStreamPublisher, events: usize) -> Self {
        Self {
            publisher,
            outcomes: vec![Outcome::Retry(Reason::NotSent); events],
            in_flight: VecDeque::with_capacity(WINDOW.min(events)),
            users: HashSet::new(),
            denials: publisher.shared.denials.listen(),
            denied: HashSet::new(),
            failed: false,
        }
    }

    /// Whether an acknowledgement has to come first: the window is full, or an event of the same user is in
    /// flight (were that one lost and this one stored, the user's events would be out of order).
    fn must_wait(&self, event: &OutgoingEvent) -> bool {
        self.in_flight.len() >= WINDOW || event.user_id.is_some_and(|user| self.users.contains(&user))
    }

    async fn send(&mut self, index: usize, event: &OutgoingEvent) {
        let Ok(link) = self.publisher.shared.connected() else {
            self.record(index, Outcome::Retry(Reason::NotReady));
            return;
        };
        let message = PublishMessage::build()
            .payload(event.payload.clone())
            .headers(self.publisher.headers(event));
        match link.context.send_publish(self.publisher.subject(event), message).await {
            Ok(ack) => {
                self.users.extend(event.user_id);
                self.in_flight.push_back(InFlight {
                    index,
                    user: event.user_id,
                    subject: event.subject.clone(),
                    ack,
                });
            }
            Err(error) => self.record(index, of_publish_error(&error)),
        }
    }

    async fn settle_oldest(&mut self) {
        let Some(InFlight {
            index,
            user,
            subject,
            ack,
        }) = self.in_flight.pop_front()
        else {
            return;
        };
        if let Some(user) = user {
            self.users.remove(&user);
        }
        let mut ack = ack.into_future();
        let answer = loop {
            if self.denied.contains(&subject) {
                self.record(index, Outcome::Retry(Reason::Denied(subject)));
                return;
            }
            tokio::select! {
                biased;
                answer = &mut ack => break Some(answer),
                () = self.publisher.shared.lost() => break None,
                refused = self.denials.next() => {
                    self.denied.insert(refused.subject);
                }
                () = tokio::time::sleep(LATE_ANSWERS), if self.failed => break None,
            }
        };
        let outcome = match answer {
            Some(Ok(ack)) => {
                let ours = self.publisher.stream();
                acknowledged(&ack.stream, ours, ack.sequence, ack.duplicate)
            }
            Some(Err(error)) => of_publish_error(&error),
            None if self.failed => Outcome::Unknown(Reason::AckTimeout),
            None => Outcome::Unknown(Reason::ConnectionLost),
        };
        self.record(index, outcome);
    }

    fn record(&mut self, index: usize, outcome: Outcome) {
        self.failed |= matches!(outcome, Outcome::Unknown(_) | Outcome::Retry(_));
        if let Some(place) = self.outcomes.get_mut(index) {
            *place = outcome;
        }
    }
}
