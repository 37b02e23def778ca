//! The version of a nats-server, and the versions from which features are available.

use std::{fmt, str::FromStr};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion {
    major: u32,
    minor: u32,
    patch: u32,
}

impl ServerVersion {
    /// An older server ignores fields that it does not know, so that filters and limits would
    /// silently not apply.
    pub const OLDEST: Self = Self::new(2, 10, 0);
    /// The first server that stores a batch as a whole, also when it is killed meanwhile, and finds
    /// duplicate ids inside it (NATS ADR-50, revision 6).
    pub const ATOMIC_BATCH: Self = Self::new(2, 12, 2);

    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Whether a stream that does not begin at 1 survives a restart of this server: an older one
    /// empties it (nats-server issue 6753).
    #[must_use]
    pub fn keeps_first_sequence(self) -> bool {
        self >= Self::new(2, 11, 2) || (self >= Self::new(2, 10, 28) && self < Self::new(2, 11, 0))
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a server version")]
pub struct NotAVersion(String);

impl FromStr for ServerVersion {
    type Err = NotAVersion;

    /// Parse `2.15.1`, and take `2.15.0-dev` or `v2.15.0-RC.1` for 2.15.0.
    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let refused = || NotAVersion(text.to_owned());
        let plain = text.trim().trim_start_matches('v');
        let plain = plain.split(['-', '+']).next().unwrap_or_default();
        let mut parts = plain.split('.').map(|part| part.parse::<u32>().ok());
        let mut next = || parts.next().flatten().ok_or_else(refused);
        Ok(Self::new(next()?, next()?, next()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_parsed_and_ordered() {
        let read = |text: &str| text.parse::<ServerVersion>().ok();
        assert_eq!(read("2.15.1"), Some(ServerVersion::new(2, 15, 1)));
        assert_eq!(read("v2.15.0-dev"), Some(ServerVersion::new(2, 15, 0)));
        assert_eq!(read("2.12.1-RC.2+meta"), Some(ServerVersion::new(2, 12, 1)));
        assert_eq!(read("2.10"), None);
        assert_eq!(read(""), None);
        assert!(read("2.9.25") < Some(ServerVersion::OLDEST));
        assert!(read("2.12.1") < Some(ServerVersion::ATOMIC_BATCH));
        assert!(read("3.0.0") > Some(ServerVersion::ATOMIC_BATCH));
    }

    #[test]
    fn streams_that_begin_later_are_for_versions_that_keep_them() {
        for (version, keeps) in [
            ((2, 10, 0), false),
            ((2, 10, 27), false),
            ((2, 10, 28), true),
            ((2, 11, 0), false),
            ((2, 11, 1), false),
            ((2, 11, 2), true),
            ((2, 15, 1), true),
        ] {
            let (major, minor, patch) = version;
            assert_eq!(ServerVersion::new(major, minor, patch).keeps_first_sequence(), keeps, "{version:?}");
        }
    }
}
