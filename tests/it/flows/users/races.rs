//! Whoever has lost the right to administer does not give it away any more, however close the two come.

use std::cell::Cell;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::rights::{act, another_admin};
use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::held::{Held, until_waiting, waiting};
use crate::support::http::{Answer, Tokens};
use crate::support::wait::eventually;

const SOON: Duration = Duration::from_secs(60);
/// Takes an address: whoever makes an account with it waits for what becomes of that.
const TAKE_ADDRESS: &str = "UPDATE users SET email_canonical = $1 WHERE email = 'root@example.com'";
const MADE: &str =
    "SELECT count(*) FROM users WHERE email LIKE 'carol%' AND roles LIKE '%admin%' AND status = 'active'";

/// How an administrator goes, what is recorded then, and what the one who went is told.
const WAYS_OUT: [(Method, &str, &str, (u16, &str)); 3] = [
    (Method::DELETE, "/roles/admin", "role_revoked", (403, "forbidden")),
    (Method::POST, "/disable", "disabled", (401, "invalid_token")),
    (Method::DELETE, "", "deleted", (401, "invalid_token")),
];

/// How an administrator makes another one.
#[derive(Clone, Copy, Debug)]
enum WayIn {
    Grant,
    Create,
    /// One who was disabled.
    Enable,
}

impl WayIn {
    const ALL: [Self; 3] = [Self::Grant, Self::Create, Self::Enable];

    /// What is recorded then.
    fn event(self) -> &'static str {
        match self {
            Self::Grant => "role_granted",
            Self::Create => "registered",
            Self::Enable => "enabled",
        }
    }
}

/// One administrator sends another one away, who makes a third.
struct Scene<'a> {
    app: &'a TestApp,
    root: &'a Tokens,
    bob: Tokens,
    bob_email: String,
    bob_path: String,
    /// Who is to be an administrator.
    carol: String,
    /// The account of `carol`, when there is one.
    carol_path: String,
}

impl<'a> Scene<'a> {
    async fn new(app: &'a TestApp, root: &'a Tokens, round: usize, way_in: WayIn) -> Self {
        let (bob_email, carol) = (format!("bob{round}@example.com"), format!("carol{round}@example.com"));
        let (bob, bob_path) = another_admin(app, root, &bob_email).await;
        let carol_path = match way_in {
            WayIn::Grant => format!("/users/{}", app.registered(&carol).await.str("/user/id")),
            WayIn::Create => String::new(),
            WayIn::Enable => {
                let (_, path) = another_admin(app, root, &carol).await;
                let disabled = act(app, &root.access, Method::POST, &format!("{path}/disable")).await;
                disabled.expect_status(200);
                path
            }
        };
        Self {
            app,
            root,
            bob,
            bob_email,
            bob_path,
            carol,
            carol_path,
        }
    }

    async fn make_administrator(&self, way_in: WayIn) -> Answer {
        match way_in {
            WayIn::Grant => {
                let path = format!("{}/roles/admin", self.carol_path);
                act(self.app, &self.bob.access, Method::PUT, &path).await
            }
            WayIn::Create => {
                let body = json!({ "email": self.carol, "password": PASSWORD, "roles": ["user", "admin"] });
                self.app.send_as(&self.bob.access, Method::POST, "/users", &body).await
            }
            WayIn::Enable => {
                let path = format!("{}/enable", self.carol_path);
                act(self.app, &self.bob.access, Method::POST, &path).await
            }
        }
    }

    async fn send_away(&self, (method, path, ..): &(Method, &str, &str, (u16, &str))) -> Answer {
        let path = format!("{}{path}", self.bob_path);
        act(self.app, &self.root.access, method.clone(), &path).await
    }

    /// Keeps `carol` from becoming an administrator for the time being.
    async fn hold_carol(&self, way_in: WayIn) -> Held {
        match way_in {
            WayIn::Grant | WayIn::Enable => Held::account(&self.app.database, &self.carol).await,
            WayIn::Create => Held::by(&self.app.database, TAKE_ADDRESS, &[&self.carol]).await,
        }
    }

    /// The names of the newest two events, in the order of the ledger.
    async fn newest(&self) -> [String; 2] {
        let mut names = self.app.event_names().await.into_iter().rev();
        let (last, before) = (names.next().expect("an event"), names.next().expect("an event"));
        [before, last]
    }
}

/// Answers two requests of which the first one waits for what is held, until the second one is
/// answered or waits too.
async fn cross(
    app: &TestApp,
    held: Held,
    first: impl Future<Output = Answer>,
    second: impl Future<Output = Answer>,
) -> (Answer, Answer) {
    let is_answered = Cell::new(false);
    let second = async {
        until_waiting(&app.database, 1).await;
        let answer = second.await;
        is_answered.set(true);
        answer
    };
    let release = async {
        eventually(SOON, || async {
            is_answered.get() || waiting(&app.database).await == 2
        })
        .await;
        held.release().await;
    };
    let (first, second, ()) = tokio::join!(first, second, release);
    (first, second)
}

/// The right was there when it was looked at: whoever takes it away waits until what was done with it is recorded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demotion_waits_for_a_grant_in_progress() {
    let app = TestApp::spawn(Backend::Postgres).await;
    let root = app.admin().await;
    let mut round = 0;
    for way_in in WayIn::ALL {
        for way_out in &WAYS_OUT {
            round += 1;
            let scene = Scene::new(&app, &root, round, way_in).await;
            let held = scene.hold_carol(way_in).await;
            let (grant, demotion) = (scene.make_administrator(way_in), scene.send_away(way_out));
            let (made, away) = cross(&app, held, grant, demotion).await;
            assert!(away.status.is_success(), "{way_in:?}: {}", away.text);
            assert!(made.status.is_success(), "{way_in:?}: {}", made.text);
            assert_eq!(
                scene.newest().await,
                [way_in.event(), way_out.2],
                "{way_in:?}: who has lost the right gave it away"
            );
        }
    }
    app.finish().await;
}

/// The other way round: the right is looked at when nobody is about to take it away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demoted_admin_cannot_create_an_admin() {
    let app = TestApp::spawn(Backend::Postgres).await;
    let root = app.admin().await;
    let mut round = 0;
    for way_in in WayIn::ALL {
        for way_out in &WAYS_OUT {
            round += 1;
            let scene = Scene::new(&app, &root, round, way_in).await;
            let held = Held::account(&app.database, &scene.bob_email).await;
            let (grant, demotion) = (scene.make_administrator(way_in), scene.send_away(way_out));
            let (away, made) = cross(&app, held, demotion, grant).await;
            assert!(away.status.is_success(), "{way_in:?}: {}", away.text);
            let (status, code) = way_out.3;
            made.expect_problem(status, code);
            assert_eq!(app.database.count(MADE).await.expect("a count"), 0, "{way_in:?}");
        }
    }
    app.finish().await;
}
