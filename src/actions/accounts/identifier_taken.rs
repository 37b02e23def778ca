//! The database's word that another live account has an identifier.

use crate::actions::ActionError;
use crate::store::{Conflict, StoreError};

/// An identifier that another live account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierTaken {
    #[error("the email address is taken")]
    Email,
    #[error("the username is taken")]
    Username,
}

/// Turn the conflict of an insert or update of a user into the refusal it stands for.
pub(in crate::actions) fn identifier_taken<R: From<IdentifierTaken>>(error: StoreError) -> ActionError<R> {
    match error {
        StoreError::Conflict(Conflict::Email) => ActionError::Refused(IdentifierTaken::Email.into()),
        StoreError::Conflict(Conflict::Username) => ActionError::Refused(IdentifierTaken::Username.into()),
        other => other.into(),
    }
}
