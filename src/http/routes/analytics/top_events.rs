//! GET /analytics/top-events.

use poem_openapi::param::Query;
use poem_openapi::{Object, OpenApi};
use time::OffsetDateTime;

use super::{AnalyticsError, EventCount};
use crate::actions::analytics::top_events::{self, CountFilter, Refusal};
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::event_parameters::PageSize;
use crate::http::middleware::RequestContext;
use crate::http::parameters::query::{ParameterNames, QueryParam};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::responses::Success;
use crate::http::routes::Tag;

/// The most frequent events.
#[derive(Object)]
#[oai(rename = "TopEvents", rename_all = "camelCase")]
struct TopEventsBody {
    /// The most frequent first; equally frequent ones by their subject.
    counts: Vec<EventCount>,
    /// All events of the range, including those that are not listed.
    total: u64,
}

pub struct TopEvents(pub Api);

#[OpenApi]
impl TopEvents {
    /// List the most frequent events
    ///
    /// Counts the events of the ledger, which goes back as far as `events.retention`. For
    /// administrators.
    #[oai(path = "/analytics/top-events", method = "get", operation_id = "getTopEvents", tag = "Tag::Analytics")]
    async fn list(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        names: ParameterNames,
        /// Only what happened at this moment or later.
        from: Query<Option<QueryParam<OffsetDateTime>>>,
        /// Only what happened before this moment.
        to: Query<Option<QueryParam<OffsetDateTime>>>,
        /// The number of subjects.
        limit: Query<Option<QueryParam<PageSize>>>,
    ) -> Result<Success<TopEventsBody>, AnalyticsError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let mut query = names.read();
        let filter = CountFilter {
            subject: None,
            from: query.take("from", from),
            until: query.take("to", to),
        };
        query.check_range(filter.from, filter.until);
        let limit = query.take("limit", limit).unwrap_or_default().0;
        let filter = query.finish(filter)?;
        let top = self.0.call(&context, |cx| top_events::run(cx, caller, filter, limit)).await?;
        Ok(Success::new(top))
    }
}

impl From<top_events::TopEvents> for TopEventsBody {
    fn from(top: top_events::TopEvents) -> Self {
        Self { counts: EventCount::list(top.counts), total: top.total }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotAdmin => Self::new(ProblemCode::Forbidden),
        }
    }
}
