//! Redis servers of every kind: replicas that were promoted, clusters, Sentinels, and servers that
//! refuse the service.

use std::time::Duration;

use secrecy::SecretString;

use crate::support::app::{Instance, PASSWORD, TestApp};
use crate::support::binary::{Binary, BinaryOptions};
use crate::support::clock::TestClock;
use crate::support::database::{Backend, Database};
use crate::support::http::Http;
use crate::support::nats::NatsServer;
use crate::support::ports::free_port;
use crate::support::proxy::Proxy;
use crate::support::redis::RedisServer;
use crate::support::run_dir::scratch;
use crate::support::wait::eventually;

const TIMEOUT: Duration = Duration::from_secs(60);
const LIMIT: u32 = 4;
/// Levels of lines in the log.
const WARN: &str = "\"level\":40";
const ERROR: &str = "\"level\":50";

/// An application with rate limits in the Redis at this URL.
async fn app_with(url: String) -> TestApp {
    let builder = TestApp::builder(Backend::Postgres).settings(move |settings| {
        settings.redis.url = Some(SecretString::from(url));
        settings.redis.timeout = Duration::from_secs(2);
        settings.limits.enabled = true;
        settings.limits.login.count = 1000;
        settings.limits.login_account_network.count = LIMIT;
    });
    builder.clock(TestClock::frozen()).spawn().await
}

