//! Taking the personal data out of what is left of a deleted account: its row, its sessions, and its events that were published.

use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use time::OffsetDateTime;
use uuid::Uuid;
use watchword_events::{Event, Pii};

use crate::domain::ids::UserId;
use crate::store::entities::event;
use crate::store::tx::Tx;
use crate::store::{Store, StoreError, convert};

impl Store {
    /// Accounts that were deleted before `before` and still have personal data, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn erasable(&self, before: OffsetDateTime, most: u64) -> Result<Vec<UserId>, StoreError> {
        let sql = format!(
            "SELECT id FROM users WHERE deleted_at IS NOT NULL AND erased_at IS NULL AND deleted_at < {} \
             ORDER BY deleted_at LIMIT {most}",
            convert::millis(before)
        );
        let statement = sea_orm::Statement::from_string(self.db().get_database_backend(), sql);
        let rows = self.db().query_all_raw(statement).await?;
        rows.iter()
            .map(|row| Ok(row.try_get::<Uuid>("", "id")?.into()))
            .collect()
    }
}

impl Tx<'_> {
    /// Takes the personal data out of a stretch of a user's events behind `after`. Those that wait to be published are left alone:
    /// somebody may have their bytes in hand. Tells where the next stretch begins; `None` at the end.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn mask_events(&mut self, user: UserId, after: i64, most: u64) -> Result<Option<i64>, StoreError> {
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
            .limit(most)
            .into_tuple::<(i64, Vec<u8>)>()
            .all(&self.db)
            .await?;
        for (seq, payload) in &rows {
            let Some(masked) = masked(payload)? else { continue };
            event::Entity::update_many()
                .col_expr(event::Column::Payload, masked.into())
                .filter(event::Column::Seq.eq(*seq))
                .exec(&self.db)
                .await?;
        }
        let full = u64::try_from(rows.len()).is_ok_and(|rows| rows >= most);
        Ok(rows.last().filter(|_| full).map(|(seq, _)| *seq))
    }

    /// Whether events about a user still wait to be published.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn has_waiting_events(&mut self, user: UserId) -> Result<bool, StoreError> {
        let found = event::Entity::find()
            .select_only()
            .column(event::Column::Seq)
            .filter(event::Column::UserId.eq(user.as_uuid()))
            .filter(event::Column::PublishedAt.is_null())
            .filter(event::Column::ParkedReason.is_null())
            .into_tuple::<i64>()
            .one(&self.db)
            .await?;
        Ok(found.is_some())
    }

    /// Erases what is personal in a deleted user's row and sessions. The id, the times, the type and the roles stay.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn erase_user(&mut self, user: UserId) -> Result<(), StoreError> {
        // An address that can never be one (RFC 6761 section 6.4), since the column must have something.
        let nobody = format!("{user}@erased.invalid");
        let sql = "UPDATE users SET email = $1, email_canonical = $1, email_verified = $2, username = NULL, \
                   username_canonical = NULL, name = NULL, profile = '{}', search_text = '', password_hash = '', \
                   erased_at = $3 WHERE id = $4 AND deleted_at IS NOT NULL";
        let values = [nobody.into(), false.into(), self.millis().into(), user.as_uuid().into()];
        self.db.execute_raw(self.statement(sql, values)).await?;
        let sql = "UPDATE sessions SET ip = NULL, user_agent = NULL WHERE user_id = $1";
        self.db
            .execute_raw(self.statement(sql, [user.as_uuid().into()]))
            .await?;
        // One may have been set up while the account was deleted.
        self.remove_second_factor(user).await
    }
}

/// The event without personal data; `None` when it has none.
fn masked(payload: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let corrupt = |_| StoreError::Corrupt {
        table: "events",
        column: "payload",
    };
    let mut event = Event::from_json(payload).map_err(corrupt)?;
    event.event = event.event.with_pii(Pii::None);
    let masked = event.to_json()?;
    Ok((masked != payload).then_some(masked))
}
