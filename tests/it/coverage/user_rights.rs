//! Rows of roles, status, sessions and second factors of users.

use reqwest::Method;

use super::users::{UNKNOWN, by_admin, by_user, path};
use super::{Row, rows};

/// The entity tag of no user.
pub(super) const OTHER_TAG: &str = "\"00000000000000000000000000000000\"";

pub(super) fn rows() -> Vec<Row> {
    [grant(), revoke(), disable(), enable(), unlock(), revoke_sessions()]
        .into_iter()
        .flatten()
        .collect()
}

fn grant() -> Vec<Row> {
    rows! {
        "grantRole" "200" "" => ["role_granted" {"role": "artist"}] |app| {
            let user = app.user().await;
            let path = path(&user) + "/roles/artist";
            app.send(by_admin(app, Method::PUT, &path).await).await.about(&user)
        }
        "grantRole" "200" "a role of the user" => [] |app| {
            let path = path(&app.user().await) + "/roles/user";
            app.send(by_admin(app, Method::PUT, &path).await).await
        }
        "grantRole" "400 invalid_parameter" "" => [] |app| {
            app.send(by_admin(app, Method::PUT, "/users/me/roles/artist").await).await
        }
        "grantRole" "403 forbidden" "" => [] |app| {
            let path = path(&app.user().await) + "/roles/admin";
            app.send(by_user(app, Method::PUT, &path).await).await
        }
        "grantRole" "404 not_found" "" => [] |app| {
            app.send(by_admin(app, Method::PUT, &format!("{UNKNOWN}/roles/artist")).await).await
        }
        "grantRole" "400 invalid_parameter" "an unknown role" => [] |app| {
            let path = path(&app.user().await) + "/roles/wizard";
            app.send(by_admin(app, Method::PUT, &path).await).await
        }
        "grantRole" "412 precondition_failed" "" => [] |app| {
            let path = path(&app.user().await) + "/roles/artist";
            let request = by_admin(app, Method::PUT, &path).await.header("if-match", OTHER_TAG);
            app.send(request).await
        }
        "grantRole" "429 rate_limited" "" => [] |app| {
            let access = app.admin().await.access.clone();
            let path = format!("{UNKNOWN}/roles/artist");
            app.until_limited(|| app.request(Method::PUT, &path).bearer_auth(&access)).await
        }
    }
}

fn revoke() -> Vec<Row> {
    rows! {
        "revokeRole" "200" "" => ["role_revoked" {"role": "user"}] |app| {
            let user = app.user().await;
            let path = path(&user) + "/roles/user";
            app.send(by_admin(app, Method::DELETE, &path).await).await.about(&user)
        }
        "revokeRole" "200" "a role that the user does not have" => [] |app| {
            let path = path(&app.user().await) + "/roles/artist";
            app.send(by_admin(app, Method::DELETE, &path).await).await
        }
        "revokeRole" "400 invalid_parameter" "" => [] |app| {
            app.send(by_admin(app, Method::DELETE, "/users/me/roles/artist").await).await
        }
        "revokeRole" "403 forbidden" "" => [] |app| {
            let path = path(&app.user().await) + "/roles/user";
            app.send(by_user(app, Method::DELETE, &path).await).await
        }
        "revokeRole" "404 not_found" "" => [] |app| {
            app.send(by_admin(app, Method::DELETE, &format!("{UNKNOWN}/roles/artist")).await).await
        }
        "revokeRole" "409 last_administrator" "" => [] |app| {
            let path = format!("/users/{}/roles/admin", app.sole_admin().await);
            app.send(by_admin(app, Method::DELETE, &path).await).await
        }
        "revokeRole" "400 invalid_parameter" "no role" => [] |app| {
            let path = path(&app.user().await) + "/roles/No%20Role";
            app.send(by_admin(app, Method::DELETE, &path).await).await
        }
        "revokeRole" "412 precondition_failed" "" => [] |app| {
            let path = path(&app.user().await) + "/roles/user";
            let request = by_admin(app, Method::DELETE, &path).await.header("if-match", OTHER_TAG);
            app.send(request).await
        }
        "revokeRole" "429 rate_limited" "" => [] |app| {
            let access = app.admin().await.access.clone();
            let path = format!("{UNKNOWN}/roles/artist");
            app.until_limited(|| app.request(Method::DELETE, &path).bearer_auth(&access)).await
        }
        "deleteMe" "409 last_administrator" "" => [] |app| {
            app.sole_admin().await;
            let body = serde_json::json!({ "password": crate::support::app::PASSWORD });
            app.send(by_admin(app, Method::POST, "/auth/me/delete").await.json(&body)).await
        }
    }
}

