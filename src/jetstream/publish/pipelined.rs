//! Publishing without batches: messages are sent one after the other without waiting, and their
//! acknowledgements are awaited in the same order.

use std::{
    collections::{HashSet, VecDeque},
    future::IntoFuture as _,
    time::Duration,
};

use async_nats::jetstream::{context::PublishAckFuture, message::PublishMessage};

use super::{
    message::OutgoingEvent,
    outcome::{PublishOutcome, Reason, of_publish_error},
    publisher::may_be_unrouted,
    target::PublishTarget,
};
use crate::domain::ids::UserId;
use crate::jetstream::connection::permissions::PermissionListener;

const MAX_IN_FLIGHT: usize = 256;
/// After a first failure the acknowledgements that have already arrived are taken, and no others
/// awaited.
const LATE_ACK_TIMEOUT: Duration = Duration::from_millis(50);

/// Publish events in order, with one event of a user in flight at a time. The first failure ends
/// the sending; what was not sent is answered [`Reason::NotSent`].
pub(super) async fn publish(target: &PublishTarget, events: &[&OutgoingEvent]) -> Vec<PublishOutcome> {
    let mut pipeline = Pipeline::new(target, events.len());
    for (index, event) in events.iter().enumerate() {
        while pipeline.must_wait(event) {
            pipeline.settle_oldest().await;
        }
        if pipeline.failed {
            break;
        }
        pipeline.send(index, event).await;
    }
    while !pipeline.in_flight.is_empty() {
        pipeline.settle_oldest().await;
    }
    pipeline.outcomes
}

struct Pipeline<'a> {
    target: &'a PublishTarget,
    outcomes: Vec<PublishOutcome>,
    in_flight: VecDeque<InFlight>,
    users: HashSet<UserId>,
    permissions: PermissionListener,
    /// Subjects that the server does not let this user publish to.
    denied: HashSet<String>,
    failed: bool,
}

struct InFlight {
    index: usize,
    user: Option<UserId>,
    subject: String,
    /// Whether the others go on when the user may not publish it.
    may_be_unrouted: bool,
    ack: PublishAckFuture,
}

impl<'a> Pipeline<'a> {
    fn new(target: &'a PublishTarget, events: usize) -> Self {
        Self {
            target,
            outcomes: vec![PublishOutcome::Retry(Reason::NotSent); events],
            in_flight: VecDeque::with_capacity(MAX_IN_FLIGHT.min(events)),
            users: HashSet::new(),
            permissions: target.connection.permissions.listen(),
            denied: HashSet::new(),
            failed: false,
        }
    }

    /// Whether an acknowledgement has to come first: the window is full, or an event of the same
    /// user is in flight (if that one were lost and this one stored, the user's events would be out
    /// of order).
    fn must_wait(&self, event: &OutgoingEvent) -> bool {
        self.in_flight.len() >= MAX_IN_FLIGHT || event.user_id.is_some_and(|user| self.users.contains(&user))
    }

    async fn send(&mut self, index: usize, event: &OutgoingEvent) {
        let Ok(connection) = self.target.connection.connected() else {
            self.record(index, PublishOutcome::Retry(Reason::NotReady));
            return;
        };
        let message = PublishMessage::build().payload(event.payload.clone()).headers(self.target.headers(event));
        match connection.context.send_publish(self.target.subject(event), message).await {
            Ok(ack) => {
                self.users.extend(event.user_id);
                self.in_flight.push_back(InFlight {
                    index,
                    user: event.user_id,
                    subject: self.target.subject(event),
                    may_be_unrouted: may_be_unrouted(event),
                    ack,
                });
            }
            Err(error) => self.record(index, of_publish_error(&error)),
        }
    }

    async fn settle_oldest(&mut self) {
        let Some(InFlight { index, user, subject, may_be_unrouted, ack }) = self.in_flight.pop_front() else {
            return;
        };
        if let Some(user) = user {
            self.users.remove(&user);
        }
        let mut ack = ack.into_future();
        let answer = loop {
            if self.denied.contains(&subject) {
                let reason = Reason::Denied(subject);
                let outcome = if may_be_unrouted {
                    PublishOutcome::Unrouted(reason)
                } else {
                    PublishOutcome::Retry(reason)
                };
                self.record(index, outcome);
                return;
            }
            tokio::select! {
                biased;
                answer = &mut ack => break Some(answer),
                () = self.target.connection.lost() => break None,
                error = self.permissions.next() => {
                    self.denied.insert(error.subject);
                }
                () = tokio::time::sleep(LATE_ACK_TIMEOUT), if self.failed => break None,
            }
        };
        let outcome = match answer {
            Some(Ok(ack)) => self.target.accept_ack(&ack.stream, ack.sequence.into(), ack.duplicate),
            Some(Err(error)) => of_publish_error(&error),
            None if self.failed => PublishOutcome::Unknown(Reason::AckTimeout),
            None => PublishOutcome::Unknown(Reason::ConnectionLost),
        };
        self.record(index, outcome);
    }

    fn record(&mut self, index: usize, outcome: PublishOutcome) {
        self.failed |= outcome.is_failure();
        if let Some(slot) = self.outcomes.get_mut(index) {
            *slot = outcome;
        }
    }
}
