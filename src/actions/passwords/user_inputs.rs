//! What a password must not contain: the account's own identifiers and the service's name (zxcvbn's
//! `user_inputs`).

use crate::actions::Context;
use crate::domain::user::display_name::DisplayName;
use crate::domain::user::email::Email;
use crate::domain::user::username::Username;

/// Words that the policy checks a password against, whole and in parts.
pub(in crate::actions) fn password_user_inputs<'a>(
    cx: &'a Context,
    email: &'a Email,
    username: Option<&'a Username>,
    name: Option<&'a DisplayName>,
) -> Vec<&'a str> {
    let service = cx.services.service.as_str();
    let mut words = vec![service, "watchword", email.canonical(), email.local_part()];
    words.extend(username.map(Username::canonical));
    words.extend(name.map(DisplayName::as_str));
    words
}
