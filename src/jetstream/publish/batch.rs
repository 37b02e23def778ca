//! One atomic batch (NATS ADR-50): every message carries the batch's id and its own number; the
//! last one commits and is acknowledged for all. Nothing is stored before the commit, so what
//! fails before it can be sent again. A commit without an answer is unknown: if it was stored, the
//! same events again are answered 10201 (duplicates).

use std::time::Duration;

use async_nats::{
    HeaderMap, HeaderValue, Message, RequestError, RequestErrorKind,
    header::{NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE},
    jetstream::{publish::PublishAck, response::Response},
};

use super::{
    message::OutgoingEvent,
    outcome::{BatchRefusal, PublishOutcome, Reason, of_batch_error},
    publisher::may_be_unrouted,
    target::PublishTarget,
};
use crate::domain::ids::StreamSeq;
use crate::jetstream::connection::Connection;

/// The longest wait for a batch to be sent: sending waits for room in the client.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) enum BatchResult {
    /// One outcome for each event.
    Outcomes(Vec<PublishOutcome>),
    /// Nothing is stored: send the events singly.
    SendSingly(Reason),
}

/// Why a batch could not be opened. Nothing of it is stored.
enum OpenError {
    Retry(Reason),
    SendSingly(Reason),
}

/// Publish all events or none.
pub(super) async fn publish(target: &PublishTarget, events: &[&OutgoingEvent]) -> BatchResult {
    // A batch of which the server refuses one message has a gap, and is never committed.
    let refused = |subject: &str| events.iter().find(|event| target.subject(event) == subject);
    let ours = |subject: &str| refused(subject).is_some();
    let permissions = &target.connection.permissions;
    match permissions.race(ours, attempt(target, events)).await {
        Ok(result) => result,
        // The others go on without it.
        Err(subject) if refused(&subject).is_some_and(|event| may_be_unrouted(event)) => {
            BatchResult::SendSingly(Reason::Denied(subject))
        }
        Err(subject) => all(events.len(), PublishOutcome::Retry(Reason::Denied(subject))),
    }
}

fn all(events: usize, outcome: PublishOutcome) -> BatchResult {
    BatchResult::Outcomes(vec![outcome; events])
}

async fn attempt(target: &PublishTarget, events: &[&OutgoingEvent]) -> BatchResult {
    let state = &target.connection;
    let all = |outcome: PublishOutcome| all(events.len(), outcome);
    let (Ok(connection), Some((last, open))) = (state.connected(), events.split_last()) else {
        return all(PublishOutcome::Retry(Reason::NotReady));
    };
    let batch = Batch { target, connection, id: batch_id(connection) };
    // A connection that has just died makes no room in the client.
    let opened = tokio::select! {
        biased;
        opened = tokio::time::timeout(SEND_TIMEOUT, batch.open(open)) => opened,
        () = state.lost() => Ok(Err(OpenError::Retry(Reason::ConnectionLost))),
    };
    match opened {
        Ok(Ok(())) => {}
        Ok(Err(OpenError::SendSingly(reason))) => return BatchResult::SendSingly(reason),
        Ok(Err(OpenError::Retry(reason))) => return all(PublishOutcome::Retry(reason)),
        Err(_) => return all(PublishOutcome::Retry(Reason::AckTimeout)),
    }
    let committed = tokio::select! {
        biased;
        answer = batch.commit(last, events.len()) => answer,
        () = state.lost() => return all(PublishOutcome::Unknown(Reason::ConnectionLost)),
    };
    match committed {
        Ok(message) => read_commit(target, &message, events.len()),
        Err(error) => match error.kind() {
            RequestErrorKind::NoResponders => all(PublishOutcome::Retry(Reason::NoStream)),
            RequestErrorKind::MaxPayloadExceeded => BatchResult::SendSingly(Reason::Client(error.to_string())),
            RequestErrorKind::TimedOut => all(PublishOutcome::Unknown(Reason::AckTimeout)),
            _ => all(PublishOutcome::Unknown(Reason::Client(error.to_string()))),
        },
    }
}

struct Batch<'a> {
    target: &'a PublishTarget,
    connection: &'a Connection,
    id: String,
}

