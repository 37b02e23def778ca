//! `watchword config check --connect`: every server once, each with what to do when it fails.

use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;

use crate::app::build::open_store_beside;
use crate::app::{AppError, Environment};
use crate::config::Settings;
use crate::jetstream::{self, NatsError};
use crate::mail;
use crate::redis_connection::RedisConnection;
use crate::store::OpenError;
use crate::telemetry::error_chain;

/// The longest wait for one server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// A server, and whether it can be used.
#[derive(Debug, Serialize)]
pub struct Connection {
    pub part: &'static str,
    #[serde(flatten)]
    pub state: ConnectionState,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum ConnectionState {
    Good { detail: String },
    Unused { detail: String },
    Failed { problem: String, remedy: String },
}

impl ConnectionState {
    fn good(detail: impl Into<String>) -> Self {
        Self::Good { detail: detail.into() }
    }

    fn unused(detail: impl Into<String>) -> Self {
        Self::Unused { detail: detail.into() }
    }

    fn failed(error: &dyn std::error::Error, remedy: impl Into<String>) -> Self {
        Self::Failed {
            problem: error_chain(error).to_string(),
            remedy: remedy.into(),
        }
    }
}

/// Connect to the database, Redis, NATS and the mail server, all at once. Nothing is changed there.
pub async fn check_connections(settings: &Settings) -> Vec<Connection> {
    let (database, redis, nats, mail) = tokio::join!(
        in_time("database", database(settings)),
        in_time("redis", redis(settings)),
        in_time("nats", nats(settings)),
        in_time("mail", mail(settings)),
    );
    vec![database, redis, nats, mail]
}

async fn in_time(part: &'static str, check: impl Future<Output = ConnectionState>) -> Connection {
    let state = timeout(CONNECT_TIMEOUT, check).await.unwrap_or_else(|_| ConnectionState::Failed {
        problem: format!("no answer within {CONNECT_TIMEOUT:?}"),
        remedy: "check the address, and that no firewall drops the packets".to_owned(),
    });
    Connection { part, state }
}

async fn database(settings: &Settings) -> ConnectionState {
    let store = match open_store_beside(settings, &Environment::default()).await {
        Ok(store) => store,
        Err(AppError::Open(OpenError::NoFile(path))) => {
            return ConnectionState::unused(format!("the first start creates {}", path.display()));
        }
        Err(error) => return ConnectionState::failed(&error, DATABASE_REMEDY),
    };
    let address = store.describe();
    let checked = store.check_server().await;
    store.close().await;
    match checked {
        Ok(()) => ConnectionState::good(address),
        Err(error) => ConnectionState::Failed {
            problem: format!("{address}: {}", error_chain(&error)),
            remedy: DATABASE_REMEDY.to_owned(),
        },
    }
}

const DATABASE_REMEDY: &str =
    "check database.url (DATABASE_URL): that the server runs there, and that its user and database exist";

async fn redis(settings: &Settings) -> ConnectionState {
    let Some(url) = &settings.redis.url else {
        return ConnectionState::unused("redis.url is not set; limits are counted in each process");
    };
    match RedisConnection::check(url, settings.redis.timeout).await {
        Ok(address) => ConnectionState::good(address),
        Err((address, problem)) => ConnectionState::Failed {
            problem: format!("{address}: {}", error_chain(&problem)),
            remedy: "check redis.url (REDIS_URL): that the server runs there, its user, password and TLS".to_owned(),
        },
    }
}

async fn nats(settings: &Settings) -> ConnectionState {
    if settings.nats.url.is_none() {
        return ConnectionState::unused("nats.url is not set; the service starts a nats-server of its own");
    }
    match jetstream::check_connection(settings).await {
        Ok(detail) => ConnectionState::good(detail),
        Err(error @ NatsError::Connect(_)) => {
            ConnectionState::failed(&error, "the service starts, and events wait until NATS can be used")
        }
        Err(error) => {
            ConnectionState::failed(&error, "see docs/NATS.md for what the service needs of the server and its user")
        }
    }
}

async fn mail(settings: &Settings) -> ConnectionState {
    let Some(host) = &settings.mail.host else {
        return ConnectionState::unused(if mail::delivers(settings) {
            "mail.host is not set; emails are logged, since events.environment is development"
        } else {
            "mail.host is not set; requests that need email get 501"
        });
    };
    let address = format!("{host}:{}", settings.mail.port());
    match mail::check_connection(settings).await {
        Ok(()) => ConnectionState::good(address),
        Err(error) => ConnectionState::Failed {
            problem: format!("{address}: {}", error_chain(&error)),
            remedy: "check mail.host, mail.port, mail.tls, and mail.username with mail.password".to_owned(),
        },
    }
}
