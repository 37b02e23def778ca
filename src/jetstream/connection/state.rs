//! The one connection, shared by the supervisor, the publisher and the probes.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_nats::{
    Client, ConnectOptions, ServerAddr,
    connection::State,
    jetstream::{Context, stream::Config},
};
use tokio::sync::{Notify, watch};

use super::{
    connect,
    permissions::PermissionErrors,
    status::{NatsStatus, StreamFacts},
    trouble::ConnectTrouble,
    user::NatsUser,
};
use crate::config::NatsSettings;
use crate::domain::ids::StreamSeq;
use crate::jetstream::error::{NatsError, ProbeError};

/// The connection, as soon as there is one, and what is known about it.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    /// Written by the client's events, the supervisor and the publisher.
    pub(crate) status: Arc<watch::Sender<NatsStatus>>,
    /// The stream as it should be.
    pub(crate) desired: Config,
    pub(crate) permissions: Arc<PermissionErrors>,
    trouble: Arc<ConnectTrouble>,
    /// The JetStream domain.
    domain: Option<String>,
    /// Makes the supervisor check the stream now.
    pub(crate) recheck: Notify,
    /// The first sequence with which a missing stream may be created here.
    creation: Mutex<Option<StreamSeq>>,
    connection: OnceLock<Connection>,
}

/// The client and the JetStream API over it.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) context: Context,
    /// The name the server must have, when it is the embedded one.
    pub(crate) server_name: Option<String>,
}

impl Connection {
    pub(crate) fn new(client: Client, server_name: Option<String>, domain: Option<&str>) -> Self {
        Self {
            context: connect::jetstream(client.clone(), domain),
            client,
            server_name,
        }
    }
}

impl ConnectionState {
    /// Not connected yet.
    pub(crate) fn new(desired: Config, settings: &NatsSettings) -> Self {
        let user = NatsUser::of(settings);
        Self {
            permissions: Arc::new(PermissionErrors::new(user.to_string())),
            trouble: Arc::new(ConnectTrouble::new(user)),
            domain: settings.domain.clone(),
            status: Arc::new(watch::Sender::new(NatsStatus::default())),
            desired,
            recheck: Notify::new(),
            creation: Mutex::default(),
            connection: OnceLock::new(),
        }
    }

    /// Connect a client whose events update the status; at once, unless the options say to keep
    /// trying.
    ///
    /// # Errors
    ///
    /// [`NatsError::Connect`] when the options are not valid, or no server answers.
    pub(crate) async fn connect(
        &self,
        options: ConnectOptions,
        addresses: Vec<ServerAddr>,
    ) -> Result<Client, NatsError> {
        let (status, permissions) = (Arc::clone(&self.status), Arc::clone(&self.permissions));
        connect::connect(options, addresses, status, permissions, Arc::clone(&self.trouble)).await
    }

    /// Keep the client. There is one for the life of the process: it reconnects by itself.
    pub(crate) fn keep(&self, client: Client, server_name: Option<String>) -> &Connection {
        let connection = || Connection::new(client, server_name, self.domain.as_deref());
        self.connection.get_or_init(connection)
    }

    /// Return the client if it is connected now. Commands given to a client that is not connected
    /// would wait in it and go out much later.
    pub(crate) fn connected(&self) -> Result<&Connection, ProbeError> {
        match self.connection.get() {
            Some(connection) if connection.client.connection_state() == State::Connected => Ok(connection),
            _ => Err(ProbeError::NotConnected),
        }
    }

    /// Let a missing stream be created with this first sequence, or not at all. The relay that
    /// leads knows which sequences an earlier stream may have used.
    pub(crate) fn allow_creation(&self, first_seq: Option<StreamSeq>) {
        *self.creation.lock().unwrap_or_else(PoisonError::into_inner) = first_seq;
        self.recheck.notify_one();
    }

    pub(crate) fn creation(&self) -> Option<StreamSeq> {
        *self.creation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Return the facts of the stream if events may be published now.
    pub(crate) fn usable(&self) -> Option<StreamFacts> {
        self.connected().ok()?;
        self.status.borrow().ready().cloned()
    }

    /// The largest message in bytes that both the server and the stream take.
    pub(crate) fn size_limit(&self, facts: &StreamFacts) -> usize {
        let server = self.connection.get().map_or(usize::MAX, |connection| connection.client.max_payload());
        facts.max_msg_size.map_or(server, |stream| stream.min(server))
    }

    /// Resolve when the connection is lost.
    pub(crate) async fn lost(&self) {
        let mut status = self.status.subscribe();
        // The sender lives in self, so this ends by the condition alone.
        let _ = status.wait_for(|status| !status.connected).await;
    }
}
