//! Why a subscriber cannot run.

use async_nats::jetstream::stream::{ConsumerCreateStrictError, ConsumerError};

/// What ends a subscriber. An outage does not: it waits and goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// No server answered, or it refused the credentials.
    #[error("cannot connect to NATS")]
    Connect(#[source] async_nats::ConnectError),
    /// The server's answer about the durable says that asking again will not help.
    #[error("cannot use the durable consumer {durable}")]
    Consumer {
        /// The durable's name.
        durable: String,
        /// The server's answer.
        #[source]
        source: ConsumerError,
    },
    /// The durable does not exist, and the server refuses to make it.
    #[error("cannot create the durable consumer {durable}")]
    Create {
        /// The durable's name.
        durable: String,
        /// The server's answer.
        #[source]
        source: ConsumerCreateStrictError,
    },
    /// The durable does not wait for explicit acknowledgements, so events would be lost.
    #[error("the durable consumer {durable} does not use explicit acknowledgements")]
    NotExplicit {
        /// The durable's name.
        durable: String,
    },
    /// The durable was made for other events, so the handler would wait for some in vain.
    #[error("the durable consumer {durable} does not deliver {subject}: change its filter, or use another name")]
    Filtered {
        /// The durable's name.
        durable: String,
        /// The subject that is asked for and not delivered.
        subject: &'static str,
    },
}
