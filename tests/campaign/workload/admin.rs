//! The administrator of a round.

use serde_json::json;

use crate::support::database::Database;
use crate::support::http::{Answer, Http};

use super::PASSWORD;
use super::requests::traced;

const EMAIL: &str = "root@example.com";
/// How often a request is sent at most.
const MAX_REQUESTS: usize = 10;
const PROMOTE: &str = "UPDATE users SET roles = 'user admin' WHERE email = 'root@example.com'";

/// An administrator.
#[derive(Clone, Debug)]
pub(crate) struct Administrator {
    pub(crate) access: String,
}

impl Administrator {
    /// Registers an account, makes it an administrator, and logs in again. Returns how many logins
    /// it took: a busy machine may have no time at first.
    pub(crate) async fn create(http: &Http, database: &Database) -> (Self, usize) {
        let body = json!({"email": EMAIL, "password": PASSWORD});
        let register = || {
            let request = http.request(reqwest::Method::POST, "/auth/register").json(&body);
            http.send(traced(request.header("idempotency-key", SETUP[0]), SETUP[0]))
        };
        let (registered, _) = until_answered(register).await;
        registered.expect_status(201);
        database.execute(PROMOTE).await.expect("make an administrator");
        let body = json!({"identifier": EMAIL, "password": PASSWORD});
        let log_in = || {
            let request = http.request(reqwest::Method::POST, "/auth/login").json(&body);
            http.send(traced(request, SETUP[1]))
        };
        let (logged_in, logins) = until_answered(log_in).await;
        let tokens = logged_in.expect_status(200).tokens();
        (Self { access: tokens.access }, logins)
    }
}

/// Repeats a request that is not answered in time, and returns how many it took.
async fn until_answered<F: Future<Output = Answer>>(send: impl Fn() -> F) -> (Answer, usize) {
    let mut requests = 1;
    loop {
        let answer = send().await;
        if answer.status != 503 || requests == MAX_REQUESTS {
            return (answer, requests);
        }
        requests += 1;
    }
}

/// The traces of the registration and the login.
pub(crate) const SETUP: [&str; 2] = ["000000000000000000000000000000c1", "000000000000000000000000000000c2"];
