//! The command line.

use clap::{Parser, ValueEnum};

use watchword::telemetry::SeededBug;

use crate::nemesis::fault::Kind;
use crate::random::Choices;
use crate::support::database::Backend;
use crate::world::Setting;

/// How many rounds of a hundred have three NATS servers.
const CLUSTERS: usize = 30;
/// Tells this choice of a seed from its others.
const CLUSTER_CHOICE: u64 = 0xc1;

/// Break everything around the service while clients use it, and check what is left.
#[derive(Clone, Debug, Parser)]
#[command(name = "campaign", args_override_self = true)]
pub(crate) struct Args {
    /// How long the campaign runs.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) minutes: f64,

    /// How long a round runs, at most 10. Each has new servers and a seed of its own.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) round: f64,

    /// The seed of the first round. `make campaign` takes the time, `make test` always the same.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// The faults; those whose name begins with one of these. Default: all of the backend.
    #[arg(long, value_delimiter = ',')]
    pub(crate) faults: Vec<String>,

    /// How often two faults happen together, in percent.
    #[arg(long, default_value_t = 35)]
    pub(crate) together: usize,

    /// Choose all faults equally often.
    #[arg(long)]
    pub(crate) even: bool,

    /// The database, and with it the number of instances.
    #[arg(long, value_enum, default_value_t = Servers::Postgres)]
    pub(crate) backend: Servers,

    /// The number of NATS servers. Default: the seed of a round decides.
    #[arg(long, value_enum)]
    pub(crate) nats: Option<NatsServers>,

    /// Add the run to the tables of this file, such as docs/RELIABILITY.md.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<std::path::PathBuf>,

    /// The name of the version under test, for the tables.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) commit: String,

    /// Put this bug into the instances. The campaign then has to fail.
    #[arg(long, value_name = "NAME", value_parser = seeded_bug)]
    pub(crate) seeded_bug: Option<SeededBug>,

    /// Put one bug after the other into the instances, or the selected one, each for as long as the
    /// campaign may run.
    #[arg(long)]
    pub(crate) self_test: bool,

    /// Print every fault as it happens.
    #[arg(long)]
    pub(crate) verbose: bool,

    #[command(flatten)]
    pub(crate) libtest: Libtest,
}

fn seeded_bug(name: &str) -> Result<SeededBug, String> {
    let bug = SeededBug::ALL.into_iter().find(|bug| bug.name() == name);
    bug.ok_or_else(|| format!("the bugs are {}", SeededBug::ALL.map(SeededBug::name).join(", ")))
}

/// What `cargo test` passes on to every test binary.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Libtest {
    #[arg(hide = true)]
    filters: Vec<String>,
    #[arg(long, hide = true)]
    pub(crate) list: bool,
    #[arg(long, hide = true)]
    ignored: bool,
    #[arg(long, hide = true)]
    exact: bool,
    #[arg(long, hide = true)]
    nocapture: bool,
    #[arg(long, short, hide = true)]
    quiet: bool,
    #[arg(long, hide = true)]
    test_threads: Option<usize>,
}

impl Libtest {
    /// Whether other tests are selected.
    pub(crate) fn skips(&self) -> bool {
        self.ignored || (!self.filters.is_empty() && !self.filters.iter().any(|filter| "campaign".contains(filter)))
    }
}

/// The servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Servers {
    /// Two instances on PostgreSQL and Redis.
    Postgres,
    /// One instance on SQLite.
    Sqlite,
    /// Both, in turns.
    Both,
}

/// How many NATS servers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NatsServers {
    One,
    Three,
}

impl Args {
    /// Returns what a round runs on.
    pub(crate) fn setting_of(&self, round: usize, seed: u64) -> Setting {
        let is_cluster = match self.nats {
            Some(servers) => servers == NatsServers::Three,
            None => Choices::of(seed).fork(CLUSTER_CHOICE).percent(CLUSTERS),
        };
        Setting { backend: self.backend_of(round), is_cluster }
    }

    /// Returns the backend of a round.
    fn backend_of(&self, round: usize) -> Backend {
        match self.backend {
            Servers::Postgres => Backend::Postgres,
            Servers::Both if round.is_multiple_of(2) => Backend::Postgres,
            Servers::Sqlite | Servers::Both => Backend::Sqlite,
        }
    }

    /// Returns the selected faults that a round can have.
    pub(crate) fn kinds(&self, setting: Setting) -> Vec<Kind> {
        let is_selected = |kind: &Kind| {
            self.faults.is_empty() || self.faults.iter().any(|name| kind.name().starts_with(name.as_str()))
        };
        Kind::all().into_iter().filter(|kind| kind.is_for(setting) && is_selected(kind)).collect()
    }
}
