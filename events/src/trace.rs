//! W3C Trace Context: the `traceparent` value
//! (<https://www.w3.org/TR/trace-context/#traceparent-header>).

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;

/// The position of a message or a request in a distributed trace.
///
/// Parsing accepts exactly what the specification accepts: lower-case hexadecimal, no all-zero ids,
/// and of a version newer than `00` the fields of `00`. Formatting writes version `00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace_id: NonZeroU128,
    span_id: NonZeroU64,
    sampled: bool,
}

/// The error of a text that is not a valid `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid traceparent")]
pub struct ParseTraceParentError;

impl TraceParent {
    /// Begins a trace with random ids. An all-zero id, which the specification forbids, becomes 1.
    #[must_use]
    pub fn new(trace_id: [u8; 16], span_id: [u8; 8], sampled: bool) -> Self {
        Self {
            trace_id: NonZeroU128::new(u128::from_be_bytes(trace_id)).unwrap_or(NonZeroU128::MIN),
            span_id: span(span_id),
            sampled,
        }
    }

    /// Returns a child span in the same trace. `span_id` is the child's own id.
    #[must_use]
    pub fn child(self, span_id: [u8; 8]) -> Self {
        Self { span_id: span(span_id), ..self }
    }

    /// Returns the trace's id as 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// Returns the id of the span that wrote this value, as 16 lower-case hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span_id)
    }

    /// Whether the caller may have recorded the trace.
    #[must_use]
    pub const fn sampled(&self) -> bool {
        self.sampled
    }
}

fn span(id: [u8; 8]) -> NonZeroU64 {
    NonZeroU64::new(u64::from_be_bytes(id)).unwrap_or(NonZeroU64::MIN)
}

impl fmt::Display for TraceParent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

impl FromStr for TraceParent {
    type Err = ParseTraceParentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or(ParseTraceParentError)
    }
}

fn parse(text: &str) -> Option<TraceParent> {
    let mut parts = text.split('-');
    let version = hex(parts.next()?, 2)?;
    let trace_id = hex(parts.next()?, 32)?;
    let span_id = hex(parts.next()?, 16)?;
    let flags = hex(parts.next()?, 2)?;
    // Version ff is forbidden. Version 00 ends here; a later one may continue after another dash.
    if version == 0xff || (version == 0 && parts.next().is_some()) {
        return None;
    }
    Some(TraceParent {
        trace_id: NonZeroU128::new(trace_id)?,
        span_id: NonZeroU64::new(u64::try_from(span_id).ok()?)?,
        sampled: flags & 1 == 1,
    })
}

/// Parses exactly `digits` lower-case hexadecimal digits. `from_str_radix` alone would accept `+`
/// and upper case.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let plain = text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    plain.then(|| u128::from_str_radix(text, 16).ok())?
}
