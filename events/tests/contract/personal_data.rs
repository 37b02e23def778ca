//! The personal-data profiles.

use serde_json::json;
use watchword_events::{AuthEvent, CATALOGUE, Custom, EventKind, LoggedIn, Pii, Registered, example};

fn registered(profile: Pii) -> Registered {
    let AuthEvent::Registered(payload) = example::of(EventKind::Registered).event.with_pii(profile) else {
        panic!("the event changed its kind")
    };
    payload
}

fn logged_in(ip: &str, user_agent: &str, profile: Pii) -> LoggedIn {
    let AuthEvent::LoggedIn(mut payload) = example::of(EventKind::LoggedIn).event else {
        panic!("not the example of a login")
    };
    payload.ip = Some(ip.parse().unwrap());
    payload.user_agent = Some(user_agent.to_owned());
    let AuthEvent::LoggedIn(payload) = AuthEvent::from(payload).with_pii(profile) else {
        panic!("the event changed its kind")
    };
    payload
}

#[test]
fn the_full_profile_changes_nothing() {
    for event in CATALOGUE {
        let payload = example::of(event.kind).event;
        assert_eq!(payload.clone().with_pii(Pii::Full), payload);
    }
}

#[test]
fn the_masked_profile_keeps_the_shape_of_identifiers() {
    let payload = registered(Pii::Masked);
    assert_eq!(payload.email.as_deref(), Some("a***@example.com"));
    assert_eq!(payload.username.as_deref(), Some("a***"));
    assert_eq!(payload.name.as_deref(), Some("A***"));
    assert_eq!(payload.roles, ["user"]);
    assert_eq!(payload.profile, json!({ "town": "A***" }).as_object().cloned());
    assert_eq!(payload.ip, Some("192.0.2.0".parse().unwrap()));
    assert_eq!(payload.user_agent.as_deref(), Some("curl"));
}

/// A copy from masked events is the masked copy.
#[test]
fn a_masked_change_is_masked_as_the_registration_was() {
    let masked = |kind| serde_json::to_value(example::of(kind).event.with_pii(Pii::Masked)).unwrap();
    let email = json!({ "email": "l***@example.com", "emailVerified": false });
    assert_eq!(masked(EventKind::EmailChanged), email);
    assert_eq!(masked(EventKind::UsernameChanged), json!({ "username": "l***" }));
    let updated = json!({ "changedFields": ["name", "profile"], "name": "A***", "profile": { "town": "A***" } });
    assert_eq!(masked(EventKind::Updated), updated);
    let none = serde_json::to_value(example::of(EventKind::Updated).event.with_pii(Pii::None)).unwrap();
    assert_eq!(none, json!({ "changedFields": ["name", "profile"] }));
}

#[test]
fn the_masked_profile_reduces_ip_addresses_to_networks() {
    for (ip, network) in [
        ("192.0.2.7", "192.0.2.0"),
        ("::ffff:192.0.2.7", "192.0.2.0"),
        ("2001:db8:aaaa:bbbb:cccc::1", "2001:db8:aaaa::"),
    ] {
        assert_eq!(logged_in(ip, "curl", Pii::Masked).ip, Some(network.parse().unwrap()), "{ip}");
    }
}

#[test]
fn the_masked_profile_reduces_user_agents_to_client_names() {
    let chrome =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
    let edge = format!("{chrome} Edg/142.0.0.0");
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    let long = "x".repeat(33);
    for (agent, family) in [
        (chrome, Some("Chrome")),
        (edge.as_str(), Some("Edge")),
        (firefox, Some("Firefox")),
        ("curl/8.5.0", Some("curl")),
        ("ada@example.com", None),
        (long.as_str(), None),
        ("", None),
    ] {
        assert_eq!(logged_in("192.0.2.7", agent, Pii::Masked).user_agent.as_deref(), family, "{agent}");
    }
}

#[test]
fn the_none_profile_leaves_no_personal_data_in_any_event() {
    for event in CATALOGUE {
        for (profile, traces) in [
            (Pii::None, ["ada", "Ada", "example.com", "192.0.2", "curl"].as_slice()),
            (Pii::Masked, ["ada", "Ada", "192.0.2.7", "8.5.0"].as_slice()),
        ] {
            let body = serde_json::to_string(&example::of(event.kind).event.with_pii(profile)).unwrap();
            for trace in traces {
                assert!(!body.contains(trace), "{profile:?} leaves {trace} in {body}");
            }
        }
    }
    assert_eq!(
        logged_in("192.0.2.7", "curl/8", Pii::None).session_id,
        logged_in("::1", "", Pii::Full).session_id
    );
}

#[test]
fn the_profiles_apply_to_the_attributes_of_custom_events() {
    let attributes = json!({"friends": [{"email": "ada@example.com"}], "tracks": 12, "shared": true});
    let under = |profile| {
        let event = AuthEvent::from(Custom {
            name: "playlist_shared".to_owned(),
            attributes: attributes.as_object().cloned(),
        });
        serde_json::to_value(event.with_pii(profile)).unwrap()
    };
    assert_eq!(under(Pii::Full)["attributes"], attributes);
    let masked = json!({"friends": [{"email": "a***"}], "tracks": 12, "shared": true});
    assert_eq!(under(Pii::Masked)["attributes"], masked);
    assert_eq!(under(Pii::None), json!({"name": "playlist_shared"}));
}
