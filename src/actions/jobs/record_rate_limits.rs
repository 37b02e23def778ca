//! Records what rate limits refused as `rate_limited`, one event for each key and minute, off the
//! path of any request.

use watchword_events::{IdentifierHash, RateLimited};

use crate::actions::{Context, Failure};
use crate::domain::clock::ceil_seconds;
use crate::limits::RefusedRequests;

/// Record what was refused since the last call, and return the number of events.
///
/// # Errors
/// [`Failure`]; the next call records the refusals then.
pub async fn run(cx: &Context) -> Result<usize, Failure> {
    let refusals = cx.services.limits.take_refused();
    if refusals.is_empty() {
        return Ok(0);
    }
    match record(cx, &refusals).await {
        Ok(()) => Ok(refusals.len()),
        Err(failure) => {
            cx.services.limits.put_back_refused(refusals);
            Err(failure)
        }
    }
}

async fn record(cx: &Context, refusals: &[RefusedRequests]) -> Result<(), Failure> {
    let mut tx = cx.begin_system().await?;
    for refusal in refusals {
        tx.record(rate_limited(refusal)).await?;
    }
    Ok(tx.commit().await?)
}

fn rate_limited(refused: &RefusedRequests) -> RateLimited {
    RateLimited {
        limiter: refused.limit.as_str().to_owned(),
        ip: refused.ip,
        identifier_hash: refused.identifier.map(|identifier| IdentifierHash::from_mac(identifier.mac())),
        retry_after: ceil_seconds(refused.retry_after),
        count: refused.count,
    }
}
