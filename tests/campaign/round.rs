//! One round: servers, clients and the nemesis, and the checks at its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use watchword::telemetry::SeededBug;

use super::checker::{Checker, Findings, check_isolation};
use super::history::{History, Operation, Outcome, Try};
use super::machine::Machine;
use super::nemesis::fault::Kind;
use super::nemesis::{Nemesis, Tally};
use super::random::Choices;
use super::recovery::Probe;
use super::report;
use super::workload::action::Action;
use super::workload::readers::Readers;
use super::workload::requests::Sender;
use super::workload::user::User;
use super::workload::{Administrator, Client, END_TIMEOUT, SETUP};
use super::world::{Setting, World};

/// How many clients act at once.
const CLIENTS: usize = 6;

/// What a round does.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) setting: Setting,
    pub(crate) lasts: Duration,
    pub(crate) kinds: Vec<Kind>,
    /// The option `--faults`, to replay the round.
    pub(crate) selected: Vec<String>,
    /// How often two faults happen together, in percent.
    pub(crate) together: usize,
    /// Whether all faults are chosen equally often.
    pub(crate) even: bool,
    pub(crate) verbose: bool,
    pub(crate) bug: Option<SeededBug>,
}

/// What came of it.
pub(crate) struct RoundReport {
    pub(crate) tallies: BTreeMap<&'static str, Tally>,
    pub(crate) findings: Findings,
    pub(crate) violations: usize,
    /// The first violation.
    pub(crate) first: Option<String>,
}

impl Plan {
    /// Runs the round.
    pub(crate) async fn run(&self) -> RoundReport {
        let (seed, setting) = (self.seed, self.setting.name());
        report::say(&format!("round with seed {seed} on {setting}, {:.0} s", self.lasts.as_secs_f64()));
        let choices = Choices::of(seed);
        let mut world = World::start(self.setting, self.bug).await;
        let http = world.clients().swap_remove(0);
        let (admin, logins) = Administrator::create(&http, &world.database).await;
        let history = Arc::new(History::begin());
        note_setup(&history, logins);

        let watch = Machine::watch(&history);
        let until = Instant::now() + self.lasts;
        let sender = Sender {
            instances: world.clients().into_iter().enumerate().collect(),
            history: Arc::clone(&history),
        };
        let clients = start_clients(&sender, &choices, &admin, until);
        let readers = Readers::start(world.clients(), &admin);
        let mut checker = Checker::new(world.database.clone());
        let mut nemesis = Nemesis {
            world: &mut world,
            checker: &mut checker,
            history: Arc::clone(&history),
            choices: choices.fork(0),
            kinds: self.kinds.clone(),
            probe: Probe { admin },
            tallies: BTreeMap::new(),
            windows: Vec::new(),
            together: self.together,
            even: self.even,
            verbose: self.verbose,
        };
        nemesis.run(until).await;
        let (tallies, windows) = (nemesis.tallies, nemesis.windows);

        let users = end_clients(clients, &history).await;
        let findings = checker.compare(&world.nats, &history).await;
        check_isolation(&history, &windows);
        let seen = readers.end(&history).await;
        checker.check_history(&history, &users, &seen, &http, &world.mail.mails()).await;
        world.check_logs(&history);
        drop(watch);

        let violations = history.violations().len();
        let faults: u64 = tallies.values().map(|tally| tally.count).sum();
        report::say(&format!(
            "  {faults} faults, {} operations, {} events, {} users, {violations} violations",
            findings.operations,
            findings.events,
            users.len()
        ));
        // A bug that was put there needs no explanation.
        if violations > 0 && (self.bug.is_none() || self.verbose) {
            report::failures(&history, &self.replay());
        }
        let first = history.violations().first().map(|violation| violation.what.clone());
        RoundReport { tallies, findings, violations, first }
    }

    /// Returns the command that runs the round again.
    fn replay(&self) -> String {
        let minutes = self.lasts.as_secs_f64() / 60.0;
        let faults = match self.selected.as_slice() {
            [] => String::new(),
            selected => format!(" --faults {}", selected.join(",")),
        };
        let backend = format!("{:?}", self.setting.backend).to_lowercase();
        let nats = if self.setting.is_cluster { "three" } else { "one" };
        let (together, even) = (self.together, if self.even { " --even" } else { "" });
        format!(
            "make campaign ARGS=\"--seed {} --backend {backend} --nats {nats} --minutes {minutes:.2} \
             --round 10 --together {together}{even}{faults}\"",
            self.seed
        )
    }
}

/// Notes the requests that made the administrator, so that their events have requests.
fn note_setup(history: &History, logins: usize) {
    for (action, trace) in [Action::Register, Action::Login].into_iter().zip(SETUP) {
        let (sent, ended) = (history.now(), history.now());
        let attempt = |outcome| Try { instance: 0, sent, ended, outcome };
        let unknown = || attempt(Outcome::Unknown("503".to_owned()));
        let mut tries: Vec<Try> = (1..logins).map(|_| unknown()).collect();
        tries.push(attempt(Outcome::Done));
        history.open(Operation {
            trace: trace.to_owned(),
            action,
            user: "the administrator".to_owned(),
            clouded: false,
            tries,
        });
    }
}

fn start_clients(sender: &Sender, choices: &Choices, admin: &Administrator, until: Instant) -> JoinSet<Vec<User>> {
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let client = Client::new(number, sender.clone(), choices.fork(number as u64 + 1), admin.clone());
        clients.spawn(client.run(until));
    }
    clients
}

async fn end_clients(mut clients: JoinSet<Vec<User>>, history: &History) -> Vec<User> {
    let mut users = Vec::new();
    let end = async {
        while let Some(ended) = clients.join_next().await {
            match ended {
                Ok(of_client) => users.extend(of_client),
                Err(error) => history.violated(format!("a client of the campaign failed: {error}"), &[]),
            }
        }
    };
    if timeout(END_TIMEOUT, end).await.is_err() {
        history.violated(format!("the clients have not ended within {END_TIMEOUT:?}"), &[]);
    }
    users
}
