//! The words that an account's password must not be.

use crate::actions::Services;

/// The account's own words; the policy looks at them whole and in parts. `email` in its canonical form.
pub(in crate::actions) fn password_user_inputs<'a>(
    services: &'a Services,
    email: &'a str,
    username: Option<&'a str>,
    name: Option<&'a str>,
) -> Vec<&'a str> {
    let local_part = email.rsplit_once('@').map_or("", |(local, _)| local);
    let mut words = vec![services.service.as_str(), "watchword", email, local_part];
    words.extend(username);
    words.extend(name);
    words
}
