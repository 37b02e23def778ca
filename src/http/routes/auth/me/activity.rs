//! GET /auth/me/activity.

use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use uuid::Uuid;

use crate::actions::events::list::{self, Filter};
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::event::{EventPage, Stored};
use crate::http::dto::event_parameters::{PageSize, Subject};
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::query::{ParameterNames, QueryParam};
use crate::http::routes::Tag;

error_responses! { ListActivityError: [BEARER, ALWAYS], [ValidationFailed] }

pub struct Activity(pub Api);

#[OpenApi]
impl Activity {
    /// List the caller's activity
    ///
    /// The events about the caller, newest first, also for administrators. To get the next page,
    /// send `next` as `after`.
    #[oai(path = "/auth/me/activity", method = "get", operation_id = "listActivity", tag = "Tag::Account")]
    async fn list(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        names: ParameterNames,
        /// Only events with this subject.
        subject: Query<Option<QueryParam<Subject>>>,
        /// `next` of the previous page.
        after: Query<Option<QueryParam<Uuid>>>,
        /// The number of events on a page.
        limit: Query<Option<QueryParam<PageSize>>>,
    ) -> Result<Stored<EventPage>, ListActivityError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let mut query = names.read();
        let filter = Filter {
            subject: query.take("subject", subject).map(|subject| subject.0),
            after: query.take("after", after).map(Into::into),
            ..Filter::default()
        };
        let limit = query.take("limit", limit).unwrap_or_default().0;
        let filter = query.finish(filter)?;
        let page = self.0.call(&context, |cx| list::own(cx, caller, filter, limit)).await?;
        Ok(Stored::page(&page))
    }
}
