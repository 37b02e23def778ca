//! `watchword events adopt` after the restore of a backup, with the real binary: a ledger that lacks
//! published events takes them from the stream.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::rig::options_on;
use crate::support::binary::{Binary, BinaryOptions, Ended, run, run_after};
use crate::support::database::{Backend, Database};
use crate::support::flow_tests;
use crate::support::http::{Answer, Http, Tokens};
use crate::support::invariants::differences;
use crate::support::nats::NatsServer;
use crate::support::run_dir::scratch;
use crate::support::wait::eventually;

flow_tests! {
    a_restored_ledger_adopts_the_events_of_the_stream,
    an_erased_sequence_is_raised_and_nothing_is_adopted,
}

const TIMEOUT: Duration = Duration::from_secs(60);
const STREAM: &str = "auth-events";
const PASSWORD: &str = "correct horse battery 7";
const NEW_PASSWORD: &str = "another rather long line 7";
/// The same for the restored database.
const SECRET_KEY: &str = "vKy3SynzFLR0Lm9CgBTKJ+ujg+uj4b8MsCDFC/YNt3Y=";

/// As the job that counts whole hours.
const COUNT_ALL: [&str; 3] = [
    "DELETE FROM event_counts",
    "INSERT INTO event_counts (hour, subject, events) \
     SELECT occurred_at / 3600000, subject, count(*) FROM events GROUP BY 1, 2",
    "UPDATE event_counts_mark SET seq = (SELECT max(seq) FROM events)",
];
/// Subjects whose counts differ from the events up to the mark.
const MISCOUNTED: &str = "SELECT count(*) FROM event_counts AS c WHERE events <> (SELECT count(*) FROM events AS e \
     WHERE e.seq <= (SELECT seq FROM event_counts_mark) AND e.subject = c.subject \
     AND e.occurred_at / 3600000 = c.hour)";

/// A database, its data directory and the NATS server of both it and its copy.
struct Installation<'a> {
    nats: &'a NatsServer,
    data_dir: PathBuf,
    database: Database,
}

impl<'a> Installation<'a> {
    async fn fresh(backend: Backend, nats: &'a NatsServer) -> Self {
        let data_dir = scratch("adopt");
        let database = Database::fresh(backend, &data_dir).await;
        let new = Self { nats, data_dir, database };
        let admin = new.options(&["user", "create-admin", "--email", "admin@example.com"]);
        let ended = run(admin, PASSWORD).await;
        assert!(ended.status.success(), "{ended:?}");
        new
    }

    /// As a restored backup of this moment; the service must have stopped.
    async fn copy(&self) -> Self {
        let data_dir = scratch("restored");
        let database = self.database.copy(&data_dir).await;
        Self { nats: self.nats, data_dir, database }
    }

    fn options(&self, args: &[&str]) -> BinaryOptions {
        options_on(&self.data_dir, &self.database, self.nats, args)
            .with("WATCHWORD_SECRET_KEY", SECRET_KEY)
            // Each start has another port, and the tokens stay.
            .with("WATCHWORD__TOKENS__ISSUER", "https://auth.example.com")
    }

    async fn serve(&self) -> Binary {
        Binary::start(self.options(&["serve"])).await
    }

    async fn adopt(&self) -> Ended {
        run(self.options(&["events", "adopt", "--yes", "--format", "json"]), "").await
    }

    /// Waits until all is published, and checks the invariants.
    async fn consistent(&self) -> usize {
        eventually(TIMEOUT, || async { self.database.unpublished().await.is_ok_and(|left| left == 0) }).await;
        let ledger = self.database.ledger().await.expect("the ledger");
        let messages = self.nats.messages(STREAM).await;
        assert_eq!(differences(&ledger, &messages), Vec::<String>::new());
        messages.len()
    }
}

async fn login(http: &Http, email: &str) -> Tokens {
    http.login(email, PASSWORD).await.expect_status(200).tokens()
}

/// The cursor behind the last event that an administrator sees.
async fn position(http: &Http, admin: &str) -> String {
    http.get_as(admin, "/events").await.expect_status(200).str("/position").to_owned()
}

