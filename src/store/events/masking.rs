//! Masks the personal data in the events about a deleted user.

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use serde_json::Value;
use watchword_events::{Event, Pii};

use super::ledger;
use crate::domain::ids::{LedgerSeq, UserId};
use crate::store::StoreError;
use crate::store::entities::event;
use crate::store::transaction::SystemTx;

impl SystemTx<'_> {
    /// Mask at most `limit` published events about a user after `after`, and return where the next
    /// batch begins; `None` at the end. Unpublished events are left alone, since the relay may hold
    /// their bytes.
    pub async fn mask_events(
        &mut self,
        user: UserId,
        after: LedgerSeq,
        limit: u64,
    ) -> Result<Option<LedgerSeq>, StoreError> {
        let published = self.published_through().await?;
        let rows = event::Entity::find()
            .select_only()
            .columns([event::Column::Seq, event::Column::Payload])
            .filter(event::Column::UserId.eq(user.as_uuid()))
            .filter(event::Column::Seq.gt(after))
            .filter(event::Column::Seq.lte(published))
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

    /// Whether events about a user are not published.
    pub async fn has_unpublished_events(&mut self, user: UserId) -> Result<bool, StoreError> {
        let published = self.published_through().await?;
        let found = event::Entity::find()
            .select_only()
            .column(event::Column::Seq)
            .filter(event::Column::UserId.eq(user.as_uuid()))
            .filter(event::Column::Seq.gt(published))
            .into_tuple::<LedgerSeq>()
            .one(&self.core.db)
            .await?;
        Ok(found.is_some())
    }

    async fn published_through(&self) -> Result<LedgerSeq, StoreError> {
        ledger::published_through(&self.core.db).await
    }
}

/// The fields of `data` that have personal data, for events that this version does not know.
const PERSONAL_FIELDS: [&str; 9] = [
    "attributes",
    "email",
    "ip",
    "name",
    "previousEmail",
    "previousUsername",
    "profile",
    "userAgent",
    "username",
];

/// The event without personal data; `None` when it has none.
fn masked(payload: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let masked = match Event::from_json(payload) {
        Ok(mut event) => {
            event.event = event.event.with_pii(Pii::None);
            event.to_json()?
        }
        // A newer version recorded it, or an operator changed it. It must not stop the erasure.
        Err(_) => without_personal_fields(payload),
    };
    Ok((masked != payload).then_some(masked))
}

fn without_personal_fields(payload: &[u8]) -> Vec<u8> {
    let Ok(mut event) = serde_json::from_slice::<Value>(payload) else {
        return b"{}".to_vec();
    };
    if let Some(data) = event.get_mut("data").and_then(Value::as_object_mut) {
        data.retain(|name, _| !PERSONAL_FIELDS.contains(&name.as_str()));
    }
    event.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_another_version_loses_its_personal_fields_alone() {
        let unknown = br#"{"id":"x","data":{"userId":"u","userSeq":7,"email":"a@b.c","profile":{"city":"x"},"new":1}}"#;
        let masked = masked(unknown).unwrap().unwrap();
        let masked: Value = serde_json::from_slice(&masked).unwrap();
        assert_eq!(masked, serde_json::json!({"id": "x", "data": {"userId": "u", "userSeq": 7, "new": 1}}));
        assert_eq!(super::masked(b"not JSON").unwrap().unwrap(), b"{}");
    }
}
