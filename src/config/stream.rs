//! Section `stream`: what of the JetStream stream's definition may be chosen.

use std::time::Duration;

use humantime_serde::re::humantime::format_duration;
use serde::{Deserialize, Serialize};

use super::{Problems, parse};

/// How long JetStream remembers message ids. It is part of the stream's definition and not a key here;
/// a stream that keeps messages for a shorter time is refused by the server.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(600);

/// The subjects every auth event is published to.
const EVENTS: &str = "auth.user.*";

/// The subjects of the dead-letter stream; two streams may not share a subject.
const DEAD_LETTERS: &str = "auth.dlq.*";

/// More often would be a load on the server.
const SHORTEST_CHECK: Duration = Duration::from_secs(1);

/// Largest message of the stream's definition, in bytes.
const MAX_MESSAGE_BYTES: i64 = 65_536;

/// The stream that carries the events.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSettings {
    /// Name of the stream.
    pub name: String,
    /// Subjects the stream stores.
    #[serde(deserialize_with = "parse::list")]
    pub subjects: Vec<String>,
    /// Most messages kept; -1 for no limit.
    pub max_msgs: i64,
    /// Most bytes kept; -1 for no limit.
    pub max_bytes: i64,
    /// Longest time a message is kept; zero for no limit.
    #[serde(with = "humantime_serde")]
    pub max_age: Duration,
    /// Copies in a cluster: 1, 3 or 5.
    pub replicas: usize,
    /// How often the leading instance looks how far the durables are; zero for never.
    #[serde(with = "humantime_serde")]
    pub consumer_check: Duration,
}

impl StreamSettings {
    pub(super) fn check(&self, problems: &mut Problems) {
        if self.name.is_empty()
            || self.name.len() > 255
            || self
                .name
                .contains(|c: char| matches!(c, '.' | '*' | '>' | '/' | '\\') || c.is_whitespace() || c.is_control())
        {
            problems.refuse(
                "stream.name",
                format!(
                    "must be 1 to 255 characters without spaces, '.', '*', '>', '/' or '\\', is {:?}",
                    self.name
                ),
            );
        }
        self.check_subjects(problems);
        if self.max_msgs != -1 && self.max_msgs < 1 {
            problems.refuse(
                "stream.max_msgs",
                format!("must be 1 or more, or -1 for no limit, is {}", self.max_msgs),
            );
        }
        if self.max_bytes != -1 && self.max_bytes < MAX_MESSAGE_BYTES {
            problems.refuse(
                "stream.max_bytes",
                format!(
                    "must hold one message ({MAX_MESSAGE_BYTES}), or be -1 for no limit, is {}",
                    self.max_bytes
                ),
            );
        }
        if !self.max_age.is_zero() && self.max_age < DUPLICATE_WINDOW {
            problems.refuse(
                "stream.max_age",
                format!(
                    "must be at least the duplicate window of {}, is {}",
                    format_duration(DUPLICATE_WINDOW),
                    format_duration(self.max_age)
                ),
            );
        }
        if !self.consumer_check.is_zero() && self.consumer_check < SHORTEST_CHECK {
            problems.refuse(
                "stream.consumer_check",
                format!(
                    "must be at least {}, or 0s for never, is {}",
                    format_duration(SHORTEST_CHECK),
                    format_duration(self.consumer_check)
                ),
            );
        }
        if ![1, 3, 5].contains(&self.replicas) {
            problems.refuse("stream.replicas", format!("must be 1, 3 or 5, is {}", self.replicas));
        }
    }

    fn check_subjects(&self, problems: &mut Problems) {
        const KEY: &str = "stream.subjects";
        for subject in &self.subjects {
            if !well_formed(subject) {
                problems.refuse(KEY, format!("{subject:?} is not a subject"));
            } else if covers(subject, DEAD_LETTERS) {
                problems.refuse(
                    KEY,
                    format!("{subject:?} takes {DEAD_LETTERS} too, which belongs to the dead-letter stream"),
                );
            }
        }
        if !self.subjects.iter().any(|subject| covers(subject, EVENTS)) {
            problems.refuse(
                KEY,
                format!("must cover {EVENTS}, or events would have no stream to go to"),
            );
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

/// Whether every subject that `wanted` matches is matched by `pattern` as well.
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
    fn a_pattern_covers_what_it_matches_entirely() {
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
    fn subjects_are_recognised() {
        for subject in ["a", "a.b", "a.*.c", "a.>", ">", "$JS.API"] {
            assert!(well_formed(subject), "{subject}");
        }
        for subject in ["", ".", "a.", "a..b", "a.>.b", "a.b*", "a b", "a.>x"] {
            assert!(!well_formed(subject), "{subject}");
        }
    }
}
