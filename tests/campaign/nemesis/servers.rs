//! Faults of NATS, PostgreSQL and Redis.

use super::Nemesis;
use super::fault::Kind;

const POSTGRES_READ_ONLY: &str = "ALTER SYSTEM SET default_transaction_read_only = on";
const POSTGRES_WRITABLE: &str = "ALTER SYSTEM RESET default_transaction_read_only";
const RELOAD: &str = "SELECT pg_reload_conf()";
const TERMINATE_SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE datname = 'watchword' AND pid <> pg_backend_pid()";

impl Nemesis<'_> {
    pub(super) async fn break_server(&mut self, kind: Kind) {
        match kind {
            Kind::NatsKilled => {
                if let Some(nats) = self.world.nats.one() {
                    nats.kill();
                }
            }
            Kind::NatsPaused => {
                if let Some(nats) = self.world.nats.one() {
                    nats.pause();
                }
            }
            Kind::PostgresKilled => {
                if let Some(postgres) = &mut self.world.postgres {
                    postgres.crash().await;
                }
            }
            Kind::PostgresPaused => {
                if let Some(postgres) = &mut self.world.postgres {
                    postgres.freeze();
                }
            }
            Kind::PostgresReadOnly => self.postgres(&[POSTGRES_READ_ONLY, RELOAD]).await,
            Kind::SessionsTerminated => self.postgres(&[TERMINATE_SESSIONS]).await,
            Kind::RedisKilled => {
                if let Some(redis) = &mut self.world.redis {
                    redis.kill();
                }
            }
            Kind::RedisPaused => {
                if let Some(redis) = &self.world.redis {
                    redis.pause();
                }
            }
            Kind::RedisFlushed => self.redis("FLUSHALL").await,
            // A replica of nothing answers reads and refuses writes.
            Kind::RedisReadOnly => self.redis("REPLICAOF 127.0.0.1 1").await,
            Kind::MailKilled => self.world.mail.kill(),
            Kind::MailPaused => self.world.mail.pause(),
            _ => {}
        }
    }

    pub(super) async fn mend_server(&mut self, kind: Kind) {
        match kind {
            Kind::NatsKilled => {
                if let Some(nats) = self.world.nats.one() {
                    nats.start_again().await;
                }
            }
            Kind::NatsPaused => {
                if let Some(nats) = self.world.nats.one() {
                    nats.resume();
                }
            }
            Kind::PostgresKilled => {
                if let Some(postgres) = &mut self.world.postgres {
                    postgres.start_again().await;
                }
            }
            Kind::PostgresPaused => {
                if let Some(postgres) = &mut self.world.postgres {
                    postgres.thaw();
                }
            }
            Kind::PostgresReadOnly => self.postgres(&[POSTGRES_WRITABLE, RELOAD]).await,
            Kind::RedisKilled => {
                if let Some(redis) = &mut self.world.redis {
                    redis.start_again().await;
                }
            }
            Kind::RedisPaused => {
                if let Some(redis) = &self.world.redis {
                    redis.resume();
                }
            }
            Kind::RedisReadOnly => self.redis("REPLICAOF NO ONE").await,
            Kind::MailKilled => self.world.mail.start_again().await,
            Kind::MailPaused => self.world.mail.resume(),
            _ => {}
        }
    }

    async fn postgres(&self, statements: &[&str]) {
        if let Some(postgres) = &self.world.postgres {
            for statement in statements {
                postgres.execute("postgres", statement).await.expect("a statement of the campaign");
            }
        }
    }

    pub(super) async fn redis(&self, command: &str) {
        if let Some(redis) = &self.world.redis {
            redis.command(command).await.expect("a command of the campaign");
        }
    }
}
