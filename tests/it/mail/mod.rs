//! Outgoing mail, and mailed codes: password resets and email verification.
#![expect(clippy::indexing_slicing, reason = "a missing field of an answer is a failed test")]

mod addresses;
mod content;
mod delivery;
mod enumeration;
mod events;
mod limits;
mod passwords;
mod policy;
mod pre_hijacking;
mod races;
mod server;
mod verification;

use serde_json::json;

use crate::support::app::{Builder, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::http::{Answer, Http};
use crate::support::smtp::SmtpServer;

const ADA: &str = "ada@example.com";
/// A password that satisfies the policy.
const NEW_PASSWORD: &str = "quiet harbour 52";
const VERIFY: &str = "Confirm your email address";
const RESET: &str = "Reset your password";

/// A builder of an application with a mail server.
fn builder(backend: Backend, smtp: &SmtpServer) -> Builder {
    TestApp::builder(backend).settings(smtp.settings())
}

/// An application with a mail server and an adjustable clock.
async fn with_mail(backend: Backend) -> (TestApp, SmtpServer, TestClock) {
    let (smtp, clock) = (SmtpServer::start().await, TestClock::running());
    let app = builder(backend, &smtp).clock(clock.clone()).spawn().await;
    (app, smtp, clock)
}

async fn forgot(http: &Http, email: &str) -> Answer {
    http.post("/auth/password/forgot", &json!({ "email": email })).await
}

async fn reset(http: &Http, code: &str, password: &str) -> Answer {
    let body = json!({ "code": code, "newPassword": password });
    http.post("/auth/password/reset", &body).await
}

async fn change(http: &Http, access: &str, current: &str, new: &str) -> Answer {
    let body = json!({ "currentPassword": current, "newPassword": new });
    http.send_as(access, reqwest::Method::POST, "/auth/password/change", &body).await
}

async fn verify(http: &Http, code: &str) -> Answer {
    http.post("/auth/email/verify", &json!({ "code": code })).await
}

async fn resend(http: &Http, access: &str) -> Answer {
    let request = http.request(reqwest::Method::POST, "/auth/email/resend");
    http.send(request.bearer_auth(access)).await
}
