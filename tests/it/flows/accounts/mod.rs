//! Operations of users on their own account.

mod erasure;
mod idempotency;
mod own_account;
mod profiles;
