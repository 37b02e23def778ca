//! The checker: what the stream, the ledger and the accounts must be, whatever has happened.

mod accounts;
mod ledger;
mod mails;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use time::OffsetDateTime;

use crate::broker::Broker;
use crate::history::History;
use crate::nemesis::Window;
use crate::nemesis::fault::Scope;
use crate::support::database::Database;
use crate::support::http::Http;
use crate::support::invariants::differences_where;
use crate::support::nats::{StreamMessage, messages_from};
use crate::support::smtp::Mail;
use crate::support::wait::within;
use crate::workload::readers::Seen;
use crate::workload::user::User;

pub(crate) use ledger::events as events_of;

pub(crate) const STREAM: &str = "auth-events";
/// The header of messages that the campaign publishes itself.
pub(crate) const FOREIGN: &str = "Campaign-Foreign";
/// How long the last events may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long connections to a database that was broken may still fail: until the last statement in
/// flight has ended, and its connection is found out.
const AFTERMATH: Duration = Duration::from_secs(8);
/// How many differences are shown.
const MAX_SHOWN: usize = 20;

/// What has been seen of the stream, and of the ledger.
#[derive(Debug)]
pub(crate) struct Checker {
    database: Database,
    /// The messages of the ledger by stream sequence, also those that were purged since.
    observed: BTreeMap<u64, StreamMessage>,
    /// What the campaign has deleted of them.
    deleted: BTreeSet<u64>,
    /// When the observed stream was created; `None` if another one may come.
    created: Option<OffsetDateTime>,
    /// The last sequence of the stream before; the service creates none that begins below.
    used: Option<u64>,
    /// Whether the stream may have lost its end.
    is_tail_lost: bool,
    has_given_up: bool,
}

/// The figures of a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    pub(crate) events: usize,
    pub(crate) operations: usize,
    pub(crate) lost: usize,
    pub(crate) doubled: usize,
    pub(crate) out_of_order: usize,
}

impl Checker {
    pub(crate) fn new(database: Database) -> Self {
        Self {
            database,
            observed: BTreeMap::new(),
            deleted: BTreeSet::new(),
            created: None,
            used: None,
            is_tail_lost: false,
            has_given_up: false,
        }
    }

    /// Whether the round has nothing more to show.
    pub(crate) const fn has_given_up(&self) -> bool {
        self.has_given_up
    }

    /// Ends the round, so that its transcript ends near the fault.
    pub(crate) const fn give_up(&mut self) {
        self.has_given_up = true;
    }

    /// Reads another database from now on.
    pub(crate) fn reads(&mut self, database: Database) {
        self.database = database;
    }

    /// Expects another stream; one that the service creates, if there are sequences that it must
    /// not use again.
    pub(crate) fn forget_stream(&mut self, used: Option<u64>) {
        self.observed.clear();
        self.deleted.clear();
        self.created = None;
        self.used = used;
    }

    /// Expects that the end of the stream is another one.
    pub(crate) const fn forget_tail(&mut self) {
        self.is_tail_lost = true;
    }

    fn last_observed(&self) -> Option<u64> {
        self.observed.keys().next_back().copied()
    }

    /// Returns the stream sequences of what was observed, up to the relay's position. Behind it, a
    /// message that is deleted right before a crash may be published again, as RELIABILITY.md says.
    pub(crate) async fn safely_observed(&self) -> Vec<u64> {
        let position = "SELECT coalesce((SELECT stream_seq FROM relay_position), 0)";
        let position = self.database.count(position).await.ok().and_then(|seq| u64::try_from(seq).ok());
        self.observed
            .keys()
            .copied()
            .take_while(|seq| position.is_some_and(|position| *seq <= position))
            .collect()
    }

    /// Notes that the campaign deletes a message.
    pub(crate) fn deletes(&mut self, seq: u64) {
        self.deleted.insert(seq);
    }

    /// Reads what is new in the stream, and compares it with the published part of the ledger. The
    /// servers must run.
    pub(crate) async fn observe(&mut self, nats: &Broker, history: &History) {
        // What is published now is in what is read next.
        let published = self.published().await;
        match self.read(nats, history).await {
            Ok(()) => {}
            Err(error) => return history.note(format!("the stream was not read: {error}")),
        }
        let found = self.differences(published).await;
        self.report(&found, history);
    }

