//! Follows the ledger for administrators: every event from a position on, in order and without
//! gaps.

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::watch;

use crate::actions::ActionError::{self, Refused};
use crate::actions::sessions::authenticate::{self, Identity};
use crate::actions::{Context, Failure};
use crate::domain::ids::LedgerSeq;
pub use crate::store::EventBatch;
use crate::store::FollowFilter;

/// Ledger rows that are read at a time.
const BATCH_SIZE: u64 = 100;

/// Where to begin.
#[derive(Debug, Clone, Copy)]
pub enum Start {
    /// With what is recorded from now on.
    Now,
    /// After this ledger sequence.
    After(LedgerSeq),
    /// With what happened at this moment.
    At(OffsetDateTime),
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the caller is not an administrator")]
    NotAdmin,
    /// The ledger has not reached the sequence, so that it is one of another ledger.
    #[error("the sequence is beyond the end of the ledger")]
    BeyondEnd,
}

/// A position in the ledger that advances.
#[derive(Debug)]
pub struct Follower {
    seq: LedgerSeq,
    filter: FollowFilter,
    commits: watch::Receiver<u64>,
}

/// Begin to follow.
///
/// # Errors
/// [`Refusal`]
pub async fn run(
    cx: Context,
    caller: Identity,
    start: Start,
    subject: Option<&'static str>,
) -> Result<Follower, ActionError<Refusal>> {
    caller.require_admin(Refusal::NotAdmin)?;
    let ledger = cx.services.store.ledger();
    // Subscribed before the first read, so that no commit falls between the two.
    let commits = ledger.commits();
    let (seq, from) = match start {
        Start::Now => (ledger.high_watermark().await?, None),
        Start::After(seq) if ledger.has_reached(seq).await? => (seq, None),
        Start::After(_) => return Err(Refused(Refusal::BeyondEnd)),
        Start::At(from) => (ledger.seq_before(from).await?, Some(from)),
    };
    Ok(Follower { seq, filter: FollowFilter { subject, from }, commits })
}

/// Confirm, by the database and not by the session cache, that the token is an administrator's.
///
/// # Errors
/// [`authenticate::Refusal`]
pub async fn confirm(cx: &Context, access_token: &str) -> Result<(), ActionError<authenticate::Refusal>> {
    let identity = authenticate::uncached(cx, access_token).await?;
    if identity.user.is_admin() {
        Ok(())
    } else {
        Err(Refused(authenticate::Refusal::InvalidToken))
    }
}

impl Follower {
    /// The ledger sequence up to which events were returned.
    #[must_use]
    pub const fn seq(&self) -> LedgerSeq {
        self.seq
    }

    /// Return the next events, or none when there are none yet.
    ///
    /// # Errors
    /// [`Failure`]; the position stays where it is.
    pub async fn next(&mut self, cx: &Context) -> Result<Arc<EventBatch>, Failure> {
        let ledger = cx.services.store.ledger();
        let batch = ledger.events_after(self.seq, self.filter, BATCH_SIZE).await?;
        self.seq = batch.reached;
        Ok(batch)
    }

    /// Wait until this instance has committed an event since the last call. Commits of other
    /// instances have to be polled for.
    pub async fn committed(&mut self) {
        if self.commits.changed().await.is_err() {
            // The store is gone; the caller is about to stop for another reason.
            std::future::pending::<()>().await;
        }
    }
}
