//! `watchword events replay`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::rig::{SEEDED, events, options, options_on, seed, seeded_user, succeeds};
use crate::support::app::TestApp;
use crate::support::binary::{Binary, BinaryOptions, run};
use crate::support::database::{Backend, Database, LedgerRow};
use crate::support::flow_tests;
use crate::support::nats::{NatsServer, StreamMessage};
use crate::support::run_dir::scratch;
use crate::support::wait::eventually;

flow_tests! {
    a_replay_has_a_stream_of_its_own,
    a_replay_copies_the_selected_events,
    a_replay_reaches_all_consumers_only_with_everyone,
    a_crashed_replay_resumes_without_duplicates,
    a_crashed_service_resumes_a_replay_for_everyone,
    a_replay_killed_at_random_resumes_without_duplicates,
    an_interrupted_replay_prints_how_to_resume,
    a_replay_waits_for_an_outage_to_end,
    a_replay_keeps_its_rate,
    a_name_identifies_one_replay,
}

const TIMEOUT: Duration = Duration::from_secs(60);
const REPLAYS: &str = "auth-events-replays";
/// The event that the start of every replay records.
const REPLAY_STARTED: &str = "auth.system.replay_started";

async fn seeded(backend: Backend) -> TestApp {
    let app = TestApp::spawn(backend).await;
    seed(&app.database).await;
    app.ledger_drained().await;
    app
}

async fn copies(app: &TestApp) -> Vec<StreamMessage> {
    app.nats.messages(REPLAYS).await
}

/// Returns the ledger without what the replays themselves record.
async fn seeded_rows(app: &TestApp) -> Vec<LedgerRow> {
    let rows = app.ledger().await.into_iter();
    rows.filter(|row| row.subject != REPLAY_STARTED).collect()
}

/// Returns the number of copies.
async fn stored(app: &TestApp) -> u64 {
    let stream = app.nats.jetstream().await.get_stream(REPLAYS).await;
    stream.map_or(0, |stream| stream.cached_info().state.messages)
}

/// Checks that every event of the ledger has exactly one copy with the same bytes, and that each
/// user's copies are in order.
#[track_caller]
fn assert_complete(ledger: &[LedgerRow], copies: &[StreamMessage], name: &str) {
    assert_eq!(copies.len(), ledger.len(), "one copy of each event");
    let by_id: BTreeMap<String, _> = ledger.iter().map(|row| (format!("{}.{name}", row.id), row)).collect();
    let mut seen = BTreeSet::new();
    let mut users = BTreeMap::new();
    for copy in copies {
        let id = copy.header("Nats-Msg-Id").expect("an id");
        let row = by_id.get(id).unwrap_or_else(|| panic!("{id} is not an event of the ledger"));
        assert!(seen.insert(id), "{id} has two copies");
        assert_eq!(copy.bytes, row.payload);
        assert_eq!(copy.header("ce-id"), Some(row.id.to_string().as_str()));
        let event = row.subject.rsplit('.').next().expect("a name");
        assert_eq!(copy.subject, format!("auth.replay.{name}.{event}"));
        let before = users.insert(row.user_id, row.user_seq);
        assert!(before.flatten() < row.user_seq, "{id} is out of order");
    }
}

async fn a_replay_has_a_stream_of_its_own(backend: Backend) {
    let app = seeded(backend).await;
    let before = app.events().await.len();
    let ended = succeeds(&app, &["replay", "--name", "backfill"]).await;
    assert!(ended.stdout.contains(&format!("Replayed {SEEDED} events into {REPLAYS}.")), "{ended:?}");
    assert_complete(&seeded_rows(&app).await, &copies(&app).await, "backfill");
    let added: Vec<String> = app.events().await.split_off(before).into_iter().map(|event| event.subject).collect();
    assert_eq!(added, [REPLAY_STARTED], "the event stream has no copies");
    succeeds(&app, &["verify"]).await;
    // Without a name, the replay gets a new one. The start of the first one is an event, too.
    succeeds(&app, &["replay"]).await;
    assert_eq!(copies(&app).await.len(), 2 * SEEDED + 1);
    app.finish().await;
}

async fn a_replay_copies_the_selected_events(backend: Backend) {
    let app = seeded(backend).await;
    let user = seeded_user(3);
    let args = [
        "replay",
        "--name",
        "some",
        "--user",
        &user,
        "--subject",
        "logged_in",
        "--from",
        "2026-01-01T00:00:10Z",
        "--to",
        "2026-01-01T00:01:00Z",
    ];
    succeeds(&app, &args).await;
    let numbers: Vec<u64> = copies(&app).await.iter().map(|copy| copy.payload["n"].as_u64().expect("n")).collect();
    assert_eq!(numbers, [13, 23, 33, 43, 53]);
    app.finish().await;
}

