//! Second factors through the outside: set up, asked for at login, used once, lost, given up.

use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use totp_rs::Totp;
use watchword::domain::clock::{Clock, SystemClock};

use crate::support::app::{Builder, PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Answer;

flow_tests! {
    a_login_needs_the_authenticator => enrolled_on,
    a_code_is_good_once_however_many_send_it => once_on,
    a_recovery_code_is_good_once_however_many_send_it => recovery_on,
    a_challenge_bears_five_wrong_codes => attempts_on,
    a_challenge_ends => ends_on,
    what_is_no_factor_is_refused => refused_on,
}

const EMAIL: &str = "ada@example.com";
const STEP: Duration = Duration::from_secs(30);

/// Somebody with an authenticator.
pub(super) struct Person {
    pub(super) app: TestApp,
    pub(super) clock: TestClock,
    totp: Totp,
    pub(super) access: String,
    recovery_codes: Vec<String>,
}

impl Person {
    pub(super) async fn enrolled(builder: Builder) -> Self {
        let clock = TestClock::frozen();
        let app = builder.clock(clock.clone()).spawn().await;
        let access = app.registered(EMAIL).await.tokens().access;
        let (totp, _) = offered(&app, &access).await;
        let code = json!({ "code": totp.generate(seconds(&clock)).to_string() });
        let confirmed = app
            .send_as(&access, Method::POST, "/auth/mfa/totp/confirm", &code)
            .await;
        let codes = confirmed.expect_status(200).json["recoveryCodes"].clone();
        let recovery_codes: Vec<String> = serde_json::from_value(codes).expect("texts");
        // The code of the setup is used up.
        clock.advance(STEP);
        Self {
            app,
            clock,
            totp,
            access,
            recovery_codes,
        }
    }

    /// The authenticator's code now.
    pub(super) fn code(&self) -> String {
        self.totp.generate(seconds(&self.clock)).to_string()
    }

    /// Another code than the authenticator's.
    pub(super) fn wrong_code(&self) -> String {
        let code: u32 = self.code().parse().expect("digits");
        // Neither the neighbours' codes.
        let near = [0, 30, 60].map(|ahead| self.totp.generate(seconds(&self.clock) + ahead - 30).to_string());
        (1..10)
            .map(|n| format!("{:06}", (code + n) % 1_000_000))
            .find(|wrong| !near.contains(wrong))
            .expect("another code")
    }

    pub(super) async fn challenge(&self) -> String {
        let answer = self
            .app
            .login(EMAIL, PASSWORD)
            .await
            .expect_problem(401, "mfa_required");
        assert!(answer.json.get("accessToken").is_none());
        assert_eq!(answer.json["expiresIn"], 300);
        answer.str("/challengeToken").to_owned()
    }

    pub(super) async fn verify(&self, challenge: &str, code: &str) -> Answer {
        let body = json!({ "challengeToken": challenge, "code": code });
        self.app.post("/auth/mfa/verify", &body).await
    }
}

pub(super) fn seconds(clock: &impl Clock) -> u64 {
    clock.now().unix_timestamp().unsigned_abs()
}

pub(super) async fn offered(app: &TestApp, access: &str) -> (Totp, Answer) {
    let password = json!({ "password": PASSWORD });
    let offered = app
        .send_as(access, Method::POST, "/auth/mfa/totp", &password)
        .await
        .expect_status(201);
    (Totp::from_url(offered.str("/uri")).expect("an address"), offered)
}

async fn enrolled_on(backend: Backend) {
    let clock = TestClock::frozen();
    let app = TestApp::builder(backend).clock(clock.clone()).spawn().await;
    let access = app.registered(EMAIL).await.tokens().access;
    let (replaced, _) = offered(&app, &access).await;
    let (totp, offer) = offered(&app, &access).await;
    assert!(offer.str("/uri").contains(offer.str("/secret")));
    assert_eq!((totp.issuer(), totp.account_name()), (Some("Watchword"), EMAIL));
    let png = offer
        .str("/qrCode")
        .strip_prefix("data:image/png;base64,")
        .expect("a PNG");
    let png = base64::engine::general_purpose::STANDARD.decode(png).expect("base64");
    assert!(png.starts_with(b"\x89PNG\r\n"));

    // What only waits changes nothing, and the code of what was replaced is of no use.
    app.login(EMAIL, PASSWORD).await.expect_status(200);
    let confirm = async |totp: &Totp| {
        let code = json!({ "code": totp.generate(seconds(&clock)).to_string() });
        app.send_as(&access, Method::POST, "/auth/mfa/totp/confirm", &code)
            .await
    };
    let refused = confirm(&replaced).await.expect_problem(422, "validation_failed");
    assert_eq!(refused.str("/errors/0/code"), "wrong_code");
    let codes = confirm(&totp).await.expect_status(200).json["recoveryCodes"].clone();
    assert_eq!(codes.as_array().map(Vec::len), Some(10));
    confirm(&totp).await.expect_problem(404, "not_found");

    let factors = app.get_as(&access, "/auth/mfa").await.expect_status(200);
    assert_eq!(factors.json["totp"]["id"], offer.json["factorId"]);
    assert_eq!(factors.json["recoveryCodesLeft"], 10);
    assert!(!factors.text.contains(offer.str("/secret")));

    let challenge = app.login(EMAIL, PASSWORD).await.expect_problem(401, "mfa_required");
    clock.advance(STEP);
    let body = json!({ "challengeToken": challenge.str("/challengeToken"), "code": totp.generate(seconds(&clock)).to_string() });
    let tokens = app.post("/auth/mfa/verify", &body).await.expect_status(200).tokens();
    app.me(&tokens.access).await.expect_status(200);
    // A wrong password is told apart from nothing.
    app.login(EMAIL, "another password")
        .await
        .expect_problem(401, "invalid_credentials");

    let password = json!({ "password": PASSWORD });
    app.send_as(&access, Method::DELETE, "/auth/mfa/totp", &password)
        .await
        .expect_status(204);
    app.login(EMAIL, PASSWORD).await.expect_status(200);
    assert_eq!(
        app.event_names().await,
        [
            "registered",
            "logged_in",
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
    let with_factor = &app.events().await[6].payload["data"];
    assert_eq!(with_factor["amr"], json!(["pwd", "otp", "mfa"]));
    assert_eq!(
        app.events().await[4].payload["data"]["factorId"],
        offer.json["factorId"]
    );
    app.finish().await;
}

/// Sends one code with many challenges at the same time; answers how many were let in.
async fn let_in(person: &Person, code: &str, times: usize) -> usize {
    let mut challenges = Vec::new();
    for _ in 0..times {
        challenges.push(person.challenge().await);
    }
    let answers = join_all(challenges.iter().map(|challenge| person.verify(challenge, code))).await;
    let refused = answers.iter().filter(|answer| answer.status != 200);
    for answer in refused {
        assert_eq!(answer.str("/code"), "invalid_second_factor", "{}", answer.text);
    }
    answers.iter().filter(|answer| answer.status == 200).count()
}

async fn once_on(backend: Backend) {
    let person = Person::enrolled(TestApp::builder(backend)).await;
    assert_eq!(let_in(&person, &person.code(), 12).await, 1);
    // Neither the step before it, whose code was never sent.
    let before = person.totp.generate(seconds(&person.clock) - 30).to_string();
    let challenge = person.challenge().await;
    person
        .verify(&challenge, &before)
        .await
        .expect_problem(401, "invalid_second_factor");
    person.clock.advance(STEP);
    person.verify(&challenge, &person.code()).await.expect_status(200);
    let names = person.app.event_names().await;
    let count = |name: &str| names.iter().filter(|known| *known == name).count();
    assert_eq!(
        (count("mfa_verified"), count("logged_in"), count("mfa_failed")),
        (2, 2, 12)
    );
    person.app.finish().await;
}

async fn recovery_on(backend: Backend) {
    let person = Person::enrolled(TestApp::builder(backend)).await;
    let typed = person.recovery_codes[3].to_lowercase().replace('-', " ");
    assert_eq!(let_in(&person, &typed, 8).await, 1);
    let left = person.app.get_as(&person.access, "/auth/mfa").await.expect_status(200);
    assert_eq!(left.json["recoveryCodesLeft"], 9);
    // New codes void the old ones.
    let password = json!({ "password": PASSWORD });
    let path = "/auth/mfa/recovery-codes";
    let fresh = person
        .app
        .send_as(&person.access, Method::POST, path, &password)
        .await
        .expect_status(200);
    let challenge = person.challenge().await;
    let old = person.verify(&challenge, &person.recovery_codes[4]).await;
    old.expect_problem(401, "invalid_second_factor");
    let used = person.verify(&challenge, fresh.str("/recoveryCodes/9")).await;
    used.expect_status(200);
    let ledger = person.app.events().await;
    let used = ledger
        .iter()
        .find(|event| event.subject.ends_with("recovery_code_used"));
    assert_eq!(
        used.expect("recovery_code_used").payload["data"]["factorType"],
        "recovery_code"
    );
    person.app.finish().await;
}

async fn attempts_on(backend: Backend) {
    let person = Person::enrolled(TestApp::builder(backend)).await;
    let challenge = person.challenge().await;
    let wrong = person.wrong_code();
    let tries = join_all((0..12).map(|_| person.verify(&challenge, &wrong))).await;
    let count = |code: &str| tries.iter().filter(|answer| answer.str("/code") == code).count();
    assert_eq!((count("invalid_second_factor"), count("invalid_challenge")), (5, 7));
    person
        .verify(&challenge, &person.code())
        .await
        .expect_problem(401, "invalid_challenge");
    // Another one goes on.
    let challenge = person.challenge().await;
    person.verify(&challenge, &person.code()).await.expect_status(200);
    person.app.finish().await;
}

async fn ends_on(backend: Backend) {
    let person = Person::enrolled(TestApp::builder(backend)).await;
    let (met, late, removed) = (
        person.challenge().await,
        person.challenge().await,
        person.challenge().await,
    );
    person.verify(&met, &person.code()).await.expect_status(200);
    person.clock.advance(Duration::from_secs(299));
    // Met once, it is over, whatever the code.
    person
        .verify(&met, &person.code())
        .await
        .expect_problem(401, "invalid_challenge");
    person.clock.advance(Duration::from_secs(1));
    person
        .verify(&late, &person.code())
        .await
        .expect_problem(401, "invalid_challenge");
    let again = person.challenge().await;
    let other_password = "UPDATE users SET password_hash = password_hash || ' ' WHERE email = 'ada@example.com'";
    person
        .app
        .database
        .execute(other_password)
        .await
        .expect("another password");
    person
        .verify(&again, &person.code())
        .await
        .expect_problem(401, "invalid_challenge");
    for nonsense in [
        "",
        "wlc_",
        &removed[..removed.len() - 1],
        &removed.replace("wlc_", "wrt_"),
    ] {
        person
            .verify(nonsense, &person.code())
            .await
            .expect_problem(401, "invalid_challenge");
    }
    person.app.finish().await;
}

async fn refused_on(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let access = app.registered(EMAIL).await.tokens().access;
    let (right, wrong) = (
        json!({ "password": PASSWORD }),
        json!({ "password": "not the password" }),
    );
    let send = async |method: Method, path: &str, body: &Value| app.send_as(&access, method, path, body).await;
    send(Method::DELETE, "/auth/mfa/totp", &right)
        .await
        .expect_problem(404, "not_found");
    send(Method::POST, "/auth/mfa/recovery-codes", &right)
        .await
        .expect_problem(404, "not_found");
    let code = json!({ "code": "123456" });
    send(Method::POST, "/auth/mfa/totp/confirm", &code)
        .await
        .expect_problem(404, "not_found");
    for (method, path) in [
        (Method::POST, "/auth/mfa/totp"),
        (Method::DELETE, "/auth/mfa/totp"),
        (Method::POST, "/auth/mfa/recovery-codes"),
    ] {
        let refused = send(method, path, &wrong)
            .await
            .expect_problem(422, "validation_failed");
        assert_eq!(refused.str("/errors/0/code"), "wrong_password");
    }
    for code in ["", "12345", "1234567", "twelve", "12345678901234567890123456789012345"] {
        let refused = send(Method::POST, "/auth/mfa/totp/confirm", &json!({ "code": code })).await;
        assert_eq!(
            refused
                .expect_problem(422, "validation_failed")
                .str("/errors/0/pointer"),
            "/code"
        );
    }
    let names = app.event_names().await;
    assert_eq!(names, ["registered", "login_failed", "login_failed", "login_failed"]);

    // One in use is not replaced by a second setup.
    let (totp, _) = offered(&app, &access).await;
    let code = json!({ "code": totp.generate(seconds(&SystemClock)).to_string() });
    send(Method::POST, "/auth/mfa/totp/confirm", &code)
        .await
        .expect_status(200);
    send(Method::POST, "/auth/mfa/totp", &right)
        .await
        .expect_problem(409, "mfa_already_enrolled");
    app.finish().await;
}

/// Who set it up knew the password then: the first code has to come soon, and before another password is set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authenticator_does_not_wait_for_ever() {
    let clock = TestClock::frozen();
    let app = TestApp::builder(Backend::Sqlite).clock(clock.clone()).spawn().await;
    let access = app.registered(EMAIL).await.tokens().access;
    let (late, _) = offered(&app, &access).await;
    clock.advance(Duration::from_secs(15 * 60 - 1));
    let access = app.login(EMAIL, PASSWORD).await.tokens().access;
    clock.advance(Duration::from_secs(1));
    let code = |totp: &Totp| json!({ "code": totp.generate(seconds(&clock)).to_string() });
    let path = "/auth/mfa/totp/confirm";
    let confirm = async |access: &str, totp: &Totp| app.send_as(access, Method::POST, path, &code(totp)).await;
    confirm(&access, &late).await.expect_problem(404, "not_found");
    let (totp, _) = offered(&app, &access).await;
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "quiet harbour 52" });
    app.send_as(&access, Method::POST, "/auth/password/change", &change)
        .await
        .expect_status(204);
    let access = app
        .login(EMAIL, "quiet harbour 52")
        .await
        .expect_status(200)
        .tokens()
        .access;
    confirm(&access, &totp).await.expect_problem(404, "not_found");
    app.finish().await;
}

