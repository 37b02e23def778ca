//! What a connection has to be able to do before commands are sent over it.

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Script};

use super::outage::Outage;
use super::{KEY_PREFIX, RedisProblem};

/// As the scripts of rate limits do, read the server's time and write.
const WRITE: &str = "redis.call('TIME') return redis.call('SET', KEYS[1], '1', 'PX', 1000)";

/// Refuse a Sentinel, and warn of a server that may evict keys. A user who may not read it tells
/// nothing.
pub(super) async fn check_server(connection: &mut MultiplexedConnection, outage: &Outage) -> Result<(), RedisProblem> {
    let info: RedisResult<String> = redis::cmd("INFO").query_async(connection).await;
    let Ok(info) = info else { return Ok(()) };
    if value(&info, "redis_mode") == Some("sentinel") {
        return Err(RedisProblem::Sentinel);
    }
    let is_bounded = value(&info, "maxmemory").is_some_and(|bytes| bytes != "0");
    if let Some(policy) = value(&info, "maxmemory_policy").filter(|policy| is_bounded && *policy != "noeviction") {
        outage.warn_of_eviction(policy);
    }
    Ok(())
}

/// Write: a replica refuses it, as does a user without the right, and a server without memory.
pub(super) async fn write(mut connection: MultiplexedConnection) -> Result<(), RedisProblem> {
    let key = format!("{KEY_PREFIX}probe");
    Script::new(WRITE).key(key).invoke_async::<()>(&mut connection).await?;
    Ok(())
}

/// A value of `INFO`, whose lines are `name:value`.
fn value<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}
