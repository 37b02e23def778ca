//! The events of passwords and addresses, compared with their golden files.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{ADA, NEW_PASSWORD, RESET, VERIFY, with_mail};
use crate::flows::events::golden::assert_golden;
use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;

flow_tests! {
    the_events_of_passwords_and_addresses_match_their_golden_files,
}

/// A request with fixed metadata, which its event contains.
fn tagged(app: &TestApp, path: &str) -> RequestBuilder {
    app.request(Method::POST, path)
        .header("user-agent", "golden/1.0")
        .header("x-request-id", "golden-request")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
}

async fn post(app: &TestApp, path: &str, body: &Value, status: u16) {
    app.send(tagged(app, path).json(body)).await.expect_status(status);
}

async fn the_events_of_passwords_and_addresses_match_their_golden_files(backend: Backend) {
    let (app, smtp, _) = with_mail(backend).await;
    let access = app.registered(ADA).await.tokens().access;
    let request = tagged(&app, "/auth/email/resend").bearer_auth(&access);
    app.send(request).await.expect_status(202);
    let statuses = {
        smtp.count(2).await;
        let mails = smtp.mails();
        assert!(mails.iter().all(|mail| mail.header("Subject") == VERIFY));
        // Two mails may arrive in either order. Only the newer code works.
        let mut statuses = Vec::new();
        for mail in mails {
            let request = tagged(&app, "/auth/email/verify").json(&json!({ "code": mail.code() }));
            statuses.push(app.send(request).await.status.as_u16());
        }
        statuses.sort_unstable();
        statuses
    };
    assert_eq!(statuses, [204, 422]);
    let change = json!({ "currentPassword": PASSWORD, "newPassword": NEW_PASSWORD });
    let request = tagged(&app, "/auth/password/change").bearer_auth(&access);
    app.send(request.json(&change)).await.expect_status(204);
    post(&app, "/auth/password/forgot", &json!({ "email": ADA }), 202).await;
    let code = smtp.mail(ADA, RESET, 1).await.code();
    let body = json!({ "code": code, "newPassword": "another harbour 53" });
    post(&app, "/auth/password/reset", &body, 204).await;
    post(&app, "/auth/password/forgot", &json!({ "email": "nobody@example.com" }), 202).await;

    let expected = [
        "registered",
        "email_verification_requested",
        "email_verified",
        "password_changed",
        "password_reset_requested",
        "password_reset_completed",
        "password_reset_requested",
    ];
    assert_eq!(app.event_names().await, expected);
    let events = app.events().await;
    for (name, event) in expected.iter().zip(&events).take(6).skip(1) {
        assert_golden(name, event);
    }
    let unknown = &events[6].payload["data"];
    assert_eq!((unknown.get("userId"), unknown.get("userSeq")), (None, None));
    assert_ne!(unknown["identifierHash"], events[4].payload["data"]["identifierHash"]);
    app.finish().await;
}
