//! Enrolling, using and removing an authenticator.

use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use reqwest::Method;
use serde_json::{Value, json};
use totp_rs::Totp;

use super::{EMAIL, User, start_enrollment};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;

flow_tests! {
    an_authenticator_is_enrolled_and_confirmed,
    a_login_requires_the_authenticator_until_it_is_removed,
    malformed_second_factors_are_refused,
    an_authenticator_in_use_is_not_replaced,
}

async fn an_authenticator_is_enrolled_and_confirmed(backend: Backend) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend).clock(clock.clone()).spawn().await;
    let access = app.registered(EMAIL).await.tokens().access;
    let (replaced, _) = start_enrollment(&app, &access).await;
    let (totp, enrollment) = start_enrollment(&app, &access).await;
    assert!(enrollment.str("/uri").contains(enrollment.str("/secret")));
    assert_eq!((totp.issuer(), totp.account_name()), (Some("Watchword"), EMAIL));
    let png = enrollment.str("/qrCode").strip_prefix("data:image/png;base64,").expect("a PNG");
    let png = base64::engine::general_purpose::STANDARD.decode(png).expect("base64");
    assert!(png.starts_with(b"\x89PNG\r\n"));

    // A pending authenticator is not required. The code of a replaced one is refused.
    app.login(EMAIL, PASSWORD).await.expect_status(200);
    let confirm = async |totp: &Totp| {
        let code = json!({ "code": totp.generate(clock.seconds()).to_string() });
        app.send_as(&access, Method::POST, "/auth/mfa/totp/confirm", &code).await
    };
    let refused = confirm(&replaced).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.str("/errors/0/code"), "wrong_code");
    let codes = confirm(&totp).await.expect_status(200).json["recoveryCodes"].clone();
    assert_eq!(codes.as_array().map(Vec::len), Some(10));
    confirm(&totp).await.expect_problem(404, "not_found");

    let factors = app.get_as(&access, "/auth/mfa").await.expect_status(200);
    assert_eq!(factors.json["totp"]["id"], enrollment.json["factorId"]);
    assert_eq!(factors.json["recoveryCodesLeft"], 10);
    assert!(!factors.text.contains(enrollment.str("/secret")));
    app.login(EMAIL, PASSWORD).await.expect_problem(403, "mfa_required");
    let events = app.events().await;
    assert_eq!(events[4].payload["data"]["factorId"], enrollment.json["factorId"]);
    app.finish().await;
}

async fn a_login_requires_the_authenticator_until_it_is_removed(backend: Backend) {
    let user = User::enrolled(TestApp::builder(backend)).await;
    let challenge = user.challenge().await;
    let verified = user.verify(&challenge, &user.code()).await;
    let tokens = verified.expect_status(200).tokens();
    user.app.me(&tokens.access).await.expect_status(200);
    // The response to a wrong password does not reveal the second factor.
    user.app.login(EMAIL, "another password").await.expect_problem(401, "invalid_credentials");
    let password = json!({ "password": PASSWORD });
    user.app
        .send_as(&user.access, Method::POST, "/auth/mfa/totp/remove", &password)
        .await
        .expect_status(204);
    user.app.login(EMAIL, PASSWORD).await.expect_status(200);
    assert_eq!(
        user.app.event_names().await,
        [
            "registered",
            "mfa_enrolled",
            "recovery_codes_generated",
            "mfa_challenged",
            "mfa_verified",
            "logged_in",
            "login_failed",
            "mfa_removed",
            "logged_in",
        ]
    );
    let with_factor = &user.app.events().await[5].payload["data"];
    assert_eq!(with_factor["amr"], json!(["pwd", "otp", "mfa"]));
    let claims = tokens.claims();
    assert_eq!((&claims["amr"], &claims["acr"]), (&json!(["pwd", "otp", "mfa"]), &json!("2")));
    user.app.finish().await;
}

