//! What rate limits refused, as `rate_limited`: one for each key and minute, off the path of any request.

use watchword_events::{AuthEvent, IdentifierHash, RateLimited};

use crate::actions::{Failure, Services};
use crate::domain::request_metadata::RequestMetadata;
use crate::limits::Refusal;

/// Records what was refused since the last time, and tells how many events that made.
///
/// # Errors
/// [`Failure`]; what was not recorded is summed up with what comes next.
pub async fn run(services: &Services) -> Result<usize, Failure> {
    let refusals = services.limits.take_refusals();
    if refusals.is_empty() {
        return Ok(0);
    }
    match record(services, &refusals).await {
        Ok(()) => Ok(refusals.len()),
        Err(failure) => {
            services.limits.put_back(refusals);
            Err(failure)
        }
    }
}

async fn record(services: &Services, refusals: &[Refusal]) -> Result<(), Failure> {
    let request = RequestMetadata::default();
    let mut tx = services.store.begin(services.clock.now(), &request).await?;
    for refusal in refusals {
        tx.record_anonymous(AuthEvent::RateLimited(rate_limited(refusal)))
            .await?;
    }
    Ok(tx.commit().await?)
}

fn rate_limited(refusal: &Refusal) -> RateLimited {
    let wait = refusal.retry_after;
    RateLimited {
        limiter: refusal.limit.as_str().to_owned(),
        ip: refusal.ip,
        identifier_hash: refusal
            .identifier
            .map(|identifier| IdentifierHash::from_mac(identifier.mac())),
        retry_after: (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1),
        count: refusal.count,
    }
}
