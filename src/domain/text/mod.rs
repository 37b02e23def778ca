//! Rules for every text from a client.

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

/// Whether a character is invisible or changes the direction of writing: with such characters two
/// names can look the same.
#[must_use]
pub fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{e0000}'..='\u{e0fff}')
}
