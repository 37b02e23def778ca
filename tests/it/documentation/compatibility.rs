//! `docs/COMPATIBILITY.md` names tests that there are, and the programs that they start. With
//! `WATCHWORD_BLESS` set, the versions of this machine are added to it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::nats;
use crate::support::postgres;
use crate::support::run_dir::repository;

const BLESS: &str = "WATCHWORD_BLESS";

/// A row of the table.
struct Row {
    program: String,
    versions: BTreeSet<Vec<u32>>,
    tests: String,
}

impl Row {
    fn parse(line: &str) -> Option<Self> {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        match *cells.as_slice() {
            ["", program, versions, tests, ""] if !program.starts_with('-') && program != "program" => Some(Self {
                program: program.to_owned(),
                versions: versions.split(", ").filter_map(parse_version).collect(),
                tests: tests.to_owned(),
            }),
            _ => None,
        }
    }

    fn text(&self) -> String {
        let versions = self.versions.iter().map(|version| {
            let parts: Vec<String> = version.iter().map(ToString::to_string).collect();
            parts.join(".")
        });
        let versions: Vec<String> = versions.collect();
        format!("| {} | {} | {} |", self.program, versions.join(", "), self.tests)
    }
}

#[test]
fn compatibility_names_tests_and_versions() {
    let path = repository().join("docs/COMPATIBILITY.md");
    let mut text = std::fs::read_to_string(&path).expect("the document");
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let rows: Vec<(String, Row)> =
        lines.into_iter().filter_map(|line| Row::parse(&line).map(|row| (line, row))).collect();
    assert!(rows.len() > 5, "the table has {} rows", rows.len());
    for (line, mut row) in rows {
        for test in row.tests.split(", ").map(|test| test.trim_matches('`')) {
            let module = repository().join("tests/it").join(test.replace("::", "/"));
            let is_there = module.is_dir() || module.with_extension("rs").is_file();
            assert!(is_there, "{}: there is no module {test} in tests/it", row.program);
        }
        if std::env::var_os(BLESS).is_some() {
            row.versions.extend(installed(&row.program));
            text = text.replace(&line, &row.text());
        }
        assert!(!row.versions.is_empty(), "{}: no version; set {BLESS} where it is installed", row.program);
    }
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, text).expect("write the document");
    }
}

/// Returns the version of a program on this machine; `None` without it.
fn installed(program: &str) -> Option<Vec<u32>> {
    let (path, argument) = match program {
        "nats-server" => (nats::program(), "--version"),
        "PostgreSQL" => (postgres::program("postgres"), "--version"),
        "Redis" => (on_path("redis-server"), "--version"),
        "PgBouncer" => (on_path("pgbouncer"), "--version"),
        "nginx" => (on_path("nginx"), "-v"),
        "Caddy" => (on_path("caddy"), "version"),
        "HAProxy" => (on_path("haproxy"), "-v"),
        "Chromium" => (on_path("chromium"), "--version"),
        other => panic!("{other}: say here how its version is asked for"),
    };
    let output = Command::new(path).arg(argument).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    text.split(|c: char| c.is_whitespace() || matches!(c, '/' | '=' | '-' | '+'))
        .find_map(parse_version)
}

/// Programs of the system may be outside of a user's PATH.
fn on_path(program: &str) -> PathBuf {
    let system = Path::new("/usr/sbin").join(program);
    if system.is_file() {
        system
    } else {
        PathBuf::from(program)
    }
}

/// Parses numbers with dots, with a `v` before them or not.
fn parse_version(text: &str) -> Option<Vec<u32>> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let parts: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
    parts.filter(|parts| parts.len() > 1)
}
