//! Latency of lists, searches and lookups with a million users: over HTTP, one after another, each
//! with different values.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Outcome;
use crate::bulk;
use crate::client::Client;
use crate::get_latency;
use crate::report::Row;
use crate::rig::Rig;

const USERS: u64 = 1_000_000;
/// Set a smaller number to test the measurement itself.
const USERS_VARIABLE: &str = "WATCHWORD_BENCH_USERS";
/// The number of rows in one INSERT.
const CHUNK: u64 = 250_000;
/// The shortest time between two users' creations, in milliseconds.
const STEP: u64 = 1000;
const BEGIN: u64 = 1_700_000_000_000;

/// A query, and its n-th variant for this many users.
type Query = (&'static str, fn(u64, u64) -> String);

const QUERIES: [Query; 13] = [
    ("GET /users", |_, _| "/users".to_owned()),
    ("GET /users?page", |n, _| format!("/users?page={}", 1 + n * 7 % 500)),
    ("GET /users?after", |n, users| format!("/users?after={}", cursor(number(n, users)))),
    ("GET /users?search, one user", |n, users| {
        format!("/users?search=person{}@", number(n, users))
    }),
    ("GET /users?search, a few thousand", |n, _| {
        format!("/users?search={:03}", 100 + n * 37 % 900)
    }),
    ("GET /users?search, nearly all users", |_, _| "/users?search=example".to_owned()),
    ("GET /users?search, no user", |n, _| format!("/users?search=nobody-{n}")),
    ("GET /users?search&status&after", |n, users| {
        let after = cursor(number(n, users));
        format!("/users?search={:03}&status=active&after={after}", 100 + n * 37 % 900)
    }),
    ("GET /users?role, rare", |_, _| "/users?role=moderator".to_owned()),
    ("GET /users?role, one in ten", |n, users| {
        format!("/users?role=artist&after={}", cursor(number(n, users)))
    }),
    ("GET /users?status=disabled", |n, _| {
        format!("/users?status=disabled&page={}", 1 + n % 100)
    }),
    ("GET /users?accountType", |n, users| {
        format!("/users?accountType=artist&after={}", cursor(number(n, users)))
    }),
    ("GET /users/{id}", |n, users| format!("/users/{}", id(number(n, users)))),
];

pub(crate) async fn measure() -> Outcome<Vec<Row>> {
    let users = match std::env::var(USERS_VARIABLE) {
        Ok(text) => text.parse()?,
        Err(_) => USERS,
    };
    let mut rig = Rig::without_service().await?;
    fill(&rig, users)?;
    rig.start_service().await?;
    let mut client = Client::connect(rig.service()?.port()).await?;
    let (_, access) = rig.admin().await?;
    let mut rows = Vec::new();
    for (what, path) in QUERIES {
        rows.push(get_latency::measure(&mut client, &access, what, |n| path(n, users)).await?);
    }
    rig.stop_service().await?;
    Ok(rows)
}

/// Returns the n-th of many user numbers, spread over all users.
const fn number(n: u64, users: u64) -> u64 {
    1 + n * 104_729 % users
}

/// Returns the id of the user with this number.
fn id(number: u64) -> String {
    let time = format!("{:012x}", BEGIN + number * STEP);
    let (high, low) = time.split_at(8);
    format!("{high}-{low}-7000-8000-{number:012x}")
}

/// Returns a cursor at which a page begins, as the service writes it.
fn cursor(number: u64) -> String {
    let id = (u128::from(BEGIN + number * STEP) << 80) | (0x7000_8000_u128 << 48) | u128::from(number);
    URL_SAFE_NO_PAD.encode([&[2][..], &id.to_be_bytes()].concat())
}

/// Fills the table with users: one in ten is an artist, one in a hundred disabled, a few are
/// moderators.
fn fill(rig: &Rig, users: u64) -> Outcome<()> {
    let chunks = (1..=users).step_by(usize::try_from(CHUNK)?).map(|first| {
        let last = users.min(first + CHUNK - 1);
        format!(
            "INSERT INTO users (id, email, email_canonical, username, username_canonical, name, account_type, roles, status, \
               password_hash, created_at, updated_at, profile, search_text, text_rules) \
             SELECT (lpad(to_hex({BEGIN} + n * {STEP}), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid, \
               mail, mail, username, username, name, \
               CASE WHEN n % 10 = 0 THEN 'artist' ELSE 'user' END, \
               CASE WHEN n % 10 = 0 THEN 'user artist' WHEN n % 200000 = 7 THEN 'user moderator' ELSE 'user' END, \
               CASE WHEN n % 100 = 1 THEN 'disabled' ELSE 'active' END, repeat('x', 97), \
               {BEGIN} + n * {STEP}, {BEGIN} + n * {STEP}, '{{\"country\":\"UK\"}}', ' ' || mail || ' ' || username || ' ' || name, 1 \
             FROM (SELECT n, 'person' || n || '@example.com' AS mail, 'user-' || substr(md5(n::text), 1, 16) AS username, \
               substr(md5('first' || n % 5000), 1, 6) || ' ' || substr(md5('last' || n % 70000), 1, 8) AS name \
               FROM generate_series({first}::bigint, {last}) AS n) AS people"
        )
    });
    bulk::fill(&rig.postgres, "users", &["users_pkey"], chunks)
}
