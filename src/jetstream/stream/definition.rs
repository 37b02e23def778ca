//! The one definition of the event stream: `nats/streams/auth-events.json`, embedded, with what the
//! configuration may change.

use async_nats::jetstream::stream::Config;
use serde_json::{Map, Value, json};
use watchword_events::USER_EVENTS;

use crate::config::StreamSettings;
use crate::domain::ids::StreamSeq;
use crate::jetstream::{connection::ServerVersion, error::NatsError};

/// The nats CLI takes the same file.
const DEFINITION: &str = include_str!("../../../nats/streams/auth-events.json");

/// The definition with `stream.*` of the settings.
///
/// # Errors
///
/// [`NatsError::Definition`] when the embedded file is not a stream configuration.
pub fn desired(settings: &StreamSettings) -> Result<Config, NatsError> {
    let definition: Config = serde_json::from_str(DEFINITION).map_err(NatsError::Definition)?;
    Ok(Config {
        name: settings.name.clone(),
        subjects: settings.subjects.clone(),
        max_messages: settings.max_msgs,
        max_bytes: settings.max_bytes,
        max_age: settings.max_age,
        num_replicas: settings.replicas,
        ..definition
    })
}

/// The definition with which a missing stream is created, if it may be: at 1 on a server that would
/// not keep it otherwise.
pub(crate) fn with_first_sequence(
    desired: &Config,
    first: Option<StreamSeq>,
    version: ServerVersion,
) -> Option<Config> {
    let first_sequence = Some(first?.get()).filter(|first| *first > 1 && version.keeps_first_sequence());
    Some(Config { first_sequence, ..desired.clone() })
}

const REPLAYS: &str = include_str!("../../../nats/streams/auth-events-replays.json");

/// The stream that takes the replays of a stream's events: of the same name with `-replays`.
///
/// # Errors
///
/// [`NatsError::Definition`] when the embedded file is not a stream configuration.
pub(crate) fn replays(events: &Config) -> Result<Config, NatsError> {
    let definition: Config = serde_json::from_str(REPLAYS).map_err(NatsError::Definition)?;
    Ok(Config {
        name: format!("{}-replays", events.name),
        num_replicas: events.num_replicas,
        ..definition
    })
}

/// The same as JSON that `nats stream add --config` takes.
///
/// # Errors
///
/// [`NatsError::Definition`] when the embedded file is not JSON.
pub fn document(settings: &StreamSettings) -> Result<Value, NatsError> {
    let mut definition: Map<String, Value> = serde_json::from_str(DEFINITION).map_err(NatsError::Definition)?;
    definition.extend([
        ("name".to_owned(), json!(settings.name)),
        ("subjects".to_owned(), json!(settings.subjects)),
        ("max_msgs".to_owned(), json!(settings.max_msgs)),
        ("max_bytes".to_owned(), json!(settings.max_bytes)),
        (
            "max_age".to_owned(),
            json!(u64::try_from(settings.max_age.as_nanos()).unwrap_or(u64::MAX)),
        ),
        ("num_replicas".to_owned(), json!(settings.replicas)),
    ]);
    Ok(definition.into())
}

/// Find a subject that the stream has to take and does not. The event stream has to take what
/// happened to accounts; without the other subjects it is usable, as a stream made for
/// `auth.user.*` alone is: events that it does not take stay in the ledger.
pub(crate) fn uncovered<'a>(desired: &'a Config, actual: &Config) -> Option<&'a str> {
    let takes = |stream: &Config, subject: &str| stream.subjects.iter().any(|pattern| covers(pattern, subject));
    if takes(desired, USER_EVENTS) {
        return (!takes(actual, USER_EVENTS)).then_some(USER_EVENTS);
    }
    desired.subjects.iter().map(String::as_str).find(|subject| !takes(actual, subject))
}

/// Whether every subject that matches `wanted` matches `pattern` too.
pub(crate) fn covers(pattern: &str, wanted: &str) -> bool {
    let (mut pattern, mut wanted) = (pattern.split('.'), wanted.split('.'));
    loop {
        match (pattern.next(), wanted.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            (Some("*"), Some(token)) if token != ">" => {}
            (Some(mine), Some(theirs)) if mine == theirs => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_nats::jetstream::stream::{DiscardPolicy, RetentionPolicy, StorageType};
    use watchword_events::SUBJECT_FILTERS;

    use super::*;

    fn settings() -> StreamSettings {
        StreamSettings {
            name: "auth-events".to_owned(),
            subjects: SUBJECT_FILTERS.map(str::to_owned).into(),
            max_msgs: 100_000,
            max_bytes: 104_857_600,
            max_age: Duration::from_secs(604_800),
            replicas: 1,
            consumer_check: Duration::from_secs(10),
            consumer_patience: Duration::from_secs(120),
        }
    }

    #[test]
    fn the_defaults_of_the_settings_are_the_definition() {
        let definition: Config = serde_json::from_str(DEFINITION).unwrap();
        let desired = desired(&settings()).unwrap();
        assert_eq!(desired, definition);
        assert_eq!(desired.retention, RetentionPolicy::Limits);
        assert_eq!(desired.storage, StorageType::File);
        assert_eq!(desired.discard, DiscardPolicy::Old);
        assert_eq!(desired.duplicate_window, Duration::from_secs(600));
        assert_eq!(desired.max_message_size, 65_536);
        assert!(desired.allow_direct && desired.allow_atomic_publish && !desired.deny_delete);
    }

    #[test]
    fn the_settings_override_the_definition() {
        let chosen = StreamSettings {
            name: "other".to_owned(),
            max_msgs: -1,
            replicas: 3,
            ..settings()
        };
        let desired = desired(&chosen).unwrap();
        assert_eq!((desired.name.as_str(), desired.max_messages, desired.num_replicas), ("other", -1, 3));
    }

    #[test]
    fn the_document_is_the_definition_that_is_applied() {
        let chosen = StreamSettings {
            name: "other".to_owned(),
            max_age: Duration::from_secs(3600),
            replicas: 3,
            ..settings()
        };
        for settings in [settings(), chosen] {
            let read: Config = serde_json::from_value(document(&settings).unwrap()).unwrap();
            assert_eq!(read, desired(&settings).unwrap());
        }
    }

    #[test]
    fn a_stream_has_to_take_what_happens_to_accounts() {
        let desired = desired(&settings()).unwrap();
        let with = |subjects: &[&str]| Config {
            subjects: subjects.iter().map(ToString::to_string).collect(),
            ..desired.clone()
        };
        for fine in [
            &["auth.user.*"][..],
            &["auth.>"],
            &["x", "auth.user.>"],
            &["*.*.*"],
            &[">"],
        ] {
            assert_eq!(uncovered(&desired, &with(fine)), None, "{fine:?}");
        }
        for wrong in [
            &["auth.user.registered"][..],
            &["auth.custom.*", "auth.*"],
            &["auth.user"],
            &[],
        ] {
            assert_eq!(uncovered(&desired, &with(wrong)), Some("auth.user.*"), "{wrong:?}");
        }
        let replays = super::replays(&desired).unwrap();
        assert_eq!(uncovered(&replays, &with(&["auth.replay.*"])), Some("auth.replay.*.*"));
    }
}
