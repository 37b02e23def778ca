//! Setting up the log: its level, its format and its output.

use std::{
    env,
    io::{self, IsTerminal as _, Write},
    panic,
};

use tracing::Subscriber;
use tracing_bunyan_formatter::{BunyanFormattingLayer, JsonStorageLayer, SkipFieldError};
use tracing_subscriber::{
    EnvFilter, Registry,
    filter::ParseError,
    fmt::MakeWriter,
    layer::{Layer, SubscriberExt as _},
    util::{SubscriberInitExt as _, TryInitError},
};

use super::{events_only::EventsOnly, level_ceiling::level_ceiling, writer::LogWriter};
use crate::config::{LogFormat, TelemetrySettings};

/// The `name` of every JSON line.
const NAME: &str = "watchword";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Output {
    /// For the service.
    Stdout,
    /// For commands whose standard output is their result.
    Stderr,
}

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("{origin} is not a level and not a list of directives such as info,watchword::relay=debug")]
    Level {
        /// `RUST_LOG` or `telemetry.level`.
        origin: &'static str,
        source: ParseError,
    },
    /// A core field of the line format cannot be left out.
    #[error("the log format is not accepted")]
    Format(#[from] SkipFieldError),
    #[error("the log writer cannot start")]
    Writer(#[source] io::Error),
    #[error("the log is set up already")]
    Twice(#[from] TryInitError),
    #[error("the metrics cannot be registered")]
    Metrics(#[from] prometheus::Error),
}

/// Keeps the log alive. Dropping it writes what is left.
#[derive(Debug)]
#[must_use = "dropping it ends the log"]
pub struct LogGuard {
    writer: LogWriter,
}

impl LogGuard {
    /// Wait until everything logged so far is written, at most two seconds.
    pub fn flush(&self) {
        self.writer.flush();
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.writer.close();
    }
}

/// Set up the log of this process. `RUST_LOG` overrides `telemetry.level`; the
/// [ceiling](super::level_ceiling()) for other crates applies to both.
///
/// # Errors
///
/// [`TelemetryError`]: the level cannot be parsed, or the log is set up already.
pub fn init(settings: &TelemetrySettings, output: Output) -> Result<LogGuard, TelemetryError> {
    let (out, terminal): (Box<dyn Write + Send>, bool) = match output {
        Output::Stdout => (Box::new(io::stdout()), io::stdout().is_terminal()),
        Output::Stderr => (Box::new(io::stderr()), io::stderr().is_terminal()),
    };
    let writer = LogWriter::start(out).map_err(TelemetryError::Writer)?;
    let rust_log = env::var("RUST_LOG").ok();
    subscriber(settings, rust_log.as_deref(), terminal, writer.clone())?.try_init()?;
    log_panics();
    Ok(LogGuard { writer })
}

/// Check `RUST_LOG`, or else `telemetry.level`.
///
/// # Errors
///
/// [`TelemetryError::Level`]
pub fn check(settings: &TelemetrySettings) -> Result<(), TelemetryError> {
    subscriber(settings, env::var("RUST_LOG").ok().as_deref(), false, io::sink).map(drop)
}

/// The subscriber over any writer. `terminal`: the output is read by a person. The writer is called
/// once per line, with the whole line.
pub fn subscriber<W>(
    settings: &TelemetrySettings,
    rust_log: Option<&str>,
    terminal: bool,
    writer: W,
) -> Result<impl Subscriber + Send + Sync + 'static, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (directives, origin) = match rust_log {
        Some(directives) if !directives.trim().is_empty() => (directives, "RUST_LOG"),
        _ => (settings.level.as_str(), "telemetry.level"),
    };
    let filter = EnvFilter::builder()
        .parse(directives)
        .map_err(|source| TelemetryError::Level { origin, source })?;
    let text = match settings.format {
        LogFormat::Auto => terminal,
        LogFormat::Json => false,
        LogFormat::Text => true,
    };
    let lines = if text {
        text_lines(terminal, writer)
    } else {
        json_lines(writer)?
    };
    Ok(Registry::default().with(lines).with(filter).with(level_ceiling()))
}

type Lines = Box<dyn Layer<Registry> + Send + Sync>;

/// One bunyan object per event, with the fields of its span. Source lines are left out: `target` is
/// enough, and they are the larger part of a short line.
fn json_lines<W>(writer: W) -> Result<Lines, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let bunyan = BunyanFormattingLayer::new(NAME.to_owned(), writer).skip_fields(["file", "line"].into_iter())?;
    Ok(JsonStorageLayer.and_then(EventsOnly(bunyan)).boxed())
}

fn text_lines<W>(terminal: bool, writer: W) -> Lines
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let colors = terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt::layer().with_ansi(colors).with_writer(writer).boxed()
}

/// Log panics. A constant message is shown; a formatted one is withheld, since it may contain the
/// value that was refused.
fn log_panics() {
    panic::set_hook(Box::new(|info| {
        let message = info.payload().downcast_ref::<&'static str>().copied().unwrap_or("(message withheld)");
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(target: "watchword::panic", location, message, "panicked");
    }));
}
