//! What a user does with their own account.

mod erasure;
mod idempotency;
mod own_account;
mod profiles;
