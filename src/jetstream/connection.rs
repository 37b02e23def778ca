//! What the supervisor, the publisher and the probes share.

use std::sync::{Arc, OnceLock};

use async_nats::{
    Client,
    connection::State,
    jetstream::{Context, stream::Config},
};
use tokio::sync::{Notify, watch};

use super::{
    connect,
    denied::Denials,
    error::{ProbeError, StreamFault},
    outcome::{Outcome, Reason},
    status::{NatsStatus, StreamFacts, StreamState},
};

/// The connection (once there is one to make) and what is known about it.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Written by the client's events, the supervisor and the publisher.
    pub(crate) status: Arc<watch::Sender<NatsStatus>>,
    /// The stream as it should be.
    pub(crate) desired: Config,
    /// What the server does not let this user do.
    pub(crate) denials: Arc<Denials>,
    /// Asks the supervisor to look at the stream now.
    pub(crate) recheck: Notify,
    link: OnceLock<Link>,
}

/// The one client of this process and the JetStream API over it.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// The client.
    pub(crate) client: Client,
    /// The JetStream API.
    pub(crate) context: Context,
    /// The name the server must have, when it is the embedded one.
    pub(crate) server_name: Option<String>,
}

impl Link {
    /// The API over a client.
    pub(crate) fn new(client: Client, server_name: Option<String>) -> Self {
        Self {
            context: connect::jetstream(client.clone()),
            client,
            server_name,
        }
    }
}

impl Shared {
    /// Nothing connected yet.
    pub(crate) fn new(desired: Config, user: String) -> Self {
        Self {
            denials: Arc::new(Denials::new(user)),
            status: Arc::new(watch::Sender::new(NatsStatus::default())),
            desired,
            recheck: Notify::new(),
            link: OnceLock::new(),
        }
    }

    /// Keeps the client. There is one for the life of the process: it reconnects by itself.
    pub(crate) fn keep(&self, link: Link) -> &Link {
        self.link.get_or_init(|| link)
    }

    /// The client, when it is connected at this moment. Commands given to a client that is not would wait in
    /// it and go out much later.
    pub(crate) fn connected(&self) -> Result<&Link, ProbeError> {
        match self.link.get() {
            Some(link) if link.client.connection_state() == State::Connected => Ok(link),
            _ => Err(ProbeError::NotConnected),
        }
    }

    /// The stream's facts, when events may be published now.
    pub(crate) fn usable(&self) -> Option<StreamFacts> {
        self.connected().ok()?;
        self.status.borrow().ready().cloned()
    }

    /// The most bytes a message may have.
    pub(crate) fn size_limit(&self, facts: &StreamFacts) -> usize {
        let server = self.link.get().map_or(usize::MAX, |link| link.client.max_payload());
        facts.max_msg_size.map_or(server, |stream| stream.min(server))
    }

    /// Takes notice when publishing shows that the stream is not what it was.
    pub(crate) fn learn_from(&self, outcomes: &[Outcome]) {
        let news = outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Retry(Reason::NoStream) => Some(StreamState::Missing),
            Outcome::Retry(Reason::ForeignStream(owner)) => Some(StreamState::Fault(StreamFault::ForeignStream {
                stream: self.desired.name.clone(),
                subject: self.desired.subjects.join(", "),
                owner: owner.clone(),
            })),
            _ => None,
        });
        if let Some(stream) = news {
            tracing::error!(?stream, "events cannot reach the stream");
            self.status.send_modify(|status| status.stream = stream);
            self.recheck.notify_one();
        }
    }

    /// Resolves when the connection is lost.
    pub(crate) async fn lost(&self) {
        let mut status = self.status.subscribe();
        // The sender lives in self, so this only ends by the condition.
        let _ = status.wait_for(|status| !status.connected).await;
    }
}
