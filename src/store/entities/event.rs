//! Table `events`.

use sea_orm::entity::prelude::*;

use crate::domain::ids::{LedgerSeq, UserSeq};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: LedgerSeq,
    pub id: Uuid,
    pub subject: String,
    pub user_id: Option<Uuid>,
    pub user_seq: Option<UserSeq>,
    pub schema_version: i32,
    pub payload: Vec<u8>,
    pub traceparent: Option<String>,
    pub occurred_at: i64,
    pub session_id: Option<Uuid>,
    /// The last token of a custom event's subject.
    pub custom_name: Option<String>,
}

/// No relations: queries join nothing.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
