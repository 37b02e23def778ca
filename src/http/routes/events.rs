//! POST and GET /events, GET /events/recent and /events/{id}.

use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Tag;
use super::body::Fields;
use super::event_body::{EventBody, EventPage, Stored};
use super::event_parameters::{Limit, Subject, check_range};
use super::new_event::{NewEvent, parse};
use super::refusals::{ALWAYS, BEARER, BODY, refusals};
use crate::actions::list_events::{self, Filter};
use crate::actions::{read_event, record_custom};
use crate::domain::ids::EventId;
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::idempotency::{IDEMPOTENCY, IdempotencyHeader, refused};
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::query::{Asked, ParameterNames};

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

refusals! {
    /// Why nothing was recorded.
    RecordRefused: [BODY, BEARER, IDEMPOTENCY, ALWAYS], [RateLimited]
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

refusals! {
    /// Why there is no page.
    ListRefused: [BEARER, ALWAYS], [Forbidden, ValidationFailed]
}
refusals! {
    /// Why there is no page.
    RecentRefused: [BEARER, ALWAYS], [ValidationFailed]
}
refusals! {
    /// Why there is no event.
    ReadRefused: [BEARER, ALWAYS], [InvalidParameter, NotFound]
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
    ) -> Result<Recorded, RecordRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut input = parse(body.0)?;
        input.idempotency_key = key.0;
        let work = self.0.run(&context, |auth, origin| async move {
            record_custom::run(&auth, &origin, &identity, input).await
        });
        let id = work.await?.map_err(|error| match error {
            record_custom::Error::SessionEnded => Problem::new(ProblemCode::InvalidToken),
            record_custom::Error::Key(error) => refused(error),
            record_custom::Error::Failure(error) => failure(error),
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
        subject: Query<Option<Asked<Subject>>>,
        /// Only events about this user.
        #[oai(name = "userId")]
        user_id: Query<Option<Asked<Uuid>>>,
        /// Only events about this session.
        #[oai(name = "sessionId")]
        session_id: Query<Option<Asked<Uuid>>>,
        /// Only what happened at this moment or later.
        from: Query<Option<Asked<OffsetDateTime>>>,
        /// Only what happened before this moment.
        to: Query<Option<Asked<OffsetDateTime>>>,
        /// `next` of the page before.
        after: Query<Option<Asked<Uuid>>>,
        /// Events on a page.
        limit: Query<Option<Asked<Limit>>>,
    ) -> Result<Listed, ListRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        names.only(
            &["type", "userId", "sessionId", "from", "to", "after", "limit"],
            &mut fields,
        );
        let filter = Filter {
            user: Asked::value(user_id.0, "userId", &mut fields).map(Into::into),
            session: Asked::value(session_id.0, "sessionId", &mut fields).map(Into::into),
            subject: Asked::value(subject.0, "type", &mut fields).map(|subject| subject.0),
            from: Asked::value(from.0, "from", &mut fields),
            until: Asked::value(to.0, "to", &mut fields),
            after: Asked::value(after.0, "after", &mut fields).map(Into::into),
        };
        check_range(filter.from, filter.until, &mut fields);
        let limit = Limit::or_default(Asked::value(limit.0, "limit", &mut fields));
        let filter = fields.finish(Some(filter))?;
        let work = self.0.run(&context, |auth, _| async move {
            list_events::run(&auth, &identity, filter, limit).await
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
        limit: Query<Option<Asked<Limit>>>,
    ) -> Result<Listed, RecentRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        names.only(&["limit"], &mut fields);
        let limit = Limit::or_default(Asked::value(limit.0, "limit", &mut fields));
        fields.finish(Some(()))?;
        let work = self.0.run(&context, |auth, _| async move {
            list_events::run(&auth, &identity, Filter::default(), limit).await
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
    ) -> Result<Found, ReadRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let id = EventId::from(id.0);
        let work = self.0.run(&context, |auth, _| async move {
            read_event::run(&auth, &identity, id).await
        });
        let event = work.await?.map_err(failure)?;
        let event = event.ok_or_else(|| Problem::new(ProblemCode::NotFound))?;
        Ok(Found::Ok(Stored::event(event)))
    }
}

fn problem(error: list_events::Error) -> Problem {
    match error {
        list_events::Error::Forbidden => Problem::new(ProblemCode::Forbidden),
        list_events::Error::Failure(error) => failure(error),
    }
}
