//! Takes events into the ledger that the stream has and the ledger lacks, as after the restore of a
//! backup. They get their own sequences back. What was recorded in the meantime has taken some of
//! them and is not published, so it moves behind.

use std::collections::{BTreeMap, HashSet};

use sea_orm::Value;
use serde_json::Value as Json;
use time::OffsetDateTime;
use uuid::Uuid;
use watchword_events::{Event, UserRef};

use super::endings::{EndedAgain, Endings};
use super::ledger::published_through;
use super::publishing::{self, RelayPosition};
use crate::domain::ids::{LedgerSeq, UserSeq};
use crate::store::entities::event;
use crate::store::transaction::SystemTx;
use crate::store::{LeaderLease, StoreError, convert, sql};

/// Rows that one statement inserts or deletes.
const CHUNK: usize = 200;

/// An event as its message has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingEvent {
    pub seq: LedgerSeq,
    pub id: Uuid,
    /// That of its kind.
    pub subject: String,
    /// The last token of a custom event's subject.
    pub custom_name: Option<String>,
    pub user_id: Option<Uuid>,
    pub user_seq: Option<UserSeq>,
    pub session_id: Option<Uuid>,
    pub schema_version: u32,
    pub traceparent: Option<String>,
    pub occurred_at: OffsetDateTime,
    pub payload: Vec<u8>,
}

/// What the ledger lacks, and where its publication goes on.
#[derive(Debug, Default)]
pub struct Adoption {
    /// In the order of the ledger.
    pub missing: Vec<MissingEvent>,
    /// The events of the ledger, behind the first missing one, that the stream has.
    pub stored: HashSet<LedgerSeq>,
    /// The last missing event; `None` when none is.
    pub position: Option<RelayPosition>,
    pub endings: Endings,
}

/// What an adoption has changed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Adopted {
    /// Events that were recorded in the meantime and have other sequences now.
    pub moved: u64,
    /// The last sequence that counts as given out.
    pub assigned: LedgerSeq,
    pub ended: EndedAgain,
}

impl LeaderLease {
    /// Those of these sequences that the ledger has, with the ids of their events.
    pub async fn ids_at(&self, seqs: &[LedgerSeq]) -> Result<BTreeMap<LedgerSeq, Uuid>, StoreError> {
        if seqs.is_empty() {
            return Ok(BTreeMap::new());
        }
        let find = format!("SELECT seq, id FROM events WHERE seq IN ({})", list(seqs.iter()));
        let rows = sql::fetch_all(&self.session, find, []).await?;
        rows.iter().map(|row| Ok((row.get("seq")?, row.get("id")?))).collect()
    }
}

