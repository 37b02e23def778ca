//! Operations of administrators on users.

mod break_glass;
mod command_line;
mod create_admin;
mod crud;
mod list;
mod query_plans;
mod races;
pub(super) mod rights;
mod unlock;
