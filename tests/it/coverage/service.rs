//! Rows of what other services and operators ask.

use reqwest::Method;

use super::{Row, rows};

pub(super) fn rows() -> Vec<Row> {
    rows! {
        "getJwks" "200" "" => [] |stage| {
            stage.ask(stage.request(Method::GET, "/.well-known/jwks.json")).await
        }
        "getAuthorizationServer" "200" "" => [] |stage| {
            stage.ask(stage.request(Method::GET, "/.well-known/oauth-authorization-server")).await
        }
        "verify" "200" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.request(Method::GET, "/auth/verify").bearer_auth(&person.tokens.access)).await
        }
        "getHealth" "200" "" => [] |stage| {
            stage.ask(stage.request(Method::GET, "/healthz")).await
        }
        "getReadiness" "200" "" => [] |stage| {
            stage.ask(stage.request(Method::GET, "/readyz")).await
        }
    }
}
