//! A file of variables, such as `.env`.
//!
//! Docker Compose and systemd (`EnvironmentFile=`) read such files by rules of their own. Here a
//! line means what it means to both, and a line on which they differ is refused by its number: a
//! value that one of them would cut, expand or drop is never used.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{ConfigError, RefusedLine};

/// The variables of a file, in its order.
#[derive(Debug)]
pub struct EnvFile {
    path: PathBuf,
    assignments: Vec<Assignment>,
}

struct Assignment {
    /// Counted from 1.
    line: usize,
    name: String,
    value: String,
}

impl std::fmt::Debug for Assignment {
    /// Without the value, which may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.line, self.name)
    }
}

impl EnvFile {
    /// Read a file.
    ///
    /// # Errors
    /// [`ConfigError::Read`], and [`ConfigError::Lines`] with every refused line.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let bytes = fs::read(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let (mut assignments, mut refused) = (Vec::new(), Vec::new());
        for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let line_number = at + 1;
            match parse(line) {
                Ok(Some((name, value))) => assignments.push(Assignment { line: line_number, name, value }),
                Ok(None) => {}
                Err(problem) => refused.push(RefusedLine { line: line_number, problem }),
            }
        }
        if refused.is_empty() {
            Ok(Self { path: path.to_owned(), assignments })
        } else {
            Err(ConfigError::Lines { path: path.to_owned(), refused })
        }
    }

    /// The variables that the environment of this process lacks, with their values. Of several
    /// assignments the last one counts.
    #[must_use]
    pub fn missing(&self) -> Vec<(&str, &str)> {
        let lacks = |name: &str| std::env::var_os(name).is_none();
        let assignments = self.assignments.iter().filter(|assignment| lacks(&assignment.name));
        assignments
            .map(|assignment| (assignment.name.as_str(), assignment.value.as_str()))
            .collect()
    }

    /// Where the file sets a variable to this value.
    pub(super) fn origin(&self, name: &str, value: &str) -> Option<String> {
        let last = self.assignments.iter().rev().find(|assignment| assignment.name == name)?;
        (last.value == value).then(|| format!("{name} in {}, line {}", self.path.display(), last.line))
    }
}

type Parsed<T> = Result<T, &'static str>;

/// Parse a line: a variable and its value, or nothing.
fn parse(line: &[u8]) -> Parsed<Option<(String, String)>> {
    let line = std::str::from_utf8(line).map_err(|_| "is not UTF-8")?;
    if line.starts_with('\u{feff}') {
        return Err("begins with a byte order mark, which systemd takes for a part of the name; save without it");
    }
    let line = trim(line.strip_suffix('\r').unwrap_or(line));
    if line.is_empty() {
        return Ok(None);
    }
    if line.starts_with('#') {
        // systemd before 254 took the next line for a part of the comment.
        let continues = line.ends_with('\\');
        return if continues {
            Err("is a comment that ends in a backslash; remove it")
        } else {
            Ok(None)
        };
    }
    if line.starts_with(';') {
        return Err("begins with ';', which only systemd takes for a comment; use '#'");
    }
    if line.starts_with("export ") {
        return Err("begins with \"export\", which only a shell and Compose read; remove it");
    }
    let (name, value) = line.split_once('=').ok_or("has no '='")?;
    let name = trim(name);
    if !is_name(name) {
        return Err("has no valid name before '='; use letters, digits and '_'");
    }
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err("has a control character in its value");
    }
    let (value, begins_with_space) = (trim(value), value.starts_with([' ', '\t']));
    let value = match value.chars().next() {
        Some('\'') => single_quoted(value)?,
        Some('"') => double_quoted(value)?,
        Some('#') if begins_with_space => return Err(COMMENT),
        _ => unquoted(value)?,
    };
    Ok(Some((name.to_owned(), value.to_owned())))
}

const COMMENT: &str = "has a '#' after a space, which only Compose takes for a comment; put the comment on a line of \
                       its own, or the whole value in single quotes";

