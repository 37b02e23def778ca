//! GET /events/{id}.

use poem_openapi::OpenApi;
use uuid::Uuid;

use crate::actions::events::get;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::event::{EventBody, Stored};
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::parameters::path::Path;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::routes::Tag;

error_responses! { GetEventError: [BEARER, ALWAYS], [InvalidParameter, NotFound] }

pub struct Event(pub Api);

#[OpenApi]
impl Event {
    /// Get an event
    ///
    /// Administrators can read any event. Everyone else can read only events about themselves; any
    /// other id answers 404.
    #[oai(path = "/events/:id", method = "get", operation_id = "getEvent", tag = "Tag::Events")]
    async fn get(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The event's id.
        id: Path<Uuid>,
    ) -> Result<Stored<EventBody>, GetEventError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let event = self.0.call(&context, |cx| get::run(cx, caller, id.0.into())).await?;
        let event = event.ok_or_else(|| Problem::new(ProblemCode::NotFound))?;
        Ok(Stored::event(event))
    }
}
