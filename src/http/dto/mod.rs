//! Request and response bodies that several routes share.

pub mod account;
pub mod event;
pub mod event_parameters;
pub mod one_time_code;
pub mod password_confirmation;
pub mod replay;
pub mod tokens;
pub mod user;
pub mod user_changes;
pub mod user_parameters;
