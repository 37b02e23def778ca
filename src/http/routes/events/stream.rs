//! GET /events/stream: the ledger as server-sent events.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use poem::{Body, IntoResponse, Response};
use poem_openapi::param::Query;
use poem_openapi::payload::Payload;
use poem_openapi::registry::MetaSchemaRef;
use poem_openapi::types::Type as _;
use poem_openapi::{ApiResponse, OpenApi};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::actions::events::follow::{self, EventBatch, Follower, Input};
use crate::actions::{ActionError, Context};
use crate::domain::ids::Cursor;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::cursor;
use crate::http::dto::event_parameters::Subject;
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::parameters::header::Header;
use crate::http::parameters::query::{ParameterNames, QueryParam};
use crate::http::problem::{Problem, ProblemCode};
use crate::http::routes::Tag;
use crate::http::sse::{Authorization, End, Writer};
use crate::telemetry::error_chain;

/// Longest silence: shorter than the read timeouts of proxies.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(10);
/// Time between two reads for commits of other instances.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How long a client waits before it connects again.
const RETRY_MS: u32 = 1000;

/// `text/event-stream`.
struct EventStream(Body);

impl Payload for EventStream {
    const CONTENT_TYPE: &'static str = "text/event-stream";

    fn schema_ref() -> MetaSchemaRef {
        String::schema_ref()
    }
}

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type(Self::CONTENT_TYPE)
            // Otherwise nginx buffers events until its buffer is full.
            .header("x-accel-buffering", "no")
            .body(self.0)
    }
}

/// `200` with a body that does not end.
#[derive(ApiResponse)]
enum Streaming {
    /// Server-sent events: `id` is the event's cursor, `event` its subject, `data` its bytes.
    /// Comments keep the connection open between events.
    #[oai(status = 200)]
    Ok(EventStream),
}

error_responses! { FollowEventsError: [BEARER, ALWAYS], [Forbidden, InvalidParameter] }

pub struct EventStreams(pub Api);

#[OpenApi]
impl EventStreams {
    /// Follow the events
    ///
    /// Sends every event in the order of the ledger, from now on or from a given place; no event is
    /// lost or repeated. A client that reconnects sends the last `id` it received as
    /// `Last-Event-ID`. The stream ends when the token expires, the session ends, the service
    /// stops, or the client does not read. For administrators.
    #[oai(path = "/events/stream", method = "get", operation_id = "followEvents", tag = "Tag::Events")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn follow(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        names: ParameterNames,
        /// Only events with this subject.
        subject: Query<Option<QueryParam<Subject>>>,
        /// Only what happened at this moment or later: also where to begin without a cursor.
        from: Query<Option<QueryParam<OffsetDateTime>>>,
        /// The cursor after which to begin: `position` or `next` of a page, or `id` of an event.
        after: Query<Option<QueryParam<Cursor>>>,
        /// The last `id` that was received: the stream continues after it. Takes precedence over
        /// `after`.
        #[oai(name = "Last-Event-ID")]
        last_event_id: Header<Option<Cursor>>,
    ) -> Result<Streaming, FollowEventsError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let mut query = names.read();
        let subject = query.take("subject", subject).map(|subject| subject.0);
        let from = query.take("from", from);
        let after = query.take("after", after);
        let last = last_event_id.0;
        let input = query.finish(Input { subject, from, after: last.or(after) })?;
        let permit = self.0.streams().acquire()?;
        let follow = |cx| async move {
            let follower = follow::run(cx, caller, input).await;
            follower.map_err(|error| problem(error, last.is_some()))
        };
        let follower = self.0.call(&context, follow).await?;
        let (writer, body) = self.0.streams().open(permit);
        self.0.spawn_background("event stream", |cx| feed(cx, bearer, follower, writer));
        Ok(Streaming::Ok(EventStream(body)))
    }
}

fn problem(error: ActionError<follow::Refusal>, by_header: bool) -> Problem {
    match error {
        ActionError::Refused(follow::Refusal::NotAdmin) => Problem::new(ProblemCode::Forbidden),
        ActionError::Refused(follow::Refusal::Cursor(foreign)) if by_header => cursor::foreign_header(foreign).into(),
        ActionError::Refused(follow::Refusal::Cursor(foreign)) => cursor::foreign_parameter("after", foreign).into(),
        ActionError::Failure(failure) => failure.into(),
    }
}

/// The holder of an access token.
struct Holder {
    cx: Context,
    token: BearerToken,
}

impl Authorization for Holder {
    async fn confirm(&self) -> bool {
        let confirmed = follow::confirm(&self.cx, self.token.as_str()).await;
        if let Err(ActionError::Failure(failure)) = &confirmed {
            tracing::warn!(error = %error_chain(failure), "session not confirmed; ending the event stream");
        }
        confirmed.is_ok()
    }
}

/// Write a stream until it ends.
async fn feed(cx: Context, token: BearerToken, mut follower: Follower, mut writer: Writer) {
    let holder = Holder { cx, token };
    let end = match write(&holder, &mut follower, &mut writer).await {
        Ok(never) => match never {},
        Err(end) => end,
    };
    tracing::info!(?end, seq = follower.cursor().seq.get(), "event stream ended");
}

async fn write(holder: &Holder, follower: &mut Follower, writer: &mut Writer) -> Result<Infallible, End> {
    let opening = format!("retry: {RETRY_MS}\n{}", comment(follower.cursor(), "following"));
    writer.send(opening.into(), holder).await?;
    let mut last_sent = Instant::now();
    loop {
        let batch = follower.next(&holder.cx).await.map_err(|failure| {
            tracing::warn!(error = %error_chain(&failure), "ledger not read; ending the event stream");
            End::Failed
        })?;
        if !batch.events.is_empty() {
            writer.send(frames(&batch, follower), holder).await?;
            last_sent = Instant::now();
        } else if last_sent.elapsed() >= HEARTBEAT_INTERVAL {
            let heartbeat = comment(follower.cursor(), "nothing new");
            writer.send(heartbeat.into(), holder).await?;
            last_sent = Instant::now();
        }
        if !batch.more {
            writer.wait(follower.committed(), POLL_INTERVAL, holder).await?;
        }
    }
}

/// A comment with an `id`, so that a client that reconnects continues there. It is no event, since
/// it has no data.
fn comment(cursor: Cursor, text: &str) -> String {
    format!("id: {}\n: {text}\n\n", cursor::of_ledger(cursor))
}

/// Write events as lines. A payload is compact JSON, which has no line breaks.
fn frames(batch: &EventBatch, follower: &Follower) -> Bytes {
    let mut frames = Vec::new();
    for event in &batch.events {
        let mut head = String::new();
        // Writing to a string does not fail.
        let id = cursor::of_ledger(follower.cursor_at(event.seq));
        let _ = write!(head, "id: {id}\nevent: {}\ndata: ", event.subject);
        frames.extend(head.bytes());
        frames.extend(&event.payload);
        frames.extend(b"\n\n");
    }
    frames.into()
}
