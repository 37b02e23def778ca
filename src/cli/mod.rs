//! The command line.

mod banner;
mod config;
mod events;
mod healthcheck;
mod migrate;
mod oauth;
mod serve;
mod stream;
mod user;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::{AppError, commands};
use crate::config::Settings;
use crate::http::specification;
use crate::telemetry::error_chain;

/// Event-native auth service on NATS JetStream.
///
/// With no configuration it keeps everything in `./data`: SQLite, its keys and a nats-server of its own.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Every setting and its environment variable: watchword config show --defaults"
)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Common {
    /// A TOML file with settings; the environment wins over it
    #[arg(long, global = true, value_name = "FILE", env = "WATCHWORD_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API and relay events to JetStream
    Serve(serve::Serve),
    /// Bring the database's schema up to date, or back
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// Look at the event stream and put it in order
    #[command(subcommand)]
    Stream(stream::Stream),
    /// Read, check and replay the events of the ledger
    #[command(subcommand)]
    Events(events::Events),
    /// Manage users
    #[command(subcommand)]
    User(user::User),
    /// Prepare other services that ask about tokens
    #[command(subcommand)]
    Oauth(oauth::Oauth),
    /// Look at the configuration
    #[command(subcommand)]
    Config(config::Config),
    /// Print the OpenAPI document
    Openapi,
    /// Print the AsyncAPI document of the events
    Asyncapi,
    /// Ask the running service on this machine whether it is ready
    Healthcheck,
}

/// Parses the command line, runs the command and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "watchword: {}", error_chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, AppError> {
    if let Command::Openapi = cli.command {
        print(&specification::committed());
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Asyncapi = cli.command {
        print(&commands::asyncapi()?);
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Oauth(command) = cli.command {
        command.run();
        return Ok(ExitCode::SUCCESS);
    }
    let file = cli.common.config.as_deref();
    if let Command::Config(command) = cli.command {
        return command.run(file);
    }
    let settings = Settings::load(file)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| AppError::Argument {
        what: "the runtime",
        problem: error.to_string(),
    })?;
    runtime.block_on(async {
        match cli.command {
            Command::Serve(command) => command.run(settings).await,
            Command::Migrate(command) => command.run(&settings).await,
            Command::Stream(command) => command.run(&settings).await,
            Command::Events(command) => command.run(&settings).await,
            Command::User(command) => command.run(&settings).await,
            Command::Healthcheck => Ok(healthcheck::run(&settings).await),
            Command::Openapi | Command::Asyncapi | Command::Config(_) | Command::Oauth(_) => Ok(ExitCode::SUCCESS),
        }
    })
}

/// Writes a command's answer; a reader that went away is no error.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Asks before something that can't be undone.
fn confirmed(yes: bool, question: &str) -> Result<(), AppError> {
    if yes {
        return Ok(());
    }
    let _ = write!(std::io::stderr(), "{question} Type yes to go on: ");
    let mut answer = String::new();
    let _ = std::io::stdin().read_line(&mut answer);
    if answer.trim() == "yes" {
        return Ok(());
    }
    Err(AppError::Argument {
        what: "the question",
        problem: "was not answered with yes; nothing was changed (--yes answers it)".to_owned(),
    })
}