async fn a_replay_reaches_all_consumers_only_with_everyone(backend: Backend) {
    let app = seeded(backend).await;
    let few = ["--to", "2026-01-01T00:00:50Z", "--name", "again"];
    // Without the confirmation, the command changes nothing.
    let ended = events(&app, &[&["replay", "--everyone"][..], &few].concat()).await;
    assert!(!ended.status.success() && ended.stderr.contains("nothing was changed"), "{ended:?}");
    assert_eq!(app.events().await.len(), SEEDED);
    succeeds(&app, &[&["replay", "--everyone", "--yes"][..], &few].concat()).await;
    let mut all = app.events().await;
    all.retain(|event| event.subject != REPLAY_STARTED);
    assert_eq!(all.len(), SEEDED + 50);
    for (copy, event) in all[SEEDED..].iter().zip(&all) {
        assert_eq!((&copy.subject, &copy.bytes), (&event.subject, &event.bytes));
        let id = event.header("Nats-Msg-Id").expect("an id");
        assert_eq!(copy.header("Nats-Msg-Id"), Some(format!("{id}.again").as_str()));
    }
    assert!(copies(&app).await.is_empty());
    let ended = succeeds(&app, &["verify"]).await;
    assert!(ended.stdout.contains("replayed      50\n"), "{ended:?}");
    app.abandon().await;
}

/// Returns the replay command, to run as a process that the test can kill.
fn process(app: &TestApp, args: &[&str]) -> BinaryOptions {
    options(app, &[&["events", "replay"], args].concat())
}

async fn a_crashed_replay_resumes_without_duplicates(backend: Backend) {
    let app = seeded(backend).await;
    // The crash leaves a chunk that is stored and not yet counted: the third one, and the first.
    for (name, crash_at, events) in [
        ("one", "after_replay_before_progress:3", SEEDED),
        ("two", "after_replay_before_progress", SEEDED + 1),
    ] {
        let args = ["--name", name];
        let mut crashing = Binary::start_unready(process(&app, &args).with("WATCHWORD_CRASH_AT", crash_at));
        assert!(!crashing.wait_exit(TIMEOUT).await.success());
        let ended = succeeds(&app, &[&["replay"][..], &args].concat()).await;
        assert!(ended.stdout.contains(&format!("Replayed {events} events")), "{ended:?}");
    }
    let all = copies(&app).await;
    assert_eq!(all.len(), 2 * SEEDED + 1);
    assert_complete(&seeded_rows(&app).await, &all[..SEEDED], "one");
    assert_complete(&seeded_rows(&app).await, &all[SEEDED..2 * SEEDED], "two");
    app.finish().await;
}

/// The service publishes the copies, so its crash interrupts the replay and its start resumes it.
async fn a_crashed_service_resumes_a_replay_for_everyone(backend: Backend) {
    const CRASH_AT: &str = "WATCHWORD_CRASH_AT";
    let data_dir = scratch("app");
    let database = Database::fresh(backend, &data_dir).await;
    let nats = NatsServer::start().await;
    let command = |args: &[&str]| options_on(&data_dir, &database, &nats, args);
    let mut service = Binary::start(command(&["serve"]).with(CRASH_AT, "after_replay_before_progress:3")).await;
    seed(&database).await;
    eventually(TIMEOUT, || async { database.unpublished().await.is_ok_and(|left| left == 0) }).await;
    let replay = ["events", "replay", "--name", "two", "--everyone", "--yes"];
    let mut watching = Binary::start_unready(command(&replay));
    assert!(!service.wait_exit(TIMEOUT).await.success());
    service.start_again(CRASH_AT, None).await;
    assert!(watching.wait_exit(TIMEOUT).await.success());
    let mut all = nats.messages("auth-events").await;
    all.retain(|event| event.subject != REPLAY_STARTED);
    let ids: BTreeSet<&str> = all[SEEDED..].iter().filter_map(|copy| copy.header("Nats-Msg-Id")).collect();
    assert_eq!((all.len(), ids.len()), (2 * SEEDED, SEEDED));
    let ended = run(command(&["events", "verify"]), "").await;
    assert!(ended.status.success() && ended.stdout.contains("replayed      3000\n"), "{ended:?}");
    database.remove().await;
}

