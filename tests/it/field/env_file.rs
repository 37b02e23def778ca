//! Files of variables: what Compose and systemd read alike is read, and other lines are refused.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use watchword::config::EnvFile;

use super::configuration::write;
use crate::support::binary::{BinaryOptions, run};
use crate::support::run_dir::{repository, scratch};

/// Runs `watchword --env-file FILE config show`, and returns the settings.
async fn shown(file: &Path, env: &[(&str, &str)]) -> Value {
    let file = file.display().to_string();
    let ended = run(
        BinaryOptions::command(&["--env-file", &file, "config", "show", "--format", "json"], env),
        "",
    )
    .await;
    assert!(ended.status.success(), "{ended:?}");
    serde_json::from_str(&ended.stdout).expect("JSON")
}

const SHELL_WOULD_NOT: &str = "\
# A comment with $HOME and `id`
WATCHWORD__MAIL__FROM=Watchword <no-reply@example.com>
DATABASE_URL=postgres://w@127.0.0.1/w?sslmode=disable&application_name=w
 WATCHWORD__MAIL__PRODUCT = it's `id`; a \"b\" | c  \r
WATCHWORD__EVENTS__SERVICE='pa$$w0rd\\x'
WATCHWORD__EVENTS__ENVIRONMENT=a#b

WATCHWORD__TOKENS__CLIENT_ID=\"x'y\"
WATCHWORD__STREAM__NAME=first
WATCHWORD__STREAM__NAME=last
";

#[tokio::test]
async fn a_file_of_variables_is_read_as_compose_and_systemd_read_it() {
    let file = write(&scratch("env"), ".env", SHELL_WOULD_NOT);
    let settings = shown(&file, &[]).await;
    for (pointer, value) in [
        ("/mail/from", "Watchword <no-reply@example.com>"),
        ("/database/url", "postgres://w@127.0.0.1/w?sslmode=disable&application_name=w"),
        ("/mail/product", "it's `id`; a \"b\" | c"),
        ("/events/service", "pa$$w0rd\\x"),
        ("/events/environment", "a#b"),
        ("/tokens/client_id", "x'y"),
        ("/stream/name", "last"),
    ] {
        assert_eq!(settings.pointer(pointer).and_then(Value::as_str), Some(value), "{pointer}");
    }
    // The environment wins, also with an empty value.
    let env = [
        ("WATCHWORD__STREAM__NAME", "given"),
        ("WATCHWORD__EVENTS__ENVIRONMENT", ""),
    ];
    let settings = shown(&file, &env).await;
    assert_eq!(settings.pointer("/stream/name").and_then(Value::as_str), Some("given"));
    assert_eq!(settings.pointer("/events/environment").and_then(Value::as_str), Some("development"));
}

/// A variable that is no key counts too: an argument of the program, or one of a library.
#[tokio::test]
async fn a_file_of_variables_counts_for_more_than_keys() {
    let directory = scratch("env");
    let toml = write(&directory, "w.toml", "[stream]\nname = 'from-toml'\n");
    let file = write(&directory, ".env", format!("WATCHWORD_CONFIG={}\n", toml.display()));
    let settings = shown(&file, &[]).await;
    assert_eq!(settings.pointer("/stream/name").and_then(Value::as_str), Some("from-toml"));
    // An empty variable counts as not set.
    let unset = [("WATCHWORD_CONFIG", ""), ("WATCHWORD_ENV_FILE", "")];
    let ended = run(BinaryOptions::command(&["config", "check"], &unset), "").await;
    assert!(ended.status.success(), "{ended:?}");
    let file = write(&directory, "loud.env", "RUST_LOG=nonsense=loud\n").display().to_string();
    let ended = run(BinaryOptions::command(&["config", "check"], &[("WATCHWORD_ENV_FILE", &file)]), "").await;
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    assert!(ended.stderr.contains("RUST_LOG"), "{ended:?}");
}

