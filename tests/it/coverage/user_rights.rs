//! Rows of what users may do, and whether.

use reqwest::Method;

use super::users::{UNKNOWN, by_admin, by_nobody, path};
use super::{Row, rows};

pub(super) fn rows() -> Vec<Row> {
    [grant(), revoke(), disable(), enable(), unlock(), end_sessions()]
        .into_iter()
        .flatten()
        .collect()
}

fn grant() -> Vec<Row> {
    rows! {
        "grantRole" "200" "" => ["role_granted" {"role": "artist"}] |stage| {
            let person = stage.person().await;
            let path = path(&person) + "/roles/artist";
            stage.ask(by_admin(stage, Method::PUT, &path).await).await.about(&person)
        }
        "grantRole" "200" "one that the user has" => [] |stage| {
            let path = path(&stage.person().await) + "/roles/user";
            stage.ask(by_admin(stage, Method::PUT, &path).await).await
        }
        "grantRole" "400 invalid_parameter" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::PUT, "/users/me/roles/artist").await).await
        }
        "grantRole" "403 forbidden" "" => [] |stage| {
            let path = path(&stage.person().await) + "/roles/admin";
            stage.ask(by_nobody(stage, Method::PUT, &path).await).await
        }
        "grantRole" "404 not_found" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::PUT, &format!("{UNKNOWN}/roles/artist")).await).await
        }
        "grantRole" "422 validation_failed" "" => [] |stage| {
            let path = path(&stage.person().await) + "/roles/wizard";
            stage.ask(by_admin(stage, Method::PUT, &path).await).await
        }
        "grantRole" "429 rate_limited" "" => [] |stage| {
            let access = stage.admin().await.access.clone();
            let path = format!("{UNKNOWN}/roles/artist");
            stage.until_limited(|| stage.request(Method::PUT, &path).bearer_auth(&access)).await
        }
    }
}

fn revoke() -> Vec<Row> {
    rows! {
        "revokeRole" "200" "" => ["role_revoked" {"role": "user"}] |stage| {
            let person = stage.person().await;
            let path = path(&person) + "/roles/user";
            stage.ask(by_admin(stage, Method::DELETE, &path).await).await.about(&person)
        }
        "revokeRole" "200" "one that the user does not have" => [] |stage| {
            let path = path(&stage.person().await) + "/roles/artist";
            stage.ask(by_admin(stage, Method::DELETE, &path).await).await
        }
        "revokeRole" "400 invalid_parameter" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::DELETE, "/users/me/roles/artist").await).await
        }
        "revokeRole" "403 forbidden" "" => [] |stage| {
            let path = path(&stage.person().await) + "/roles/user";
            stage.ask(by_nobody(stage, Method::DELETE, &path).await).await
        }
        "revokeRole" "404 not_found" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::DELETE, &format!("{UNKNOWN}/roles/artist")).await).await
        }
        "revokeRole" "409 last_administrator" "" => [] |stage| {
            let path = format!("/users/{}/roles/admin", stage.sole_admin().await);
            stage.ask(by_admin(stage, Method::DELETE, &path).await).await
        }
        "revokeRole" "422 validation_failed" "" => [] |stage| {
            let path = path(&stage.person().await) + "/roles/No%20Role";
            stage.ask(by_admin(stage, Method::DELETE, &path).await).await
        }
        "revokeRole" "429 rate_limited" "" => [] |stage| {
            let access = stage.admin().await.access.clone();
            let path = format!("{UNKNOWN}/roles/artist");
            stage.until_limited(|| stage.request(Method::DELETE, &path).bearer_auth(&access)).await
        }
        "deleteMe" "409 last_administrator" "" => [] |stage| {
            stage.sole_admin().await;
            let body = serde_json::json!({ "password": crate::support::app::PASSWORD });
            stage.ask(by_admin(stage, Method::DELETE, "/auth/me").await.json(&body)).await
        }
    }
}

fn disable() -> Vec<Row> {
    rows! {
        "disableUser" "200" "" => ["disabled" {"reason": "admin"}] |stage| {
            let person = stage.person().await;
            stage.another_session(&person).await;
            let path = path(&person) + "/disable";
            stage.ask(by_admin(stage, Method::POST, &path).await).await.about(&person)
        }
        "disableUser" "200" "one who is disabled" => [] |stage| {
            let path = path(&stage.person().await) + "/disable";
            stage.ask(by_admin(stage, Method::POST, &path).await).await;
            stage.ask(by_admin(stage, Method::POST, &path).await).await
        }
        "disableUser" "400 invalid_parameter" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::POST, "/users/me/disable").await).await
        }
        "disableUser" "403 forbidden" "" => [] |stage| {
            let path = path(&stage.person().await) + "/disable";
            stage.ask(by_nobody(stage, Method::POST, &path).await).await
        }
        "disableUser" "404 not_found" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::POST, &format!("{UNKNOWN}/disable")).await).await
        }
        "disableUser" "409 last_administrator" "" => [] |stage| {
            let path = format!("/users/{}/disable", stage.sole_admin().await);
            stage.ask(by_admin(stage, Method::POST, &path).await).await
        }
        "disableUser" "429 rate_limited" "" => [] |stage| {
            let access = stage.admin().await.access.clone();
            let path = format!("{UNKNOWN}/disable");
            stage.until_limited(|| stage.request(Method::POST, &path).bearer_auth(&access)).await
        }
    }
}

