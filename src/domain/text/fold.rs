//! The form in which texts are compared and searched: what only differs in case, in width, in how
//! it is composed or in invisible characters is the same.

use icu_casemap::{CaseMapper, CaseMapperBorrowed};
use unicode_normalization::UnicodeNormalization as _;
use unicode_security::skeleton;

use super::{is_deceptive, is_variation_selector};

const CASES: CaseMapperBorrowed<'static> = CaseMapper::new();

/// Fold case by all of Unicode's rules, in compatibility form: `STRASSE` and `straße` are the same,
/// `ΝΊΚΟΣ` and `Νίκος`, `ＡＤＡ` and `ada`.
#[must_use]
pub fn fold(text: &str) -> String {
    let visible: String = text.nfkc().filter(|c| !is_deceptive(*c) && !is_variation_selector(*c)).collect();
    CASES.fold_string(&visible).nfkc().collect()
}

/// Replace the letters of other scripts that look like ASCII by ASCII (UTS 39), in a folded text.
/// ASCII stays what it is: `modern` and `modem` are two names.
#[must_use]
pub(in crate::domain) fn without_look_alikes(folded: &str) -> String {
    let mut text = String::with_capacity(folded.len());
    for c in folded.chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            text.extend(skeleton(c.encode_utf8(&mut [0; 4])));
        }
    }
    // A prototype may be a capital.
    CASES.fold_string(&text).nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_differs_in_case_or_form_is_the_same() {
        for (one, other) in [
            ("Νίκος", "ΝΊΚΟΣ"),
            ("straße", "STRASSE"),
            ("STRAẞE", "strasse"),
            ("ａｄａ", "Ada"),
            ("ﬁona", "FIONA"),
            ("e\u{301}va", "Éva"),
            ("علی\u{200c}رضا", "علیرضا"),
            ("ｶﾞ", "ガ"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        assert_ne!(fold("Øre"), fold("Ore"));
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for text in ["ΐ", "İstanbul", "ŉ", "ǰ", "ﬃ", "Ⅷ", "K", "ſ", "\u{345}α"] {
            let once = fold(text);
            assert_eq!(fold(&once), once, "{text}");
        }
    }

    #[test]
    fn other_scripts_do_not_pass_for_ascii() {
        assert_eq!(without_look_alikes(&fold("аdmin")), "admin");
        assert_eq!(without_look_alikes(&fold("сосо")), "coco");
        assert_eq!(without_look_alikes(&fold("adm\u{131}n")), "admin");
        assert_eq!(without_look_alikes("modern"), "modern");
        assert_eq!(without_look_alikes("modem"), "modem");
        assert_eq!(without_look_alikes(&fold("Éva")), fold("éva"));
    }
}
