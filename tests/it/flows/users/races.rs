//! A removed administrator cannot make another one, in either order of the two requests.

use std::cell::Cell;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::rights::{act, another_admin};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::http::{Answer, Tokens};
use crate::support::row_lock::{RowLock, blocked_transactions, wait_until_blocked};
use crate::support::wait::eventually;

const TIMEOUT: Duration = Duration::from_secs(60);
/// Take an address without a commit. A user with this address cannot be created until then.
const TAKE_ADDRESS: &str = "UPDATE users SET email_canonical = $1 WHERE email = 'root@example.com'";
const PROMOTED: &str =
    "SELECT count(*) FROM users WHERE email LIKE 'carol%' AND roles LIKE '%admin%' AND status = 'active'";

/// How an administrator is removed, the event, and the error that the removed administrator gets.
const REMOVALS: [(Method, &str, &str, (u16, &str)); 3] = [
    (Method::DELETE, "/roles/admin", "role_revoked", (403, "forbidden")),
    (Method::POST, "/disable", "disabled", (401, "invalid_token")),
    (Method::DELETE, "", "deleted", (401, "invalid_token")),
];

/// How an administrator makes another one.
#[derive(Clone, Copy, Debug)]
enum Promotion {
    Grant,
    Create,
    /// Enable a disabled administrator.
    Enable,
}

impl Promotion {
    const ALL: [Self; 3] = [Self::Grant, Self::Create, Self::Enable];

    /// The recorded event.
    fn event(self) -> &'static str {
        match self {
            Self::Grant => "role_granted",
            Self::Create => "registered",
            Self::Enable => "enabled",
        }
    }
}

/// The administrator `root` removes the administrator `bob`, who makes `carol` an administrator.
struct Fixture<'a> {
    app: &'a TestApp,
    root: &'a Tokens,
    bob: Tokens,
    bob_email: String,
    bob_path: String,
    /// The address of the next administrator.
    carol: String,
    /// The path of the account of `carol`, if it exists.
    carol_path: String,
}

impl<'a> Fixture<'a> {
    async fn new(app: &'a TestApp, root: &'a Tokens, round: usize, promotion: Promotion) -> Self {
        let (bob_email, carol) = (format!("bob{round}@example.com"), format!("carol{round}@example.com"));
        let (bob, bob_path) = another_admin(app, root, &bob_email).await;
        let carol_path = match promotion {
            Promotion::Grant => format!("/users/{}", app.registered(&carol).await.str("/user/id")),
            Promotion::Create => String::new(),
            Promotion::Enable => {
                let (_, path) = another_admin(app, root, &carol).await;
                let disabled = act(app, &root.access, Method::POST, &format!("{path}/disable")).await;
                disabled.expect_status(200);
                path
            }
        };
        Self { app, root, bob, bob_email, bob_path, carol, carol_path }
    }

    async fn promote_carol(&self, promotion: Promotion) -> Answer {
        match promotion {
            Promotion::Grant => {
                let path = format!("{}/roles/admin", self.carol_path);
                act(self.app, &self.bob.access, Method::PUT, &path).await
            }
            Promotion::Create => {
                let body = json!({ "email": self.carol, "password": PASSWORD, "roles": ["user", "admin"] });
                self.app.send_as(&self.bob.access, Method::POST, "/users", &body).await
            }
            Promotion::Enable => {
                let path = format!("{}/enable", self.carol_path);
                act(self.app, &self.bob.access, Method::POST, &path).await
            }
        }
    }

    async fn remove_bob(&self, (method, path, ..): &(Method, &str, &str, (u16, &str))) -> Answer {
        let path = format!("{}{path}", self.bob_path);
        act(self.app, &self.root.access, method.clone(), &path).await
    }

    /// Lock the row that `promote_carol` needs.
    async fn lock_carol(&self, promotion: Promotion) -> RowLock {
        match promotion {
            Promotion::Grant | Promotion::Enable => RowLock::account(&self.app.database, &self.carol).await,
            Promotion::Create => RowLock::take(&self.app.database, TAKE_ADDRESS, &[&self.carol]).await,
        }
    }

    /// The names of the last two events, in ledger order.
    async fn last_events(&self) -> [String; 2] {
        let mut names = self.app.event_names().await.into_iter().rev();
        let (last, before) = (names.next().expect("an event"), names.next().expect("an event"));
        [before, last]
    }
}

/// Send `first`, which waits for the row lock, then `second`. Release the lock when the second
/// request is answered or waits too. Return both answers.
async fn cross(
    app: &TestApp,
    row_lock: RowLock,
    first: impl Future<Output = Answer>,
    second: impl Future<Output = Answer>,
) -> (Answer, Answer) {
    let is_answered = Cell::new(false);
    let second = async {
        wait_until_blocked(&app.database, 1).await;
        let answer = second.await;
        is_answered.set(true);
        answer
    };
    let release = async {
        eventually(TIMEOUT, || async { is_answered.get() || blocked_transactions(&app.database).await == 2 }).await;
        row_lock.release().await;
    };
    let (first, second, ()) = tokio::join!(first, second, release);
    (first, second)
}

/// The removal waits until the removed administrator has made the other one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demotion_waits_for_a_grant_in_progress() {
    let app = TestApp::spawn(Backend::Postgres).await;
    let root = app.admin().await;
    let mut round = 0;
    for promotion in Promotion::ALL {
        for removal in &REMOVALS {
            round += 1;
            let fixture = Fixture::new(&app, &root, round, promotion).await;
            let row_lock = fixture.lock_carol(promotion).await;
            let (promotion_request, removal_request) = (fixture.promote_carol(promotion), fixture.remove_bob(removal));
            let (promoted, removed) = cross(&app, row_lock, promotion_request, removal_request).await;
            assert!(removed.status.is_success(), "{promotion:?}: {}", removed.text);
            assert!(promoted.status.is_success(), "{promotion:?}: {}", promoted.text);
            assert_eq!(
                fixture.last_events().await,
                [promotion.event(), removal.2],
                "{promotion:?}: a removed administrator made another one"
            );
        }
    }
    app.finish().await;
}

/// The administrator is removed before the authorization is checked again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demoted_admin_cannot_create_an_admin() {
    let app = TestApp::spawn(Backend::Postgres).await;
    let root = app.admin().await;
    let mut round = 0;
    for promotion in Promotion::ALL {
        for removal in &REMOVALS {
            round += 1;
            let fixture = Fixture::new(&app, &root, round, promotion).await;
            let row_lock = RowLock::account(&app.database, &fixture.bob_email).await;
            let (promotion_request, removal_request) = (fixture.promote_carol(promotion), fixture.remove_bob(removal));
            let (removed, promoted) = cross(&app, row_lock, removal_request, promotion_request).await;
            assert!(removed.status.is_success(), "{promotion:?}: {}", removed.text);
            let (status, code) = removal.3;
            promoted.expect_problem(status, code);
            assert_eq!(app.database.count(PROMOTED).await.expect("a count"), 0, "{promotion:?}");
        }
    }
    app.finish().await;
}
