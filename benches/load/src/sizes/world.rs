//! A ledger, its users and their sessions, written by SQL as the service would have recorded them.

use async_nats::jetstream;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use watchword_events::{EventKind, example};

use crate::Outcome;
use crate::bulk;
use crate::rig::{Postgres, Rig};

/// The time between two events, in milliseconds.
const STEP: u64 = 256;
/// Events at the beginning of the ledger that are older than all retention.
pub(super) const OLD: u64 = 5_000;
/// How much older they are, in milliseconds.
const OLD_AGE: u64 = 100 * 24 * 3_600_000;
/// The number of rows in one INSERT.
const CHUNK: u64 = 500_000;
const MAX_USERS: u64 = 1_000_000;
/// The first users have many sessions.
pub(super) const CROWDED: u64 = 3;
pub(super) const SESSIONS: u64 = 10_000;

/// The kinds of the events, by how many of ten they are, each with a user and a session.
const KINDS: [(EventKind, &str); 3] = [
    (EventKind::TokenRefreshed, "< 7"),
    (EventKind::LoggedIn, "< 9"),
    (EventKind::LoggedOut, "< 10"),
];

/// What the ledger holds.
pub(super) struct World {
    pub(super) events: u64,
    pub(super) users: u64,
    /// When the first event happened, in milliseconds since 1970.
    pub(super) begin: u64,
}

impl World {
    pub(super) async fn fill(rig: &Rig, events: u64) -> Outcome<Self> {
        let now = rig.postgres.number("SELECT floor(extract(epoch FROM now()) * 1000)")?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds since 1970")]
        let now = now as u64;
        let world = Self {
            events,
            users: (events / 10).clamp(1, MAX_USERS),
            begin: now - events * STEP,
        };
        world.fill_users(&rig.postgres)?;
        world.fill_sessions(&rig.postgres, now)?;
        let chunks = (0..events).step_by(usize::try_from(CHUNK)?);
        let chunks = chunks.map(|first| world.insert(first, events.min(first + CHUNK)));
        let chunks: Vec<String> = chunks.collect::<Outcome<_>>()?;
        bulk::fill(&rig.postgres, "events", &["events_pkey", "events_id_key"], chunks.into_iter())?;
        world.publish(rig).await?;
        Ok(world)
    }

    /// Returns the statement that adds the events from `first` up to `end`, which continue the
    /// numbers of their users.
    pub(super) fn insert(&self, first: u64, end: u64) -> Outcome<String> {
        let (begin, users, last) = (self.begin, self.users, end - 1);
        let mut subjects = String::new();
        let mut payloads = String::new();
        for (kind, share) in KINDS {
            let event = example::of(kind);
            subjects.push_str(&format!("WHEN n * 7 % 10 {share} THEN '{}' ", event.event.subject()));
            payloads.push_str(&format!("WHEN n * 7 % 10 {share} THEN {} ", template(kind)?));
        }
        Ok(format!(
            "INSERT INTO events (id, subject, user_id, user_seq, schema_version, payload, traceparent, occurred_at, session_id) \
             SELECT id, CASE {subjects} END, user_id, user_seq, 1, convert_to(CASE {payloads} END, 'UTF8'), \
               '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', at, session_id \
             FROM (SELECT n, at, 1 + n / {users} AS user_seq, \
               (lpad(to_hex(at), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid AS id, \
               ('00000000-0000-7000-8000-' || lpad(to_hex(n % {users}), 12, '0'))::uuid AS user_id, \
               ('00000000-0000-7001-8000-' || lpad(to_hex(n % {users}), 12, '0'))::uuid AS session_id \
               FROM (SELECT n, {begin} + n * {STEP} - CASE WHEN n < {OLD} THEN {OLD_AGE} ELSE 0 END AS at \
                 FROM generate_series({first}::bigint, {last}) AS n) AS times) AS rows ORDER BY n"
        ))
    }

    fn fill_users(&self, postgres: &Postgres) -> Outcome<()> {
        let chunks = (0..self.users).step_by(usize::try_from(CHUNK)?).map(|first| {
            let last = self.users.min(first + CHUNK) - 1;
            format!(
                "INSERT INTO users (id, email, email_canonical, account_type, roles, status, password_hash, event_seq, \
                   created_at, updated_at, search_text, text_rules) \
                 SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, mail, mail, 'user', 'user', 'active', \
                   repeat('x', 97), {} + CASE WHEN n < {} THEN 1 ELSE 0 END, n, n, ' ' || mail, 1 \
                 FROM (SELECT n, 'person' || n || '@example.com' AS mail FROM generate_series({first}::bigint, {last}) AS n) AS people",
                self.events / self.users,
                self.events % self.users,
            )
        });
        bulk::fill(postgres, "users", &["users_pkey"], chunks)
    }

