//! Addresses of `SQLite` files.

use std::path::PathBuf;

use super::{SqliteFile, UrlProblem, decode};

/// Parse an address without `sqlite:`.
pub(super) fn parse(text: &str) -> Result<SqliteFile, UrlProblem> {
    let text = text.strip_prefix("//").unwrap_or(text);
    let (name, query) = text.split_once('?').unwrap_or((text, ""));
    let name = decode(name, "path")?;
    let mut create = true;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (parameter, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (parameter, value) {
            ("mode", "rwc") => create = true,
            ("mode", "rw") => create = false,
            ("mode", "memory") => return Err(in_memory()),
            ("mode", "ro") => return Err(UrlProblem::new("mode=ro cannot be used: the service writes")),
            ("mode", _) => return Err(UrlProblem::parameter(parameter, "must be rwc or rw")),
            ("cache", "private") | ("immutable", "0" | "false") => {}
            ("cache", _) => return Err(UrlProblem::parameter(parameter, "must be private")),
            ("immutable", _) => return Err(UrlProblem::parameter(parameter, "must be 0: the service writes")),
            _ => return Err(UrlProblem::parameter(parameter, "is not supported for SQLite")),
        }
    }
    if name.starts_with(":memory:") || name.starts_with("file:") && name.contains(":memory:") {
        return Err(in_memory());
    }
    if name.is_empty() || name.ends_with('/') || name.starts_with("file:") {
        return Err(UrlProblem::new(
            "must name a file: sqlite://PATH or sqlite:///ABSOLUTE/PATH; omit it to use a file in data_dir",
        ));
    }
    if name.starts_with('~') {
        return Err(UrlProblem::new("a path cannot begin with ~, which only a shell replaces; write it out"));
    }
    Ok(SqliteFile { path: PathBuf::from(name), create })
}

fn in_memory() -> UrlProblem {
    UrlProblem::new(
        "a SQLite database in memory cannot be used: accounts and events would end with the process; name a file, for \
         a throw-away database one in a temporary directory",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_relative_or_an_absolute_path() {
        for (text, path, create) in [
            ("w.db", "w.db", true),
            ("//data/w.db", "data/w.db", true),
            ("///srv/w.db", "/srv/w.db", true),
            ("/srv/w.db?mode=rw", "/srv/w.db", false),
            ("//w.db?mode=rwc&cache=private", "w.db", true),
            ("//a%20b%3F.db", "a b?.db", true),
        ] {
            assert_eq!(parse(text), Ok(SqliteFile { path: path.into(), create }), "{text}");
        }
    }

    #[test]
    fn what_is_no_file_to_write_is_refused_by_name() {
        for (text, named) in [
            (":memory:", "in memory"),
            ("//:memory:", "in memory"),
            ("//w.db?mode=memory", "in memory"),
            ("//?mode=memory", "in memory"),
            ("file::memory:?cache=private", "in memory"),
            ("//w.db?mode=ro", "mode=ro"),
            ("//w.db?mode=other", "mode"),
            ("//w.db?cache=shared", "cache"),
            ("//w.db?vfs=unix", "vfs"),
            ("//w.db?_busy_timeout=5", "_busy_timeout"),
            ("//w.db?immutable=1", "immutable"),
            ("", "name a file"),
            ("//", "name a file"),
            ("//data/", "name a file"),
            ("//~/w.db", "~"),
        ] {
            let problem = parse(text).unwrap_err().to_string();
            assert!(problem.contains(named), "{text}: {problem}");
        }
    }
}
