//! Why there is no connection: in the log once and then with a count, with the addresses, the user
//! and what to check. The client itself would log every attempt, and without these.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_nats::{Server, ServerAddr};
use tokio::time::Instant;

use super::{connect::shown, user::NatsUser};

/// Between two log lines about the same trouble.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Different troubles that have a line each in this time. Those of several servers alternate.
const MAX_KNOWN: usize = 4;

/// Why no connection came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectProblem {
    /// Without credentials.
    servers: String,
    user: String,
    error: String,
    remedy: String,
}

impl ConnectProblem {
    pub(crate) fn new(servers: &[ServerAddr], user: &NatsUser, error: &dyn fmt::Display) -> Self {
        let error = error.to_string();
        Self {
            servers: shown(servers),
            user: user.to_string(),
            remedy: user.remedy(&error),
            error,
        }
    }
}

impl fmt::Display for ConnectProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { servers, user, error, remedy } = self;
        write!(f, "cannot connect to NATS at {servers} as {user}: {error}; {remedy}")
    }
}

/// The attempts to connect.
#[derive(Debug)]
pub(crate) struct ConnectTrouble {
    user: NatsUser,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    servers: Vec<ServerAddr>,
    /// What the last round of attempts ended with, until there is a connection.
    failed: Option<String>,
    /// What the log has of the last minute.
    logged: Vec<(String, Instant)>,
    since: Option<Instant>,
    rounds: u64,
    /// Whether the log has a line about this outage.
    is_logged: bool,
}

impl ConnectTrouble {
    pub(crate) fn new(user: NatsUser) -> Self {
        Self { user, state: Mutex::default() }
    }

    pub(crate) fn user(&self) -> &NatsUser {
        &self.user
    }

    pub(super) fn begin(&self, servers: &[ServerAddr]) {
        self.state().servers = servers.to_vec();
    }

    /// A round of attempts failed, with the error of one server.
    pub(super) fn failed(&self, error: &str) {
        self.state().failed = Some(error.to_owned());
    }

    /// Another round of attempts begins. If the one before failed, the servers have its errors, but
    /// for names that cannot be resolved.
    pub(super) fn next_round(&self, servers: &[Server]) {
        let mut state = self.state();
        let Some(failed) = &state.failed else { return };
        let of = |server: &Server| {
            let error = server.last_error.as_ref()?;
            Some(format!("{}: {error}", shown(std::slice::from_ref(&server.addr))))
        };
        let mut errors: Vec<String> = servers.iter().filter_map(of).collect();
        errors.sort_unstable();
        if failed.contains("DNS") {
            errors.push(format!("DNS error: a name in {} cannot be resolved", shown(&state.servers)));
        }
        let error = if errors.is_empty() {
            failed.clone()
        } else {
            errors.join("; ")
        };
        state.report(&self.user, error);
    }

    pub(super) fn connected(&self) {
        let mut state = self.state();
        state.failed = None;
        let (since, rounds) = (state.since.take(), std::mem::take(&mut state.rounds));
        if std::mem::take(&mut state.is_logged) {
            tracing::info!(attempts = rounds, away = ?since.map(|since| since.elapsed()), "NATS can be reached again");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Write a line if there is none about this problem yet, or the last one is old.
    fn report(&mut self, user: &NatsUser, error: String) {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        self.rounds += 1;
        self.logged.retain(|(_, at)| now - *at < LOG_INTERVAL);
        if self.logged.len() >= MAX_KNOWN || self.logged.iter().any(|(logged, _)| *logged == error) {
            return;
        }
        let (remedy, attempts) = (user.remedy(&error), self.rounds);
        tracing::warn!(
            %user, error, remedy, attempts, away = ?(now - since),
            "cannot connect to NATS; events wait in the ledger"
        );
        self.logged.push((error, now));
        self.is_logged = true;
    }
}