fn disable() -> Vec<Row> {
    rows! {
        "disableUser" "200" "" => ["disabled" {"reason": "admin"}] |app| {
            let user = app.user().await;
            app.log_in_again(&user).await;
            let path = path(&user) + "/disable";
            app.send(by_admin(app, Method::POST, &path).await).await.about(&user)
        }
        "disableUser" "200" "a disabled user" => [] |app| {
            let path = path(&app.user().await) + "/disable";
            app.send(by_admin(app, Method::POST, &path).await).await;
            app.send(by_admin(app, Method::POST, &path).await).await
        }
        "disableUser" "400 invalid_parameter" "" => [] |app| {
            app.send(by_admin(app, Method::POST, "/users/me/disable").await).await
        }
        "disableUser" "403 forbidden" "" => [] |app| {
            let path = path(&app.user().await) + "/disable";
            app.send(by_user(app, Method::POST, &path).await).await
        }
        "disableUser" "404 not_found" "" => [] |app| {
            app.send(by_admin(app, Method::POST, &format!("{UNKNOWN}/disable")).await).await
        }
        "disableUser" "409 last_administrator" "" => [] |app| {
            let path = format!("/users/{}/disable", app.sole_admin().await);
            app.send(by_admin(app, Method::POST, &path).await).await
        }
        "disableUser" "412 precondition_failed" "" => [] |app| {
            let path = path(&app.user().await) + "/disable";
            let request = by_admin(app, Method::POST, &path).await.header("if-match", OTHER_TAG);
            app.send(request).await
        }
        "disableUser" "429 rate_limited" "" => [] |app| {
            let access = app.admin().await.access.clone();
            let path = format!("{UNKNOWN}/disable");
            app.until_limited(|| app.request(Method::POST, &path).bearer_auth(&access)).await
        }
    }
}

fn enable() -> Vec<Row> {
    rows! {
        "enableUser" "200" "" => ["enabled" {"reason": "admin"}] |app| {
            let user = app.user().await;
            let path = path(&user);
            app.send(by_admin(app, Method::POST, &format!("{path}/disable")).await).await;
            app.send(by_admin(app, Method::POST, &format!("{path}/enable")).await).await.about(&user)
        }
        "enableUser" "200" "an active user" => [] |app| {
            let path = path(&app.user().await) + "/enable";
            app.send(by_admin(app, Method::POST, &path).await).await
        }
        "enableUser" "400 invalid_parameter" "" => [] |app| {
            app.send(by_admin(app, Method::POST, "/users/me/enable").await).await
        }
        "enableUser" "403 forbidden" "" => [] |app| {
            let path = path(&app.user().await) + "/enable";
            app.send(by_user(app, Method::POST, &path).await).await
        }
        "enableUser" "404 not_found" "" => [] |app| {
            app.send(by_admin(app, Method::POST, &format!("{UNKNOWN}/enable")).await).await
        }
        "enableUser" "412 precondition_failed" "" => [] |app| {
            let path = path(&app.user().await) + "/enable";
            let request = by_admin(app, Method::POST, &path).await.header("if-match", OTHER_TAG);
            app.send(request).await
        }
        "enableUser" "429 rate_limited" "" => [] |app| {
            let access = app.admin().await.access.clone();
            let path = format!("{UNKNOWN}/enable");
            app.until_limited(|| app.request(Method::POST, &path).bearer_auth(&access)).await
        }
    }
}

