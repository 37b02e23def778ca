//! GET /events/stream: the ledger as server-sent events.

use std::fmt::Write as _;
use std::sync::Arc;
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

use super::Tag;
use super::body::Fields;
use super::event_parameters::Subject;
use super::refusals::{ALWAYS, BEARER, refusals};
use crate::actions::follow_events::{self, Follower, Piece, Start};
use crate::actions::{Auth, authenticate};
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::middleware::RequestContext;
use crate::http::problem::{FieldError, Problem, ProblemCode};
use crate::http::query::{Asked, Parameter, ParameterNames, Refusal};
use crate::http::streams::{Confirm, End, Writer};
use crate::telemetry::error_chain;

/// How long a silence may last: shorter than what proxies bear with.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often other instances' commits are looked for.
const LOOK: Duration = Duration::from_millis(50);
/// How long a client waits before it comes back.
const RETRY_MS: u32 = 1000;

/// A place in the ledger: the `id` of an event of the stream.
#[derive(Debug, Clone, Copy)]
struct Place(i64);

impl Parameter for Place {
    fn schema() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            minimum: Some(0.0),
            ..MetaSchema::new_with_format("integer", "int64")
        }))
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let seq = digits.then(|| text.parse().ok()).flatten();
        seq.map(Self)
            .ok_or_else(|| Refusal::new("invalid_format", "must be the `id` of an event of this stream"))
    }
}

/// Where to begin: with a place in the ledger, or with a moment.
#[derive(Debug, Clone, Copy)]
enum Begin {
    Place(Place),
    Moment(OffsetDateTime),
}

impl Parameter for Begin {
    fn schema() -> MetaSchemaRef {
        String::schema_ref()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let place = Place::parse(text).map(Self::Place);
        place
            .or_else(|_| <OffsetDateTime as Parameter>::parse(text).map(Self::Moment))
            .map_err(|_| Refusal::new("invalid_format", "must be a place in the ledger or an RFC 3339 time"))
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
            // nginx would collect events until its buffer is full.
            .header("x-accel-buffering", "no")
            .body(self.0)
    }
}

/// Events without end.
#[derive(ApiResponse)]
enum Streaming {
    /// Server-sent events: `id` is the event's place in the ledger, `event` its subject, `data` its bytes. Comments in between keep
    /// the connection.
    #[oai(status = 200)]
    Ok(EventStream),
}

refusals! {
    /// Why there is no stream.
    Refused: [BEARER, ALWAYS], [Forbidden, ValidationFailed]
}

/// The resource.
pub struct EventStreams(pub Api);

#[OpenApi]
impl EventStreams {
    /// Follow the ledger
    ///
    /// For administrators: every event in the order of the ledger, from now on or from where it was left; none is lost and none
    /// comes twice. A client that comes back sends the last `id` it saw as `Last-Event-ID`. The stream ends when the token or the
    /// session does, when the service stops, and when the client does not read.
    #[oai(
        path = "/events/stream",
        method = "get",
        operation_id = "followEvents",
        tag = "Tag::Events"
    )]
    async fn follow(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        names: ParameterNames,
        /// Only this kind of event: its subject, or the name behind `auth.user.`.
        #[oai(name = "type")]
        subject: Query<Option<Asked<Subject>>>,
        /// Where to begin: a place in the ledger (an `id`; with the event in that place), or a time. Last-Event-ID goes before it.
        from: Query<Option<Asked<Begin>>>,
        /// The last `id` that was seen: what comes behind it is sent.
        #[oai(name = "Last-Event-ID")]
        last_event_id: Header<Option<Asked<Place>>>,
    ) -> Result<Streaming, Refused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        names.only(&["type", "from"], &mut fields);
        let subject = Asked::value(subject.0, "type", &mut fields).map(|subject| subject.0);
        let from = Asked::value(from.0, "from", &mut fields);
        let last = Asked::value(last_event_id.0, "Last-Event-ID", &mut fields);
        let start = fields.finish(Some(start(from, last)))?;
        let place = self.0.streams().enter()?;
        let work = self.0.run(&context, move |auth, _| async move {
            follow_events::run(&auth, &identity, start, subject).await
        });
        let resumed = if last.is_some() { "/Last-Event-ID" } else { "/from" };
        let follower = work.await?.map_err(|error| problem(error, resumed))?;
        let (writer, body) = self.0.streams().open(place);
        self.0
            .accompany("event stream", move |auth| feed(auth, bearer, follower, writer));
        Ok(Streaming::Ok(EventStream(body)))
    }
}