async fn malformed_second_factors_are_refused(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let access = app.registered(EMAIL).await.tokens().access;
    let (right, wrong) = (json!({ "password": PASSWORD }), json!({ "password": "not the password" }));
    let send = async |method: Method, path: &str, body: &Value| app.send_as(&access, method, path, body).await;
    send(Method::POST, "/auth/mfa/totp/remove", &right).await.expect_problem(404, "not_found");
    send(Method::POST, "/auth/mfa/recovery-codes", &right)
        .await
        .expect_problem(404, "not_found");
    let code = json!({ "code": "123456" });
    send(Method::POST, "/auth/mfa/totp/confirm", &code).await.expect_problem(404, "not_found");
    for (method, path) in [
        (Method::POST, "/auth/mfa/totp"),
        (Method::POST, "/auth/mfa/totp/remove"),
        (Method::POST, "/auth/mfa/recovery-codes"),
    ] {
        let refused = send(method, path, &wrong).await.expect_problem(422, "validation_failed");
        assert_eq!(refused.str("/errors/0/code"), "wrong_password");
    }
    for code in ["", "12345", "1234567", "twelve", "12345678901234567890123456789012345"] {
        let refused = send(Method::POST, "/auth/mfa/totp/confirm", &json!({ "code": code })).await;
        assert_eq!(refused.expect_problem(422, "validation_failed").str("/errors/0/pointer"), "#/code");
    }
    let failed = "reauthentication_failed";
    assert_eq!(app.event_names().await, ["registered", failed, failed, failed]);
    app.finish().await;
}

async fn an_authenticator_in_use_is_not_replaced(backend: Backend) {
    let user = User::enrolled(TestApp::builder(backend)).await;
    let password = json!({ "password": PASSWORD });
    user.app
        .send_as(&user.access, Method::POST, "/auth/mfa/totp", &password)
        .await
        .expect_problem(409, "mfa_already_enrolled");
    user.app.finish().await;
}

/// A pending authenticator expires after 15 minutes, and with a password change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unconfirmed_authenticator_expires() {
    let clock = TestClock::frozen();
    let app = TestApp::builder(Backend::Sqlite).clock(clock.clone()).spawn().await;
    let access = app.registered(EMAIL).await.tokens().access;
    let (late, _) = start_enrollment(&app, &access).await;
    clock.advance(Duration::from_secs(15 * 60 - 1));
    let access = app.login(EMAIL, PASSWORD).await.tokens().access;
    clock.advance(Duration::from_secs(1));
    let code = |totp: &Totp| json!({ "code": totp.generate(clock.seconds()).to_string() });
    let path = "/auth/mfa/totp/confirm";
    let confirm = async |access: &str, totp: &Totp| app.send_as(access, Method::POST, path, &code(totp)).await;
    confirm(&access, &late).await.expect_problem(404, "not_found");
    let (totp, _) = start_enrollment(&app, &access).await;
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "quiet harbour 52" });
    app.send_as(&access, Method::POST, "/auth/password/change", &change)
        .await
        .expect_status(204);
    let access = app.login(EMAIL, "quiet harbour 52").await.expect_status(200).tokens().access;
    confirm(&access, &totp).await.expect_problem(404, "not_found");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_contains_no_plain_seed_or_code() {
    let user = User::enrolled(TestApp::builder(Backend::Sqlite)).await;
    let seed = user.totp.secret().as_bytes().to_vec();
    let found = Mutex::new(Vec::new());
    let search = |name: &str, needle: &[u8], bytes: &[u8]| {
        if bytes.windows(needle.len()).any(|window| window == needle) {
            found.lock().expect("a list").push(name.to_owned());
        }
    };
    let directory = user.app.settings().data_dir.clone();
    let files = std::fs::read_dir(&directory).expect("the data directory");
    let mut read = 0;
    for file in files.map(|file| file.expect("a file").path()).filter(|path| path.is_file()) {
        let bytes = std::fs::read(&file).expect("read");
        read += bytes.len();
        search("the seed", &seed, &bytes);
        search("the seed in base32", user.totp.secret().to_base32().as_bytes(), &bytes);
        for code in &user.recovery_codes {
            search("a recovery code", code.as_bytes(), &bytes);
            search("a recovery code without hyphens", code.replace('-', "").as_bytes(), &bytes);
        }
    }
    assert!(read > 10_000, "the database was not read");
    assert!(found.lock().expect("a list").is_empty(), "{found:?}");
    user.app.finish().await;
}
