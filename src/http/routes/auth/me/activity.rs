//! GET /auth/me/activity.

use poem_openapi::OpenApi;
use poem_openapi::param::Query;

use crate::actions::events::list::{self, Filter, Input};
use crate::domain::ids::Cursor;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::event::{EventPage, Stored};
use crate::http::dto::event_parameters::{PageSize, Subject};
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::parameters::query::{ParameterNames, QueryParam};
use crate::http::routes::Tag;

error_responses! { ListActivityError: [BEARER, ALWAYS], [InvalidParameter] }

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
        after: Query<Option<QueryParam<Cursor>>>,
        /// The number of events on a page.
        limit: Query<Option<QueryParam<PageSize>>>,
    ) -> Result<Stored<EventPage>, ListActivityError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let mut query = names.read();
        let filter = Filter {
            subject: query.take("subject", subject).map(|subject| subject.0),
            ..Filter::default()
        };
        let input = Input {
            filter,
            after: query.take("after", after),
            limit: query.take("limit", limit).unwrap_or_default().0,
            ..Input::default()
        };
        let input = query.finish(input)?;
        let page = self.0.call(&context, |cx| list::own(cx, caller, input)).await?;
        Ok(Stored::page(&page))
    }
}
