//! The embedded server, for a command that runs while the service does not.

use std::time::Duration;

use crate::config::Settings;
use crate::domain::random::Random;
use crate::jetstream::{
    error::NatsError,
    supervisor::{EmbeddedTask, start_embedded},
};

const START_TIMEOUT: Duration = Duration::from_secs(30);

/// The server of the data directory, if `nats.url` names no other. It must be stopped.
pub struct CommandServer(Option<EmbeddedTask>);

impl CommandServer {
    /// Start it and wait until it answers.
    ///
    /// # Errors
    ///
    /// [`NatsError::NoEmbeddedServer`] when it does not start.
    pub async fn start(settings: &Settings, random: &dyn Random) -> Result<Self, NatsError> {
        if settings.nats.url.is_some() {
            return Ok(Self(None));
        }
        let mut embedded = start_embedded(settings, random)?;
        let answers = embedded.running.wait_for(Option::is_some);
        let answers = tokio::time::timeout(START_TIMEOUT, answers).await.is_ok_and(|running| running.is_ok());
        let server = Self(Some(embedded));
        if answers {
            return Ok(server);
        }
        server.stop().await;
        Err(NatsError::NoEmbeddedServer(settings.data_dir.clone()))
    }

    /// Stop it, after its clients have disconnected.
    pub async fn stop(self) {
        let Some(embedded) = self.0 else { return };
        embedded.stop.cancel();
        if let Err(error) = embedded.task.await {
            tracing::error!(%error, "embedded nats-server failed");
        }
    }
}
