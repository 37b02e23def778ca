//! Copies of events for everyone, which a replay sends to the event stream. The leader publishes
//! them between its own batches and behind the same end, so that nobody else does.

use tokio::sync::{mpsc, oneshot};

use crate::{
    domain::ids::StreamSeq,
    jetstream::{OutgoingEvent, ReplayPublisher},
};

/// Copies to publish, and where to send the answer.
pub struct CopyRequest {
    pub(in crate::relay) publisher: ReplayPublisher,
    pub(in crate::relay) events: Vec<OutgoingEvent>,
    pub(in crate::relay) answer: oneshot::Sender<Result<StreamSeq, String>>,
}

/// Where a replay hands copies over.
#[derive(Clone, Debug)]
pub struct CopyQueue(mpsc::Sender<CopyRequest>);

/// Where the relay takes them.
pub type CopyRequests = mpsc::Receiver<CopyRequest>;

/// One replay runs at a time, and has one batch in flight.
#[must_use]
pub fn copy_queue() -> (CopyQueue, CopyRequests) {
    let (queue, requests) = mpsc::channel(1);
    (CopyQueue(queue), requests)
}

impl CopyQueue {
    /// Have copies published, and return the stream sequence of the last one.
    ///
    /// # Errors
    ///
    /// Why they are not known to be stored.
    pub(in crate::relay) async fn publish(
        &self,
        publisher: &ReplayPublisher,
        events: Vec<OutgoingEvent>,
    ) -> Result<StreamSeq, String> {
        let (answer, answered) = oneshot::channel();
        let request = CopyRequest { publisher: publisher.clone(), events, answer };
        let not_leading = || "this instance does not publish the ledger".to_owned();
        self.0.send(request).await.map_err(|_| not_leading())?;
        answered.await.map_err(|_| not_leading())?
    }
}
