//! Examples of the events about what administrators do to accounts.

use super::sessions::SESSION;
use super::{Example, admin};
use crate::event::Actor;
use crate::payload::{
    AccountStatus, Disabled, DisabledReason, Enabled, EnabledReason, RoleGranted, RoleRevoked, Unlocked, UnlockedReason,
};

impl Example for RoleGranted {
    const USER_SEQ: i64 = 13;

    fn example() -> Self {
        Self {
            role: "artist".to_owned(),
            roles: vec!["user".to_owned(), "artist".to_owned()],
        }
    }

    fn actor() -> Option<Actor> {
        admin()
    }
}

impl Example for RoleRevoked {
    const USER_SEQ: i64 = 14;

    fn example() -> Self {
        Self { role: "artist".to_owned(), roles: vec!["user".to_owned()] }
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
            status: AccountStatus::Disabled,
            ended_session_ids: vec![SESSION],
        }
    }

    fn actor() -> Option<Actor> {
        admin()
    }
}

impl Example for Enabled {
    const USER_SEQ: i64 = 16;

    fn example() -> Self {
        Self { reason: EnabledReason::Admin, status: AccountStatus::Active }
    }

    fn actor() -> Option<Actor> {
        admin()
    }
}

impl Example for Unlocked {
    const USER_SEQ: i64 = 17;

    fn example() -> Self {
        Self { reason: UnlockedReason::Admin }
    }

    fn actor() -> Option<Actor> {
        admin()
    }
}
