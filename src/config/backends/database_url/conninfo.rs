//! The other form of libpq: `host=db user=watchword password='it''s'`.

use std::iter::Peekable;
use std::str::Chars;

use super::{Parameter, UrlProblem};

/// Whether a text is meant to have this form: it begins with a keyword and `=`.
pub(super) fn is_one(text: &str) -> bool {
    let name = text.split_once('=').map(|(name, _)| name.trim());
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
}

pub(super) fn parameters(text: &str) -> Result<Vec<Parameter>, UrlProblem> {
    let mut rest = text.chars().peekable();
    let mut found = Vec::new();
    loop {
        skip_spaces(&mut rest);
        if rest.peek().is_none() {
            return Ok(found);
        }
        let mut name = String::new();
        while let Some(c) = rest.next_if(|c| *c != '=' && !c.is_whitespace()) {
            name.push(c);
        }
        skip_spaces(&mut rest);
        if rest.next() != Some('=') {
            // It may be a part of a password.
            return Err(UrlProblem::new(
                "a keyword is not followed by =; a value with spaces has to be in single quotes: password='a b'",
            ));
        }
        skip_spaces(&mut rest);
        let value = if rest.next_if_eq(&'\'').is_some() {
            quoted(&mut rest)?
        } else {
            plain(&mut rest)
        };
        found.push((name, value));
    }
}

fn skip_spaces(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|c| c.is_whitespace()).is_some() {}
}

/// A value up to the next space. A backslash takes away the meaning of the next character.
fn plain(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut value = String::new();
    while let Some(c) = rest.next_if(|c| !c.is_whitespace()) {
        value.extend(if c == '\\' { rest.next() } else { Some(c) });
    }
    value
}

/// A value up to the closing quote.
fn quoted(rest: &mut Peekable<Chars<'_>>) -> Result<String, UrlProblem> {
    let mut value = String::new();
    loop {
        match rest.next() {
            Some('\'') => return Ok(value),
            Some('\\') => value.extend(rest.next()),
            Some(c) => value.push(c),
            None => return Err(UrlProblem::new("a value in single quotes is not closed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_one, parameters};

    #[test]
    fn values_are_read_as_libpq_reads_them() {
        let text = r"host = /run/pg port=5433 user=w password='it\'s a \\ # secret' dbname=a\ b";
        let expected = [
            ("host", "/run/pg"),
            ("port", "5433"),
            ("user", "w"),
            ("password", r"it's a \ # secret"),
            ("dbname", "a b"),
        ];
        assert!(is_one(text));
        assert_eq!(
            parameters(text).unwrap(),
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert!(!is_one("mysql://a?b=c") && !is_one("watchword") && !is_one("=x"));
    }

    #[test]
    fn a_problem_has_no_part_of_the_password() {
        for text in ["password=a secret", "password='a secret", "password=a secret more=b"] {
            assert!(!parameters(text).unwrap_err().to_string().contains("secret"), "{text}");
        }
    }
}
