//! Reading messages of older and newer services, and messages that are not events.

use serde_json::{Value, json};
use time::macros::datetime;
use uuid::Uuid;
use watchword_events::{
    Actor, ActorType, AuthEvent, AuthMethod, DecodeError, DeletedReason, Event, EventKind, IdentifierHash,
    LoginFailedReason, ReceivedEvent, example,
};

use super::body;

fn changed(kind: EventKind, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value: Value = serde_json::from_str(&body(kind)).unwrap();
    change(&mut value);
    serde_json::to_vec(&value).unwrap()
}

fn set(value: &mut Value, pointer: &str, new: Value) {
    let (object, key) = pointer.rsplit_once('/').unwrap();
    value.pointer_mut(object).unwrap().as_object_mut().unwrap().insert(key.to_owned(), new);
}

#[test]
fn unknown_fields_are_kept() {
    let bytes = changed(EventKind::LoggedIn, |body| {
        set(body, "/data/country", json!("NO"));
        set(body, "/metadata/region", json!("eu-north"));
        set(body, "/later", json!([1, 2]));
    });
    let received = ReceivedEvent::from_json(&bytes).unwrap();
    assert_eq!(received.kind(), Some(EventKind::LoggedIn));
    assert_eq!(received.data().get("country"), Some(&json!("NO")));
    assert_eq!(received.raw().pointer("/metadata/region"), Some(&json!("eu-north")));
    assert_eq!(received.raw().get("later"), Some(&json!([1, 2])));
    assert_eq!(Event::from_json(&bytes).unwrap(), example::of(EventKind::LoggedIn));
}

#[test]
fn unknown_events_and_versions_are_read_without_a_payload() {
    for (subject, version) in [("auth.user.teleported", 1), ("auth.user.registered", 2)] {
        let bytes = changed(EventKind::Registered, |body| {
            set(body, "/subject", json!(subject));
            set(body, "/schemaVersion", json!(version));
            set(body, "/data/destination", json!("Mars"));
        });
        let received = ReceivedEvent::from_json(&bytes).unwrap();
        assert_eq!((received.subject.as_str(), received.schema_version), (subject, version));
        assert_eq!(received.event, None);
        assert_eq!(received.user, example::of(EventKind::Registered).user);
        assert_eq!(received.data().get("destination"), Some(&json!("Mars")));
        let refused = Event::from_json(&bytes).unwrap_err();
        assert!(matches!(refused, DecodeError::UnknownEvent { .. }), "{refused}");
    }
}

#[test]
fn a_body_that_is_not_an_event_is_refused_with_a_reason() {
    let registered =
        |change: fn(&mut Value)| ReceivedEvent::from_json(&changed(EventKind::Registered, change)).unwrap_err();
    assert!(matches!(ReceivedEvent::from_json(b"hello").unwrap_err(), DecodeError::Json(_)));
    assert!(matches!(ReceivedEvent::from_json(b"[]").unwrap_err(), DecodeError::Envelope(_)));
    assert!(matches!(ReceivedEvent::from_json(b"{}").unwrap_err(), DecodeError::Envelope(_)));
    assert!(matches!(registered(|body| set(body, "/id", json!("7"))), DecodeError::Envelope(_)));
    assert!(matches!(
        registered(|body| set(body, "/data/timestamp", json!("noon"))),
        DecodeError::Timestamp(_)
    ));
    assert!(matches!(
        registered(|body| set(body, "/data/userSeq", Value::Null)),
        DecodeError::MissingUser { .. }
    ));
    assert!(matches!(
        registered(|body| set(body, "/data/roles", json!("all"))),
        DecodeError::Payload { .. }
    ));
}

#[test]
fn unknown_values_of_enumerations_are_read_and_written_unchanged() {
    let bytes = changed(EventKind::LoggedIn, |body| {
        set(body, "/data/method", json!("telepathy"));
        set(body, "/data/amr", json!(["pwd", "Face", "geo"]));
        set(body, "/data/actor", json!({ "type": "organization", "id": "acme", "region": "eu" }));
    });
    let received = ReceivedEvent::from_json(&bytes).unwrap();
    let actor = received.actor.as_ref().unwrap();
    assert_eq!((actor.kind.as_str(), actor.id.as_deref()), ("organization", Some("acme")));
    assert!(matches!(actor.kind, ActorType::Unknown(_)));
    let Some(AuthEvent::LoggedIn(login)) = &received.event else {
        panic!("no event: {received:?}");
    };
    assert_eq!(login.method.as_str(), "telepathy");
    let amr: Vec<&str> = login.amr.iter().map(AuthMethod::as_str).collect();
    assert_eq!((amr, &login.amr[0]), (vec!["pwd", "Face", "geo"], &AuthMethod::Pwd));
    let written: Value =
        serde_json::from_slice(&Event::try_from(received.clone()).unwrap().to_json().unwrap()).unwrap();
    for field in ["method", "amr"] {
        assert_eq!(written["data"][field], received.data()[field]);
    }
    let not_a_text = changed(EventKind::Deleted, |body| set(body, "/data/reason", json!(7)));
    assert!(matches!(ReceivedEvent::from_json(&not_a_text).unwrap_err(), DecodeError::Payload { .. }));
}

