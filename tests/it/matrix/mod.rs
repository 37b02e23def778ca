//! Who may do what: every operation of the OpenAPI document, asked by everybody who could.
//!
//! A new operation makes `every_operation_has_a_row` fail and say which. Its row goes into `table.rs`; a path parameter or a body that
//! is new goes into `request`.
#![expect(clippy::indexing_slicing, reason = "a missing field of an answer is a failed test")]

mod table;

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::coverage::document::{Operation, operations};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::http::Tokens;
use table::TABLE;

flow_tests! {
    every_caller_gets_the_status_in_the_table,
}

/// One line of the table: what the operation answers to each of the [`CALLERS`].
type Line = (&'static str, [u16; 5]);

/// Where a path has an id, it is of `user`, or of something that belongs to `user`.
const CALLERS: [&str; 5] = ["anonymous", "user", "other user", "artist", "admin"];

#[test]
fn every_operation_has_a_row() {
    let mut documented: Vec<String> = operations().into_iter().map(|operation| operation.id).collect();
    let mut lines: Vec<String> = TABLE.iter().map(|(id, _)| (*id).to_owned()).collect();
    documented.sort();
    lines.sort();
    assert_eq!(lines, documented, "the table, and the operations of the document");
}

/// Somebody with an account.
struct Person {
    id: String,
    email: String,
    tokens: Tokens,
}

/// The application and a number for names that nobody has.
struct Stage {
    app: TestApp,
    admin: Tokens,
    people: usize,
}

impl Stage {
    async fn person(&mut self, account_type: &str) -> Person {
        self.people += 1;
        let email = format!("somebody{}@example.com", self.people);
        let body = json!({"email": email, "password": PASSWORD, "accountType": account_type});
        let answer = self.app.post("/auth/register", &body).await.expect_status(201);
        let (id, tokens) = (answer.str("/user/id").to_owned(), answer.tokens());
        Person { id, email, tokens }
    }

    async fn administrator(&mut self) -> Person {
        let person = self.person("user").await;
        let path = format!("/users/{}/roles/admin", person.id);
        let grant = self.app.request(Method::PUT, &path).bearer_auth(&self.admin.access);
        self.app.send(grant).await.expect_status(200);
        person
    }

    /// The operation on what belongs to `owner`, asked by `caller`.
    async fn request(&mut self, operation: &Operation, owner: &Person, caller: Option<&Person>) -> RequestBuilder {
        let id = match operation.id.as_str() {
            "revokeSession" => {
                let login = self.app.login(&owner.email, PASSWORD).await;
                login.expect_status(200).tokens().session()
            }
            "getEvent" => {
                let own = self.app.get_as(&owner.tokens.access, "/auth/me/activity").await;
                match own.json["events"][0]["id"].as_str() {
                    Some(id) => id.to_owned(),
                    None => uuid::Uuid::from_u128(1).to_string(),
                }
            }
            "readReplay" => uuid::Uuid::from_u128(1).to_string(),
            _ => owner.id.clone(),
        };
        self.people += 1;
        let path = operation.path.replace("{id}", &id).replace("{role}", "artist");
        let request = self.app.request(operation.method.clone(), &path);
        let request = match caller {
            Some(caller) => request.bearer_auth(&caller.tokens.access),
            None => request,
        };
        let fresh = format!("new{}@example.com", self.people);
        let body = match operation.id.as_str() {
            "register" | "createUser" => json!({"email": fresh, "password": PASSWORD}),
            "login" => json!({"identifier": owner.email, "password": PASSWORD}),
            "refresh" => json!({"refreshToken": caller.unwrap_or(owner).tokens.refresh}),
            "deleteMe" | "enrolTotp" | "removeTotp" | "generateRecoveryCodes" => json!({"password": PASSWORD}),
            "changePassword" => json!({"currentPassword": PASSWORD, "newPassword": "quiet harbour 52"}),
            "forgotPassword" => json!({"email": owner.email}),
            "resetPassword" => json!({"code": "wmc_none", "password": "quiet harbour 52"}),
            "verifyEmail" => json!({"code": "wmc_none"}),
            "confirmTotp" => json!({"code": "123456"}),
            "verifyMfa" => json!({"challengeToken": "wlc_none", "code": "123456"}),
            "introspect" | "revoke" => {
                let form = format!("token={}", owner.tokens.refresh);
                return request
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(form);
            }
            "recordEvent" => json!({"name": "seen"}),
            "startReplay" => json!({"name": format!("replay{}", self.people)}),
            "replaceUser" => json!({"email": fresh, "accountType": "user"}),
            "updateMe" | "updateUser" => json!({"name": fresh}),
            "logout" => json!({}),
            _ => return request,
        };
        request.json(&body)
    }
}

async fn every_caller_gets_the_status_in_the_table(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    let mut stage = Stage { app, admin, people: 0 };
    let mut wrong = Vec::new();
    for operation in operations() {
        let line = TABLE.iter().find(|(id, _)| *id == operation.id);
        let (_, expected) = line.unwrap_or_else(|| panic!("no line for {}", operation.id));
        let owner = stage.person("user").await;
        let (other, artist) = (stage.person("user").await, stage.person("artist").await);
        let admin = stage.administrator().await;
        // The administrator comes last: afterwards the user may be gone.
        let callers = [None, Some(&owner), Some(&other), Some(&artist), Some(&admin)];
        for ((who, caller), expected) in CALLERS.into_iter().zip(callers).zip(expected) {
            let request = stage.request(&operation, &owner, caller).await;
            // Only the status: a stream has no end.
            let found = request.send().await.expect("an answer").status().as_u16();
            if found != *expected {
                wrong.push(format!("{} {who}: {found} and not {expected}", operation.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    stage.app.finish().await;
}
