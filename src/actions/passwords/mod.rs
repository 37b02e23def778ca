//! Passwords: change, forget, reset, and confirm before a sensitive operation.

pub mod change;
pub mod confirm;
pub mod forgot;
pub mod reset;
pub(super) mod user_inputs;
