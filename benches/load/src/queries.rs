//! Latency of ledger queries with 5 million events: over HTTP, one after another, each with
//! different values.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use watchword_events::{EventKind, example};

use crate::Outcome;
use crate::bulk;
use crate::client::Client;
use crate::get_latency;
use crate::report::{Row, note};
use crate::rig::Rig;

const EVENTS: u64 = 5_000_000;
/// The number of rows in one INSERT.
const CHUNK: u64 = 500_000;
const USERS: u64 = 50_000;
const SESSIONS: u64 = 250_000;
/// The events span this many milliseconds until now.
const SPAN: u64 = 89 * 24 * 3_600_000;
/// The longest that counting all events by hour may take.
const COUNT_TIMEOUT: Duration = Duration::from_secs(600);

/// A query, and its n-th variant.
type Query = (&'static str, fn(u64, &Ledger) -> String);

const QUERIES: [Query; 12] = [
    ("GET /events", |_, _| "/events".to_owned()),
    ("GET /events, a page further back", |n, _| format!("/events?after={}", cursor_at(n))),
    ("GET /events?subject", |n, _| format!("/events?subject=auth.user.{}", kind(n))),
    ("GET /events?subject&from&to", |n, ledger| {
        format!("/events?subject=auth.user.{}&{}", kind(n), ledger.range(n))
    }),
    ("GET /events?userId", |n, _| format!("/events?userId={}", user(n))),
    ("GET /events?userId&subject&from&to", |n, ledger| {
        format!("/events?userId={}&subject=auth.user.{}&{}", user(n), kind(n), ledger.range(n))
    }),
    ("GET /events?sessionId", |n, _| format!("/events?sessionId={}", session(n))),
    ("GET /events/recent?limit=200", |_, _| "/events/recent?limit=200".to_owned()),
    ("GET /auth/me/activity", |_, _| "/auth/me/activity".to_owned()),
    ("GET /analytics/top-events?from&to", |n, ledger| {
        format!("/analytics/top-events?{}", ledger.range(n))
    }),
    ("GET /analytics/top-events, all events", |_, _| "/analytics/top-events".to_owned()),
    ("GET /analytics/timeline?bucket=hour, 40 days", |n, ledger| {
        format!("/analytics/timeline?bucket=hour&{}", ledger.days(n, 40))
    }),
];

/// The time range of the generated events.
struct Ledger {
    begin: u64,
}

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let mut rig = Rig::without_service().await?;
    let ledger = fill(&rig)?;
    rig.start_service().await?;
    counted(&rig).await?;
    let mut client = Client::connect(rig.service()?.port()).await?;
    let (account, access) = rig.admin().await?;

    let mut rows = Vec::new();
    for (what, path) in QUERIES {
        rows.push(get_latency::measure(&mut client, &access, what, |n| path(n, &ledger)).await?);
    }
    let of_user = |n: u64| format!("/analytics/users/{}", if n.is_multiple_of(2) { &account } else { KNOWN });
    rows.push(get_latency::measure(&mut client, &access, "GET /analytics/users/{id}", of_user).await?);
    rig.stop_service().await?;
    Ok(rows)
}

