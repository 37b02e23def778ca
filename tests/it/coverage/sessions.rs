//! Rows of the list of sessions.

use reqwest::Method;

use super::{Row, rows};

pub(super) fn rows() -> Vec<Row> {
    [list(), others(), one()].into_iter().flatten().collect()
}

fn list() -> Vec<Row> {
    rows! {
        "listSessions" "200" "" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.request(Method::GET, "/auth/sessions").bearer_auth(&person.tokens.access)).await
        }
    }
}

fn others() -> Vec<Row> {
    rows! {
        "revokeOtherSessions" "204" "two others" =>
            ["session_revoked" {"reason": "logout"}, "session_revoked" {"reason": "logout"}] |stage| {
            let person = stage.person().await;
            stage.another_session(&person).await;
            stage.another_session(&person).await;
            let request = stage.request(Method::DELETE, "/auth/sessions").bearer_auth(&person.tokens.access);
            stage.ask(request).await.about(&person)
        }
        "revokeOtherSessions" "204" "no others" => [] |stage| {
            let person = stage.person().await;
            stage.ask(stage.request(Method::DELETE, "/auth/sessions").bearer_auth(&person.tokens.access)).await
        }
        "revokeOtherSessions" "429 rate_limited" "" => [] |stage| {
            let person = stage.person().await;
            stage.until_limited(|| {
                stage.request(Method::DELETE, "/auth/sessions").bearer_auth(&person.tokens.access)
            }).await
        }
    }
}

fn one() -> Vec<Row> {
    rows! {
        "revokeSession" "204" "" => ["session_revoked" {"reason": "logout"}] |stage| {
            let person = stage.person().await;
            let path = format!("/auth/sessions/{}", stage.another_session(&person).await.session());
            stage.ask(stage.request(Method::DELETE, &path).bearer_auth(&person.tokens.access)).await.about(&person)
        }
        "revokeSession" "404 not_found" "somebody else's" => [] |stage| {
            let (person, other) = (stage.person().await, stage.person().await);
            let path = format!("/auth/sessions/{}", other.tokens.session());
            stage.ask(stage.request(Method::DELETE, &path).bearer_auth(&person.tokens.access)).await
        }
        "revokeSession" "404 not_found" "one that is over" => [] |stage| {
            let person = stage.person().await;
            let path = format!("/auth/sessions/{}", stage.another_session(&person).await.session());
            let request = || stage.request(Method::DELETE, &path).bearer_auth(&person.tokens.access);
            stage.ask(request()).await;
            stage.ask(request()).await
        }
        "revokeSession" "400 invalid_parameter" "" => [] |stage| {
            let person = stage.person().await;
            let request = stage.request(Method::DELETE, "/auth/sessions/mine");
            stage.ask(request.bearer_auth(&person.tokens.access)).await
        }
        "revokeSession" "429 rate_limited" "" => [] |stage| {
            let person = stage.person().await;
            let path = format!("/auth/sessions/{}", uuid::Uuid::from_u128(1));
            stage.until_limited(|| stage.request(Method::DELETE, &path).bearer_auth(&person.tokens.access)).await
        }
    }
}
