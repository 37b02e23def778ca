//! Section `stream`: the configurable part of the JetStream stream's definition.

use std::time::Duration;

use humantime_serde::re::humantime::format_duration;
use serde::{Deserialize, Serialize};

use crate::config::loader::{Problems, parse};

/// How long JetStream remembers message ids. The stream's definition sets it; there is no key for
/// it. The server refuses a stream that keeps messages for a shorter time.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(600);

/// The subjects of auth events.
const EVENTS: &str = "auth.user.*";

/// The subjects of the dead-letter stream. Two streams cannot share a subject.
const DEAD_LETTERS: &str = "auth.dlq.*";

/// More frequent checks would load the server.
const MIN_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Maximum message size in the stream's definition, in bytes.
const MAX_MESSAGE_BYTES: i64 = 65_536;

/// The stream to which events are published.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSettings {
    /// Name of the stream.
    pub name: String,
    /// Subjects the stream stores.
    #[serde(deserialize_with = "parse::list")]
    pub subjects: Vec<String>,
    /// Maximum number of messages. -1 means no limit.
    pub max_msgs: i64,
    /// Maximum size in bytes. -1 means no limit.
    pub max_bytes: i64,
    /// How long the stream keeps a message. Zero means no limit.
    #[serde(with = "humantime_serde")]
    pub max_age: Duration,
    /// Number of replicas in a cluster: 1, 3 or 5.
    pub replicas: usize,
    /// Interval at which the leader checks the durable consumers. Zero turns the check off.
    #[serde(with = "humantime_serde")]
    pub consumer_check: Duration,
    /// How long a backlog larger than the stream waits in all for consumers to read.
    #[serde(with = "humantime_serde")]
    pub consumer_patience: Duration,
}

impl StreamSettings {
    pub(in crate::config) fn check(&self, problems: &mut Problems) {
        if self.name.is_empty()
            || self.name.len() > 255
            || self
                .name
                .contains(|c: char| matches!(c, '.' | '*' | '>' | '/' | '\\') || c.is_whitespace() || c.is_control())
        {
            problems.refuse(
                "stream.name",
                format!(
                    "must have 1 to 255 characters without spaces, '.', '*', '>', '/' and '\\'; got {:?}",
                    self.name
                ),
            );
        }
        self.check_subjects(problems);
        if self.max_msgs != -1 && self.max_msgs < 1 {
            problems.refuse(
                "stream.max_msgs",
                format!("must be at least 1, or -1 for no limit; got {}", self.max_msgs),
            );
        }
        if self.max_bytes != -1 && self.max_bytes < MAX_MESSAGE_BYTES {
            problems.refuse(
                "stream.max_bytes",
                format!(
                    "must be at least {MAX_MESSAGE_BYTES} (one message), or -1 for no limit; got {}",
                    self.max_bytes
                ),
            );
        }
        if !self.max_age.is_zero() && self.max_age < DUPLICATE_WINDOW {
            problems.refuse(
                "stream.max_age",
                format!(
                    "must be at least the duplicate window of {}; got {}",
                    format_duration(DUPLICATE_WINDOW),
                    format_duration(self.max_age)
                ),
            );
        }
        if !self.consumer_check.is_zero() && self.consumer_check < MIN_CHECK_INTERVAL {
            problems.refuse(
                "stream.consumer_check",
                format!(
                    "must be at least {}, or 0s to turn the check off; got {}",
                    format_duration(MIN_CHECK_INTERVAL),
                    format_duration(self.consumer_check)
                ),
            );
        }
        if ![1, 3, 5].contains(&self.replicas) {
            problems.refuse("stream.replicas", format!("must be 1, 3 or 5; got {}", self.replicas));
        }
    }

    fn check_subjects(&self, problems: &mut Problems) {
        const KEY: &str = "stream.subjects";
        for subject in &self.subjects {
            if !well_formed(subject) {
                problems.refuse(KEY, format!("{subject:?} is not a valid subject"));
            } else if covers(subject, DEAD_LETTERS) {
                problems.refuse(KEY, format!("{subject:?} overlaps {DEAD_LETTERS} of the dead-letter stream"));
            }
        }
        if !self.subjects.iter().any(|subject| covers(subject, EVENTS)) {
            problems.refuse(KEY, format!("must cover {EVENTS}, the subjects of auth events"));
        }
    }
}

/// Whether `subject` is a NATS subject, with wildcards as whole tokens and `>` last.
fn well_formed(subject: &str) -> bool {
    let mut tokens = subject.split('.').peekable();
    while let Some(token) = tokens.next() {
        let wildcard = token == "*" || (token == ">" && tokens.peek().is_none());
        if token.is_empty()
            || (!wildcard && token.contains(|c: char| c == '*' || c == '>' || c.is_whitespace() || c.is_control()))
        {
            return false;
        }
    }
    true
}

/// Whether `pattern` matches every subject that `wanted` matches.
fn covers(pattern: &str, wanted: &str) -> bool {
    let (mut pattern, mut wanted) = (pattern.split('.'), wanted.split('.'));
    loop {
        match (pattern.next(), wanted.next()) {
            (None, None) => return true,
            (Some(">"), Some(_)) => return true,
            (Some("*"), Some(token)) if token != ">" => {}
            (Some(mine), Some(theirs)) if mine == theirs => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{covers, well_formed};

    #[test]
    fn a_pattern_covers_the_subjects_that_it_matches() {
        for pattern in [
            "auth.user.*",
            "auth.user.>",
            "auth.>",
            "auth.*.*",
            "*.user.*",
            ">",
            "*.>",
        ] {
            assert!(covers(pattern, "auth.user.*"), "{pattern}");
        }
        for pattern in [
            "auth.user.registered",
            "auth.user",
            "auth.*",
            "auth.user.*.*",
            "auth.users.*",
            "",
        ] {
            assert!(!covers(pattern, "auth.user.*"), "{pattern}");
        }
        assert!(!covers("auth.*", "auth.>"));
    }

    #[test]
    fn malformed_subjects_are_refused() {
        for subject in ["a", "a.b", "a.*.c", "a.>", ">", "$JS.API"] {
            assert!(well_formed(subject), "{subject}");
        }
        for subject in ["", ".", "a.", "a..b", "a.>.b", "a.b*", "a b", "a.>x"] {
            assert!(!well_formed(subject), "{subject}");
        }
    }
}
