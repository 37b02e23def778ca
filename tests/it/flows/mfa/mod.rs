//! Second factors.

mod authenticator;
mod codes;
mod limits;
mod races;

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use totp_rs::Totp;

use crate::support::app::{Builder, PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::http::Answer;

const EMAIL: &str = "ada@example.com";
const STEP: Duration = Duration::from_secs(30);

/// A user with an authenticator.
struct User {
    app: TestApp,
    clock: TestClock,
    totp: Totp,
    access: String,
    recovery_codes: Vec<String>,
}

impl User {
    async fn enrolled(builder: Builder) -> Self {
        let clock = TestClock::frozen();
        let app = builder.clock(clock.clone()).spawn().await;
        let access = app.registered(EMAIL).await.tokens().access;
        let (totp, _) = start_enrollment(&app, &access).await;
        let code = json!({ "code": totp.generate(clock.seconds()).to_string() });
        let confirmed = app.send_as(&access, Method::POST, "/auth/mfa/totp/confirm", &code).await;
        let codes = confirmed.expect_status(200).json["recoveryCodes"].clone();
        let recovery_codes: Vec<String> = serde_json::from_value(codes).expect("texts");
        // The code of the enrollment cannot be used again.
        clock.advance(STEP);
        Self { app, clock, totp, access, recovery_codes }
    }

    /// The current code.
    fn code(&self) -> String {
        self.totp.generate(self.clock.seconds()).to_string()
    }

    /// A code that is not valid.
    fn wrong_code(&self) -> String {
        let code: u32 = self.code().parse().expect("digits");
        // The codes of the neighboring steps are valid, too.
        let valid = [0, 30, 60].map(|ahead| self.totp.generate(self.clock.seconds() + ahead - 30).to_string());
        (1..10)
            .map(|n| format!("{:06}", (code + n) % 1_000_000))
            .find(|wrong| !valid.contains(wrong))
            .expect("another code")
    }

    async fn challenge(&self) -> String {
        let answer = self.app.login(EMAIL, PASSWORD).await.expect_problem(403, "mfa_required");
        assert!(answer.json.get("accessToken").is_none());
        assert_eq!(answer.json["expiresIn"], 300);
        // It is no matter of the access token: clients must not refresh.
        assert_eq!(answer.header("www-authenticate"), None);
        answer.str("/challengeToken").to_owned()
    }

    async fn verify(&self, challenge: &str, code: &str) -> Answer {
        let body = json!({ "challengeToken": challenge, "code": code });
        self.app.post("/auth/mfa/verify", &body).await
    }
}

async fn start_enrollment(app: &TestApp, access: &str) -> (Totp, Answer) {
    let password = json!({ "password": PASSWORD });
    let enrollment = app.send_as(access, Method::POST, "/auth/mfa/totp", &password).await.expect_status(201);
    (Totp::from_url(enrollment.str("/uri")).expect("an address"), enrollment)
}
