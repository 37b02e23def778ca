//! Masks the personal data in the events about a deleted user.

use sea_orm::{ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use watchword_events::{Event, Pii};

use crate::domain::ids::{LedgerSeq, UserId};
use crate::store::StoreError;
use crate::store::entities::event;
use crate::store::transaction::SystemTx;

impl SystemTx<'_> {
    /// Mask at most `limit` events about a user after `after`, and return where the next batch
    /// begins; `None` at the end. Unpublished events are left alone, since the relay may hold their
    /// bytes.
    pub async fn mask_events(
        &mut self,
        user: UserId,
        after: LedgerSeq,
        limit: u64,
    ) -> Result<Option<LedgerSeq>, StoreError> {
        let rows = event::Entity::find()
            .select_only()
            .columns([event::Column::Seq, event::Column::Payload])
            .filter(event::Column::UserId.eq(user.as_uuid()))
            .filter(event::Column::Seq.gt(after))
            .filter(
                Condition::any()
                    .add(event::Column::PublishedAt.is_not_null())
                    .add(event::Column::ParkedReason.is_not_null()),
            )
            .order_by_asc(event::Column::Seq)
            .limit(limit)
            .into_tuple::<(LedgerSeq, Vec<u8>)>()
            .all(&self.core.db)
            .await?;
        for (seq, payload) in &rows {
            let Some(masked) = masked(payload)? else { continue };
            event::Entity::update_many()
                .col_expr(event::Column::Payload, masked.into())
                .filter(event::Column::Seq.eq(*seq))
                .exec(&self.core.db)
                .await?;
        }
        let full = u64::try_from(rows.len()).is_ok_and(|rows| rows >= limit);
        Ok(rows.last().filter(|_| full).map(|(seq, _)| *seq))
    }

    /// Whether events about a user are neither published nor parked.
    pub async fn has_unpublished_events(&mut self, user: UserId) -> Result<bool, StoreError> {
        let found = event::Entity::find()
            .select_only()
            .column(event::Column::Seq)
            .filter(event::Column::UserId.eq(user.as_uuid()))
            .filter(event::Column::PublishedAt.is_null())
            .filter(event::Column::ParkedReason.is_null())
            .into_tuple::<LedgerSeq>()
            .one(&self.core.db)
            .await?;
        Ok(found.is_some())
    }
}

/// The event without personal data; `None` when it has none.
fn masked(payload: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let corrupt = |_| StoreError::Corrupt { table: "events", column: "payload" };
    let mut event = Event::from_json(payload).map_err(corrupt)?;
    event.event = event.event.with_pii(Pii::None);
    let masked = event.to_json()?;
    Ok((masked != payload).then_some(masked))
}