fn start(from: Option<Begin>, last: Option<Place>) -> Start {
    match (last, from) {
        (Some(Place(seq)), _) => Start::Behind(seq),
        (None, Some(Begin::Place(Place(seq)))) => Start::Behind(seq.saturating_sub(1)),
        (None, Some(Begin::Moment(moment))) => Start::At(moment),
        (None, None) => Start::Now,
    }
}

fn problem(error: follow_events::Error, resumed: &str) -> Problem {
    match error {
        follow_events::Error::Forbidden => Problem::new(ProblemCode::Forbidden),
        follow_events::Error::Beyond => Problem::validation(vec![FieldError::new(
            resumed,
            "beyond_the_end",
            "is beyond the end of the ledger: it comes from another one, begin anew",
        )]),
        follow_events::Error::Failure(error) => failure(error),
    }
}

/// The right of whoever holds a token.
struct Holder {
    auth: Arc<Auth>,
    token: BearerToken,
}

impl Confirm for Holder {
    async fn confirm(&self) -> bool {
        let confirmed = follow_events::confirm(&self.auth, self.token.as_str()).await;
        if let Err(authenticate::Error::Store(error)) = &confirmed {
            tracing::warn!(error = %error_chain(error), "a stream ends: its session cannot be confirmed");
        }
        confirmed.is_ok()
    }
}

/// Writes a stream to its end.
async fn feed(auth: Arc<Auth>, token: BearerToken, mut follower: Follower, mut writer: Writer) {
    let holder = Holder { auth, token };
    let end = match write(&holder, &mut follower, &mut writer).await {
        Ok(never) => match never {},
        Err(end) => end,
    };
    tracing::info!(?end, place = follower.place(), "event stream ended");
}

async fn write(holder: &Holder, follower: &mut Follower, writer: &mut Writer) -> Result<std::convert::Infallible, End> {
    let hello = format!("retry: {RETRY_MS}\n{}", comment(follower.place(), "following"));
    writer.send(hello.into(), holder).await?;
    let mut spoke = Instant::now();
    loop {
        let piece = follower.next(&holder.auth).await.map_err(|error| {
            tracing::warn!(error = %error_chain(&error), "a stream ends: the ledger cannot be read");
            End::Failed
        })?;
        if !piece.events.is_empty() {
            writer.send(frames(&piece), holder).await?;
            spoke = Instant::now();
        } else if spoke.elapsed() >= HEARTBEAT {
            writer
                .send(comment(follower.place(), "nothing new").into(), holder)
                .await?;
            spoke = Instant::now();
        }
        if !piece.more {
            writer.wait(follower.committed(), LOOK, holder).await?;
        }
    }
}

/// A comment that also tells the place, so that a client that comes back begins there. No event: it has no data.
fn comment(place: i64, text: &str) -> String {
    format!("id: {place}\n: {text}\n\n")
}

/// Events as lines. A payload is compact JSON, which has no line breaks.
fn frames(piece: &Piece) -> Bytes {
    let mut frames = Vec::new();
    for event in &piece.events {
        let mut head = String::new();
        // Writing to a string does not fail.
        let _ = write!(head, "id: {}\nevent: {}\ndata: ", event.seq, event.subject);
        frames.extend(head.bytes());
        frames.extend(&event.payload);
        frames.extend(b"\n\n");
    }
    frames.into()
}
