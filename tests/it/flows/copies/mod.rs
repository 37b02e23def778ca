//! What the events say is enough to keep a copy of the accounts and of the open sessions.

mod local_copy;
mod world;

use reqwest::Method;
use serde_json::{Value, json};
use watchword::config::PiiMode;
use watchword::domain::clock::Clock as _;
use watchword_events::MAX_ENDED_SESSIONS;

use self::local_copy::LocalCopy;
use self::world::World;
use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;

flow_tests! {
    a_copy_from_events_alone_equals_the_service_at_every_step,
    a_copy_can_begin_with_the_list_of_users,
    more_than_a_hundred_sessions_end_in_several_events,
    a_masked_copy_has_every_field_masked,
    a_copy_without_personal_data_has_everything_else,
}

/// The fields of a user that are personal data.
const PERSONAL: [&str; 4] = ["email", "username", "name", "profile"];

async fn a_copy_from_events_alone_equals_the_service_at_every_step(backend: Backend) {
    const STEPS: usize = 250;
    let mut world = World::new(backend, 11, PiiMode::Full).await;
    let mut sessions_seen = 0;
    for step in 0..STEPS {
        world.act().await;
        let listed = world.listed().await;
        world.follow().await;
        for (id, user) in &listed {
            assert_eq!(&world.copy.account(id), user, "step {step}: a user in the copy, and in the list");
        }
        world.assert_sessions(listed.keys(), step).await;
        sessions_seen += listed.keys().map(|id| world.copy.sessions(id, now(&world)).len()).sum::<usize>();
    }
    assert!(sessions_seen > STEPS, "users were logged in: {sessions_seen}");

    // The stream says the same, from its beginning.
    let (events, listed) = (world.app.events().await, world.listed().await);
    let mut from_stream = LocalCopy::default();
    events.iter().for_each(|event| from_stream.apply(&event.payload));
    for (id, user) in &listed {
        assert_eq!(&from_stream.account(id), user);
        assert_eq!(from_stream.sessions(id, now(&world)), world.copy.sessions(id, now(&world)));
    }
    world.app.finish().await;
}

fn now(world: &World) -> time::OffsetDateTime {
    world.clock.now()
}

/// The stream's events from a moment on, and pages that are read afterwards, while users change.
async fn a_copy_can_begin_with_the_list_of_users(backend: Backend) {
    let mut world = World::new(backend, 12, PiiMode::Full).await;
    for round in 0..4 {
        for _ in 0..15 {
            world.act().await;
        }
        // Where a durable consumer begins that is created now.
        let position = world.app.events().await.len();
        let mut copy = LocalCopy::default();
        let mut after = String::new();
        loop {
            world.act().await;
            let path = format!("/users?limit=2{after}");
            let page = world.as_root(Method::GET, &path, &Value::Null).await.expect_status(200);
            page.json["users"]
                .as_array()
                .expect("users")
                .iter()
                .for_each(|user| copy.begin_with(user));
            world.act().await;
            match page.json["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        for _ in 0..10 {
            world.act().await;
        }
        let listed = world.listed().await;
        let events = world.app.events().await;
        for event in &events[position..] {
            copy.apply(&event.payload);
        }
        let mut live: Vec<&str> = copy.live_accounts();
        live.retain(|id| listed.contains_key(*id));
        let expected: Vec<&String> =
            listed.iter().filter(|(_, user)| user["status"] != "deleted").map(|(id, _)| id).collect();
        assert_eq!(live, expected, "round {round}");
        for id in expected {
            assert_eq!(copy.account(id), listed[id], "round {round}");
        }
    }
    world.app.finish().await;
}

fn mask(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.chars().take(1).chain("***".chars()).collect(),
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(fields) => fields.values_mut().for_each(mask),
        _ => {}
    }
}

/// A user as `masked` shows it.
fn masked(mut user: Value) -> Value {
    let fields = user.as_object_mut().expect("a user");
    if let Some(Value::String(email)) = fields.get_mut("email") {
        let (first, domain) = (email.chars().next().expect("a character"), email.rsplit('@').next().expect("a domain"));
        *email = format!("{first}***@{domain}");
    }
    for field in ["username", "name", "profile"] {
        fields.get_mut(field).into_iter().for_each(mask);
    }
    user
}

