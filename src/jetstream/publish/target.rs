//! Where messages go, and their form: the event stream, or the stream of a replay.

use std::sync::Arc;

use async_nats::{HeaderMap, HeaderValue};
use watchword_events::headers;

use super::message::{OutgoingEvent, OutgoingMessage, Source};
use super::replay_naming::ReplayNaming;
use crate::domain::ids::UserSeq;
use crate::jetstream::connection::ConnectionState;
use crate::security::LedgerMarks;

/// A stream and the form of the messages for it. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct PublishTarget {
    pub(crate) connection: Arc<ConnectionState>,
    /// The stream that has to acknowledge.
    pub(crate) stream: Arc<str>,
    source: Arc<Source>,
    marks: Arc<LedgerMarks>,
    replay: Option<Arc<ReplayNaming>>,
}

impl PublishTarget {
    /// The event stream.
    pub(crate) fn events(connection: Arc<ConnectionState>, source: Source, marks: LedgerMarks) -> Self {
        Self {
            stream: connection.desired.name.as_str().into(),
            connection,
            source: Arc::new(source),
            marks: Arc::new(marks),
            replay: None,
        }
    }

    /// A stream that takes the events once more, as `replay` names them.
    pub(crate) fn replay(&self, stream: &str, replay: ReplayNaming) -> Self {
        Self {
            stream: stream.into(),
            replay: Some(Arc::new(replay)),
            ..self.clone()
        }
    }

    /// The message that carries an event.
    pub(crate) fn message(&self, event: &OutgoingEvent) -> OutgoingMessage {
        let id = self.message_id(event);
        OutgoingMessage {
            subject: match &self.replay {
                Some(replay) => replay.subject(&event.subject),
                None => event.subject.clone(),
            },
            headers: self.headers(event, &id),
            payload: event.payload.clone(),
            id,
        }
    }

    /// The `Nats-Msg-Id` of the event's message.
    pub(crate) fn message_id(&self, event: &OutgoingEvent) -> String {
        match &self.replay {
            Some(replay) => replay.id(event.id),
            None => event.id.to_string(),
        }
    }

    fn headers(&self, event: &OutgoingEvent, message_id: &str) -> HeaderMap {
        let attributes = headers::Attributes {
            id: event.id.as_uuid(),
            subject: &event.subject,
            version: event.version,
            user_id: event.user_id.map(|user| user.as_uuid()),
            user_seq: event.user_seq.map(UserSeq::get),
            occurred_at: event.occurred_at,
            source: &self.source.uri,
            schema_base: &self.source.schema_base,
            traceparent: event.traceparent.as_deref(),
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers::for_message(&attributes) {
            // Values are percent-encoded ASCII; any other is left out, since it would break the
            // frame.
            if let Ok(value) = value.parse::<HeaderValue>() {
                map.insert(name, value);
            }
        }
        map.insert(headers::LEDGER, self.marks.make(event.place, message_id, &event.payload));
        if self.replay.is_some() {
            map.insert(headers::MESSAGE_ID, message_id);
        }
        map
    }
}
