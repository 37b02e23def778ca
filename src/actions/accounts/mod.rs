//! Accounts, as their owners use them: register, confirm an address, change, delete.

pub mod change;
pub mod delete;
pub mod register;
pub(super) mod registration_replay;
pub mod resend_verification;
pub mod verify_email;