/// What both sides trim: Compose trims other spaces too.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn unquoted(value: &str) -> Parsed<&str> {
    if value.contains('$') {
        return Err("has a '$', which Compose expands and systemd does not; put the value in single quotes");
    }
    if value.contains('\\') {
        return Err("has a '\\', which systemd removes and Compose does not; put the value in single quotes");
    }
    if value.contains(" #") || value.contains("\t#") {
        return Err(COMMENT);
    }
    if value.starts_with(char::is_whitespace) || value.ends_with(char::is_whitespace) {
        return Err("begins or ends with a space that is not ASCII; put the value in single quotes");
    }
    Ok(value)
}

fn single_quoted(value: &str) -> Parsed<&str> {
    let inner = between(value, '\'')?;
    if inner.ends_with('\\') {
        return Err(
            "has a '\\' before a single quote, which Compose takes for a part of the value; use another value, \
                    or a file that the variable with _FILE names",
        );
    }
    Ok(inner)
}

fn double_quoted(value: &str) -> Parsed<&str> {
    let inner = between(value, '"')?;
    if inner.contains(['$', '\\']) {
        return Err(
            "has a '$' or '\\' in double quotes, which Compose and systemd read differently; use single quotes",
        );
    }
    Ok(inner)
}

/// The text between two quotes, with nothing after them.
fn between(value: &str, quote: char) -> Parsed<&str> {
    let inner = value.strip_prefix(quote).unwrap_or_default();
    let (inner, rest) = inner.split_once(quote).ok_or("has a quote that is not closed on the same line")?;
    if rest.is_empty() {
        Ok(inner)
    } else {
        Err(
            "has text after the closing quote, which Compose and systemd read differently; remove it, or put the \
             whole value in the other kind of quotes",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn value(line: &str) -> Option<String> {
        parse(line.as_bytes()).unwrap().map(|(name, value)| {
            assert_eq!(name, "A");
            value
        })
    }

    #[test]
    fn what_compose_and_systemd_read_alike_is_read() {
        for (line, expected) in [
            ("A=b", "b"),
            ("A=", ""),
            ("A=''", ""),
            (" A = b \r", "b"),
            (
                "A=postgres://w@h/w?sslmode=disable&application_name=w",
                "postgres://w@h/w?sslmode=disable&application_name=w",
            ),
            ("A=Watchword <no-reply@example.com>", "Watchword <no-reply@example.com>"),
            ("A=a;b c|d`e`(f)*?~!", "a;b c|d`e`(f)*?~!"),
            ("A=it's \"so\"", "it's \"so\""),
            ("A=a#b", "a#b"),
            ("A=#b", "#b"),
            ("A='a $b `c` \"d\" #e \\f'", "a $b `c` \"d\" #e \\f"),
            ("A=\" a # it's \"", " a # it's "),
            ("A=b=c", "b=c"),
            ("A=grün", "grün"),
        ] {
            assert_eq!(value(line).as_deref(), Some(expected), "{line}");
        }
        for line in ["", "  \t", "# A=b", "  #A=$b", "\r"] {
            assert_eq!(value(line), None, "{line}");
        }
    }

    #[test]
    fn what_they_read_differently_is_refused() {
        for line in [
            "A=pa$$w0rd",
            "A=x$HOMEy",
            "A=a\\b",
            "A=b # c",
            "A=b\t# c",
            "A= # c",
            "A=\"a$b\"",
            "A=\"a\\n\"",
            "A='it\\'s'",
            "A='a\\'",
            "A='a'b",
            "A='a' # b",
            "A='a",
            "A=\"a",
            "export A=b",
            "; A=b",
            "# a\\",
            "A",
            "A: b",
            "1A=b",
            "A-B=c",
            "A.B=c",
            "=b",
            "A B=c",
            "\u{feff}A=b",
            "A=\u{a0}b",
            "A=b\u{2003}",
            "A=a\rb",
            "A=a\0b",
            "\u{a0}A=b",
        ] {
            assert!(parse(line.as_bytes()).is_err(), "{line}");
        }
        assert!(parse(b"A=\xff").is_err());
    }
}
