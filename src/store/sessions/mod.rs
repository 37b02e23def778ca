//! The table `sessions`.

mod find;
pub(super) mod open;
mod revoke;
mod rotate;
