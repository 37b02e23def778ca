//! What commands print as JSON, and their exit codes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::rig::{SEEDED, options, seed};
use crate::support::app::TestApp;
use crate::support::binary::{BinaryOptions, Ended, run};
use crate::support::database::Backend;
use crate::support::run_dir::{repository, scratch};

/// The single line that the command printed, as JSON.
#[track_caller]
fn json_of(ended: &Ended, code: i32) -> Value {
    assert_eq!(ended.status.code(), Some(code), "{ended:?}");
    let line = ended.stdout.strip_suffix('\n').expect("a line");
    assert!(!line.contains('\n'), "more than one line: {ended:?}");
    serde_json::from_str(line).expect("JSON")
}

#[track_caller]
fn assert_keys(value: &Value, keys: &[&str]) {
    let found: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(found, keys, "{value}");
}

const VERIFIED: [&str; 15] = [
    "stream",
    "same",
    "messages",
    "firstSeq",
    "lastSeq",
    "inPlace",
    "unrouted",
    "replayed",
    "older",
    "waiting",
    "missing",
    "extra",
    "duplicate",
    "outOfOrder",
    "findings",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_are_one_json_object_on_one_line() {
    let keeps_all = |settings: &mut watchword::config::Settings| {
        settings.stream.max_age = std::time::Duration::from_secs(9 * 365 * 86_400);
        settings.events.retention = std::time::Duration::from_secs(10 * 365 * 86_400);
    };
    let app = TestApp::builder(Backend::Sqlite).settings(keeps_all).spawn().await;
    seed(&app.database).await;
    app.ledger_drained().await;
    let json_from = async |args: &[&str], code| {
        json_of(&run(options(&app, &[args, &["--format", "json"]].concat()), "").await, code)
    };

    let verified = json_from(&["events", "verify"], 0).await;
    assert_keys(&verified, &VERIFIED);
    assert_eq!((&verified["same"], &verified["inPlace"]), (&json!(true), &json!(SEEDED)));
    assert_eq!(verified["findings"], json!([]));

    let replayed = json_from(&["events", "replay", "--name", "mine", "--subject", "updated"], 0).await;
    assert_keys(&replayed, &["id", "name", "target", "stream", "state", "total", "sent", "refused"]);
    assert_eq!((&replayed["state"], &replayed["sent"]), (&json!("done"), &json!(SEEDED / 2)));
    assert_eq!(replayed["stream"], "auth-events-replays");

    // The start of the replay is an event.
    app.ledger_drained().await;
    let info = json_from(&["stream", "info"], 0).await;
    assert_eq!((&info["name"], &info["messages"]), (&json!("auth-events"), &json!(SEEDED + 1)));
    assert!(
        info["createdAt"].as_str().is_some_and(|at| at.contains('T') && at.ends_with('Z')),
        "{info}"
    );
    assert_eq!(info["config"]["name"], "auth-events");

    let context = app.nats.jetstream().await;
    let mut definition = context.get_stream("auth-events").await.expect("the stream").cached_info().config.clone();
    definition.max_messages = 7_000;
    context.update_stream(definition).await.expect("change the stream");
    let differences = json!([
        { "field": "max_age", "desired": "604800s", "actual": "283824000s" },
        { "field": "max_msgs", "desired": "100000", "actual": "7000" },
    ]);
    assert_eq!(
        json_from(&["stream", "diff"], 1).await,
        json!({ "stream": "auth-events", "same": false, "differences": differences })
    );
    let stream = context.get_stream("auth-events").await.expect("the stream");
    stream.delete_message(2).await.expect("delete a message");
    let verified = json_from(&["events", "verify"], 1).await;
    assert_eq!((&verified["same"], &verified["missing"]), (&json!(false), &json!(1)));
    assert_keys(&verified["findings"][0], &["difference", "streamSeq", "id", "subject", "ledgerSeq"]);
    assert_eq!(verified["findings"][0]["difference"], "missing");
    app.abandon().await;
}

#[tokio::test]
async fn a_pending_migration_is_exit_code_1() {
    let data_dir = scratch("app");
    let command = async |args: &[&str]| {
        let mut options = BinaryOptions::command(args, &[]);
        options.data_dir = Some(data_dir.clone());
        run(options, "").await
    };
    let status = json_of(&command(&["migrate", "status", "--format", "json"]).await, 1);
    let migrations = status["migrations"].as_array().expect("migrations");
    assert_eq!(status["pending"], migrations.len());
    assert_eq!(migrations[0], json!({ "name": migrations[0]["name"], "applied": false }));
    let text = command(&["migrate", "status"]).await;
    assert_eq!(
        (text.status.code(), text.stdout.starts_with("pending  m0001")),
        (Some(1), true),
        "{text:?}"
    );
    assert!(command(&["migrate", "up"]).await.status.success());
    let status = json_of(&command(&["migrate", "status", "--format", "json"]).await, 0);
    assert_eq!(status["pending"], 0);
}

#[tokio::test]
async fn the_configuration_as_json_hides_secrets() {
    let env = [
        ("NATS_URL", "nats://ada:canary@host"),
        ("WATCHWORD__STREAM__MAX_AGE", "3d"),
    ];
    let ended = run(BinaryOptions::command(&["config", "show", "--format", "json"], &env), "").await;
    let settings = json_of(&ended, 0);
    assert_eq!(settings["stream"]["max_age"], "3days");
    assert_eq!(settings["nats"]["url"], "nats://ada:***@host");
    assert!(!ended.stdout.contains("canary"), "{ended:?}");
}

#[tokio::test]
async fn an_exit_code_tells_what_is_wrong() {
    let nothing_listens = [("DATABASE_URL", "postgres://127.0.0.1:1/watchword")];
    let none: [(&str, &str); 0] = [];
    let wrong = [("PORT", "x")];
    for (args, env, code) in [
        (vec!["serv"], &none[..], 2),
        (vec!["events", "replay", "--name", "a.b"], &none, 2),
        (vec!["events", "verify", "--format", "xml"], &none, 2),
        (vec!["config", "check"], &wrong, 3),
        (vec!["serve"], &wrong, 3),
        (vec!["migrate", "status", "--format", "json"], &nothing_listens, 5),
        (vec!["events", "verify", "--format", "json"], &nothing_listens, 5),
        (vec!["healthcheck"], &none, 1),
    ] {
        let ended = run(BinaryOptions::command(&args, env), "").await;
        assert_eq!(ended.status.code(), Some(code), "{args:?}: {ended:?}");
        if code > 1 {
            assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{args:?}: {ended:?}");
        }
    }
}

/// The help, the page and the code list the same exit codes.
#[tokio::test]
async fn the_exit_codes_are_documented() {
    let help = run(BinaryOptions::command(&["--help"], &[]), "").await.stdout;
    let page = std::fs::read_to_string(repository().join("docs/OPERATIONS.md")).expect("the page");
    let listed: BTreeMap<u8, &str> = help
        .lines()
        .skip_while(|line| *line != "Exit codes:")
        .filter_map(|line| line.trim().split_once("  "))
        .filter_map(|(code, meaning)| Some((code.parse().ok()?, meaning)))
        .collect();
    assert_eq!(listed.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
    for code in listed.keys() {
        assert!(page.contains(&format!("\n| {code} |")), "docs/OPERATIONS.md lacks the exit code {code}");
    }
}
