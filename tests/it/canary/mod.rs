//! No secret leaks. Every field of every request contains a unique word. Afterwards the test
//! searches the logs at the most verbose level, the stream, every table and every Redis command for
//! these words, in every encoding.
#![expect(
    clippy::indexing_slicing,
    reason = "offsets are within the searched bytes, and a missing field is a failed test"
)]

mod needles;
mod requests;
mod secrets;
mod sinks;

use crate::support::binary::{Binary, BinaryOptions, run};
use crate::support::database::{Backend, Database};
use crate::support::nats::{NatsOptions, NatsServer};
use crate::support::oauth::CLIENT;
use crate::support::ports::free_port;
use crate::support::redis::RedisServer;
use crate::support::run_dir::scratch;
use crate::support::smtp::SmtpServer;
use secrets::Secrets;
use sinks::{Kind, Sink};

const ADMIN: &str = "root@example.com";

/// The servers. The password of each is a secret, too.
struct Servers {
    database: Database,
    redis: RedisServer,
    nats: NatsServer,
    smtp: SmtpServer,
    /// The settings of the mail server. Only mails may contain codes.
    mail: Vec<(&'static str, String)>,
    urls: [(&'static str, String); 3],
}

impl Servers {
    async fn start(secrets: &mut Secrets) -> Self {
        let database = Database::fresh(Backend::Postgres, &scratch("canary")).await;
        // The cluster does not verify the password.
        let password = secrets.word("the database's password");
        let url = database.url().expect("an address").replace('@', &format!(":{password}@"));

        let redis = RedisServer::start().await;
        let redis_password = secrets.word("the password of Redis");

        let nats_password = secrets.word("the password of NATS");
        let nats = NatsServer::start_with(NatsOptions {
            // The test connects to the same account without a password.
            extra: format!(
                "accounts {{ A {{ jetstream: enabled, users: [ {{ user: test, password: test }}, \
                 {{ user: auth, password: \"{nats_password}\" }} ] }} }}\nno_auth_user: test"
            ),
            ..NatsOptions::default()
        })
        .await;
        let smtp_password = secrets.word("the password of the mail server");
        let smtp = SmtpServer::start_with(&["--login", "watchword", &smtp_password]).await;
        let urls = [
            ("DATABASE_URL", url),
            ("REDIS_URL", redis.url().replace("//", &format!("//:{redis_password}@"))),
            ("NATS_URL", nats.url().replace("//", &format!("//auth:{nats_password}@"))),
        ];
        let mail = vec![
            ("WATCHWORD__MAIL__USERNAME", "watchword".to_owned()),
            ("WATCHWORD__MAIL__PASSWORD", smtp_password),
        ];
        let answer = redis.command(&format!("CONFIG SET requirepass {redis_password}")).await;
        assert!(answer.expect("an answer").starts_with("+OK"));
        Self {
            database,
            redis,
            nats,
            mail: mail.into_iter().chain(smtp.environment()).collect(),
            smtp,
            urls,
        }
    }

    /// A command of the service with all secrets in its environment, at the most verbose log level.
    fn options(&self, args: &[&str], secrets: &Secrets) -> BinaryOptions {
        let env = self.urls.iter().chain(&self.mail);
        let env: Vec<(&str, &str)> = env.map(|(name, url)| (*name, url.as_str())).collect();
        BinaryOptions::command(args, &env)
            .with("WATCHWORD_SECRET_KEY", secrets.key())
            .with("WATCHWORD__LIMITS__ENABLED", "true")
            .with("WATCHWORD__OAUTH__CLIENTS", &format!("{CLIENT}={}", secrets.client_hash()))
            .with("RUST_LOG", "trace")
            .with("WATCHWORD__TELEMETRY__LEVEL", "trace")
    }

    fn redis_url(&self) -> &str {
        &self.urls[1].1
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_a_log_an_event_a_table_or_redis() {
    let mut secrets = Secrets::new();
    let servers = Servers::start(&mut secrets).await;
    let monitor = sinks::monitor(servers.redis_url()).await;

    let password = secrets.password("the administrator's password");
    let created = run(
        servers.options(&["user", "create-admin", "--email", ADMIN], &secrets),
        &format!("{password}\n"),
    )
    .await;
    assert!(created.status.success(), "{created:?}");

    let mut binary = Binary::start(servers.options(&["serve"], &secrets)).await;
    let mut errors = requests::call_operations(binary.http(), &mut secrets).await;
    errors += &requests::use_mailed_codes(binary.http(), &servers.smtp, &mut secrets).await;
    requests::call_as_admin(binary.http(), &mut secrets, ADMIN, &password).await;
    sinks::until_published(&servers.database).await;

    let mut found = vec![
        Sink::new(Kind::Log, "the output of create-admin", created.stdout + &created.stderr),
        Sink::new(Kind::Response, "responses with errors", errors),
    ];
    found.extend(sinks::tables(servers.database.url().expect("an address")).await);
    found.extend(sinks::stream(&servers.nats).await);
    found.push(sinks::redis(servers.redis_url()).await);
    found.push(Sink::new(Kind::Log, "the commands that Redis received", monitor.stop().await));

    // Failures log other texts.
    let mut servers = servers;
    servers.redis.kill();
    servers.nats.kill();
    requests::call_during_outage(binary.http(), &mut secrets).await;
    binary.stop().await;
    let log = binary.process().log();
    assert!(
        log.contains("\"level\":20") && log.contains("/auth/login"),
        "the log is not at the most verbose level"
    );
    found.push(Sink::new(Kind::Log, "the log of the service", log));
    found.push(Sink::new(
        Kind::Log,
        "the log with unreachable servers",
        log_with_unreachable_servers(&mut secrets).await,
    ));
    found.push(Sink::new(Kind::Log, "the log of nats-server", servers.nats.process().log()));
    found.push(sinks::directory("the data directory", binary.data_dir()));
    found.push(sinks::directory("the store of nats-server", servers.nats.store_dir()));
    servers.database.remove().await;

    sinks::assert_not_empty(&found, &secrets);
    let hits = secrets.search(&found);
    assert!(hits.is_empty(), "{}", hits.join("\n"));
}

/// The output of commands whose servers are unreachable.
async fn log_with_unreachable_servers(secrets: &mut Secrets) -> String {
    let port = free_port();
    let mut address = |scheme: &str, path: &str| {
        let password = secrets.word("the password of an unreachable server");
        format!("{scheme}://user:{password}@127.0.0.1:{port}{path}")
    };
    let (database, redis, nats) = (address("postgres", "/auth"), address("redis", ""), address("nats", ""));
    let env = [
        ("DATABASE_URL", database.as_str()),
        ("REDIS_URL", &redis),
        ("NATS_URL", &nats),
        ("RUST_LOG", "trace"),
    ];
    let options = |args: &[&str]| BinaryOptions::command(args, &env).with("WATCHWORD__DATABASE__ACQUIRE_TIMEOUT", "1s");
    let mut texts = String::new();
    for args in [
        &["serve"][..],
        &["migrate", "up"],
        &["stream", "info"],
        &["config", "show"],
        &["config", "check"],
    ] {
        let ended = run(options(args), "").await;
        texts += &(ended.stdout + &ended.stderr);
    }
    assert!(texts.contains(&port.to_string()), "no error names the address: {texts}");
    texts
}
