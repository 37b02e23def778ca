//! The architecture: which modules may import which, the sizes of files, functions and folders, and
//! the privacy of the database entities. `rules.rs` contains the table of `docs/ARCHITECTURE.md`.

mod rules;
mod scan;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rules::check_source;

use crate::support::run_dir::repository;

/// The folders of the project's code, without tests.
const SOURCES: &[&str] = &["src", "contract/src", "events/src", "migration/src", "examples"];

/// Collects every Rust file under a directory.
fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("read a source directory") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn sources_follow_the_architecture() {
    let mut files = Vec::new();
    for directory in SOURCES {
        rust_files(&repository().join(directory), &mut files);
    }
    files.sort();
    assert!(
        files.iter().any(|file| file.ends_with("src/lib.rs")),
        "no sources found in {}",
        repository().display()
    );

    let violations: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(file).expect("read a source file");
            let path = file.strip_prefix(repository()).expect("a file of the repository");
            check_source(path.to_str().expect("a UTF-8 path"), &text)
        })
        .collect();
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

/// The maximum number of files in a folder, without its subfolders.
const MAX_FILES: usize = 16;

#[test]
fn folders_stay_small() {
    let mut files = Vec::new();
    for directory in SOURCES {
        rust_files(&repository().join(directory), &mut files);
    }
    let mut folders: BTreeMap<&Path, usize> = BTreeMap::new();
    for file in &files {
        *folders.entry(file.parent().expect("a folder")).or_default() += 1;
    }
    folders.retain(|_, files| *files > MAX_FILES);
    assert!(
        folders.is_empty(),
        "a folder may have {MAX_FILES} files beside its subfolders; group these by resource: {folders:?}"
    );
}

/// A file, a line in it, and the error.
const VIOLATIONS: &[(&str, &str, &str)] = &[
    ("src/http/routes/auth/login.rs", "use crate::store::Store;", "http must not name store"),
    (
        "src/http/routes/auth/login.rs",
        "use crate::{actions::login, store::{self, Tx}};",
        "http must not name store",
    ),
    ("src/http/mod.rs", "fn f() { let _ = crate::relay::start(); }", "http must not name relay"),
    ("src/http/mod.rs", "use super::store::Store;", "http must not name store"),
    (
        "src/http/routes/auth/login.rs",
        "use super::super::super::super::store::Store;",
        "http must not name store",
    ),
    ("src/http/routes/mod.rs", "use super::super::{store::Store};", "http must not name store"),
    (
        "src/http/mod.rs",
        "mod inner { use super::super::store::Store; }",
        "http must not name store",
    ),
    (
        "src/http/mod.rs",
        "tokio::select! { _ = crate::store::x() => {} }",
        "http must not name store",
    ),
    (
        "src/actions/sessions/login.rs",
        "use crate::jetstream::Publisher;",
        "actions must not name jetstream",
    ),
    ("src/actions/sessions/login.rs", "use crate::relay;", "actions must not name relay"),
    (
        "src/actions/sessions/login.rs",
        "use crate::http::problem::Problem;",
        "actions must not name http",
    ),
    ("src/actions/sessions/login.rs", "use crate::*;", "actions must not name *"),
    (
        "src/actions/sessions/login.rs",
        "use crate as root;",
        "actions must not name crate as another name",
    ),
    (
        "src/actions/sessions/login.rs",
        "async_nats::connect(url);",
        "only jetstream may name async_nats",
    ),
    (
        "src/actions/sessions/login.rs",
        "use sea_orm::EntityTrait;",
        "only store may name sea_orm",
    ),
    ("src/domain/ids.rs", "use watchword_events::Event;", "domain must not name events"),
    ("src/limits/mod.rs", "use crate::events::Event;", "limits must not name events"),
    ("src/unheard_of/mod.rs", "fn f() {}", "unheard_of is not in the table"),
    (
        "events/src/lib.rs",
        "use watchword::store::Store;",
        "the crate events must not name watchword",
    ),
    (
        "examples/examples/tail.rs",
        "use watchword_migration::Migrator;",
        "the crate examples must not name watchword_migration",
    ),
    ("src/store/mod.rs", "pub mod entities;", "entities must be private"),
    ("src/store/mod.rs", "pub(crate) mod entities;", "entities must be private"),
    ("src/store/mod.rs", "pub use entities::users::Model;", "entities must not be re-exported"),
    (
        "src/store/mod.rs",
        "pub use self::{error::StoreError, entities::users};",
        "entities must not be re-exported",
    ),
];

