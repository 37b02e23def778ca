//! Updates a user: fields, roles and status.

use sea_orm::{EntityTrait as _, Set};

use crate::domain::user::UserStatus;
use crate::domain::user::account_type::AccountType;
use crate::domain::user::display_name::DisplayName;
use crate::domain::user::email::Email;
use crate::domain::user::profile::Profile;
use crate::domain::user::role::Role;
use crate::domain::user::username::Username;
use crate::store::entities::user;
use crate::store::transaction::UserTx;
use crate::store::users::search;
use crate::store::{StoreError, convert};

/// The fields to change: `None` keeps a field, `Some(None)` clears it.
#[derive(Default)]
pub struct UserChange {
    pub email: Option<Email>,
    pub username: Option<Option<Username>>,
    pub name: Option<Option<DisplayName>>,
    pub account_type: Option<AccountType>,
    pub profile: Option<Profile>,
}

impl UserTx<'_> {
    /// Change the user.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when an identifier is taken.
    pub async fn update_user(&mut self, change: UserChange) -> Result<(), StoreError> {
        let mut row = user::ActiveModel {
            id: Set(self.user_id().as_uuid()),
            updated_at: Set(self.core.millis()),
            ..Default::default()
        };
        let mut after = self.user().clone();
        if let Some(email) = change.email {
            row.email = Set((&email).into());
            row.email_canonical = Set(email.canonical().to_owned());
            // The verification was of another address, unless only the spelling changed.
            if !email.is_same_mailbox(&after.email) {
                row.email_verified = Set(false);
            }
            after.email = email;
        }
        if let Some(username) = change.username {
            row.username = Set(username.as_ref().map(Into::into));
            row.username_canonical = Set(username.as_ref().map(|name| name.canonical().to_owned()));
            after.username = username;
        }
        if let Some(name) = change.name {
            row.name = Set(name.as_ref().map(Into::into));
            after.name = name;
        }
        if let Some(account_type) = change.account_type {
            row.account_type = Set(account_type.as_str().to_owned());
        }
        if let Some(profile) = change.profile {
            row.profile = Set(profile.to_json());
            after.profile = profile;
        }
        row.search_text = Set(Some(search::text(&after)));
        let row = user::Entity::update(row).exec(&self.core.db).await?;
        self.set_user(convert::user(row)?);
        Ok(())
    }

    /// Replace the user's roles.
    pub async fn set_roles(&mut self, roles: &[Role]) -> Result<(), StoreError> {
        let row = user::ActiveModel {
            id: Set(self.user_id().as_uuid()),
            roles: Set(convert::roles_text(roles)),
            updated_at: Set(self.core.millis()),
            ..Default::default()
        };
        let row = user::Entity::update(row).exec(&self.core.db).await?;
        self.set_user(convert::user(row)?);
        Ok(())
    }

    /// Enable or disable the user; to delete the user is [`delete_user`](Self::delete_user).
    pub async fn set_status(&mut self, status: UserStatus) -> Result<(), StoreError> {
        let row = user::ActiveModel {
            id: Set(self.user_id().as_uuid()),
            status: Set(status.as_str().to_owned()),
            updated_at: Set(self.core.millis()),
            ..Default::default()
        };
        let row = user::Entity::update(row).exec(&self.core.db).await?;
        self.set_user(convert::user(row)?);
        Ok(())
    }
}
