//! The configuration table of the documentation, made from `defaults.toml`.

use super::{env::SHORT_NAMES, keys};

/// A Markdown table of every key: name, environment variables, default and meaning.
#[must_use]
pub fn table() -> String {
    let mut out = String::from("| Key | Environment | Default | Meaning |\n|---|---|---|---|\n");
    for key in keys::all() {
        let mut variables = format!("`{}`", key.variable());
        for (short, _) in SHORT_NAMES.iter().filter(|(_, name)| *name == key.name) {
            variables = format!("`{short}`, {variables}");
        }
        let default = key
            .default
            .as_ref()
            .map_or_else(|| "–".to_owned(), |default| format!("`{default}`"));
        let meaning = key.meaning.replace('|', "\\|");
        out.push_str(&format!("| `{}` | {variables} | {default} | {meaning} |\n", key.name));
    }
    out
}
