//! What a replay of events is, wherever it was asked for.

use std::fmt;
use std::str::FromStr;

use super::text::TextError;

/// The longest name, in bytes.
const LONGEST: usize = 40;

/// The name of a replay: 1 to 40 small letters, digits and hyphens, so that it can stand in a subject and behind an event's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayName(String);

impl ReplayName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReplayName {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > LONGEST || !name.bytes().all(fits) {
            return Err(TextError::Form("must be 1 to 40 small letters, digits and hyphens"));
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for ReplayName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$of])* $variant,)+
        }

        impl $name {
            /// The word for it in the database and on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = TextError;

            fn from_str(word: &str) -> Result<Self, TextError> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(TextError::Form("is not one of the known words")),
                }
            }
        }
    };
}

words! {
    /// Who takes the copies.
    ReplayTarget {
        /// Whoever reads the stream of replays. The copies are not in the event stream.
        Replays = "replays",
        /// Every subscriber of the event stream, once more.
        Everyone = "everyone",
    }
}
words! {
    /// Who runs a replay.
    ReplayOrigin {
        /// `watchword events replay`, which goes on with it when it is run again.
        Command = "command",
        /// An instance of the service; another one when that one ends.
        Service = "service",
    }
}
words! {
    /// Where a replay stands.
    ReplayState {
        /// Events are being sent, or will be.
        Running = "running",
        /// Interrupted by whoever ran it.
        Stopped = "stopped",
        /// Every event has been sent.
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
