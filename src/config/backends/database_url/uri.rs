//! URIs as libpq reads them, but for passwords: those may have every character that leaves the URI
//! unambiguous.

use super::{Parameter, UrlProblem, decode};

const ENCODE: &str = "percent-encode the characters of a password that separate the parts of a URL: % as %25, / as \
                      %2F, ? as %3F, @ as %40";

/// Take a URI apart, without its scheme and `://`.
pub(super) fn parameters(text: &str) -> Result<Vec<Parameter>, UrlProblem> {
    let mut found = Vec::new();
    let (user, rest) = split_user(text);
    if let Some(user) = user {
        let (name, password) = user.split_once(':').map_or((user, None), |(name, password)| (name, Some(password)));
        found.push(("user".to_owned(), decode(name, "user name")?));
        if let Some(password) = password {
            found.push(("password".to_owned(), decode(password, "password")?));
        }
    }
    let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    address(authority, &mut found)?;
    // Rather the rest of a password than a name.
    if path.contains('@') {
        return Err(UrlProblem(format!("the name of the database has an @; {ENCODE}")));
    }
    found.push(("dbname".to_owned(), decode(path.trim_start_matches('/'), "name of the database")?));
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        // What has no value may be a part of a password.
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| UrlProblem(format!("a parameter after ? has no value; {ENCODE}")))?;
        found.push((decode(name, "name of a parameter")?, decode(value, "value of a parameter")?));
    }
    Ok(found)
}

/// Split off the user and the password, which end at the last `@` before the path and the query.
fn split_user(text: &str) -> (Option<&str>, &str) {
    let authority = text.split('/').next().unwrap_or_default();
    let Some(first) = authority.find('@') else {
        return (None, text);
    };
    let (user, rest) = text.split_at(first);
    let rest = rest.strip_prefix('@').unwrap_or(rest);
    let before_query = rest.split(['/', '?']).next().unwrap_or_default();
    match before_query.rfind('@') {
        Some(last) => (text.get(..first + 1 + last), rest.get(last + 1..).unwrap_or_default()),
        None => (Some(user), rest),
    }
}

/// The host and the port.
fn address(authority: &str, found: &mut Vec<Parameter>) -> Result<(), UrlProblem> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(|| UrlProblem::new("the host begins with [ alone"))?;
            (host, rest.strip_prefix(':').unwrap_or(rest))
        }
        None => authority.rsplit_once(':').unwrap_or((authority, "")),
    };
    if !port.is_empty() && port.parse::<u16>().is_err() && !authority.contains(',') {
        return Err(UrlProblem(format!("the port is not a number from 1 to 65535; {ENCODE}")));
    }
    let host = if authority.contains(',') { authority } else { host };
    found.push(("host".to_owned(), decode(host, "host")?));
    found.push(("port".to_owned(), port.to_owned()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::parameters;

    fn get(uri: &str, name: &str) -> Option<String> {
        let found = parameters(uri).unwrap();
        found.into_iter().find_map(|(key, value)| (key == name).then_some(value))
    }

    #[test]
    fn a_password_may_have_every_character_that_leaves_the_uri_unambiguous() {
        for (given, password) in [
            ("pa#ss", "pa#ss"),
            ("p?ss", "p?ss"),
            ("p@ss", "p@ss"),
            ("a:b", "a:b"),
            ("100%", "100%"),
            ("$pa{}^~[]", "$pa{}^~[]"),
            ("pa+ss", "pa+ss"),
            ("p ss", "p ss"),
            ("pÄss", "pÄss"),
            ("%2F%3F%40%25%23%3A", "/?@%#:"),
        ] {
            let uri = format!("w:{given}@db:5433/auth?application_name=a@b");
            assert_eq!(get(&uri, "password").as_deref(), Some(password), "{given}");
            assert_eq!(get(&uri, "user").as_deref(), Some("w"), "{given}");
            assert_eq!(get(&uri, "host").as_deref(), Some("db"), "{given}");
            assert_eq!(get(&uri, "port").as_deref(), Some("5433"), "{given}");
            assert_eq!(get(&uri, "dbname").as_deref(), Some("auth"), "{given}");
            assert_eq!(get(&uri, "application_name").as_deref(), Some("a@b"), "{given}");
        }
    }

    #[test]
    fn hosts_are_names_addresses_and_directories_of_sockets() {
        for (uri, host) in [
            ("db/auth", "db"),
            ("[::1]:5433/auth", "::1"),
            ("[fe80::1]/auth", "fe80::1"),
            ("%2Fvar%2Frun%2Fpostgresql/auth", "/var/run/postgresql"),
            ("w@%2Frun%2Fpg:5433/auth", "/run/pg"),
            ("/auth", ""),
        ] {
            assert_eq!(get(uri, "host").as_deref(), Some(host), "{uri}");
            assert_eq!(get(uri, "dbname").as_deref(), Some("auth"), "{uri}");
        }
    }

    #[test]
    fn a_problem_has_no_part_of_the_password() {
        for uri in [
            "w:secret/more@db/auth",
            "w:12/secret@db/auth",
            "w:1@a?secret@db/auth",
            "w:secret/@db",
            "w:secret?x",
        ] {
            let problem = parameters(uri).unwrap_err().to_string();
            assert!(!problem.contains("secret") && problem.contains("percent-encode"), "{uri}: {problem}");
        }
    }
}