/// At rest a seed is sealed and the codes are hashes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_seed_and_no_code_is_in_the_database() {
    let person = Person::enrolled(TestApp::builder(Backend::Sqlite)).await;
    let seed = person.totp.secret().as_bytes().to_vec();
    let found = Mutex::new(Vec::new());
    let look = |name: &str, needle: &[u8], bytes: &[u8]| {
        if bytes.windows(needle.len()).any(|window| window == needle) {
            found.lock().expect("a list").push(name.to_owned());
        }
    };
    let directory = person.app.settings().data_dir.clone();
    let files = std::fs::read_dir(&directory).expect("the data directory");
    let mut read = 0;
    for file in files
        .map(|file| file.expect("a file").path())
        .filter(|path| path.is_file())
    {
        let bytes = std::fs::read(&file).expect("read");
        read += bytes.len();
        look("the seed", &seed, &bytes);
        look(
            "the seed in base32",
            person.totp.secret().to_base32().as_bytes(),
            &bytes,
        );
        for code in &person.recovery_codes {
            look("a recovery code", code.as_bytes(), &bytes);
            look(
                "a recovery code without hyphens",
                code.replace('-', "").as_bytes(),
                &bytes,
            );
        }
    }
    assert!(read > 10_000, "the database is somewhere else");
    assert!(found.lock().expect("a list").is_empty(), "{found:?}");
    person.app.finish().await;
}
