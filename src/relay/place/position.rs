//! Writing the position: after what was acknowledged, seldom enough to cost nothing.

use std::time::Duration;

use tokio::time::Instant;

use super::cursor::Place;
use crate::{
    domain::clock::Clock,
    store::{LeaderLease, RelayPosition, StoreError},
};

const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// The position as the database has it.
#[derive(Debug, Default)]
pub(in crate::relay) struct PositionWriter {
    written: Option<RelayPosition>,
    at: Option<Instant>,
}

impl PositionWriter {
    /// Write the position if it has moved and the last write was long enough ago.
    pub(in crate::relay) async fn write_soon(
        &mut self,
        lease: &LeaderLease,
        place: &Place,
        stream: &str,
        clock: &dyn Clock,
    ) -> Result<(), StoreError> {
        if self.at.is_some_and(|at| at.elapsed() < MIN_INTERVAL) {
            return Ok(());
        }
        self.write(lease, place, stream, clock).await
    }

    /// Write the position if it has moved.
    pub(in crate::relay) async fn write(
        &mut self,
        lease: &LeaderLease,
        place: &Place,
        stream: &str,
        clock: &dyn Clock,
    ) -> Result<(), StoreError> {
        let position = place.position(stream);
        if self.written.as_ref() == Some(&position) {
            return Ok(());
        }
        lease.save_position(&position, clock.now()).await?;
        self.written = Some(position);
        self.at = Some(Instant::now());
        Ok(())
    }

    /// When to write next, if the place is not written.
    pub(in crate::relay) fn due(&self, place: Option<&Place>, stream: &str) -> Option<Instant> {
        let position = place?.position(stream);
        let at = self.at.unwrap_or_else(Instant::now);
        (self.written.as_ref() != Some(&position)).then(|| at + MIN_INTERVAL)
    }
}
