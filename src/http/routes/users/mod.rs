//! `/users`: every account, for administrators.

pub mod collection;
pub mod item;
pub mod rights;
