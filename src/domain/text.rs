//! What every text from outside has to satisfy.

use unicode_normalization::UnicodeNormalization as _;

/// Why a text was refused. The messages are for people and never repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing, or nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// Fewer code points than the minimum.
    #[error("must have at least {min} characters")]
    TooShort {
        /// Smallest number of code points.
        min: usize,
    },
    /// More code points than the maximum.
    #[error("must have at most {max} characters")]
    TooLong {
        /// Largest number of code points.
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
    /// The stable code of this refusal, as problem documents carry it.
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

/// Unicode normalization form C, with the bounds checked in code points after it.
///
/// # Errors
/// [`TextError`] when the text is out of bounds or has control characters.
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

/// True for characters that are invisible or change the direction of writing: they make two names look alike.
#[must_use]
pub fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}