async fn a_replay_killed_at_random_resumes_without_duplicates(backend: Backend) {
    let app = seeded(backend).await;
    // The replay of 3000 events takes ten seconds, so it can be killed several times.
    let args = ["--name", "killed", "--rate", "300"];
    for enough in [300, 900, 1700, 2400] {
        let mut running = Binary::start_unready(process(&app, &args));
        eventually(TIMEOUT, || async { stored(&app).await >= enough }).await;
        running.kill();
    }
    let ended = succeeds(&app, &["replay", "--name", "killed"]).await;
    assert!(ended.stdout.contains(&format!("Replayed {SEEDED} events")), "{ended:?}");
    assert_complete(&seeded_rows(&app).await, &copies(&app).await, "killed");
    app.finish().await;
}

async fn an_interrupted_replay_prints_how_to_resume(backend: Backend) {
    let app = seeded(backend).await;
    let mut running = Binary::start_unready(process(&app, &["--name", "slow", "--rate", "500"]));
    eventually(TIMEOUT, || async { stored(&app).await >= 100 }).await;
    // Only one replay runs at a time, also from another process.
    let ended = events(&app, &["replay", "--name", "other"]).await;
    assert!(ended.stderr.contains("another replay is running"), "{ended:?}");
    running.terminate();
    assert_eq!(running.wait_exit(TIMEOUT).await.code(), Some(6));
    let log = running.process().log();
    assert!(log.contains("To resume: watchword events replay --name slow\n"), "{log}");
    let ended = succeeds(&app, &["replay", "--name", "slow", "--rate", "100000"]).await;
    assert!(ended.stdout.contains(&format!("Replayed {SEEDED} events")), "{ended:?}");
    assert_complete(&seeded_rows(&app).await, &copies(&app).await, "slow");
    app.finish().await;
}

async fn a_replay_waits_for_an_outage_to_end(backend: Backend) {
    let mut app = seeded(backend).await;
    let mut running = Binary::start_unready(process(&app, &["--name", "cut", "--rate", "1000"]));
    eventually(TIMEOUT, || async { stored(&app).await >= 500 }).await;
    app.nats.kill();
    eventually(TIMEOUT, || async {
        app.database
            .count("SELECT count(*) FROM replays WHERE trouble IS NOT NULL")
            .await
            .expect("a count")
            == 1
    })
    .await;
    app.nats.start_again().await;
    assert!(running.wait_exit(TIMEOUT).await.success());
    assert_complete(&seeded_rows(&app).await, &copies(&app).await, "cut");
    app.abandon().await;
}

async fn a_replay_keeps_its_rate(backend: Backend) {
    let app = seeded(backend).await;
    let began = Instant::now();
    succeeds(
        &app,
        &[
            "replay",
            "--name",
            "steady",
            "--rate",
            "100",
            "--to",
            "2026-01-01T00:05:00Z",
        ],
    )
    .await;
    let took = began.elapsed();
    assert_eq!(copies(&app).await.len(), 300);
    // A replay is never faster than its rate. The upper bound allows for a busy machine.
    assert!(took >= Duration::from_millis(2800), "300 events at 100 a second took {took:?}");
    assert!(took < Duration::from_secs(15), "300 events at 100 a second took {took:?}");
    app.finish().await;
}

async fn a_name_identifies_one_replay(backend: Backend) {
    let app = seeded(backend).await;
    succeeds(&app, &["replay", "--name", "mine", "--subject", "updated"]).await;
    for (args, reason) in [
        (&["replay", "--name", "mine", "--subject", "updated"][..], "mine is done"),
        (&["replay", "--name", "a.b"], "--name must be 1 to 40"),
        (&["replay", "--rate", "0"], "--rate"),
        (&["replay", "--subject", "nonsense"], "logged_in"),
    ] {
        let ended = events(&app, args).await;
        assert!(!ended.status.success() && ended.stderr.contains(reason), "{args:?}: {ended:?}");
    }
    let mut crashing = Binary::start_unready(
        process(&app, &["--name", "begun", "--subject", "updated"])
            .with("WATCHWORD_CRASH_AT", "after_replay_before_progress"),
    );
    crashing.wait_exit(TIMEOUT).await;
    let ended = events(&app, &["replay", "--name", "begun", "--subject", "logged_in"]).await;
    assert!(ended.stderr.contains("other filters"), "{ended:?}");
    let ended = succeeds(&app, &["replay", "--name", "begun"]).await;
    assert!(ended.stdout.contains(&format!("Replayed {} events", SEEDED / 2)), "{ended:?}");
    assert_eq!(copies(&app).await.len(), SEEDED);
    app.finish().await;
}
