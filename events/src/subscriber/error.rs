//! Why a subscriber cannot run.

use std::error::Error;

/// An error that ends a subscriber. An outage does not: the subscriber waits and continues.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// No server answered, or it refused the credentials.
    #[error("cannot connect to NATS")]
    Connect(#[source] Box<dyn Error + Send + Sync>),
    /// The server refuses to return the durable, for a reason that a retry does not change.
    #[error("cannot use the durable consumer {durable}")]
    Consumer {
        /// The durable's name.
        durable: String,
        /// The server's answer.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The durable does not exist, and the server refuses to create it.
    #[error("cannot create the durable consumer {durable}")]
    Create {
        /// The durable's name.
        durable: String,
        /// The server's answer.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The durable exists and does not require explicit acknowledgements, so it would lose events.
    #[error("the durable consumer {durable} does not use explicit acknowledgements: recreate it with them")]
    NotExplicit {
        /// The durable's name.
        durable: String,
    },
    /// The durable exists and filters out an event that the subscriber wants.
    #[error("the durable consumer {durable} does not deliver {subject}: change its filter, or use another name")]
    Filtered {
        /// The durable's name.
        durable: String,
        /// The subject that the subscriber wants and the durable does not deliver.
        subject: &'static str,
    },
    /// A subscriber in the order of each user's events chose some events with `events`: the numbers
    /// of the others would be missing.
    #[error("the subscriber {durable} is ordered by user and does not want all events: choose them in the handler")]
    Unordered {
        /// The durable's name.
        durable: String,
    },
}
