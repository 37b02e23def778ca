//! The catalogue of keys, read from `defaults.toml`: that file is the one place where a key is described,
//! and what it does not describe is refused.

use std::sync::LazyLock;

use toml::Value;

/// The commented default configuration, every key of it.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// What kind of value a key takes; decides how the text of an environment variable is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Text,
    Integer,
    Boolean,
    List,
}

/// One documented key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Full name, for instance `nats.tls.ca`.
    pub(super) name: String,
    /// Its meaning, in one line.
    pub(super) meaning: String,
    /// The default as TOML writes it; none: the key has none.
    pub(super) default: Option<String>,
    /// What it takes.
    pub(super) kind: Kind,
}

impl Key {
    /// Name of the environment variable.
    pub(super) fn variable(&self) -> String {
        format!(
            "{}{}",
            super::env::PREFIX,
            self.name.replace('.', "__").to_ascii_uppercase()
        )
    }
}

static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| catalogue(DEFAULTS));

/// Every key, in the order of the file.
pub(super) fn all() -> &'static [Key] {
    &KEYS
}

/// The key of that full name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    all().iter().find(|key| key.name == name)
}

/// Whether keys stand below that name.
pub(super) fn is_section(name: &str) -> bool {
    all()
        .iter()
        .any(|key| key.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

/// The known key that looks most like `name`, when one is near.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let last = |name: &'_ str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let wanted = last(name);
    all()
        .iter()
        .map(|key| {
            let whole = strsim::damerau_levenshtein(name, &key.name);
            // The right key in the wrong section is a near miss too.
            let elsewhere = if last(&key.name) == wanted { 2 } else { usize::MAX };
            (whole.min(elsewhere), key.name.as_str())
        })
        .min()
        .filter(|(distance, _)| *distance <= 3.min(name.len() / 3))
        .map(|(_, known)| known)
}

/// Reads `# meaning`, `key = default` and `#key = example` lines. A blank line ends a comment, so that a
/// remark on the file itself is not taken for a key's meaning.
fn catalogue(text: &str) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut section = String::new();
    let mut meaning: Vec<&str> = Vec::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            meaning.push(comment);
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
        }
        let (assignment, example) = match line.strip_prefix('#') {
            Some(rest) => (rest, true),
            None => (line, false),
        };
        if let Some((name, kind, value)) = assignment_of(assignment) {
            keys.push(Key {
                name: format!("{section}{name}"),
                meaning: meaning.join(" "),
                default: (!example).then(|| value.to_owned()),
                kind,
            });
        }
        meaning.clear();
    }
    keys
}

fn assignment_of(line: &str) -> Option<(&str, Kind, &str)> {
    let (name, value) = line.split_once(" = ")?;
    let table: toml::Table = line.parse().ok()?;
    let kind = match table.get(name)? {
        Value::Integer(_) => Kind::Integer,
        Value::Boolean(_) => Kind::Boolean,
        Value::Array(_) => Kind::List,
        Value::String(_) | Value::Float(_) | Value::Datetime(_) | Value::Table(_) => Kind::Text,
    };
    Some((name, kind, value))
}
