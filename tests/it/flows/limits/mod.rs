//! Rate limits.

pub(super) mod logins;
mod requests;
mod servers;
mod shared;
