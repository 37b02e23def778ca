//! Rows of operations for other services and operators.

use reqwest::Method;

use super::{Row, rows};

pub(super) fn rows() -> Vec<Row> {
    rows! {
        "getJwks" "200" "" => [] |app| {
            app.send(app.request(Method::GET, "/.well-known/jwks.json")).await
        }
        "getJwks" "304" "" => [] |app| {
            app.send(app.request(Method::GET, "/.well-known/jwks.json").header("if-none-match", "*")).await
        }
        "getAuthorizationServerMetadata" "304" "" => [] |app| {
            let path = "/.well-known/oauth-authorization-server";
            app.send(app.request(Method::GET, path).header("if-none-match", "*")).await
        }
        "getAuthorizationServerMetadata" "200" "" => [] |app| {
            app.send(app.request(Method::GET, "/.well-known/oauth-authorization-server")).await
        }
        "getOpenIdConfiguration" "200" "" => [] |app| {
            app.send(app.request(Method::GET, "/.well-known/openid-configuration")).await
        }
        "getOpenIdConfiguration" "304" "" => [] |app| {
            let path = "/.well-known/openid-configuration";
            app.send(app.request(Method::GET, path).header("if-none-match", "*")).await
        }
        "verifyRequest" "200" "" => [] |app| {
            let user = app.user().await;
            app.send(app.request(Method::GET, "/auth/verify").bearer_auth(&user.tokens.access)).await
        }
        "getHealth" "200" "" => [] |app| {
            app.send(app.request(Method::GET, "/healthz")).await
        }
        "getReadiness" "200" "" => [] |app| {
            app.send(app.request(Method::GET, "/readyz")).await
        }
    }
}
