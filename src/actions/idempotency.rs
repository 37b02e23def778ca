//! Makes requests idempotent: the first one with a key does the work, and a repeated one gets its
//! answer (`docs/adr/0024`).
//!
//! An action calls [`begin`] before its work and [`claim`] inside its transaction. When either
//! returns a replay, the action builds the answer again from the resource that the first request
//! made. Only keyed hashes and an id are stored.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use time::Duration;
use uuid::Uuid;

use super::ActionError::{self, Refused};
use super::Context;
use crate::domain::idempotency::IdempotencyKey;
use crate::security::SecretKeyError;
use crate::security::secret_key::{MacKey, SecretKey};
use crate::store::{ClaimKey, Conflict, NewIdempotencyKey, StoreError};

/// How long a key is remembered.
const KEY_TTL: Duration = Duration::hours(24);

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The first request with this key has not ended.
    #[error("the request is in flight")]
    InFlight,
    /// The first request succeeded, and what it answered is no longer valid.
    #[error("the answer cannot be replayed")]
    ReplayUnavailable,
}

/// The secret of the hashes, and the requests that are in flight on this instance.
pub struct Idempotency {
    key: MacKey,
    in_flight: Arc<Mutex<HashSet<[u8; 32]>>>,
}

impl Idempotency {
    /// # Errors
    /// The cryptographic library refuses to derive the key; not expected.
    pub fn new(secret: &SecretKey) -> Result<Self, SecretKeyError> {
        Ok(Self {
            key: secret.mac_key("idempotency")?,
            in_flight: Arc::default(),
        })
    }
}

/// The content of a request, field by field. Leave secrets out: a fast hash of a password can be
/// guessed.
pub(super) struct Fingerprint {
    operation: &'static str,
    text: Vec<u8>,
}

impl Fingerprint {
    pub(super) fn of(operation: &'static str) -> Self {
        Self { operation, text: Vec::new() }
    }

    /// Add a field, present or not.
    pub(super) fn text(mut self, field: Option<&str>) -> Self {
        push(&mut self.text, field.map(str::as_bytes));
        self
    }

    /// Add a field of JSON; the order of its members makes no difference.
    pub(super) fn json(mut self, field: Option<&Value>) -> Self {
        let sorted = field.map(|value| {
            let mut value = value.clone();
            value.sort_all_objects();
            value.to_string()
        });
        push(&mut self.text, sorted.as_deref().map(str::as_bytes));
        self
    }
}

/// Append a field so that no two lists of fields give the same bytes.
fn push(text: &mut Vec<u8>, field: Option<&[u8]>) {
    match field {
        None => text.push(0),
        Some(field) => {
            text.push(1);
            text.extend_from_slice(&field.len().to_be_bytes());
            text.extend_from_slice(field);
        }
    }
}

/// A request that may have a key.
pub(super) enum Idempotent<T> {
    /// The first request with its key, or one without a key: do the work with this.
    New(T),
    /// A repeated request: answer with the resource of this id.
    Replay(Uuid),
}

/// Marks a request as in flight until it is dropped.
pub(super) struct InFlightGuard {
    key: [u8; 32],
    fingerprint: [u8; 32],
    in_flight: Arc<Mutex<HashSet<[u8; 32]>>>,
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        lock(&self.in_flight).remove(&self.key);
    }
}

fn lock(in_flight: &Mutex<HashSet<[u8; 32]>>) -> MutexGuard<'_, HashSet<[u8; 32]>> {
    in_flight.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begin a request of `caller`. Keys of different callers never match. A request without a caller
/// has to prove in another way that the answer may be repeated to it.
///
/// # Errors
/// [`Refusal::InFlight`], [`Refusal::KeyReused`]
pub(super) async fn begin(
    cx: &Context,
    caller: Option<Uuid>,
    key: Option<&IdempotencyKey>,
    fingerprint: impl FnOnce() -> Fingerprint,
) -> Result<Idempotent<Option<InFlightGuard>>, ActionError<Refusal>> {
    let Some(key) = key else {
        return Ok(Idempotent::New(None));
    };
    let idempotency = &cx.services.idempotency;
    let fingerprint = fingerprint();
    let mut name = Vec::new();
    push(&mut name, Some(fingerprint.operation.as_bytes()));
    push(&mut name, caller.as_ref().map(|caller| caller.as_bytes().as_slice()));
    push(&mut name, Some(key.as_str().as_bytes()));
    let content = [b"request".as_slice(), &fingerprint.text].concat();
    let key = idempotency.key.sign(&name);
    // Marked before the database is read: no other request can begin in between.
    if !lock(&idempotency.in_flight).insert(key) {
        return Err(Refused(Refusal::InFlight));
    }
    let guard = InFlightGuard {
        key,
        fingerprint: idempotency.key.sign(&content),
        in_flight: Arc::clone(&idempotency.in_flight),
    };
    match resource_id(cx, &guard).await? {
        Some(id) => Ok(Idempotent::Replay(id)),
        None => Ok(Idempotent::New(Some(guard))),
    }
}

/// Store in the transaction that the request makes the resource `id`, and return the transaction; a
/// replay when another instance was faster.
///
/// # Errors
/// [`Refusal::KeyReused`]; [`Refusal::InFlight`] when what the other instance stored has expired
/// already.
pub(super) async fn claim<T: ClaimKey>(
    cx: &Context,
    guard: Option<&InFlightGuard>,
    mut tx: T,
    id: Uuid,
) -> Result<Idempotent<T>, ActionError<Refusal>> {
    let Some(guard) = guard else {
        return Ok(Idempotent::New(tx));
    };
    let new = NewIdempotencyKey {
        key: &guard.key,
        fingerprint: &guard.fingerprint,
        resource_id: id,
        ttl: KEY_TTL,
    };
    match tx.claim_key(new).await {
        Ok(()) => Ok(Idempotent::New(tx)),
        Err(StoreError::Conflict(Conflict::IdempotencyKey)) => {
            drop(tx);
            let id = resource_id(cx, guard).await?;
            id.map(Idempotent::Replay).ok_or(Refused(Refusal::InFlight))
        }
        Err(error) => Err(error.into()),
    }
}

/// The id of the resource that the first request with this key made.
async fn resource_id(cx: &Context, guard: &InFlightGuard) -> Result<Option<Uuid>, ActionError<Refusal>> {
    let Some(first) = cx.services.store.completed_request(&guard.key, cx.now()).await? else {
        return Ok(None);
    };
    if first.fingerprint == guard.fingerprint {
        Ok(Some(first.resource_id))
    } else {
        Err(Refused(Refusal::KeyReused))
    }
}
