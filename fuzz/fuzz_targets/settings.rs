//! Configuration: a file and variables. What is accepted can be shown, and what is shown is
//! accepted again.
#![no_main]

use std::io::Write as _;

use libfuzzer_sys::fuzz_target;
use watchword::config::Settings;

fuzz_target!(|text: &str| {
    // The first half is a file, and the second has variables; a line without "---" divides them.
    let (file, variables) = text.split_once("\n---\n").unwrap_or((text, ""));
    let variables = variables.lines().filter_map(|line| line.split_once('='));
    let variables: Vec<(String, String)> = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let path = std::env::temp_dir().join(format!("watchword-fuzz-{}.toml", std::process::id()));
    let mut written = std::fs::File::create(&path).expect("a file");
    written.write_all(file.as_bytes()).expect("a file");
    drop(written);
    if let Ok(settings) = Settings::load_from(Some(&path), variables) {
        let shown = settings.redacted_toml().expect("what is accepted can be shown");
        assert!(!shown.is_empty());
    }
    let _ = std::fs::remove_file(&path);
});
