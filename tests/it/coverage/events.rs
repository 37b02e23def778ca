//! Rows of the ledger over HTTP: recording, reading, following and counting events.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::{Row, rows};

pub(super) fn rows() -> Vec<Row> {
    [record(), pages(), one(), follow(), counts()]
        .into_iter()
        .flatten()
        .collect()
}

fn record() -> Vec<Row> {
    rows! {
        "recordEvent" "202" "" => ["custom" {"name": "report.exported"}] |stage| {
            let person = stage.person().await;
            let request = stage.post("/events", &json!({ "name": "report.exported" }));
            stage.ask(request.bearer_auth(&person.tokens.access)).await.about(&person)
        }
        "recordEvent" "202" "repeated" => [] |stage| {
            let person = stage.person().await;
            let request = || stage.post("/events", &json!({ "name": "report.exported" })).header("idempotency-key", "one");
            stage.ask(request().bearer_auth(&person.tokens.access)).await;
            stage.ask(request().bearer_auth(&person.tokens.access)).await
        }
        "recordEvent" "400 invalid_parameter" "two words are no key" => [] |stage| {
            let person = stage.person().await;
            let request = stage.post("/events", &json!({ "name": "report.exported" })).header("idempotency-key", "two words");
            stage.ask(request.bearer_auth(&person.tokens.access)).await
        }
        "recordEvent" "422 idempotency_key_reused" "" => [] |stage| {
            let person = stage.person().await;
            let request = |name: &str| stage.post("/events", &json!({ "name": name })).header("idempotency-key", "one");
            stage.ask(request("report.exported").bearer_auth(&person.tokens.access)).await;
            stage.ask(request("report.imported").bearer_auth(&person.tokens.access)).await
        }
        "recordEvent" "429 rate_limited" "" => [] |stage| {
            let person = stage.person().await;
            stage.until_limited(|| {
                stage.post("/events", &json!({ "name": "report.exported" })).bearer_auth(&person.tokens.access)
            }).await
        }
    }
}

fn pages() -> Vec<Row> {
    rows! {
        "listEvents" "200" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.request(Method::GET, "/events").bearer_auth(&person.tokens.access)).await
        }
        "listEvents" "403 forbidden" "somebody else's" => [] |stage| {
            let (person, other) = (stage.person().await, stage.person().await);
            let path = format!("/events?userId={}", other.id);
            stage.ask(stage.request(Method::GET, &path).bearer_auth(&person.tokens.access)).await
        }
        "listEvents" "422 validation_failed" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.request(Method::GET, "/events?limit=0").bearer_auth(&person.tokens.access)).await
        }
        "listRecentEvents" "200" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.request(Method::GET, "/events/recent").bearer_auth(&person.tokens.access)).await
        }
        "listRecentEvents" "422 validation_failed" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.request(Method::GET, "/events/recent?limit=0").bearer_auth(&person.tokens.access)).await
        }
        "listActivity" "200" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.request(Method::GET, "/auth/me/activity").bearer_auth(&person.tokens.access)).await
        }
        "listActivity" "422 validation_failed" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.request(Method::GET, "/auth/me/activity?type=none").bearer_auth(&person.tokens.access)).await
        }
    }
}

fn one() -> Vec<Row> {
    rows! {
        "getEvent" "200" "" => [] |stage| {
            let person = stage.person().await;
            let request = stage.post("/events", &json!({ "name": "report.exported" }));
            let id = stage.ask(request.bearer_auth(&person.tokens.access)).await.answered_id();
            stage.ask(stage.request(Method::GET, &format!("/events/{id}")).bearer_auth(&person.tokens.access)).await
        }
        "getEvent" "400 invalid_parameter" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.request(Method::GET, "/events/last").bearer_auth(&person.tokens.access)).await
        }
        "getEvent" "404 not_found" "" => [] |stage| {
            let person = stage.person().await;
            let path = format!("/events/{}", Uuid::from_u128(1));
            stage.ask(stage.request(Method::GET, &path).bearer_auth(&person.tokens.access)).await
        }
    }
}

fn follow() -> Vec<Row> {
    rows! {
        "followEvents" "200" "" => [] |stage| {
            let admin = stage.admin().await;
            stage.begin(stage.request(Method::GET, "/events/stream").bearer_auth(&admin.access)).await
        }
        "followEvents" "403 forbidden" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.request(Method::GET, "/events/stream").bearer_auth(&person.tokens.access)).await
        }
        "followEvents" "422 validation_failed" "" => [] |stage| {
            let admin = stage.admin().await;
            stage.ask(stage.request(Method::GET, "/events/stream?type=none").bearer_auth(&admin.access)).await
        }
    }
}

fn counts() -> Vec<Row> {
    rows! {
        "topEvents" "200" "" => [] |stage| {
            let admin = stage.admin().await;
            stage.ask(stage.request(Method::GET, "/analytics/top-events").bearer_auth(&admin.access)).await
        }
        "topEvents" "403 forbidden" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.request(Method::GET, "/analytics/top-events").bearer_auth(&person.tokens.access)).await
        }
        "topEvents" "422 validation_failed" "" => [] |stage| {
            let admin = stage.admin().await;
            stage.ask(stage.request(Method::GET, "/analytics/top-events?limit=0").bearer_auth(&admin.access)).await
        }
        "eventTimeline" "200" "" => [] |stage| {
            let admin = stage.admin().await;
            stage.ask(stage.request(Method::GET, "/analytics/timeline").bearer_auth(&admin.access)).await
        }
        "eventTimeline" "403 forbidden" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.request(Method::GET, "/analytics/timeline").bearer_auth(&person.tokens.access)).await
        }
        "eventTimeline" "422 validation_failed" "" => [] |stage| {
            let admin = stage.admin().await;
            stage.ask(stage.request(Method::GET, "/analytics/timeline?bucket=year").bearer_auth(&admin.access)).await
        }
        "userAnalytics" "200" "" => [] |stage| {
            let (admin, person) = (stage.admin().await, stage.person().await);
            let path = format!("/analytics/users/{}", person.id);
            stage.ask(stage.request(Method::GET, &path).bearer_auth(&admin.access)).await
        }
        "userAnalytics" "400 invalid_parameter" "" => [] |stage| {
            let admin = stage.admin().await;
            stage.ask(stage.request(Method::GET, "/analytics/users/ada").bearer_auth(&admin.access)).await
        }
        "userAnalytics" "403 forbidden" "" => [] |stage| {
            let person = stage.person().await;
            let path = format!("/analytics/users/{}", person.id);
            stage.ask(stage.request(Method::GET, &path).bearer_auth(&person.tokens.access)).await
        }
        "userAnalytics" "404 not_found" "" => [] |stage| {
            let admin = stage.admin().await;
            let path = format!("/analytics/users/{}", Uuid::from_u128(1));
            stage.ask(stage.request(Method::GET, &path).bearer_auth(&admin.access)).await
        }
    }
}
