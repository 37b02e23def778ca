//! The limit of open files: every connection is one, and many systems allow a process 1024 unless
//! it asks for more.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Settings;

/// For everything but the clients' connections: databases, NATS, Redis, mail, files.
const OTHERS: u64 = 1024;

/// Ask for as many open files as `http.max_connections` needs.
pub fn allow_open_files(settings: &Settings) {
    let connections = u64::try_from(settings.http.max_connections).unwrap_or(u64::MAX);
    let needed = connections.saturating_add(OTHERS);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return;
    }
    let allowed = maximum.map_or(needed, |maximum| maximum.min(needed));
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum }) {
        tracing::warn!(%error, ?current, needed, "cannot raise the limit of open files");
    } else if allowed < needed {
        tracing::warn!(
            allowed,
            needed,
            "the system allows fewer open files than http.max_connections needs; clients will wait to connect"
        );
    }
}
