//! Follows the ledger for administrators: every event from a position on, in order and without
//! gaps.

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::watch;

use crate::actions::ActionError::{self, Refused};
use crate::actions::sessions::authenticate::{self, Identity};
use crate::actions::{Context, Failure};
use crate::domain::ids::{Cursor, Epoch, ForeignCursor, LedgerSeq};
pub use crate::store::EventBatch;
use crate::store::FollowFilter;

/// Ledger rows that are read at a time.
const BATCH_SIZE: u64 = 100;

/// What to follow: from now on, unless a place or a time says otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Input {
    pub subject: Option<&'static str>,
    /// Only what happened at this moment or later; also the beginning, without `after`.
    pub from: Option<OffsetDateTime>,
    /// The place after which to begin.
    pub after: Option<Cursor>,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the caller is not an administrator")]
    NotAdmin,
    #[error(transparent)]
    Cursor(#[from] ForeignCursor),
}

/// A position in the ledger that advances.
#[derive(Debug)]
pub struct Follower {
    epoch: Epoch,
    seq: LedgerSeq,
    filter: FollowFilter,
    commits: watch::Receiver<u64>,
}

/// Begin to follow.
///
/// # Errors
/// [`Refusal`]
pub async fn run(cx: Context, caller: Identity, input: Input) -> Result<Follower, ActionError<Refusal>> {
    caller.require_admin(Refusal::NotAdmin)?;
    let ledger = cx.services.store.ledger();
    // Subscribed before the first read, so that no commit falls between the two.
    let commits = ledger.commits();
    let seq = match (input.after, input.from) {
        (Some(after), _) => ledger.resolve(after).await?.map_err(|foreign| Refused(foreign.into()))?,
        (None, Some(from)) => ledger.seq_before(from).await?,
        (None, None) => ledger.high_watermark().await?,
    };
    Ok(Follower {
        epoch: ledger.epoch().await?,
        seq,
        filter: FollowFilter { subject: input.subject, from: input.from },
        commits,
    })
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
    /// The place up to which events were returned.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        self.cursor_at(self.seq)
    }

    /// The place behind the event of this sequence.
    #[must_use]
    pub const fn cursor_at(&self, seq: LedgerSeq) -> Cursor {
        Cursor { epoch: self.epoch, seq }
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
