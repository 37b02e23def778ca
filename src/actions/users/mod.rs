//! Users, as administrators manage them.

pub mod admin_guard;
pub mod break_glass;
pub mod create;
pub mod create_admin;
pub mod delete;
pub mod get;
pub mod list;
pub mod remove_mfa;
pub mod revoke_sessions;
pub mod roles;
pub mod status;
pub mod unlock;
pub mod update;
