//! The service on a PostgreSQL server that logs its query plans.

use std::time::Duration;

use secrecy::SecretString;

use super::app::{PASSWORD, TestApp};
use super::database::Backend;
use super::postgres::{Durability, Postgres};
use super::wait::eventually;

/// After five uses of a statement, PostgreSQL uses a generic plan.
pub(crate) const USES: usize = 7;

/// The address of the administrator.
const ROOT: &str = "root@example.com";

pub(crate) struct Plans {
    pub(crate) postgres: Postgres,
    pub(crate) app: TestApp,
    /// The id of the administrator.
    pub(crate) user_id: String,
    database: &'static str,
}

impl Plans {
    /// Start the service with an administrator, and execute `statements` in its database.
    pub(crate) async fn of(database: &'static str, statements: &[&'static str]) -> Self {
        let postgres = Postgres::private(Durability::Fast).await;
        postgres.create_database(database, None).await;
        let url = SecretString::from(postgres.url(database));
        let builder = TestApp::builder(Backend::Postgres);
        let app = builder.settings(move |settings| settings.database.url = Some(url)).spawn().await;
        let user_id = app.registered(ROOT).await.str("/user/id").to_owned();
        let mut plans = Self { postgres, app, user_id, database };
        plans.execute("UPDATE users SET roles = 'user admin'").await;
        plans.until_published().await;
        // The rows count as published: it is their number that matters.
        plans.app.nats.kill();
        for sql in statements {
            plans.execute(sql).await;
        }
        plans.execute("UPDATE relay_position SET seq = (SELECT max(seq) FROM events)").await;
        plans.app.nats.start_again().await;
        plans
    }

    async fn execute(&self, sql: &str) {
        self.postgres.execute(self.database, sql).await.expect(sql);
    }

    /// Waits until every event is published.
    pub(crate) async fn until_published(&self) {
        let waiting = "DO $$ BEGIN IF (SELECT max(seq) FROM events) > (SELECT seq FROM relay_position) THEN \
             RAISE EXCEPTION 'not yet'; END IF; END $$";
        eventually(Duration::from_secs(60), || async {
            self.postgres.execute(self.database, waiting).await.map_err(|error| error.to_string())
        })
        .await;
    }

    /// Log the plans of new connections, and close the open ones. Return an access token of the
    /// administrator.
    pub(crate) async fn explain(&self) -> String {
        let database = self.database;
        for setting in [
            "session_preload_libraries = 'auto_explain'",
            "auto_explain.log_min_duration = 0",
            "auto_explain.log_nested_statements = on",
            "auto_explain.log_analyze = on",
            "auto_explain.log_timing = off",
            "auto_explain.log_buffers = on",
        ] {
            self.execute(&format!("ALTER DATABASE {database} SET {setting}")).await;
        }
        let disconnect = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = '{database}' AND pid <> pg_backend_pid()"
        );
        self.postgres.execute("postgres", &disconnect).await.expect("close the connections");
        let tokens = eventually(Duration::from_secs(60), || async {
            let answer = self.app.login(ROOT, PASSWORD).await;
            if answer.status == 200 {
                Ok(answer.tokens())
            } else {
                Err(answer.text)
            }
        });
        tokens.await.access
    }

    /// The plans that are logged while `work` runs.
    pub(crate) async fn during(&self, work: impl Future<Output = ()>) -> String {
        let before = self.postgres.log().len();
        work.await;
        self.postgres.log().split_off(before)
    }
}

/// The query and the plan around the offset `at`.
pub(crate) fn excerpt(plans: &str, at: usize) -> &str {
    let begin = plans[..at].rfind("Query Text").unwrap_or(0);
    &plans[begin..plans.len().min(at + 600)]
}

/// The most pages that the plans of a query visited, if there are such plans. `query` is a part of
/// its text.
pub(crate) fn pages(plans: &str, query: &str) -> Option<u64> {
    let plans = plans.split("Query Text: ").skip(1).filter(|plan| {
        let text = plan.lines().next().unwrap_or_default();
        text.contains(query)
    });
    plans.map(visited).max()
}

/// The pages that a plan visited: those of its first node, which counts the others in.
fn visited(plan: &str) -> u64 {
    let line = plan.lines().find_map(|line| line.trim().strip_prefix("Buffers: shared "));
    let numbers = line.unwrap_or_default().split_whitespace().filter_map(|part| {
        let (kind, number) = part.trim_end_matches(',').split_once('=')?;
        matches!(kind, "hit" | "read").then(|| number.parse::<u64>().ok())?
    });
    numbers.sum()
}
