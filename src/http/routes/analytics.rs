//! GET /analytics/top-events, /analytics/users/{id} and /analytics/timeline.

use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::{ApiResponse, Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Tag;
use super::body::Fields;
use super::event_parameters::{Subject, check_range};
use super::refusals::{ALWAYS, BEARER, refusals};
use crate::actions::timeline::{self, Bucket, MOST_BUCKETS};
use crate::actions::top_events::{self, Counted};
use crate::actions::user_counts;
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::middleware::RequestContext;
use crate::http::problem::{FieldError, Problem, ProblemCode};
use crate::http::query::{Asked, Parameter, ParameterNames, Refusal};
use crate::http::timestamp::Timestamp;

/// How often one kind of event happened.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct EventCount {
    /// The event's subject.
    #[oai(rename = "type")]
    subject: String,
    /// How often it happened.
    count: u64,
}

/// The most frequent events.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct TopEvents {
    /// The most frequent first; equal ones by their subject.
    events: Vec<EventCount>,
    /// All events of the range, also those that are not listed.
    total: u64,
}

/// What happened to one user.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct UserActivity {
    /// The user.
    user_id: Uuid,
    /// The most frequent first; equal ones by their subject.
    events: Vec<EventCount>,
    /// All of them.
    total: u64,
    /// When the first of them happened.
    #[oai(skip_serializing_if_is_none)]
    first_at: Option<Timestamp>,
    /// When the last of them happened.
    #[oai(skip_serializing_if_is_none)]
    last_at: Option<Timestamp>,
}

/// Events over time.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct TimelineBody {
    /// The beginning of the range.
    from: Timestamp,
    /// The end of the range, which is not part of it.
    to: Timestamp,
    /// Oldest first and without gaps. The first and the last hold only what is within the range.
    buckets: Vec<BucketBody>,
}

/// An hour or a day.
#[derive(Object)]
#[oai(rename = "Bucket", rename_all = "camelCase")]
struct BucketBody {
    /// When it begins, UTC.
    start: Timestamp,
    /// How many events happened in it.
    count: u64,
}

/// Numbers.
#[derive(ApiResponse)]
enum TopAnswer {
    /// The most frequent events of the range.
    #[oai(status = 200)]
    Ok(Json<TopEvents>),
}

/// Numbers.
#[derive(ApiResponse)]
enum UserAnswer {
    /// What happened to the user.
    #[oai(status = 200)]
    Ok(Json<UserActivity>),
}

/// Numbers.
#[derive(ApiResponse)]
enum TimelineAnswer {
    /// The number of events in each bucket.
    #[oai(status = 200)]
    Ok(Json<TimelineBody>),
}

refusals! {
    /// Why nothing was counted.
    Refused: [BEARER, ALWAYS], [Forbidden, ValidationFailed]
}
refusals! {
    /// Why nothing was counted.
    UserRefused: [BEARER, ALWAYS], [InvalidParameter, Forbidden, NotFound]
}

/// How many kinds of events are listed: 1 to 100, 10 when nothing is said.
#[derive(Debug, Clone, Copy)]
struct Most(usize);

impl Parameter for Most {
    fn schema() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            minimum: Some(1.0),
            maximum: Some(100.0),
            default: Some(10.into()),
            ..MetaSchema::new_with_format("integer", "int32")
        }))
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let number = text
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok());
        match number.flatten() {
            Some(most @ 1..=100) => Ok(Self(most)),
            _ => Err(Refusal::new("out_of_range", "must be a whole number from 1 to 100")),
        }
    }
}

impl Parameter for Bucket {
    fn schema() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            enum_items: vec!["hour".into(), "day".into()],
            default: Some("day".into()),
            ..MetaSchema::new("string")
        }))
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        match text {
            "hour" => Ok(Self::Hour),
            "day" => Ok(Self::Day),
            _ => Err(Refusal::new("not_one_of", "must be `hour` or `day`")),
        }
    }
}

/// The resource.
pub struct Analytics(pub Api);

