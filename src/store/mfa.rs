//! Second factors, recovery codes, and the logins that wait for one of them.

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, Set};
use time::OffsetDateTime;

use super::entities::{login_challenge, recovery_code, second_factor, user};
use super::tx::Tx;
use super::{Store, StoreError, convert};
use crate::domain::ids::{ChallengeId, FactorId, UserId};
use crate::domain::second_factor::SealedFactor;

/// A login that lacks the second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginChallenge {
    /// The id.
    pub id: ChallengeId,
    /// Who logs in.
    pub user_id: UserId,
    /// Stands for the password that was right.
    pub password_mark: Vec<u8>,
    /// Wrong codes so far.
    pub attempts: i32,
    /// When it is of no use any more.
    pub expires_at: OffsetDateTime,
}

impl Store {
    /// A user's authenticator, confirmed or not.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn second_factor(&self, user: UserId) -> Result<Option<SealedFactor>, StoreError> {
        let row = second_factor::Entity::find()
            .filter(second_factor::Column::UserId.eq(user.as_uuid()))
            .one(self.db())
            .await?;
        Ok(row.map(factor))
    }

    /// How many recovery codes a user has left.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn recovery_codes_left(&self, user: UserId) -> Result<u64, StoreError> {
        let left = recovery_code::Entity::find()
            .filter(recovery_code::Column::UserId.eq(user.as_uuid()))
            .count(self.db())
            .await?;
        Ok(left)
    }

    /// A challenge, over or not.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn login_challenge(&self, id: ChallengeId) -> Result<Option<LoginChallenge>, StoreError> {
        let row = login_challenge::Entity::find_by_id(id.as_uuid()).one(self.db()).await?;
        Ok(row.map(challenge))
    }
}

