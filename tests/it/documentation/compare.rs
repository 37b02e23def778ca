//! Whether a command printed in substance what the document says.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use super::blocks::Output;

/// What differs from run to run, and what stands for it. The first that matches wins.
static VOLATILE: LazyLock<Regex> = LazyLock::new(|| {
    let patterns = [
        r"(?P<status>HTTP/1\.1 \d+)",
        r"(?P<id>\b[0-9a-f]{8}-(?:…|[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b))",
        r"(?P<trace>\b00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]\b)",
        r"(?P<token>\b(?:eyJ|wrt_|wcs_|wlc_|sha256:|AQAAAA)[\w.+/=-]*…?)",
        // An answer without its milliseconds is not the same.
        r"(?P<time>\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)",
        r"(?P<moment>\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: \+0000 UTC)?)",
        r"(?P<size>\b\d+(?:\.\d+)? (?:B|[KM]iB)\b)",
        r"(?P<duration>\b(?:\d+(?:\.\d+)?(?:ns|µs|ms|h|m|s))+\b)",
        r"(?P<version>\b\d+\.\d+\.\d+\b)",
        r"(?P<fraction>\b\d+\.\d+\b)",
        r"(?P<many>\b(?:[2-9]|[1-9]\d+)\b)",
        r"(?P<space> +)",
        r"(?P<rule>─+)",
    ];
    Regex::new(&patterns.join("|")).expect("a pattern")
});

/// The lines of a text, with placeholders for what differs from run to run. A line that ends in a
/// comma is joined with the next one.
fn lines(text: &str) -> Vec<String> {
    let replaced = VOLATILE.replace_all(text, |found: &Captures<'_>| {
        let names = [
            "id", "trace", "token", "time", "moment", "size", "duration", "version", "fraction", "many",
        ];
        let name = names.into_iter().find(|name| found.name(name).is_some());
        match (name, found.get(0).map_or("", |all| all.as_str())) {
            (Some(name), _) => format!("<{name}>"),
            (None, all) if all.starts_with(' ') => " ".to_owned(),
            (None, all) if all.starts_with('─') => "─".to_owned(),
            (None, all) => all.to_owned(),
        }
    });
    let mut lines: Vec<String> = Vec::new();
    for line in replaced.lines().map(str::trim_end) {
        match lines.last_mut() {
            Some(last) if last.ends_with(',') => last.push_str(line.trim_start()),
            _ => lines.push(line.to_owned()),
        }
    }
    let blank = |line: &&String| line.is_empty();
    let before = lines.iter().take_while(blank).count();
    let after = lines.iter().rev().take_while(blank).count();
    lines.drain(..before.min(lines.len()));
    lines.truncate(lines.len().saturating_sub(after));
    lines
}

/// Compares; a diff when they differ.
pub(super) fn compare(documented: &Output, printed: &str) -> Result<(), String> {
    if documented.is_json {
        let read = |text: &str, what: &str| values(text).map_err(|error| format!("{what}: {error}\n{text}"));
        let documented = read(&documented.text, "the document has no JSON")?;
        let printed = read(printed, "no JSON was printed")?;
        let same = documented.len() == printed.len()
            && documented
                .iter()
                .zip(&printed)
                .all(|(documented, printed)| value_matches(documented, printed));
        let pretty = |values: &[Value]| -> Vec<String> {
            let texts: Vec<String> = values.iter().map(|value| format!("{value:#}")).collect();
            texts.join("\n").lines().map(str::to_owned).collect()
        };
        return if same {
            Ok(())
        } else {
            Err(diff(&pretty(&documented), &pretty(&printed)))
        };
    }
    let (documented, printed) = (lines(&documented.text), lines(printed));
    if lines_match(&documented, &printed) {
        return Ok(());
    }
    Err(diff(&documented, &printed))
}

/// The JSON values of a text, one behind the other.
fn values(text: &str) -> serde_json::Result<Vec<Value>> {
    serde_json::Deserializer::from_str(text).into_iter().collect()
}

