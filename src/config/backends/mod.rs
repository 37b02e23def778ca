//! The servers that the service uses: database, Redis, NATS with its stream, mail.

mod database;
mod mail;
mod nats;
mod redis;
mod stream;

pub use self::{
    database::DatabaseSettings,
    mail::{MailSettings, MailTls},
    nats::{NatsSettings, NatsTlsSettings},
    redis::RedisSettings,
    stream::StreamSettings,
};
