//! Authorization: every operation of the OpenAPI document, called by every kind of caller.
//!
//! For a new operation, `every_operation_has_a_row` fails and names it. Add its row to `table.rs`,
//! and its path parameter and body to `request`.
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

/// One row of the table: the operation, and its status for each of the [`CALLERS`].
type Row = (&'static str, [u16; 5]);

/// An id in a path is the id of `user`, or of a resource of `user`.
const CALLERS: [&str; 5] = ["anonymous", "user", "other user", "artist", "admin"];

#[test]
fn every_operation_has_a_row() {
    let mut documented: Vec<String> = operations().into_iter().map(|operation| operation.id).collect();
    let mut rows: Vec<String> = TABLE.iter().map(|(id, _)| (*id).to_owned()).collect();
    documented.sort();
    rows.sort();
    assert_eq!(rows, documented, "rows of the table, and operations of the document");
}

struct User {
    id: String,
    email: String,
    tokens: Tokens,
}

/// The application, its administrator, and a counter for unique names.
struct Fixture {
    app: TestApp,
    admin: Tokens,
    counter: usize,
}

impl Fixture {
    async fn create_user(&mut self, account_type: &str) -> User {
        self.counter += 1;
        let email = format!("somebody{}@example.com", self.counter);
        let body = json!({"email": email, "password": PASSWORD, "accountType": account_type});
        let answer = self.app.post("/auth/register", &body).await.expect_status(201);
        let (id, tokens) = (answer.str("/user/id").to_owned(), answer.tokens());
        User { id, email, tokens }
    }

    async fn create_admin(&mut self) -> User {
        let create_user = self.create_user("user").await;
        let path = format!("/users/{}/roles/admin", create_user.id);
        let grant = self.app.request(Method::PUT, &path).bearer_auth(&self.admin.access);
        self.app.send(grant).await.expect_status(200);
        create_user
    }

    /// A request of `caller` for the operation on a resource of `owner`.
    async fn request(&mut self, operation: &Operation, owner: &User, caller: Option<&User>) -> RequestBuilder {
        let id = match operation.id.as_str() {
            "revokeSession" => {
                let login = self.app.login(&owner.email, PASSWORD).await;
                login.expect_status(200).tokens().session()
            }
            "getEvent" => {
                let activity = self.app.get_as(&owner.tokens.access, "/auth/me/activity").await;
                match activity.json["events"][0]["id"].as_str() {
                    Some(id) => id.to_owned(),
                    None => uuid::Uuid::from_u128(1).to_string(),
                }
            }
            "getReplay" => uuid::Uuid::from_u128(1).to_string(),
            _ => owner.id.clone(),
        };
        self.counter += 1;
        let path = operation.path.replace("{id}", &id).replace("{role}", "artist");
        let request = self.app.request(operation.method.clone(), &path);
        let request = match caller {
            Some(caller) => request.bearer_auth(&caller.tokens.access),
            None => request,
        };
        let new_email = format!("new{}@example.com", self.counter);
        let body = match operation.id.as_str() {
            "register" | "createUser" => json!({"email": new_email, "password": PASSWORD}),
            "login" => json!({"identifier": owner.email, "password": PASSWORD}),
            "refreshTokens" => json!({"refreshToken": caller.unwrap_or(owner).tokens.refresh}),
            "deleteMe" | "enrollTotp" | "removeTotp" | "generateRecoveryCodes" => json!({"password": PASSWORD}),
            "changePassword" => json!({"currentPassword": PASSWORD, "newPassword": "quiet harbour 52"}),
            "forgotPassword" => json!({"email": owner.email}),
            "resetPassword" => json!({"code": "wmc_none", "newPassword": "quiet harbour 52"}),
            "verifyEmail" => json!({"code": "wmc_none"}),
            "confirmTotp" => json!({"code": "123456"}),
            "verifyMfa" => json!({"challengeToken": "wlc_none", "code": "123456"}),
            "introspectToken" | "revokeToken" => {
                let form = format!("token={}", owner.tokens.refresh);
                return request.header("content-type", "application/x-www-form-urlencoded").body(form);
            }
            "createEvent" => json!({"name": "seen"}),
            "createReplay" => json!({"name": format!("replay{}", self.counter)}),
            "replaceUser" => json!({"email": new_email, "accountType": "user"}),
            "updateMe" | "updateUser" => json!({"name": new_email}),
            "logout" => json!({}),
            _ => return request,
        };
        request.json(&body)
    }
}

async fn every_caller_gets_the_status_in_the_table(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await;
    let mut fixture = Fixture { app, admin, counter: 0 };
    let mut wrong = Vec::new();
    for operation in operations() {
        let row = TABLE.iter().find(|(id, _)| *id == operation.id);
        let (_, expected) = row.unwrap_or_else(|| panic!("no row for {}", operation.id));
        let owner = fixture.create_user("user").await;
        let (other, artist) = (fixture.create_user("user").await, fixture.create_user("artist").await);
        let admin = fixture.create_admin().await;
        // The administrator comes last and may delete the user.
        let callers = [None, Some(&owner), Some(&other), Some(&artist), Some(&admin)];
        for ((name, caller), expected) in CALLERS.into_iter().zip(callers).zip(expected) {
            let request = fixture.request(&operation, &owner, caller).await;
            // Read only the status: the body of a stream does not end.
            let found = request.send().await.expect("an answer").status().as_u16();
            if found != *expected {
                wrong.push(format!("{} {name}: {found}, expected {expected}", operation.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    fixture.app.finish().await;
}
