//! One atomic batch (ADR-50): every message carries the batch's id and its own number; the last one commits and is
//! acknowledged for all. Until the commit nothing is stored, so whatever fails before it can simply be sent again.
//! A commit without an answer is unknown: the same events again are answered 10201 (duplicates) if it was stored.

use async_nats::{
    HeaderMap, HeaderValue, Message, RequestError, RequestErrorKind,
    header::{NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE},
    jetstream::{publish::PublishAck, response::Response},
};

use super::{
    connection::Link,
    outcome::{BatchRefusal, Outcome, Reason, of_batch_error},
    publisher::{JetStreamPublisher, OutgoingEvent, SEND_TIMEOUT, acknowledged},
};

/// What became of a batch.
pub(crate) enum Answer {
    /// One outcome for each event.
    Outcomes(Vec<Outcome>),
    /// Nothing is stored: send the events one by one.
    Singles(Reason),
}

/// Publishes all events or none.
pub(crate) async fn publish(publisher: &JetStreamPublisher, events: &[&OutgoingEvent]) -> Answer {
    // A batch of which the server refuses one message has a gap, and is never committed.
    let ours = |subject: &str| events.iter().any(|event| event.subject == subject);
    let denials = &publisher.shared.denials;
    match denials.or(ours, attempt(publisher, events)).await {
        Ok(answer) => answer,
        Err(subject) => Answer::Outcomes(vec![Outcome::Retry(Reason::Denied(subject)); events.len()]),
    }
}

async fn attempt(publisher: &JetStreamPublisher, events: &[&OutgoingEvent]) -> Answer {
    let all = |outcome: Outcome| Answer::Outcomes(vec![outcome; events.len()]);
    let (Ok(link), Some((last, open))) = (publisher.shared.connected(), events.split_last()) else {
        return all(Outcome::Retry(Reason::NotReady));
    };
    let batch = Batch {
        publisher,
        link,
        id: batch_id(link),
    };
    // Sending waits for room in the client, which a connection that has just died does not make.
    let opened = tokio::select! {
        biased;
        opened = tokio::time::timeout(SEND_TIMEOUT, batch.open(open)) => opened,
        () = publisher.shared.lost() => Ok(Err(Answer::Singles(Reason::ConnectionLost))),
    };
    match opened {
        Ok(Ok(())) => {}
        Ok(Err(Answer::Singles(Reason::ConnectionLost))) => return all(Outcome::Retry(Reason::ConnectionLost)),
        Ok(Err(Answer::Singles(reason))) => return Answer::Singles(reason),
        Ok(Err(Answer::Outcomes(outcomes))) => {
            let outcome = outcomes.into_iter().next().unwrap_or(Outcome::Retry(Reason::NotSent));
            return all(outcome);
        }
        Err(_) => return all(Outcome::Retry(Reason::AckTimeout)),
    }
    let committed = tokio::select! {
        biased;
        answer = batch.commit(last, events.len()) => answer,
        () = publisher.shared.lost() => return all(Outcome::Unknown(Reason::ConnectionLost)),
    };
    match committed {
        Ok(message) => read_commit(publisher, &message, events.len()),
        Err(error) => match error.kind() {
            RequestErrorKind::NoResponders => all(Outcome::Retry(Reason::NoStream)),
            RequestErrorKind::MaxPayloadExceeded => Answer::Singles(Reason::Client(error.to_string())),
            RequestErrorKind::TimedOut => all(Outcome::Unknown(Reason::AckTimeout)),
            _ => all(Outcome::Unknown(Reason::Client(error.to_string()))),
        },
    }
}

struct Batch<'a> {
    publisher: &'a JetStreamPublisher,
    link: &'a Link,
    id: String,
}

