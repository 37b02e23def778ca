//! Why Redis cannot be used.

use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why Redis cannot be used, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum RedisProblem {
    #[error("no answer within {0:?}")]
    Silent(Duration),
    #[error("wrong password or user in redis.url")]
    Credentials(#[source] RedisError),
    #[error(
        "the Redis user lacks a permission: it needs ~{{watchword}}:* +@scripting +@read +@write +@connection +time +info"
    )]
    Permission(#[source] RedisError),
    #[error("the server does not have the database of redis.url: use redis://host/0, or raise its setting databases")]
    Database(#[source] RedisError),
    #[error("the server has no memory left, and takes no writes: raise maxmemory, or delete keys of other programs")]
    Memory(#[source] RedisError),
    #[error("the server cannot save its data, and takes no writes: see its log, or set stop-writes-on-bgsave-error no")]
    Persistence(#[source] RedisError),
    #[error("the server is in protected mode: set a password there, and give it in redis.url")]
    Protected(#[source] RedisError),
    #[error(
        "the certificate of the server is not trusted: it has to be of the host of redis.url, and of an authority of \
         the system (SSL_CERT_FILE)"
    )]
    Certificate(#[source] RedisError),
    #[error("the server lacks a command that is needed: it needs EVALSHA, SCRIPT LOAD, and Redis 5 or newer")]
    Command(#[source] RedisError),
    #[error("the server is a replica, which takes no writes")]
    Replica(#[source] RedisError),
    #[error(
        "redis.url leads to a shard of a cluster that does not have the keys {{watchword}}:*; only a cluster with one \
         shard is supported"
    )]
    Cluster(#[source] RedisError),
    #[error("redis.url leads to a Sentinel, which is not supported; give the address of the primary")]
    Sentinel,
    #[error(transparent)]
    Other(RedisError),
}

impl From<RedisError> for RedisProblem {
    fn from(error: RedisError) -> Self {
        match (error.kind(), error.code()) {
            (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => Self::Credentials(error),
            (ErrorKind::Server(ServerErrorKind::NoPerm), _) => Self::Permission(error),
            (ErrorKind::Server(ServerErrorKind::ReadOnly), _) => Self::Replica(error),
            (ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask), _) => Self::Cluster(error),
            (_, Some("DENIED")) => Self::Protected(error),
            // The code of what a script calls is not always that of the answer.
            _ if has(&error, "'maxmemory'") => Self::Memory(error),
            _ if has(&error, "MISCONF") => Self::Persistence(error),
            _ if has(&error, "no permissions") => Self::Permission(error),
            (ErrorKind::Io, _) if has(&error, "certificate") => Self::Certificate(error),
            _ if has(&error, "DB index") || has(&error, "switch database") => Self::Database(error),
            _ if has(&error, "unknown command") || has(&error, "non deterministic") => Self::Command(error),
            _ => Self::Other(error),
        }
    }
}

impl RedisProblem {
    /// Whether no later attempt can succeed.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Sentinel | Self::Cluster(_))
    }

    /// Whether an operator has to change something.
    pub(super) const fn is_misconfigured(&self) -> bool {
        !matches!(self, Self::Silent(_) | Self::Replica(_) | Self::Other(_))
    }
}

/// Whether a message has these words: some problems have no code of their own.
fn has(error: &RedisError, words: &str) -> bool {
    error.to_string().contains(words)
}
