//! The query plans of `PostgreSQL` for the erasure of an account: it reads the account's own rows.

use std::time::Duration;

use watchword::domain::clock::SystemClock;

use crate::support::plans::{Plans, excerpt, pages};
use crate::support::wait::eventually;

const DATABASE: &str = "erasure_plans";
const USERS: &str = "INSERT INTO users (id, email, email_canonical, account_type, roles, status, password_hash, created_at, updated_at, text_rules) \
     SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'person' || n || '@example.org', 'person' || n || '@example.org', \
     'user', 'user', 'active', '', 0, 0, 1 \
     FROM generate_series(1, 50000) AS n";
/// Each user has a live session and two that were revoked.
const SESSIONS: &str = "INSERT INTO sessions (id, user_id, rotated_at, created_at, last_used_at, expires_at, revoked_at, ip) \
     SELECT gen_random_uuid(), ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 0, 0, 0, 9000000000000, \
     CASE WHEN number > 1 THEN 1 END, '192.0.2.7' FROM generate_series(1, 50000) AS n, generate_series(1, 3) AS number";
const DELETED: &str =
    "UPDATE users SET status = 'deleted', deleted_at = 1 WHERE id = '00000000-0000-7000-8000-000000000007'";
/// Fails until the account is erased.
const ERASED: &str = "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM users WHERE id = '00000000-0000-7000-8000-000000000007' \
     AND erased_at IS NOT NULL) THEN RAISE EXCEPTION 'not yet'; END IF; END $$";
/// Fails if the account's sessions have addresses, or those of others none.
const UNTRACED: &str = "DO $$ BEGIN IF (SELECT count(*) FROM sessions WHERE ip IS NULL \
     AND user_id = '00000000-0000-7000-8000-000000000007') <> 3 OR (SELECT count(*) FROM sessions WHERE ip = '192.0.2.7') <> 149997 \
     THEN RAISE EXCEPTION 'wrong'; END IF; END $$";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erasing_an_account_reads_its_own_rows() {
    let mut plans = Plans::of(DATABASE, &[USERS, SESSIONS, "VACUUM ANALYZE"]).await;
    plans.explain().await;
    plans.postgres.execute(DATABASE, DELETED).await.expect("delete the account");
    let before = plans.postgres.log().len();
    // Accounts are erased at the start.
    plans.app.restart(SystemClock).await;
    eventually(Duration::from_secs(60), || async {
        plans.postgres.execute(DATABASE, ERASED).await.map_err(|error| error.to_string())
    })
    .await;
    let logged = plans.postgres.log().split_off(before);
    for table in ["sessions", "users"] {
        if let Some(at) = logged.find(&format!("Seq Scan on {table} ")) {
            panic!("the erasure scans the table {table}:\n{}", excerpt(&logged, at));
        }
    }
    let visited = pages(&logged, "UPDATE sessions SET ip").expect("the plan of the erasure");
    assert!(visited < 100, "{visited} pages for three sessions");
    plans.postgres.execute(DATABASE, UNTRACED).await.expect("no address is left");
    plans.app.abandon().await;
}
