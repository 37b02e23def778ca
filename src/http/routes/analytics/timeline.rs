//! GET /analytics/timeline.

use poem_openapi::param::Query;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::{Object, OpenApi};
use time::OffsetDateTime;

use super::AnalyticsError;
use crate::actions::analytics::timeline::{self, Bucket, MAX_BUCKETS, Refusal};
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::event_parameters::Subject;
use crate::http::middleware::RequestContext;
use crate::http::parameters::query::{ParameterNames, QueryParam};
use crate::http::parameters::{ParamError, Parameter};
use crate::http::problem::{FieldError, Problem, ProblemCode};
use crate::http::responses::Success;
use crate::http::routes::Tag;
use crate::http::timestamp::Timestamp;

/// The number of events over time.
#[derive(Object)]
#[oai(rename = "Timeline", rename_all = "camelCase")]
struct TimelineBody {
    /// The start of the range.
    from: Timestamp,
    /// The end of the range, exclusive.
    to: Timestamp,
    /// Oldest first, without gaps. The first and the last bucket count only events within the
    /// range.
    buckets: Vec<BucketBody>,
}

/// One hour or one day.
#[derive(Object)]
#[oai(rename = "TimelineBucket", rename_all = "camelCase")]
struct BucketBody {
    /// The start of the bucket, UTC.
    start: Timestamp,
    /// The number of events.
    count: u64,
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

pub struct Timeline(pub Api);

#[OpenApi]
impl Timeline {
    /// Count the events over time
    ///
    /// In buckets of hours or days of UTC, at most 1000. Without `from`, the last 48 hours or 30
    /// days. For administrators.
    #[oai(path = "/analytics/timeline", method = "get", operation_id = "getEventTimeline", tag = "Tag::Analytics")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn get(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        names: ParameterNames,
        /// The length of a bucket.
        bucket: Query<Option<QueryParam<Bucket>>>,
        /// Only events with this subject.
        subject: Query<Option<QueryParam<Subject>>>,
        /// Only what happened at this moment or later.
        from: Query<Option<QueryParam<OffsetDateTime>>>,
        /// Only what happened before this moment; now by default.
        to: Query<Option<QueryParam<OffsetDateTime>>>,
    ) -> Result<Success<TimelineBody>, AnalyticsError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let mut query = names.read();
        let input = timeline::Input {
            bucket: query.take("bucket", bucket).unwrap_or(Bucket::Day),
            subject: query.take("subject", subject).map(|subject| subject.0),
            from: query.take("from", from),
            until: query.take("to", to),
        };
        query.check_range(input.from, input.until);
        let input = query.finish(input)?;
        let timeline = self.0.call(&context, |cx| timeline::run(cx, caller, input)).await?;
        Ok(Success::new(timeline))
    }
}

impl From<timeline::Timeline> for TimelineBody {
    fn from(timeline: timeline::Timeline) -> Self {
        let bucket = |(start, count): (OffsetDateTime, u64)| BucketBody { start: start.into(), count };
        Self {
            from: timeline.from.into(),
            to: timeline.until.into(),
            buckets: timeline.buckets.into_iter().map(bucket).collect(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (code, detail) = match refusal {
            Refusal::NotAdmin => return Self::new(ProblemCode::Forbidden),
            Refusal::EmptyRange => ("impossible_range", "must be before the end of the range".to_owned()),
            Refusal::TooManyBuckets => (
                "too_many_buckets",
                format!("must be at most {MAX_BUCKETS} buckets before the end of the range"),
            ),
        };
        FieldError::parameter("from", code, detail).into()
    }
}
