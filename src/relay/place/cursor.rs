//! Where the publication of the ledger stands.

use time::OffsetDateTime;

use crate::{
    domain::ids::{LedgerSeq, StreamSeq},
    store::RelayPosition,
};

/// The cursor in the ledger and the end of the stream that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::relay) struct Place {
    /// Every event up to here is in the stream, or was stepped over.
    pub(in crate::relay) cursor: LedgerSeq,
    /// The last sequence of the stream, which the next message builds upon.
    pub(in crate::relay) fence: StreamSeq,
    /// The last message of ours.
    pub(in crate::relay) last: LastMessage,
    /// When the stream was created.
    pub(in crate::relay) created: OffsetDateTime,
    pub(in crate::relay) refill_from: Option<LedgerSeq>,
}

/// A message of ours, by which the stream is recognized later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::relay) struct LastMessage {
    pub(in crate::relay) seq: StreamSeq,
    /// Its `Nats-Msg-Id`; none before the first message.
    pub(in crate::relay) id: Option<String>,
}

impl Place {
    /// Move behind events that are stored: `through` with what was stepped over.
    pub(in crate::relay) fn advance(&mut self, through: LedgerSeq, messages: u64, last_id: Option<String>) {
        self.cursor = through;
        self.fence = self.fence.saturating_add(messages);
        if last_id.is_some() {
            self.last = LastMessage { seq: self.fence, id: last_id };
        }
    }

    pub(in crate::relay) fn position(&self, stream: &str) -> RelayPosition {
        RelayPosition {
            stream: stream.to_owned(),
            created: self.created,
            seq: self.cursor,
            stream_seq: self.last.seq,
            message_id: self.last.id.clone(),
            refill_from: self.refill_from,
        }
    }
}