impl Batch<'_> {
    /// Sends everything but the commit. The first message is answered, so that a stream or server that takes no
    /// batches says so before the rest is sent.
    async fn open(&self, events: &[&OutgoingEvent]) -> Result<(), Answer> {
        for (index, event) in events.iter().enumerate() {
            let headers = self.headers(event, index + 1);
            let (subject, payload) = (self.publisher.subject(event), event.payload.clone());
            if index == 0 {
                let answer = self.link.client.request_with_headers(subject, headers, payload).await;
                accepted(answer)?;
            } else {
                let sent = self.link.client.publish_with_headers(subject, headers, payload).await;
                sent.map_err(|error| Answer::Singles(Reason::Client(error.to_string())))?;
            }
        }
        Ok(())
    }

    async fn commit(&self, event: &OutgoingEvent, number: usize) -> Result<Message, RequestError> {
        let mut headers = self.headers(event, number);
        headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
        self.link
            .client
            .request_with_headers(self.publisher.subject(event), headers, event.payload.clone())
            .await
    }

    fn headers(&self, event: &OutgoingEvent, number: usize) -> HeaderMap {
        let mut headers = self.publisher.headers(event);
        headers.insert(NATS_BATCH_ID, self.id.as_str());
        headers.insert(NATS_BATCH_SEQUENCE, HeaderValue::from(number));
        headers
    }
}

/// Unique among everything that may be in flight: the client's own unique reply subject, without its prefix.
fn batch_id(link: &Link) -> String {
    let inbox = link.client.new_inbox();
    inbox.rsplit('.').next().unwrap_or(&inbox).to_owned()
}

/// Reads the answer to the first message: an empty one accepts the batch.
fn accepted(answer: Result<Message, RequestError>) -> Result<(), Answer> {
    let one = |outcome| Err(Answer::Outcomes(vec![outcome]));
    match answer {
        Ok(message) if message.payload.is_empty() => Ok(()),
        Ok(message) => match serde_json::from_slice::<Response<PublishAck>>(&message.payload) {
            Ok(Response::Err { error }) => match of_batch_error(&error) {
                BatchRefusal::Singles(reason) => Err(Answer::Singles(reason)),
                BatchRefusal::Later(reason) => one(Outcome::Retry(reason)),
            },
            // A server that knows no batches has stored it as a message of its own; one by one finds the duplicate.
            _ => Err(Answer::Singles(Reason::Client(
                "the server knows no batches".to_owned(),
            ))),
        },
        // Nothing is stored before the commit, so none of this is unknown.
        Err(error) => match error.kind() {
            RequestErrorKind::NoResponders => one(Outcome::Retry(Reason::NoStream)),
            RequestErrorKind::TimedOut => one(Outcome::Retry(Reason::AckTimeout)),
            RequestErrorKind::MaxPayloadExceeded => Err(Answer::Singles(Reason::Client(error.to_string()))),
            _ => one(Outcome::Retry(Reason::Client(error.to_string()))),
        },
    }
}

/// Reads the answer to the commit: it names the sequence of the last message, and the others stand before it.
fn read_commit(publisher: &JetStreamPublisher, message: &Message, events: usize) -> Answer {
    let all = |outcome: Outcome| Answer::Outcomes(vec![outcome; events]);
    match serde_json::from_slice::<Response<PublishAck>>(&message.payload) {
        Ok(Response::Ok(ack)) if ack.batch_size == u64::try_from(events).ok() => {
            let ours = publisher.stream();
            let outcomes = (0u64..).take(events).map(|index| {
                let behind = ack.batch_size.unwrap_or_default().saturating_sub(index + 1);
                acknowledged(&ack.stream, ours, ack.sequence.saturating_sub(behind), ack.duplicate)
            });
            Answer::Outcomes(outcomes.collect())
        }
        Ok(Response::Ok(_)) => all(Outcome::Unknown(Reason::Client(
            "the batch was not acknowledged whole".to_owned(),
        ))),
        Ok(Response::Err { error }) => match of_batch_error(&error) {
            BatchRefusal::Singles(reason) => Answer::Singles(reason),
            BatchRefusal::Later(reason) => all(Outcome::Retry(reason)),
        },
        Err(error) => all(Outcome::Unknown(Reason::Client(error.to_string()))),
    }
}
