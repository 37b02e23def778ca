//! Runs the commands beside a running service.

use std::path::Path;

use crate::support::app::TestApp;
use crate::support::binary::{BinaryOptions, Ended, run};
use crate::support::database::Database;
use crate::support::nats::NatsServer;

/// Returns the options of a command that uses the database and the NATS server of `app`.
pub(crate) fn options(app: &TestApp, args: &[&str]) -> BinaryOptions {
    options_on(&app.settings().data_dir, &app.database, &app.nats, args)
}

/// A command on a database and a NATS server.
pub(crate) fn options_on(data_dir: &Path, database: &Database, nats: &NatsServer, args: &[&str]) -> BinaryOptions {
    let mut options = BinaryOptions::command(args, &[("NATS_URL", &nats.url())]);
    options.data_dir = Some(data_dir.to_owned());
    match database.url() {
        Some(url) => options.with("DATABASE_URL", url),
        None => options,
    }
}

/// Runs `watchword events <args>` to its end.
pub(crate) async fn events(app: &TestApp, args: &[&str]) -> Ended {
    run(options(app, &[&["events"], args].concat()), "").await
}

/// Runs it, and checks that it succeeds.
#[track_caller]
pub(crate) fn succeeds(app: &TestApp, args: &[&str]) -> impl Future<Output = Ended> {
    let caller = std::panic::Location::caller();
    let (options, args) = (options(app, &[&["events"], args].concat()), args.join(" "));
    async move {
        let ended = run(options, "").await;
        assert!(ended.status.success(), "{caller}: {args}: {ended:?}");
        ended
    }
}

const POSTGRES_ROWS: &str = "INSERT INTO events (id, subject, user_id, user_seq, schema_version, payload, occurred_at) \
     SELECT gen_random_uuid(), 'auth.user.' || (ARRAY['updated', 'logged_in'])[1 + n % 2], \
     ('00000000-0000-4000-8000-' || lpad((n % 10)::text, 12, '0'))::uuid, n / 10 + 1, 1, \
     convert_to('{\"n\":' || n || ',\"text\":\"' || repeat('x', 300) || '\"}', 'UTF8'), 1767225600000 + n * 1000 \
     FROM generate_series(0, 2999) AS n";

const SQLITE_ROWS: &str = "WITH RECURSIVE rows(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM rows WHERE n < 2999) \
     INSERT INTO events (id, subject, user_id, user_seq, schema_version, payload, occurred_at) \
     SELECT randomblob(16), 'auth.user.' || CASE n % 2 WHEN 0 THEN 'updated' ELSE 'logged_in' END, \
     unhex('0000000000004000800000' || printf('%010d', n % 10)), n / 10 + 1, 1, \
     CAST('{\"n\":' || n || ',\"text\":\"' || replace(hex(zeroblob(150)), '0', 'x') || '\"}' AS BLOB), 1767225600000 + n * 1000 \
     FROM rows ORDER BY n";

/// The number of events that [`seed`] inserts.
pub(crate) const SEEDED: usize = 3000;

/// Inserts 3000 events of ten users: one a second from 2026-01-01T00:00:00Z on, alternating between
/// `updated` and `logged_in`, all in one statement.
pub(crate) async fn seed(database: &Database) {
    let sql = match database {
        Database::Sqlite(_) => SQLITE_ROWS,
        Database::Postgres { .. } => POSTGRES_ROWS,
    };
    database.execute(sql).await.expect("seed the ledger");
}

/// Returns the id of a seeded user.
pub(crate) fn seeded_user(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}
