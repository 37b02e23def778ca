//! Rows of the caller's sessions.

use reqwest::Method;

use super::{Row, rows};

pub(super) fn rows() -> Vec<Row> {
    [list(), others(), one()].into_iter().flatten().collect()
}

fn list() -> Vec<Row> {
    rows! {
        "listSessions" "200" "" => [] |app| {
            let user = app.user().await;
            app.send(app.request(Method::GET, "/auth/sessions").bearer_auth(&user.tokens.access)).await
        }
    }
}

fn others() -> Vec<Row> {
    rows! {
        "revokeOtherSessions" "204" "two others" =>
            ["session_revoked" {"reason": "logout"}] |app| {
            let user = app.user().await;
            app.log_in_again(&user).await;
            app.log_in_again(&user).await;
            let request = app.request(Method::DELETE, "/auth/sessions").bearer_auth(&user.tokens.access);
            app.send(request).await.about(&user)
        }
        "revokeOtherSessions" "204" "no others" => [] |app| {
            let user = app.user().await;
            app.send(app.request(Method::DELETE, "/auth/sessions").bearer_auth(&user.tokens.access)).await
        }
        "revokeOtherSessions" "429 rate_limited" "" => [] |app| {
            let user = app.user().await;
            app.until_limited(|| {
                app.request(Method::DELETE, "/auth/sessions").bearer_auth(&user.tokens.access)
            }).await
        }
    }
}

fn one() -> Vec<Row> {
    rows! {
        "revokeSession" "204" "" => ["session_revoked" {"reason": "logout"}] |app| {
            let user = app.user().await;
            let path = format!("/auth/sessions/{}", app.log_in_again(&user).await.session());
            app.send(app.request(Method::DELETE, &path).bearer_auth(&user.tokens.access)).await.about(&user)
        }
        "revokeSession" "404 not_found" "of another user" => [] |app| {
            let (user, other) = (app.user().await, app.user().await);
            let path = format!("/auth/sessions/{}", other.tokens.session());
            app.send(app.request(Method::DELETE, &path).bearer_auth(&user.tokens.access)).await
        }
        "revokeSession" "404 not_found" "a revoked session" => [] |app| {
            let user = app.user().await;
            let path = format!("/auth/sessions/{}", app.log_in_again(&user).await.session());
            let request = || app.request(Method::DELETE, &path).bearer_auth(&user.tokens.access);
            app.send(request()).await;
            app.send(request()).await
        }
        "revokeSession" "400 invalid_parameter" "" => [] |app| {
            let user = app.user().await;
            let request = app.request(Method::DELETE, "/auth/sessions/mine");
            app.send(request.bearer_auth(&user.tokens.access)).await
        }
        "revokeSession" "429 rate_limited" "" => [] |app| {
            let user = app.user().await;
            let path = format!("/auth/sessions/{}", uuid::Uuid::from_u128(1));
            app.until_limited(|| app.request(Method::DELETE, &path).bearer_auth(&user.tokens.access)).await
        }
    }
}
