//! Setting an authenticator up locks nobody: whatever comes between two requests, a login never needs a factor that is not there.

use reqwest::Method;
use serde_json::json;
use totp_rs::Totp;

use super::{EMAIL, STEP, offered};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::row_lock::{RowLock, wait_until_blocked};
use crate::support::http::Answer;

const AUTHENTICATORS: &str = "SELECT id FROM second_factors FOR UPDATE";

/// Somebody whose authenticator waits for its first code.
struct Waiting {
    app: TestApp,
    clock: TestClock,
    access: String,
    first: Totp,
}

impl Waiting {
    async fn new() -> Self {
        let clock = TestClock::frozen();
        let app = TestApp::builder(Backend::Postgres).clock(clock.clone()).spawn().await;
        let access = app.registered(EMAIL).await.tokens().access;
        let (first, _) = offered(&app, &access).await;
        Self {
            app,
            clock,
            access,
            first,
        }
    }

    async fn set_up_another(&self) -> Answer {
        let password = json!({ "password": PASSWORD });
        self.app
            .send_as(&self.access, Method::POST, "/auth/mfa/totp", &password)
            .await
    }

    async fn confirm(&self, totp: &Totp) -> Answer {
        let code = json!({ "code": totp.generate(self.clock.seconds()).to_string() });
        self.app
            .send_as(&self.access, Method::POST, "/auth/mfa/totp/confirm", &code)
            .await
    }

    /// Logs in with the authenticator that is in use.
    async fn log_in_with(&self, totp: &Totp) {
        self.clock.advance(STEP);
        let login = self.app.login(EMAIL, PASSWORD).await;
        let login = login.expect_problem(401, "mfa_required");
        let code = totp.generate(self.clock.seconds()).to_string();
        let body = json!({ "challengeToken": login.str("/challengeToken"), "code": code });
        self.app.post("/auth/mfa/verify", &body).await.expect_status(200);
    }
}

/// The code was right when it was looked at; what it belongs to was gone when it was to be taken into use.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_of_a_replaced_authenticator_does_not_lock_the_user_out() {
    let person = Waiting::new().await;
    let database = &person.app.database;
    let held = RowLock::take(database, AUTHENTICATORS, &[]).await;
    let (another, confirmed, ()) = tokio::join!(
        person.set_up_another(),
        async {
            wait_until_blocked(database, 1).await;
            person.confirm(&person.first).await
        },
        async {
            wait_until_blocked(database, 2).await;
            held.release().await;
        },
    );
    let another = another.expect_status(201);
    confirmed.expect_problem(404, "not_found");
    person.app.login(EMAIL, PASSWORD).await.expect_status(200);
    let another = Totp::from_url(another.str("/uri")).expect("an address");
    person.confirm(&another).await.expect_status(200);
    person.log_in_with(&another).await;
    person.app.finish().await;
}

/// The other way round: nothing waited when it was asked for, and one was in use when it was to be kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authenticator_confirmed_in_between_is_not_replaced() {
    let person = Waiting::new().await;
    let database = &person.app.database;
    let held = RowLock::take(database, AUTHENTICATORS, &[]).await;
    let (confirmed, another, ()) = tokio::join!(
        person.confirm(&person.first),
        async {
            wait_until_blocked(database, 1).await;
            person.set_up_another().await
        },
        async {
            wait_until_blocked(database, 2).await;
            held.release().await;
        },
    );
    confirmed.expect_status(200);
    another.expect_problem(409, "mfa_already_enrolled");
    person.log_in_with(&person.first).await;
    person.app.finish().await;
}
