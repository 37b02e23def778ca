//! W3C trace context.

use watchword_events::TraceParent;

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID: &str = "00f067aa0ba902b7";

#[test]
fn values_that_the_specification_allows_are_parsed() {
    for (text, sampled) in [
        (format!("00-{TRACE_ID}-{SPAN_ID}-01"), true),
        (format!("00-{TRACE_ID}-{SPAN_ID}-00"), false),
        (format!("00-{TRACE_ID}-{SPAN_ID}-03"), true),
        (format!("cc-{TRACE_ID}-{SPAN_ID}-01"), true),
        (format!("cc-{TRACE_ID}-{SPAN_ID}-01-what-the-future-holds"), true),
    ] {
        let trace: TraceParent = text.parse().unwrap();
        assert_eq!((trace.trace_id().as_str(), trace.span_id().as_str()), (TRACE_ID, SPAN_ID), "{text}");
        assert_eq!(trace.sampled(), sampled, "{text}");
        assert_eq!(trace.to_string(), format!("00-{TRACE_ID}-{SPAN_ID}-0{}", u8::from(sampled)));
    }
}

#[test]
fn values_that_the_specification_forbids_are_refused() {
    let zeros = "0".repeat(32);
    for text in [
        String::new(),
        format!("00-{TRACE_ID}-{SPAN_ID}"),
        format!("00-{TRACE_ID}-{SPAN_ID}-01-more"),
        format!("00-{TRACE_ID}-{SPAN_ID}-01-"),
        format!("ff-{TRACE_ID}-{SPAN_ID}-01"),
        format!("00-{zeros}-{SPAN_ID}-01"),
        format!("00-{TRACE_ID}-{}-01", "0".repeat(16)),
        format!("00-{}-{SPAN_ID}-01", TRACE_ID.to_uppercase()),
        format!("00-{TRACE_ID}-+{}-01", SPAN_ID.get(1..).unwrap()),
        format!("00-{TRACE_ID}-{SPAN_ID}-1"),
        format!(" 00-{TRACE_ID}-{SPAN_ID}-01"),
        format!("0-{TRACE_ID}-{SPAN_ID}-01"),
        format!("cc-{TRACE_ID}-{SPAN_ID}-01.more"),
    ] {
        assert!(text.parse::<TraceParent>().is_err(), "{text}");
    }
}

#[test]
fn a_child_span_keeps_the_trace_id() {
    let root = TraceParent::new([0xab; 16], [1; 8], true);
    assert_eq!(root.to_string(), format!("00-{}-{}-01", "ab".repeat(16), "01".repeat(8)));
    let child = root.child([2; 8]);
    assert_eq!(child.to_string(), format!("00-{}-{}-01", "ab".repeat(16), "02".repeat(8)));
    let never_zero = TraceParent::new([0; 16], [0; 8], false);
    assert_eq!(never_zero.to_string().parse(), Ok(never_zero));
}
