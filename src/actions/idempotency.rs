//! Requests that a client may send again: each is carried out once, and who repeats it gets its answer (`docs/adr/0025`).
//!
//! An action asks [`begin`] before its work, writes [`claim`] into its transaction, and builds the answer again from what was
//! made when either says that the request was carried out before. Nothing but a keyed hash of key and request, and an id, is kept.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use time::Duration;
use uuid::Uuid;

use super::{Failure, Services};
use crate::domain::idempotency::IdempotencyKey;
use crate::security::SecretKeyError;
use crate::security::secret_key::{MacKey, SecretKey};
use crate::store::{Conflict, NewKey, StoreError, Tx};

/// How long a request is remembered.
const KEY_TTL: Duration = Duration::hours(24);

/// Why a request with a key is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    Reused,
    /// The first request with this key is still being carried out.
    #[error("the request is being carried out")]
    InFlight,
    /// It was carried out, and the answer can't be given again.
    #[error("the answer can't be given again")]
    ReplayUnavailable,
    /// Try later.
    #[error(transparent)]
    Failure(Failure),
}

impl<E> From<E> for Error
where
    Failure: From<E>,
{
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

/// The key of the hashes, and what this instance is carrying out.
pub struct Idempotency {
    key: MacKey,
    in_flight: Arc<Mutex<HashSet<[u8; 32]>>>,
}

impl Idempotency {
    /// Nothing is being carried out.
    ///
    /// # Errors
    /// The library refuses; not expected.
    pub fn new(secret: &SecretKey) -> Result<Self, SecretKeyError> {
        Ok(Self {
            key: secret.mac_key("idempotency")?,
            in_flight: Arc::default(),
        })
    }
}

/// What a request asks for, field by field. Leave secrets out: a fast hash of a password is worth guessing at.
pub(super) struct Fingerprint {
    operation: &'static str,
    text: Vec<u8>,
}

impl Fingerprint {
    /// A request for `operation`.
    pub(super) fn of(operation: &'static str) -> Self {
        Self {
            operation,
            text: Vec::new(),
        }
    }

    /// With a field, or without it.
    pub(super) fn text(mut self, field: Option<&str>) -> Self {
        push(&mut self.text, field.map(str::as_bytes));
        self
    }

    /// With a field of JSON, in whatever order its members came.
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

/// Appends a field so that no two lists of fields look alike.
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
    /// It is the first one, or has no key: carry it out, with this.
    New(T),
    /// It was carried out before, and made this.
    Replay(Uuid),
}

/// The right to carry a request out. It ends when this is dropped.
pub(super) struct InFlightGuard {
    key: [u8; 32],
    request: [u8; 32],
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

/// Whether a request of `caller` is the first with this key. A caller is whoever may get the answer again; one that nobody knows has
/// to prove it otherwise.
///
/// # Errors
/// [`Error::InFlight`], [`Error::Reused`], or the database.
pub(super) async fn begin(
    services: &Services,
    caller: Option<Uuid>,
    key: Option<&IdempotencyKey>,
    asked: impl FnOnce() -> Fingerprint,
) -> Result<Idempotent<Option<InFlightGuard>>, Error> {
    let Some(key) = key else {
        return Ok(Idempotent::New(None));
    };
    let asked = asked();
    let mut name = Vec::new();
    push(&mut name, Some(asked.operation.as_bytes()));
    push(&mut name, caller.as_ref().map(|caller| caller.as_bytes().as_slice()));
    push(&mut name, Some(key.as_str().as_bytes()));
    let request = [b"request".as_slice(), &asked.text].concat();
    let hash = services.idempotency.key.sign(&name);
    // The place is taken before the database is asked: between the two nobody else can begin.
    if !lock(&services.idempotency.in_flight).insert(hash) {
        return Err(Error::InFlight);
    }
    let guard = InFlightGuard {
        key: hash,
        request: services.idempotency.key.sign(&request),
        in_flight: Arc::clone(&services.idempotency.in_flight),
    };
    match made(services, &guard).await? {
        Some(made) => Ok(Idempotent::Replay(made)),
        None => Ok(Idempotent::New(Some(guard))),
    }
}

/// Remembers in the transaction what the request makes, and gives the transaction back; none when another instance was faster.
///
/// # Errors
/// [`Error::Reused`], or the database; [`Error::InFlight`] when what the other one made is gone again.
pub(super) async fn claim<'a>(
    services: &Services,
    guard: Option<&InFlightGuard>,
    mut tx: Tx<'a>,
    id: Uuid,
) -> Result<Idempotent<Tx<'a>>, Error> {
    let Some(guard) = guard else {
        return Ok(Idempotent::New(tx));
    };
    let new = NewKey {
        key: &guard.key,
        request: &guard.request,
        made: id,
        expires_at: tx.now() + KEY_TTL,
    };
    match tx.claim_key(new).await {
        Ok(()) => Ok(Idempotent::New(tx)),
        Err(StoreError::Conflict(Conflict::IdempotencyKey)) => {
            drop(tx);
            let made = made(services, guard).await?;
            made.map(Idempotent::Replay).ok_or(Error::InFlight)
        }
        Err(error) => Err(error.into()),
    }
}

async fn made(services: &Services, guard: &InFlightGuard) -> Result<Option<Uuid>, Error> {
    let Some(before) = services
        .store
        .completed_request(&guard.key, services.clock.now())
        .await?
    else {
        return Ok(None);
    };
    if before.request == guard.request {
        Ok(Some(before.made))
    } else {
        Err(Error::Reused)
    }
}
