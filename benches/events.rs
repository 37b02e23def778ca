//! The cost of an event: its body in the request that records it, its headers in the relay.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use watchword_events::headers::{Attributes, for_message};
use watchword_events::{EventKind, ReceivedEvent, example, schema};

fn all(c: &mut Criterion) {
    let event = example::of(EventKind::LoggedIn);
    let body = event.to_json().unwrap_or_default();
    assert!(!body.is_empty(), "the example serializes");
    c.bench_function("event: encode", |b| b.iter(|| black_box(&event).to_json()));
    c.bench_function("event: decode as a subscriber", |b| b.iter(|| ReceivedEvent::from_json(black_box(&body))));
    let subject = event.event.subject();
    let attributes = Attributes {
        id: event.id,
        subject: &subject,
        version: event.event.version(),
        user_id: event.user.map(|user| user.id),
        user_seq: event.user.and_then(|user| user.seq),
        occurred_at: event.timestamp,
        source: "https://auth.example.com",
        schema_base: schema::BASE_URL,
        traceparent: event.metadata.traceparent.as_deref(),
    };
    c.bench_function("event: headers", |b| b.iter(|| for_message(black_box(&attributes))));
}

criterion_group!(benches, all);
criterion_main!(benches);
