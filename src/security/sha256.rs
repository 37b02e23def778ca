//! SHA-256, and the tags made with it, as arrays.

use aws_lc_rs::digest;

pub(super) fn sha256(text: &str) -> [u8; 32] {
    array(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// Copy the 32 bytes of a digest or a tag.
pub(super) fn array(bytes: &[u8]) -> [u8; 32] {
    let mut array = [0_u8; 32];
    // Both have 32 bytes; `zip` copies them without an index.
    array.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    array
}
