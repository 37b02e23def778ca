//! Operations of administrators on users.

mod create_admin;
mod crud;
mod list;
mod query_plans;
mod races;
pub(super) mod rights;
mod unlock;
