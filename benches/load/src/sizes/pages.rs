//! What readers ask over HTTP: pages and counts, and following from a place on.

use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Measure, Unit};
use crate::Outcome;
use crate::client::Client;
use crate::get_latency;
use crate::queries::text;
use crate::rig::Rig;
use crate::sizes::world::World;
use crate::stats::lower_quartile;

const FOLLOWED: u64 = 100;
const TIMEOUT: Duration = Duration::from_secs(30);
const FIVE_MINUTES: u64 = 300_000;

/// A query, and its n-th variant.
type Query = (&'static str, fn(u64, &World) -> String);

const QUERIES: [Query; 11] = [
    ("GET /events", |_, _| "/events".to_owned()),
    ("GET /events?after", |n, world| format!("/events?after={}", world.cursor(n))),
    ("GET /events?subject&after", |n, world| {
        format!("/events?subject=auth.user.logged_in&after={}", world.cursor(n))
    }),
    ("GET /events?subject, none", |_, _| "/events?subject=auth.user.unlocked".to_owned()),
    ("GET /events?from&to, five minutes", |n, world| {
        format!("/events?{}", range(world.at(n), FIVE_MINUTES))
    }),
    ("GET /events?userId", |n, world| format!("/events?userId={}", world.user(n))),
    ("GET /events?sessionId", |n, world| format!("/events?sessionId={}", world.session(n))),
    ("GET /analytics/top-events, all events", |_, _| "/analytics/top-events".to_owned()),
    ("GET /analytics/top-events?from&to, five minutes", |n, world| {
        format!("/analytics/top-events?{}", range(world.at(n), FIVE_MINUTES))
    }),
    ("GET /analytics/users/{id}", |n, world| format!("/analytics/users/{}", world.user(n))),
    ("GET /users/{id}", |n, world| format!("/users/{}", world.user(n))),
];

pub(super) async fn measure(rig: &Rig, world: &World) -> Outcome<Vec<Measure>> {
    let port = rig.service()?.port();
    let mut client = Client::connect(port).await?;
    let (_, access) = rig.admin().await?;
    let mut measures = Vec::new();
    for (what, path) in QUERIES {
        let times = get_latency::times(&mut client, &access, |n| path(n, world)).await?;
        measures.push(Measure { what, value: lower_quartile(&times), unit: Unit::Millis });
    }
    let mut times = Vec::new();
    for n in 0..FOLLOWED {
        times.push(timeout(TIMEOUT, first_event(port, &access, &world.cursor(n))).await??);
    }
    measures.push(Measure {
        what: "GET /events/stream?after → the first event",
        value: lower_quartile(&times),
        unit: Unit::Millis,
    });
    Ok(measures)
}

fn range(from: u64, millis: u64) -> String {
    format!("from={}&to={}", text(from), text(from + millis))
}

/// Returns the milliseconds until a follower has the event behind its cursor.
async fn first_event(port: u16, token: &str, after: &str) -> Outcome<f64> {
    let started = Instant::now();
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!(
        "GET /events/stream?after={after} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await?;
    let mut lines = BufReader::new(socket).lines();
    while !lines.next_line().await?.ok_or("the stream has ended")?.starts_with("data: ") {}
    Ok(started.elapsed().as_secs_f64() * 1000.0)
}
