//! Examples of the events about an account and its identifiers.

use super::{Example, admin};
use crate::event::Actor;
use crate::payload::{
    ChangedField, Deleted, DeletedReason, EmailChanged, EmailVerificationRequested, EmailVerified, Registered, Updated,
    UsernameChanged,
};

impl Example for Registered {
    const USER_SEQ: i64 = 1;

    fn example() -> Self {
        Self {
            email: Some("ada@example.com".to_owned()),
            username: Some("ada".to_owned()),
            name: Some("Ada Lovelace".to_owned()),
            account_type: "user".to_owned(),
            roles: vec!["user".to_owned()],
        }
    }
}

impl Example for Updated {
    const USER_SEQ: i64 = 4;

    fn example() -> Self {
        Self {
            changed_fields: vec![ChangedField::Name, ChangedField::Profile],
        }
    }
}

impl Example for EmailVerificationRequested {
    const USER_SEQ: i64 = 11;

    fn example() -> Self {
        Self {}
    }
}

impl Example for EmailVerified {
    const USER_SEQ: i64 = 12;

    fn example() -> Self {
        Self {}
    }
}

impl Example for EmailChanged {
    const USER_SEQ: i64 = 11;

    fn example() -> Self {
        Self {
            old: Some("ada@example.com".to_owned()),
            new: Some("lovelace@example.com".to_owned()),
        }
    }

    fn actor() -> Option<Actor> {
        admin()
    }
}

impl Example for UsernameChanged {
    const USER_SEQ: i64 = 12;

    fn example() -> Self {
        Self {
            old: Some("ada".to_owned()),
            new: Some("lovelace".to_owned()),
        }
    }
}

impl Example for Deleted {
    const USER_SEQ: i64 = 10;

    fn example() -> Self {
        Self { reason: DeletedReason::User }
    }
}
