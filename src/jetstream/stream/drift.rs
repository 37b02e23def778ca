//! Where a stream differs from its definition, field by field.
//!
//! Both sides are compared as the server's JSON, so that a field added to the definition is
//! compared without a line of code here. What the server fills in by itself is no difference:
//! `_nats.*` metadata, `-1` for a limit that was not set, `false` and `none` for what was left out.

use std::{collections::BTreeSet, fmt, time::Duration};

use async_nats::jetstream::stream::Config;
use serde::Serialize;
use serde_json::{Map, Value};

/// Limits for which the server writes "no limit" as -1, and reads 0 as the same.
const LIMITS: &[&str] = &[
    "max_bytes",
    "max_consumers",
    "max_msg_size",
    "max_msgs",
    "max_msgs_per_subject",
];
/// Fields in nanoseconds.
const DURATIONS: &[&str] = &["duplicate_window", "max_age", "subject_delete_marker_ttl"];
/// Where a stream begins is no part of its definition: one that replaces a lost stream begins
/// behind it.
const FIRST_SEQUENCE: &str = "first_seq";
/// Metadata written by the server.
const SERVER_METADATA: &str = "_nats.";
/// The API level of the server that answered; none before 2.11.
const SERVER_LEVEL: &str = "_nats.level";
/// A field of the definition that servers of a lower API level than this do not know, and ignore.
const ATOMIC_BATCHES: (&str, u32) = ("allow_atomic", 2);

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// As nats-server and the nats CLI name it.
    pub field: String,
    /// The value in the definition.
    pub desired: String,
    /// The value of the stream.
    pub actual: String,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} instead of {}", self.field, self.actual, self.desired)
    }
}

/// Find every field in which `actual` differs from `desired`, ordered by name. What the server
/// cannot do is no difference.
#[must_use]
pub fn drift(desired: &Config, actual: &Config) -> Vec<Drift> {
    let (mut desired, server, actual) = (fields(desired), level(actual), fields(actual));
    if server < ATOMIC_BATCHES.1 {
        desired.remove(ATOMIC_BATCHES.0);
    }
    let names: BTreeSet<&String> = desired.keys().chain(actual.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| {
            let wanted = desired.get(name).unwrap_or(&Value::Null);
            let found = actual.get(name).unwrap_or(&Value::Null);
            (wanted != found).then(|| Drift {
                field: name.clone(),
                desired: shown(name, wanted),
                actual: shown(name, found),
            })
        })
        .collect()
}

fn level(answer: &Config) -> u32 {
    let level = answer.metadata.get(SERVER_LEVEL);
    level.and_then(|level| level.parse().ok()).unwrap_or_default()
}

/// The configuration as a flat map without the fields that have their default.
fn fields(config: &Config) -> Map<String, Value> {
    let Ok(Value::Object(fields)) = serde_json::to_value(config) else {
        return Map::new();
    };
    fields
        .into_iter()
        .flat_map(|(name, value)| match (name.as_str(), value) {
            ("metadata", Value::Object(entries)) => metadata(entries),
            (_, Value::Array(mut values)) => {
                values.sort_by_key(ToString::to_string);
                vec![(name, Value::Array(values))]
            }
            (_, value) => vec![(name, value)],
        })
        .filter(|(name, value)| name != FIRST_SEQUENCE && !is_default(name, value))
        .collect()
}

fn metadata(entries: Map<String, Value>) -> Vec<(String, Value)> {
    entries
        .into_iter()
        .filter(|(key, _)| !key.starts_with(SERVER_METADATA))
        .map(|(key, value)| (format!("metadata.{key}"), value))
        .collect()
}

fn is_default(name: &str, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => {
            number.as_i64() == Some(0) || (LIMITS.contains(&name) && number.as_i64().is_some_and(|n| n < 0))
        }
        Value::String(text) => text.is_empty() || (name == "compression" && text == "none"),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.values().all(|field| is_default("", field)),
        Value::Bool(true) => false,
    }
}

fn shown(name: &str, value: &Value) -> String {
    match value {
        Value::Null => "not set".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) if DURATIONS.contains(&name) => match number.as_u64() {
            Some(nanos) => format!("{:?}", Duration::from_nanos(nanos)),
            None => number.to_string(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::stream::{Compression, ConsumerLimits};

    use super::*;

    fn desired() -> Config {
        Config {
            name: "auth-events".to_owned(),
            subjects: vec!["auth.user.*".to_owned(), "auth.extra".to_owned()],
            max_messages: 100_000,
            max_age: Duration::from_secs(604_800),
            duplicate_window: Duration::from_secs(600),
            num_replicas: 1,
            allow_direct: true,
            metadata: [("owner".to_owned(), "watchword".to_owned())].into(),
            ..Config::default()
        }
    }

    #[test]
    fn what_the_server_fills_in_is_no_drift() {
        let mut actual = desired();
        actual.max_bytes = -1;
        actual.max_consumers = -1;
        actual.max_message_size = -1;
        actual.max_messages_per_subject = -1;
        actual.compression = Some(Compression::None);
        actual.consumer_limits = Some(ConsumerLimits::default());
        actual.subjects.reverse();
        for key in ["_nats.ver", "_nats.level", "_nats.req.level"] {
            actual.metadata.insert(key.to_owned(), "5".to_owned());
        }
        assert_eq!(drift(&desired(), &actual), vec![]);
    }

    #[test]
    fn what_the_server_does_not_know_is_no_drift() {
        let wanted = Config { allow_atomic_publish: true, ..desired() };
        let mut actual = desired();
        for (level, known) in [(None, false), (Some("1"), false), (Some("2"), true), (Some("5"), true)] {
            actual.metadata.remove(SERVER_LEVEL);
            actual.metadata.extend(level.map(|level| (SERVER_LEVEL.to_owned(), level.to_owned())));
            assert_eq!(drift(&wanted, &actual).len(), usize::from(known), "{level:?}");
        }
    }

    #[test]
    fn each_differing_field_is_named_with_both_values() {
        let mut actual = desired();
        actual.max_messages = -1;
        actual.max_age = Duration::from_secs(3600);
        actual.allow_direct = false;
        actual.no_ack = true;
        actual.metadata.clear();
        let found = drift(&desired(), &actual);
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "allow_direct: not set instead of true",
                "max_age: 3600s instead of 604800s",
                "max_msgs: not set instead of 100000",
                "metadata.owner: not set instead of watchword",
                "no_ack: true instead of not set",
            ]
        );
    }
}
