//! The administrator of a round.

use serde_json::json;

use crate::support::database::Database;
use crate::support::http::Http;

use super::PASSWORD;
use super::requests::traced;

const EMAIL: &str = "root@example.com";
const PROMOTE: &str = "UPDATE users SET roles = 'user admin' WHERE email = 'root@example.com'";

/// An administrator.
#[derive(Clone, Debug)]
pub(crate) struct Administrator {
    pub(crate) access: String,
}

impl Administrator {
    /// Registers an account, makes it an administrator, and logs in again.
    pub(crate) async fn create(http: &Http, database: &Database) -> Self {
        let body = json!({"email": EMAIL, "password": PASSWORD});
        let request = http.request(reqwest::Method::POST, "/auth/register").json(&body);
        http.send(traced(request, SETUP[0])).await.expect_status(201);
        database.execute(PROMOTE).await.expect("make an administrator");
        let body = json!({"identifier": EMAIL, "password": PASSWORD});
        let request = http.request(reqwest::Method::POST, "/auth/login").json(&body);
        let tokens = http.send(traced(request, SETUP[1])).await.expect_status(200).tokens();
        Self { access: tokens.access }
    }
}

/// The traces of the registration and the login.
pub(crate) const SETUP: [&str; 2] = ["000000000000000000000000000000c1", "000000000000000000000000000000c2"];
