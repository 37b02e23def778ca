//! Following the ledger: every event in its order, none lost, from a place on. For administrators.

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::watch;

use crate::actions::sessions::authenticate::{self, Identity};
use crate::actions::{Failure, Services};
pub use crate::store::{EventBatch, FollowFilter as Chosen, FollowedEvent};

/// Events that are looked at in one step.
const STEP: u64 = 100;

/// Where to begin.
#[derive(Debug, Clone, Copy)]
pub enum Start {
    /// With what is recorded from now on.
    Now,
    /// Behind a place: the last one that was seen.
    Behind(i64),
    /// With what happened at a moment.
    At(OffsetDateTime),
}

/// Why there is nothing to follow.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Only administrators see everybody's events.
    #[error("not an administrator")]
    Forbidden,
    /// The place is beyond the end of the ledger.
    #[error("the ledger has not come so far")]
    Beyond,
    /// Try later.
    #[error(transparent)]
    Failure(Failure),
}

impl<E> From<E> for Error
where
    Failure: From<E>,
{
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

/// A place in the ledger that moves on.
#[derive(Debug)]
pub struct Follower {
    place: i64,
    chosen: Chosen,
    commits: watch::Receiver<u64>,
}

/// Begins to follow.
///
/// # Errors
/// [`Error`].
pub async fn run(
    services: &Services,
    caller: &Identity,
    start: Start,
    subject: Option<&'static str>,
) -> Result<Follower, Error> {
    if !caller.user.is_admin() {
        return Err(Error::Forbidden);
    }
    let ledger = services.store.ledger();
    // Before the first look: no commit falls between the two.
    let commits = ledger.commits();
    let (place, from) = match start {
        Start::Now => (ledger.high_watermark().await?, None),
        Start::Behind(seq) if ledger.has_reached(seq).await? => (seq, None),
        Start::Behind(_) => return Err(Error::Beyond),
        Start::At(from) => (ledger.seq_before(from).await?, Some(from)),
    };
    Ok(Follower {
        place,
        chosen: Chosen { subject, from },
        commits,
    })
}

/// Whether the token still is an administrator's, by the database and not by what this instance remembers.
///
/// # Errors
/// [`authenticate::Error`] when it is not, or when nobody can say.
pub async fn confirm(services: &Services, access_token: &str) -> Result<(), authenticate::Error> {
    let identity = authenticate::run_uncached(services, access_token).await?;
    if identity.user.is_admin() {
        Ok(())
    } else {
        Err(authenticate::Error::InvalidToken)
    }
}

impl Follower {
    /// How far it has come.
    #[must_use]
    pub const fn place(&self) -> i64 {
        self.place
    }

    /// The next events, none when there are none yet.
    ///
    /// # Errors
    /// [`Failure`] of the database; the place stays where it is.
    pub async fn next(&mut self, services: &Services) -> Result<Arc<EventBatch>, Failure> {
        let piece = services
            .store
            .ledger()
            .events_after(self.place, self.chosen, STEP)
            .await?;
        self.place = piece.reached;
        Ok(piece)
    }

    /// Resolves when this instance has committed an event since it resolved last. Other instances' have to be looked for.
    pub async fn committed(&mut self) {
        if self.commits.changed().await.is_err() {
            // The store has gone; whoever waits has another reason to stop.
            std::future::pending::<()>().await;
        }
    }
}