async fn command(redis: &RedisServer, command: &str) -> String {
    redis.command(command).await.expect(command)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_is_followed_when_the_old_server_becomes_a_replica() {
    let (first, second) = (RedisServer::start().await, RedisServer::start().await);
    let proxy = Proxy::to(first.port()).await;
    let app = app_with(format!("redis://127.0.0.1:{}", proxy.port())).await;
    app.registered("ada@example.com").await;
    let login = async |name: &str| {
        let answer = app.login(&format!("{name}@example.com"), PASSWORD).await;
        assert!(matches!(answer.status.as_u16(), 200 | 401), "{}", answer.text);
    };
    login("ada").await;
    // The connection to the old server stays open.
    let demoted = command(&first, &format!("REPLICAOF 127.0.0.1 {}", second.port())).await;
    assert!(demoted.starts_with("+OK"), "{demoted}");
    proxy.lead_to(second.port());
    login("ada").await;
    eventually(TIMEOUT, || async {
        login("bob").await;
        let keys = second.command("KEYS {watchword}:limit:*").await.ok()?;
        (!keys.starts_with("*0")).then_some(())
    })
    .await;
    let fallbacks = app.metric("watchword_limit_fallbacks_total", "").await;
    login("eve").await;
    let after = app.metric("watchword_limit_fallbacks_total", "").await;
    assert!((after - fallbacks).abs() < f64::EPSILON, "{after}");
    app.finish().await;
}

/// A node of a cluster, and its port for the others.
async fn node() -> (RedisServer, u16) {
    let port = free_port();
    let bus = port.to_string();
    let redis = RedisServer::start_with(&["--cluster-enabled", "yes", "--cluster-port", &bus]).await;
    (redis, port)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_share_limits_in_a_cluster_with_one_shard() {
    let (redis, _) = node().await;
    command(&redis, "CLUSTER ADDSLOTSRANGE 0 16383").await;
    eventually(TIMEOUT, || async {
        redis.command("CLUSTER INFO").await.ok()?.contains("cluster_state:ok").then_some(())
    })
    .await;
    let app = app_with(redis.url()).await;
    app.registered("ada@example.com").await;
    let mut other = app.second_instance(TestClock::frozen()).await;
    let mut verified = 0;
    for n in 0..4 * LIMIT {
        let http: &Http = if n % 2 == 0 { &app } else { &other };
        verified += u32::from(http.login("ada@example.com", "not the password").await.status == 401);
    }
    assert_eq!(verified, LIMIT);
    let mut fallbacks = 0.0;
    for instance in [&*app, &other] {
        fallbacks += instance.metric("watchword_limit_fallbacks_total", "").await;
    }
    assert!(fallbacks < f64::EPSILON, "{fallbacks}");
    other.stop().await.expect("stop");
    app.finish().await;
}

/// The reason why an instance with this Redis does not start.
async fn refused(app: &TestApp, url: String) -> String {
    let mut settings = app.settings().clone();
    settings.data_dir = scratch("refused");
    settings.redis.url = Some(SecretString::from(url));
    let error = Instance::start(settings, std::sync::Arc::new(TestClock::running())).await.err();
    let error = error.expect("refused");
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {source}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sentinel_and_a_shard_without_the_keys_are_refused_at_the_start() {
    let app = TestApp::spawn(Backend::Postgres).await;
    let ((here, _), (there, bus)) = (node().await, node().await);
    let slot = command(&here, "CLUSTER KEYSLOT {watchword}").await;
    let slot: u32 = slot.trim_start_matches(':').trim().parse().expect("a slot");
    command(&here, &format!("CLUSTER ADDSLOTSRANGE 0 {} {} 16383", slot - 1, slot + 1)).await;
    command(&there, &format!("CLUSTER ADDSLOTS {slot}")).await;
    command(&here, &format!("CLUSTER MEET 127.0.0.1 {} {bus}", there.port())).await;
    eventually(TIMEOUT, || async {
        let info = here.command("CLUSTER INFO").await.ok()?;
        (info.contains("cluster_state:ok") && info.contains("cluster_size:2")).then_some(())
    })
    .await;
    let reason = refused(&app, here.url()).await;
    assert!(reason.contains("only a cluster with one shard is supported"), "{reason}");

    let sentinel = RedisServer::sentinel().await;
    let reason = refused(&app, sentinel.url()).await;
    assert!(reason.contains("Sentinel, which is not supported"), "{reason}");
    app.finish().await;
}

/// The real binary, whose log is read.
struct Service {
    binary: Binary,
    database: Database,
    _nats: NatsServer,
}

impl Service {
    async fn start(redis: &str) -> Self {
        let data_dir = scratch("app");
        let (database, nats) = (Database::fresh(Backend::Postgres, &data_dir).await, NatsServer::start().await);
        let options = BinaryOptions::serve(&[
            ("NATS_URL", &nats.url()),
            ("DATABASE_URL", database.url().expect("a URL")),
            ("REDIS_URL", redis),
            ("WATCHWORD__REDIS__TIMEOUT", "2s"),
            ("WATCHWORD__LIMITS__ENABLED", "true"),
        ]);
        let binary = Binary::start(options).await;
        Self { binary, database, _nats: nats }
    }

    fn lines_with(&mut self, text: &str) -> Vec<String> {
        let log = self.binary.process().log();
        log.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }

    async fn stop(mut self) {
        assert!(self.binary.stop().await.success());
        self.database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_two_lines_in_the_log() {
    let mut redis = RedisServer::start().await;
    let mut service = Service::start(&redis.url()).await;
    redis.kill();
    for n in 0..20 {
        let answer = service.binary.http().login(&format!("user{n}@example.com"), PASSWORD).await;
        assert!(matches!(answer.status.as_u16(), 401 | 429), "{}", answer.text);
    }
    let away = service.lines_with("redis does not answer");
    assert_eq!(away.len(), 1, "{away:?}");
    assert!(away[0].contains(WARN), "{away:?}");
    redis.start_again().await;
    service.binary.process().logged("redis answers again", TIMEOUT).await;
    let back = service.lines_with("redis answers again");
    assert!(back.len() == 1 && !back[0].contains("\"skipped\":0,"), "{back:?}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_and_missing_rights_are_named_at_the_start() {
    let guarded = RedisServer::start_with(&["--requirepass", "right"]).await;
    let open = RedisServer::start().await;
    command(&open, "ACL SETUSER app on >secret ~* +@all -eval -evalsha").await;
    for (url, expected) in [
        (
            format!("redis://:wrong@127.0.0.1:{}", guarded.port()),
            "wrong password or user in redis.url",
        ),
        (format!("redis://127.0.0.1:{}", guarded.port()), "wrong password or user in redis.url"),
        (
            format!("redis://app:secret@127.0.0.1:{}", open.port()),
            "the Redis user lacks a permission",
        ),
    ] {
        let mut service = Service::start(&url).await;
        let lines = service.lines_with("redis cannot be used");
        assert_eq!(lines.len(), 1, "{url}: {lines:?}");
        assert!(lines[0].contains(ERROR) && lines[0].contains(expected), "{lines:?}");
        service.binary.http().login("ada@example.com", PASSWORD).await.expect_status(401);
        service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_may_evict_keys_is_warned_of() {
    let redis = RedisServer::start_with(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]).await;
    let mut service = Service::start(&redis.url()).await;
    let lines = service.lines_with("set maxmemory-policy to noeviction");
    assert!(lines.len() == 1 && lines[0].contains("allkeys-lru"), "{lines:?}");
    service.stop().await;
}