impl SystemTx<'_> {
    /// Adopt the events, and raise the epoch of cursors. No instance may run.
    ///
    /// # Errors
    /// [`StoreError`]; nothing has changed then.
    pub async fn adopt(&mut self, adoption: &Adoption) -> Result<Adopted, StoreError> {
        // In the lock order, so that a writer that should not be there is waited for.
        for table in ["users", "sessions", "events"] {
            self.lock_table(table).await?;
        }
        let ends = publishing::ends(&self.core.db).await?;
        let published = published_through(&self.core.db).await?;
        let last = adoption.missing.last().map_or(published, |last| last.seq.max(published));
        let behind = last.max(ends.last).max(ends.assigned);
        let mut adopted = Adopted { assigned: behind, ..Adopted::default() };
        if let Some(first) = adoption.missing.first() {
            self.uncount_from(first.seq).await?;
            let mut moved = self.take_out(first.seq, &adoption.stored).await?;
            let numbers = renumber(&mut moved, behind, &adoption.missing)?;
            adopted.assigned = moved.last().map_or(behind, |last| last.seq);
            adopted.moved = u64::try_from(moved.len()).unwrap_or(u64::MAX);
            let missing: Vec<event::Model> = adoption.missing.iter().map(MissingEvent::row).collect();
            self.insert(&missing).await?;
            self.insert(&moved).await?;
            self.raise_numbers(&numbers).await?;
        }
        if adopted.assigned > ends.assigned {
            self.raise_sequence(adopted.assigned).await?;
        }
        if let Some(position) = &adoption.position {
            sql::execute(&self.core.db, "DELETE FROM relay_position", []).await?;
            publishing::save_position(&self.core.db, position, self.now()).await?;
        }
        adopted.ended = self.end_again(&adoption.endings).await?;
        sql::execute(&self.core.db, "UPDATE ledger SET epoch = epoch + 1", []).await?;
        Ok(adopted)
    }

    /// Delete the rows from `first` on that are not published, and return them.
    async fn take_out(&self, first: LedgerSeq, stored: &HashSet<LedgerSeq>) -> Result<Vec<event::Model>, StoreError> {
        let read = "SELECT * FROM events WHERE seq >= $1 ORDER BY seq";
        let rows = sql::fetch_all(&self.core.db, read, [first.into()]).await?;
        let mut moved: Vec<event::Model> = rows.iter().map(sql::Row::model).collect::<Result<_, _>>()?;
        moved.retain(|row| !stored.contains(&row.seq));
        for chunk in moved.chunks(CHUNK) {
            let delete = format!("DELETE FROM events WHERE seq IN ({})", list(chunk.iter().map(|row| &row.seq)));
            sql::execute_unprepared(&self.core.db, &delete).await?;
        }
        Ok(moved)
    }

    async fn insert(&self, rows: &[event::Model]) -> Result<(), StoreError> {
        let overriding = if self.core.is_sqlite() {
            ""
        } else {
            "OVERRIDING SYSTEM VALUE "
        };
        for chunk in rows.chunks(CHUNK) {
            let mut values: Vec<Value> = Vec::new();
            let tuples: Vec<String> = chunk
                .iter()
                .map(|row| {
                    let first = values.len() + 1;
                    values.extend(columns(row));
                    let numbers: Vec<String> = (first..=values.len()).map(|number| format!("${number}")).collect();
                    format!("({})", numbers.join(", "))
                })
                .collect();
            let insert = format!(
                "INSERT INTO events (seq, id, subject, custom_name, user_id, user_seq, session_id, schema_version, \
                 payload, traceparent, occurred_at) {overriding}VALUES {}",
                tuples.join(", ")
            );
            sql::execute(&self.core.db, insert, values).await?;
        }
        Ok(())
    }

    /// Have the users' next events follow their last ones.
    async fn raise_numbers(&self, numbers: &BTreeMap<Uuid, UserSeq>) -> Result<(), StoreError> {
        for (user, number) in numbers {
            let raise = "UPDATE users SET event_seq = $1 WHERE id = $2 AND event_seq < $1";
            sql::execute(&self.core.db, raise, [(*number).into(), (*user).into()]).await?;
        }
        Ok(())
    }

    /// Give out no sequence up to `assigned` again.
    async fn raise_sequence(&self, assigned: LedgerSeq) -> Result<(), StoreError> {
        if !self.core.is_sqlite() {
            sql::fetch_one(&self.core.db, "SELECT setval('events_seq_seq', $1)", [assigned.into()]).await?;
            return Ok(());
        }
        let raise = "UPDATE sqlite_sequence SET seq = $1 WHERE name = 'events'";
        if sql::execute(&self.core.db, raise, [assigned.into()]).await? == 0 {
            let begin = "INSERT INTO sqlite_sequence (name, seq) VALUES ('events', $1)";
            sql::execute(&self.core.db, begin, [assigned.into()]).await?;
        }
        Ok(())
    }
}

impl MissingEvent {
    fn row(&self) -> event::Model {
        event::Model {
            seq: self.seq,
            id: self.id,
            subject: self.subject.clone(),
            user_id: self.user_id,
            user_seq: self.user_seq,
            schema_version: i32::try_from(self.schema_version).unwrap_or(i32::MAX),
            payload: self.payload.clone(),
            traceparent: self.traceparent.clone(),
            occurred_at: convert::millis(self.occurred_at),
            session_id: self.session_id,
            custom_name: self.custom_name.clone(),
        }
    }
}

