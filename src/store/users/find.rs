//! Finds one user, by identifier or id.

use sea_orm::{ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QuerySelect as _};
use secrecy::SecretString;

use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::store::entities::user;
use crate::store::{Store, StoreError, convert};

/// A user with their password's hash.
pub struct Credentials {
    pub user: User,
    /// Argon2 in PHC form.
    pub password_hash: SecretString,
}

impl Credentials {
    pub(in crate::store) fn from_row(mut row: user::Model) -> Result<Self, StoreError> {
        let password_hash = std::mem::take(&mut row.password_hash).into();
        Ok(Self { user: convert::user(row)?, password_hash })
    }
}

impl Store {
    /// A user, deleted or not.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let row = user::Entity::find_by_id(id.as_uuid()).one(self.db()).await?;
        row.map(convert::user).transpose()
    }

    /// The live account whose email address or username is `canonical`.
    pub async fn credentials_by_identifier(&self, canonical: &str) -> Result<Option<Credentials>, StoreError> {
        // An address has an '@' and a username never has, so one index is enough.
        let column = if canonical.contains('@') {
            user::Column::EmailCanonical
        } else {
            user::Column::UsernameCanonical
        };
        self.live_credentials(Condition::all().add(column.eq(canonical))).await
    }

    /// The live account with this id.
    pub async fn credentials_by_id(&self, id: UserId) -> Result<Option<Credentials>, StoreError> {
        self.live_credentials(Condition::all().add(user::Column::Id.eq(id.as_uuid()))).await
    }

    /// Whether there is a user with this id, deleted or not.
    pub async fn user_exists(&self, id: UserId) -> Result<bool, StoreError> {
        let query = user::Entity::find_by_id(id.as_uuid()).select_only().column(user::Column::Id);
        Ok(query.into_tuple::<uuid::Uuid>().one(self.db()).await?.is_some())
    }

    async fn live_credentials(&self, condition: Condition) -> Result<Option<Credentials>, StoreError> {
        let live = condition.add(user::Column::DeletedAt.is_null());
        let row = user::Entity::find().filter(live).one(self.db()).await?;
        row.map(Credentials::from_row).transpose()
    }
}
