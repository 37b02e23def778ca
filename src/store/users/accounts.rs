//! Users: found by identifier or id, made, changed and deleted.

use sea_orm::{ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QuerySelect as _, Set};
use secrecy::SecretString;

use crate::domain::ids::UserId;
use crate::domain::user::display_name::DisplayName;
use crate::domain::user::email::Email;
use crate::domain::user::profile::Profile;
use crate::domain::user::username::Username;
use crate::domain::user::{AccountType, Role, User, UserStatus};
use crate::store::entities::user;
use crate::store::tx::{Tx, UserLock};
use crate::store::{Store, StoreError, convert};

/// A user to make.
pub struct NewUser {
    /// The id.
    pub id: UserId,
    /// The address; unique among live accounts.
    pub email: Email,
    /// The second identifier; unique among live accounts.
    pub username: Option<Username>,
    /// The display name.
    pub name: Option<DisplayName>,
    /// The kind of account.
    pub account_type: AccountType,
    /// What the user may do.
    pub roles: Vec<Role>,
    /// What the account says about itself.
    pub profile: Profile,
    /// Argon2 in PHC form.
    pub password_hash: SecretString,
}

/// A user with what a login needs.
pub struct Credentials {
    /// The user.
    pub user: User,
    /// Argon2 in PHC form.
    pub password_hash: SecretString,
}

impl Store {
    /// The live account whose email address or username is `canonical`.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn credentials_by_identifier(&self, canonical: &str) -> Result<Option<Credentials>, StoreError> {
        // An address has an '@' and a username never has, so one index is enough.
        let column = if canonical.contains('@') {
            user::Column::EmailCanonical
        } else {
            user::Column::UsernameCanonical
        };
        self.credentials(Condition::all().add(column.eq(canonical))).await
    }

    /// The live account with this id.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn credentials_by_id(&self, id: UserId) -> Result<Option<Credentials>, StoreError> {
        self.credentials(Condition::all().add(user::Column::Id.eq(id.as_uuid())))
            .await
    }

    /// Whether there is, or was, a user with this id.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn knows_user(&self, id: UserId) -> Result<bool, StoreError> {
        let query = user::Entity::find_by_id(id.as_uuid())
            .select_only()
            .column(user::Column::Id);
        Ok(query.into_tuple::<uuid::Uuid>().one(self.db()).await?.is_some())
    }

    async fn credentials(&self, which: Condition) -> Result<Option<Credentials>, StoreError> {
        let live = which.add(user::Column::DeletedAt.is_null());
        let Some(mut row) = user::Entity::find().filter(live).one(self.db()).await? else {
            return Ok(None);
        };
        let password_hash = std::mem::take(&mut row.password_hash).into();
        Ok(Some(Credentials {
            user: convert::user(row)?,
            password_hash,
        }))
    }
}

impl Tx<'_> {
    /// Makes a user, whose row is then locked as by [`lock_user`](Self::lock_user).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when an identifier is taken, else [`StoreError`] of the database.
    pub async fn insert_user(&mut self, new: NewUser) -> Result<(User, UserLock), StoreError> {
        use secrecy::ExposeSecret as _;
        let row = user::Model {
            id: new.id.as_uuid(),
            email: new.email.as_str().to_owned(),
            email_canonical: new.email.canonical().to_owned(),
            email_verified: false,
            username: new.username.as_ref().map(|name| name.as_str().to_owned()),
            username_canonical: new.username.as_ref().map(|name| name.canonical().to_owned()),
            name: new.name.as_ref().map(|name| name.as_str().to_owned()),
            account_type: new.account_type.as_str().to_owned(),
            roles: convert::roles_text(&new.roles),
            status: UserStatus::Active.as_str().to_owned(),
            password_hash: new.password_hash.expose_secret().to_owned(),
            event_seq: 1,
            created_at: self.millis(),
            updated_at: self.millis(),
            deleted_at: None,
            second_factor: false,
            profile: new.profile.to_json(),
            search_text: Some(convert::search_text(
                new.email.as_str(),
                new.username.as_ref().map(Username::as_str),
                new.name.as_ref().map(DisplayName::as_str),
                &new.profile,
            )),
        };
        let active = user::ActiveModel::from(row.clone());
        user::Entity::insert(active).exec_without_returning(&self.db).await?;
        Ok((convert::user(row)?, UserLock::of_new(new.id)))
    }

    /// Stores a new hash of the same password, unless it changed meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn rehash_password(
        &mut self,
        id: UserId,
        old: &SecretString,
        new: &SecretString,
    ) -> Result<(), StoreError> {
        use secrecy::ExposeSecret as _;
        let rehash = user::Entity::update_many()
            .col_expr(user::Column::PasswordHash, new.expose_secret().into())
            .filter(user::Column::Id.eq(id.as_uuid()))
            .filter(user::Column::PasswordHash.eq(old.expose_secret()));
        rehash.exec(&self.db).await?;
        Ok(())
    }

    /// Marks a user as deleted and forgets the password and the second factor: no login, no refresh, no mail, identifiers free again.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn delete_user(&mut self, id: UserId) -> Result<(), StoreError> {
        let row = user::ActiveModel {
            id: Set(id.as_uuid()),
            status: Set(UserStatus::Deleted.as_str().to_owned()),
            password_hash: Set(String::new()),
            updated_at: Set(self.millis()),
            deleted_at: Set(Some(self.millis())),
            ..Default::default()
        };
        user::Entity::update(row).exec(&self.db).await?;
        self.remove_second_factor(id).await?;
        self.cancel_emails(id).await
    }
}
