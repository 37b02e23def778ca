//! What a PostgreSQL server does not let the service do, or cannot store: refused at the start with
//! the statement that mends it, which the tests run.

use crate::support::app::PASSWORD;
use crate::support::binary::{Binary, BinaryOptions, Ended, run};
use crate::support::nats::NatsServer;
use crate::support::postgres::Postgres;
use crate::support::run_dir::scratch;

/// A database of its own, and a role that owns nothing there.
struct Fixture {
    postgres: &'static Postgres,
    name: String,
}

impl Fixture {
    async fn new(create: &str) -> Self {
        let postgres = Postgres::shared().await;
        let dir = scratch("refusals");
        let name = dir.file_name().and_then(|name| name.to_str()).expect("a name").replace('-', "_");
        let fixture = Self { postgres, name };
        fixture.admin(&format!("CREATE ROLE {} LOGIN", fixture.name)).await;
        fixture.admin(&format!("CREATE DATABASE {} {create}", fixture.name)).await;
        fixture
    }

    async fn admin(&self, sql: &str) {
        self.postgres.execute("postgres", sql).await.expect(sql);
    }

    async fn inside(&self, sql: &str) {
        self.postgres.execute(&self.name, sql).await.expect(sql);
    }

    fn url(&self) -> String {
        format!("postgres://{0}@127.0.0.1:{1}/{0}", self.name, self.postgres.port())
    }

    async fn run(&self, args: &[&str]) -> Ended {
        run(BinaryOptions::command(args, &[("DATABASE_URL", &self.url())]), "").await
    }

    /// The error of `serve`, which does not start.
    async fn refused(&self) -> String {
        let ended = self.run(&["serve"]).await;
        assert!(!ended.status.success(), "{ended:?}");
        ended.stderr
    }

