//! POST /events/replays and GET /events/replays/{id}.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use uuid::Uuid;

use crate::actions::events::{get_replay, start_replay};
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::dto::replay::{CreateReplayRequest, ReplayBody, parse};
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::parameters::path::Path;
use crate::http::payload::StrictJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::responses::Success;
use crate::http::routes::Tag;

/// `202`: an instance of the service runs the replay.
#[derive(ApiResponse)]
enum Started {
    /// Accepted
    #[oai(status = 202)]
    Accepted(
        Json<ReplayBody>,
        /// The path of the replay.
        #[oai(header = "Location")]
        String,
    ),
}

error_responses! { StartReplayError: [BODY, BEARER, ALWAYS], [Forbidden, Conflict, RateLimited] }
error_responses! { GetReplayError: [BEARER, ALWAYS], [Forbidden, InvalidParameter, NotFound] }

pub struct Replays(pub Api);

#[OpenApi]
impl Replays {
    /// Start a replay
    ///
    /// Publishes the committed events that match every filter again, in the order of the ledger: to
    /// the replay stream, or to the event stream for all subscribers. An instance starts within
    /// seconds; if it stops, another one continues. One replay runs at a time. Records
    /// `auth.system.replay_started`. For administrators.
    #[oai(path = "/events/replays", method = "post", operation_id = "createReplay", tag = "Tag::Events")]
    async fn start(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<CreateReplayRequest>,
    ) -> Result<Started, StartReplayError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let input = parse(body.0)?;
        let replay = self.0.call(&context, |cx| start_replay::run(cx, caller, input)).await?;
        let location = self.0.path_of(&format!("/events/replays/{}", replay.id));
        Ok(Started::Accepted(Json(replay.into()), location))
    }

    /// Get a replay
    ///
    /// Returns the progress of a replay, also of one that the command line started. For
    /// administrators.
    #[oai(path = "/events/replays/:id", method = "get", operation_id = "getReplay", tag = "Tag::Events")]
    async fn get(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The replay's id.
        id: Path<Uuid>,
    ) -> Result<Success<ReplayBody>, GetReplayError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let replay = self.0.call(&context, |cx| get_replay::run(cx, caller, id.0)).await?;
        Ok(Success::new(replay))
    }
}

impl From<start_replay::Refusal> for Problem {
    fn from(refusal: start_replay::Refusal) -> Self {
        match refusal {
            start_replay::Refusal::Admin(refusal) => refusal.into(),
            start_replay::Refusal::NameTaken => {
                Self::new(ProblemCode::Conflict).with_detail("Another replay has this name. Choose another name.")
            }
            start_replay::Refusal::Running => {
                Self::new(ProblemCode::Conflict).with_detail("A replay is running. Wait until it is done.")
            }
        }
    }
}

impl From<get_replay::Refusal> for Problem {
    fn from(refusal: get_replay::Refusal) -> Self {
        match refusal {
            get_replay::Refusal::NotAdmin => Self::new(ProblemCode::Forbidden),
            get_replay::Refusal::NotFound => Self::new(ProblemCode::NotFound),
        }
    }
}
