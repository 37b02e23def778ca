//! GET /auth/me/activity.

use poem_openapi::param::Query;
use poem_openapi::{ApiResponse, OpenApi};
use uuid::Uuid;

use crate::actions::events::list::{self, Filter};
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::dto::event::{EventPage, Stored};
use crate::http::dto::event_parameters::{Limit, Subject};
use crate::http::dto::user::Fields;
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::query::{ParameterNames, QueryParam};
use crate::http::routes::Tag;

/// A page of the user's events.
#[derive(ApiResponse)]
enum Listed {
    /// The events about the signed-in user.
    #[oai(status = 200)]
    Ok(Stored<EventPage>),
}

error_responses! {
    /// Why there is no page.
    ActivityError: [BEARER, ALWAYS], [ValidationFailed]
}
/// The resource.
pub struct Activity(pub Api);

#[OpenApi]
impl Activity {
    /// List what the signed-in user did
    ///
    /// The events about the signed-in user, newest first, also for an administrator. `next` of a page is the next one's `after`.
    #[oai(
        path = "/auth/me/activity",
        method = "get",
        operation_id = "listActivity",
        tag = "Tag::Account"
    )]
    async fn activity(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        names: ParameterNames,
        /// Only this kind of event: its subject, or the name behind `auth.user.`.
        #[oai(name = "type")]
        subject: Query<Option<QueryParam<Subject>>>,
        /// `next` of the page before.
        after: Query<Option<QueryParam<Uuid>>>,
        /// Events on a page.
        limit: Query<Option<QueryParam<Limit>>>,
    ) -> Result<Listed, ActivityError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        names.reject_unknown(&["type", "after", "limit"], &mut fields);
        let filter = Filter {
            subject: QueryParam::value(subject.0, "type", &mut fields).map(|subject| subject.0),
            after: QueryParam::value(after.0, "after", &mut fields).map(Into::into),
            ..Filter::default()
        };
        let limit = Limit::or_default(QueryParam::value(limit.0, "limit", &mut fields));
        let filter = fields.finish(Some(filter))?;
        let work = self.0.run(&context, |auth, _| async move {
            list::run_own(&auth, &identity, filter, limit).await
        });
        let page = work.await?.map_err(failure)?;
        Ok(Listed::Ok(Stored::page(&page)))
    }
}
