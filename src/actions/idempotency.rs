//! Requests that a client may send again: each is carried out once, and who repeats it gets its answer (`docs/adr/0024`).
//!
//! An action asks [`first`] before its work, writes [`carry_out`] into its transaction, and builds the answer again from what was
//! made when either says that the request was carried out before. Nothing but a keyed hash of key and request, and an id, is kept.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use time::Duration;
use uuid::Uuid;

use super::{Auth, Failure};
use crate::domain::idempotency::IdempotencyKey;
use crate::security::SecretKeyError;
use crate::security::secret_key::{MacKey, SecretKey};
use crate::store::{Conflict, NewKey, StoreError, Tx};

/// How long a request is remembered.
const REMEMBERED: Duration = Duration::hours(24);

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
    Spent,
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
pub(super) struct Asked {
    operation: &'static str,
    text: Vec<u8>,
}

impl Asked {
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
pub(super) enum Keyed<T> {
    /// It is the first one, or has no key: carry it out, with this.
    First(T),
    /// It was carried out before, and made this.
    Repeated(Uuid),
}

/// The right to carry a request out. It ends when this is dropped.
pub(super) struct Once {
    key: [u8; 32],
    request: [u8; 32],
    in_flight: Arc<Mutex<HashSet<[u8; 32]>>>,
}

impl Drop for Once {
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
pub(super) async fn first(
    auth: &Auth,
    caller: Option<Uuid>,
    key: Option<&IdempotencyKey>,
    asked: impl FnOnce() -> Asked,
) -> Result<Keyed<Option<Once>>, Error> {
    let Some(key) = key else {
        return Ok(Keyed::First(None));
    };
    let asked = asked();
    let mut name = Vec::new();
    push(&mut name, Some(asked.operation.as_bytes()));
    push(&mut name, caller.as_ref().map(|caller| caller.as_bytes().as_slice()));
    push(&mut name, Some(key.as_str().as_bytes()));
    let request = [b"request".as_slice(), &asked.text].concat();
    let hash = auth.idempotency.key.sign(&name);
    // The place is taken before the database is asked: between the two nobody else can begin.
    if !lock(&auth.idempotency.in_flight).insert(hash) {
        return Err(Error::InFlight);
    }
    let once = Once {
        key: hash,
        request: auth.idempotency.key.sign(&request),
        in_flight: Arc::clone(&auth.idempotency.in_flight),
    };
    match made(auth, &once).await? {
        Some(made) => Ok(Keyed::Repeated(made)),
        None => Ok(Keyed::First(Some(once))),
    }
}

/// Remembers in the transaction what the request makes, and gives the transaction back; none when another instance was faster.
///
/// # Errors
/// [`Error::Reused`], or the database; [`Error::InFlight`] when what the other one made is gone again.
pub(super) async fn carry_out<'a>(
    auth: &Auth,
    once: Option<&Once>,
    mut tx: Tx<'a>,
    id: Uuid,
) -> Result<Keyed<Tx<'a>>, Error> {
    let Some(once) = once else {
        return Ok(Keyed::First(tx));
    };
    let new = NewKey {
        key: &once.key,
        request: &once.request,
        made: id,
        expires_at: tx.now() + REMEMBERED,
    };
    match tx.carry_out(new).await {
        Ok(()) => Ok(Keyed::First(tx)),
        Err(StoreError::Conflict(Conflict::IdempotencyKey)) => {
            drop(tx);
            let made = made(auth, once).await?;
            made.map(Keyed::Repeated).ok_or(Error::InFlight)
        }
        Err(error) => Err(error.into()),
    }
}

async fn made(auth: &Auth, once: &Once) -> Result<Option<Uuid>, Error> {
    let Some(before) = auth.store.carried_out(&once.key, auth.clock.now()).await? else {
        return Ok(None);
    };
    if before.request == once.request {
        Ok(Some(before.made))
    } else {
        Err(Error::Reused)
    }
}
