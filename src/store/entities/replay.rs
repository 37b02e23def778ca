//! Table `replays`.

use sea_orm::entity::prelude::*;

use crate::domain::ids::{LedgerSeq, StreamSeq};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "replays")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub origin: String,
    pub target: String,
    pub from_at: Option<i64>,
    pub to_at: Option<i64>,
    pub subjects: String,
    pub user_ids: String,
    pub rate: Option<i64>,
    pub state: String,
    pub cursor: LedgerSeq,
    pub through: LedgerSeq,
    pub target_seq: StreamSeq,
    pub total: Option<i64>,
    pub sent: i64,
    pub refused: i64,
    pub trouble: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
    pub finished_at: Option<i64>,
}

/// No relations: queries join nothing.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