/// Each way to write a forbidden import is found, with its line.
#[test]
fn forbidden_imports_are_found_in_every_notation() {
    for (path, line, message) in VIOLATIONS {
        let text = format!("//! A file.\n\n{line}\n");
        let violations = check_source(path, &text);
        let expected = match path.strip_prefix("src/unheard_of") {
            Some(_) => format!("{path}:1: {message}"),
            None => format!("{path}:3: {message}"),
        };
        assert!(
            violations.iter().any(|found| found.starts_with(&expected)),
            "{line}: {violations:?}, not {expected}"
        );
    }
}

#[test]
fn allowed_imports_and_similar_text_pass() {
    let allowed = [
        ("src/http/routes/auth/login.rs", "use crate::{actions::login, config::HttpSettings};"),
        (
            "src/http/routes/auth/login.rs",
            "// crate::store\n/* use crate::store::Store; */\nconst A: &str = \"crate::store\";",
        ),
        ("src/http/routes/auth/login.rs", "/// See [`crate::store::Store`].\npub fn f() {}"),
        (
            "src/http/routes/auth/login.rs",
            "pub(crate) fn f(store: u8) -> u8 { super::super::routes::g(store) }",
        ),
        (
            "src/http/middleware/mod.rs",
            "mod store { } use self::store::x; use super::store_of_cookies;",
        ),
        ("src/app/mod.rs", "use crate::{store::Store, relay, http, jetstream};"),
        ("src/main.rs", "use watchword::cli;"),
        ("src/store/mod.rs", "mod entities; use entities::users; pub use self::error::StoreError;"),
        ("src/config/mod.rs", "pub use self::{redis::RedisSettings};"),
        ("examples/examples/tail.rs", "use watchword_events::Subscriber;"),
    ];
    for (path, text) in allowed {
        assert_eq!(check_source(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

#[test]
fn long_files_and_functions_are_found() {
    let long_file = "//! x\n".repeat(351);
    let found = check_source("events/src/lib.rs", &long_file);
    assert_eq!(found, ["events/src/lib.rs:351: 351 lines, a file may have 350"]);
    assert!(check_source("events/src/lib.rs", &"//! x\n".repeat(350)).is_empty());

    let function =
        |lines: usize| format!("impl X {{\n    fn long(&self) -> [u8; 2] {{\n{}    }}\n}}\n", "x();\n".repeat(lines));
    let found = check_source("migration/src/lib.rs", &function(81));
    assert_eq!(found, ["migration/src/lib.rs:2: fn long has 81 lines, a function may have 80"]);
    assert!(check_source("migration/src/lib.rs", &function(80)).is_empty());
    let with_comments = function(80).replace("x();\n", "x(); // why\n\n// more\n");
    assert!(
        check_source("migration/src/lib.rs", &with_comments).is_empty(),
        "empty lines and comments do not count"
    );
}

#[test]
fn wide_comments_are_found() {
    let wide = |prefix: &str, width: usize| format!("{prefix}{}\n", "x".repeat(width - prefix.len()));
    let widths = |text: &str| check_source("events/src/lib.rs", text).len();
    assert_eq!(widths(&wide("// ", 100)), 0);
    assert_eq!(widths(&wide("    /// ", 101)), 1);
    assert_eq!(widths(&wide("/// | ", 120)), 0, "a table");
    assert_eq!(widths(&format!("//! ```text\n{}//! ```\n", wide("//! ", 120))), 0, "a drawing");
}
