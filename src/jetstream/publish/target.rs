//! Where messages go, and their form: the event stream, or the stream of a replay.

use std::sync::Arc;

use async_nats::{HeaderMap, HeaderValue};
use watchword_events::headers;

use super::message::{OutgoingEvent, Source};
use super::outcome::{PublishOutcome, Reason};
use super::replay_naming::ReplayNaming;
use crate::domain::ids::{StreamSeq, UserSeq};
use crate::jetstream::connection::ConnectionState;

/// A stream and the form of the messages for it. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct PublishTarget {
    pub(crate) connection: Arc<ConnectionState>,
    /// The stream that has to acknowledge.
    pub(crate) stream: Arc<str>,
    source: Arc<Source>,
    replay: Option<Arc<ReplayNaming>>,
}

impl PublishTarget {
    /// The event stream.
    pub(crate) fn events(connection: Arc<ConnectionState>, source: Source) -> Self {
        Self {
            stream: connection.desired.name.as_str().into(),
            connection,
            source: Arc::new(source),
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

    pub(crate) fn subject(&self, event: &OutgoingEvent) -> String {
        match &self.replay {
            Some(replay) => replay.subject(&event.subject),
            None => event.subject.clone(),
        }
    }

    /// The headers of the event and no others. A replayed event differs in its `Nats-Msg-Id`.
    pub(crate) fn headers(&self, event: &OutgoingEvent) -> HeaderMap {
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
        if let Some(replay) = &self.replay {
            map.insert(headers::MESSAGE_ID, replay.id(event.id));
        }
        map
    }

    /// Accept an acknowledgement if the stream that sent it is ours.
    pub(crate) fn accept_ack(&self, stream: &str, stream_seq: StreamSeq, duplicate: bool) -> PublishOutcome {
        accept_ack(&self.stream, stream, stream_seq, duplicate)
    }
}

fn accept_ack(ours: &str, stream: &str, stream_seq: StreamSeq, duplicate: bool) -> PublishOutcome {
    if stream == ours {
        PublishOutcome::Acked { stream_seq, duplicate }
    } else {
        PublishOutcome::Retry(Reason::ForeignStream(stream.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_counts_only_from_our_stream() {
        assert_eq!(
            accept_ack("a", "a", 7.into(), true),
            PublishOutcome::Acked { stream_seq: 7.into(), duplicate: true }
        );
        assert_eq!(
            accept_ack("a", "b", 7.into(), false),
            PublishOutcome::Retry(Reason::ForeignStream("b".to_owned()))
        );
    }
}