impl Batch<'_> {
    /// Send everything but the commit. The first message is answered, so that a stream or server
    /// that takes no batches says so before the rest is sent.
    async fn open(&self, events: &[&OutgoingEvent]) -> Result<(), OpenError> {
        let client = &self.connection.client;
        for (index, event) in events.iter().enumerate() {
            let headers = self.headers(event, index + 1);
            let (subject, payload) = (self.target.subject(event), event.payload.clone());
            if index == 0 {
                read_open(client.request_with_headers(subject, headers, payload).await)?;
            } else {
                let sent = client.publish_with_headers(subject, headers, payload).await;
                sent.map_err(|error| OpenError::SendSingly(Reason::Client(error.to_string())))?;
            }
        }
        Ok(())
    }

    async fn commit(&self, event: &OutgoingEvent, number: usize) -> Result<Message, RequestError> {
        let mut headers = self.headers(event, number);
        headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
        self.connection
            .client
            .request_with_headers(self.target.subject(event), headers, event.payload.clone())
            .await
    }

    fn headers(&self, event: &OutgoingEvent, number: usize) -> HeaderMap {
        let mut headers = self.target.headers(event);
        headers.insert(NATS_BATCH_ID, self.id.as_str());
        headers.insert(NATS_BATCH_SEQUENCE, HeaderValue::from(number));
        headers
    }
}

/// Unique among all batches in flight: the client's own unique reply subject, without its prefix.
fn batch_id(connection: &Connection) -> String {
    let inbox = connection.client.new_inbox();
    inbox.rsplit('.').next().unwrap_or(&inbox).to_owned()
}

/// Read the answer to the first message: an empty one accepts the batch.
fn read_open(answer: Result<Message, RequestError>) -> Result<(), OpenError> {
    match answer {
        Ok(message) if message.payload.is_empty() => Ok(()),
        Ok(message) => match serde_json::from_slice::<Response<PublishAck>>(&message.payload) {
            Ok(Response::Err { error }) => match of_batch_error(&error) {
                BatchRefusal::SendSingly(reason) => Err(OpenError::SendSingly(reason)),
                BatchRefusal::Retry(reason) => Err(OpenError::Retry(reason)),
            },
            // A server without batches has stored it as a message of its own; a retry finds the
            // duplicate.
            _ => Err(OpenError::SendSingly(Reason::Client("the server does not support batches".to_owned()))),
        },
        // Nothing is stored before the commit, so none of this is unknown.
        Err(error) => Err(match error.kind() {
            RequestErrorKind::NoResponders => OpenError::Retry(Reason::NoStream),
            RequestErrorKind::TimedOut => OpenError::Retry(Reason::AckTimeout),
            RequestErrorKind::MaxPayloadExceeded => OpenError::SendSingly(Reason::Client(error.to_string())),
            _ => OpenError::Retry(Reason::Client(error.to_string())),
        }),
    }
}

/// Read the answer to the commit: it names the sequence of the last message; the others precede it.
fn read_commit(target: &PublishTarget, message: &Message, events: usize) -> BatchResult {
    let unknown = |text: String| all(events, PublishOutcome::Unknown(Reason::Client(text)));
    match serde_json::from_slice::<Response<PublishAck>>(&message.payload) {
        Ok(Response::Ok(ack)) if ack.batch_size == u64::try_from(events).ok() => {
            let outcomes = (0u64..).take(events).map(|index| {
                let after = ack.batch_size.unwrap_or_default().saturating_sub(index + 1);
                let stream_seq = StreamSeq::from(ack.sequence).saturating_sub(after);
                target.accept_ack(&ack.stream, stream_seq, ack.duplicate)
            });
            BatchResult::Outcomes(outcomes.collect())
        }
        Ok(Response::Ok(_)) => unknown("only a part of the batch was acknowledged".to_owned()),
        Ok(Response::Err { error }) => match of_batch_error(&error) {
            BatchRefusal::SendSingly(reason) => BatchResult::SendSingly(reason),
            BatchRefusal::Retry(reason) => all(events, PublishOutcome::Retry(reason)),
        },
        Err(error) => unknown(error.to_string()),
    }
}
