//! What somebody logs in with.

use super::{email, username};
use crate::domain::text;

/// Return the canonical form of an identifier as a login submits it, whether or not it is a valid
/// address or username. It has an '@' if and only if it is an address.
#[must_use]
pub fn canonical(identifier: &str) -> String {
    let identifier = text::narrow(text::trim(identifier));
    if identifier.contains('@') {
        email::canonical(&identifier)
    } else {
        username::canonical(&identifier)
    }
}
