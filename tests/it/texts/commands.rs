//! The output of the commands: help, errors and results.

use std::collections::VecDeque;
use std::path::Path;

use super::assert_text;
use crate::replay::rig::{options, seed};
use crate::support::app::TestApp;
use crate::support::binary::{BinaryOptions, Ended, run};
use crate::support::database::Backend;
use crate::support::run_dir::scratch;

/// Returns how a command ended and what it printed, without this machine's paths and versions.
fn transcript(args: &[&str], ended: &Ended, paths: &[(&str, &str)]) -> String {
    let mut text = format!(
        "$ watchword {}\n{}{}exit {}\n",
        args.join(" "),
        ended.stdout,
        ended.stderr,
        ended.status.code().expect("a status")
    );
    for (place, name) in paths {
        text = text.replace(place, name);
    }
    for id in text.clone().split_whitespace().filter(|word| is_id(word)) {
        text = text.replace(id, "[id]");
    }
    text.replace(env!("CARGO_PKG_VERSION"), "[version]")
}

fn is_id(word: &str) -> bool {
    word.len() == 36 && uuid::Uuid::parse_str(word).is_ok()
}

/// Returns the names under `Commands:` in a help text.
fn subcommands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines.take_while(|line| !line.is_empty()).filter_map(|line| {
        let name = line.strip_prefix("  ")?;
        name.starts_with(|c: char| c.is_ascii_lowercase())
            .then(|| name.split_whitespace().next().map(str::to_owned))?
    });
    names.filter(|name| name != "help").collect()
}

#[tokio::test]
async fn the_help_of_every_command_matches_its_snapshot() {
    let mut commands = VecDeque::from([Vec::<String>::new()]);
    let mut count = 0;
    while let Some(command) = commands.pop_front() {
        let mut args: Vec<&str> = command.iter().map(String::as_str).collect();
        args.push("--help");
        let ended = run(BinaryOptions::command(&args, &[]), "").await;
        assert!(ended.status.success(), "{args:?}: {ended:?}");
        for name in subcommands(&ended.stdout) {
            commands.push_back([command.as_slice(), &[name]].concat());
        }
        let name = [&["help".to_owned()], command.as_slice()].concat().join("-");
        assert_text(&name, &transcript(&args, &ended, &[]));
        count += 1;
    }
    assert!(count > 15, "only {count} commands have help");
}

/// Runs a command with these variables, and compares its output with the snapshot.
async fn assert_error(name: &str, args: &[&str], env: &[(&str, &str)]) {
    let ended = run(BinaryOptions::command(args, env), "").await;
    assert!(!ended.status.success(), "{ended:?}");
    assert_text(name, &transcript(args, &ended, &[]));
}

#[tokio::test]
async fn errors_of_a_configuration_match_their_snapshots() {
    let wrong = [
        ("WATCHWORD__HTTP__PORT", "70000"),
        ("WATCHWORD__SESSIONS__MAX_PER_USER", "0"),
        ("WATCHWORD__HTTP__PROT", "3001"),
        ("REDIS_URL", "localhost"),
    ];
    assert_error("refusal-config-check", &["config", "check"], &wrong).await;
    assert_error("refusal-serve", &["serve"], &wrong).await;
    let missing = ["config", "check", "--config", "does-not-exist.toml"];
    assert_error("refusal-config-missing", &missing, &[]).await;
}

#[tokio::test]
async fn errors_of_arguments_match_their_snapshots() {
    assert_error("refusal-unknown-command", &["serv"], &[]).await;
    assert_error("refusal-events-type", &["events", "export", "-", "--subject", "nonsense"], &[]).await;
    assert_error("refusal-replay-rate", &["events", "replay", "--rate", "0"], &[]).await;
    assert_error("refusal-replay-name", &["events", "replay", "--name", "a.b"], &[]).await;
}

/// Runs `watchword <args>` beside an application, and compares its output with the snapshot.
async fn assert_result(app: &TestApp, name: &str, args: &[&str], directory: &Path) {
    let ended = run(options(app, args), "").await;
    let directory = directory.display().to_string();
    let paths = [(directory.as_str(), "[directory]"), (&app.nats.url(), "[nats]")];
    assert_text(name, &transcript(args, &ended, &paths));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_of_commands_match_their_snapshots() {
    let keeps_all = |settings: &mut watchword::config::Settings| {
        settings.stream.max_age = std::time::Duration::from_secs(9 * 365 * 86_400);
        settings.events.retention = std::time::Duration::from_secs(10 * 365 * 86_400);
    };
    let app = TestApp::builder(Backend::Sqlite).settings(keeps_all).spawn().await;
    seed(&app.database).await;
    app.ledger_drained().await;
    let directory = scratch("texts");
    let file = directory.join("events.jsonl").display().to_string();
    assert_result(&app, "result-events-export", &["events", "export", &file], &directory).await;
    assert_result(&app, "result-events-verify", &["events", "verify"], &directory).await;
    let replay = ["events", "replay", "--name", "mine", "--subject", "updated"];
    assert_result(&app, "result-events-replay", &replay, &directory).await;
    assert_result(&app, "result-events-replay-again", &replay, &directory).await;
    // The start of the replay is an event.
    app.ledger_drained().await;
    assert_result(&app, "result-stream-diff-none", &["stream", "diff"], &directory).await;

    let context = app.nats.jetstream().await;
    let mut definition = context.get_stream("auth-events").await.expect("the stream").cached_info().config.clone();
    definition.max_messages = 7_000;
    definition.description = Some("changed by hand".to_owned());
    context.update_stream(definition).await.expect("change the stream");
    assert_result(&app, "result-stream-diff", &["stream", "diff"], &directory).await;
    let stream = context.get_stream("auth-events").await.expect("the stream");
    stream.delete_message(2).await.expect("delete a message");
    assert_result(&app, "result-events-verify-missing", &["events", "verify"], &directory).await;
    app.abandon().await;
}
