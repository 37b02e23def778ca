//! The table `users`.

mod admins;
pub(super) mod create;
mod delete;
mod erasure;
pub(super) mod find;
pub(super) mod list;
mod passwords;
pub(super) mod update;
