//! What changes about a user after they were made.

use sea_orm::{ConnectionTrait as _, EntityTrait as _, Set};

use crate::domain::ids::{SessionId, UserId};
use crate::domain::session::Session;
use crate::domain::user::account::{AccountType, Role};
use crate::domain::user::display_name::DisplayName;
use crate::domain::user::email::Email;
use crate::domain::user::profile::Profile;
use crate::domain::user::username::Username;
use crate::domain::user::{User, UserStatus};
use crate::store::entities::{session, user};
use crate::store::tx::Tx;
use crate::store::{StoreError, convert};

/// The lock of whoever may take the last administrator away: any number that no other lock has.
const ADMINISTRATORS: i64 = 0x7761_6463_6861_6472;

/// What to change: `None` leaves it, `Some(None)` clears it.
#[derive(Default)]
pub struct UserChange {
    /// The address.
    pub email: Option<Email>,
    /// The second identifier.
    pub username: Option<Option<Username>>,
    /// The display name.
    pub name: Option<Option<DisplayName>>,
    /// The kind of account.
    pub account_type: Option<AccountType>,
    /// What the account says about itself.
    pub profile: Option<Profile>,
}

impl Tx<'_> {
    /// Waits until nobody else is about to take an administrator away. Before any user is locked: it comes first in the lock order.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn guard_admins(&mut self) -> Result<(), StoreError> {
        // SQLite has one writer, and this is it.
        if self.backend() == sea_orm::DbBackend::Postgres {
            let lock = self.statement("SELECT pg_advisory_xact_lock($1)", [ADMINISTRATORS.into()]);
            self.db.execute_raw(lock).await?;
        }
        Ok(())
    }

    /// Whether somebody else is an administrator who may log in. It stays so until the end of a transaction that has the
    /// [guard](Self::guard_admins).
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn another_admin_exists(&mut self, than: UserId) -> Result<bool, StoreError> {
        let is_admin = if self.backend() == sea_orm::DbBackend::Postgres {
            "string_to_array(roles, ' ') @> ARRAY['admin']"
        } else {
            "instr(' ' || roles || ' ', ' admin ') > 0"
        };
        let sql = format!("SELECT 1 AS one FROM users WHERE {is_admin} AND status = 'active' AND id <> $1 LIMIT 1");
        let found = self
            .db
            .query_one_raw(self.statement(&sql, [than.as_uuid().into()]))
            .await?;
        Ok(found.is_some())
    }

    /// A session and its user as they are now, without a lock.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn session_with_user(&mut self, id: SessionId) -> Result<Option<(Session, User)>, StoreError> {
        let found = session::Entity::find_by_id(id.as_uuid())
            .find_also_related(user::Entity)
            .one(&self.db)
            .await?;
        match found {
            Some((session, Some(user))) => Ok(Some((convert::session(session), convert::user(user)?))),
            _ => Ok(None),
        }
    }

    /// Changes a locked user, who is now as `user` says.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when an identifier is taken, else [`StoreError`] of the database.
    pub async fn update_user(&mut self, user: &User, change: UserChange) -> Result<User, StoreError> {
        let mut row = user::ActiveModel {
            id: Set(user.id.as_uuid()),
            updated_at: Set(self.millis()),
            ..Default::default()
        };
        let mut after = user.clone();
        if let Some(email) = change.email {
            row.email_canonical = Set(email.canonical().to_owned());
            row.email = Set(email.as_str().to_owned());
            // The proof was of another address, unless only its spelling changed.
            if email.canonical() != crate::domain::user::email::canonical(&user.email) {
                row.email_verified = Set(false);
            }
            email.as_str().clone_into(&mut after.email);
        }
        if let Some(username) = change.username {
            row.username_canonical = Set(username.as_ref().map(|name| name.canonical().to_owned()));
            after.username = username.map(|name| name.as_str().to_owned());
            row.username = Set(after.username.clone());
        }
        if let Some(name) = change.name {
            after.name = name.map(|name| name.as_str().to_owned());
            row.name = Set(after.name.clone());
        }
        if let Some(account_type) = change.account_type {
            row.account_type = Set(account_type.as_str().to_owned());
        }
        if let Some(profile) = change.profile {
            row.profile = Set(profile.to_json());
            after.profile = profile;
        }
        row.search_text = Set(Some(convert::search_text(
            &after.email,
            after.username.as_deref(),
            after.name.as_deref(),
            &after.profile,
        )));
        convert::user(user::Entity::update(row).exec(&self.db).await?)
    }

    /// Gives a locked user these roles and no others.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn set_roles(&mut self, id: UserId, roles: &[Role]) -> Result<User, StoreError> {
        let row = user::ActiveModel {
            id: Set(id.as_uuid()),
            roles: Set(convert::roles_text(roles)),
            updated_at: Set(self.millis()),
            ..Default::default()
        };
        convert::user(user::Entity::update(row).exec(&self.db).await?)
    }

    /// Lets a locked user log in, or not. Deleting is [`delete_user`](Self::delete_user).
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn set_status(&mut self, id: UserId, status: UserStatus) -> Result<User, StoreError> {
        let row = user::ActiveModel {
            id: Set(id.as_uuid()),
            status: Set(status.as_str().to_owned()),
            updated_at: Set(self.millis()),
            ..Default::default()
        };
        convert::user(user::Entity::update(row).exec(&self.db).await?)
    }
}
