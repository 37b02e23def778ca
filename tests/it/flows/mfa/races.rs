//! Concurrent enrollments of authenticators: no order of requests locks the user out.

use reqwest::Method;
use serde_json::json;
use totp_rs::Totp;

use super::{EMAIL, STEP, start_enrollment};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::http::Answer;
use crate::support::row_lock::{RowLock, wait_until_blocked};

const AUTHENTICATORS: &str = "SELECT id FROM second_factors FOR UPDATE";

/// A user with a pending authenticator.
struct Pending {
    app: TestApp,
    clock: TestClock,
    access: String,
    first: Totp,
}

impl Pending {
    async fn new() -> Self {
        let clock = TestClock::frozen();
        let app = TestApp::builder(Backend::Postgres).clock(clock.clone()).spawn().await;
        let access = app.registered(EMAIL).await.tokens().access;
        let (first, _) = start_enrollment(&app, &access).await;
        Self { app, clock, access, first }
    }

    async fn enroll_another(&self) -> Answer {
        let password = json!({ "password": PASSWORD });
        self.app.send_as(&self.access, Method::POST, "/auth/mfa/totp", &password).await
    }

    async fn confirm(&self, totp: &Totp) -> Answer {
        let code = json!({ "code": totp.generate(self.clock.seconds()).to_string() });
        self.app.send_as(&self.access, Method::POST, "/auth/mfa/totp/confirm", &code).await
    }

    /// Log in with a confirmed authenticator.
    async fn log_in_with(&self, totp: &Totp) {
        self.clock.advance(STEP);
        let login = self.app.login(EMAIL, PASSWORD).await;
        let login = login.expect_problem(403, "mfa_required");
        let code = totp.generate(self.clock.seconds()).to_string();
        let body = json!({ "challengeToken": login.str("/challengeToken"), "code": code });
        self.app.post("/auth/mfa/verify", &body).await.expect_status(200);
    }
}

/// The authenticator is replaced between the verification of its code and its activation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_of_a_replaced_authenticator_does_not_lock_the_user_out() {
    let user = Pending::new().await;
    let database = &user.app.database;
    let row_lock = RowLock::take(database, AUTHENTICATORS, &[]).await;
    let (another, confirmed, ()) = tokio::join!(
        user.enroll_another(),
        async {
            wait_until_blocked(database, 1).await;
            user.confirm(&user.first).await
        },
        async {
            wait_until_blocked(database, 2).await;
            row_lock.release().await;
        },
    );
    let another = another.expect_status(201);
    confirmed.expect_problem(404, "not_found");
    user.app.login(EMAIL, PASSWORD).await.expect_status(200);
    let another = Totp::from_url(another.str("/uri")).expect("an address");
    user.confirm(&another).await.expect_status(200);
    user.log_in_with(&another).await;
    user.app.finish().await;
}

/// An authenticator is confirmed while another enrollment waits for the lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_concurrently_confirmed_authenticator_is_not_replaced() {
    let user = Pending::new().await;
    let database = &user.app.database;
    let row_lock = RowLock::take(database, AUTHENTICATORS, &[]).await;
    let (confirmed, another, ()) = tokio::join!(
        user.confirm(&user.first),
        async {
            wait_until_blocked(database, 1).await;
            user.enroll_another().await
        },
        async {
            wait_until_blocked(database, 2).await;
            row_lock.release().await;
        },
    );
    confirmed.expect_status(200);
    another.expect_problem(409, "mfa_already_enrolled");
    user.log_in_with(&user.first).await;
    user.app.finish().await;
}
