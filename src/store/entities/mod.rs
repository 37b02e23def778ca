//! The tables as sea-orm entities. They are private to the store, so no row can be sent over the
//! wire.

#![expect(unreachable_pub, reason = "the derive macros need and emit public items")]

pub(super) mod event;
pub(super) mod login_challenge;
pub(super) mod recovery_code;
pub(super) mod replay;
pub(super) mod second_factor;
mod sequence;
pub(super) mod session;
pub(super) mod signing_key;
pub(super) mod user;
