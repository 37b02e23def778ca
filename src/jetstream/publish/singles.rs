//! Publishing without batches: messages are sent one after the other without waiting. Each states
//! the sequence that it builds upon, and the id of the message that it follows: by the sequence
//! alone, one in the middle could continue a stream that somebody else has moved on (ADR 0042). So
//! when one is not stored, all behind it are refused.

use std::{collections::HashSet, future::IntoFuture as _};

use async_nats::jetstream::{context::PublishAckFuture, message::PublishMessage, publish::PublishAck};

use super::{
    message::OutgoingMessage,
    outcome::{Answer, Failure, of_publish_error},
    target::PublishTarget,
};
use crate::domain::ids::StreamSeq;
use crate::jetstream::connection::permissions::PermissionListener;
use crate::telemetry::SeededBug;

/// Messages that were sent and are not answered yet.
pub(super) struct SentSingles {
    target: PublishTarget,
    /// The subject of each, and its acknowledgement.
    in_flight: Vec<(String, PublishAckFuture)>,
    permissions: PermissionListener,
    after: StreamSeq,
    /// Why the sending ended before the last message.
    failure: Option<Failure>,
}

/// Send messages in order, to be stored behind the sequence `after`.
pub(super) async fn send(target: &PublishTarget, messages: Vec<OutgoingMessage>, after: StreamSeq) -> SentSingles {
    let mut sent = SentSingles {
        target: target.clone(),
        in_flight: Vec::with_capacity(messages.len()),
        permissions: target.connection.permissions.listen(),
        after,
        failure: None,
    };
    let mut before: Option<String> = None;
    for (OutgoingMessage { id, subject, headers, payload }, builds_upon) in messages.into_iter().zip(after.get()..) {
        let Ok(connection) = target.connection.connected() else {
            sent.failure = Some(Failure::NotReady);
            break;
        };
        let mut message = PublishMessage::build().payload(payload).headers(headers);
        let fenced = !SeededBug::NoFence.is_active();
        if fenced {
            message = message.expected_last_sequence(builds_upon);
        }
        if let Some(before) = before.replace(id).filter(|_| fenced) {
            message = message.expected_last_message_id(before);
        }
        match connection.context.send_publish(subject.clone(), message).await {
            Ok(ack) => sent.in_flight.push((subject, ack)),
            Err(error) => {
                sent.failure = Some(of_publish_error(&error));
                break;
            }
        }
    }
    sent
}

impl SentSingles {
    /// Wait for the acknowledgements, up to the first failure.
    pub(super) async fn answer(mut self) -> Answer {
        let mut denied = HashSet::new();
        let mut stored = 0;
        for (subject, ack) in std::mem::take(&mut self.in_flight) {
            if let Err(failure) = self.acknowledged(&subject, ack, &mut denied, stored).await {
                return Answer { stored, failure: Some(failure) };
            }
            stored += 1;
        }
        Answer { stored, failure: self.failure }
    }

    async fn acknowledged(
        &mut self,
        subject: &str,
        ack: PublishAckFuture,
        denied: &mut HashSet<String>,
        stored: usize,
    ) -> Result<(), Failure> {
        let mut ack = ack.into_future();
        loop {
            if denied.contains(subject) {
                return Err(Failure::Denied(subject.to_owned()));
            }
            tokio::select! {
                biased;
                answer = &mut ack => return self.check(answer.map_err(|error| of_publish_error(&error))?, stored),
                () = self.target.connection.lost() => return Err(Failure::ConnectionLost),
                error = self.permissions.next() => {
                    denied.insert(error.subject);
                }
            }
        }
    }

    fn check(&self, ack: PublishAck, stored: usize) -> Result<(), Failure> {
        let expected = self.after.get() + u64::try_from(stored).unwrap_or(u64::MAX) + 1;
        if ack.stream != *self.target.stream {
            Err(Failure::ForeignStream(ack.stream))
        } else if ack.duplicate {
            Err(Failure::Duplicate)
        } else if ack.sequence != expected {
            let (sequence, text) = (ack.sequence, "acknowledged at sequence");
            Err(Failure::Client(format!("{text} {sequence} instead of {expected}")))
        } else {
            Ok(())
        }
    }
}
