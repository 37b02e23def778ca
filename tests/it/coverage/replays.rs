//! Rows of replays. A replay publishes copies of events and records none.

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use uuid::Uuid;

use super::stage::Stage;
use super::{Row, rows};

pub(super) fn rows() -> Vec<Row> {
    [start(), read()].into_iter().flatten().collect()
}

async fn replay(stage: &Stage, name: &str) -> RequestBuilder {
    let admin = stage.admin().await;
    stage
        .post("/events/replays", &json!({ "name": name }))
        .bearer_auth(&admin.access)
}

fn start() -> Vec<Row> {
    rows! {
        "startReplay" "202" "" => [] |stage| {
            stage.ask(replay(stage, "first").await).await
        }
        "startReplay" "409 conflict" "the name is taken" => [] |stage| {
            // While the first one runs, that is the conflict.
            loop {
                let observed = stage.ask(replay(stage, "first").await).await;
                let is_running = observed
                    .problem()
                    .is_some_and(|(_, body)| body["detail"].as_str().is_some_and(|detail| detail.contains("is running")));
                if !is_running {
                    break observed;
                }
                tokio::task::yield_now().await;
            }
        }
        "startReplay" "403 forbidden" "" => [] |stage| {
            let person = stage.person().await;
            let request = stage.post("/events/replays", &json!({ "name": "mine" }));
            stage.ask(request.bearer_auth(&person.tokens.access)).await
        }
    }
}

fn read() -> Vec<Row> {
    rows! {
        "readReplay" "200" "" => [] |stage| {
            let admin = stage.admin().await;
            // One at a time: the one before may still be running.
            let id = loop {
                let started = stage.ask(replay(stage, "second").await).await;
                if started.outcome() == "202" {
                    break started.answered_id();
                }
                tokio::task::yield_now().await;
            };
            stage.ask(stage.request(Method::GET, &format!("/events/replays/{id}")).bearer_auth(&admin.access)).await
        }
        "readReplay" "400 invalid_parameter" "" => [] |stage| {
            let admin = stage.admin().await;
            stage.ask(stage.request(Method::GET, "/events/replays/first").bearer_auth(&admin.access)).await
        }
        "readReplay" "403 forbidden" "" => [] |stage| {
            let person = stage.person().await;
            let path = format!("/events/replays/{}", Uuid::from_u128(1));
            stage.ask(stage.request(Method::GET, &path).bearer_auth(&person.tokens.access)).await
        }
        "readReplay" "404 not_found" "" => [] |stage| {
            let admin = stage.admin().await;
            let path = format!("/events/replays/{}", Uuid::from_u128(1));
            stage.ask(stage.request(Method::GET, &path).bearer_auth(&admin.access)).await
        }
    }
}
