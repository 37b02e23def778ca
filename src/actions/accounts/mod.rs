//! Accounts, as their owners use them: register, confirm an address, change, delete.

pub mod change;
pub mod delete;
pub mod identifier_taken;
pub mod register;
pub mod registration;
pub(super) mod registration_replay;
pub mod resend_verification;
pub mod update;
pub mod verify_email;
