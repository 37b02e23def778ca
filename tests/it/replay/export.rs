//! `watchword events export`.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::process::Command;

use flate2::read::GzDecoder;

use super::rig::{SEEDED, events, seed, seeded_user, succeeds};
use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::flow_tests;
use crate::support::run_dir::scratch;

flow_tests! {
    an_export_contains_exactly_the_published_events,
    an_export_contains_the_selected_events,
    a_failed_export_leaves_no_file,
    an_export_replaces_files_but_not_pipes,
}

async fn an_export_contains_exactly_the_published_events(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    app.registered("ada@example.com").await;
    app.registered("grace@example.com").await;
    let published = app.events().await;
    assert!(published.len() >= 2);
    let lines: Vec<u8> = published.iter().flat_map(|message| [message.bytes.as_slice(), b"\n"].concat()).collect();

    let dir = scratch("export");
    let plain = dir.join("events.jsonl");
    succeeds(&app, &["export", plain.to_str().expect("a path")]).await;
    assert_eq!(fs::read(&plain).expect("the file"), lines);
    let mode = fs::metadata(&plain).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "an export contains personal data");

    let gzip = dir.join("events.jsonl.gz");
    succeeds(&app, &["export", gzip.to_str().expect("a path")]).await;
    let mut text = Vec::new();
    GzDecoder::new(fs::File::open(&gzip).expect("the file"))
        .read_to_end(&mut text)
        .expect("gzip");
    assert_eq!(text, lines);

    let piped = succeeds(&app, &["export", "-"]).await;
    assert_eq!(piped.stdout.as_bytes(), lines);
    assert_eq!(fs::read_dir(&dir).expect("the directory").count(), 2, "no other file is left");
    app.finish().await;
}

/// Returns the numbers in the payloads of an export of seeded events.
fn numbers(text: &str) -> Vec<u64> {
    let number = |line: &str| {
        let payload: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        payload["n"].as_u64().expect("a number")
    };
    text.lines().map(number).collect()
}

async fn an_export_contains_the_selected_events(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    seed(&app.database).await;
    let exported = async |args: &[&str]| numbers(&succeeds(&app, &[&["export", "-"], args].concat()).await.stdout);
    let seeded = || 0..u64::try_from(SEEDED).expect("a number");

    assert_eq!(exported(&[]).await, seeded().collect::<Vec<_>>());
    // `--from` is included, `--to` is not.
    let times = ["--from", "2026-01-01T00:00:10Z", "--to", "2026-01-01T01:00:20+01:00"];
    assert_eq!(exported(&times).await, (10..20).collect::<Vec<_>>());
    let finer = [
        "--from",
        "2026-01-01T00:00:10.0001Z",
        "--to",
        "2026-01-01T00:00:12.0001Z",
    ];
    assert_eq!(exported(&finer).await, [11, 12]);
    assert_eq!(
        exported(&["--subject", "logged_in"]).await,
        seeded().filter(|n| n % 2 == 1).collect::<Vec<_>>()
    );
    assert_eq!(
        exported(&["--subject", "logged_in", "--subject", "auth.user.updated"]).await.len(),
        SEEDED
    );
    assert_eq!(exported(&["--subject", "deleted"]).await, [] as [u64; 0]);
    let (three, four) = (seeded_user(3), seeded_user(4));
    assert_eq!(
        exported(&["--user", &three, "--user", &four, "--to", "2026-01-01T00:00:24Z"]).await,
        [3, 4, 13, 14, 23]
    );
    app.abandon().await;
}

async fn a_failed_export_leaves_no_file(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let dir = scratch("export");
    let file = dir.join("events.jsonl");
    let file = file.to_str().expect("a path");
    for (args, reason) in [
        (&["export", file, "--from", "yesterday"][..], "RFC 3339"),
        (
            &[
                "export",
                file,
                "--from",
                "2026-01-02T00:00:00Z",
                "--to",
                "2026-01-02T00:00:00Z",
            ],
            "--to must be later than --from",
        ),
        (&["export", file, "--subject", "logged_inn"], "logged_in"),
        (&["export", file, "--user", "ada"], "--user"),
        (&["export", "/nowhere/at/all.jsonl"], "cannot write /nowhere/at/all.jsonl"),
    ] {
        let ended = events(&app, args).await;
        assert!(!ended.status.success(), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(reason), "{args:?}: {ended:?}");
    }
    assert_eq!(fs::read_dir(&dir).expect("the directory").count(), 0);
    app.finish().await;
}

async fn an_export_replaces_files_but_not_pipes(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let dir = scratch("export");
    let pipe = dir.join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    let ended = events(&app, &["export", pipe.to_str().expect("a path")]).await;
    assert!(!ended.status.success(), "{ended:?}");
    assert!(ended.stderr.contains("is not a file"), "{ended:?}");
    let kind = fs::symlink_metadata(&pipe).expect("the pipe").file_type();
    assert!(kind.is_fifo(), "the pipe must not be replaced");
    app.finish().await;
}
