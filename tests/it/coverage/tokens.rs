//! Rows of logging in, refreshing and logging out.

use serde_json::json;

use super::{Row, rows};
use crate::support::app::PASSWORD;

pub(super) fn rows() -> Vec<Row> {
    [login(), refresh(), logout()].into_iter().flatten().collect()
}

fn login() -> Vec<Row> {
    rows! {
        "login" "200" "" => ["logged_in" {"method": "password", "amr": ["pwd"]}] |app| {
            let user = app.user().await;
            let body = json!({ "identifier": user.email, "password": PASSWORD });
            app.send(app.post("/auth/login", &body)).await.about(&user)
        }
        "login" "401 invalid_credentials" "a wrong password" => ["login_failed" {"reason": "wrong_password"}] |app| {
            let user = app.user().await;
            let body = json!({ "identifier": user.email, "password": "not the password" });
            app.send(app.post("/auth/login", &body)).await.about(&user)
        }
        "login" "401 invalid_credentials" "an unknown address" => ["login_failed" {"reason": "unknown_account"}] |app| {
            let body = json!({ "identifier": app.new_email(), "password": PASSWORD });
            app.send(app.post("/auth/login", &body)).await
        }
        "login" "429 rate_limited" "" => [] |app| {
            app.until_limited(|| {
                app.post("/auth/login", &json!({ "identifier": "nobody", "password": PASSWORD }))
            }).await
        }
    }
}

fn refresh() -> Vec<Row> {
    rows! {
        "refreshTokens" "200" "the current token" => ["token_refreshed" {"generation": 2}] |app| {
            let user = app.user().await;
            let body = json!({ "refreshToken": user.tokens.refresh });
            app.send(app.post("/auth/refresh", &body)).await.about(&user)
        }
        "refreshTokens" "200" "a retry within the grace period" => [] |app| {
            let user = app.user().await;
            let body = json!({ "refreshToken": user.tokens.refresh });
            app.send(app.post("/auth/refresh", &body)).await;
            app.send(app.post("/auth/refresh", &body)).await
        }
        "refreshTokens" "401 invalid_refresh_token" "a malformed token" => [] |app| {
            app.send(app.post("/auth/refresh", &json!({ "refreshToken": "wrt_nothing" }))).await
        }
        "refreshTokens" "401 invalid_refresh_token" "a used token" =>
            ["token_reuse_detected" {"presentedGeneration": 1, "currentGeneration": 3, "action": "session_revoked"}] |app| {
            let user = app.user().await;
            let first = json!({ "refreshToken": user.tokens.refresh });
            let second = app.refresh(&user.tokens).await;
            app.refresh(&second).await;
            app.send(app.post("/auth/refresh", &first)).await.about(&user)
        }
        "refreshTokens" "401 invalid_refresh_token" "of a revoked session" => [] |app| {
            let user = app.user().await;
            let body = json!({ "refreshToken": user.tokens.refresh });
            app.send(app.post("/auth/logout", &body)).await;
            app.send(app.post("/auth/refresh", &body)).await
        }
        "refreshTokens" "429 rate_limited" "" => [] |app| {
            let user = app.user().await;
            let body = json!({ "refreshToken": user.tokens.refresh });
            app.until_limited(|| app.post("/auth/refresh", &body)).await
        }
    }
}

fn logout() -> Vec<Row> {
    rows! {
        "logout" "204" "this session" => ["logged_out" {"scope": "local"}] |app| {
            let user = app.user().await;
            let request = app.post("/auth/logout", &json!({})).bearer_auth(&user.tokens.access);
            app.send(request).await.about(&user)
        }
        "logout" "204" "the others" => ["logged_out" {"scope": "others"}] |app| {
            let user = app.user().await;
            app.log_in_again(&user).await;
            let request = app.post("/auth/logout", &json!({ "scope": "others" })).bearer_auth(&user.tokens.access);
            app.send(request).await.about(&user)
        }
        "logout" "204" "all of them" => ["logged_out" {"scope": "global"}] |app| {
            let user = app.user().await;
            app.log_in_again(&user).await;
            let request = app.post("/auth/logout", &json!({ "scope": "global" })).bearer_auth(&user.tokens.access);
            app.send(request).await.about(&user)
        }
        "logout" "204" "with the refresh token alone" => ["logged_out" {"scope": "local"}] |app| {
            let user = app.user().await;
            let request = app.post("/auth/logout", &json!({ "refreshToken": user.tokens.refresh }));
            app.send(request).await.about(&user)
        }
        "logout" "401 invalid_refresh_token" "" => [] |app| {
            app.send(app.post("/auth/logout", &json!({ "refreshToken": "wrt_nothing" }))).await
        }
    }
}
