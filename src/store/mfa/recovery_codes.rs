//! Keyed hashes of recovery codes.

use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QuerySelect as _, Set};

use crate::domain::ids::UserId;
use crate::store::entities::recovery_code;
use crate::store::transaction::UserTx;
use crate::store::{Store, StoreError};

impl Store {
    /// How many recovery codes a user has left.
    pub async fn recovery_codes_left(&self, user: UserId) -> Result<u64, StoreError> {
        let left = recovery_code::Entity::find()
            .filter(recovery_code::Column::UserId.eq(user.as_uuid()))
            .count(self.db())
            .await?;
        Ok(left)
    }
}

impl UserTx<'_> {
    /// Replace the user's recovery codes.
    pub async fn set_recovery_codes(&mut self, hashes: &[[u8; 32]]) -> Result<(), StoreError> {
        let user = self.user_id().as_uuid();
        recovery_code::Entity::delete_many()
            .filter(recovery_code::Column::UserId.eq(user))
            .exec(&self.core.db)
            .await?;
        let rows = hashes
            .iter()
            .map(|hash| recovery_code::ActiveModel { user_id: Set(user), code_hash: Set(hash.to_vec()) });
        recovery_code::Entity::insert_many(rows).exec_without_returning(&self.core.db).await?;
        Ok(())
    }

    /// Whether the user has a recovery code left.
    pub async fn has_recovery_code(&mut self) -> Result<bool, StoreError> {
        let left = recovery_code::Entity::find()
            .filter(recovery_code::Column::UserId.eq(self.user_id().as_uuid()))
            .limit(1)
            .count(&self.core.db)
            .await?;
        Ok(left > 0)
    }

    /// Consume a recovery code; false when the user has no such code.
    pub async fn consume_recovery_code(&mut self, hash: [u8; 32]) -> Result<bool, StoreError> {
        let deleted = recovery_code::Entity::delete_many()
            .filter(recovery_code::Column::UserId.eq(self.user_id().as_uuid()))
            .filter(recovery_code::Column::CodeHash.eq(hash.to_vec()))
            .exec(&self.core.db)
            .await?;
        Ok(deleted.rows_affected == 1)
    }
}