/// The values of a row, in the order of the INSERT.
fn columns(row: &event::Model) -> [Value; 11] {
    [
        row.seq.into(),
        row.id.into(),
        row.subject.as_str().into(),
        row.custom_name.clone().into(),
        row.user_id.into(),
        row.user_seq.into(),
        row.session_id.into(),
        row.schema_version.into(),
        row.payload.clone().into(),
        row.traceparent.clone().into(),
        row.occurred_at.into(),
    ]
}

fn list<'a>(seqs: impl Iterator<Item = &'a LedgerSeq>) -> String {
    seqs.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Give the rows sequences behind `behind`, and numbers behind those of the missing events about
/// their users. Return the last number of each user.
fn renumber(
    rows: &mut [event::Model],
    behind: LedgerSeq,
    missing: &[MissingEvent],
) -> Result<BTreeMap<Uuid, UserSeq>, StoreError> {
    let mut last: BTreeMap<Uuid, UserSeq> = BTreeMap::new();
    for event in missing {
        if let (Some(user), Some(number)) = (event.user_id, event.user_seq) {
            let known = last.entry(user).or_insert(number);
            *known = number.max(*known);
        }
    }
    let mut seq = behind;
    for row in rows {
        seq = seq.saturating_add(1);
        row.seq = seq;
        let (Some(user), Some(number)) = (row.user_id, row.user_seq) else {
            continue;
        };
        let Some(last) = last.get_mut(&user) else { continue };
        // Its first event may follow others that are not missing.
        *last = number.saturating_sub(1).max(*last).saturating_add(1);
        if *last != number {
            row.user_seq = Some(*last);
            row.payload = numbered(&row.payload, *last)?;
        }
    }
    Ok(last)
}

/// The event with another number.
fn numbered(payload: &[u8], number: UserSeq) -> Result<Vec<u8>, StoreError> {
    if let Ok(mut event) = Event::from_json(payload) {
        event.user = event.user.map(|user| UserRef { seq: Some(number.get()), ..user });
        return Ok(event.to_json()?);
    }
    // A newer version recorded it.
    let Ok(mut event) = serde_json::from_slice::<Json>(payload) else {
        return Ok(payload.to_vec());
    };
    if let Some(data) = event.get_mut("data").and_then(Json::as_object_mut) {
        data.insert("userSeq".to_owned(), number.get().into());
    }
    Ok(event.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(seq: i64, user: u128, number: i64) -> MissingEvent {
        MissingEvent {
            seq: seq.into(),
            id: Uuid::from_u128(seq.unsigned_abs().into()),
            subject: "auth.user.updated".to_owned(),
            custom_name: None,
            user_id: Some(Uuid::from_u128(user)),
            user_seq: Some(number.into()),
            session_id: None,
            schema_version: 1,
            traceparent: None,
            occurred_at: OffsetDateTime::UNIX_EPOCH,
            payload: format!(r#"{{"data":{{"userSeq":{number}}}}}"#).into_bytes(),
        }
    }

    #[test]
    fn events_recorded_since_follow_the_missing_ones_in_both_numbers() {
        let lost = [missing(5, 1, 3), missing(6, 1, 4), missing(7, 2, 1)];
        // The user 1 has had two events before both, the user 3 lost none.
        let mut since =
            [(5, 1, 3), (6, 3, 9), (7, 1, 4), (8, 2, 1)].map(|(seq, user, number)| missing(seq, user, number).row());
        let last = renumber(&mut since, 20.into(), &lost).unwrap();
        let numbers = since.each_ref().map(|row| (row.seq.get(), row.user_seq.unwrap().get()));
        assert_eq!(numbers, [(21, 5), (22, 9), (23, 6), (24, 2)]);
        assert_eq!(
            since.each_ref().map(|row| String::from_utf8(row.payload.clone()).unwrap())[2],
            r#"{"data":{"userSeq":6}}"#
        );
        assert_eq!(last.values().map(|number| number.get()).collect::<Vec<_>>(), [6, 2]);
    }
}
