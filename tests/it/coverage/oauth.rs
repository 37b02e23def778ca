//! Rows of introspection and revocation.

use serde_json::json;

use super::{Row, rows};
use crate::support::oauth::CLIENT;

pub(super) fn rows() -> Vec<Row> {
    rows! {
        "introspectToken" "200" "an access token" => [] |app| {
            let user = app.user().await;
            app.send(app.as_client("/oauth/introspect", &[("token", &user.tokens.access)])).await
        }
        "introspectToken" "200" "a refresh token" => [] |app| {
            let user = app.user().await;
            app.send(app.as_client("/oauth/introspect", &[("token", &user.tokens.refresh)])).await
        }
        "introspectToken" "200" "a used refresh token" => [] |app| {
            let user = app.user().await;
            let second = app.refresh(&user.tokens).await;
            app.refresh(&second).await;
            app.send(app.as_client("/oauth/introspect", &[("token", &user.tokens.refresh)])).await
        }
        "introspectToken" "200" "a malformed token" => [] |app| {
            app.send(app.as_client("/oauth/introspect", &[("token", "nothing")])).await
        }
        "introspectToken" "400 invalid_request" "" => [] |app| {
            app.send(app.as_client("/oauth/introspect", &[])).await
        }
        "introspectToken" "401 invalid_client" "" => [] |app| {
            app.send(app.post("/oauth/introspect", &json!({}))).await
        }
        "revokeToken" "200" "an access token" =>
            ["session_revoked" {"reason": "logout", "actor": {"type": "service", "id": CLIENT}}] |app| {
            let user = app.user().await;
            app.send(app.as_client("/oauth/revoke", &[("token", &user.tokens.access)])).await.about(&user)
        }
        "revokeToken" "200" "a refresh token" =>
            ["session_revoked" {"reason": "logout", "actor": {"type": "service", "id": CLIENT}}] |app| {
            let user = app.user().await;
            app.send(app.as_client("/oauth/revoke", &[("token", &user.tokens.refresh)])).await.about(&user)
        }
        "revokeToken" "200" "a used refresh token" =>
            ["token_reuse_detected" {"presentedGeneration": 1, "currentGeneration": 3, "action": "session_revoked"}] |app| {
            let user = app.user().await;
            let second = app.refresh(&user.tokens).await;
            app.refresh(&second).await;
            app.send(app.as_client("/oauth/revoke", &[("token", &user.tokens.refresh)])).await.about(&user)
        }
        "revokeToken" "200" "of a revoked session" => [] |app| {
            let user = app.user().await;
            app.send(app.post("/auth/logout", &json!({ "refreshToken": user.tokens.refresh }))).await;
            app.send(app.as_client("/oauth/revoke", &[("token", &user.tokens.refresh)])).await
        }
        "revokeToken" "200" "a malformed token" => [] |app| {
            app.send(app.as_client("/oauth/revoke", &[("token", "nothing")])).await
        }
        "revokeToken" "400 invalid_request" "" => [] |app| {
            app.send(app.as_client("/oauth/revoke", &[])).await
        }
        "revokeToken" "401 invalid_client" "" => [] |app| {
            app.send(app.post("/oauth/revoke", &json!({}))).await
        }
    }
}