async fn a_masked_copy_has_every_field_masked(backend: Backend) {
    let mut world = World::new(backend, 14, PiiMode::Masked).await;
    for step in 0..60 {
        world.act().await;
        let listed = world.listed().await;
        world.follow().await;
        for (id, user) in listed {
            assert_eq!(world.copy.account(&id), masked(user), "step {step}");
        }
    }
    world.app.finish().await;
}

/// An administrator's page shows users without `events.pii`; the events leave it out.
async fn a_copy_without_personal_data_has_everything_else(backend: Backend) {
    let mut world = World::new(backend, 13, PiiMode::None).await;
    for step in 0..60 {
        world.act().await;
        let listed = world.listed().await;
        world.follow().await;
        for (id, mut user) in listed {
            let mut copied = world.copy.account(&id);
            for value in [&mut user, &mut copied] {
                let value = value.as_object_mut().expect("a user");
                PERSONAL.iter().for_each(|field| drop(value.remove(*field)));
            }
            assert_eq!(copied, user, "step {step}");
        }
    }
    for event in world.app.events().await {
        for field in PERSONAL.into_iter().chain(["ip", "userAgent", "previousEmail", "previousUsername"]) {
            let custom = event.subject.starts_with("auth.custom.");
            assert!(custom || event.payload["data"].get(field).is_none(), "{field} in {}", event.payload);
        }
    }
    world.app.finish().await;
}

async fn more_than_a_hundred_sessions_end_in_several_events(backend: Backend) {
    const SESSIONS: usize = 2 * MAX_ENDED_SESSIONS + 11;
    let builder = TestApp::builder(backend).settings(|settings| settings.sessions.max_per_user = 1000);
    let app = builder.spawn().await;
    let admin = app.admin().await;
    for (way, subject, reason) in [
        ("global", "auth.user.logged_out", "logout"),
        ("password", "auth.user.password_changed", "password_change"),
        ("disable", "auth.user.disabled", "disabled"),
    ] {
        let email = format!("{way}@example.com");
        let registered = app.registered(&email).await;
        let mut sessions = vec![registered.tokens().session()];
        let mut last = registered.tokens();
        for _ in 1..SESSIONS {
            last = app.login(&email, PASSWORD).await.expect_status(200).tokens();
            sessions.push(last.session());
        }
        let before = app.events().await.len();
        let ended = match way {
            "global" => app.logout(&last.access, "global").await,
            "password" => {
                let body = json!({ "currentPassword": PASSWORD, "newPassword": "quiet harbour 52" });
                app.send_as(&last.access, Method::POST, "/auth/password/change", &body).await
            }
            _ => {
                let path = format!("/users/{}/disable", registered.str("/user/id"));
                app.send(app.request(Method::POST, &path).bearer_auth(&admin.access)).await
            }
        };
        assert!(ended.status.is_success(), "{way}: {}", ended.text);
        let events = app.events().await.split_off(before);
        let subjects: Vec<&str> = events.iter().map(|event| event.subject.as_str()).collect();
        assert_eq!(subjects, [subject, "auth.user.session_revoked", "auth.user.session_revoked"]);
        let ids = |event: usize| events[event].payload["data"]["endedSessionIds"].as_array().expect("ids").clone();
        let counts: Vec<usize> = (0..3).map(|event| ids(event).len()).collect();
        assert_eq!(counts, [MAX_ENDED_SESSIONS, MAX_ENDED_SESSIONS, 11]);
        let mut listed: Vec<Value> = (0..3).flat_map(ids).collect();
        let mut expected: Vec<Value> = sessions.iter().map(|session| json!(session)).collect();
        listed.sort_by_key(Value::to_string);
        expected.sort_by_key(Value::to_string);
        assert_eq!(listed, expected, "every session, once");
        for rest in &events[1..] {
            assert_eq!(rest.payload["data"]["reason"], reason);
            assert_eq!(rest.payload["metadata"]["requestId"], events[0].payload["metadata"]["requestId"]);
            assert_eq!(rest.payload["data"].get("actor"), events[0].payload["data"].get("actor"));
        }
    }
    app.finish().await;
}
