//! W3C Trace Context: continues the trace of the incoming `traceparent`.

use std::fmt;

use poem::http::HeaderMap;

const TRACEPARENT: &str = "traceparent";
/// Length of a version 00 `traceparent`.
const LENGTH: usize = 55;
/// The number of random bytes of a new trace id and span id.
pub(super) const RANDOM: usize = 24;
/// The only flag that version 00 defines: the caller may have recorded the trace.
const SAMPLED: u8 = 1;

/// A trace and this request's span in it. Displays as a `traceparent` whose parent is this span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    flags: u8,
}

/// A trace id; displays as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

impl TraceContext {
    /// Continue the trace of the request's `traceparent` with a new span, or begin a trace if it is
    /// missing or malformed.
    pub(super) fn of(headers: &HeaderMap, fresh: [u8; RANDOM]) -> Self {
        let (new_trace_id, span_id) = split(fresh);
        let mut sent = headers.get_all(TRACEPARENT).iter();
        let parent = match (sent.next(), sent.next()) {
            (Some(value), None) => value.to_str().ok().and_then(parse),
            _ => None,
        };
        let (trace_id, flags) = parent.unwrap_or((new_trace_id, SAMPLED));
        Self { trace_id, span_id, flags }
    }

    /// The id of the whole trace.
    #[must_use]
    pub const fn trace_id(&self) -> TraceId {
        TraceId(self.trace_id)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{:016x}-{:02x}", self.trace_id(), u64::from_be_bytes(self.span_id), self.flags)
    }
}

fn split(fresh: [u8; RANDOM]) -> ([u8; 16], [u8; 8]) {
    let mut trace_id = [0; 16];
    let mut span_id = [0; 8];
    let (first, last) = fresh.split_at(16);
    trace_id.copy_from_slice(first);
    span_id.copy_from_slice(last);
    (trace_id, span_id)
}

/// Parse the trace id and flags of a `traceparent` of version 00, or of a later version, which may
/// be longer.
fn parse(value: &str) -> Option<([u8; 16], u8)> {
    let lower_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = value.splitn(5, '-');
    let (version, trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let well_formed = [(version, 2), (trace_id, 32), (span_id, 16), (flags, 2)]
        .iter()
        .all(|(part, length)| part.len() == *length && lower_hex(part));
    if !well_formed || version == "ff" || (version == "00" && value.len() != LENGTH) {
        return None;
    }
    let trace_id = u128::from_str_radix(trace_id, 16).ok().filter(|id| *id != 0)?;
    let span_id = u64::from_str_radix(span_id, 16).ok()?;
    let flags = u8::from_str_radix(flags, 16).ok()? & SAMPLED;
    (span_id != 0).then(|| (trace_id.to_be_bytes(), flags))
}
