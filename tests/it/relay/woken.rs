//! A leader that freezes with events in hand, and is woken when another one has published them and
//! the stream has forgotten their ids. What it sends then is refused, since it does not continue
//! the stream.

use std::time::{Duration, Instant};

use watchword::jetstream::desired;

use super::rig::{RECOVERY, STREAM, TIMEOUT, settings};
use crate::replay::rig::{SEEDED, seed};
use crate::support::app::PASSWORD;
use crate::support::binary::{Binary, BinaryOptions};
use crate::support::database::{Backend, Database};
use crate::support::invariants::differences;
use crate::support::nats::NatsServer;
use crate::support::wait::eventually;

/// Far shorter than the freeze, which lasts until the server has ended the leader's session.
const DUPLICATE_WINDOW: Duration = Duration::from_millis(100);
/// Of both instances.
const SECRET_KEY: &str = "vKy3SynzFLR0Lm9CgBTKJ+ujg+uj4b8MsCDFC/YNt3Y=";
/// The sessions that lead.
const LEADERS: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted \
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Two instances, of which the first leads and freezes before its first publication.
struct Pair {
    leader: Binary,
    standby: Binary,
    nats: NatsServer,
    database: Database,
}

impl Pair {
    async fn start() -> Self {
        let nats = NatsServer::start().await;
        let settings = settings(Some(&nats));
        let database = Database::fresh(Backend::Postgres, &settings.data_dir).await;
        let mut definition = desired(&settings.stream).expect("the definition");
        definition.duplicate_window = DUPLICATE_WINDOW;
        nats.jetstream().await.create_stream(definition).await.expect("create the stream");
        let options = BinaryOptions::serve(&[
            ("NATS_URL", &nats.url()),
            ("DATABASE_URL", database.url().expect("a URL")),
            ("WATCHWORD_SECRET_KEY", SECRET_KEY),
        ]);
        let leader = Binary::start(options.clone().with("WATCHWORD_FREEZE_AT", "before_publish")).await;
        eventually(TIMEOUT, || async { database.count(LEADERS).await.is_ok_and(|leaders| leaders == 1) }).await;
        let standby = Binary::start(options).await;
        Self { leader, standby, nats, database }
    }

    /// Waits until the leader is frozen, lets the other one publish, and wakes the first.
    async fn wake_after_takeover(&mut self) {
        self.leader.process().frozen(TIMEOUT).await;
        let frozen = Instant::now();
        eventually(RECOVERY, || async { self.database.unpublished().await.is_ok_and(|left| left == 0) }).await;
        assert!(frozen.elapsed() <= RECOVERY, "{:?}", frozen.elapsed());
        // The stream goes on, so that what is in hand belongs to no place near its end.
        self.standby.http().register("after@example.com", PASSWORD).await.expect_status(201);
        self.consistent().await;
        self.leader.process().resume();
        self.leader.process().logged("lease lost", TIMEOUT).await;
    }

    /// Waits until all is published, and checks the invariants. The stream has never held anything
    /// else.
    async fn consistent(&self) {
        eventually(TIMEOUT, || async { self.database.unpublished().await.is_ok_and(|left| left == 0) }).await;
        let ledger = self.database.ledger().await.expect("the ledger");
        let messages = self.nats.messages(STREAM).await;
        assert_eq!(differences(&ledger, &messages), Vec::<String>::new());
        let last = messages.last().map_or(0, |message| message.seq);
        assert_eq!(usize::try_from(last).expect("a number"), messages.len());
    }

    /// Both record events, and then the woken one leads.
    async fn finish(mut self) {
        for (n, instance) in [&self.leader, &self.standby].into_iter().enumerate() {
            let email = format!("both{n}@example.com");
            instance.http().register(&email, PASSWORD).await.expect_status(201);
        }
        self.consistent().await;
        assert!(self.standby.stop().await.success());
        self.leader.http().register("last@example.com", PASSWORD).await.expect_status(201);
        self.consistent().await;
        assert!(self.leader.stop().await.success());
        self.database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_woken_with_one_event_in_hand_doubles_nothing() {
    let mut pair = Pair::start().await;
    let http = pair.leader.http().clone();
    let client = tokio::spawn(async move { http.register("ada@example.com", PASSWORD).await });
    pair.wake_after_takeover().await;
    // The client waits for an instance that is frozen. Its account is there.
    client.await.expect("no panic").expect_status(201);
    pair.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_woken_with_a_batch_in_hand_doubles_nothing() {
    let mut pair = Pair::start().await;
    seed(&pair.database).await;
    pair.wake_after_takeover().await;
    assert!(pair.nats.messages(STREAM).await.len() > SEEDED);
    pair.finish().await;
}
