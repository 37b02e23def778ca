//! Redis or NATS is silent: it accepts connections and never answers. Requests cost what they did
//! before.

use std::time::{Duration, Instant};

use secrecy::SecretString;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Backend;
use crate::support::nats::NatsServer;
use crate::support::proxy::Proxy;
use crate::support::redis::RedisServer;

/// Requests of each kind while nothing and while something is silent.
const ROUNDS: usize = 40;
/// The same for figures.
const MEASURED_ROUNDS: usize = 400;
/// A median may grow by this much on a busy machine. Without a breaker it grew by 500 ms and more.
const TOLERANCE: Duration = Duration::from_millis(25);
/// A request that finds out that Redis is away waits for one command, as `redis.timeout` says.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// How many requests may find out, or be slow since the machine is busy.
const MAX_SLOW: usize = ROUNDS / 10;
const KINDS: [&str; 3] = ["login", "refresh", "/auth/me"];

/// An application whose Redis and NATS can vanish.
struct Fixture {
    app: TestApp,
    redis: Proxy,
    nats: Proxy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silent {
    /// Connections stay open and silent, and so are new ones.
    RedisHost,
    /// The process is stopped: the system accepts connections for it.
    RedisProcess,
    NatsHost,
    NatsProcess,
}

const ALL: [Silent; 4] = [
    Silent::RedisHost,
    Silent::RedisProcess,
    Silent::NatsHost,
    Silent::NatsProcess,
];

/// The times of each kind of request, in order.
type Times = [Vec<Duration>; KINDS.len()];

impl Fixture {
    async fn new() -> Self {
        let redis_server = RedisServer::start().await;
        let nats_server = NatsServer::start().await;
        let (redis, nats) = (Proxy::to(redis_server.port()).await, Proxy::to(nats_server.port()).await);
        let (redis_url, nats_url) =
            (format!("redis://127.0.0.1:{}", redis.port()), format!("nats://127.0.0.1:{}", nats.port()));
        let mut app = TestApp::builder(Backend::Postgres)
            .nats(nats_server)
            .settings(move |settings| {
                settings.redis.url = Some(SecretString::from(redis_url));
                settings.nats.url = Some(SecretString::from(nats_url));
                settings.limits.enabled = true;
                settings.limits.login.count = 100_000;
                settings.limits.login_account_network.count = 40_000;
                settings.limits.login_account.count = 100_000;
                settings.limits.refresh.count = 100_000;
            })
            .spawn()
            .await;
        app.redis = Some(redis_server);
        app.registered("ada@example.com").await;
        Self { app, redis, nats }
    }

    fn silence(&self, what: Silent) {
        match what {
            Silent::RedisHost => self.redis.stall(true),
            Silent::RedisProcess => self.app.redis.as_ref().expect("Redis").pause(),
            Silent::NatsHost => self.nats.stall(true),
            Silent::NatsProcess => self.app.nats.pause(),
        }
    }

    fn end(&self, what: Silent) {
        match what {
            Silent::RedisHost => self.redis.heal(),
            Silent::RedisProcess => self.app.redis.as_ref().expect("Redis").resume(),
            Silent::NatsHost => self.nats.heal(),
            Silent::NatsProcess => self.app.nats.resume(),
        }
    }

    /// Measure each kind of request before a server is silent, and then.
    async fn compare(&self, what: Silent, rounds: usize) -> Vec<(&'static str, Vec<Duration>, Vec<Duration>)> {
        let before = self.measure(rounds).await;
        self.silence(what);
        let silent = self.measure(rounds).await;
        self.end(what);
        let times = before.into_iter().zip(silent);
        KINDS
            .into_iter()
            .zip(times)
            .map(|(kind, (before, silent))| (kind, before, silent))
            .collect()
    }

    /// Send requests of each kind, and measure them. Logins, and the first lookup of each session,
    /// ask Redis.
    async fn measure(&self, rounds: usize) -> Times {
        let mut times = Times::default();
        for _ in 0..rounds {
            let began = Instant::now();
            let login = self.app.login("ada@example.com", PASSWORD).await.expect_status(200).tokens();
            let logged_in = Instant::now();
            self.app.refresh(&login.refresh).await.expect_status(200);
            let refreshed = Instant::now();
            // The session is not in the cache yet, so the denylist is asked.
            self.app.me(&login.access).await.expect_status(200);
            for (kind, time) in [logged_in - began, refreshed - logged_in, refreshed.elapsed()].into_iter().enumerate()
            {
                times[kind].push(time);
            }
        }
        times.iter_mut().for_each(|times| times.sort_unstable());
        times
    }
}

fn percentile(times: &[Duration], percent: usize) -> Duration {
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_cost_the_same_while_redis_or_nats_is_silent() {
    let fixture = Fixture::new().await;
    for what in ALL {
        for (kind, before, silent) in fixture.compare(what, ROUNDS).await {
            let (usual, median) = (percentile(&before, 50), percentile(&silent, 50));
            assert!(median <= usual * 2 + TOLERANCE, "{what:?}, {kind}: {usual:?}, then {median:?}");
            let bound = percentile(&before, 100) + FIRST_WAIT + TOLERANCE;
            let slow: Vec<_> = silent.iter().filter(|time| **time > bound).collect();
            assert!(slow.len() <= MAX_SLOW, "{what:?}, {kind}: beyond {bound:?}: {slow:?}");
        }
    }
    let fallbacks = fixture.app.metric("watchword_limit_fallbacks_total", "").await;
    assert!(fallbacks > 0.0, "Redis was asked");
    fixture.app.finish().await;
}

/// Prints the table of docs/PERFORMANCE.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures, and takes minutes"]
#[expect(clippy::print_stderr, reason = "prints figures")]
async fn figures_while_redis_or_nats_is_silent() {
    let fixture = Fixture::new().await;
    fixture.measure(ROUNDS).await;
    for what in ALL {
        for (kind, before, silent) in fixture.compare(what, MEASURED_ROUNDS).await {
            let [p50, p99, longest] = [50, 99, 100].map(|p| (percentile(&before, p), percentile(&silent, p)));
            eprintln!("{what:?} {kind}: p50 {p50:?} p99 {p99:?} longest {longest:?}");
        }
        // Redis is used again, and the relay has caught up, before the next one.
        fixture.app.ledger_drained().await;
    }
    fixture.app.abandon().await;
}