    async fn remove(self) {
        self.postgres.drop_database(&self.name).await.expect("drop the database");
        self.admin(&format!("DROP ROLE {}", self.name)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_refusal_of_a_role_that_may_not_create_tables_names_both_ways() {
    let fixture = Fixture::new("").await;
    let name = &fixture.name;
    let error = fixture.refused().await;
    let grant = format!("GRANT CREATE ON SCHEMA public TO {name}");
    let own = format!("CREATE SCHEMA {name} AUTHORIZATION {name}");
    assert!(error.contains(&grant) && error.contains(&own), "{error}");

    // A schema of its own, with the extension in one that is not searched.
    fixture.inside("CREATE SCHEMA extensions").await;
    fixture.inside("CREATE EXTENSION pg_trgm SCHEMA extensions").await;
    fixture.inside(&format!("GRANT USAGE ON SCHEMA extensions TO {name}")).await;
    fixture.inside(&own).await;
    let nats = NatsServer::start().await;
    let options = BinaryOptions::serve(&[("DATABASE_URL", &fixture.url()), ("NATS_URL", &nats.url())]);
    let mut binary = Binary::start(options.clone()).await;
    binary.http().register("ada@example.com", PASSWORD).await.expect_status(201);
    assert!(!binary.process().log().contains("no index for searches"), "{}", binary.process().log());
    assert!(binary.stop().await.success());
    let elsewhere = "DO $$ BEGIN IF EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public') THEN \
                     RAISE EXCEPTION 'in public'; END IF; END $$";
    fixture.inside(elsewhere).await;
    let index = format!(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_indexes WHERE schemaname = '{name}' AND indexname = \
         'users_search_idx') THEN RAISE EXCEPTION 'no index'; END IF; END $$"
    );
    fixture.inside(&index).await;
    let status = fixture.run(&["migrate", "status"]).await;
    assert!(status.status.success(), "{status:?}");
    fixture.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_statement_in_the_refusal_mends_it() {
    let fixture = Fixture::new("").await;
    let name = &fixture.name;
    fixture.inside(&format!("GRANT CREATE ON SCHEMA public TO {name}")).await;
    let migrated = fixture.run(&["migrate", "up"]).await;
    assert!(migrated.status.success(), "{migrated:?}");

    // Tables of another role, as after a restore.
    fixture.inside(&format!("REASSIGN OWNED BY {name} TO watchword")).await;
    let error = fixture.refused().await;
    let grant = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}");
    assert!(error.contains(&grant) && error.contains("users"), "{error}");
    fixture.inside(&grant).await;
    let nats = NatsServer::start().await;
    let options = BinaryOptions::serve(&[("DATABASE_URL", &fixture.url()), ("NATS_URL", &nats.url())]);
    let mut binary = Binary::start(options).await;
    binary.http().register("ada@example.com", PASSWORD).await.expect_status(201);
    assert!(binary.stop().await.success());
    fixture.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_work_for_good_is_refused_at_the_start() {
    for (create, expected) in [
        ("ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0", "ENCODING 'UTF8' TEMPLATE template0"),
        ("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0", "has the encoding LATIN1"),
    ] {
        let fixture = Fixture::new(create).await;
        let error = fixture.refused().await;
        assert!(error.contains(expected), "{create}: {error}");
        fixture.remove().await;
    }
    let fixture = Fixture::new("").await;
    let name = fixture.name.clone();
    let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    fixture.admin(&set).await;
    let error = fixture.refused().await;
    assert!(
        error.contains(&format!("ALTER DATABASE {name} RESET default_transaction_read_only")),
        "{error}"
    );
    fixture.admin(&format!("REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")).await;
    let error = fixture.refused().await;
    assert!(error.contains(&format!("GRANT CONNECT ON DATABASE {name} TO {name}")), "{error}");
    fixture.postgres.drop_database(&name).await.expect("drop the database");
    let error = fixture.refused().await;
    assert!(error.contains(&format!("CREATE DATABASE {name} OWNER {name}")), "{error}");
    fixture.admin(&format!("DROP ROLE {name}")).await;
    let error = fixture.refused().await;
    assert!(error.contains(&format!("CREATE ROLE {name}")) && error.contains("127.0.0.1"), "{error}");
}

/// Other programs have tables of the same names, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_of_another_program_are_left_alone() {
    let fixture = Fixture::new("").await;
    let name = &fixture.name;
    fixture.inside(&format!("GRANT CREATE ON SCHEMA public TO {name}")).await;
    for sql in [
        "CREATE TABLE schema_migrations (version VARCHAR PRIMARY KEY)",
        "CREATE TABLE users (id BIGINT PRIMARY KEY)",
    ] {
        fixture.inside(sql).await;
    }
    let error = fixture.refused().await;
    let own = format!("CREATE SCHEMA {name} AUTHORIZATION {name}");
    assert!(error.contains("schema_migrations, users") && error.contains(&own), "{error}");
    fixture.inside(&own).await;
    for args in [&["migrate", "up"][..], &["migrate", "status"]] {
        let ended = fixture.run(args).await;
        assert!(ended.status.success(), "{ended:?}");
    }
    fixture.remove().await;
}

/// A cluster that nothing listens for: the address is named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_named() {
    for (url, expected) in [
        ("postgres://w:CANARY@127.0.0.1:1/auth", "PostgreSQL, 127.0.0.1:1/auth"),
        ("postgres://w:CANARY@%2Fnowhere:1/auth", "PostgreSQL, /nowhere:1/auth"),
        ("postgres://w:CANARY@nowhere.invalid/auth", "nowhere.invalid"),
    ] {
        let ended = run(BinaryOptions::command(&["serve"], &[("DATABASE_URL", url)]), "").await;
        assert_eq!(ended.status.code(), Some(5), "{url}: {ended:?}");
        assert!(ended.stderr.contains(expected) && !ended.stderr.contains("CANARY"), "{url}: {ended:?}");
    }
}
