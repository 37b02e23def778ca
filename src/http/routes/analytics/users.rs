//! GET /analytics/users/{id}.

use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::EventCount;
use crate::actions::analytics::user_counts::{self, Refusal};
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::parameters::path::Path;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::responses::Success;
use crate::http::routes::Tag;
use crate::http::timestamp::Timestamp;

/// The number of events about one user.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct UserEventCounts {
    /// The user's id.
    user_id: Uuid,
    /// The most frequent first; equally frequent ones by their subject.
    counts: Vec<EventCount>,
    /// All events about the user.
    total: u64,
    /// When the first event happened.
    #[oai(skip_serializing_if_is_none)]
    first_at: Option<Timestamp>,
    /// When the last event happened.
    #[oai(skip_serializing_if_is_none)]
    last_at: Option<Timestamp>,
}

error_responses! { UserAnalyticsError: [BEARER, ALWAYS], [InvalidParameter, Forbidden, NotFound] }

pub struct UserAnalytics(pub Api);

#[OpenApi]
impl UserAnalytics {
    /// Count a user's events
    ///
    /// Also of deleted users. For administrators.
    #[oai(path = "/analytics/users/:id", method = "get", operation_id = "getUserEventCounts", tag = "Tag::Analytics")]
    async fn get(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The user's id.
        id: Path<Uuid>,
    ) -> Result<Success<UserEventCounts>, UserAnalyticsError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let counts = self.0.call(&context, |cx| user_counts::run(cx, caller, id.0.into())).await?;
        Ok(Success::new(UserEventCounts {
            user_id: id.0,
            total: counts.subjects.iter().map(|(_, count)| count).sum(),
            counts: EventCount::list(counts.subjects),
            first_at: counts.first.map(Timestamp::from),
            last_at: counts.last.map(Timestamp::from),
        }))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotAdmin => Self::new(ProblemCode::Forbidden),
            Refusal::NotFound => Self::new(ProblemCode::NotFound),
        }
    }
}
