//! What a password must not contain: the account's own identifiers and the service's name (zxcvbn's
//! `user_inputs`).

use crate::actions::Context;

/// Words that the policy checks a password against, whole and in parts. `email` in its canonical
/// form.
pub(in crate::actions) fn password_user_inputs<'a>(
    cx: &'a Context,
    email: &'a str,
    username: Option<&'a str>,
    name: Option<&'a str>,
) -> Vec<&'a str> {
    let local_part = email.rsplit_once('@').map_or("", |(local, _)| local);
    let mut words = vec![cx.services.service.as_str(), "watchword", email, local_part];
    words.extend(username);
    words.extend(name);
    words
}