async fn page_after(http: &Http, admin: &str, cursor: &str) -> Answer {
    http.get_as(admin, &format!("/events?after={cursor}")).await
}

fn result(ended: &Ended) -> Value {
    assert!(ended.status.success(), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("no JSON: {ended:?}"))
}

fn not_restored(result: &Value, subject: &str) -> Vec<String> {
    let lost = result["notRestored"].as_array().expect("a list");
    let of_kind = lost.iter().find(|lost| lost["subject"] == subject);
    let users = of_kind.and_then(|lost| lost["userIds"].as_array());
    users.into_iter().flatten().filter_map(|id| id.as_str().map(str::to_owned)).collect()
}

/// Ends a session, an account and the use of one, and changes what no event restores. Returns the
/// account that is registered.
async fn act_after_the_backup(http: &Http, admin: &str, ada: &str, ids: &[String]) -> Answer {
    http.logout(ada, "local").await.expect_status(204);
    let bob = login(http, "bob@example.com").await;
    let change = json!({"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD});
    let changed = http.send_as(&bob.access, Method::POST, "/auth/password/change", &change).await;
    assert!(changed.status.is_success(), "{}", changed.text);
    let path = format!("/users/{}/disable", ids[2]);
    http.send_as(admin, Method::POST, &path, &json!({})).await.expect_status(200);
    let path = format!("/users/{}", ids[3]);
    http.send(http.request(Method::DELETE, &path).bearer_auth(admin)).await.expect_status(204);
    let dora = http.register("dora@example.com", PASSWORD).await.expect_status(201);
    login(http, "ada@example.com").await;
    dora
}

async fn a_restored_ledger_adopts_the_events_of_the_stream(backend: Backend) {
    let nats = NatsServer::start().await;
    let before = Installation::fresh(backend, &nats).await;

    let mut service = before.serve().await;
    let http = service.http().clone();
    let mut ids = Vec::new();
    for name in ["ada", "bob", "carl", "eve"] {
        let registered = http.register(&format!("{name}@example.com"), PASSWORD).await.expect_status(201);
        ids.push(registered.str("/user/id").to_owned());
    }
    let [ada, stays] = [
        login(&http, "ada@example.com").await,
        login(&http, "ada@example.com").await,
    ];
    let admin = login(&http, "admin@example.com").await.access;
    before.consistent().await;
    assert!(service.stop().await.success());
    let restored = before.copy().await;

    // What the backup lacks.
    service = before.serve().await;
    let http = service.http().clone();
    let dora = act_after_the_backup(&http, &admin, &ada.access, &ids).await;
    let cursor = position(&http, &admin).await;
    page_after(&http, &admin, &cursor).await.expect_status(200);
    let published = before.consistent().await;
    assert!(service.stop().await.success());
    let lacking = before.database.ledger().await.expect("the ledger").len()
        - restored.database.ledger().await.expect("the ledger").len();

    // The restored ledger gives the same sequences and numbers to other events.
    service = restored.serve().await;
    let http = service.http().clone();
    for email in ["ada@example.com", "ada@example.com", "bob@example.com"] {
        login(&http, email).await;
    }
    login(&http, "carl@example.com").await;
    eventually(TIMEOUT, || async { http.get("/readyz").await.text.contains("the ledger is behind") }).await;
    let refused = restored.adopt().await;
    assert_eq!(refused.status.code(), Some(4), "an instance leads: {refused:?}");
    assert_eq!(nats.messages(STREAM).await.len(), published, "nothing is published");
    assert!(service.stop().await.success());
    let declined = run(restored.options(&["events", "adopt"]), "no\n").await;
    assert!(!declined.status.success(), "{declined:?}");

    for count in COUNT_ALL {
        restored.database.execute(count).await.expect("count the events");
    }

    let result = result(&restored.adopt().await);
    assert_eq!(restored.database.unpublished().await.expect("a number"), 4, "what has moved");
    assert_eq!(restored.database.count(MISCOUNTED).await.expect("a number"), 0);
    assert_eq!(result["adopted"], lacking, "{result}");
    assert_eq!(
        [&result["moved"], &result["disabledUsers"], &result["deletedUsers"]],
        [4, 1, 1],
        "{result}"
    );
    assert_eq!(not_restored(&result, "auth.user.registered"), [dora.str("/user/id")]);
    assert_eq!(not_restored(&result, "auth.user.password_changed"), [ids[1].as_str()]);

    service = restored.serve().await;
    let http = service.http().clone();
    assert_eq!(restored.consistent().await, published + 4);
    // What the adopted events ended has ended.
    http.refresh(&ada.refresh).await.expect_status(401);
    http.refresh(&stays.refresh).await.expect_status(200);
    http.login("carl@example.com", PASSWORD).await.expect_status(401);
    http.login("eve@example.com", PASSWORD).await.expect_status(401);
    let problem = page_after(&http, &admin, &cursor).await.expect_problem(400, "invalid_parameter");
    assert_eq!(problem.str("/errors/0/code"), "other_epoch");
    let cursor = position(&http, &admin).await;
    page_after(&http, &admin, &cursor).await.expect_status(200);
    // The users' numbers go on.
    for email in ["ada@example.com", "bob@example.com"] {
        login(&http, email).await;
    }
    restored.consistent().await;
    assert!(service.stop().await.success());

    let again = restored.adopt().await;
    assert!(again.status.success() && again.stdout.contains("\"changed\":false"), "{again:?}");
    let verified = run(restored.options(&["events", "verify"]), "").await;
    assert!(verified.status.success(), "{verified:?}");
    before.database.remove().await;
    restored.database.remove().await;
}

/// The stream was purged, so that only the position tells that the sequence is too low.
async fn an_erased_sequence_is_raised_and_nothing_is_adopted(backend: Backend) {
    let nats = NatsServer::start().await;
    let installation = Installation::fresh(backend, &nats).await;
    let mut service = installation.serve().await;
    service.http().register("ada@example.com", PASSWORD).await.expect_status(201);
    installation.consistent().await;
    assert!(service.stop().await.success());
    let stream = nats.jetstream().await.get_stream(STREAM).await.expect("the stream");
    stream.purge().await.expect("purge");
    let lower = match backend {
        Backend::Postgres => "SELECT setval('events_seq_seq', 1)",
        Backend::Sqlite => "UPDATE sqlite_sequence SET seq = 1 WHERE name = 'events'",
    };
    installation.database.execute("DELETE FROM events WHERE seq > 1").await.expect("delete");
    installation.database.execute(lower).await.expect("lower the sequence");

    let result = result(&installation.adopt().await);
    assert_eq!([&result["adopted"], &result["moved"]], [0, 0], "{result}");
    assert_eq!(result["changed"], true, "{result}");
    service = installation.serve().await;
    login(service.http(), "ada@example.com").await;
    eventually(TIMEOUT, || async { nats.messages(STREAM).await.len() == 1 }).await;
    assert!(service.stop().await.success());
    installation.database.remove().await;
}

/// The server ends the session of a relay that is idle for ten seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_may_take_time_to_confirm() {
    let nats = NatsServer::start().await;
    let installation = Installation::fresh(Backend::Postgres, &nats).await;
    let mut service = installation.serve().await;
    service.http().register("ada@example.com", PASSWORD).await.expect_status(201);
    let published = installation.consistent().await;
    assert!(service.stop().await.success());
    for lose in [
        "DELETE FROM events WHERE seq > 1",
        "SELECT setval('events_seq_seq', 1)",
        "DELETE FROM relay_position",
    ] {
        installation.database.execute(lose).await.expect("lose events");
    }

    let confirm = installation.options(&["events", "adopt", "--format", "json"]);
    let result = result(&run_after(confirm, Duration::from_secs(12), "yes\n").await);
    assert_eq!(result["adopted"], published - 1, "{result}");
    service = installation.serve().await;
    login(service.http(), "ada@example.com").await;
    assert_eq!(installation.consistent().await, published + 1);
    assert!(service.stop().await.success());
    installation.database.remove().await;
}
