//! Periodic work that no request asks for.

pub mod erase_accounts;
pub mod record_rate_limits;
pub mod rotate_keys;
