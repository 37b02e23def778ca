//! Rows of events: recording, reading, following and counting.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::{Row, rows};

pub(super) fn rows() -> Vec<Row> {
    [record(), pages(), one(), follow(), counts()].into_iter().flatten().collect()
}

fn record() -> Vec<Row> {
    rows! {
        "createEvent" "202" "" => ["custom" {"name": "report_exported"}] |app| {
            let user = app.user().await;
            let request = app.post("/events", &json!({ "name": "report_exported" }));
            app.send(request.bearer_auth(&user.tokens.access)).await.about(&user)
        }
        "createEvent" "202" "a replay" => [] |app| {
            let user = app.user().await;
            let request = || app.post("/events", &json!({ "name": "report_exported" })).header("idempotency-key", "one");
            app.send(request().bearer_auth(&user.tokens.access)).await;
            app.send(request().bearer_auth(&user.tokens.access)).await
        }
        "createEvent" "400 invalid_parameter" "a malformed key" => [] |app| {
            let user = app.user().await;
            let request = app.post("/events", &json!({ "name": "report_exported" })).header("idempotency-key", "two words");
            app.send(request.bearer_auth(&user.tokens.access)).await
        }
        "createEvent" "422 idempotency_key_reused" "" => [] |app| {
            let user = app.user().await;
            let request = |name: &str| app.post("/events", &json!({ "name": name })).header("idempotency-key", "one");
            app.send(request("report_exported").bearer_auth(&user.tokens.access)).await;
            app.send(request("report_imported").bearer_auth(&user.tokens.access)).await
        }
        "createEvent" "501 custom_events_disabled" "" => [] |app| {
            let user = app.user().await;
            let request = app.post("/events", &json!({ "name": "report_exported" }));
            app.send(request.bearer_auth(&user.tokens.access)).await
        }
        "createEvent" "429 rate_limited" "" => [] |app| {
            let user = app.user().await;
            app.until_limited(|| {
                app.post("/events", &json!({ "name": "report_exported" })).bearer_auth(&user.tokens.access)
            }).await
        }
    }
}

fn pages() -> Vec<Row> {
    rows! {
        "listEvents" "200" "" => [] |app| {
            let user = app.user().await;
            app.send(app.request(Method::GET, "/events").bearer_auth(&user.tokens.access)).await
        }
        "listEvents" "403 forbidden" "of another user" => [] |app| {
            let (user, other) = (app.user().await, app.user().await);
            let path = format!("/events?userId={}", other.id);
            app.send(app.request(Method::GET, &path).bearer_auth(&user.tokens.access)).await
        }
        "listEvents" "400 invalid_parameter" "" => [] |app| {
            let user = app.user().await;
            app.send(app.request(Method::GET, "/events?limit=0").bearer_auth(&user.tokens.access)).await
        }
        "listRecentEvents" "200" "" => [] |app| {
            let user = app.user().await;
            app.send(app.request(Method::GET, "/events/recent").bearer_auth(&user.tokens.access)).await
        }
        "listRecentEvents" "400 invalid_parameter" "" => [] |app| {
            let user = app.user().await;
            app.send(app.request(Method::GET, "/events/recent?limit=0").bearer_auth(&user.tokens.access)).await
        }
        "listActivity" "200" "" => [] |app| {
            let user = app.user().await;
            app.send(app.request(Method::GET, "/auth/me/activity").bearer_auth(&user.tokens.access)).await
        }
        "listActivity" "400 invalid_parameter" "" => [] |app| {
            let user = app.user().await;
            app.send(app.request(Method::GET, "/auth/me/activity?subject=auth.user.none").bearer_auth(&user.tokens.access)).await
        }
    }
}

fn one() -> Vec<Row> {
    rows! {
        "getEvent" "200" "" => [] |app| {
            let user = app.user().await;
            let request = app.post("/events", &json!({ "name": "report_exported" }));
            let id = app.send(request.bearer_auth(&user.tokens.access)).await.response_id();
            app.send(app.request(Method::GET, &format!("/events/{id}")).bearer_auth(&user.tokens.access)).await
        }
        "getEvent" "400 invalid_parameter" "" => [] |app| {
            let user = app.user().await;
            app.send(app.request(Method::GET, "/events/last").bearer_auth(&user.tokens.access)).await
        }
        "getEvent" "404 not_found" "" => [] |app| {
            let user = app.user().await;
            let path = format!("/events/{}", Uuid::from_u128(1));
            app.send(app.request(Method::GET, &path).bearer_auth(&user.tokens.access)).await
        }
    }
}

fn follow() -> Vec<Row> {
    rows! {
        "followEvents" "200" "" => [] |app| {
            let admin = app.admin().await;
            app.open_stream(app.request(Method::GET, "/events/stream").bearer_auth(&admin.access)).await
        }
        "followEvents" "403 forbidden" "" => [] |app| {
            let user = app.user().await;
            app.send(app.request(Method::GET, "/events/stream").bearer_auth(&user.tokens.access)).await
        }
        "followEvents" "400 invalid_parameter" "" => [] |app| {
            let admin = app.admin().await;
            app.send(app.request(Method::GET, "/events/stream?subject=auth.user.none").bearer_auth(&admin.access)).await
        }
    }
}

fn counts() -> Vec<Row> {
    rows! {
        "getTopEvents" "200" "" => [] |app| {
            let admin = app.admin().await;
            app.send(app.request(Method::GET, "/analytics/top-events").bearer_auth(&admin.access)).await
        }
        "getTopEvents" "403 forbidden" "" => [] |app| {
            let user = app.user().await;
            app.send(app.request(Method::GET, "/analytics/top-events").bearer_auth(&user.tokens.access)).await
        }
        "getTopEvents" "400 invalid_parameter" "" => [] |app| {
            let admin = app.admin().await;
            app.send(app.request(Method::GET, "/analytics/top-events?limit=0").bearer_auth(&admin.access)).await
        }
        "getEventTimeline" "200" "" => [] |app| {
            let admin = app.admin().await;
            app.send(app.request(Method::GET, "/analytics/timeline").bearer_auth(&admin.access)).await
        }
        "getEventTimeline" "403 forbidden" "" => [] |app| {
            let user = app.user().await;
            app.send(app.request(Method::GET, "/analytics/timeline").bearer_auth(&user.tokens.access)).await
        }
        "getEventTimeline" "400 invalid_parameter" "" => [] |app| {
            let admin = app.admin().await;
            app.send(app.request(Method::GET, "/analytics/timeline?bucket=year").bearer_auth(&admin.access)).await
        }
        "getUserEventCounts" "200" "" => [] |app| {
            let (admin, user) = (app.admin().await, app.user().await);
            let path = format!("/analytics/users/{}", user.id);
            app.send(app.request(Method::GET, &path).bearer_auth(&admin.access)).await
        }
        "getUserEventCounts" "400 invalid_parameter" "" => [] |app| {
            let admin = app.admin().await;
            app.send(app.request(Method::GET, "/analytics/users/ada").bearer_auth(&admin.access)).await
        }
        "getUserEventCounts" "403 forbidden" "" => [] |app| {
            let user = app.user().await;
            let path = format!("/analytics/users/{}", user.id);
            app.send(app.request(Method::GET, &path).bearer_auth(&user.tokens.access)).await
        }
        "getUserEventCounts" "404 not_found" "" => [] |app| {
            let admin = app.admin().await;
            let path = format!("/analytics/users/{}", Uuid::from_u128(1));
            app.send(app.request(Method::GET, &path).bearer_auth(&admin.access)).await
        }
    }
}
