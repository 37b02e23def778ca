//! GET /events/stream: the ledger as server-sent events.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use poem::{Body, IntoResponse, Response};
use poem_openapi::param::{Header, Query};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::Type as _;
use poem_openapi::{ApiResponse, OpenApi};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::actions::events::follow::{self, EventBatch, Follower, Start};
use crate::actions::{ActionError, Context};
use crate::domain::ids::LedgerSeq;
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::event_parameters::Subject;
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::fields::Fields;
use crate::http::middleware::RequestContext;
use crate::http::problem::{FieldError, Problem, ProblemCode};
use crate::http::query::{ParamError, Parameter, ParameterNames, QueryParam};
use crate::http::routes::Tag;
use crate::http::sse::{Authorization, End, Writer};
use crate::telemetry::error_chain;

/// Longest silence: shorter than the read timeouts of proxies.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(10);
/// Time between two reads for commits of other instances.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How long a client waits before it connects again.
const RETRY_MS: u32 = 1000;

impl Parameter for LedgerSeq {
    fn schema() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            minimum: Some(0.0),
            ..MetaSchema::new_with_format("integer", "int64")
        }))
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let seq = digits.then(|| text.parse().ok()).flatten();
        seq.ok_or_else(|| ParamError::new("invalid_format", "must be the `id` of an event of this stream"))
    }
}

/// Where to begin: with an event, or with a moment.
#[derive(Debug, Clone, Copy)]
enum Begin {
    Seq(LedgerSeq),
    Moment(OffsetDateTime),
}

impl Parameter for Begin {
    fn schema() -> MetaSchemaRef {
        String::schema_ref()
    }

    fn parse(text: &str) -> Result<Self, ParamError> {
        <LedgerSeq as Parameter>::parse(text)
            .map(Self::Seq)
            .or_else(|_| <OffsetDateTime as Parameter>::parse(text).map(Self::Moment))
            .map_err(|_| {
                let detail = "must be the `id` of an event of this stream or an RFC 3339 time";
                ParamError::new("invalid_format", detail)
            })
    }
}

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
    /// Server-sent events: `id` is the event's ledger sequence, `event` its subject, `data` its
    /// bytes. Comments keep the connection open between events.
    #[oai(status = 200)]
    Ok(EventStream),
}

error_responses! { FollowEventsError: [BEARER, ALWAYS], [Forbidden, ValidationFailed] }

pub struct EventStreams(pub Api);

#[OpenApi]
impl EventStreams {
    /// Follow the events
    ///
    /// Sends every event in the order of the ledger, from now on or from a given position; no event
    /// is lost or repeated. A client that reconnects sends the last `id` it received as
    /// `Last-Event-ID`. The stream ends when the token expires, the session ends, the service
    /// stops, or the client does not read. For administrators.
    #[oai(path = "/events/stream", method = "get", operation_id = "followEvents", tag = "Tag::Events")]
    async fn follow(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        names: ParameterNames,
        /// Only events with this subject.
        subject: Query<Option<QueryParam<Subject>>>,
        /// Where to begin: with the event of this `id`, or with a time. `Last-Event-ID` takes
        /// precedence.
        from: Query<Option<QueryParam<Begin>>>,
        /// The last `id` that was received; the stream continues after it.
        #[oai(name = "Last-Event-ID")]
        last_event_id: Header<Option<QueryParam<LedgerSeq>>>,
    ) -> Result<Streaming, FollowEventsError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        names.reject_unknown(&["subject", "from"], &mut fields);
        let subject = QueryParam::value(subject.0, "subject", &mut fields).map(|subject| subject.0);
        let from = QueryParam::value(from.0, "from", &mut fields);
        let last = QueryParam::value(last_event_id.0, "Last-Event-ID", &mut fields);
        let start = fields.finish(Some(start(from, last)))?;
        let pointer = if last.is_some() { "/Last-Event-ID" } else { "/from" };
        let permit = self.0.streams().acquire()?;
        let follow = |cx| async move {
            let follower = follow::run(cx, caller, start, subject).await;
            follower.map_err(|error| problem(error, pointer))
        };
        let follower = self.0.call(&context, follow).await?;
        let (writer, body) = self.0.streams().open(permit);
        self.0.spawn_background("event stream", |cx| feed(cx, bearer, follower, writer));
        Ok(Streaming::Ok(EventStream(body)))
    }
}

fn start(from: Option<Begin>, last: Option<LedgerSeq>) -> Start {
    match (last, from) {
        (Some(seq), _) => Start::After(seq),
        (None, Some(Begin::Seq(seq))) => Start::After(seq.saturating_sub(1)),
        (None, Some(Begin::Moment(moment))) => Start::At(moment),
        (None, None) => Start::Now,
    }
}

/// `pointer` is the parameter that says where to begin.
fn problem(error: ActionError<follow::Refusal>, pointer: &str) -> Problem {
    match error {
        ActionError::Refused(follow::Refusal::NotAdmin) => Problem::new(ProblemCode::Forbidden),
        ActionError::Refused(follow::Refusal::BeyondEnd) => Problem::validation(vec![FieldError::new(
            pointer,
            "beyond_the_end",
            "is beyond the end of this ledger, so it is from another one; start over without it",
        )]),
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
    tracing::info!(?end, seq = follower.seq().get(), "event stream ended");
}

async fn write(holder: &Holder, follower: &mut Follower, writer: &mut Writer) -> Result<Infallible, End> {
    let opening = format!("retry: {RETRY_MS}\n{}", comment(follower.seq(), "following"));
    writer.send(opening.into(), holder).await?;
    let mut last_sent = Instant::now();
    loop {
        let batch = follower.next(&holder.cx).await.map_err(|failure| {
            tracing::warn!(error = %error_chain(&failure), "ledger not read; ending the event stream");
            End::Failed
        })?;
        if !batch.events.is_empty() {
            writer.send(frames(&batch), holder).await?;
            last_sent = Instant::now();
        } else if last_sent.elapsed() >= HEARTBEAT_INTERVAL {
            let heartbeat = comment(follower.seq(), "nothing new");
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
fn comment(seq: LedgerSeq, text: &str) -> String {
    format!("id: {seq}\n: {text}\n\n")
}

/// Write events as lines. A payload is compact JSON, which has no line breaks.
fn frames(batch: &EventBatch) -> Bytes {
    let mut frames = Vec::new();
    for event in &batch.events {
        let mut head = String::new();
        // Writing to a string does not fail.
        let _ = write!(head, "id: {}\nevent: {}\ndata: ", event.seq, event.subject);
        frames.extend(head.bytes());
        frames.extend(&event.payload);
        frames.extend(b"\n\n");
    }
    frames.into()
}
