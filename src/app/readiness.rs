//! The checks of `/readyz`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::sync::watch;

use crate::http::routes::health::{Delivery, Readiness, Report};
use crate::jetstream::{NatsStatus, StreamState};
use crate::relay::RelayStatus;
use crate::store::Store;

/// Maximum wait for the database's answer.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);

/// The parts of a running service.
pub(super) struct Parts {
    pub(super) store: Store,
    pub(super) nats: watch::Receiver<NatsStatus>,
    pub(super) relay: watch::Receiver<RelayStatus>,
    pub(super) draining: Arc<AtomicBool>,
}

impl Readiness for Parts {
    fn check(&self) -> BoxFuture<'_, Report> {
        async move {
            let store = self.store.clone();
            // The ping runs to its end in its own task; the timeout ends only the wait.
            let ping = tokio::spawn(async move { store.ping().await.is_ok() });
            let database = matches!(tokio::time::timeout(DATABASE_TIMEOUT, ping).await, Ok(Ok(true)));
            let events_detail = why_waiting(&self.nats.borrow()).or_else(|| self.relay.borrow().waiting());
            let events = if events_detail.is_none() {
                Delivery::Flowing
            } else {
                Delivery::Waiting
            };
            Report {
                stopping: self.draining.load(Ordering::Relaxed),
                database,
                events,
                events_detail,
            }
        }
        .boxed()
    }
}

fn why_waiting(status: &NatsStatus) -> Option<String> {
    match &status.stream {
        _ if !status.connected => Some("not connected to NATS".to_owned()),
        StreamState::Ok(_) => None,
        StreamState::Unknown => Some("the stream has not been checked yet".to_owned()),
        StreamState::Missing => Some("the stream is missing".to_owned()),
        StreamState::Fault(fault) => Some(fault.to_string()),
    }
}