#[OpenApi]
impl Analytics {
    /// List the most frequent events
    ///
    /// For administrators. Counts what the ledger has, as far back as `events.retention`.
    #[oai(
        path = "/analytics/top-events",
        method = "get",
        operation_id = "topEvents",
        tag = "Tag::Events"
    )]
    async fn top(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        names: ParameterNames,
        /// Only what happened at this moment or later.
        from: Query<Option<Asked<OffsetDateTime>>>,
        /// Only what happened before this moment.
        to: Query<Option<Asked<OffsetDateTime>>>,
        /// How many kinds of events.
        limit: Query<Option<Asked<Most>>>,
    ) -> Result<TopAnswer, Refused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        names.only(&["from", "to", "limit"], &mut fields);
        let counted = Counted {
            subject: None,
            from: Asked::value(from.0, "from", &mut fields),
            until: Asked::value(to.0, "to", &mut fields),
        };
        check_range(counted.from, counted.until, &mut fields);
        let limit = Asked::value(limit.0, "limit", &mut fields).map_or(10, |most| most.0);
        let counted = fields.finish(Some(counted))?;
        let work = self.0.run(&context, |auth, _| async move {
            top_events::run(&auth, &identity, &counted, limit).await
        });
        let top = work.await?.map_err(|error| match error {
            top_events::Error::Forbidden => Problem::new(ProblemCode::Forbidden),
            top_events::Error::Failure(error) => failure(error),
        })?;
        Ok(TopAnswer::Ok(Json(TopEvents {
            events: counts(top.events),
            total: top.total,
        })))
    }

    /// Count one user's events
    ///
    /// For administrators; of deleted users too.
    #[oai(
        path = "/analytics/users/:id",
        method = "get",
        operation_id = "userAnalytics",
        tag = "Tag::Events"
    )]
    async fn user(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The user's id.
        id: Path<Uuid>,
    ) -> Result<UserAnswer, UserRefused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let user_id = id.0;
        let work = self.0.run(&context, move |auth, _| async move {
            user_counts::run(&auth, &identity, user_id.into()).await
        });
        let found = work.await?.map_err(|error| match error {
            user_counts::Error::Forbidden => Problem::new(ProblemCode::Forbidden),
            user_counts::Error::NotFound => Problem::new(ProblemCode::NotFound),
            user_counts::Error::Failure(error) => failure(error),
        })?;
        Ok(UserAnswer::Ok(Json(UserActivity {
            user_id,
            total: found.subjects.iter().map(|(_, count)| count).sum(),
            events: counts(found.subjects),
            first_at: found.first.map(Timestamp::from),
            last_at: found.last.map(Timestamp::from),
        })))
    }

    /// Count events over time
    ///
    /// For administrators. Hours or days of UTC, at most 1000 of them; without `from` the last 48 hours or 30 days.
    #[oai(
        path = "/analytics/timeline",
        method = "get",
        operation_id = "eventTimeline",
        tag = "Tag::Events"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn timeline(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        names: ParameterNames,
        /// How long a bucket is.
        bucket: Query<Option<Asked<Bucket>>>,
        /// Only this kind of event: its subject, or the name behind `auth.user.`.
        #[oai(name = "type")]
        subject: Query<Option<Asked<Subject>>>,
        /// Only what happened at this moment or later.
        from: Query<Option<Asked<OffsetDateTime>>>,
        /// Only what happened before this moment; now, when it is left out.
        to: Query<Option<Asked<OffsetDateTime>>>,
    ) -> Result<TimelineAnswer, Refused> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        names.only(&["bucket", "type", "from", "to"], &mut fields);
        let input = timeline::Input {
            bucket: Asked::value(bucket.0, "bucket", &mut fields).unwrap_or(Bucket::Day),
            subject: Asked::value(subject.0, "type", &mut fields).map(|subject| subject.0),
            from: Asked::value(from.0, "from", &mut fields),
            until: Asked::value(to.0, "to", &mut fields),
        };
        check_range(input.from, input.until, &mut fields);
        let input = fields.finish(Some(input))?;
        let work = self.0.run(&context, move |auth, _| async move {
            timeline::run(&auth, &identity, input).await
        });
        let found = work.await?.map_err(timeline_problem)?;
        let bucket = |(start, count)| BucketBody {
            start: Timestamp::from(start),
            count,
        };
        Ok(TimelineAnswer::Ok(Json(TimelineBody {
            from: found.from.into(),
            to: found.until.into(),
            buckets: found.buckets.into_iter().map(bucket).collect(),
        })))
    }
}

fn counts(counts: Vec<(String, u64)>) -> Vec<EventCount> {
    counts
        .into_iter()
        .map(|(subject, count)| EventCount { subject, count })
        .collect()
}

fn timeline_problem(error: timeline::Error) -> Problem {
    let refused = |code: &str, detail: String| Problem::validation(vec![FieldError::new("/from", code, detail)]);
    match error {
        timeline::Error::Forbidden => Problem::new(ProblemCode::Forbidden),
        timeline::Error::EmptyRange => refused("impossible_range", "must be before the end of the range".to_owned()),
        timeline::Error::TooManyBuckets => refused(
            "too_many_buckets",
            format!("must not be more than {MOST_BUCKETS} buckets before the end"),
        ),
        timeline::Error::Failure(error) => failure(error),
    }
}
