//! JSON Pointers (RFC 6901) into a request body.

use std::fmt::Write as _;

/// Longest name from the client that a pointer repeats.
const MAX_ECHOED_NAME: usize = 32;

/// One step of a path into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    Index(usize),
}

/// Write a path as a pointer; empty for the whole value.
///
/// Names come from the client and are repeated only if they look like field names: the pointer ends
/// before the first one that does not, and so names the object that contains it.
pub(super) fn render(steps: &[Step]) -> String {
    let mut pointer = String::new();
    for step in steps {
        match step {
            Step::Field(name) if is_plain(name) => {
                pointer.push('/');
                pointer.push_str(name);
            }
            Step::Field(_) => break,
            Step::Index(index) => {
                // Writing to a string does not fail.
                let _ = write!(pointer, "/{index}");
            }
        }
    }
    pointer
}

/// The pointer to the field of this name; empty if the name does not look like one.
pub(crate) fn pointer_to(name: &str) -> String {
    render(&[Step::Field(name.to_owned())])
}

/// Whether a name looks like a field name and needs no escapes in a pointer.
pub(crate) fn is_plain(name: &str) -> bool {
    (1..=MAX_ECHOED_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
