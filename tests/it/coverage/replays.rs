//! Rows of replays. A replay publishes copies of events; its start is the one event it records.

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use uuid::Uuid;

use super::fixture::Fixture;
use super::{Row, rows};

pub(super) fn rows() -> Vec<Row> {
    [start(), read()].into_iter().flatten().collect()
}

async fn replay(app: &Fixture, name: &str) -> RequestBuilder {
    let admin = app.admin().await;
    app.post("/events/replays", &json!({ "name": name })).bearer_auth(&admin.access)
}

fn start() -> Vec<Row> {
    rows! {
        "createReplay" "202" "" => ["replay_started" {"name": "first", "target": "replays"}] |app| {
            app.send(replay(app, "first").await).await
        }
        "createReplay" "409 conflict" "the name is taken" => [] |app| {
            // While the first replay runs, the conflict has another reason.
            loop {
                let observed = app.send(replay(app, "first").await).await;
                let is_running = observed
                    .problem()
                    .is_some_and(|(_, body)| body["detail"].as_str().is_some_and(|detail| detail.contains("is running")));
                if !is_running {
                    break observed;
                }
                tokio::task::yield_now().await;
            }
        }
        "createReplay" "403 forbidden" "" => [] |app| {
            let user = app.user().await;
            let request = app.post("/events/replays", &json!({ "name": "mine" }));
            app.send(request.bearer_auth(&user.tokens.access)).await
        }
        "createReplay" "429 rate_limited" "" => [] |app| {
            let access = app.admin().await.access.clone();
            let body = json!({});
            app.until_limited(|| app.post("/events/replays", &body).bearer_auth(&access)).await
        }
    }
}

fn read() -> Vec<Row> {
    rows! {
        "getReplay" "200" "" => [] |app| {
            let admin = app.admin().await;
            // Only one replay runs at a time, and the previous one may still be running.
            let id = loop {
                let started = app.send(replay(app, "second").await).await;
                if started.outcome() == "202" {
                    break started.response_id();
                }
                tokio::task::yield_now().await;
            };
            app.send(app.request(Method::GET, &format!("/events/replays/{id}")).bearer_auth(&admin.access)).await
        }
        "getReplay" "400 invalid_parameter" "" => [] |app| {
            let admin = app.admin().await;
            app.send(app.request(Method::GET, "/events/replays/first").bearer_auth(&admin.access)).await
        }
        "getReplay" "403 forbidden" "" => [] |app| {
            let user = app.user().await;
            let path = format!("/events/replays/{}", Uuid::from_u128(1));
            app.send(app.request(Method::GET, &path).bearer_auth(&user.tokens.access)).await
        }
        "getReplay" "404 not_found" "" => [] |app| {
            let admin = app.admin().await;
            let path = format!("/events/replays/{}", Uuid::from_u128(1));
            app.send(app.request(Method::GET, &path).bearer_auth(&admin.access)).await
        }
    }
}
