//! Fills a table with many rows: its indexes are created afterwards, since sorting once is faster
//! than inserting in every order.

use std::time::Instant;

use crate::Outcome;
use crate::report::note;
use crate::rig::Postgres;

/// Runs the statements of `chunks` without the table's indexes, except those of `kept`, and makes
/// the table's statistics.
pub(crate) fn fill(
    postgres: &Postgres,
    table: &str,
    kept: &[&str],
    chunks: impl Iterator<Item = String>,
) -> Outcome<()> {
    let started = Instant::now();
    let kept = kept.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let others = format!("FROM pg_indexes WHERE tablename = '{table}' AND indexname NOT IN ({kept})");
    let make = postgres.sql(&format!("SELECT string_agg(indexdef, '; ') {others}"))?;
    let drop = postgres.sql(&format!("SELECT string_agg('DROP INDEX ' || indexname, '; ') {others}"))?;
    postgres.sql(&drop)?;
    for (number, chunk) in chunks.enumerate() {
        postgres.sql(&format!("SET synchronous_commit = off; {chunk}"))?;
        note(&format!("{table}: part {} after {:.0} s", number + 1, started.elapsed().as_secs_f64()));
    }
    postgres.sql(&format!("SET maintenance_work_mem = '256MB'; {make}"))?;
    postgres.sql(&format!("VACUUM ANALYZE {table}"))?;
    postgres.sql("CHECKPOINT")?;
    let size = postgres.sql(&format!("SELECT pg_size_pretty(pg_total_relation_size('{table}'))"))?;
    note(&format!(
        "{table}: {size} with its indexes, after {:.0} s",
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}
