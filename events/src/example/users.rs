//! Examples of what administrators do to accounts, and of changes of the identifiers.

use uuid::{Uuid, uuid};

use super::Example;
use crate::event::Actor;
use crate::payload::{
    Disabled, DisabledReason, EmailChanged, Enabled, EnabledReason, RoleGranted, RoleRevoked, Unlocked, UnlockedReason,
    UsernameChanged,
};

const ADMIN: Uuid = uuid!("01a2031d-0c80-7e11-8b2c-5d6f7a8b9c05");

fn admin() -> Option<Actor> {
    Some(Actor::Admin { id: ADMIN })
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

impl Example for RoleGranted {
    const USER_SEQ: i64 = 13;

    fn example() -> Self {
        Self {
            role: "artist".to_owned(),
        }
    }

    fn actor() -> Option<Actor> {
        admin()
    }
}

impl Example for RoleRevoked {
    const USER_SEQ: i64 = 14;

    fn example() -> Self {
        Self {
            role: "artist".to_owned(),
        }
    }

    fn actor() -> Option<Actor> {
        admin()
    }
}

impl Example for Disabled {
    const USER_SEQ: i64 = 15;

    fn example() -> Self {
        Self {
            reason: DisabledReason::Admin,
        }
    }

    fn actor() -> Option<Actor> {
        admin()
    }
}

impl Example for Enabled {
    const USER_SEQ: i64 = 16;

    fn example() -> Self {
        Self {
            reason: EnabledReason::Admin,
        }
    }

    fn actor() -> Option<Actor> {
        admin()
    }
}

impl Example for Unlocked {
    const USER_SEQ: i64 = 17;

    fn example() -> Self {
        Self {
            reason: UnlockedReason::Admin,
        }
    }

    fn actor() -> Option<Actor> {
        admin()
    }
}
