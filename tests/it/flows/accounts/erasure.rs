//! Erasure of a deleted account: its personal data is erased from the row, the sessions and the
//! ledger. Its id stays, and other accounts do not change.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::{Backend, LedgerRow};
use crate::support::flow_tests;
use crate::support::http::Answer;
use crate::support::invariants::differences;
use crate::support::wait::eventually;

flow_tests! {
    a_deleted_account_is_erased_after_the_delay,
    neither_bad_rows_nor_waiting_accounts_hold_up_the_others,
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const PERSONAL_WORDS: [&str; 5] = [
    "erasee",
    "Erasable Person",
    "Erasable Town",
    "ERASE-AGENT",
    "erase-attribute",
];

/// The personal words that are still in the ledger.
async fn words_in_ledger(app: &TestApp) -> Vec<&'static str> {
    let ledger = app.ledger().await;
    let found = |word: &&str| {
        let in_row = |payload: &[u8]| payload.windows(word.len()).any(|part| part == word.as_bytes());
        ledger.iter().any(|row| in_row(&row.payload))
    };
    PERSONAL_WORDS.into_iter().filter(found).collect()
}

async fn a_deleted_account_is_erased_after_the_delay(backend: Backend) {
    let clock = TestClock::running();
    let mut app = TestApp::builder(backend).clock(clock.clone()).spawn().await;
    let admin = app.admin().await;
    let user = register_with_personal_data(&app).await;
    let id = user.str("/user/id").to_owned();
    let other = app.registered("stays@example.com").await;
    let path = format!("/users/{id}");
    app.send_as(&admin.access, Method::DELETE, &path, &json!({})).await.expect_status(204);
    app.ledger_drained().await;
    let stream = app.events().await;
    let before = app.ledger().await;

    // A restart does not erase it early.
    app.restart(clock.clone()).await;
    let admin = app.login("root@example.com", PASSWORD).await.expect_status(200).tokens();
    let listed = app.get_as(&admin.access, "/users?status=deleted&search=erasable").await;
    assert_eq!(
        listed.expect_status(200).json["totalCount"],
        json!(1),
        "the account can be found until its erasure"
    );
    assert_eq!(words_in_ledger(&app).await, PERSONAL_WORDS);

    clock.advance(DAY * 30 + DAY);
    app.restart(clock.clone()).await;
    let erased = || async { app.database.count("SELECT count(*) FROM users WHERE erased_at IS NOT NULL").await };
    eventually(Duration::from_secs(60), || async {
        match erased().await {
            Ok(1) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert_eq!(words_in_ledger(&app).await, Vec::<&str>::new());
    assert_masked(&id, &before, &app.ledger().await);
    assert_rows(&app).await;
    let admin = app.login("root@example.com", PASSWORD).await.expect_status(200).tokens();
    let erased_user = app.get_as(&admin.access, &path).await.expect_status(200);
    assert_eq!((erased_user.str("/id"), erased_user.str("/status")), (id.as_str(), "deleted"));
    assert!(erased_user.str("/email").ends_with("@erased.invalid"));
    assert_eq!(other.str("/user/email"), "stays@example.com");

    // The stream keeps its messages until `max_age`. Ledger and stream still have the same ids.
    app.ledger_drained().await;
    let now = app.events().await;
    assert!(
        stream.iter().zip(&now).all(|(old, new)| old.bytes == new.bytes),
        "the stream does not change"
    );
    // The identifiers can be registered again.
    app.registered("erasee@example.com").await;
    app.abandon().await;
}

/// Register a user, and record events with personal data in every field that may contain it.
async fn register_with_personal_data(app: &TestApp) -> Answer {
    let body = json!({
        "email": "erasee@example.com", "password": PASSWORD, "username": "erasee", "name": "Erasable Person",
        "profile": {"country": "Erasable Town"},
    });
    let request = app
        .request(Method::POST, "/auth/register")
        .header("user-agent", "ERASE-AGENT")
        .json(&body);
    let user = app.send(request).await.expect_status(201);
    let login = json!({"identifier": "erasee", "password": PASSWORD});
    let request = app.request(Method::POST, "/auth/login").header("user-agent", "ERASE-AGENT").json(&login);
    app.send(request).await.expect_status(200);
    let access = user.tokens().access;
    let custom = json!({"name": "seen", "attributes": {"what": "erase-attribute"}});
    app.send_as(&access, Method::POST, "/events", &custom).await.expect_status(202);
    user
}

/// Asserts that only the personal data in the events of the account changed.
#[track_caller]
fn assert_masked(id: &str, before: &[LedgerRow], after: &[LedgerRow]) {
    assert_eq!(before.len(), 7);
    for (old, new) in before.iter().zip(after) {
        assert_eq!(
            (old.seq, old.id, &old.subject, old.user_id, old.user_seq),
            (new.seq, new.id, &new.subject, new.user_id, new.user_seq)
        );
        let about = old.user_id.is_some_and(|user| user.to_string() == id);
        assert!(about || old.payload == new.payload, "an event of another user changed");
        let [old, new] =
            [&old.payload, &new.payload].map(|bytes| serde_json::from_slice::<Value>(bytes).expect("JSON"));
        for field in ["userId", "userSeq", "timestamp", "sessionId", "reason", "actor"] {
            assert_eq!(old["data"].get(field), new["data"].get(field), "{field} stays");
        }
        assert_eq!(old["metadata"], new["metadata"]);
    }
}

/// Asserts that the tables contain no personal data of the account.
async fn assert_rows(app: &TestApp) {
    for (query, left) in [
        (
            "SELECT count(*) FROM users WHERE email LIKE '%erasee%' OR username IS NOT NULL OR name IS NOT NULL OR profile <> '{}' \
          OR search_text LIKE '%eras%e%town%' OR (password_hash <> '' AND status = 'deleted')",
            0,
        ),
        ("SELECT count(*) FROM sessions WHERE user_agent = 'ERASE-AGENT'", 0),
        ("SELECT count(*) FROM users WHERE email = 'stays@example.com'", 1),
    ] {
        assert_eq!(app.database.count(query).await.expect("count"), left, "{query}");
    }
}

/// More accounts than one call looks for, whose events are not published, deleted before all others;
/// and one that the database refuses to erase.
fn stuck_accounts(backend: Backend) -> Vec<&'static str> {
    match backend {
        Backend::Sqlite => vec![
            "WITH RECURSIVE rows(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM rows WHERE n < 121) \
             INSERT INTO users (id, email, email_canonical, account_type, roles, status, password_hash, created_at, \
             updated_at, deleted_at, text_rules) SELECT randomblob(16), 'waits' || n, 'waits' || n, 'user', 'user', \
             'deleted', '', 0, 0, n, 1 FROM rows",
            "INSERT INTO events (id, subject, user_id, user_seq, schema_version, payload, occurred_at) \
             SELECT randomblob(16), 'auth.user.deleted', id, 1, 1, CAST('{}' AS BLOB), 0 FROM users \
             WHERE email LIKE 'waits%' AND email <> 'waits1'",
            "CREATE TRIGGER refuse BEFORE UPDATE ON users WHEN OLD.email = 'waits1' \
             BEGIN SELECT RAISE(ABORT, 'a bad row'); END",
        ],
        Backend::Postgres => vec![
            "INSERT INTO users (id, email, email_canonical, account_type, roles, status, password_hash, created_at, \
             updated_at, deleted_at, text_rules) SELECT gen_random_uuid(), 'waits' || n, 'waits' || n, 'user', 'user', \
             'deleted', '', 0, 0, n, 1 FROM generate_series(1, 121) AS n",
            "INSERT INTO events (id, subject, user_id, user_seq, schema_version, payload, occurred_at) \
             SELECT gen_random_uuid(), 'auth.user.deleted', id, 1, 1, convert_to('{}', 'UTF8'), 0 FROM users \
             WHERE email LIKE 'waits%' AND email <> 'waits1'",
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'a bad row'; END $$",
            "CREATE TRIGGER refuse BEFORE UPDATE ON users FOR EACH ROW WHEN (OLD.email = 'waits1') \
             EXECUTE FUNCTION refuse()",
        ],
    }
}

/// Waits until so many accounts are erased.
async fn until_erased(app: &TestApp, accounts: i64) {
    eventually(Duration::from_secs(60), || async {
        match app.database.count("SELECT count(*) FROM users WHERE erased_at IS NOT NULL").await {
            Ok(erased) if erased == accounts => Ok(()),
            other => Err(format!("{other:?} accounts and not {accounts}")),
        }
    })
    .await;
}

async fn neither_bad_rows_nor_waiting_accounts_hold_up_the_others(backend: Backend) {
    let clock = TestClock::running();
    let mut app = TestApp::builder(backend).clock(clock.clone()).spawn().await;
    let admin = app.admin().await;
    for n in 0..5 {
        let user = app.registered(&format!("erasee{n}@example.com")).await;
        let path = format!("/users/{}", user.str("/user/id"));
        app.send_as(&admin.access, Method::DELETE, &path, &json!({})).await.expect_status(204);
    }
    app.assert_consistent().await;
    // An event that this version cannot read.
    let odd = match backend {
        Backend::Sqlite => {
            "UPDATE events SET payload = CAST('{\"data\":{\"email\":\"erasee\"}}' AS BLOB) WHERE seq = 3"
        }
        Backend::Postgres => {
            "UPDATE events SET payload = convert_to('{\"data\":{\"email\":\"erasee\"}}', 'UTF8') WHERE seq = 3"
        }
    };
    app.database.execute(odd).await.expect("change an event");

    app.nats.kill();
    for sql in stuck_accounts(backend) {
        app.database.execute(sql).await.expect(sql);
    }
    clock.advance(DAY * 31);
    app.restart(clock.clone()).await;
    until_erased(&app, 5).await;
    assert_eq!(words_in_ledger(&app).await, Vec::<&str>::new());

    // Those that waited are erased when their events are published.
    app.nats.start_again().await;
    app.ledger_drained().await;
    app.restart(clock.clone()).await;
    until_erased(&app, 125).await;
    let mend = match backend {
        Backend::Sqlite => "DROP TRIGGER refuse",
        Backend::Postgres => "DROP TRIGGER refuse ON users",
    };
    app.database.execute(mend).await.expect("mend the row");
    app.restart(clock.clone()).await;
    until_erased(&app, 126).await;

    // Every event is in the stream once and in its place; erasure changed the ledger's copies.
    let found = differences(&app.ledger().await, &app.events().await);
    let found: Vec<String> = found.into_iter().filter(|found| !found.starts_with("altered")).collect();
    assert_eq!(found, Vec::<String>::new());
    app.abandon().await;
}
