//! `watchword events tail`.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Selection;
use crate::app::AppError;
use crate::config::Settings;
use crate::domain::ids::StreamSeq;
use crate::jetstream::{NatsError, ProbeError, Scan, ScanRequest, ScanStart, ScannedMessage, StreamReader};

/// Time before reading the stream is retried.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Receives the events.
pub trait Viewer: Send {
    /// Reading of the stream has started.
    fn opened(&mut self, stream: &str);
    /// The next event with its stream sequence and its bytes. Return `false` to end.
    fn event(&mut self, stream_seq: StreamSeq, payload: &[u8]) -> bool;
    /// Reading failed and is retried.
    fn broken(&mut self, reason: &str);
}

/// Show the stream's events since `selection.from`, then new ones as they arrive, until `stop` or
/// until the viewer ends.
///
/// # Errors
/// [`AppError::Nats`] if the stream cannot be read at first. Later errors are retried.
pub async fn tail(
    settings: &Settings,
    selection: &Selection,
    viewer: &mut dyn Viewer,
    stop: &CancellationToken,
) -> Result<(), AppError> {
    let reader = StreamReader::connect(settings).await?;
    let mut start = selection.from.map_or(ScanStart::Next, ScanStart::Time);
    let mut scan = open(&reader, selection, start).await.map_err(NatsError::from)?;
    viewer.opened(reader.stream());
    loop {
        let next = tokio::select! {
            next = scan.next() => next,
            () = stop.cancelled() => return Ok(()),
        };
        match next {
            Ok(seen) => {
                start = ScanStart::Sequence(seen.seq.saturating_add(1));
                if selection.shows(&seen) && !viewer.event(seen.seq, &seen.payload) {
                    return Ok(());
                }
            }
            Err(error) => {
                viewer.broken(&error.to_string());
                match reopened(&reader, selection, start, stop).await {
                    Some(again) => scan = again,
                    None => return Ok(()),
                }
            }
        }
    }
}

async fn open(reader: &StreamReader, selection: &Selection, start: ScanStart) -> Result<Scan, ProbeError> {
    let subjects = selection.subjects.iter().map(ToString::to_string).collect();
    let wanted = ScanRequest { start, subjects, headers_only: false };
    reader.scan(wanted).await
}

async fn reopened(
    reader: &StreamReader,
    selection: &Selection,
    start: ScanStart,
    stop: &CancellationToken,
) -> Option<Scan> {
    loop {
        stop.run_until_cancelled(tokio::time::sleep(RETRY_INTERVAL)).await?;
        if let Ok(scan) = open(reader, selection, start).await {
            return Some(scan);
        }
    }
}

impl Selection {
    /// Whether a message of the selected subjects is about one of the selected users.
    fn shows(&self, seen: &ScannedMessage) -> bool {
        self.users.is_empty() || seen.user.is_some_and(|user| self.users.contains(&user))
    }
}
