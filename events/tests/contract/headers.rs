//! The headers of a message.

use time::macros::datetime;
use uuid::{Uuid, uuid};
use watchword_events::headers::{Attributes, DESCRIPTIONS, Presence, for_message};

const ID: Uuid = uuid!("01a20320-a200-7a3f-8d5e-4b1c6f2e9a01");
const USER: Uuid = uuid!("01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02");
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

const MESSAGE: Attributes<'static> = Attributes {
    id: ID,
    subject: "auth.user.logged_in",
    version: 1,
    user_id: Some(USER),
    user_seq: Some(2),
    occurred_at: datetime!(2026-11-22 12:00 UTC),
    source: "https://auth.example.com",
    schema_base: "https://schemas.example.com/",
    traceparent: Some(TRACE),
};

fn value<'a>(headers: &'a [(&'static str, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_message_has_exactly_these_headers() {
    let headers = for_message(&MESSAGE);
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(
        lines,
        [
            "Nats-Msg-Id: 01a20320-a200-7a3f-8d5e-4b1c6f2e9a01",
            "Content-Type: application/json",
            "ce-specversion: 1.0",
            "ce-id: 01a20320-a200-7a3f-8d5e-4b1c6f2e9a01",
            "ce-type: io.github.watchword-auth.auth.user.logged_in.v1",
            "ce-source: https://auth.example.com",
            "ce-subject: 01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02",
            "ce-time: 2026-11-22T12:00:00.000Z",
            "ce-datacontenttype: application/json",
            "ce-dataschema: https://schemas.example.com/schemas/auth.user.logged_in/1.json",
            "ce-partitionkey: 01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02",
            "ce-sequence: 0000000000000000002",
            "ce-traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ]
    );
}

#[test]
fn an_event_about_no_account_names_none() {
    let headers = for_message(&Attributes { user_id: None, user_seq: None, ..MESSAGE });
    for name in ["ce-subject", "ce-partitionkey", "ce-sequence"] {
        assert_eq!(value(&headers, name), None);
    }
}

#[test]
fn a_custom_event_is_typed_by_its_name_and_has_the_schema_of_all_custom_events() {
    let headers = for_message(&Attributes {
        subject: "auth.custom.playlist_shared",
        user_seq: None,
        ..MESSAGE
    });
    let kind = "io.github.watchword-auth.auth.custom.playlist_shared.v1";
    assert_eq!(value(&headers, "ce-type"), Some(kind));
    let schema = "https://schemas.example.com/schemas/auth.custom/1.json";
    assert_eq!(value(&headers, "ce-dataschema"), Some(schema));
    assert_eq!(value(&headers, "ce-partitionkey"), value(&headers, "ce-subject"));
}

#[test]
fn sequences_sort_as_text() {
    let sequence = |user_seq| {
        value(&for_message(&Attributes { user_seq, ..MESSAGE }), "ce-sequence")
            .unwrap()
            .to_owned()
    };
    let sorted = [1, 9, 10, 99, 1_000_000, i64::MAX].map(|seq| sequence(Some(seq)));
    assert!(sorted.is_sorted() && sorted.iter().all(|text| text.len() == 19), "{sorted:?}");
}

#[test]
fn an_invalid_traceparent_is_left_out() {
    for traceparent in [None, Some("00-nonsense"), Some("evil\r\nNats-Rollup: all")] {
        let headers = for_message(&Attributes { traceparent, ..MESSAGE });
        assert_eq!((value(&headers, "traceparent"), value(&headers, "ce-traceparent")), (None, None));
    }
}

#[test]
fn values_are_percent_encoded_as_cloud_events_requires() {
    let headers = for_message(&Attributes {
        source: "urn:b\u{fc}ro \"a\"%",
        schema_base: "https://example.com/\u{20ac} x\r\n",
        ..MESSAGE
    });
    assert_eq!(value(&headers, "ce-source"), Some("urn:b%C3%BCro%20%22a%22%25"));
    let dataschema = "https://example.com/%E2%82%AC%20x%0D%0A/schemas/auth.user.logged_in/1.json";
    assert_eq!(value(&headers, "ce-dataschema"), Some(dataschema));
    assert!(headers.iter().all(|(_, value)| value.bytes().all(|byte| byte.is_ascii_graphic())));
}

#[test]
fn exactly_the_sent_headers_are_documented() {
    let sent: Vec<&str> = for_message(&MESSAGE).into_iter().map(|(name, _)| name).collect();
    let documented: Vec<&str> = DESCRIPTIONS.iter().map(|header| header.name).collect();
    assert_eq!(sent, documented);
    let minimal = Attributes { user_id: None, user_seq: None, traceparent: None, ..MESSAGE };
    let sent: Vec<&str> = for_message(&minimal).into_iter().map(|(name, _)| name).collect();
    let always: Vec<&str> = DESCRIPTIONS
        .iter()
        .filter(|header| header.presence == Presence::Always)
        .map(|header| header.name)
        .collect();
    assert_eq!(sent, always);
}