fn unlock() -> Vec<Row> {
    rows! {
        "removeUserMfa" "204" "" => ["mfa_removed" {"factorType": "totp"}] |app| {
            let user = super::mfa::enrolled_user(app).await;
            let path = path(&user) + "/mfa";
            app.send(by_admin(app, Method::DELETE, &path).await).await.about(&user)
        }
        "removeUserMfa" "400 invalid_parameter" "" => [] |app| {
            app.send(by_admin(app, Method::DELETE, "/users/me/mfa").await).await
        }
        "removeUserMfa" "403 forbidden" "" => [] |app| {
            let path = path(&app.user().await) + "/mfa";
            app.send(by_user(app, Method::DELETE, &path).await).await
        }
        "removeUserMfa" "404 not_found" "no second factor" => [] |app| {
            let path = path(&app.user().await) + "/mfa";
            app.send(by_admin(app, Method::DELETE, &path).await).await
        }
        "removeUserMfa" "429 rate_limited" "" => [] |app| {
            let access = app.admin().await.access.clone();
            let path = format!("{UNKNOWN}/mfa");
            app.until_limited(|| app.request(Method::DELETE, &path).bearer_auth(&access)).await
        }
        "unlockUser" "204" "" => ["unlocked" {"reason": "admin"}] |app| {
            let user = app.user().await;
            let path = path(&user) + "/unlock";
            app.send(by_admin(app, Method::POST, &path).await).await.about(&user)
        }
        "unlockUser" "400 invalid_parameter" "" => [] |app| {
            app.send(by_admin(app, Method::POST, "/users/me/unlock").await).await
        }
        "unlockUser" "403 forbidden" "" => [] |app| {
            let path = path(&app.user().await) + "/unlock";
            app.send(by_user(app, Method::POST, &path).await).await
        }
        "unlockUser" "404 not_found" "" => [] |app| {
            app.send(by_admin(app, Method::POST, &format!("{UNKNOWN}/unlock")).await).await
        }
        "unlockUser" "429 rate_limited" "" => [] |app| {
            let access = app.admin().await.access.clone();
            let path = format!("{UNKNOWN}/unlock");
            app.until_limited(|| app.request(Method::POST, &path).bearer_auth(&access)).await
        }
    }
}

fn revoke_sessions() -> Vec<Row> {
    rows! {
        "revokeUserSessions" "204" "two" =>
            ["session_revoked" {"reason": "admin"}] |app| {
            let user = app.user().await;
            app.log_in_again(&user).await;
            let path = path(&user) + "/sessions";
            app.send(by_admin(app, Method::DELETE, &path).await).await.about(&user)
        }
        "revokeUserSessions" "204" "none" => [] |app| {
            let path = path(&app.user().await) + "/sessions";
            app.send(by_admin(app, Method::DELETE, &path).await).await;
            app.send(by_admin(app, Method::DELETE, &path).await).await
        }
        "revokeUserSessions" "400 invalid_parameter" "" => [] |app| {
            app.send(by_admin(app, Method::DELETE, "/users/me/sessions").await).await
        }
        "revokeUserSessions" "403 forbidden" "" => [] |app| {
            let path = path(&app.user().await) + "/sessions";
            app.send(by_user(app, Method::DELETE, &path).await).await
        }
        "revokeUserSessions" "404 not_found" "" => [] |app| {
            app.send(by_admin(app, Method::DELETE, &format!("{UNKNOWN}/sessions")).await).await
        }
        "revokeUserSessions" "429 rate_limited" "" => [] |app| {
            let access = app.admin().await.access.clone();
            let path = format!("{UNKNOWN}/sessions");
            app.until_limited(|| app.request(Method::DELETE, &path).bearer_auth(&access)).await
        }
    }
}
