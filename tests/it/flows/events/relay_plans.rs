//! What the relay asks PostgreSQL, with many events behind it and while a long transaction, such as
//! a dump, keeps every old version of a row: no question costs more for it.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::support::plans::{Plans, USES, pages};
use crate::support::wait::eventually;

const DATABASE: &str = "relay_plans";
const TIMEOUT: Duration = Duration::from_secs(60);
/// Every instance counts the events that wait, every few seconds.
const BACKLOG: &str = "SELECT (SELECT count(*) FROM (SELECT 1 FROM events";
const EVENTS: &str = "INSERT INTO events (id, subject, user_id, user_seq, schema_version, payload, occurred_at) \
     SELECT gen_random_uuid(), 'auth.user.logged_in', ('00000000-0000-7000-8000-' || lpad(to_hex(n % 1000), 12, '0'))::uuid, \
     n, 1, convert_to(repeat('x', 300), 'UTF8'), 1780000000000 + n FROM generate_series(1, 60000) AS n";
/// The position is written at most ten times a second: as in five minutes.
const POSITIONS: &str = "DO $$ BEGIN FOR n IN 1..3000 LOOP UPDATE relay_position SET written_at = n; END LOOP; END $$";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_transaction_does_not_slow_the_relay_down() {
    let plans = Plans::of(DATABASE, &[EVENTS, "VACUUM ANALYZE"]).await;
    let access = plans.explain().await;
    let mut dump = PgConnection::connect(&plans.postgres.url(DATABASE)).await.expect("connect");
    dump.execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.expect("begin");
    dump.execute("SELECT count(*) FROM users").await.expect("take a snapshot");
    plans.postgres.execute(DATABASE, POSITIONS).await.expect("write positions");

    let logged = plans.during(async {
        for n in 0..USES {
            let body = json!({"name": "seen", "attributes": {"n": n}});
            plans.app.send_as(&access, Method::POST, "/events", &body).await.expect_status(202);
            plans.until_published().await;
        }
        let asked = plans.postgres.log().matches(BACKLOG).count();
        eventually(TIMEOUT, || async { plans.postgres.log().matches(BACKLOG).count() > asked }).await;
    });
    let logged = logged.await;
    // The next rows, the end of the ledger, the rows that wait, and the position.
    for (query, most) in [
        (r#"FROM "events" WHERE "events"."seq" > $1 ORDER BY "events"."seq" ASC"#, 50),
        (BACKLOG, 500),
        ("INSERT INTO relay_position", 1000),
    ] {
        let visited = pages(&logged, query);
        assert!(visited.is_some_and(|pages| pages <= most), "{visited:?} pages: {query}\n{logged}");
    }
    dump.execute("ROLLBACK").await.expect("end the transaction");
    plans.app.abandon().await;
}
