//! Rows of what other services and operators ask.

use reqwest::Method;

use super::{Row, rows};

pub(super) fn rows() -> Vec<Row> {
    rows! {
        "getJwks" "200" "" => [] |stage| {
            stage.ask(stage.request(Method::GET, "/.well-known/jwks.json")).await
        }
        "getHealth" "200" "" => [] |stage| {
            stage.ask(stage.request(Method::GET, "/healthz")).await
        }
        "getReadiness" "200" "" => [] |stage| {
            stage.ask(stage.request(Method::GET, "/readyz")).await
        }
    }
}
