//! Changes that the owner of an account proves first: the password, and the verified address.

use sea_orm::{ActiveValue::Set, ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use secrecy::{ExposeSecret as _, SecretString};

use crate::store::entities::user;
use crate::store::transaction::UserTx;
use crate::store::{StoreError, convert};

impl UserTx<'_> {
    pub async fn set_password(&mut self, hash: &SecretString) -> Result<(), StoreError> {
        let row = user::ActiveModel {
            id: Set(self.user_id().as_uuid()),
            password_hash: Set(hash.expose_secret().to_owned()),
            updated_at: Set(self.core.millis()),
            ..Default::default()
        };
        user::Entity::update(row).exec(&self.core.db).await?;
        // The client that enrolled a pending authenticator knew the old password.
        self.delete_pending_factor().await
    }

    /// Store a new hash of the same password, unless the password has changed.
    pub async fn rehash_password(&mut self, old: &SecretString, new: &SecretString) -> Result<(), StoreError> {
        let rehash = user::Entity::update_many()
            .col_expr(user::Column::PasswordHash, new.expose_secret().into())
            .filter(user::Column::Id.eq(self.user_id().as_uuid()))
            .filter(user::Column::PasswordHash.eq(old.expose_secret()));
        rehash.exec(&self.core.db).await?;
        Ok(())
    }

    /// Mark the user's address as verified.
    pub async fn confirm_email(&mut self) -> Result<(), StoreError> {
        let row = user::ActiveModel {
            id: Set(self.user_id().as_uuid()),
            email_verified: Set(true),
            updated_at: Set(self.core.millis()),
            ..Default::default()
        };
        let row = user::Entity::update(row).exec(&self.core.db).await?;
        self.set_user(convert::user(row)?);
        Ok(())
    }
}
