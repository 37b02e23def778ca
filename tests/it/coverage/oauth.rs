//! Rows of introspection and revocation.

use serde_json::json;

use super::{Row, rows};
use crate::support::oauth::CLIENT;

pub(super) fn rows() -> Vec<Row> {
    rows! {
        "introspect" "200" "an access token" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.as_client("/oauth/introspect", &[("token", &person.tokens.access)])).await
        }
        "introspect" "200" "a refresh token" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.as_client("/oauth/introspect", &[("token", &person.tokens.refresh)])).await
        }
        "introspect" "200" "a spent refresh token" => [] |stage| {
            let person = stage.person().await;
            let again = stage.refreshed(&person.tokens).await;
            stage.refreshed(&again).await;
            stage.ask(stage.as_client("/oauth/introspect", &[("token", &person.tokens.refresh)])).await
        }
        "introspect" "200" "no token at all" => [] |stage| {
            stage.ask(stage.as_client("/oauth/introspect", &[("token", "nothing")])).await
        }
        "introspect" "400 invalid_request" "" => [] |stage| {
            stage.ask(stage.as_client("/oauth/introspect", &[])).await
        }
        "introspect" "401 invalid_client" "" => [] |stage| {
            stage.ask(stage.post("/oauth/introspect", &json!({}))).await
        }
        "revoke" "200" "an access token" =>
            ["session_revoked" {"reason": "logout", "actor": {"type": "service", "id": CLIENT}}] |stage| {
            let person = stage.person().await;
            stage.ask(stage.as_client("/oauth/revoke", &[("token", &person.tokens.access)])).await.about(&person)
        }
        "revoke" "200" "a refresh token" =>
            ["session_revoked" {"reason": "logout", "actor": {"type": "service", "id": CLIENT}}] |stage| {
            let person = stage.person().await;
            stage.ask(stage.as_client("/oauth/revoke", &[("token", &person.tokens.refresh)])).await.about(&person)
        }
        "revoke" "200" "a spent refresh token" =>
            ["token_reuse_detected" {"presentedGeneration": 1, "currentGeneration": 3, "action": "session_revoked"}] |stage| {
            let person = stage.person().await;
            let again = stage.refreshed(&person.tokens).await;
            stage.refreshed(&again).await;
            stage.ask(stage.as_client("/oauth/revoke", &[("token", &person.tokens.refresh)])).await.about(&person)
        }
        "revoke" "200" "of a session that is over" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.post("/auth/logout", &json!({ "refreshToken": person.tokens.refresh }))).await;
            stage.ask(stage.as_client("/oauth/revoke", &[("token", &person.tokens.refresh)])).await
        }
        "revoke" "200" "no token at all" => [] |stage| {
            stage.ask(stage.as_client("/oauth/revoke", &[("token", "nothing")])).await
        }
        "revoke" "400 invalid_request" "" => [] |stage| {
            stage.ask(stage.as_client("/oauth/revoke", &[])).await
        }
        "revoke" "401 invalid_client" "" => [] |stage| {
            stage.ask(stage.post("/oauth/revoke", &json!({}))).await
        }
    }
}
