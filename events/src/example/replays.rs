//! The example of the event about replays.

use time::macros::datetime;
use uuid::uuid;

use super::{Example, USER, admin};
use crate::event::{Actor, UserRef};
use crate::payload::{ReplayStarted, ReplayTarget};

impl Example for ReplayStarted {
    const USER_SEQ: i64 = 0;

    fn example() -> Self {
        Self {
            replay_id: uuid!("01a20320-a1f4-7c52-8a90-6b7c8d9e0f11"),
            name: "mailer".to_owned(),
            target: ReplayTarget::Replays,
            from: Some(datetime!(2026-11-01 00:00:00 UTC)),
            to: Some(datetime!(2026-11-15 00:00:00 UTC)),
            subjects: vec!["auth.user.registered".to_owned()],
            user_ids: vec![USER],
        }
    }

    fn user() -> Option<UserRef> {
        None
    }

    fn actor() -> Option<Actor> {
        admin()
    }
}
