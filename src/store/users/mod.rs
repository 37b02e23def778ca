//! The table `users`: found, listed, created, updated, erased.

pub(super) mod accounts;
mod erasure;
pub(super) mod list;
mod passwords;
pub(super) mod update;