#[test]
fn an_actor_may_have_no_id_and_any_text_as_its_id() {
    for actor in [json!({ "type": "admin" }), json!({ "type": "user", "id": "legacy-7" })] {
        let bytes = changed(EventKind::Deleted, |body| set(body, "/data/actor", actor.clone()));
        let received = ReceivedEvent::from_json(&bytes).unwrap();
        assert_eq!(serde_json::to_value(received.actor).unwrap(), actor);
    }
}

#[test]
fn a_body_has_exactly_the_documented_layout() {
    let mut event = example::of(EventKind::Deleted);
    event.timestamp = datetime!(2026-11-22 13:00:00.123_987 +1);
    if let AuthEvent::Deleted(deleted) = &mut event.event {
        deleted.reason = DeletedReason::Admin;
    }
    event.actor = Some(Actor::admin(Uuid::from_u128(7)));
    event.metadata.request_id = None;
    let expected = concat!(
        r#"{"id":"01a20320-a200-7a3f-8d5e-4b1c6f2e9a01","subject":"auth.user.deleted","schemaVersion":1,"#,
        r#""data":{"userId":"01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02","timestamp":"2026-11-22T12:00:00.123Z","userSeq":10,"#,
        r#""actor":{"type":"admin","id":"00000000-0000-0000-0000-000000000007"},"reason":"admin","status":"deleted","#,
        r#""endedSessionIds":["01a20320-a1f6-7c55-a2b4-9d6e8f1a2c03"]},"#,
        r#""metadata":{"service":"watchword","version":"1.0.0","environment":"production","#,
        r#""traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","#,
        r#""dataschema":"https://watchword-auth.github.io/watchword/schemas/auth.user.deleted/1.json"}}"#,
    );
    let written = event.to_json().unwrap();
    assert_eq!(String::from_utf8(written.clone()).unwrap(), expected);
    let read = Event::from_json(&written).unwrap();
    assert_eq!(read.timestamp, datetime!(2026-11-22 12:00:00.123 UTC));
    assert_eq!(read.actor, event.actor);
}

#[test]
fn every_actor_round_trips() {
    let id = Uuid::from_u128(9);
    for actor in [
        Actor::user(id),
        Actor::admin(id),
        Actor::service("billing"),
        Actor::system(),
    ] {
        let mut event = example::of(EventKind::SessionRevoked);
        event.actor = Some(actor);
        assert_eq!(Event::from_json(&event.to_json().unwrap()).unwrap(), event);
    }
}

#[test]
fn a_failed_login_may_be_about_no_account() {
    for kind in [EventKind::LoginFailed, EventKind::Registered] {
        let mut event = example::of(kind);
        event.user = None;
        assert_eq!(event.to_json().is_ok(), kind == EventKind::LoginFailed);
    }
    let mut event = example::of(EventKind::LoginFailed);
    event.user = None;
    if let AuthEvent::LoginFailed(failed) = &mut event.event {
        failed.reason = LoginFailedReason::UnknownAccount;
    }
    let written = event.to_json().unwrap();
    assert!(!String::from_utf8(written.clone()).unwrap().contains("userId"));
    assert_eq!(Event::from_json(&written).unwrap(), event);
}

#[test]
fn a_custom_event_has_no_place_among_the_events_of_its_user() {
    let event = example::of(EventKind::Custom);
    let written: Value = serde_json::from_slice(&event.to_json().unwrap()).unwrap();
    assert_eq!(written["subject"], "auth.custom.playlist_shared");
    assert!(written["data"]["userId"].is_string() && written["data"].get("userSeq").is_none());
    for (kind, seq) in [(EventKind::Custom, Some(1)), (EventKind::LoggedIn, None)] {
        let mut event = example::of(kind);
        event.user.as_mut().unwrap().seq = seq;
        assert!(event.to_json().is_err(), "{kind}");
    }
    for subject in ["auth.custom.other", "auth.custom.with-hyphen"] {
        assert_eq!(EventKind::from_subject(subject), Some(EventKind::Custom));
    }
    for subject in ["auth.customs.other", "auth.customother", "auth.user.custom"] {
        assert_eq!(EventKind::from_subject(subject), None, "{subject}");
    }
}

#[test]
fn an_identifier_hash_is_64_lower_case_digits() {
    let hash = IdentifierHash::from_mac(std::array::from_fn(|position| u8::try_from(position * 8).unwrap()));
    assert!(hash.to_string().starts_with("0008101820") && hash.to_string().len() == 64);
    assert_eq!(hash.to_string().parse(), Ok(hash));
    let (upper, short, long) = ("A".repeat(64), "a".repeat(63), "a".repeat(65));
    for wrong in ["", "ada@example.com", &upper, &short, &long] {
        assert!(wrong.parse::<IdentifierHash>().is_err(), "{wrong}");
    }
}
