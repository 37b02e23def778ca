//! Rules for every text from a client.

pub mod fold;
pub mod prefixes;

use unicode_normalization::UnicodeNormalization as _;

/// Why a text was refused. The messages are public and never repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Empty, or only white space.
    #[error("must not be empty")]
    Empty,
    #[error("must have at least {min} characters")]
    TooShort {
        /// In code points.
        min: usize,
    },
    #[error("must have at most {max} characters")]
    TooLong {
        /// In code points.
        max: usize,
    },
    /// A control character, NUL included.
    #[error("must not contain control characters")]
    Control,
    /// Not of the expected form.
    #[error("{0}")]
    Form(&'static str),
}

impl TextError {
    /// The stable code in problem documents.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooShort { .. } => "too_short",
            Self::TooLong { .. } => "too_long",
            Self::Control => "control_character",
            Self::Form(_) => "invalid_format",
        }
    }
}

/// Normalize to Unicode form C, and check the bounds in code points after that.
pub fn normalize(text: &str, min: usize, max: usize) -> Result<String, TextError> {
    if text.chars().any(char::is_control) {
        return Err(TextError::Control);
    }
    let text: String = text.nfc().collect();
    let length = text.chars().count();
    if length == 0 || text.chars().all(char::is_whitespace) {
        return Err(TextError::Empty);
    }
    if length < min {
        return Err(TextError::TooShort { min });
    }
    if length > max {
        return Err(TextError::TooLong { max });
    }
    Ok(text)
}

/// Remove what a keyboard or the clipboard adds at both ends: white space and invisible characters.
#[must_use]
pub fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_deceptive(c))
}

/// Replace the wide forms of ASCII, which keyboards for East Asian scripts type, by ASCII.
#[must_use]
pub fn narrow(text: &str) -> String {
    const OFFSET: u32 = '\u{ff01}' as u32 - '!' as u32;
    let narrowed = |c| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - OFFSET).unwrap_or(c),
        other => other,
    };
    text.chars().map(narrowed).collect()
}

/// Whether a character is invisible or changes the direction of writing: with such characters two
/// names can look the same.
#[must_use]
pub fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a text has a deceptive character where its script does not need it. Persian, Kurdish and
/// many scripts of India spell words with joiners, and emoji are joined or tagged.
#[must_use]
pub fn has_deceptive(text: &str) -> bool {
    let mut previous = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let is_needed = match c {
            '\u{200c}' | '\u{200d}' => {
                let is_joined = |c: &char| !c.is_ascii() && !is_deceptive(*c) && !c.is_whitespace();
                previous.as_ref().is_some_and(is_joined) && rest.peek().is_some_and(is_joined)
            }
            // A flag of a region: a black flag with tags.
            '\u{e0020}'..='\u{e007f}' => previous.is_some_and(|c| matches!(c, '\u{1f3f4}' | '\u{e0020}'..='\u{e007e}')),
            other => !is_deceptive(other),
        };
        if !is_needed {
            return true;
        }
        previous = Some(c);
    }
    false
}

pub(crate) const fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_as_their_owners_spell_them() {
        for name in [
            "علی\u{200c}رضا",
            "ශ්\u{200d}රී",
            "👩\u{200d}🚒",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "O’Brien",
            "ג׳ורג׳",
        ] {
            assert!(!has_deceptive(name), "{name}");
        }
        for name in ["ad\u{200d}a", "a\u{200b}b", "\u{202e}ada", "ada\u{200c}", "e\u{e0067}"] {
            assert!(has_deceptive(name), "{}", name.escape_unicode());
        }
    }

    #[test]
    fn what_the_clipboard_adds_is_removed() {
        assert_eq!(trim("\u{feff} ada\u{a0}\u{200b}\r\n"), "ada");
        assert_eq!(narrow("ａｄａ＠ｅ．ｃｏｍ"), "ada@e.com");
    }
}