/// Waits until every event is counted in its hour.
async fn counted(rig: &Rig) -> Outcome<()> {
    let started = Instant::now();
    let left = "SELECT (SELECT max(seq) FROM events) - (SELECT seq FROM event_counts_mark)";
    while rig.postgres.number(left)? > 0.0 {
        if started.elapsed() > COUNT_TIMEOUT {
            return Err("the events are not counted in time".into());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    note(&format!("counted into hours within {:.0} s", started.elapsed().as_secs_f64()));
    Ok(())
}

/// Inserts a user of the generated events into the table of users.
const KNOWN: &str = "00000000-0000-7000-8000-000000000007";

fn user(n: u64) -> String {
    format!("00000000-0000-7000-8000-{:012x}", n * 7919 % USERS)
}

fn session(n: u64) -> String {
    format!("00000000-0000-7001-8000-{:012x}", n * 7919 % SESSIONS)
}

/// Returns a cursor at which a page begins, as the service writes it.
fn cursor_at(n: u64) -> String {
    let seq = n * 104_729 % EVENTS;
    URL_SAFE_NO_PAD.encode([&[1][..], &1_u32.to_be_bytes(), &seq.to_be_bytes()].concat())
}

fn kind(n: u64) -> &'static str {
    let kinds = ["token_refreshed", "logged_in", "logged_out", "login_failed", "custom"];
    let index = usize::try_from(n).unwrap_or_default() % kinds.len();
    kinds.get(index).copied().unwrap_or_default()
}

impl Ledger {
    /// Returns the n-th of some thousand times, spread over the ledger.
    fn at(&self, n: u64) -> u64 {
        self.begin + n * 104_729 % 1000 * (SPAN / 1000)
    }

    /// Returns a range of five days and a few minutes.
    fn range(&self, n: u64) -> String {
        let from = self.at(n) + 1_234_567;
        format!("from={}&to={}", text(from), text(from + 5 * 24 * 3_600_000 + 7_654_321))
    }

    fn days(&self, n: u64, days: u64) -> String {
        let from = self.begin + n % 40 * 24 * 3_600_000 + 1_234_567;
        format!("from={}&to={}", text(from), text(from + days * 24 * 3_600_000))
    }
}

/// Returns a time as the service reads it.
pub(crate) fn text(millis: u64) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000);
    at.ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

/// Fills the ledger with published events of realistic size, of many users and sessions, evenly
/// over time.
fn fill(rig: &Rig) -> Outcome<Ledger> {
    let event = example::of(EventKind::LoggedIn);
    let body = String::from_utf8(event.to_json()?)?.replace('\'', "''");
    let id = event.id.to_string();
    let now = rig.postgres.number("SELECT floor(extract(epoch FROM now()) * 1000)")?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds since 1970")]
    let begin = now as u64 - SPAN;
    let step = SPAN / EVENTS;
    let chunks = (0..EVENTS).step_by(usize::try_from(CHUNK)?).map(|first| {
        let last = first + CHUNK - 1;
        format!(
            "INSERT INTO events (id, subject, user_id, user_seq, schema_version, payload, traceparent, occurred_at, session_id) \
             SELECT id, 'auth.user.' || (ARRAY['token_refreshed', 'token_refreshed', 'token_refreshed', 'token_refreshed', 'token_refreshed', \
               'logged_in', 'logged_in', 'custom', 'logged_out', 'login_failed'])[1 + n / 7 % 10], \
               user_id, 1 + n / {USERS}, 1, convert_to(replace('{body}', '{id}', id::text), 'UTF8'), \
               '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', at, session_id \
             FROM (SELECT n, at, \
               (lpad(to_hex(at), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid AS id, \
               ('00000000-0000-7000-8000-' || lpad(to_hex(n * 31 % {USERS}), 12, '0'))::uuid AS user_id, \
               ('00000000-0000-7001-8000-' || lpad(to_hex(n * 31 % {SESSIONS}), 12, '0'))::uuid AS session_id \
               FROM (SELECT n, {begin} + n * {step} AS at FROM generate_series({first}::bigint, {last}) AS n) AS times) AS rows"
        )
    });
    bulk::fill(&rig.postgres, "events", &["events_pkey", "events_id_key"], chunks)?;
    rig.postgres.sql(&format!(
        "INSERT INTO users (id, email, email_canonical, account_type, roles, status, password_hash, created_at, updated_at, text_rules) \
         VALUES ('{KNOWN}', 'known@example.com', 'known@example.com', 'user', 'user', 'active', '', 0, 0, 1)"
    ))?;
    Ok(Ledger { begin })
}