impl Tx<'_> {
    /// The authenticator that a locked user's logins need.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn second_factor_in_use(&mut self, user: UserId) -> Result<Option<SealedFactor>, StoreError> {
        Ok(self.second_factor(user).await?.filter(|factor| factor.confirmed))
    }

    /// The authenticator of a locked user, confirmed or not.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn second_factor(&mut self, user: UserId) -> Result<Option<SealedFactor>, StoreError> {
        let row = second_factor::Entity::find()
            .filter(second_factor::Column::UserId.eq(user.as_uuid()))
            .one(&self.db)
            .await?;
        Ok(row.map(factor))
    }

    /// Keeps an authenticator that waits for its first code, in place of one that waits already; false when the user has one that is
    /// in use.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn upsert_pending_factor(
        &mut self,
        id: FactorId,
        user: UserId,
        sealed: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let row = second_factor::ActiveModel {
            id: Set(id.as_uuid()),
            user_id: Set(user.as_uuid()),
            sealed: Set(sealed),
            last_step: Set(0),
            created_at: Set(self.millis()),
            confirmed_at: Set(None),
        };
        let replace = OnConflict::column(second_factor::Column::UserId)
            .update_columns([
                second_factor::Column::Id,
                second_factor::Column::Sealed,
                second_factor::Column::LastStep,
                second_factor::Column::CreatedAt,
            ])
            .action_and_where(Expr::col((second_factor::Entity, second_factor::Column::ConfirmedAt)).is_null())
            .to_owned();
        let rows = second_factor::Entity::insert(row)
            .on_conflict(replace)
            .exec_without_returning(&self.db)
            .await?;
        Ok(rows > 0)
    }

    /// Takes an authenticator into use: its user's logins need it from now on. `step` was its first code's. False when it does not
    /// wait any more: another one may have taken its place, since setting one up locks nobody.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn confirm_second_factor(&mut self, factor: &SealedFactor, step: i64) -> Result<bool, StoreError> {
        let confirmed = second_factor::Entity::update_many()
            .col_expr(second_factor::Column::LastStep, step.into())
            .col_expr(second_factor::Column::ConfirmedAt, self.millis().into())
            .filter(second_factor::Column::Id.eq(factor.id.as_uuid()))
            .filter(second_factor::Column::ConfirmedAt.is_null())
            .exec(&self.db)
            .await?;
        if confirmed.rows_affected == 0 {
            return Ok(false);
        }
        self.need_second_factor(factor.user_id, true).await?;
        Ok(true)
    }

    /// Forgets an authenticator that waits for its first code.
    pub(super) async fn forget_waiting_factor(&mut self, user: UserId) -> Result<(), StoreError> {
        second_factor::Entity::delete_many()
            .filter(second_factor::Column::UserId.eq(user.as_uuid()))
            .filter(second_factor::Column::ConfirmedAt.is_null())
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Uses up a time step.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn consume_totp_step(&mut self, factor: FactorId, step: i64) -> Result<(), StoreError> {
        second_factor::Entity::update_many()
            .col_expr(second_factor::Column::LastStep, step.into())
            .filter(second_factor::Column::Id.eq(factor.as_uuid()))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Forgets a user's authenticator, recovery codes and challenges.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn remove_second_factor(&mut self, user: UserId) -> Result<(), StoreError> {
        second_factor::Entity::delete_many()
            .filter(second_factor::Column::UserId.eq(user.as_uuid()))
            .exec(&self.db)
            .await?;
        recovery_code::Entity::delete_many()
            .filter(recovery_code::Column::UserId.eq(user.as_uuid()))
            .exec(&self.db)
            .await?;
        login_challenge::Entity::delete_many()
            .filter(login_challenge::Column::UserId.eq(user.as_uuid()))
            .exec(&self.db)
            .await?;
        self.need_second_factor(user, false).await
    }

    /// Replaces a user's recovery codes.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn set_recovery_codes(&mut self, user: UserId, hashes: &[[u8; 32]]) -> Result<(), StoreError> {
        recovery_code::Entity::delete_many()
            .filter(recovery_code::Column::UserId.eq(user.as_uuid()))
            .exec(&self.db)
            .await?;
        let rows = hashes.iter().map(|hash| recovery_code::ActiveModel {
            user_id: Set(user.as_uuid()),
            code_hash: Set(hash.to_vec()),
        });
        recovery_code::Entity::insert_many(rows)
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }

    /// Uses up a recovery code; false when the user has no such code.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn use_recovery_code(&mut self, user: UserId, hash: [u8; 32]) -> Result<bool, StoreError> {
        let deleted = recovery_code::Entity::delete_many()
            .filter(recovery_code::Column::UserId.eq(user.as_uuid()))
            .filter(recovery_code::Column::CodeHash.eq(hash.to_vec()))
            .exec(&self.db)
            .await?;
        Ok(deleted.rows_affected == 1)
    }

    /// Keeps a challenge.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn insert_login_challenge(&mut self, new: LoginChallenge) -> Result<(), StoreError> {
        let row = login_challenge::ActiveModel {
            id: Set(new.id.as_uuid()),
            user_id: Set(new.user_id.as_uuid()),
            password_mark: Set(new.password_mark),
            attempts: Set(new.attempts),
            expires_at: Set(convert::millis(new.expires_at)),
        };
        login_challenge::Entity::insert(row)
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }

    /// A challenge of a locked user.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn login_challenge(&mut self, id: ChallengeId) -> Result<Option<LoginChallenge>, StoreError> {
        let row = login_challenge::Entity::find_by_id(id.as_uuid()).one(&self.db).await?;
        Ok(row.map(challenge))
    }

    /// Counts a wrong code.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn count_attempt(&mut self, id: ChallengeId) -> Result<(), StoreError> {
        login_challenge::Entity::update_many()
            .col_expr(
                login_challenge::Column::Attempts,
                Expr::col(login_challenge::Column::Attempts).add(1),
            )
            .filter(login_challenge::Column::Id.eq(id.as_uuid()))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Ends a challenge that was met.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn end_login_challenge(&mut self, id: ChallengeId) -> Result<(), StoreError> {
        login_challenge::Entity::delete_by_id(id.as_uuid())
            .exec(&self.db)
            .await?;
        Ok(())
    }

    async fn need_second_factor(&mut self, user: UserId, needed: bool) -> Result<(), StoreError> {
        user::Entity::update_many()
            .col_expr(user::Column::SecondFactor, needed.into())
            .filter(user::Column::Id.eq(user.as_uuid()))
            .exec(&self.db)
            .await?;
        Ok(())
    }
}

fn factor(row: second_factor::Model) -> SealedFactor {
    SealedFactor {
        id: row.id.into(),
        user_id: row.user_id.into(),
        sealed: row.sealed,
        last_step: row.last_step,
        created_at: convert::time(row.created_at),
        confirmed: row.confirmed_at.is_some(),
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
