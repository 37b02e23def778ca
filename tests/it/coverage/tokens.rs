//! Rows of logging in, refreshing and logging out.

use serde_json::json;

use super::{Row, rows};
use crate::support::app::PASSWORD;

pub(super) fn rows() -> Vec<Row> {
    [login(), refresh(), logout()].into_iter().flatten().collect()
}

fn login() -> Vec<Row> {
    rows! {
        "login" "200" "" => ["logged_in" {"method": "password", "amr": ["pwd"]}] |stage| {
            let person = stage.person().await;
            let body = json!({ "identifier": person.email, "password": PASSWORD });
            stage.ask(stage.post("/auth/login", &body)).await.about(&person)
        }
        "login" "401 invalid_credentials" "a wrong password" => ["login_failed" {"reason": "wrong_password"}] |stage| {
            let person = stage.person().await;
            let body = json!({ "identifier": person.email, "password": "not the password" });
            stage.ask(stage.post("/auth/login", &body)).await.about(&person)
        }
        "login" "401 invalid_credentials" "nobody's address" => ["login_failed" {"reason": "unknown_account"}] |stage| {
            let body = json!({ "identifier": stage.new_email(), "password": PASSWORD });
            stage.ask(stage.post("/auth/login", &body)).await
        }
        "login" "429 rate_limited" "" => [] |stage| {
            stage.until_limited(|| {
                stage.post("/auth/login", &json!({ "identifier": "nobody", "password": PASSWORD }))
            }).await
        }
    }
}

fn refresh() -> Vec<Row> {
    rows! {
        "refresh" "200" "the live token" => ["token_refreshed" {"generation": 2}] |stage| {
            let person = stage.person().await;
            let body = json!({ "refreshToken": person.tokens.refresh });
            stage.ask(stage.post("/auth/refresh", &body)).await.about(&person)
        }
        "refresh" "200" "again, because the answer was lost" => [] |stage| {
            let person = stage.person().await;
            let body = json!({ "refreshToken": person.tokens.refresh });
            stage.ask(stage.post("/auth/refresh", &body)).await;
            stage.ask(stage.post("/auth/refresh", &body)).await
        }
        "refresh" "401 invalid_refresh_token" "no token at all" => [] |stage| {
            stage.ask(stage.post("/auth/refresh", &json!({ "refreshToken": "wrt_nothing" }))).await
        }
        "refresh" "401 invalid_refresh_token" "a spent token" =>
            ["token_reuse_detected" {"presentedGeneration": 1, "currentGeneration": 3, "action": "session_revoked"}] |stage| {
            let person = stage.person().await;
            let first = json!({ "refreshToken": person.tokens.refresh });
            let again = stage.refreshed(&person.tokens).await;
            stage.refreshed(&again).await;
            stage.ask(stage.post("/auth/refresh", &first)).await.about(&person)
        }
        "refresh" "401 invalid_refresh_token" "of a session that is over" => [] |stage| {
            let person = stage.person().await;
            let body = json!({ "refreshToken": person.tokens.refresh });
            stage.ask(stage.post("/auth/logout", &body)).await;
            stage.ask(stage.post("/auth/refresh", &body)).await
        }
        "refresh" "429 rate_limited" "" => [] |stage| {
            let person = stage.person().await;
            let body = json!({ "refreshToken": person.tokens.refresh });
            stage.until_limited(|| stage.post("/auth/refresh", &body)).await
        }
    }
}

fn logout() -> Vec<Row> {
    rows! {
        "logout" "204" "this session" => ["logged_out" {"scope": "local"}] |stage| {
            let person = stage.person().await;
            let request = stage.post("/auth/logout", &json!({})).bearer_auth(&person.tokens.access);
            stage.ask(request).await.about(&person)
        }
        "logout" "204" "the others" => ["logged_out" {"scope": "others"}] |stage| {
            let person = stage.person().await;
            stage.another_session(&person).await;
            let request = stage.post("/auth/logout", &json!({ "scope": "others" })).bearer_auth(&person.tokens.access);
            stage.ask(request).await.about(&person)
        }
        "logout" "204" "all of them" => ["logged_out" {"scope": "global"}] |stage| {
            let person = stage.person().await;
            stage.another_session(&person).await;
            let request = stage.post("/auth/logout", &json!({ "scope": "global" })).bearer_auth(&person.tokens.access);
            stage.ask(request).await.about(&person)
        }
        "logout" "204" "with the refresh token alone" => ["logged_out" {"scope": "local"}] |stage| {
            let person = stage.person().await;
            let request = stage.post("/auth/logout", &json!({ "refreshToken": person.tokens.refresh }));
            stage.ask(request).await.about(&person)
        }
        "logout" "401 invalid_refresh_token" "" => [] |stage| {
            stage.ask(stage.post("/auth/logout", &json!({ "refreshToken": "wrt_nothing" }))).await
        }
    }
}
