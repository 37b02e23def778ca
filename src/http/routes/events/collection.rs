//! POST and GET /events, GET /events/recent.

use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::create::{CreateEventRequest, parse};
use crate::actions::events::list::{self, Filter, Input, Order};
use crate::actions::events::record;
use crate::domain::ids::Cursor;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::cursor;
use crate::http::dto::event::{EventPage, Stored};
use crate::http::dto::event_parameters::{PageSize, Subject};
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::idempotency::{IDEMPOTENCY, IdempotencyHeader};
use crate::http::middleware::RequestContext;
use crate::http::parameters::query::{ParameterNames, QueryParam};
use crate::http::payload::StrictJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::routes::Tag;

/// The recorded event.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct RecordedEvent {
    /// The event's id, a `UUIDv7`: for `GET /events/{id}`, and the `Nats-Msg-Id` of the message.
    id: Uuid,
}

/// `202`: the relay publishes the event.
#[derive(ApiResponse)]
enum Recorded {
    /// Accepted
    #[oai(status = 202)]
    Accepted(
        Json<RecordedEvent>,
        /// The path of the event.
        #[oai(header = "Location")]
        String,
    ),
}

error_responses! { RecordEventError: [BODY, BEARER, IDEMPOTENCY, ALWAYS], [RateLimited, CustomEventsDisabled] }
error_responses! { ListEventsError: [BEARER, ALWAYS], [Forbidden, InvalidParameter] }
error_responses! { ListRecentEventsError: [BEARER, ALWAYS], [InvalidParameter] }

pub struct Events(pub Api);

#[OpenApi]
impl Events {
    /// Record a custom event
    ///
    /// Records `auth.custom.<name>` about the caller, without a `userSeq`. With an
    /// `Idempotency-Key`, the request can be repeated for 24 hours: the same request gets the same
    /// id and records nothing more.
    #[oai(path = "/events", method = "post", operation_id = "createEvent", tag = "Tag::Events")]
    async fn record(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// Makes the request idempotent: 1 to 255 visible ASCII characters, such as a UUID, that no
        /// other request of the caller has.
        #[oai(name = "Idempotency-Key")]
        key: IdempotencyHeader,
        body: StrictJson<CreateEventRequest>,
    ) -> Result<Recorded, RecordEventError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let input = parse(body.0, key.0)?;
        let id = self.0.call(&context, |cx| record::run(cx, caller, input)).await?;
        let location = self.0.path_of(&format!("/events/{id}"));
        Ok(Recorded::Accepted(Json(RecordedEvent { id: id.as_uuid() }), location))
    }

    /// List the events
    ///
    /// In the order of the ledger. Administrators see all events. Everyone else sees only events
    /// about themselves; another `userId` answers 403, whether or not the user exists. To get the
    /// next page, send `next` as `after`, with the same order and filters. Events that were
    /// recorded before the first page was read appear on exactly one page, before all later ones in
    /// the order of the ledger. `/events/stream` continues from `position`.
    #[oai(path = "/events", method = "get", operation_id = "listEvents", tag = "Tag::Events")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn list(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        names: ParameterNames,
        /// Only events with this subject.
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
        /// `desc` for the newest event first, `asc` for the oldest.
        order: Query<Option<QueryParam<Order>>>,
        /// `next` of the previous page; with `order=asc` also a cursor of the stream.
        after: Query<Option<QueryParam<Cursor>>>,
        /// The number of events on a page.
        limit: Query<Option<QueryParam<PageSize>>>,
    ) -> Result<Stored<EventPage>, ListEventsError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let mut query = names.read();
        let filter = Filter {
            user: query.take("userId", user_id).map(Into::into),
            session: query.take("sessionId", session_id).map(Into::into),
            subject: query.take("subject", subject).map(|subject| subject.0),
            from: query.take("from", from),
            until: query.take("to", to),
        };
        query.check_range(filter.from, filter.until);
        let input = Input {
            filter,
            order: query.take("order", order).unwrap_or_default(),
            after: query.take("after", after),
            limit: query.take("limit", limit).unwrap_or_default().0,
        };
        let input = query.finish(input)?;
        let page = self.0.call(&context, |cx| list::run(cx, caller, input)).await?;
        Ok(Stored::page(&page))
    }

    /// List the latest events
    ///
    /// The first page of `GET /events` without filters.
    #[oai(path = "/events/recent", method = "get", operation_id = "listRecentEvents", tag = "Tag::Events")]
    async fn recent(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        names: ParameterNames,
        /// The number of events.
        limit: Query<Option<QueryParam<PageSize>>>,
    ) -> Result<Stored<EventPage>, ListRecentEventsError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let mut query = names.read();
        let limit = query.take("limit", limit).unwrap_or_default().0;
        let input = query.finish(Input { limit, ..Input::default() })?;
        let page = self.0.call(&context, |cx| list::run(cx, caller, input)).await?;
        Ok(Stored::page(&page))
    }
}

impl From<list::Refusal> for Problem {
    fn from(refusal: list::Refusal) -> Self {
        match refusal {
            list::Refusal::OtherUser => Self::new(ProblemCode::Forbidden),
            list::Refusal::Cursor(foreign) => cursor::foreign_parameter("after", foreign).into(),
        }
    }
}

impl From<record::Refusal> for Problem {
    fn from(refusal: record::Refusal) -> Self {
        match refusal {
            record::Refusal::Disabled => Self::new(ProblemCode::CustomEventsDisabled),
            record::Refusal::SessionEnded => Self::new(ProblemCode::InvalidToken),
            record::Refusal::Idempotency(refusal) => refusal.into(),
        }
    }
}
