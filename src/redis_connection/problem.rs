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
        "the Redis user lacks a permission: it needs +@scripting +@read +@write +time +info and the keys {{watchword}}:*"
    )]
    Permission(#[source] RedisError),
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
        matches!(self, Self::Credentials(_) | Self::Permission(_) | Self::Cluster(_) | Self::Sentinel)
    }
}
