//! Versions of the program, as far as migrations compare them.

/// Major, minor and patch number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version([u64; 3]);

impl Version {
    /// Parse `1.2.3`, with or without a suffix: a pre-release has the schema of its release.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let numbers = text.split(['-', '+']).next()?;
        let mut parts = numbers.split('.').map(|part| part.parse().ok());
        let version = Self([parts.next()??, parts.next()??, parts.next()??]);
        parts.next().is_none().then_some(version)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn numbers_are_compared_as_numbers() {
        let version = |text| Version::parse(text).expect("a version");
        assert!(version("0.10.0") > version("0.9.12"));
        assert!(version("1.0.0") > version("0.99.99"));
        assert_eq!(version("1.2.3-rc.1"), version("1.2.3+build"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "1", "1.2", "1.2.3.4", "a.b.c", "1..3"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
