//! `/users`: users, as administrators manage them.

pub mod collection;
pub mod item;
pub mod mfa;
pub mod roles;
pub mod sessions;
pub mod status;
pub mod unlock;

use crate::actions::users::admin_guard::Refusal;
use crate::http::problem::{Problem, ProblemCode};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(match refusal {
            Refusal::Forbidden => ProblemCode::Forbidden,
            Refusal::SessionEnded => ProblemCode::InvalidToken,
            Refusal::NotFound => ProblemCode::NotFound,
            Refusal::Stale => ProblemCode::PreconditionFailed,
            Refusal::LastAdministrator => ProblemCode::LastAdministrator,
        })
    }
}