/// Numbers and names are the same, texts in substance.
fn value_matches(documented: &Value, printed: &Value) -> bool {
    /// Seconds since 1970.
    const EPOCH: u64 = 1_000_000_000;
    match (documented, printed) {
        (Value::Object(documented), Value::Object(printed)) => {
            documented.len() == printed.len()
                && documented
                    .iter()
                    .all(|(name, value)| printed.get(name).is_some_and(|printed| value_matches(value, printed)))
        }
        (Value::Array(documented), Value::Array(printed)) => {
            documented.len() == printed.len()
                && documented
                    .iter()
                    .zip(printed)
                    .all(|(documented, printed)| value_matches(documented, printed))
        }
        (Value::String(documented), Value::String(printed)) => lines_match(&lines(documented), &lines(printed)),
        (Value::Number(documented), Value::Number(printed)) => {
            documented == printed || [documented, printed].iter().all(|number| number.as_u64() > Some(EPOCH))
        }
        _ => documented == printed,
    }
}

/// A line `…` stands for any lines.
fn lines_match(documented: &[String], printed: &[String]) -> bool {
    match documented.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first.trim() == "…" => {
            (0..=printed.len()).any(|skipped| lines_match(rest, printed.get(skipped..).unwrap_or_default()))
        }
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(printed, others)| line_matches(first, printed) && lines_match(rest, others)),
    }
}

/// `…` within a line stands for any text.
fn line_matches(documented: &str, printed: &str) -> bool {
    let Some((start, rest)) = documented.split_once('…') else {
        return documented == printed;
    };
    let Some(printed) = printed.strip_prefix(start) else {
        return false;
    };
    let ends = printed.char_indices().map(|(at, _)| at).chain([printed.len()]);
    ends.into_iter().any(|at| line_matches(rest, printed.get(at..).unwrap_or_default()))
}

/// The common lines once, what is only documented with `-`, and what was printed with `+`.
fn diff(documented: &[String], printed: &[String]) -> String {
    let common = |(documented, printed): &(&String, &String)| line_matches(documented, printed);
    let before = documented.iter().zip(printed).take_while(common).count();
    let left = documented.len().min(printed.len()) - before;
    let after = documented.iter().rev().zip(printed.iter().rev()).take(left).take_while(common).count();
    let middle = |lines: &[String]| lines.get(before..lines.len() - after).unwrap_or_default().to_vec();
    let marked = |mark: &str, lines: Vec<String>| -> Vec<String> {
        lines.into_iter().map(|line| format!("  {mark} {line}")).collect()
    };
    [
        marked(" ", documented.get(..before).unwrap_or_default().to_vec()),
        marked("-", middle(documented)),
        marked("+", middle(printed)),
        marked(" ", documented.get(documented.len() - after..).unwrap_or_default().to_vec()),
    ]
    .concat()
    .join("\n")
}

#[test]
fn what_differs_in_substance_is_found() {
    let check = |documented: &str, printed: &str, is_json: bool| {
        let text = documented.to_owned();
        compare(&Output { line: 1, is_json, text }, printed).is_ok()
    };
    let text = |documented: &str, printed: &str| check(documented, printed, false);
    assert!(text("at 2026-11-22T12:00:00.000Z\n", "at 2026-11-26T17:01:02.345Z\n"));
    assert!(!text("at 2026-11-22T12:00:00.000Z\n", "at 2026-11-26T17:01:02.34Z\n"));
    assert!(text("missing 0\n4 events\n", "missing  0\n17 events\n"));
    assert!(!text("missing 0\n", "missing 2\n"));
    assert!(!text("1 event\n", "2 event\n"));
    assert!(!text("HTTP/1.1 401 Unauthorized\n", "HTTP/1.1 403 Unauthorized\n"));
    assert!(text("a\n…\nz\n", "a\nb\nc\nz\n"));
    assert!(!text("a\n…\nz\n", "a\nb\n"));
    assert!(text("id … ends\n", "id of 12 ms ends\n"));
    assert!(text("sub 01a2031e-…\n", "sub 01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02\n"));
    assert!(text("{\"a\":1,\n \"b\":0}\n", "{\"a\":1,\"b\":0}"));
    let json = |documented: &str, printed: &str| check(documented, printed, true);
    assert!(json("{\"exp\": 1795342500, \"b\": [1]}", "{\"b\":[1],\"exp\":1795343500}\n"));
    assert!(!json("{\"expiresIn\": 900}", "{\"expiresIn\": 901}"));
    assert!(!json("{\"a\": 1}", "{\"a\": 1, \"b\": 1}"));
    assert!(json("{\"token\": \"eyJ0eXAi…\"}", "{\"token\": \"eyJhbGci.abc.def\"}"));
    let found = diff(&["a".into(), "b".into(), "d".into()], &["a".into(), "c".into(), "d".into()]);
    assert_eq!(found, "    a\n  - b\n  + c\n    d");
}
