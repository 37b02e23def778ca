//! The servers that the service uses: database, Redis, NATS with its stream, mail.

mod database;
mod database_url;
mod mail;
mod nats;
mod redis;
mod stream;

pub use self::{
    database::DatabaseSettings,
    database_url::{DatabaseUrl, PostgresUrl, RootCertificates, SqliteFile, SslMode, UrlProblem},
    mail::{MailSettings, MailTls},
    nats::{NatsSettings, NatsTlsSettings},
    redis::RedisSettings,
    stream::StreamSettings,
};
