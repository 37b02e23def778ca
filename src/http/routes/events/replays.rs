//! POST /events/replays and GET /events/replays/{id}.

use poem::Request;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use uuid::Uuid;

use crate::actions::events::start_replay::Error;
use crate::actions::events::{get_replay, start_replay};
use crate::http::api::{Api, failure};
use crate::http::bearer::BearerToken;
use crate::http::dto::replay::{NewReplay, ReplayBody, parse};
use crate::http::error_responses::{ALWAYS, BEARER, BODY, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::payload::StrictJson;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::routes::Tag;

/// The replay will run.
#[derive(ApiResponse)]
enum Accepted {
    /// It is written down; an instance of the service runs it within seconds, and another one if that one ends.
    #[oai(status = 202)]
    Accepted(
        Json<ReplayBody>,
        /// Where its progress is.
        #[oai(header = "Location")]
        String,
    ),
}

/// A replay.
#[derive(ApiResponse)]
enum Found {
    /// How far it has come.
    #[oai(status = 200)]
    Ok(Json<ReplayBody>),
}

error_responses! {
    /// Why nothing will be replayed.
    StartError: [BODY, BEARER, ALWAYS], [Forbidden, Conflict]
}
error_responses! {
    /// Why there is nothing to show.
    GetError: [BEARER, ALWAYS], [Forbidden, InvalidParameter, NotFound]
}

/// The resource.
pub struct Replays(pub Api);

#[OpenApi]
impl Replays {
    /// Replay events of the ledger
    ///
    /// Publishes what was committed so far and matches every filter once more, in the order of the ledger: into the stream of
    /// replays, or into the event stream for everyone. One replay runs at a time. For administrators.
    #[oai(
        path = "/events/replays",
        method = "post",
        operation_id = "startReplay",
        tag = "Tag::Events"
    )]
    async fn start(
        &self,
        request: &Request,
        context: RequestContext,
        bearer: BearerToken,
        body: StrictJson<NewReplay>,
    ) -> Result<Accepted, StartError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let input = parse(body.0)?;
        let work = self.0.run(&context, |auth, _| async move {
            start_replay::run(&auth, &identity, input).await
        });
        let replay = work.await?.map_err(problem)?;
        // Under whatever base path this is served.
        let location = format!("{}/{}", request.original_uri().path(), replay.id);
        Ok(Accepted::Accepted(Json(ReplayBody::of(replay)), location))
    }

    /// How far a replay has come
    ///
    /// Also one of the command line's. For administrators.
    #[oai(
        path = "/events/replays/:id",
        method = "get",
        operation_id = "readReplay",
        tag = "Tag::Events"
    )]
    async fn read(
        &self,
        context: RequestContext,
        bearer: BearerToken,
        /// The replay's id.
        id: Path<Uuid>,
    ) -> Result<Found, GetError> {
        let identity = self.0.identify(&context, &bearer).await?;
        let work = self.0.run(&context, |auth, _| async move {
            get_replay::run(&auth, &identity, id.0).await
        });
        let replay = work.await?.map_err(|error| match error {
            get_replay::Error::Forbidden => Problem::new(ProblemCode::Forbidden),
            get_replay::Error::NotFound => Problem::new(ProblemCode::NotFound),
            get_replay::Error::Failure(error) => failure(error),
        })?;
        Ok(Found::Ok(Json(ReplayBody::of(replay))))
    }
}

fn problem(error: Error) -> Problem {
    match error {
        Error::Forbidden => Problem::new(ProblemCode::Forbidden),
        Error::NameTaken => Problem::new(ProblemCode::Conflict).with_detail("Another replay has this name."),
        Error::Running => {
            Problem::new(ProblemCode::Conflict).with_detail("A replay runs already. WaitingFor until it is done.")
        }
        Error::Failure(error) => failure(error),
    }
}
