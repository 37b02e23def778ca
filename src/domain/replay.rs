//! Replays of events.

use std::fmt;
use std::str::FromStr;

use super::text::TextError;
use super::text_enum::text_enum;

const MAX_NAME_BYTES: usize = 40;

/// The name of a replay: 1 to 40 lower-case letters, digits and hyphens, so that it fits into a
/// subject and after an event's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayName(String);

impl ReplayName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReplayName {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(fits) {
            return Err(TextError::Form("must be 1 to 40 lower-case letters, digits and hyphens"));
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for ReplayName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

text_enum! {
    /// Where the copies go.
    ReplayTarget {
        /// The stream of replays. The copies are not in the event stream.
        Replays = "replays",
        /// The event stream: every subscriber gets the copies.
        Everyone = "everyone",
    }
}
text_enum! {
    /// What runs a replay.
    ReplayOrigin {
        /// `watchword events replay`, which continues the replay when it is run again.
        Command = "command",
        /// An instance of the service, or another one after it ends.
        Service = "service",
    }
}
text_enum! {
    ReplayState {
        /// Running, or waiting for an instance to run it.
        Running = "running",
        /// Interrupted by the operator.
        Stopped = "stopped",
        Done = "done",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_into_a_subject() {
        for good in ["a", "backfill-2026-11", "0", &"x".repeat(40)] {
            assert_eq!(good.parse::<ReplayName>().unwrap().as_str(), good);
        }
        for bad in ["", "A", "a.b", "a b", "*", "ä", &"x".repeat(41)] {
            assert!(bad.parse::<ReplayName>().is_err(), "{bad}");
        }
    }
}
