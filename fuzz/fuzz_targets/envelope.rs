//! Events as a subscriber reads them: what is read is written back with the same content.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchword_events::{Event, ReceivedEvent, TraceParent, headers, split_subject};

fuzz_target!(|data: &[u8]| {
    if let Ok(received) = ReceivedEvent::from_json(data) {
        let _ = (received.data(), received.raw(), received.kind());
        if let Ok(event) = Event::try_from(received) {
            if let Ok(written) = event.to_json() {
                let again = Event::from_json(&written).expect("what is written can be read");
                assert_eq!(again.id, event.id);
                assert_eq!(again.event, event.event);
            }
            for (name, value) in headers::for_event(&event, "https://auth.example.com", "https://schemas.example.com") {
                assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name}: {value}");
            }
        }
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = split_subject(text);
        if let Ok(trace) = text.parse::<TraceParent>() {
            assert_eq!(trace.to_string().parse::<TraceParent>().expect("what is written"), trace);
        }
    }
});
