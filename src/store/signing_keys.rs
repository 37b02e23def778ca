//! Signing keys, with encrypted private parts.

use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
};

use super::entities::signing_key;
use super::{Store, StoreError, SystemTx, convert};
use crate::domain::signing_key::SealedKey;

impl Store {
    /// All keys, oldest first.
    pub async fn signing_keys(&self) -> Result<Vec<SealedKey>, StoreError> {
        oldest_first(self.db()).await
    }
}

impl SystemTx<'_> {
    /// All keys, oldest first. No other transaction changes them until this one ends.
    pub async fn lock_signing_keys(&mut self) -> Result<Vec<SealedKey>, StoreError> {
        self.lock_table("signing_keys").await?;
        oldest_first(&self.core.db).await
    }

    pub async fn insert_signing_key(&mut self, key: SealedKey) -> Result<(), StoreError> {
        let row = signing_key::ActiveModel {
            kid: Set(key.kid),
            sealed: Set(key.sealed),
            public: Set(key.public),
            created_at: Set(convert::millis(key.created_at)),
            activates_at: Set(convert::millis(key.activates_at)),
            expires_at: Set(convert::millis(key.expires_at)),
            algorithm: Set(key.algorithm.to_string()),
        };
        signing_key::Entity::insert(row).exec_without_returning(&self.core.db).await?;
        Ok(())
    }

    pub async fn delete_signing_key(&mut self, kid: &str) -> Result<(), StoreError> {
        signing_key::Entity::delete_many()
            .filter(signing_key::Column::Kid.eq(kid))
            .exec(&self.core.db)
            .await?;
        Ok(())
    }
}

async fn oldest_first(db: &impl ConnectionTrait) -> Result<Vec<SealedKey>, StoreError> {
    let rows = signing_key::Entity::find().order_by_asc(signing_key::Column::ActivatesAt).all(db).await?;
    rows.into_iter().map(key).collect()
}

fn key(row: signing_key::Model) -> Result<SealedKey, StoreError> {
    let algorithm = row
        .algorithm
        .parse()
        .map_err(|_| StoreError::Corrupt { table: "signing_keys", column: "algorithm" })?;
    Ok(SealedKey {
        kid: row.kid,
        algorithm,
        sealed: row.sealed,
        public: row.public,
        created_at: convert::time(row.created_at),
        activates_at: convert::time(row.activates_at),
        expires_at: convert::time(row.expires_at),
    })
}
