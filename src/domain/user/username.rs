//! Usernames: an identifier for logins besides the email address.

use std::str::FromStr;

use unicode_normalization::char::is_combining_mark;
use unicode_security::mixed_script::AugmentedScriptSet;

use super::personal_text::personal_text;
use crate::domain::text::fold::{fold, without_look_alikes};
use crate::domain::text::{self, TextError};

const MIN_LENGTH: usize = 3;
const MAX_LENGTH: usize = 50;

personal_text! {
    /// A username: 3 to 50 letters, digits, `.`, `_` or `-`, starting and ending with a letter or
    /// digit, in one script. Case does not count, nor does a letter of another script that looks
    /// like an ASCII one.
    Username { text, canonical }
}

impl FromStr for Username {
    type Err = TextError;

    fn from_str(name: &str) -> Result<Self, TextError> {
        let text = text::normalize(&text::narrow(text::trim(name)), MIN_LENGTH, MAX_LENGTH)?;
        let is_part = |c: char| {
            c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '.' | '_' | '-' | '\u{200c}' | '\u{200d}')
        };
        let is_end = |c: char| c.is_alphanumeric() || is_combining_mark(c);
        let is_framed = text.starts_with(char::is_alphanumeric) && text.ends_with(is_end);
        if !text.chars().all(is_part) || !is_framed || text::has_deceptive(&text) {
            return Err(TextError::Form(
                "must be letters, digits, '.', '_' or '-', and start and end with a letter or digit",
            ));
        }
        if !is_in_one_script(&text) {
            return Err(TextError::Form("must be in one script: letters of two scripts can look the same"));
        }
        let canonical = canonical(&text);
        Ok(Self { text, canonical })
    }
}

/// Return the canonical form of a name as a login submits it, whether or not it is valid.
pub(super) fn canonical(text: &str) -> String {
    without_look_alikes(&fold(text))
}

/// Whether all letters are of one script, as UTS 39 counts: Japanese, Korean and Chinese are
/// written in several, and with Latin letters (its level "highly restrictive").
fn is_in_one_script(text: &str) -> bool {
    let all = AugmentedScriptSet::for_str(text);
    let others: String = text.chars().filter(|c| !c.is_ascii()).collect();
    let others = AugmentedScriptSet::for_str(&others);
    !all.is_empty() || others.jpan || others.kore || others.hanb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_script_are_taken() {
        for name in [
            "ada.l_1-x",
            "Νίκος",
            "हिन्दी",
            "สมชาย",
            "สมศรี์",
            "علی\u{200c}رضا",
            "김철수",
            "山田taro",
            "たろうカナ",
            "ᏣᎳᎩ",
            "Åsa",
            "නිමල්",
        ] {
            name.parse::<Username>().expect(name);
        }
    }

    #[test]
    fn names_that_pass_for_others_are_refused_or_the_same() {
        for name in ["pаypal", "gооgle", "ad\u{200b}a", "a\u{202e}da", "αdmin"] {
            name.parse::<Username>().expect_err(name);
        }
        let canonical = |name: &str| name.parse::<Username>().expect(name).canonical().to_owned();
        assert_eq!(canonical("сосо"), canonical("COCO"));
        assert_eq!(canonical("adm\u{131}n"), canonical("admin"));
        assert_eq!(canonical("ΝΊΚΟΣ"), canonical("Νίκος"));
        assert_ne!(canonical("modern"), canonical("modem"));
    }
}
