//! What only the owner of an account may change: the password, and that the address is theirs.

use sea_orm::{ActiveValue::Set, EntityTrait as _, FromQueryResult as _};
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::store::entities::user;
use crate::store::tx::{Tx, UserLock};
use crate::store::{Credentials, StoreError, convert};

impl Tx<'_> {
    /// As [`lock_user`](Self::lock_user), with what a login needs.
    ///
    /// # Errors
    /// [`StoreError`] of the database; `None` when there is no such user.
    pub async fn lock_credentials(&mut self, id: UserId) -> Result<Option<(Credentials, UserLock)>, StoreError> {
        let sql = format!(
            "UPDATE users SET event_seq = event_seq + 1 WHERE id = $1 RETURNING {}",
            user::COLUMNS
        );
        let statement = self.statement(&sql, [id.as_uuid().into()]);
        let Some(mut row) = user::Model::find_by_statement(statement).one(&self.db).await? else {
            return Ok(None);
        };
        let lock = UserLock::reserved(id, row.event_seq);
        let password_hash = std::mem::take(&mut row.password_hash).into();
        let user = convert::user(row)?;
        Ok(Some((Credentials { user, password_hash }, lock)))
    }

    /// Stores a new password's hash.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn set_password(&mut self, id: UserId, hash: &SecretString) -> Result<(), StoreError> {
        let row = user::ActiveModel {
            id: Set(id.as_uuid()),
            password_hash: Set(hash.expose_secret().to_owned()),
            updated_at: Set(self.millis()),
            ..Default::default()
        };
        user::Entity::update(row).exec(&self.db).await?;
        // Whoever set an authenticator up knew the old password.
        self.forget_waiting_factor(id).await
    }

    /// Marks the address of a user as confirmed.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn confirm_email(&mut self, id: UserId) -> Result<User, StoreError> {
        let row = user::ActiveModel {
            id: Set(id.as_uuid()),
            email_verified: Set(true),
            updated_at: Set(self.millis()),
            ..Default::default()
        };
        convert::user(user::Entity::update(row).exec(&self.db).await?)
    }
}
