//! `/auth`: accounts, sessions and tokens of the caller.

pub mod email;
pub mod login;
pub mod logout;
pub mod me;
pub mod mfa;
pub mod password;
pub mod refresh;
pub mod register;
pub mod sessions;
pub mod verify;
