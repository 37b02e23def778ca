//! Creates a user.

use sea_orm::EntityTrait as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::ids::UserId;
use crate::domain::user::UserStatus;
use crate::domain::user::account_type::AccountType;
use crate::domain::user::display_name::DisplayName;
use crate::domain::user::email::Email;
use crate::domain::user::profile::Profile;
use crate::domain::user::role::Role;
use crate::domain::user::username::Username;
use crate::store::entities::user;
use crate::store::transaction::{Tx, UserTx};
use crate::store::users::search;
use crate::store::users::text_rules::TEXT_RULES;
use crate::store::{StoreError, convert};

pub struct NewUser {
    pub id: UserId,
    /// Unique among live accounts.
    pub email: Email,
    /// Unique among live accounts.
    pub username: Option<Username>,
    pub name: Option<DisplayName>,
    pub account_type: AccountType,
    pub roles: Vec<Role>,
    pub profile: Profile,
    /// Argon2 in PHC form.
    pub password_hash: SecretString,
}

impl<'a> Tx<'a> {
    /// Insert a user, whose row is then locked as by [`lock_user`](Self::lock_user).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when an identifier is taken.
    pub async fn insert_user(self, new: NewUser) -> Result<UserTx<'a>, StoreError> {
        let now = self.core.millis();
        let mut row = user::Model {
            id: new.id.as_uuid(),
            email: (&new.email).into(),
            email_canonical: new.email.canonical().to_owned(),
            email_verified: false,
            username: new.username.as_ref().map(Into::into),
            username_canonical: new.username.as_ref().map(|name| name.canonical().to_owned()),
            name: new.name.as_ref().map(Into::into),
            account_type: new.account_type.as_str().to_owned(),
            roles: convert::roles_text(&new.roles),
            status: UserStatus::Active.as_str().to_owned(),
            password_hash: new.password_hash.expose_secret().to_owned(),
            event_seq: 1.into(),
            created_at: now,
            updated_at: now,
            deleted_at: None,
            second_factor: false,
            profile: new.profile.to_json(),
            search_text: None,
            text_rules: TEXT_RULES,
        };
        let user = convert::user(row.clone())?;
        row.search_text = Some(search::text(&user));
        user::Entity::insert(user::ActiveModel::from(row))
            .exec_without_returning(&self.core.db)
            .await?;
        Ok(UserTx::of_new(self, user))
    }
}
