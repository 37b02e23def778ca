//! The schema: made once, however many instances start on an empty database; and by hand, on the command line.

use futures_util::future::join_all;
use sea_orm_migration::MigratorTrait as _;
use watchword_migration::Migrator;

use crate::support::binary::{Binary, BinaryOptions, Ended, run};
use crate::support::database::Database;
use crate::support::nats::NatsServer;

/// The key that the instances share: 32 bytes in base64.
const SECRET_KEY: &str = "vKy3SynzFLR0Lm9CgBTKJ+ujg+uj4b8MsCDFC/YNt3Y=";
/// Each try is another chance for the instances to get in each other's way.
const TRIES: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_instances_start_at_once_on_an_empty_database() {
    let nats = NatsServer::start().await;
    for _ in 0..TRIES {
        let database = Database::empty().await;
        let url = database.url().expect("a PostgreSQL database");
        let options = BinaryOptions::serve(&[
            ("DATABASE_URL", url),
            ("NATS_URL", &nats.url()),
            ("WATCHWORD_SECRET_KEY", SECRET_KEY),
        ]);
        let mut instances = [0; 3].map(|_| Binary::start_unready(options.clone()));
        join_all(instances.iter_mut().map(Binary::ready)).await;

        let applied = "SELECT count(*) FROM seaql_migrations";
        let known = i64::try_from(Migrator::migrations().len()).expect("a few");
        assert_eq!(
            database.count(applied).await.expect("a query"),
            known,
            "each migration once"
        );
        assert_eq!(
            database
                .count("SELECT count(DISTINCT version) FROM seaql_migrations")
                .await
                .expect("a query"),
            known
        );
        assert_eq!(
            database
                .count("SELECT count(*) FROM signing_keys")
                .await
                .expect("a query"),
            1
        );
        let key_sets = join_all(
            instances
                .iter()
                .map(|instance| instance.http().get("/.well-known/jwks.json")),
        );
        let key_sets: Vec<_> = key_sets
            .await
            .into_iter()
            .map(|answer| answer.expect_status(200).json)
            .collect();
        assert_eq!(key_sets[0]["keys"].as_array().map(Vec::len), Some(1));
        assert!(key_sets.iter().all(|keys| *keys == key_sets[0]), "{key_sets:?}");

        // What one of them signs, the others accept.
        let [first, others @ ..] = &instances;
        let email = "ada@example.com";
        let registered = first.http().register(email, "correct horse battery 7").await;
        let access = registered.expect_status(201).tokens().access;
        for other in others {
            other.http().me(&access).await.expect_status(200);
        }
        for mut instance in instances {
            assert!(instance.stop().await.success());
        }
        database.remove().await;
    }
}

/// Runs `watchword migrate …` on a database.
async fn migrate(database: &Database, args: &[&str], input: &str) -> Ended {
    let url = database.url().expect("a PostgreSQL database");
    let args: Vec<&str> = ["migrate"].iter().chain(args).copied().collect();
    run(BinaryOptions::command(&args, &[("DATABASE_URL", url)]), input).await
}

/// The state in front of each migration's name.
#[track_caller]
fn states(ended: &Ended) -> Vec<String> {
    assert!(ended.status.success(), "{ended:?}");
    let lines = ended.stdout.lines();
    let states: Vec<String> = lines
        .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
        .collect();
    assert_eq!(states.len(), Migrator::migrations().len(), "{ended:?}");
    states
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_run_by_hand() {
    let database = Database::empty().await;
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    let all = |state: &str| vec![state.to_owned(); Migrator::migrations().len()];

    assert_eq!(states(&migrate(&database, &["status"], "").await), all("pending"));
    assert_eq!(
        database.count(tables).await.expect("a query"),
        0,
        "looking changes nothing"
    );
    assert_eq!(states(&migrate(&database, &["up"], "").await), all("applied"));
    assert_eq!(
        states(&migrate(&database, &["up"], "").await),
        all("applied"),
        "twice is once"
    );
    assert_eq!(states(&migrate(&database, &["status"], "").await), all("applied"));

    for answer in ["", "no\n", "y\n"] {
        let refused = migrate(&database, &["down"], answer).await;
        assert!(!refused.status.success(), "{refused:?}");
        assert!(refused.stderr.contains("--yes"), "{refused:?}");
    }
    assert_eq!(states(&migrate(&database, &["status"], "").await), all("applied"));

    let steps = Migrator::migrations().len().to_string();
    let down = migrate(&database, &["down", "--steps", &steps, "--yes"], "").await;
    assert_eq!(states(&down), all("pending"));
    let left = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'seaql_migrations'";
    assert_eq!(database.count(left).await.expect("a query"), 0);
    assert_eq!(
        states(&migrate(&database, &["up"], "").await),
        all("applied"),
        "and up again"
    );
    database.remove().await;
}
