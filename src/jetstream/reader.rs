//! An operator's look at the stream's messages, over a connection of its own.

use std::sync::Arc;

use super::{
    admin, connect,
    connection::{Link, Shared},
    definition,
    error::{NatsError, ProbeError},
    probe, provision,
    publisher::{JetStreamPublisher, Source, Stored},
    scan::{Scan, Wanted},
    status::{StreamFacts, StreamState},
    version::ServerVersion,
};
use crate::config::Settings;

/// A connection for commands that read the stream.
#[derive(Clone, Debug)]
pub struct StreamReader {
    shared: Arc<Shared>,
    source: Source,
}

impl StreamReader {
    /// Connects to `nats.url`, or to the embedded server that runs for this data directory, and finds the stream.
    ///
    /// # Errors
    ///
    /// [`NatsError`] when there is no server to connect to, it is too old, or it has no such stream.
    pub async fn connect(settings: &Settings) -> Result<Self, NatsError> {
        let desired = definition::desired(&settings.stream)?;
        let shared = Arc::new(Shared::new(desired, connect::identity(&settings.nats)));
        let addresses = admin::addresses(settings).await?;
        let options = connect::options(&settings.nats).await?;
        let client = connect::connect_now(
            options,
            addresses,
            Arc::clone(&shared.status),
            Arc::clone(&shared.denials),
        )
        .await?;
        let version = provision::check_version(&client.server_info().version)?;
        shared.keep(Link::new(client, None));
        let reader = Self {
            shared,
            source: Source::of(settings),
        };
        reader.note(version).await?;
        Ok(reader)
    }

    /// Lets the publisher know what the supervisor of a service would tell it.
    async fn note(&self, version: ServerVersion) -> Result<(), NatsError> {
        let stream = &self.shared.desired.name;
        let info = provision::find(&self.shared.connected()?.context, stream)
            .await
            .map_err(admin::unfit)?
            .ok_or_else(|| NatsError::NoStream(stream.clone()))?;
        let facts = StreamFacts::new(&info, version, 0, Vec::new());
        self.shared.status.send_modify(|status| {
            status.connected = true;
            status.stream = StreamState::Ok(facts);
        });
        Ok(())
    }

    /// Its name.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.shared.desired.name
    }

    /// Reads and publishes as the service's relay does.
    #[must_use]
    pub fn publisher(&self) -> JetStreamPublisher {
        JetStreamPublisher::new(Arc::clone(&self.shared), self.source.clone())
    }

    /// Where the stream is now.
    ///
    /// # Errors
    ///
    /// [`ProbeError`].
    pub async fn position(&self) -> Result<StreamFacts, ProbeError> {
        probe::position(&self.shared).await
    }

    /// What is stored at a sequence.
    ///
    /// # Errors
    ///
    /// [`ProbeError`].
    pub async fn message_at(&self, seq: u64) -> Result<Stored, ProbeError> {
        probe::message_at(&self.shared, seq).await
    }

    /// Reads messages in the order of the stream.
    ///
    /// # Errors
    ///
    /// [`ProbeError`].
    pub async fn scan(&self, wanted: Wanted) -> Result<Scan, ProbeError> {
        Scan::open(&self.shared.connected()?.context, self.stream(), wanted).await
    }
}
