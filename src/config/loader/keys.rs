//! The catalog of keys, read from `defaults.toml`: that file alone describes a key, and a key that
//! it does not describe is refused.

use std::sync::LazyLock;

use humantime_serde::re::humantime::parse_duration;
use toml::Value;

use crate::config::RequestRate;

/// The commented default configuration, every key of it.
pub const DEFAULTS: &str = include_str!("../defaults.toml");

/// Start of every long variable name.
pub(super) const PREFIX: &str = "WATCHWORD__";

/// The kind of value that a key takes. It decides how the text of an environment variable is
/// parsed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Text,
    /// A text such as `15m`.
    Duration,
    /// A text such as `20/1m`.
    Rate,
    Integer,
    Boolean,
    List,
}

/// One documented key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Full name, for example `nats.tls.ca`.
    pub(super) name: String,
    /// Its meaning, without line breaks.
    pub(super) meaning: String,
    /// The default as TOML writes it.
    pub(super) default: Option<String>,
    pub(super) kind: Kind,
}

impl Key {
    /// The part of the name before the last dot; empty for keys without a section.
    pub(super) fn section(&self) -> &str {
        self.name.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// Name of the environment variable.
    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.replace('.', "__").to_ascii_uppercase())
    }
}

/// What `defaults.toml` describes, in its order.
#[derive(Default)]
struct Catalog {
    keys: Vec<Key>,
    /// Names of sections and their meanings.
    sections: Vec<(String, String)>,
}

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| catalog(DEFAULTS));

/// Every key, in the order of the file.
pub(super) fn all() -> &'static [Key] {
    &CATALOG.keys
}

/// The meaning of a section.
pub(super) fn section(name: &str) -> Option<&'static str> {
    let section = CATALOG.sections.iter().find(|(section, _)| section == name);
    section.map(|(_, meaning)| meaning.as_str())
}

/// The key of that full name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    all().iter().find(|key| key.name == name)
}

/// The keys that name a file with a secret, and the keys that it sets.
pub(super) fn secret_files() -> impl Iterator<Item = (&'static str, &'static str)> {
    all().iter().filter_map(|file| {
        let secret = find(file.name.strip_suffix("_file")?)?;
        Some((file.name.as_str(), secret.name.as_str()))
    })
}

/// Whether `name` is a section.
pub(super) fn is_section(name: &str) -> bool {
    all()
        .iter()
        .any(|key| key.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

/// The known key that is most similar to `name`, unless all differ too much.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let last = |name: &'_ str| name.rsplit('.').next().unwrap_or_default().to_owned();
    // The case of a letter is a near miss too.
    let name = name.to_ascii_lowercase();
    let wanted = last(&name);
    all()
        .iter()
        .map(|key| {
            let whole = strsim::damerau_levenshtein(&name, &key.name);
            // The right key in the wrong section is a near miss too.
            let elsewhere = if last(&key.name) == wanted { 2 } else { usize::MAX };
            (whole.min(elsewhere), key.name.as_str())
        })
        .min()
        .filter(|(distance, _)| *distance <= 3.min(name.len() / 3))
        .map(|(_, known)| known)
}

/// Reads `# meaning`, `[section]`, `key = default` and `#key = example` lines. A blank line ends a
/// comment, so that a remark on the file itself does not become a key's meaning.
fn catalog(text: &str) -> Catalog {
    let mut catalog = Catalog::default();
    let mut prefix = String::new();
    let mut meaning: Vec<&str> = Vec::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            meaning.push(comment);
            continue;
        }
        let meaning = std::mem::take(&mut meaning).join(" ");
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            prefix = format!("{name}.");
            catalog.sections.push((name.to_owned(), meaning));
            continue;
        }
        let (assignment, example) = match line.strip_prefix('#') {
            Some(rest) => (rest, true),
            None => (line, false),
        };
        if let Some((name, kind, value)) = assignment_of(assignment) {
            catalog.keys.push(Key {
                name: format!("{prefix}{name}"),
                meaning,
                default: (!example).then(|| value.to_owned()),
                kind,
            });
        }
    }
    catalog
}

fn assignment_of(line: &str) -> Option<(&str, Kind, &str)> {
    let (name, value) = line.split_once(" = ")?;
    let table: toml::Table = line.parse().ok()?;
    let kind = match table.get(name)? {
        Value::Integer(_) => Kind::Integer,
        Value::Boolean(_) => Kind::Boolean,
        Value::Array(_) => Kind::List,
        Value::String(text) if parse_duration(text).is_ok() => Kind::Duration,
        Value::String(text) if text.parse::<RequestRate>().is_ok() => Kind::Rate,
        Value::String(_) | Value::Float(_) | Value::Datetime(_) | Value::Table(_) => Kind::Text,
    };
    Some((name, kind, value))
}
