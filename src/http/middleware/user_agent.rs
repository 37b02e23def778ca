//! Takes the user agent from the client and makes it safe to store.

use poem::http::HeaderMap;
use poem::http::header::USER_AGENT;

const MAX_CHARS: usize = 256;

/// Return the first 256 characters of `User-Agent` that are not control characters; `None` when
/// nothing is left.
pub(super) fn of(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(USER_AGENT)?.as_bytes();
    if value.len() <= MAX_CHARS
        && value.iter().all(|byte| matches!(byte, b' '..=b'~'))
        && value.trim_ascii().len() == value.len()
        && !value.is_empty()
    {
        return String::from_utf8(value.to_vec()).ok();
    }
    let text = String::from_utf8_lossy(value);
    let kept: String = text.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}
