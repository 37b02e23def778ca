//! Operations of users on their own account.

mod erasure;
mod erasure_plans;
mod idempotency;
mod own_account;
mod profiles;
