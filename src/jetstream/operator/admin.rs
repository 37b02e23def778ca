//! `watchword stream apply|info|diff`, over a connection of its own.

use std::sync::Arc;

use async_nats::{
    ConnectOptions, Event, ServerAddr, ServerError,
    jetstream::stream::{Config, Info},
};
use serde::{Serialize, Serializer, ser::Error as _};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::config::Settings;
use crate::domain::ids::StreamSeq;
use crate::jetstream::{
    connection::{ConnectProblem, Connection, NatsUser, connect, permissions::PermissionErrors},
    embedded,
    error::{NatsError, ProbeError, StreamFault},
    stream::{
        Drift, definition, drift,
        provision::{self, StreamUnusable},
    },
};

/// A connection for administrative commands.
#[derive(Debug)]
pub struct StreamAdmin {
    connection: Connection,
    permissions: Arc<PermissionErrors>,
    desired: Config,
}

/// What [`StreamAdmin::apply`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    Created,
    /// These fields were set to their values in the definition.
    Updated(Vec<Drift>),
    Unchanged,
}

/// A stream, for display.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamSummary {
    pub name: String,
    pub subjects: Vec<String>,
    #[serde(rename = "createdAt", serialize_with = "rfc3339")]
    pub created: OffsetDateTime,
    pub messages: u64,
    pub bytes: u64,
    /// The lowest sequence still stored.
    pub first_seq: StreamSeq,
    /// The highest sequence ever assigned.
    pub last_seq: StreamSeq,
    pub consumers: usize,
    /// As configured.
    pub replicas: usize,
    /// The server that leads the stream, in a cluster.
    pub leader: Option<String>,
    /// Of the server that answered.
    pub server_version: String,
    /// The whole configuration, as nats-server writes it.
    pub config: serde_json::Value,
}

fn rfc3339<S: Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.format(&Rfc3339).map_err(S::Error::custom)?)
}

impl StreamAdmin {
    /// Connect to `nats.url`, or to the embedded server of this data directory.
    ///
    /// # Errors
    ///
    /// [`NatsError`] when there is no server to connect to, or it is too old.
    pub async fn connect(settings: &Settings) -> Result<Self, NatsError> {
        let desired = definition::desired(&settings.stream)?;
        let (options, addresses) = target(settings).await?;
        let user = NatsUser::of(&settings.nats);
        let permissions = Arc::new(PermissionErrors::new(user.to_string()));
        let observer = Arc::clone(&permissions);
        let client = options
            .event_callback(move |event| {
                if let Event::ServerError(ServerError::Other(message)) = event {
                    observer.observe(&message);
                }
                std::future::ready(())
            })
            .connect(addresses.clone())
            .await
            .map_err(|error| NatsError::Connect(ConnectProblem::new(&addresses, &user, &error)))?;
        provision::check_version(&client.server_info().version)?;
        Ok(Self {
            connection: Connection::new(client, None, settings.nats.domain.as_deref()),
            permissions,
            desired,
        })
    }

    /// Create the stream, or change it to its definition.
    ///
    /// # Errors
    ///
    /// [`NatsError`] when the server refuses: some fields of an existing stream cannot be changed.
    pub async fn apply(&self) -> Result<Applied, NatsError> {
        let Some(info) = self.find().await? else {
            let (permissions, context) = (&self.permissions, &self.connection.context);
            provision::ensure_permitted(permissions, context, &self.desired, Some(&self.desired)).await?;
            return Ok(Applied::Created);
        };
        let differences = drift(&self.desired, &info.config);
        if differences.is_empty() {
            return Ok(Applied::Unchanged);
        }
        let ours = |subject: &str| subject.starts_with("$JS.API.STREAM.UPDATE.");
        let updated = self.permissions.race(ours, self.connection.context.update_stream(&self.desired));
        updated.await.map_err(StreamFault::Denied)?.map_err(|error| {
            let stream = self.desired.name.clone();
            NatsError::Stream(StreamFault::Refused { stream, reason: error.to_string() })
        })?;
        Ok(Applied::Updated(differences))
    }

    /// Request the state and the configuration of the stream.
    ///
    /// # Errors
    ///
    /// [`NatsError::NoStream`], or [`ProbeError`] when the server does not answer.
    pub async fn info(&self) -> Result<StreamSummary, NatsError> {
        let info = self.existing().await?;
        let config = serde_json::to_value(&info.config)
            .map_err(|error| ProbeError::Refused { what: "stream info", reason: error.to_string() })?;
        Ok(StreamSummary {
            config,
            created: info.created,
            messages: info.state.messages,
            bytes: info.state.bytes,
            first_seq: info.state.first_sequence.into(),
            last_seq: info.state.last_sequence.into(),
            consumers: info.state.consumer_count,
            replicas: info.config.num_replicas,
            leader: info.cluster.and_then(|cluster| cluster.leader),
            server_version: self.connection.client.server_info().version,
            name: info.config.name,
            subjects: info.config.subjects,
        })
    }

    /// Compare the stream with its definition.
    ///
    /// # Errors
    ///
    /// [`NatsError::NoStream`], or [`ProbeError`] when the server does not answer.
    pub async fn diff(&self) -> Result<Vec<Drift>, NatsError> {
        Ok(drift(&self.desired, &self.existing().await?.config))
    }

    async fn existing(&self) -> Result<Info, NatsError> {
        self.find().await?.ok_or_else(|| NatsError::NoStream(self.desired.name.clone()))
    }

    async fn find(&self) -> Result<Option<Info>, NatsError> {
        let ours = |subject: &str| subject.starts_with(provision::STREAM_INFO);
        let found = self.permissions.race(ours, provision::find(&self.connection.context, &self.desired.name));
        Ok(found.await.map_err(StreamFault::Denied)??)
    }
}

/// Connect to `nats.url`, look for the stream, and return what was found.
///
/// # Errors
///
/// [`NatsError`], also when the user may not see the stream.
pub async fn check_connection(settings: &Settings) -> Result<String, NatsError> {
    let admin = StreamAdmin::connect(settings).await?;
    let server = admin.connection.client.server_info();
    let stream = match admin.find().await? {
        Some(_) => format!("stream {}", admin.desired.name),
        None => format!("the stream {} does not exist yet", admin.desired.name),
    };
    Ok(format!("{} (nats-server {}), {stream}", server.server_name, server.version))
}

/// The addresses and the login in the settings, or those of the embedded server of this data
/// directory.
///
/// # Errors
///
/// [`NatsError`] when there is no such server.
pub(super) async fn target(settings: &Settings) -> Result<(ConnectOptions, Vec<ServerAddr>), NatsError> {
    let options = connect::options(&settings.nats)?;
    if let Some(url) = &settings.nats.url {
        return Ok((options, connect::addresses(url)?));
    }
    let none = || NatsError::NoEmbeddedServer(settings.data_dir.clone());
    let running = embedded::running(&settings.data_dir).await.ok_or_else(none)?;
    Ok((running.login(options), vec![running.address().map_err(|_| none())?]))
}

impl From<StreamUnusable> for NatsError {
    fn from(error: StreamUnusable) -> Self {
        match error {
            StreamUnusable::Fault(fault) => fault.into(),
            StreamUnusable::Later(error) | StreamUnusable::Missing(error) => error.into(),
        }
    }
}
