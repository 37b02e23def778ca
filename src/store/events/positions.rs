//! The order of the ledger, for `watchword events verify`, and which ledger it is.

use uuid::Uuid;

use crate::domain::ids::{Epoch, LedgerSeq, UserSeq};
use crate::store::{Ledger, StoreError, sql};

/// An event and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPosition {
    pub seq: LedgerSeq,
    pub id: Uuid,
    /// That of its kind.
    pub subject: String,
    /// Its number among what happened to its user.
    pub user_seq: Option<UserSeq>,
    /// The number of the event before it about the same user.
    pub user_seq_before: Option<UserSeq>,
}

impl Ledger {
    /// The events after `after` up to `through`, in the order of the ledger, at most `limit`.
    pub async fn positions_after(
        &self,
        after: LedgerSeq,
        through: LedgerSeq,
        limit: u64,
    ) -> Result<Vec<EventPosition>, StoreError> {
        let positions = format!(
            "SELECT seq, id, subject, user_seq, (SELECT before.user_seq FROM events AS before \
             WHERE before.user_id = here.user_id AND before.seq < here.seq AND before.user_seq IS NOT NULL \
             ORDER BY before.seq DESC LIMIT 1) AS user_seq_before FROM events AS here \
             WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT {limit}"
        );
        let rows = sql::fetch_all(self.store().db(), positions, [after.into(), through.into()]).await?;
        rows.iter()
            .map(|row| {
                Ok(EventPosition {
                    seq: row.get("seq")?,
                    id: row.get("id")?,
                    subject: row.get("subject")?,
                    user_seq: row.get("user_seq")?,
                    user_seq_before: row.get("user_seq_before")?,
                })
            })
            .collect()
    }

    /// The ledger's own id.
    pub async fn id(&self) -> Result<Uuid, StoreError> {
        let row = sql::fetch_one(self.store().db(), "SELECT id FROM ledger", []).await?;
        row.ok_or(StoreError::Corrupt { table: "ledger", column: "id" })?.get("id")
    }

    /// The epoch of the sequences. It rises while no instance runs, so each reads it once.
    pub async fn epoch(&self) -> Result<Epoch, StoreError> {
        let read = || async {
            let row = sql::fetch_one(self.store().db(), "SELECT epoch FROM ledger", []).await?;
            let epoch: i32 = row.ok_or(StoreError::Corrupt { table: "ledger", column: "epoch" })?.get("epoch")?;
            Ok(Epoch::from(epoch.unsigned_abs()))
        };
        self.store().0.epoch.get_or_try_init(read).await.copied()
    }

    /// The oldest event; `None` when there is none.
    pub async fn first(&self) -> Result<Option<LedgerSeq>, StoreError> {
        let first = "SELECT seq FROM events ORDER BY seq LIMIT 1";
        sql::fetch_one(self.store().db(), first, []).await?.map(|row| row.get("seq")).transpose()
    }
}