fn enable() -> Vec<Row> {
    rows! {
        "enableUser" "200" "" => ["enabled" {"reason": "admin"}] |stage| {
            let person = stage.person().await;
            let path = path(&person);
            stage.ask(by_admin(stage, Method::POST, &format!("{path}/disable")).await).await;
            stage.ask(by_admin(stage, Method::POST, &format!("{path}/enable")).await).await.about(&person)
        }
        "enableUser" "200" "one who is active" => [] |stage| {
            let path = path(&stage.person().await) + "/enable";
            stage.ask(by_admin(stage, Method::POST, &path).await).await
        }
        "enableUser" "400 invalid_parameter" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::POST, "/users/me/enable").await).await
        }
        "enableUser" "403 forbidden" "" => [] |stage| {
            let path = path(&stage.person().await) + "/enable";
            stage.ask(by_nobody(stage, Method::POST, &path).await).await
        }
        "enableUser" "404 not_found" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::POST, &format!("{UNKNOWN}/enable")).await).await
        }
        "enableUser" "429 rate_limited" "" => [] |stage| {
            let access = stage.admin().await.access.clone();
            let path = format!("{UNKNOWN}/enable");
            stage.until_limited(|| stage.request(Method::POST, &path).bearer_auth(&access)).await
        }
    }
}

fn unlock() -> Vec<Row> {
    rows! {
        "removeUserMfa" "204" "" => ["mfa_removed" {"factorType": "totp"}] |stage| {
            let person = super::mfa::enrolled_person(stage).await;
            let path = path(&person) + "/mfa";
            stage.ask(by_admin(stage, Method::DELETE, &path).await).await.about(&person)
        }
        "removeUserMfa" "400 invalid_parameter" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::DELETE, "/users/me/mfa").await).await
        }
        "removeUserMfa" "403 forbidden" "" => [] |stage| {
            let path = path(&stage.person().await) + "/mfa";
            stage.ask(by_nobody(stage, Method::DELETE, &path).await).await
        }
        "removeUserMfa" "404 not_found" "there is none" => [] |stage| {
            let path = path(&stage.person().await) + "/mfa";
            stage.ask(by_admin(stage, Method::DELETE, &path).await).await
        }
        "removeUserMfa" "429 rate_limited" "" => [] |stage| {
            let access = stage.admin().await.access.clone();
            let path = format!("{UNKNOWN}/mfa");
            stage.until_limited(|| stage.request(Method::DELETE, &path).bearer_auth(&access)).await
        }
        "unlockUser" "204" "" => ["unlocked" {"reason": "admin"}] |stage| {
            let person = stage.person().await;
            let path = path(&person) + "/unlock";
            stage.ask(by_admin(stage, Method::POST, &path).await).await.about(&person)
        }
        "unlockUser" "400 invalid_parameter" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::POST, "/users/me/unlock").await).await
        }
        "unlockUser" "403 forbidden" "" => [] |stage| {
            let path = path(&stage.person().await) + "/unlock";
            stage.ask(by_nobody(stage, Method::POST, &path).await).await
        }
        "unlockUser" "404 not_found" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::POST, &format!("{UNKNOWN}/unlock")).await).await
        }
        "unlockUser" "429 rate_limited" "" => [] |stage| {
            let access = stage.admin().await.access.clone();
            let path = format!("{UNKNOWN}/unlock");
            stage.until_limited(|| stage.request(Method::POST, &path).bearer_auth(&access)).await
        }
    }
}

fn end_sessions() -> Vec<Row> {
    rows! {
        "revokeUserSessions" "204" "two" =>
            ["session_revoked" {"reason": "admin"}, "session_revoked" {"reason": "admin"}] |stage| {
            let person = stage.person().await;
            stage.another_session(&person).await;
            let path = path(&person) + "/sessions";
            stage.ask(by_admin(stage, Method::DELETE, &path).await).await.about(&person)
        }
        "revokeUserSessions" "204" "none" => [] |stage| {
            let path = path(&stage.person().await) + "/sessions";
            stage.ask(by_admin(stage, Method::DELETE, &path).await).await;
            stage.ask(by_admin(stage, Method::DELETE, &path).await).await
        }
        "revokeUserSessions" "400 invalid_parameter" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::DELETE, "/users/me/sessions").await).await
        }
        "revokeUserSessions" "403 forbidden" "" => [] |stage| {
            let path = path(&stage.person().await) + "/sessions";
            stage.ask(by_nobody(stage, Method::DELETE, &path).await).await
        }
        "revokeUserSessions" "404 not_found" "" => [] |stage| {
            stage.ask(by_admin(stage, Method::DELETE, &format!("{UNKNOWN}/sessions")).await).await
        }
        "revokeUserSessions" "429 rate_limited" "" => [] |stage| {
            let access = stage.admin().await.access.clone();
            let path = format!("{UNKNOWN}/sessions");
            stage.until_limited(|| stage.request(Method::DELETE, &path).bearer_auth(&access)).await
        }
    }
}
