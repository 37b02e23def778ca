//! Pure types and rules: nothing here does input or output, and nothing here imports another module
//! of the service.

pub mod clock;
pub mod custom_event;
pub mod email_message;
pub mod idempotency;
pub mod ids;
pub mod one_time_code;
pub mod password;
pub mod random;
pub mod replay;
pub mod request_metadata;
pub mod second_factor;
pub mod session;
pub mod signing_key;
pub mod text;
pub mod text_enum;
pub mod user;

/// Implements `Debug` with the name of the type alone, for values that no log line may show.
macro_rules! hide_in_debug {
    ($name:ident) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }
    };
}
pub(crate) use hide_in_debug;
