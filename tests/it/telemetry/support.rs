//! Captures the log of a test.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use watchword::{
    config::{LogFormat, TelemetrySettings},
    telemetry::subscriber,
};

/// The written bytes, one entry per write.
#[derive(Clone, Default)]
pub(super) struct Captured(Arc<Mutex<Vec<Vec<u8>>>>);

impl Captured {
    /// Returns each write as text.
    pub(super) fn writes(&self) -> Vec<String> {
        let writes = self.0.lock().expect("the log");
        writes.iter().map(|bytes| String::from_utf8(bytes.clone()).expect("UTF-8")).collect()
    }

    /// Returns each write, parsed as one JSON line.
    pub(super) fn lines(&self) -> Vec<Value> {
        self.writes()
            .iter()
            .map(|line| {
                assert!(line.ends_with('\n') && line.matches('\n').count() == 1, "expected one line: {line:?}");
                serde_json::from_str(line).expect("JSON")
            })
            .collect()
    }

    pub(super) fn text(&self) -> String {
        self.writes().concat()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the log").push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

pub(super) fn settings(format: LogFormat, level: &str) -> TelemetrySettings {
    TelemetrySettings { format, level: level.to_owned() }
}

/// Captures the log of this thread until the guard is dropped.
pub(super) fn capture(format: LogFormat, level: &str, rust_log: Option<&str>) -> (Captured, DefaultGuard) {
    let captured = Captured::default();
    let subscriber = subscriber(&settings(format, level), rust_log, false, captured.clone()).expect("a subscriber");
    (captured, tracing::subscriber::set_default(subscriber))
}
