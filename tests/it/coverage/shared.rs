//! Outcomes that routes share, triggered by the OpenAPI document alone. None of them records an
//! event.

use reqwest::Method;
use serde_json::{Value, json};

use super::document::Operation;
use super::fixture::{Fixture, Observed};

const SHARED: [&str; 6] = [
    "400 invalid_json",
    "401 authentication_required",
    "401 invalid_token",
    "413 payload_too_large",
    "415 unsupported_media_type",
    "422 validation_failed",
];

/// Larger than `http.max_body_bytes`.
const TOO_LARGE: usize = 40 * 1024;

/// The documented outcomes of an operation that [`trigger`] can cause.
pub(super) fn triggerable(operation: &Operation) -> impl Iterator<Item = &'static str> {
    // Without a body, `validation_failed` is about parameters, and needs a row.
    let is_triggered = |outcome: &&str| {
        let documented = operation.outcomes.iter().any(|known| known == *outcome);
        documented && (operation.has_body || *outcome != "422 validation_failed")
    };
    let found: Vec<&'static str> = SHARED.into_iter().filter(|outcome| is_triggered(outcome)).collect();
    found.into_iter()
}

/// A valid body for the operation.
fn body(operation: &Operation) -> Value {
    match operation.id.as_str() {
        "deleteMe" | "enrollTotp" | "removeTotp" | "generateRecoveryCodes" => json!({ "password": "whatever it is" }),
        "confirmTotp" => json!({ "code": "123456" }),
        "verifyMfa" => json!({ "challengeToken": "wlc_none", "code": "123456" }),
        "createEvent" => json!({ "name": "report.exported" }),
        "changePassword" => json!({ "currentPassword": "whatever it is", "newPassword": "quiet harbour 52" }),
        "forgotPassword" => json!({ "email": "nobody@example.com" }),
        "verifyEmail" => json!({ "code": "wmc_none" }),
        "createUser" => json!({ "email": "shared@example.com", "password": "whatever it is" }),
        "replaceUser" => json!({ "email": "shared@example.com", "accountType": "user" }),
        "createReplay" => json!({ "name": "shared" }),
        _ => json!({}),
    }
}

/// The path with a value for every parameter.
fn path(operation: &Operation) -> String {
    let parts = operation.path.split('/').map(|part| match part {
        "{role}" => "artist".to_owned(),
        part if part.starts_with('{') => uuid::Uuid::from_u128(1).to_string(),
        part => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

pub(super) async fn trigger(app: &Fixture, operation: &Operation, outcome: &str) -> Observed {
    let mut request = app.request(operation.method.clone(), &path(operation));
    match outcome {
        "401 authentication_required" => {}
        "401 invalid_token" => request = request.bearer_auth("not-a-token"),
        _ if operation.is_secured => request = request.bearer_auth(app.user().await.tokens.access),
        _ => {}
    }
    let sends_json = operation.has_body || operation.method == Method::POST;
    request = match outcome {
        "400 invalid_json" => request.header("content-type", "application/json").body("{"),
        "413 payload_too_large" => request.header("content-type", "application/json").body("x".repeat(TOO_LARGE)),
        "415 unsupported_media_type" => request.header("content-type", "text/plain").body("{}"),
        "422 validation_failed" => {
            let mut body = body(operation);
            body["notAField"] = json!(true);
            request.json(&body)
        }
        _ if sends_json => request.json(&body(operation)),
        _ => request,
    };
    app.send(request).await
}