#[tokio::test]
async fn lines_that_programs_read_differently_are_refused_by_number() {
    let text = b"PORT=3001\nDATABASE_URL=postgres://w:canary$$1@h/w\n\nexport REDIS_URL=redis://canary\n\
        WATCHWORD__MAIL__PASSWORD=canary # mine\nWATCHWORD__MAIL__PASSWORD='canary\nA=\"canary$x\"\nA=canary\\n\n; canary\n\
        A='canary' b\ncanary\nA=\xffcanary\n";
    let file = write(&scratch("env"), ".env", text);
    let path = file.display().to_string();
    for command in [
        &["config", "check"][..],
        &["serve"],
        &["migrate", "status"],
        &["healthcheck"],
    ] {
        let args = [&["--env-file", &path][..], command].concat();
        let ended = run(BinaryOptions::command(&args, &[]), "").await;
        assert_eq!(ended.status.code(), Some(3), "{ended:?}");
        for line in 1..=12 {
            let is_refused = ended.stderr.contains(&format!("\n  line {line} "));
            assert_eq!(is_refused, ![1, 3].contains(&line), "line {line}: {}", ended.stderr);
        }
        assert!(ended.stderr.contains(&path) && !ended.stderr.contains("canary"), "{}", ended.stderr);
    }
    let missing = run(BinaryOptions::command(&["--env-file", "/nonexistent/.env", "config", "check"], &[]), "").await;
    assert_eq!(missing.status.code(), Some(3), "{missing:?}");
    assert!(missing.stderr.contains("/nonexistent/.env"), "{missing:?}");
}

#[tokio::test]
async fn a_wrong_value_in_a_file_of_variables_is_named_with_its_line() {
    let file = write(&scratch("env"), ".env", "# One\nWATCHWORD__LIMITS__LOGIN=often\n")
        .display()
        .to_string();
    let ended = run(BinaryOptions::command(&["--env-file", &file, "config", "check"], &[]), "").await;
    assert!(
        ended.stderr.contains(&format!("(WATCHWORD__LIMITS__LOGIN in {file}, line 2)")),
        "{ended:?}"
    );
}

/// Every line of the example works as it stands, once it is uncommented.
#[test]
fn the_lines_of_the_example_work_as_they_stand() {
    let example = fs::read_to_string(repository().join(".env.example")).expect("the example");
    let is_assignment = |line: &&str| {
        line.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        })
    };
    let lines: Vec<&str> = example.lines().filter_map(|line| line.strip_prefix('#')).filter(is_assignment).collect();
    assert!(lines.len() > 20, "{lines:?}");
    let file = write(&scratch("env"), ".env", lines.join("\n"));
    let read = EnvFile::read(&file).expect("the example");
    for (name, value) in read.missing() {
        assert!(lines.contains(&format!("{name}={value}").as_str()), "{name} is not read as written");
    }
}

/// `make run` hands `.env` to the service, and no shell reads it.
#[tokio::test]
async fn make_run_reads_the_same_values() {
    let directory = scratch("make-run");
    let scripts = directory.join("scripts");
    let bin = directory.join("bin");
    for directory in [&scripts, &bin] {
        fs::create_dir(directory).expect("a directory");
    }
    for script in ["run.sh", "lib.sh"] {
        fs::copy(repository().join("scripts").join(script), scripts.join(script)).expect("copy a script");
    }
    let program = |path: PathBuf, text: &str| {
        fs::write(&path, text).expect("write a program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("make it executable");
    };
    for script in ["install-build-deps.sh", "install-nats-server.sh"] {
        program(scripts.join(script), "#!/bin/sh\nexit 0\n");
    }
    // In place of `cargo run … -- ARGUMENTS`: the built program with these arguments, which shows
    // its configuration instead of serving.
    let watchword = env!("CARGO_BIN_EXE_watchword");
    program(
        bin.join("cargo"),
        &format!(
            "#!/bin/bash\nwhile [ \"$1\" != -- ]; do shift; done\nshift\n\
             exec {watchword} \"${{@/#serve/config}}\" show --format json\n"
        ),
    );
    write(&directory, ".env", SHELL_WOULD_NOT.replace("`id`", "`touch ran`"));
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let output = tokio::process::Command::new("bash")
        .arg("scripts/run.sh")
        .current_dir(&directory)
        .env_clear()
        .env("PATH", path)
        .output()
        .await
        .expect("run the script");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let settings: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let from = settings.pointer("/mail/from").and_then(Value::as_str);
    assert_eq!(from, Some("Watchword <no-reply@example.com>"));
    let url = settings.pointer("/database/url").and_then(Value::as_str);
    assert_eq!(url, Some("postgres://w@127.0.0.1/w?sslmode=disable&application_name=w"));
    assert!(!directory.join("ran").exists(), "a shell ran a part of .env");
}
