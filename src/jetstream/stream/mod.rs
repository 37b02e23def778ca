//! The event stream: its definition, how it is created and verified, and how it is read.

pub(super) mod consumer_lag;
pub(super) mod definition;
mod drift;
pub(super) mod probe;
pub(super) mod provision;
mod scan;

pub(super) use self::definition::covers;
pub use self::{
    consumer_lag::{DurableLag, StreamUsage, UnackedMessage},
    definition::{desired, document},
    drift::{Drift, drift},
    probe::StoredMessage,
    scan::{MessageId, Scan, ScanRequest, ScanStart, ScannedMessage},
};
