//! Rows of introspection and revocation.

use serde_json::json;

use super::{Row, rows};
use crate::support::oauth::CLIENT;

pub(super) fn rows() -> Vec<Row> {
    rows! {
        "introspect" "200" "an access token" => [] |app| {
            let user = app.user().await;
            app.send(app.as_client("/oauth/introspect", &[("token", &user.tokens.access)])).await
        }
        "introspect" "200" "a refresh token" => [] |app| {
            let user = app.user().await;
            app.send(app.as_client("/oauth/introspect", &[("token", &user.tokens.refresh)])).await
        }
        "introspect" "200" "a used refresh token" => [] |app| {
            let user = app.user().await;
            let second = app.refresh(&user.tokens).await;
            app.refresh(&second).await;
            app.send(app.as_client("/oauth/introspect", &[("token", &user.tokens.refresh)])).await
        }
        "introspect" "200" "a malformed token" => [] |app| {
            app.send(app.as_client("/oauth/introspect", &[("token", "nothing")])).await
        }
        "introspect" "400 invalid_request" "" => [] |app| {
            app.send(app.as_client("/oauth/introspect", &[])).await
        }
        "introspect" "401 invalid_client" "" => [] |app| {
            app.send(app.post("/oauth/introspect", &json!({}))).await
        }
        "revoke" "200" "an access token" =>
            ["session_revoked" {"reason": "logout", "actor": {"type": "service", "id": CLIENT}}] |app| {
            let user = app.user().await;
            app.send(app.as_client("/oauth/revoke", &[("token", &user.tokens.access)])).await.about(&user)
        }
        "revoke" "200" "a refresh token" =>
            ["session_revoked" {"reason": "logout", "actor": {"type": "service", "id": CLIENT}}] |app| {
            let user = app.user().await;
            app.send(app.as_client("/oauth/revoke", &[("token", &user.tokens.refresh)])).await.about(&user)
        }
        "revoke" "200" "a used refresh token" =>
            ["token_reuse_detected" {"presentedGeneration": 1, "currentGeneration": 3, "action": "session_revoked"}] |app| {
            let user = app.user().await;
            let second = app.refresh(&user.tokens).await;
            app.refresh(&second).await;
            app.send(app.as_client("/oauth/revoke", &[("token", &user.tokens.refresh)])).await.about(&user)
        }
        "revoke" "200" "of a revoked session" => [] |app| {
            let user = app.user().await;
            app.send(app.post("/auth/logout", &json!({ "refreshToken": user.tokens.refresh }))).await;
            app.send(app.as_client("/oauth/revoke", &[("token", &user.tokens.refresh)])).await
        }
        "revoke" "200" "a malformed token" => [] |app| {
            app.send(app.as_client("/oauth/revoke", &[("token", "nothing")])).await
        }
        "revoke" "400 invalid_request" "" => [] |app| {
            app.send(app.as_client("/oauth/revoke", &[])).await
        }
        "revoke" "401 invalid_client" "" => [] |app| {
            app.send(app.post("/oauth/revoke", &json!({}))).await
        }
    }
}
