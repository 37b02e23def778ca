//! The table `users`.

mod admins;
pub(super) mod create;
mod delete;
pub(super) mod erasure;
pub(super) mod find;
pub(super) mod list;
mod passwords;
mod search;
mod text_rules;
pub(super) mod update;
