//! Sessions and their tokens: log in, refresh, log out, list, revoke, authenticate.

pub mod authenticate;
pub(super) mod ended;
pub mod list;
pub mod login;
pub mod logout;
pub(super) mod open;
pub(super) mod presented;
pub mod refresh;
pub mod revoke;
pub(super) mod token_pair;