    /// Compares the whole ledger with the stream. The clients must have ended.
    pub(crate) async fn compare(&mut self, nats: &Broker, history: &History) -> Findings {
        let drained = within(DRAIN_TIMEOUT, || async {
            match self.database.unpublished().await {
                Ok(0) => Ok(()),
                Ok(count) => Err(format!("{count} events are not published")),
                Err(error) => Err(error.to_string()),
            }
        });
        if let Err(reason) = drained.await {
            history.violated(format!("after {DRAIN_TIMEOUT:?} without a fault: {reason}"), &[]);
        }
        if let Err(error) = self.read(nats, history).await {
            history.violated(format!("the stream was not read: {error}"), &[]);
        }
        let found = self.differences(i64::MAX).await;
        self.report(&found, history);
        let count = |kind: &str| found.iter().filter(|difference| difference.starts_with(kind)).count();
        Findings {
            events: self.database.ledger().await.map_or(0, |rows| rows.len()),
            operations: history.operations().len(),
            lost: count("lost"),
            doubled: count("duplicate"),
            out_of_order: count("order"),
        }
    }

    /// Checks the history against the ledger, and the accounts against both.
    pub(crate) async fn check_history(
        &self,
        history: &History,
        users: &[User],
        seen: &[Seen],
        http: &Http,
        mails: &[Mail],
    ) {
        let rows = match self.database.ledger().await {
            Ok(rows) => rows,
            Err(error) => return history.violated(format!("the ledger was not read: {error}"), &[]),
        };
        let events = ledger::events(&rows);
        ledger::check(&events, history);
        for seen in seen {
            ledger::check_seen(&rows, seen, history);
        }
        accounts::check_rows(&events, &self.database, history).await;
        mails::check(&events, &self.database, mails, history).await;
        accounts::check_users(users, http, history).await;
    }

    async fn published(&self) -> i64 {
        let position = "SELECT coalesce((SELECT seq FROM relay_position), 0)";
        self.database.count(position).await.unwrap_or(0)
    }

    async fn read(&mut self, nats: &Broker, history: &History) -> Result<(), async_nats::Error> {
        nats.settled().await?;
        let stream = nats.jetstream().await.get_stream(STREAM).await?;
        let info = stream.get_info().await?;
        if self.created.is_some_and(|created| created != info.created) {
            history.violated(format!("the stream was created again at {}", info.created), &[]);
            self.forget_stream(None);
        }
        let first = info.state.first_sequence;
        if let Some(used) = self.used.take().filter(|used| first <= *used) {
            history.violated(format!("the stream begins again at {first}; {used} was used before"), &[]);
        }
        self.created = Some(info.created);
        let first = match self.is_tail_lost {
            true => 0,
            false => self.last_observed().map_or(0, |last| last + 1),
        };
        let messages = messages_from(&stream, first).await?;
        if self.is_tail_lost {
            let gone = |seq: u64| seq < info.state.first_sequence || self.deleted.contains(&seq);
            self.observed.retain(|seq, _| *seq <= info.state.last_sequence && gone(*seq));
            self.is_tail_lost = false;
        }
        for mut message in messages.into_iter().filter(|message| message.header(FOREIGN).is_none()) {
            message.payload = serde_json::Value::Null;
            self.observed.insert(message.seq, message);
        }
        Ok(())
    }

    async fn differences(&self, published: i64) -> Vec<String> {
        let ledger = match self.database.ledger().await {
            Ok(ledger) => ledger,
            Err(error) => return vec![format!("the ledger was not read: {error}")],
        };
        let stream: Vec<StreamMessage> = self.observed.values().cloned().collect();
        differences_where(&ledger, &stream, |row| row.seq <= published)
    }

    fn report(&mut self, found: &[String], history: &History) {
        for difference in found.iter().take(MAX_SHOWN) {
            history.violated(format!("ledger and stream: {difference}"), &[]);
        }
        if !found.is_empty() {
            history.note(format!("{} differences between ledger and stream", found.len()));
            self.give_up();
        }
    }
}

/// Checks that faults of NATS, Redis and the mail server reach no client: what was sent and
/// answered while nothing
/// else was broken is neither refused for now nor lost.
pub(crate) fn check_isolation(history: &History, windows: &[Window]) {
    let last = windows.last().map(|window| window.to).unwrap_or_default();
    let is_calm = |from: Duration, to: Duration| {
        let from = from.saturating_sub(AFTERMATH);
        let mut overlapping = windows.iter().filter(|window| window.from <= to && from <= window.to);
        to <= last
            && history.stalls(from, to).is_zero()
            && overlapping.all(|window| {
                window
                    .scopes
                    .iter()
                    .all(|scope| matches!(scope, Scope::Nats | Scope::Redis | Scope::Mail))
            })
    };
    for operation in history.operations() {
        for attempt in &operation.tries {
            let crate::history::Outcome::Unknown(why) = &attempt.outcome else {
                continue;
            };
            // Hashing passwords may take longer than the queue allows on a busy machine.
            if !why.contains("overloaded") && is_calm(attempt.sent, attempt.ended) {
                let what = format!(
                    "a fault of NATS, Redis or mail reached a client: {} at {:.3} s: {why}",
                    operation.action.name(),
                    attempt.sent.as_secs_f64()
                );
                history.violated(what, &[&operation.user]);
            }
        }
    }
}
