//! Reading the stream's messages, over a connection of its own.

use std::sync::Arc;

use super::admin;
use crate::config::Settings;
use crate::jetstream::{
    connection::{ConnectionState, ServerVersion, StreamFacts, StreamState},
    error::{NatsError, ProbeError},
    publish::{JetStreamPublisher, Source},
    stream::{Scan, ScanRequest, definition, probe, provision},
};
use crate::security::LedgerMarks;

/// A connection for commands that read the stream.
#[derive(Clone, Debug)]
pub struct StreamReader {
    connection: Arc<ConnectionState>,
    source: Source,
}

impl StreamReader {
    /// Connect to `nats.url`, or to the embedded server of this data directory, and find the
    /// stream.
    ///
    /// # Errors
    ///
    /// [`NatsError`] when there is no server to connect to, it is too old, or it has no such
    /// stream.
    pub async fn connect(settings: &Settings) -> Result<Self, NatsError> {
        let desired = definition::desired(&settings.stream)?;
        let state = Arc::new(ConnectionState::new(desired, &settings.nats));
        let (options, addresses) = admin::target(settings).await?;
        let client = state.connect(options, addresses).await?;
        let version = provision::check_version(&client.server_info().version)?;
        state.keep(client, None);
        let reader = Self { connection: state, source: Source::of(settings) };
        reader.set_status(version).await?;
        Ok(reader)
    }

    /// Set what the supervisor of a service would report to the publisher.
    async fn set_status(&self, version: ServerVersion) -> Result<(), NatsError> {
        let stream = &self.connection.desired.name;
        let info = provision::find(&self.connection.connected()?.context, stream)
            .await?
            .ok_or_else(|| NatsError::NoStream(stream.clone()))?;
        let facts = StreamFacts::new(&info, version, Vec::new());
        self.connection.status.send_modify(|status| {
            status.connected = true;
            status.stream = StreamState::Ok(facts);
        });
        Ok(())
    }

    #[must_use]
    pub fn stream(&self) -> &str {
        &self.connection.desired.name
    }

    /// A publisher that works as the service's.
    #[must_use]
    pub fn publisher(&self, marks: LedgerMarks) -> JetStreamPublisher {
        JetStreamPublisher::new(Arc::clone(&self.connection), self.source.clone(), marks)
    }

    /// Ask the server for the stream's first and last sequence.
    pub async fn position(&self) -> Result<StreamFacts, ProbeError> {
        probe::position(&self.connection).await
    }

    /// Read messages in the order of the stream.
    pub async fn scan(&self, request: ScanRequest) -> Result<Scan, ProbeError> {
        Scan::open(&self.connection.connected()?.context, self.stream(), request).await
    }
}
