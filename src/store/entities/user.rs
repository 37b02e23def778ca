//! Table `users`.

use sea_orm::entity::prelude::*;

use crate::domain::ids::UserSeq;

/// All columns by name: `RETURNING *` would change its type under prepared statements when a later
/// migration adds a column.
pub(in crate::store) const COLUMNS: &str = "id, email, email_canonical, email_verified, username, \
     username_canonical, name, account_type, roles, status, password_hash, \
     event_seq, created_at, updated_at, deleted_at, profile, search_text, second_factor, text_rules";

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub email: String,
    pub email_canonical: String,
    pub email_verified: bool,
    pub username: Option<String>,
    pub username_canonical: Option<String>,
    pub name: Option<String>,
    pub account_type: String,
    pub roles: String,
    pub status: String,
    pub password_hash: String,
    pub event_seq: UserSeq,
    pub created_at: i64,
    pub updated_at: i64,
    pub deleted_at: Option<i64>,
    pub profile: String,
    pub search_text: Option<String>,
    pub second_factor: bool,
    /// By which rules the canonical columns and the searched text were computed.
    pub text_rules: i16,
}

/// No relations: queries join nothing.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
