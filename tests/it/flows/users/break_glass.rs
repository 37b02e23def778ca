//! The commands for an operator whose last administrator cannot log in.

use reqwest::Method;
use serde_json::{Value, json};
use totp_rs::Totp;
use watchword::domain::clock::{Clock as _, SystemClock};

use super::command_line::{CommandLine, NEW_PASSWORD, PASSWORD};
use crate::support::binary::Binary;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Http;
use crate::support::wait::eventually;

flow_tests! {
    an_operator_helps_a_user_who_cannot_log_in,
}

const ROOT: &str = "root@example.com";
const ADA: &str = "ada@example.com";
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// What this test asserts of a command.
impl CommandLine {
    async fn succeeds(&self, args: &[&str], input: &str, printed: &str) {
        let ended = self.user(args, input).await;
        assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(0), printed), "{args:?}: {ended:?}");
    }

    async fn refuses(&self, args: &[&str], input: &str, code: i32, reason: &str) {
        let ended = self.user(args, input).await;
        assert_eq!(ended.status.code(), Some(code), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(reason) && ended.stdout.is_empty(), "{args:?}: {ended:?}");
    }

    /// The reasons in the ledger.
    async fn reasons(&self) -> Vec<Value> {
        let rows = self.database.ledger().await.expect("the ledger");
        let event = |payload: &[u8]| serde_json::from_slice::<Value>(payload).expect("JSON");
        rows.iter().map(|row| event(&row.payload)["data"]["reason"].clone()).collect()
    }

    /// The subjects, users and actors of the ledger.
    async fn events(&self) -> Vec<(String, String, Value)> {
        let rows = self.database.ledger().await.expect("the ledger");
        let event = |payload: &[u8]| serde_json::from_slice::<Value>(payload).expect("JSON");
        rows.iter()
            .map(|row| {
                let name = row.subject.trim_start_matches("auth.user.").to_owned();
                let user = row.user_id.map(|id| id.to_string()).unwrap_or_default();
                (name, user, event(&row.payload)["data"]["actor"].clone())
            })
            .collect()
    }
}

/// Sets an authenticator up.
async fn enroll(http: &Http, access: &str) {
    let setup = http
        .send_as(access, Method::POST, "/auth/mfa/totp", &json!({ "password": PASSWORD }))
        .await;
    let totp = Totp::from_url(setup.expect_status(201).str("/uri")).expect("an address");
    let now = u64::try_from(SystemClock.now().unix_timestamp()).expect("a time");
    let code = json!({ "code": totp.generate(now).to_string() });
    let confirmed = http.send_as(access, Method::POST, "/auth/mfa/totp/confirm", &code).await;
    confirmed.expect_status(200);
}

async fn an_operator_helps_a_user_who_cannot_log_in(backend: Backend) {
    let commands = CommandLine::fresh(backend).await;
    let created = commands.user(&["create-admin", "--email", ROOT], PASSWORD).await;
    let root = created.stdout.trim().to_owned();

    // The only administrator has an authenticator, and the other user is disabled.
    let mut service = Binary::start(commands.options(&["serve"])).await;
    let http = service.http().clone();
    let ada = http.register(ADA, PASSWORD).await.expect_status(201).str("/user/id").to_owned();
    let tokens = http.login(ROOT, PASSWORD).await.expect_status(200).tokens();
    enroll(&http, &tokens.access).await;
    let path = format!("/users/{ada}/disable");
    http.send_as(&tokens.access, Method::POST, &path, &json!({})).await.expect_status(200);
    http.login(ROOT, PASSWORD).await.expect_problem(403, "mfa_required");
    if backend == Backend::Sqlite {
        commands.refuses(&["unlock", ROOT], "", 4, "another process uses").await;
    }
    assert!(service.stop().await.success());
    let before = commands.events().await.len();

    commands
        .succeeds(&["unlock", "Root@Example.com"], "", &format!("Unlocked {root}.\n"))
        .await;
    commands.succeeds(&["enable", &ada], "", &format!("Enabled {ada}.\n")).await;
    commands
        .succeeds(&["grant-role", ADA, "admin"], "", &format!("Granted admin to {ada}.\n"))
        .await;
    commands
        .succeeds(&["remove-mfa", &root], "", &format!("Removed the authenticator of {root}.\n"))
        .await;
    let printed = format!("Set the password of {root}, and ended 1 session.\n");
    commands.succeeds(&["reset-password", ROOT], &format!("{NEW_PASSWORD}\n"), &printed).await;

    let operator = json!({ "type": "service", "id": "operator" });
    let event = |name: &str, user: &str| (name.to_owned(), user.to_owned(), operator.clone());
    let expected = [
        event("unlocked", &root),
        event("enabled", &ada),
        event("role_granted", &ada),
        event("mfa_removed", &root),
        event("password_reset_completed", &root),
    ];
    assert_eq!(commands.events().await[before..], expected);
    assert_eq!(commands.reasons().await[before..before + 2], ["operator", "operator"]);

    for (args, input, code, reason) in [
        (vec!["unlock", "grace@example.com"], "", 4, "no such user"),
        (vec!["unlock", "01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02"], "", 4, "no such user"),
        (vec!["enable", ADA], "", 4, "the user is not disabled"),
        (vec!["grant-role", ADA, "admin"], "", 4, "the user has this role"),
        (vec!["grant-role", ADA, "emperor"], "", 4, "no such role"),
        (vec!["grant-role", ADA, "Not A Role"], "", 2, "the role"),
        (vec!["remove-mfa", ROOT], "", 4, "the user has no authenticator"),
        (vec!["reset-password", ROOT], "short", 4, "the password"),
        (vec!["reset-password", ROOT], "", 2, "the password"),
        (vec!["unlock", "root"], "", 2, "email address or the id"),
    ] {
        commands.refuses(&args, input, code, reason).await;
    }
    assert_eq!(
        commands.events().await.len(),
        before + expected.len(),
        "a refused command recorded an event"
    );

    // The service publishes the events, and everyone can log in.
    let mut service = Binary::start(commands.options(&["serve"])).await;
    let http = service.http().clone();
    http.me(&tokens.access).await.expect_problem(401, "invalid_token");
    http.login(ROOT, PASSWORD).await.expect_problem(401, "invalid_credentials");
    http.login(ROOT, NEW_PASSWORD).await.expect_status(200);
    let claims = http.login(ADA, PASSWORD).await.expect_status(200).tokens().claims();
    assert_eq!(claims["roles"], json!(["user", "admin"]));
    eventually(TIMEOUT, || async {
        let messages = commands.nats.messages("auth-events").await;
        let published = |name: &str| messages.iter().any(|message| message.subject == format!("auth.user.{name}"));
        expected.iter().all(|(name, ..)| published(name))
    })
    .await;
    assert!(service.stop().await.success());
    commands.database.remove().await;
}
