//! JSON Pointers (RFC 6901) into a request body.

use std::fmt::Write as _;

/// Longest field name of the client's own that a pointer repeats.
const MAX_ECHOED_NAME: usize = 32;

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    Index(usize),
}

/// Writes `steps` as a pointer; empty for the whole value.
///
/// Names that come from the client are repeated only when they look like field names: at the first one that does not, the pointer
/// ends, so that it names the object around it.
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

/// The pointer to a field by a name that comes from the client; empty when the name does not look like one.
pub(crate) fn pointer_to(name: &str) -> String {
    render(&[Step::Field(name.to_owned())])
}

/// A name that needs no escape in a pointer and can hardly be anything but a field's name.
fn is_plain(name: &str) -> bool {
    (1..=MAX_ECHOED_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
