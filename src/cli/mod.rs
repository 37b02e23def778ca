//! The command line.

mod banner;
mod config;
mod env_file;
mod events;
mod exit;
mod format;
mod healthcheck;
mod migrate;
mod oauth;
mod own_listener;
mod serve;
mod stream;
mod user;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use crate::app::{AppError, commands};
use crate::config::Settings;
use crate::http::docs::specification;
use crate::telemetry::error_chain;

/// Event-native auth service on NATS JetStream.
///
/// Without configuration it stores everything in ./data: a SQLite database, its keys and an
/// embedded nats-server.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = format!("All configuration keys, with comments: watchword config show --defaults\n\n{}", exit::TABLE)
)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Common {
    /// TOML file with the configuration; environment variables override it
    #[arg(long, global = true, value_name = "FILE", env = "WATCHWORD_CONFIG", value_parser = path())]
    config: Option<PathBuf>,
    /// File with variables, such as .env; those of the environment override it
    #[arg(long, global = true, value_name = "FILE", env = "WATCHWORD_ENV_FILE", value_parser = path())]
    env_file: Option<PathBuf>,
}

/// A path, which may be empty: an empty variable counts as not set.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API and publish events to JetStream
    Serve(serve::Serve),
    /// Apply, revert and list database migrations
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// Inspect and update the event stream
    #[command(subcommand)]
    Stream(stream::Stream),
    /// Export, verify, tail, replay and adopt events
    #[command(subcommand)]
    Events(events::Events),
    /// Manage users
    #[command(subcommand)]
    User(user::User),
    /// Manage OAuth clients
    #[command(subcommand)]
    Oauth(oauth::Oauth),
    /// Show and check the configuration
    #[command(subcommand)]
    Config(config::Config),
    /// Print the OpenAPI document
    Openapi,
    /// Print the AsyncAPI document
    Asyncapi,
    /// Check that the service on this machine is ready
    Healthcheck,
}

/// Parse the command line and run the command.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "watchword: {}", error_chain(&error));
            exit::code_of(&error)
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
    let given = |path: &Option<PathBuf>| path.clone().filter(|path| !path.as_os_str().is_empty());
    let env_file = given(&cli.common.env_file).as_deref().map(env_file::read).transpose()?;
    let file = given(&cli.common.config);
    let load = || Settings::load(file.as_deref(), env_file.as_ref());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| AppError::argument("the runtime", error))?;
    runtime.block_on(async {
        match cli.command {
            Command::Config(command) => command.run(load).await,
            Command::Serve(command) => command.run(load()?).await,
            Command::Migrate(command) => command.run(&load()?).await,
            Command::Stream(command) => command.run(&load()?).await,
            Command::Events(command) => command.run(&load()?).await,
            Command::User(command) => command.run(&load()?).await,
            Command::Healthcheck => Ok(healthcheck::run(&load()?).await),
            Command::Openapi | Command::Asyncapi | Command::Oauth(_) => Ok(ExitCode::SUCCESS),
        }
    })
}

/// Print a command's result. A reader that has gone away is not an error.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Ask for confirmation before a change that cannot be undone.
fn confirmed(yes: bool, question: &str) -> Result<(), AppError> {
    if yes {
        return Ok(());
    }
    let _ = write!(std::io::stderr(), "{question} Type yes to continue: ");
    let mut answer = String::new();
    let _ = std::io::stdin().read_line(&mut answer);
    if answer.trim() == "yes" {
        return Ok(());
    }
    let problem = "was not given; nothing was changed (--yes skips it)";
    Err(AppError::argument("the confirmation", problem))
}

/// A count with its noun: `1 event`, `2 events`.
fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
