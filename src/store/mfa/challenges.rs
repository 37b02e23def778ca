//! Login challenges: logins that wait for the second factor.

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set};
use time::OffsetDateTime;

use crate::domain::ids::{ChallengeId, UserId};
use crate::store::entities::login_challenge;
use crate::store::transaction::UserTx;
use crate::store::{Store, StoreError, convert};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginChallenge {
    pub id: ChallengeId,
    pub user_id: UserId,
    /// Fingerprint of the password that was verified.
    pub password_mark: Vec<u8>,
    /// Wrong codes so far.
    pub attempts: i32,
    pub expires_at: OffsetDateTime,
}

impl Store {
    /// A challenge, expired or not.
    pub async fn login_challenge(&self, id: ChallengeId) -> Result<Option<LoginChallenge>, StoreError> {
        let row = login_challenge::Entity::find_by_id(id.as_uuid()).one(self.db()).await?;
        Ok(row.map(challenge))
    }
}

impl UserTx<'_> {
    pub async fn insert_login_challenge(&mut self, new: LoginChallenge) -> Result<(), StoreError> {
        let row = login_challenge::ActiveModel {
            id: Set(new.id.as_uuid()),
            user_id: Set(new.user_id.as_uuid()),
            password_mark: Set(new.password_mark),
            attempts: Set(new.attempts),
            expires_at: Set(convert::millis(new.expires_at)),
        };
        login_challenge::Entity::insert(row).exec_without_returning(&self.core.db).await?;
        Ok(())
    }

    /// A challenge under the user's lock.
    pub async fn login_challenge(&mut self, id: ChallengeId) -> Result<Option<LoginChallenge>, StoreError> {
        let row = login_challenge::Entity::find_by_id(id.as_uuid()).one(&self.core.db).await?;
        Ok(row.map(challenge))
    }

    /// Count a wrong code.
    pub async fn count_attempt(&mut self, id: ChallengeId) -> Result<(), StoreError> {
        login_challenge::Entity::update_many()
            .col_expr(login_challenge::Column::Attempts, Expr::col(login_challenge::Column::Attempts).add(1))
            .filter(login_challenge::Column::Id.eq(id.as_uuid()))
            .exec(&self.core.db)
            .await?;
        Ok(())
    }

    pub async fn delete_login_challenge(&mut self, id: ChallengeId) -> Result<(), StoreError> {
        login_challenge::Entity::delete_by_id(id.as_uuid()).exec(&self.core.db).await?;
        Ok(())
    }
}

fn challenge(row: login_challenge::Model) -> LoginChallenge {
    LoginChallenge {
        id: row.id.into(),
        user_id: row.user_id.into(),
        password_mark: row.password_mark,
        attempts: row.attempts,
        expires_at: convert::time(row.expires_at),
    }
}
