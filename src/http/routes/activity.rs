//! GET /auth/me/activity.

use poem_openapi::param::Query;
use poem_openapi::{ApiResponse, OpenApi};
use uuid::Uuid;

use super::Tag;
use super::body::Fields;
use super::event_body::{EventPage, Stored};
use super::event_parameters::{Limit, Subject};
use super::refusals::{ALWAYS, BEARER, refusals};
use crate::actions::list_events::{self, Filter};
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::middleware::RequestContext;
use crate::http::query::{Asked, ParameterNames};

/// A page of the user's events.
#[derive(ApiResponse)]
enum Listed {
    /// The events about the signed-in user.
    #[oai(status = 200)]
    Ok(Stored<EventPage>),
}

refusals! {
    /// Why there is no page.
    Refused: [BEARER, ALWAYS], [ValidationFailed]
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
        subject: Query<Option<Asked<Subject>>>,
        /// `next` of the page before.
        after: Query<Option<Asked<Uuid>>>,
        /// Events on a page.
        limit: Query<Option<Asked<Limit>>>,
    ) -> Result<Listed, Refused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        names.only(&["type", "after", "limit"], &mut fields);
        let filter = Filter {
            subject: Asked::value(subject.0, "type", &mut fields).map(|subject| subject.0),
            after: Asked::value(after.0, "after", &mut fields).map(Into::into),
            ..Filter::default()
        };
        let limit = Limit::or_default(Asked::value(limit.0, "limit", &mut fields));
        let filter = fields.finish(Some(filter))?;
        let work = self.0.run(&context, |auth, _| async move {
            list_events::run_own(&auth, &identity, filter, limit).await
        });
        let page = work.await?.map_err(failure)?;
        Ok(Listed::Ok(Stored::page(&page)))
    }
}
