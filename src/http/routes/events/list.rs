//! POST and GET /events, GET /events/recent and /events/{id}.

use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::create::{NewEvent, parse};
use crate::actions::events::list::{self, Filter};
use crate::actions::events::{get, record};
use crate::domain::ids::EventId;
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::dto::event::{EventBody, EventPage, Stored};
use crate::http::dto::event_parameters::{Limit, Subject, check_range};
use crate::http::dto::user::Fields;
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::idempotency::{IDEMPOTENCY, IdempotencyHeader, refused};
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::query::{ParameterNames, QueryParam};
use crate::http::routes::Tag;

/// What was recorded.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct RecordedEvent {
    /// The event's id, a `UUIDv7`: in `GET /events/{id}`, and the message's `Nats-Msg-Id`.
    id: Uuid,
}

/// The event will be published.
#[derive(ApiResponse)]
enum Recorded {
    /// It is in the ledger; the relay publishes it.
    #[oai(status = 202)]
    Accepted(Json<RecordedEvent>),
}

error_responses! {
    /// Why nothing was recorded.
    RecordError: [BODY, BEARER, IDEMPOTENCY, ALWAYS], [RateLimited]
}

/// A page of events.
#[derive(ApiResponse)]
enum Listed {
    /// The events that were asked for and that the caller may see.
    #[oai(status = 200)]
    Ok(Stored<EventPage>),
}

/// An event.
#[derive(ApiResponse)]
enum Found {
    /// The event, byte for byte as it is published.
    #[oai(status = 200)]
    Ok(Stored<EventBody>),
}

error_responses! {
    /// Why there is no page.
    ListError: [BEARER, ALWAYS], [Forbidden, ValidationFailed]
}
error_responses! {
    /// Why there is no page.
    RecentError: [BEARER, ALWAYS], [ValidationFailed]
}
error_responses! {
    /// Why there is no event.
    GetError: [BEARER, ALWAYS], [InvalidParameter, NotFound]
}

/// The resource.
pub struct Events(pub Api);

#[OpenApi]
impl Events {
    /// Record an event of the application's own
    ///
    /// Records `auth.user.custom` about the signed-in user. With an `Idempotency-Key` it can be sent again for a day: the same request
    /// gets the same id and records nothing.
    #[oai(path = "/events", method = "post", operation_id = "recordEvent", tag = "Tag::Events")]
    async fn record(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// Makes the request one that can be repeated: 1 to 255 visible ASCII characters that no other request of the user has, such as
        /// a UUID.
        #[oai(name = "Idempotency-Key")]
        key: IdempotencyHeader,
        body: StrictJson<NewEvent>,
    ) -> Result<Recorded, RecordError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut input = parse(body.0)?;
        input.idempotency_key = key.0;
        let work = self.0.run(&context, |auth, origin| async move {
            record::run(&auth, &origin, &identity, input).await
        });
        let id = work.await?.map_err(|error| match error {
            record::Error::SessionEnded => Problem::new(ProblemCode::InvalidToken),
            record::Error::Key(error) => refused(error),
            record::Error::Failure(error) => failure(error),
        })?;
        Ok(Recorded::Accepted(Json(RecordedEvent { id: id.as_uuid() })))
    }

    /// List events
    ///
    /// Newest first. An administrator sees everybody's events, everybody else their own: another `userId` is refused, whether
    /// or not there is such a user. `next` of a page is the next one's `after`, with the same filters. What was recorded before
    /// the first page was read is on the pages exactly once; what is recorded meanwhile is newer than all of them.
    #[oai(path = "/events", method = "get", operation_id = "listEvents", tag = "Tag::Events")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn list(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        names: ParameterNames,
        /// Only this kind of event: its subject, or the name behind `auth.user.`.
        #[oai(name = "type")]
        subject: Query<Option<QueryParam<Subject>>>,
        /// Only events about this user.
        #[oai(name = "userId")]
        user_id: Query<Option<QueryParam<Uuid>>>,
        /// Only events about this session.
        #[oai(name = "sessionId")]
        session_id: Query<Option<QueryParam<Uuid>>>,
        /// Only what happened at this moment or later.
        from: Query<Option<QueryParam<OffsetDateTime>>>,
        /// Only what happened before this moment.
        to: Query<Option<QueryParam<OffsetDateTime>>>,
        /// `next` of the page before.
        after: Query<Option<QueryParam<Uuid>>>,
        /// Events on a page.
        limit: Query<Option<QueryParam<Limit>>>,
    ) -> Result<Listed, ListError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        names.reject_unknown(
            &["type", "userId", "sessionId", "from", "to", "after", "limit"],
            &mut fields,
        );
        let filter = Filter {
            user: QueryParam::value(user_id.0, "userId", &mut fields).map(Into::into),
            session: QueryParam::value(session_id.0, "sessionId", &mut fields).map(Into::into),
            subject: QueryParam::value(subject.0, "type", &mut fields).map(|subject| subject.0),
            from: QueryParam::value(from.0, "from", &mut fields),
            until: QueryParam::value(to.0, "to", &mut fields),
            after: QueryParam::value(after.0, "after", &mut fields).map(Into::into),
        };
        check_range(filter.from, filter.until, &mut fields);
        let limit = Limit::or_default(QueryParam::value(limit.0, "limit", &mut fields));
        let filter = fields.finish(Some(filter))?;
        let work = self.0.run(&context, |auth, _| async move {
            list::run(&auth, &identity, filter, limit).await
        });
        let page = work.await?.map_err(problem)?;
        Ok(Listed::Ok(Stored::page(&page)))
    }

    /// List the latest events
    ///
    /// The first page of `GET /events` without filters.
    #[oai(
        path = "/events/recent",
        method = "get",
        operation_id = "listRecentEvents",
        tag = "Tag::Events"
    )]
    async fn recent(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        names: ParameterNames,
        /// How many events.
        limit: Query<Option<QueryParam<Limit>>>,
    ) -> Result<Listed, RecentError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        names.reject_unknown(&["limit"], &mut fields);
        let limit = Limit::or_default(QueryParam::value(limit.0, "limit", &mut fields));
        fields.finish(Some(()))?;
        let work = self.0.run(&context, |auth, _| async move {
            list::run(&auth, &identity, Filter::default(), limit).await
        });
        let page = work.await?.map_err(problem)?;
        Ok(Listed::Ok(Stored::page(&page)))
    }

    /// Show one event
    ///
    /// An event about somebody else and one that does not exist look alike, but for administrators.
    #[oai(path = "/events/:id", method = "get", operation_id = "getEvent", tag = "Tag::Events")]
    async fn one(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The event's id.
        id: Path<Uuid>,
    ) -> Result<Found, GetError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let id = EventId::from(id.0);
        let work = self
            .0
            .run(&context, |auth, _| async move { get::run(&auth, &identity, id).await });
        let event = work.await?.map_err(failure)?;
        let event = event.ok_or_else(|| Problem::new(ProblemCode::NotFound))?;
        Ok(Found::Ok(Stored::event(event)))
    }
}

fn problem(error: list::Error) -> Problem {
    match error {
        list::Error::Forbidden => Problem::new(ProblemCode::Forbidden),
        list::Error::Failure(error) => failure(error),
    }
}
