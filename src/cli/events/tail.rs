//! `watchword events tail`: readable lines on a terminal, JSON lines elsewhere.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;
use time::OffsetDateTime;

use super::selection::{AboutArgs, time};
use crate::app::commands::events::{Selection, StreamSeq, Viewer, tail};
use crate::app::{AppError, stop_on_signals};
use crate::config::Settings;

/// Arguments of `events tail`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Tail {
    /// Start with the events that were published at or after this time and are still in the stream
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<OffsetDateTime>,
    #[command(flatten)]
    about: AboutArgs,
}

impl Tail {
    pub(super) async fn run(self, settings: &Settings) -> Result<ExitCode, AppError> {
        let selection = Selection { from: self.from, ..self.about.parse() };
        let stop = stop_on_signals()?;
        let mut screen = Screen { on_terminal: std::io::stdout().is_terminal() };
        tail(settings, &selection, &mut screen, &stop).await?;
        Ok(ExitCode::SUCCESS)
    }
}

struct Screen {
    on_terminal: bool,
}

impl Viewer for Screen {
    fn opened(&mut self, stream: &str) {
        say(&format!("Reading {stream}; Ctrl-C ends it."));
    }

    fn event(&mut self, stream_seq: StreamSeq, payload: &[u8]) -> bool {
        let mut out = std::io::stdout().lock();
        let written = if self.on_terminal {
            out.write_all(readable_line(stream_seq, payload).as_bytes())
        } else {
            out.write_all(&[payload, b"\n"].concat())
        };
        // A reader that has gone away ends the command.
        written.and_then(|()| out.flush()).is_ok()
    }

    fn broken(&mut self, reason: &str) {
        say(&format!("{reason}; retrying"));
    }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Time, event, user and the remaining data on one line. Strings stay JSON, so that none can
/// control the terminal.
fn readable_line(stream_seq: StreamSeq, payload: &[u8]) -> String {
    let Ok(event) = serde_json::from_slice::<Value>(payload) else {
        return format!("sequence {stream_seq} is not JSON\n");
    };
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or("-");
    let subject = text("/subject");
    let name = subject.rsplit('.').next().unwrap_or(subject);
    let mut line = format!(
        "{}  {}  {}",
        plain(text("/data/timestamp")),
        plain(&format!("{name:<20}")),
        plain(text("/data/userId"))
    );
    let data = event.pointer("/data").and_then(Value::as_object);
    for (key, value) in data.into_iter().flatten() {
        if !matches!(key.as_str(), "timestamp" | "userId" | "userSeq") {
            // Writing to a string does not fail.
            let _ = write!(line, "  {}={value}", plain(key));
        }
    }
    line.push('\n');
    line
}

fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_time_type_and_user_and_escapes_control_characters() {
        let payload =
            br#"{"subject":"auth.user.logged_in","data":{"userId":"u1","timestamp":"2026-11-22T12:00:00.000Z",
            "userSeq":3,"ip":"192.0.2.7","userAgent":"\u001b[2Jcurl"}}"#;
        assert_eq!(
            readable_line(7.into(), payload),
            "2026-11-22T12:00:00.000Z  logged_in             u1  ip=\"192.0.2.7\"  userAgent=\"\\u001b[2Jcurl\"\n"
        );
        assert_eq!(readable_line(7.into(), b"\xff"), "sequence 7 is not JSON\n");
    }
}
