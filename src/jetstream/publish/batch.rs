//! One atomic batch (NATS ADR-50): every message carries the batch's id and its own number, the
//! first one the sequence that the batch builds upon; the last one commits and is acknowledged for
//! all. Nothing is stored before the commit.

use std::time::Duration;

use async_nats::{
    HeaderMap, HeaderValue, Message, StatusCode, Subscriber,
    header::{
        NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE, NATS_EXPECTED_LAST_SEQUENCE,
    },
    jetstream::{publish::PublishAck, response::Response},
};
use futures_util::StreamExt as _;

use super::{
    message::OutgoingMessage,
    outcome::{Failure, of_batch_error},
    target::PublishTarget,
};
use crate::domain::ids::StreamSeq;
use crate::jetstream::connection::{Connection, permissions::PermissionListener};
use crate::telemetry::SeededBug;

/// The longest wait for room in the client, and for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A batch that was sent as a whole and is not answered yet.
pub(super) struct SentBatch {
    target: PublishTarget,
    /// The answers to the first message and to the last.
    answers: Subscriber,
    permissions: PermissionListener,
    subjects: Vec<String>,
    /// The sequence of its last message, if it is stored.
    last: StreamSeq,
}

/// Send all messages, to be stored together behind the sequence `after`, or not at all. The first
/// message is answered before the rest is sent: so a server that takes no batches says so before it
/// has taken the rest for single messages.
pub(super) async fn send(
    target: &PublishTarget,
    messages: Vec<OutgoingMessage>,
    after: StreamSeq,
) -> Result<SentBatch, Failure> {
    let connection = target.connection.connected().map_err(|_| Failure::NotReady)?;
    let permissions = target.connection.permissions.listen();
    let inbox = connection.client.new_inbox();
    let answers = connection.client.subscribe(inbox.clone()).await;
    let mut sent = SentBatch {
        target: target.clone(),
        answers: answers.map_err(|error| Failure::Client(error.to_string()))?,
        permissions,
        subjects: messages.iter().map(|message| message.subject.clone()).collect(),
        last: after.saturating_add(u64::try_from(messages.len()).unwrap_or(u64::MAX)),
    };
    let size = messages.len();
    let batch = Batch { connection, inbox, after, size };
    for (index, message) in messages.into_iter().enumerate() {
        // A connection that has just died makes no room in the client.
        tokio::select! {
            biased;
            published = tokio::time::timeout(TIMEOUT, batch.publish(index, message)) => {
                published.map_err(|_| Failure::AckTimeout)??;
            }
            () = target.connection.lost() => return Err(Failure::ConnectionLost),
        }
        if index == 0 && size > 1 {
            sent.open().await?;
        }
    }
    Ok(sent)
}

struct Batch<'a> {
    connection: &'a Connection,
    inbox: String,
    after: StreamSeq,
    size: usize,
}

impl Batch<'_> {
    async fn publish(&self, index: usize, message: OutgoingMessage) -> Result<(), Failure> {
        let OutgoingMessage { subject, mut headers, payload, .. } = message;
        self.number(index, &mut headers);
        let client = &self.connection.client;
        let answered = index == 0 || index + 1 == self.size;
        let published = if answered {
            client.publish_with_reply_and_headers(subject, self.inbox.clone(), headers, payload).await
        } else {
            client.publish_with_headers(subject, headers, payload).await
        };
        published.map_err(|error| Failure::Client(error.to_string()))
    }

    fn number(&self, index: usize, headers: &mut HeaderMap) {
        // Unique among all batches in flight: the inbox without its prefix.
        let id = self.inbox.rsplit('.').next().unwrap_or(&self.inbox);
        headers.insert(NATS_BATCH_ID, id);
        headers.insert(NATS_BATCH_SEQUENCE, HeaderValue::from(index + 1));
        if index == 0 && !SeededBug::NoFence.is_active() {
            headers.insert(NATS_EXPECTED_LAST_SEQUENCE, HeaderValue::from(self.after.get()));
        }
        if index + 1 == self.size {
            headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
        }
    }
}

impl SentBatch {
    /// Wait until the batch is stored.
    pub(super) async fn answer(mut self) -> Result<(), Failure> {
        let mut commit = self.next().await?;
        // A second server, which has a stream of this name too, has accepted the batch as well.
        while commit.payload.is_empty() && commit.status.is_none() {
            commit = self.next().await?;
        }
        match serde_json::from_slice::<Response<PublishAck>>(&commit.payload) {
            Ok(Response::Ok(ack)) if ack.stream != *self.target.stream => Err(Failure::ForeignStream(ack.stream)),
            Ok(Response::Ok(ack)) if ack.duplicate => Err(Failure::Duplicate),
            Ok(Response::Ok(ack)) if ack.sequence == self.last.get() => Ok(()),
            Ok(Response::Ok(_)) => Err(Failure::Client("only a part of the batch was acknowledged".to_owned())),
            Ok(Response::Err { error }) => Err(of_batch_error(&error)),
            Err(error) => Err(Failure::Client(error.to_string())),
        }
    }

    /// Wait for the answer to the first message: an empty one accepts the batch.
    async fn open(&mut self) -> Result<(), Failure> {
        let message = self.next().await?;
        if message.payload.is_empty() {
            return Ok(());
        }
        match serde_json::from_slice::<Response<PublishAck>>(&message.payload) {
            Ok(Response::Err { error }) => Err(of_batch_error(&error)),
            // A server without batches has stored it as a message of its own.
            _ => Err(Failure::Batch("the server does not support batches".to_owned())),
        }
    }

    async fn next(&mut self) -> Result<Message, Failure> {
        let refused = async {
            loop {
                let error = self.permissions.next().await;
                if self.subjects.contains(&error.subject) {
                    return error.subject;
                }
            }
        };
        tokio::select! {
            biased;
            message = self.answers.next() => match message {
                Some(message) if message.status == Some(StatusCode::NO_RESPONDERS) => Err(Failure::NoStream),
                Some(message) => Ok(message),
                None => Err(Failure::ConnectionLost),
            },
            subject = refused => Err(Failure::Denied(subject)),
            () = self.target.connection.lost() => Err(Failure::ConnectionLost),
            () = tokio::time::sleep(TIMEOUT) => Err(Failure::AckTimeout),
        }
    }
}
