//! The rules of the architecture.

use super::scan::{Scan, scan};

/// The maximum number of lines in a file.
const MAX_FILE_LINES: usize = 350;
/// The maximum number of columns of a comment, except for tables and drawings. rustfmt limits the
/// width of code.
const MAX_COMMENT_WIDTH: usize = 100;
/// The maximum number of lines with code in a function.
const MAX_FUNCTION_LINES: usize = 80;

/// The modules that each top-level module may import. `events` and `migration` are crates of this
/// workspace.
const ALLOWED_IMPORTS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("config", &[]),
    ("telemetry", &["config"]),
    ("security", &["domain", "config", "telemetry"]),
    ("redis_connection", &[]),
    ("limits", &["domain", "config", "redis_connection", "telemetry"]),
    ("revocation", &["domain", "config", "redis_connection", "store"]),
    // Telemetry counts recorded events at the commit, where tests also kill the process (ADR 0010).
    ("store", &["domain", "events", "config", "migration", "telemetry"]),
    ("actions", &["domain", "events", "security", "limits", "revocation", "store"]),
    // It sends what actions have enqueued, as the relay publishes what they have recorded (ADR
    // 0021).
    ("mail", &["domain", "config", "security", "store", "telemetry"]),
    // Messages carry a mark that proves where they are from, and the relay reads it.
    ("jetstream", &["domain", "events", "security", "config", "telemetry"]),
    (
        "relay",
        &[
            "domain",
            "events",
            "security",
            "store",
            "jetstream",
            "config",
            "telemetry",
        ],
    ),
    ("http", &["actions", "domain", "events", "config", "telemetry"]),
    ("cli", &["app", "config", "events", "http", "telemetry"]),
];

/// The roots, which may import everything.
const ROOTS: &[&str] = &["main", "lib", "app"];

/// Crates that only some modules may import: only `jetstream` can publish, and no table row leaves
/// `store`.
const OWNED_CRATES: &[(&str, &[&str])] = &[
    ("async_nats", &["jetstream"]),
    ("sea_orm", &["store"]),
    ("sqlx", &["store"]),
    ("watchword_contract", &["http"]),
    ("watchword_migration", &["store"]),
];

/// The crates of this workspace that each other one may import.
const MEMBERS: &[(&str, &[&str])] = &[
    ("events", &["watchword_events"]),
    ("contract", &["watchword_contract", "watchword_events"]),
    ("migration", &["watchword_migration"]),
    ("examples", &["watchword_events", "watchword_examples"]),
];
/// The names of this workspace's crates in code.
const OWN_CRATES: &[&str] = &[
    "watchword",
    "watchword_contract",
    "watchword_events",
    "watchword_migration",
    "watchword_examples",
];

/// Returns every violation in one file, as `path:line: error`. `path` is relative to the
/// repository.
pub(super) fn check_source(path: &str, text: &str) -> Vec<String> {
    let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    let mut violations = Vec::new();
    let mut refuse = |line: usize, what: String| violations.push(format!("{path}:{line}: {what}"));

    let lines = text.lines().count();
    if lines > MAX_FILE_LINES {
        refuse(lines, format!("{lines} lines, a file may have {MAX_FILE_LINES}"));
    }
    check_comments(text, &mut refuse);
    let module_path: Vec<String> = match parts.as_slice() {
        ["src", rest @ .., "mod"] | ["src", rest @ ..] => rest.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    let scan = match scan(text, &module_path) {
        Ok(scan) => scan,
        Err(error) => {
            refuse(1, format!("is not Rust: {error}"));
            return violations;
        }
    };
    for function in &scan.functions {
        if function.lines > MAX_FUNCTION_LINES {
            let (name, lines) = (&function.name, function.lines);
            refuse(
                function.line,
                format!("fn {name} has {lines} lines, a function may have {MAX_FUNCTION_LINES}"),
            );
        }
    }
    match (parts.first(), module_path.first()) {
        (Some(&"src"), Some(module)) => check_module(module, &scan, &mut refuse),
        (Some(member), _) => check_member(member, &scan, &mut refuse),
        (None, _) => {}
    }
    violations
}

fn check_comments(text: &str, refuse: &mut impl FnMut(usize, String)) {
    let mut in_drawing = false;
    for (number, line) in (1..).zip(text.lines()) {
        let Some(comment) = line.trim_start().strip_prefix("//") else {
            continue;
        };
        let comment = comment.trim_start_matches(['/', '!', ' ']);
        if comment.starts_with("```") {
            in_drawing = !in_drawing;
        }
        let width = line.chars().count();
        if width > MAX_COMMENT_WIDTH && !in_drawing && !comment.starts_with('|') {
            let what = format!("{width} columns, a comment may have {MAX_COMMENT_WIDTH}");
            refuse(number, what);
        }
    }
}

fn check_module(module: &str, scan: &Scan, refuse: &mut impl FnMut(usize, String)) {
    if ROOTS.contains(&module) {
        return;
    }
    let Some((_, allowed)) = ALLOWED_IMPORTS.iter().find(|(name, _)| *name == module) else {
        refuse(1, format!("{module} is not in the table of modules"));
        return;
    };
    let may = if allowed.is_empty() {
        "no module of the project".to_owned()
    } else {
        allowed.join(", ")
    };
    for (name, line) in &scan.modules {
        if name != module && !allowed.contains(&name.as_str()) {
            refuse(*line, format!("{module} must not name {name} (it may name {may})"));
        }
    }
    for (name, line) in &scan.crates {
        let workspace_member = name.strip_prefix("watchword_");
        if workspace_member.is_some_and(|member| member == "events" && !allowed.contains(&member)) {
            refuse(*line, format!("{module} must not name events (it may name {may})"));
        }
        if let Some((_, owners)) = OWNED_CRATES.iter().find(|(owned, _)| owned == name)
            && !owners.contains(&module)
        {
            refuse(*line, format!("only {} may name {name}", owners.join(", ")));
        }
    }
    for line in &scan.public_entities {
        refuse(*line, "entities must be private to store".into());
    }
    for line in &scan.exported_entities {
        refuse(*line, "entities must not be re-exported by store".into());
    }
}

fn check_member(member: &str, scan: &Scan, refuse: &mut impl FnMut(usize, String)) {
    let allowed = MEMBERS.iter().find(|(name, _)| *name == member).map_or(&[][..], |(_, allowed)| allowed);
    for (name, line) in &scan.crates {
        if OWN_CRATES.contains(&name.as_str()) && !allowed.contains(&name.as_str()) {
            refuse(*line, format!("the crate {member} must not name {name}"));
        }
    }
}
