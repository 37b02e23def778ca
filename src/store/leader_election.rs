//! Leader election. On `PostgreSQL` the leader holds an advisory lock in a session of its own, so a
//! leader that dies or is cut off loses the lease with its session. On `SQLite` the lease is a lock
//! in the memory of the one process.

use std::fs::File;
use std::time::Duration;

use sea_orm::{DbErr, RuntimeErr};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use super::connect::Address;
use super::database::{OwnSession, Server, Session};
use super::events::decided::Decided;
use super::identity::{self, DatabaseIdentity};
use super::{Ledger, Store, StoreError, lock_file, sql};

/// "watchwor" in ASCII, which by convention no other lock in the database has; migrations use its
/// successor.
const RELAY_LOCK: i64 = 0x7761_7463_6877_6f72;

/// Held by the process that replays events.
const REPLAY_LOCK: i64 = 0x7761_7463_6877_6f74;

/// How long the server may take to grant or confirm a lease.
const LEASE_TIMEOUT: Duration = Duration::from_secs(5);

/// The server ends the session of a relay that asks nothing for so long: the process is stopped, or
/// cut off in a way that TCP does not see, since a proxy between still answers. A leader asks every
/// second.
const RELAY_SESSION: [(&str, &str); 1] = [("idle_session_timeout", "10s")];

/// A lease, until it is dropped or its session ends. What its holder decides by is read in the
/// session of the lease, so that nothing that was read before a failover is used after it.
pub struct LeaderLease {
    pub(super) session: OwnSession,
    pub(super) store: Store,
    pub(super) decided: Decided,
    held: Held,
}

enum Held {
    /// An advisory lock of the session.
    Advisory(Advisory),
    Memory {
        _guard: OwnedMutexGuard<()>,
    },
    /// The system releases it with the process.
    File {
        _locked: File,
    },
}

/// An advisory lock, and what tells its session from others.
struct Advisory {
    key: i64,
    backend: i32,
    /// A setting of the session. A pooler that gives one session to two clients lets both have the
    /// lock, but only the later one has its mark there.
    mark: String,
}

/// A candidate, which keeps one session for all its attempts.
pub struct LeaderElection {
    ledger: Ledger,
    session: Option<Session>,
}

impl LeaderElection {
    /// Try to become the leader; `None` when another instance leads.
    pub async fn try_acquire(&mut self) -> Result<Option<LeaderLease>, StoreError> {
        let store = self.ledger.store();
        match store.address() {
            // A process that does not own the file never leads.
            Address::Sqlite(_) if store.0.file_lock.is_none() => Ok(None),
            Address::Sqlite(_) => {
                let guard = store.0.relay.clone().try_lock_owned().ok();
                Ok(guard.map(|guard| LeaderLease::in_process(store, Held::Memory { _guard: guard })))
            }
            Address::Postgres(server) => {
                let attempt = try_lock(store, server, &RELAY_SESSION, self.session.take(), RELAY_LOCK);
                // Keep the session only if it answers, so that a broken or silent one is not used
                // again.
                match timeout(LEASE_TIMEOUT, attempt).await.map_err(|_| too_late())?? {
                    Attempt::Locked(lease) => Ok(Some(*lease)),
                    Attempt::Taken(session) => {
                        self.session = Some(session);
                        Ok(None)
                    }
                }
            }
        }
    }
}

impl Ledger {
    /// Stand for election as the leader of the relays.
    #[must_use]
    pub fn leader_election(&self) -> LeaderElection {
        LeaderElection { ledger: self.clone(), session: None }
    }

    /// Try to get the right to replay events; `None` when another process has it.
    pub async fn try_acquire_replay_lease(&self) -> Result<Option<LeaderLease>, StoreError> {
        let store = self.store();
        match store.address() {
            Address::Sqlite(path) => {
                let path = path.with_extension("replay.lock");
                let locked = lock_file::try_lock(&path).map_err(|source| StoreError::LockFile { path, source })?;
                Ok(locked.map(|file| LeaderLease::in_process(store, Held::File { _locked: file })))
            }
            Address::Postgres(server) => match try_lock(store, server, &[], None, REPLAY_LOCK).await? {
                Attempt::Locked(lease) => Ok(Some(*lease)),
                Attempt::Taken(session) => {
                    session.close().await;
                    Ok(None)
                }
            },
        }
    }
}

