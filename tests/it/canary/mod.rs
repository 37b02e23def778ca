//! No secret leaves the place it belongs to. Every field of every request carries a word that is found nowhere else; afterwards the
//! logs (at their most verbose), the stream, every table and everything Redis was told are searched for it, in every encoding.
#![expect(
    clippy::indexing_slicing,
    reason = "what is searched was measured before, and a missing field is a failed test"
)]

mod needles;
mod places;
mod requests;
mod secrets;

use crate::support::binary::{Binary, BinaryOptions, run};
use crate::support::database::{Backend, Database};
use crate::support::nats::{NatsOptions, NatsServer};
use crate::support::oauth::CLIENT;
use crate::support::ports::free_port;
use crate::support::redis::RedisServer;
use crate::support::run_dir::scratch;
use crate::support::smtp::SmtpServer;
use places::{Kind, Place};
use secrets::Secrets;

const ADMIN: &str = "root@example.com";

/// The servers, each behind a password that is a secret too.
struct Servers {
    database: Database,
    redis: RedisServer,
    nats: NatsServer,
    smtp: SmtpServer,
    /// How to reach the mail server: mails are the one place for codes.
    mail: Vec<(&'static str, String)>,
    urls: [(&'static str, String); 3],
}

impl Servers {
    async fn start(secrets: &mut Secrets) -> Self {
        let database = Database::fresh(Backend::Postgres, &scratch("canary")).await;
        // The cluster trusts whoever comes; the service still holds the password.
        let password = secrets.word("the database's password");
        let url = database
            .url()
            .expect("an address")
            .replace('@', &format!(":{password}@"));

        let redis = RedisServer::start().await;
        let redis_password = secrets.word("the password of Redis");

        let nats_password = secrets.word("the password of NATS");
        let nats = NatsServer::start_with(NatsOptions {
            // The test itself comes without a password, into the same account.
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
            (
                "NATS_URL",
                nats.url().replace("//", &format!("//auth:{nats_password}@")),
            ),
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

    /// A command of the service with everything it may be told, at the log's most verbose.
    fn options(&self, args: &[&str], secrets: &Secrets) -> BinaryOptions {
        let env = self.urls.iter().chain(&self.mail);
        let env: Vec<(&str, &str)> = env.map(|(name, url)| (*name, url.as_str())).collect();
        BinaryOptions::command(args, &env)
            .with("WATCHWORD_SECRET_KEY", secrets.key())
            .with("WATCHWORD__LIMITS__ENABLED", "true")
            .with(
                "WATCHWORD__OAUTH__CLIENTS",
                &format!("{CLIENT}={}", secrets.client_hash()),
            )
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
    let monitor = places::monitor(servers.redis_url()).await;

    let password = secrets.password("the administrator's password");
    let made = run(
        servers.options(&["user", "create-admin", "--email", ADMIN], &secrets),
        &format!("{password}\n"),
    )
    .await;
    assert!(made.status.success(), "{made:?}");

    let mut binary = Binary::start(servers.options(&["serve"], &secrets)).await;
    let mut refusals = requests::all(binary.http(), &mut secrets).await;
    refusals += &requests::mailed(binary.http(), &servers.smtp, &mut secrets).await;
    requests::admin(binary.http(), &mut secrets, ADMIN, &password).await;
    places::published(&servers.database).await;

    let mut found = vec![
        Place::new(Kind::Log, "the output of create-admin", made.stdout + &made.stderr),
        Place::new(Kind::Answer, "answers that refuse", refusals),
    ];
    found.extend(places::tables(servers.database.url().expect("an address")).await);
    found.extend(places::stream(&servers.nats).await);
    found.push(places::redis(servers.redis_url()).await);
    found.push(Place::new(Kind::Log, "what Redis was told", monitor.stop().await));

    // Errors have texts of their own.
    let mut servers = servers;
    servers.redis.kill();
    servers.nats.kill();
    requests::in_an_outage(binary.http(), &mut secrets).await;
    binary.stop().await;
    let log = binary.process().log();
    assert!(
        log.contains("\"level\":20") && log.contains("/auth/login"),
        "the log is not at its most verbose"
    );
    found.push(Place::new(Kind::Log, "the log of the service", log));
    found.push(Place::new(
        Kind::Log,
        "the log without servers",
        log_without_servers(&mut secrets).await,
    ));
    found.push(Place::new(
        Kind::Log,
        "the log of nats-server",
        servers.nats.process().log(),
    ));
    found.push(places::directory("the data directory", binary.data_dir()));
    found.push(places::directory("the store of nats-server", servers.nats.store_dir()));
    servers.database.remove().await;

    places::assert_alive(&found, &secrets);
    let hits = secrets.search(&found);
    assert!(hits.is_empty(), "{}", hits.join("\n"));
}

/// What a service says that reaches none of its servers, with the addresses it was given.
async fn log_without_servers(secrets: &mut Secrets) -> String {
    let port = free_port();
    let mut address = |scheme: &str, path: &str| {
        let password = secrets.word("the password of a server that is not there");
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
    assert!(texts.contains(&port.to_string()), "the address is not named: {texts}");
    texts
}
