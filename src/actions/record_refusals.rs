//! What rate limits refused, as `rate_limited`: one for each key and minute, off the path of any request.

use watchword_events::{AuthEvent, IdentifierHash, RateLimited};

use super::{Auth, Failure};
use crate::domain::origin::Origin;
use crate::limits::Refusal;

/// Records what was refused since the last time, and tells how many events that made.
///
/// # Errors
/// [`Failure`]; what was not recorded is summed up with what comes next.
pub async fn run(auth: &Auth) -> Result<usize, Failure> {
    let refusals = auth.limits.take_refusals();
    if refusals.is_empty() {
        return Ok(0);
    }
    match record(auth, &refusals).await {
        Ok(()) => Ok(refusals.len()),
        Err(failure) => {
            auth.limits.put_back(refusals);
            Err(failure)
        }
    }
}

async fn record(auth: &Auth, refusals: &[Refusal]) -> Result<(), Failure> {
    let origin = Origin::default();
    let mut tx = auth.store.begin(auth.clock.now(), &origin).await?;
    for refusal in refusals {
        tx.record_anonymous(AuthEvent::RateLimited(rate_limited(refusal)))
            .await?;
    }
    Ok(tx.commit().await?)
}

fn rate_limited(refusal: &Refusal) -> RateLimited {
    let wait = refusal.retry_after;
    RateLimited {
        limiter: refusal.limited.as_str().to_owned(),
        ip: refusal.ip,
        identifier_hash: refusal
            .identifier
            .map(|identifier| IdentifierHash::from_mac(identifier.mac())),
        retry_after: (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1),
        count: refusal.count,
    }
}
