//! The words that an account's password must not be.

use super::Auth;

/// The account's own words; the policy looks at them whole and in parts. `email` in its canonical form.
pub(super) fn own_words<'a>(
    auth: &'a Auth,
    email: &'a str,
    username: Option<&'a str>,
    name: Option<&'a str>,
) -> Vec<&'a str> {
    let local_part = email.rsplit_once('@').map_or("", |(local, _)| local);
    let mut words = vec![auth.service.as_str(), "watchword", email, local_part];
    words.extend(username);
    words.extend(name);
    words
}
