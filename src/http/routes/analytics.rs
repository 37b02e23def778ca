//! GET /analytics/top-events, /analytics/users/{id} and /analytics/timeline.

use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::{ApiResponse, Object, OpenApi};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Tag;
use crate::actions::analytics::timeline::{self, Bucket, MOST_BUCKETS};
use crate::actions::analytics::top_events::{self, CountFilter};
use crate::actions::analytics::user_counts;
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::dto::event_parameters::{Subject, check_range};
use crate::http::dto::user::Fields;
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::problem::{FieldError, Problem, ProblemCode};
use crate::http::query::{ParamError, Parameter, ParameterNames, QueryParam};

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
    first_at: Option<OffsetDateTime>,
    /// When the last of them happened.
    #[oai(skip_serializing_if_is_none)]
    last_at: Option<OffsetDateTime>,
}

/// Events over time.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct TimelineBody {
    /// The beginning of the range.
    from: OffsetDateTime,
    /// The end of the range, which is not part of it.
    to: OffsetDateTime,
    /// Oldest first and without gaps. The first and the last hold only what is within the range.
    buckets: Vec<BucketBody>,
}

/// An hour or a day.
#[derive(Object)]
#[oai(rename = "Bucket", rename_all = "camelCase")]
struct BucketBody {
    /// When it begins, UTC.
    start: OffsetDateTime,
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

error_responses! {
    /// Why nothing was counted.
    AnalyticsError: [BEARER, ALWAYS], [Forbidden, ValidationFailed]
}
error_responses! {
    /// Why nothing was counted.
    UserAnalyticsError: [BEARER, ALWAYS], [InvalidParameter, Forbidden, NotFound]
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

    fn parse(text: &str) -> Result<Self, ParamError> {
        let number = text
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok());
        match number.flatten() {
            Some(most @ 1..=100) => Ok(Self(most)),
            _ => Err(ParamError::new("out_of_range", "must be a whole number from 1 to 100")),
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

    fn parse(text: &str) -> Result<Self, ParamError> {
        match text {
            "hour" => Ok(Self::Hour),
            "day" => Ok(Self::Day),
            _ => Err(ParamError::new("not_one_of", "must be `hour` or `day`")),
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
        from: Query<Option<QueryParam<OffsetDateTime>>>,
        /// Only what happened before this moment.
        to: Query<Option<QueryParam<OffsetDateTime>>>,
        /// How many kinds of events.
        limit: Query<Option<QueryParam<Most>>>,
    ) -> Result<TopAnswer, AnalyticsError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        names.reject_unknown(&["from", "to", "limit"], &mut fields);
        let counted = CountFilter {
            subject: None,
            from: QueryParam::value(from.0, "from", &mut fields),
            until: QueryParam::value(to.0, "to", &mut fields),
        };
        check_range(counted.from, counted.until, &mut fields);
        let limit = QueryParam::value(limit.0, "limit", &mut fields).map_or(10, |most| most.0);
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
    ) -> Result<UserAnswer, UserAnalyticsError> {
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
            first_at: found.first,
            last_at: found.last,
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
        bucket: Query<Option<QueryParam<Bucket>>>,
        /// Only this kind of event: its subject, or the name behind `auth.user.`.
        #[oai(name = "type")]
        subject: Query<Option<QueryParam<Subject>>>,
        /// Only what happened at this moment or later.
        from: Query<Option<QueryParam<OffsetDateTime>>>,
        /// Only what happened before this moment; now, when it is left out.
        to: Query<Option<QueryParam<OffsetDateTime>>>,
    ) -> Result<TimelineAnswer, AnalyticsError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let mut fields = Fields::default();
        names.reject_unknown(&["bucket", "type", "from", "to"], &mut fields);
        let input = timeline::Input {
            bucket: QueryParam::value(bucket.0, "bucket", &mut fields).unwrap_or(Bucket::Day),
            subject: QueryParam::value(subject.0, "type", &mut fields).map(|subject| subject.0),
            from: QueryParam::value(from.0, "from", &mut fields),
            until: QueryParam::value(to.0, "to", &mut fields),
        };
        check_range(input.from, input.until, &mut fields);
        let input = fields.finish(Some(input))?;
        let work = self.0.run(&context, move |auth, _| async move {
            timeline::run(&auth, &identity, input).await
        });
        let found = work.await?.map_err(timeline_problem)?;
        let bucket = |(start, count)| BucketBody { start, count };
        Ok(TimelineAnswer::Ok(Json(TimelineBody {
            from: found.from,
            to: found.until,
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
