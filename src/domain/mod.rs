//! Pure types and rules: nothing here does input or output, and nothing here imports another module of the service.

pub mod clock;
pub mod code;
pub mod custom_event;
pub mod email;
pub mod idempotency;
pub mod ids;
pub mod letter;
pub mod name;
pub mod origin;
pub mod password;
pub mod random;
pub mod replay;
pub mod second_factor;
pub mod session;
pub mod signing_key;
pub mod text;
pub mod user;
pub mod username;
