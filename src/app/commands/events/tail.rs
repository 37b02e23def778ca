//! `watchword events tail`.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Selection;
use crate::app::AppError;
use crate::config::Settings;
use crate::jetstream::{NatsError, ProbeError, Scan, ScanRequest, ScanStart, ScannedMessage, StreamReader};

/// How long to wait before the stream is read again after it broke off.
const PAUSE: Duration = Duration::from_secs(1);

/// Who looks at the events.
pub trait Viewer: Send {
    /// The stream is being read.
    fn opened(&mut self, stream: &str);
    /// The next event: its place in the stream and its bytes. `false` when no more are wanted.
    fn event(&mut self, stream_seq: u64, payload: &[u8]) -> bool;
    /// Reading broke off, and is tried again.
    fn broken(&mut self, reason: &str);
}

/// Shows events as they reach the stream, and first those from `selection.from` on that the stream still has, until `stop`
/// or until the viewer has had enough.
///
/// # Errors
/// [`AppError::Nats`] when the stream cannot be read at the beginning. Later outages are waited out.
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
                start = ScanStart::Sequence(seen.seq + 1);
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
    let wanted = ScanRequest {
        start,
        subjects,
        headers_only: false,
    };
    reader.scan(wanted).await
}

async fn reopened(
    reader: &StreamReader,
    selection: &Selection,
    start: ScanStart,
    stop: &CancellationToken,
) -> Option<Scan> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => return None,
        }
        if let Ok(scan) = open(reader, selection, start).await {
            return Some(scan);
        }
    }
}

impl Selection {
    /// Whether a message of the stream, of one of the subjects, is among the events.
    fn shows(&self, seen: &ScannedMessage) -> bool {
        self.users.is_empty() || seen.user.is_some_and(|user| self.users.contains(&user))
    }
}
