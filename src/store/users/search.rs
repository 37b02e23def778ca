//! The text that searches for users cover, and the pattern of a search.
//!
//! `PostgreSQL` finds a pattern in its index by three characters of it that follow one another, of
//! which two may be the space before a word. So one or two letters are found where a word begins.
//! Chinese, Japanese and Korean names are written without spaces: each of their signs is a word.

use unicode_security::mixed_script::AugmentedScriptSet;

use crate::domain::text::fold::fold;
use crate::domain::user::User;
use crate::domain::user::display_name::DisplayName;
use crate::domain::user::username::Username;

/// A shorter search begins where a word does.
const MIN_ANYWHERE: usize = 3;

/// Return what searches cover: the address as it was written and in its canonical form, the
/// username and the names.
pub(super) fn text(user: &User) -> String {
    let username = user.username.as_ref().map(Username::as_str);
    let name = user.name.as_ref().map(DisplayName::as_str);
    let mut text = String::new();
    for part in std::iter::once(user.email.as_str())
        .chain(username)
        .chain(name)
        .chain(user.profile.names())
    {
        text.push_str(&words(part));
    }
    let canonical = words(user.email.canonical());
    if !text.starts_with(&canonical) {
        text.push_str(&canonical);
    }
    text
}

/// Return the pattern of texts that a search finds.
pub(super) fn pattern(search: &str) -> String {
    let words = words(search);
    let term = words.trim_start();
    let is_short = term.chars().count() < MIN_ANYWHERE;
    let begins_a_word = is_short || term.chars().next().is_some_and(is_word);
    let mut pattern = String::from("%");
    for c in if begins_a_word { &words } else { term }.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Return the folded words, each behind a space.
fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len() + 1);
    let mut is_at_word = true;
    for c in fold(text).chars() {
        if c.is_whitespace() {
            is_at_word = true;
            continue;
        }
        if is_at_word || is_word(c) {
            words.push(' ');
        }
        words.push(c);
        is_at_word = is_word(c);
    }
    words
}

/// Whether the character is a word for itself.
fn is_word(c: char) -> bool {
    let scripts = AugmentedScriptSet::for_char(c);
    !c.is_ascii() && !scripts.is_all() && (scripts.jpan || scripts.kore || scripts.hanb)
}

#[cfg(test)]
mod tests {
    use super::{pattern, words};

    #[test]
    fn a_pattern_means_what_was_typed() {
        assert_eq!(pattern("Ada_L%"), "%ada\\_l\\%%");
        assert_eq!(pattern("a\\b"), "%a\\\\b%");
        assert_eq!(pattern("ada  l"), "%ada l%");
    }

    #[test]
    fn short_searches_begin_where_a_word_does() {
        assert_eq!(pattern("Ad"), "% ad%");
        assert_eq!(pattern("王芳"), "% 王 芳%");
        assert_eq!(pattern("小"), "% 小%");
    }

    #[test]
    fn every_sign_of_a_name_without_spaces_is_a_word() {
        assert_eq!(words("李小龙"), " 李 小 龙");
        assert_eq!(words("Ada  LOVELACE"), " ada lovelace");
        assert_eq!(words("김철수kim"), " 김 철 수 kim");
    }
}
