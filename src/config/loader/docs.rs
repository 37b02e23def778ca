//! The configuration's page in the documentation, generated from `defaults.toml`.

use std::fmt::Write as _;

use super::{
    env::SHORT_NAMES,
    keys::{self, Key, Kind},
};

/// What the page says before its sections.
const INTRODUCTION: &str = "\
# Configuration

This page is generated from [`src/config/defaults.toml`](../src/config/defaults.toml): run `make generate` after a change.

The service starts without any configuration. In production, set at least `WATCHWORD_SECRET_KEY`,
`WATCHWORD__HTTP__PUBLIC_URL` and `WATCHWORD__EVENTS__ENVIRONMENT`.

Later sources win:

1. the defaults below;
2. the TOML file given with `--config FILE` or `WATCHWORD_CONFIG`;
3. environment variables `WATCHWORD__SECTION__KEY`;
4. the short variables `PORT`, `DATABASE_URL`, `REDIS_URL` and `WATCHWORD_SECRET_KEY`.

`NATS_URL` is a variable of the `nats` command too: it counts only where `WATCHWORD__NATS__URL` is not set. Other variables
of that command, such as `NATS_CREDS`, are not read; a warning at the start names those that are set.

A secret (`secret_key`, `database.url`, `redis.url`, `nats.url`, `nats.password`, `mail.password`) is given as the key, or
in a file that the key with `_file` names, as Docker and Kubernetes mount them. A final line break of the file is not
part of it. Setting both is refused.

An empty variable counts as not set. Of a variable too, a final line break is not part of the value. A value in quotation
marks is refused: they would be part of it. A variable that almost has the name of one of these (another case, one
underscore, a letter or two) is refused with the name that is meant, and another one that begins with `WATCHWORD_` is
named in a warning, as is one that only lacks the prefix (`MAIL__HOST`). Those that Kubernetes sets for a Service called `watchword` do no harm.

**Files of variables.** `--env-file FILE` or `WATCHWORD_ENV_FILE` adds the variables of a file to those of the environment, which win. `make run`
gives it `.env`, if there is one (see [`.env.example`](../.env.example)). Docker Compose (`.env`, `env_file`) and systemd
(`EnvironmentFile=`) read the same file. They differ in what they do to some lines, so the service reads what both
read alike, and refuses other lines by their number, without showing them:

| Line | |
|---|---|
| `NAME=value` | the value up to the end of the line, without spaces around it: `a b`, `a;b`, `a&b`, `it's`, `a#b`, `<a@b>` |
| `NAME='value'` | the value between the quotes, with every other character: `$`, `\\`, `#` |
| `NAME=\"value\"` | the same, but without `$` and `\\` |
| `# comment` | nothing; the same for an empty line |
| `NAME=a$b`, `NAME=\"a$b\"` | refused: Compose expands, systemd does not |
| `NAME=a\\b`, `NAME=\"a\\b\"` | refused: systemd removes the backslash |
| `NAME=value # comment`, `NAME='a' b` | refused: for systemd it is part of the value |
| `export NAME=value`, `NAME: value`, `; comment`, `NAME` | refused: only one of them reads it |
| a quote that is not closed, a byte order mark, control characters, not UTF-8 | refused |

What no line can hold, such as a value with a single quote and `$`, goes into a file that the variable with `_FILE` names.

Lists in variables are written `a,b` or in JSON, such as `[\"a\",\"b\"]`; durations are texts such as `500ms`, `15m` or `7d`,
rates texts such as `20/1m`: 20 requests at once, and 20 again over each minute.
Unknown keys and invalid values are refused at start, all of them at once.

| Command | What it does |
|---|---|
| `watchword config check` | Checks the configuration, with the same words as the start, and connects to nothing. |
| `watchword config check --connect` | Connects to the database, Redis, NATS and the mail server too, and says which fails and what to check. Exits with 5 if one fails. |
| `watchword config show` | Prints the effective values; secrets are redacted. |
| `watchword config show --defaults` | Prints a commented TOML file with every key, to start from. |
| `watchword config docs` | Prints this page. |
";

/// The whole page: one section per section of the configuration, one row per key.
#[must_use]
pub fn page() -> String {
    let mut out = INTRODUCTION.to_owned();
    let mut current = None;
    for key in keys::all() {
        let section = key.section();
        if current != Some(section) {
            begin_section(&mut out, section);
            current = Some(section);
        }
        row(&mut out, key);
    }
    out
}

/// Writing to a string does not fail.
fn begin_section(out: &mut String, section: &str) {
    let _ = match keys::section(section) {
        Some(meaning) => write!(out, "\n## `{section}`\n\n{meaning}\n"),
        None => write!(out, "\n## General\n"),
    };
    out.push_str("\n| Key | Value | Default | Meaning | Environment variable |\n|---|---|---|---|---|\n");
}

fn row(out: &mut String, key: &Key) {
    let short = SHORT_NAMES.iter().filter(|(_, name)| *name == key.name);
    let short: String = short.map(|(variable, _)| format!("`{variable}`, ")).collect();
    let default = key.default.as_ref().map_or_else(|| "–".to_owned(), |default| format!("`{default}`"));
    let _ = writeln!(
        out,
        "| `{}` | {} | {default} | {} | {short}`{}` |",
        key.name,
        value(key),
        key.meaning.replace('|', "\\|"),
        key.variable(),
    );
}

/// The kind of value that the key takes, with its unit.
fn value(key: &Key) -> &'static str {
    const UNITS: [(&str, &str); 4] = [("_bytes", "bytes"), ("_kib", "KiB"), ("_mib", "MiB"), ("port", "port")];
    match key.kind {
        Kind::Boolean => "`true` or `false`",
        Kind::List => "list",
        Kind::Duration => "duration",
        Kind::Rate => "rate",
        Kind::Text => "text",
        Kind::Integer => UNITS
            .iter()
            .find_map(|(end, unit)| key.name.ends_with(end).then_some(*unit))
            .unwrap_or("number"),
    }
}
