//! Signing keys, sealed.

use super::entities::signing_key;
use super::{Store, StoreError, Tx, convert};
use crate::domain::signing_key::SealedKey;
use sea_orm::{ActiveValue::Set, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};

impl Store {
    /// Every key, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn signing_keys(&self) -> Result<Vec<SealedKey>, StoreError> {
        let rows = signing_key::Entity::find()
            .order_by_asc(signing_key::Column::ActivatesAt)
            .all(self.db())
            .await?;
        Ok(rows.into_iter().map(key_row).collect())
    }
}

impl Tx<'_> {
    /// Every key, oldest first; nobody else changes them until this transaction ends.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn lock_signing_keys(&mut self) -> Result<Vec<SealedKey>, StoreError> {
        if self.backend() == sea_orm::DbBackend::Postgres {
            use sea_orm::ConnectionTrait as _;
            self.db
                .execute_unprepared("LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE")
                .await?;
        }
        let rows = signing_key::Entity::find()
            .order_by_asc(signing_key::Column::ActivatesAt)
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(key_row).collect())
    }

    /// Stores a key.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn insert_signing_key(&mut self, key: SealedKey) -> Result<(), StoreError> {
        let row = signing_key::ActiveModel {
            kid: Set(key.kid),
            sealed: Set(key.sealed),
            public: Set(key.public),
            created_at: Set(convert::millis(key.created_at)),
            activates_at: Set(convert::millis(key.activates_at)),
            expires_at: Set(convert::millis(key.expires_at)),
        };
        signing_key::Entity::insert(row)
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }

    /// Forgets a key.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn delete_signing_key(&mut self, kid: &str) -> Result<(), StoreError> {
        signing_key::Entity::delete_many()
            .filter(signing_key::Column::Kid.eq(kid))
            .exec(&self.db)
            .await?;
        Ok(())
    }
}

fn key_row(row: signing_key::Model) -> SealedKey {
    SealedKey {
        kid: row.kid,
        sealed: row.sealed,
        public: row.public,
        created_at: convert::time(row.created_at),
        activates_at: convert::time(row.activates_at),
        expires_at: convert::time(row.expires_at),
    }
}
