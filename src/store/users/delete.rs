//! Deletes a user.

use sea_orm::{EntityTrait as _, Set};

use crate::domain::user::UserStatus;
use crate::store::StoreError;
use crate::store::entities::user;
use crate::store::transaction::UserTx;

impl UserTx<'_> {
    /// Mark the user as deleted, delete the password and the second factor, and cancel what waits
    /// to be mailed. Logins and refreshes are refused from then on, and the identifiers are free.
    pub async fn delete_user(&mut self) -> Result<(), StoreError> {
        let row = user::ActiveModel {
            id: Set(self.user_id().as_uuid()),
            status: Set(UserStatus::Deleted.as_str().to_owned()),
            password_hash: Set(String::new()),
            updated_at: Set(self.core.millis()),
            deleted_at: Set(Some(self.core.millis())),
            ..Default::default()
        };
        user::Entity::update(row).exec(&self.core.db).await?;
        self.remove_second_factor().await?;
        self.cancel_emails().await
    }
}