    /// Gives every user a session, and the first users many.
    fn fill_sessions(&self, postgres: &Postgres, now: u64) -> Outcome<()> {
        const MONTH: u64 = 30 * 24 * 3_600_000;
        let columns =
            "INSERT INTO sessions (id, user_id, rotated_at, created_at, last_used_at, expires_at, ip, user_agent)";
        let times = format!("{now} - n % 1000, {now} - n % 1000, {now} - n % 1000, {now} + {MONTH}");
        let address = "'192.0.2.7', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'";
        let id = |space: u32, number: &str| {
            format!("('00000000-0000-{space}-8000-' || lpad(to_hex({number}), 12, '0'))::uuid")
        };
        let all = self.users - 1;
        let (user, session) = (id(7000, "n"), id(7001, "n"));
        let of_all = format!(
            "{columns} SELECT {session}, {user}, {times}, {address} FROM generate_series(0::bigint, {all}) AS n"
        );
        let (user, session) = (id(7000, &format!("n % {CROWDED}")), id(7002, "n"));
        let many = format!(
            "{columns} SELECT {session}, {user}, {times}, {address} FROM generate_series(0::bigint, {}) AS n",
            CROWDED * SESSIONS - 1
        );
        bulk::fill(postgres, "sessions", &["sessions_pkey"], [of_all, many].into_iter())
    }

    /// Marks every event as published in the stream that is there.
    async fn publish(&self, rig: &Rig) -> Outcome<()> {
        let context = jetstream::new(async_nats::connect(rig.nats.url()).await?);
        let stream = context.get_stream("auth-events").await?.get_info().await?;
        rig.postgres.sql(&format!(
            "INSERT INTO relay_position (one, stream, created, seq, stream_seq, written_at) \
             SELECT 1, 'auth-events', {}, max(seq), {}, 0 FROM events \
             ON CONFLICT (one) DO UPDATE SET seq = excluded.seq",
            stream.created.unix_timestamp_nanos(),
            stream.state.last_sequence
        ))?;
        Ok(())
    }

    /// Returns a number below `of`, spread over all of them.
    pub(super) const fn spread(n: u64, of: u64) -> u64 {
        n * 104_729 % of
    }

    pub(super) fn user(&self, n: u64) -> String {
        format!("00000000-0000-7000-8000-{:012x}", Self::spread(n, self.users))
    }

    pub(super) fn session(&self, n: u64) -> String {
        format!("00000000-0000-7001-8000-{:012x}", Self::spread(n, self.users))
    }

    /// Returns a cursor in the part of the ledger that is not pruned, as the service writes it.
    pub(super) fn cursor(&self, n: u64) -> String {
        let seq = OLD + Self::spread(n, self.events - OLD);
        URL_SAFE_NO_PAD.encode([&[1][..], &1_u32.to_be_bytes(), &seq.to_be_bytes()].concat())
    }

    /// Returns the time of an event, in milliseconds since 1970.
    pub(super) fn at(&self, n: u64) -> u64 {
        self.begin + (OLD + Self::spread(n, self.events - OLD)) * STEP
    }
}

/// Returns the example of an event as an SQL expression with the row's own ids.
fn template(kind: EventKind) -> Outcome<String> {
    let event = example::of(kind);
    let body = String::from_utf8(event.to_json()?)?.replace('\'', "''");
    let json: serde_json::Value = serde_json::from_str(&body)?;
    let text = |pointer: &str| json.pointer(pointer).map(ToString::to_string).ok_or("no such field");
    let fields = [
        ("id", text("/id")?, "'\"' || id || '\"'"),
        ("userId", text("/data/userId")?, "'\"' || user_id || '\"'"),
        ("userSeq", text("/data/userSeq")?, "user_seq"),
        ("sessionId", text("/data/sessionId")?, "'\"' || session_id || '\"'"),
    ];
    let mut expression = body;
    for (name, value, column) in fields {
        let field = format!("\"{name}\":{value}");
        expression = expression.replacen(&field, &format!("\"{name}\":' || {column} || '"), 1);
    }
    Ok(format!("'{expression}'"))
}