/// What came of an attempt to get a lock.
enum Attempt {
    Locked(Box<LeaderLease>),
    /// Another session has it.
    Taken(Session),
}

/// Try to get a lock, which lasts until its session ends, with no statement or transaction open.
async fn try_lock(
    store: &Store,
    server: &Server,
    settings: &[(&str, &str)],
    kept: Option<Session>,
    key: i64,
) -> Result<Attempt, StoreError> {
    let mut session = match kept {
        Some(session) => session,
        None => server.connect_with(settings).await.map_err(unavailable)?,
    };
    let backend = session.backend();
    let attempt = sql::plain(format!("SELECT pg_try_advisory_lock({key}) AS locked"));
    let row = session.query_one(attempt).await?;
    let locked: bool = row.ok_or_else(|| lost("the server did not answer"))?.try_get("", "locked")?;
    if !locked {
        return Ok(Attempt::Taken(session));
    }
    let mut mark = [0; 16];
    store.0.random.fill(&mut mark);
    let mark = mark.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    session
        .execute_unprepared(&format!("SELECT set_config('watchword.lease', '{mark}', false)"))
        .await?;
    let mut lease = LeaderLease {
        session: OwnSession::Postgres(Box::new(Mutex::new(session))),
        store: store.clone(),
        decided: Decided::default(),
        held: Held::Advisory(Advisory { key, backend, mark }),
    };
    lease.check().await?;
    Ok(Attempt::Locked(Box::new(lease)))
}

impl LeaderLease {
    fn in_process(store: &Store, held: Held) -> Self {
        Self {
            session: OwnSession::Sqlite(store.db().plain()),
            store: store.clone(),
            decided: Decided::default(),
            held,
        }
    }

    /// Confirm the lease: the lock is held by this session, which is the one that took it, on a
    /// server that is not a standby, which grants locks as well.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the session is lost, and the lease with it.
    pub async fn check(&mut self) -> Result<(), StoreError> {
        let Held::Advisory(Advisory { key, backend, mark }) = &self.held else {
            return Ok(());
        };
        let question = format!(
            "SELECT NOT pg_is_in_recovery() AND pg_backend_pid() = {backend}              AND current_setting('watchword.lease', true) = '{mark}'              AND EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1              AND pid = pg_backend_pid() AND (classid::bigint << 32) | objid::bigint = {key}) AS held"
        );
        // A caller that gives up drops the session too, and with it the lease: it is in no pool.
        let answer = timeout(LEASE_TIMEOUT, sql::fetch_one(&self.session, question, [])).await;
        match answer.map_err(|_| too_late())?? {
            Some(row) if row.get("held")? => Ok(()),
            _ => Err(lost("its session does not hold the lock any more")),
        }
    }

    /// Let the session of the lease be idle for longer than a relay's, since its holder waits for
    /// an operator.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the session is lost, and the lease with it.
    pub async fn allow_idle(&self) -> Result<(), StoreError> {
        if let Held::Advisory(_) = self.held {
            let allow = "SELECT set_config('idle_session_timeout', '0', false)";
            sql::fetch_one(&self.session, allow, []).await?;
        }
        Ok(())
    }

    /// Which database this is, as the session that holds the lease sees it.
    pub async fn database_identity(&self) -> Result<DatabaseIdentity, StoreError> {
        identity::read(&self.session).await
    }
}

pub(super) fn too_late() -> StoreError {
    lost("the database did not answer in time")
}

fn lost(reason: &str) -> StoreError {
    StoreError::Unavailable(DbErr::Conn(RuntimeErr::Internal(reason.to_owned())))
}

pub(super) fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(DbErr::Conn(RuntimeErr::SqlxError(error.into())))
}
