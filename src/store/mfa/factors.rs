//! TOTP authenticators: one per user, pending until a first code is verified.

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set};
use time::OffsetDateTime;

use crate::domain::ids::{FactorId, UserId};
use crate::domain::second_factor::SealedFactor;
use crate::store::entities::{login_challenge, recovery_code, second_factor, user};
use crate::store::transaction::{Core, UserTx};
use crate::store::{Store, StoreError, convert};

impl Store {
    /// A user's authenticator, pending or in use.
    pub async fn second_factor(&self, user: UserId) -> Result<Option<SealedFactor>, StoreError> {
        let row = second_factor::Entity::find()
            .filter(second_factor::Column::UserId.eq(user.as_uuid()))
            .one(self.db())
            .await?;
        Ok(row.map(factor))
    }

    /// Store a pending authenticator in place of an older pending one; false when the user has one
    /// in use.
    ///
    /// One statement, and no event: nothing about the user has changed yet.
    pub async fn upsert_pending_factor(
        &self,
        id: FactorId,
        user: UserId,
        sealed: Vec<u8>,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let row = second_factor::ActiveModel {
            id: Set(id.as_uuid()),
            user_id: Set(user.as_uuid()),
            sealed: Set(sealed),
            last_step: Set(0),
            created_at: Set(convert::millis(now)),
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
        let _writer = self.writer().await?;
        let rows = second_factor::Entity::insert(row)
            .on_conflict(replace)
            .exec_without_returning(self.db())
            .await?;
        Ok(rows > 0)
    }
}

impl UserTx<'_> {
    pub async fn second_factor_in_use(&mut self) -> Result<Option<SealedFactor>, StoreError> {
        Ok(self.second_factor().await?.filter(|factor| factor.confirmed))
    }

    /// The user's authenticator, pending or in use.
    pub async fn second_factor(&mut self) -> Result<Option<SealedFactor>, StoreError> {
        let row = second_factor::Entity::find()
            .filter(second_factor::Column::UserId.eq(self.user_id().as_uuid()))
            .one(&self.core.db)
            .await?;
        Ok(row.map(factor))
    }

    /// Activate a pending authenticator with the time step of its first code. False when it is no
    /// longer pending: enrolling locks no user, so another one may have replaced it.
    pub async fn confirm_second_factor(&mut self, factor: &SealedFactor, step: i64) -> Result<bool, StoreError> {
        let confirmed = second_factor::Entity::update_many()
            .col_expr(second_factor::Column::LastStep, step.into())
            .col_expr(second_factor::Column::ConfirmedAt, self.core.millis().into())
            .filter(second_factor::Column::Id.eq(factor.id.as_uuid()))
            .filter(second_factor::Column::ConfirmedAt.is_null())
            .exec(&self.core.db)
            .await?;
        if confirmed.rows_affected == 0 {
            return Ok(false);
        }
        self.core.require_second_factor(self.user_id(), true).await?;
        Ok(true)
    }

    pub(in crate::store) async fn delete_pending_factor(&mut self) -> Result<(), StoreError> {
        second_factor::Entity::delete_many()
            .filter(second_factor::Column::UserId.eq(self.user_id().as_uuid()))
            .filter(second_factor::Column::ConfirmedAt.is_null())
            .exec(&self.core.db)
            .await?;
        Ok(())
    }

    /// Refuse codes of this time step and of earlier ones from now on.
    pub async fn consume_totp_step(&mut self, factor: FactorId, step: i64) -> Result<(), StoreError> {
        second_factor::Entity::update_many()
            .col_expr(second_factor::Column::LastStep, step.into())
            .filter(second_factor::Column::Id.eq(factor.as_uuid()))
            .exec(&self.core.db)
            .await?;
        Ok(())
    }

    /// Delete the user's authenticator, recovery codes and challenges.
    pub async fn remove_second_factor(&mut self) -> Result<(), StoreError> {
        self.core.remove_second_factor(self.user_id()).await
    }
}

impl Core<'_> {
    pub(in crate::store) async fn remove_second_factor(&self, user: UserId) -> Result<(), StoreError> {
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
        self.require_second_factor(user, false).await
    }

    async fn require_second_factor(&self, user: UserId, required: bool) -> Result<(), StoreError> {
        user::Entity::update_many()
            .col_expr(user::Column::SecondFactor, required.into())
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
