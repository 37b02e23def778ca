//! The jobs in the background: counting, erasing and pruning.

use std::time::{Duration, Instant};

use super::{Measure, Unit};
use crate::Outcome;
use crate::report::note;
use crate::rig::Rig;
use crate::sizes::world::{OLD, World};

/// Accounts to erase, and the first of them.
const ERASED: u64 = 50;
const FIRST_ERASED: u64 = 100;
const TIMEOUT: Duration = Duration::from_secs(900);

/// Starts the service, and waits until it has erased accounts and counted the ledger.
pub(super) async fn measure(rig: &mut Rig, world: &World) -> Outcome<Vec<Measure>> {
    let id = |n: u64| format!("'00000000-0000-7000-8000-{n:012x}'");
    let (first, last) = (id(FIRST_ERASED), id(FIRST_ERASED + ERASED - 1));
    rig.postgres.sql(&format!(
        "UPDATE users SET status = 'deleted', password_hash = '', deleted_at = 1 WHERE id BETWEEN {first} AND {last}; \
         UPDATE sessions SET revoked_at = 1, revoked_reason = 'deleted' WHERE user_id BETWEEN {first} AND {last}"
    ))?;
    rig.postgres.sql("VACUUM ANALYZE users")?;
    rig.postgres.sql("VACUUM ANALYZE sessions")?;
    rig.postgres.sql("CHECKPOINT")?;
    rig.start_service().await?;
    let left = "SELECT count(*) FROM users WHERE deleted_at = 1 AND erased_at IS NULL";
    until(rig, left).await?;
    // The first of them is read from a cold table.
    let each = format!(
        "SELECT (max(erased_at) - min(erased_at))::numeric / {} FROM users WHERE deleted_at = 1",
        ERASED - 1
    );
    let erased = rig.postgres.number(&each)?;
    let started = Instant::now();
    let uncounted = rig.postgres.number("SELECT max(seq) - (SELECT seq FROM event_counts_mark) FROM events")?;
    until(rig, "SELECT max(seq) - (SELECT seq FROM event_counts_mark) FROM events").await?;
    let took = started.elapsed().as_secs_f64();
    // A small ledger is counted before anybody looks.
    note(&format!("counted {uncounted:.0} of {} events in {took:.1} s", world.events));
    Ok(vec![Measure {
        what: "Erase an account with its events and sessions",
        value: erased,
        unit: Unit::Millis,
    }])
}

/// Waits until the service has deleted the old events, and returns how many it deleted a second.
pub(super) async fn prune(rig: &Rig) -> Outcome<Measure> {
    until(
        rig,
        &format!("SELECT count(*) FROM (SELECT 1 FROM events WHERE seq <= {OLD} LIMIT 1) AS old"),
    )
    .await?;
    let started = Instant::now();
    loop {
        if let Some(took) = rig.service()?.logged("expired rows deleted", "took_ms")? {
            #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
            let value = OLD as f64 / took.max(1.0) * 1000.0;
            return Ok(Measure { what: "Events pruned", value, unit: Unit::Rate });
        }
        if started.elapsed() > TIMEOUT {
            return Err("the service does not log what it has pruned".into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until a query returns zero.
async fn until(rig: &Rig, query: &str) -> Outcome<()> {
    let started = Instant::now();
    while rig.postgres.number(query)? > 0.0 {
        if started.elapsed() > TIMEOUT {
            return Err(format!("not in time: {query}").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
