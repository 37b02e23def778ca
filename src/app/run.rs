//! Serving until a stop, and the order of the shutdown.

use std::sync::Arc;
use std::time::Duration;

use poem::EndpointExt as _;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::contract::deployment;
use super::readiness::Parts;
use super::{App, AppError, housekeeping};
use crate::domain::random::ThreadRandom;
use crate::http::middleware::{Edge, EdgeSettings};
use crate::http::server::{ServerSettings, serve};
use crate::http::streams::Streams;
use crate::http::{api::Api, site};
use crate::mail::MailWorker;
use crate::relay::{Relay, RelayParts, ReplayJobParts, spawn_replay_jobs};
use crate::telemetry;

/// Maximum time for the relay to publish after the last request.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum time for all other parts to end after that.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

impl App {
    /// Serve until `stop` is cancelled, then finish in-flight requests, publish recorded events and
    /// end. The shutdown takes at most `http.shutdown_grace` and a few seconds.
    ///
    /// # Errors
    /// [`AppError::Ended`] if a part ended before `stop`.
    pub async fn run_until_stopped(self, stop: CancellationToken) -> Result<(), AppError> {
        let endpoint = self.endpoint()?;
        let grace = self.settings.http.shutdown_grace;
        let server = serve(
            self.listener,
            endpoint,
            ServerSettings::from(&self.settings.http),
            self.stop.serving.clone(),
        );
        let mut server = telemetry::spawn("http", server);
        let metrics_server = self.metrics_server.map(|metrics_server| {
            telemetry::spawn(
                "metrics",
                metrics_server.run(self.metrics.clone(), self.stop.connected.clone()),
            )
        });
        let mut rounds = housekeeping::spawn_rounds(&self.auth, &self.settings, &self.stop.serving);
        let refusals = housekeeping::spawn_refusals(self.auth.clone(), self.stop.serving.clone());
        rounds.push(spawn_mail(self.mail, self.stop.serving.clone()));
        let parts = RelayParts {
            ledger: self.store.ledger(),
            publisher: self.nats.publisher(),
            clock: self.seams.clock.clone(),
            metrics: self.metrics.clone(),
            shutdown: self.stop.relaying.clone(),
            flush_timeout: FLUSH_TIMEOUT,
            consumer_check_interval: self.settings.stream.consumer_check,
        };
        rounds.push(spawn_replay_jobs(ReplayJobParts {
            ledger: parts.ledger.clone(),
            publisher: parts.publisher.clone(),
            clock: parts.clock.clone(),
            // A replay can resume after the next start, so it ends before the relay does.
            shutdown: self.stop.serving.clone(),
        }));
        let mut relay = Relay::spawn(parts);

        // Without its relay the service would seem healthy and publish nothing.
        let ended = tokio::select! {
            () = stop.cancelled() => None,
            _ = &mut server => Some("the HTTP server"),
            _ = &mut relay => Some("the relay"),
        };
        if let Some(part) = ended {
            tracing::error!(part, "ended unexpectedly; stopping");
        }
        let deadline = Instant::now() + grace;
        self.stop.serving.cancel();
        if !server.is_finished() {
            let _ = server.await;
        }
        // An action outlives a disconnected client; it commits or rolls back before the database
        // closes.
        let finished = timeout_at(deadline, self.detached.drained()).await.is_ok();
        housekeeping::last_refusals(self.auth.clone(), refusals, FLUSH_TIMEOUT).await;
        self.stop.relaying.cancel();
        let rest = async {
            if !relay.is_finished() {
                let _ = relay.await;
            }
            self.stop.connected.cancel();
            self.nats.stopped().await;
            for round in rounds {
                let _ = round.await;
            }
            if let Some(metrics_server) = metrics_server {
                let _ = metrics_server.await;
            }
            self.store.close().await;
        };
        // An unresponsive database must not keep the process alive: committed data is safe, and
        // open transactions end with their connections.
        let in_order = timeout_at(deadline.max(Instant::now()) + FLUSH_TIMEOUT + CLOSE_TIMEOUT, rest)
            .await
            .is_ok();
        tracing::info!(finished, in_order, "stopped");
        ended.map_or(Ok(()), |part| Err(AppError::Ended(part)))
    }

    fn endpoint(&self) -> Result<impl poem::Endpoint<Output = poem::Response> + use<>, AppError> {
        let streams = Streams::new(self.stop.serving.clone());
        let api = Api::new(
            self.auth.clone(),
            self.detached.clone(),
            streams,
            self.settings.http.base_url().into(),
        );
        let readiness = Parts {
            store: self.store.clone(),
            nats: self.nats.status(),
            stopping: self.stop.serving.clone(),
        };
        let deployment = deployment(&self.settings)?;
        let site = site::build(&self.settings.http, deployment, &api, Arc::new(readiness));
        let edge = Edge::new(
            EdgeSettings::from(&self.settings.http),
            site.table,
            self.seams.clock.clone(),
            Arc::new(ThreadRandom),
        );
        Ok(site.endpoint.with(edge.with_metrics(self.metrics.clone())))
    }
}

/// Emails that are not delivered before the stop are delivered after the next start.
fn spawn_mail(worker: Option<MailWorker>, stop: CancellationToken) -> JoinHandle<()> {
    let work = async move {
        if let Some(worker) = worker {
            worker.run(stop).await;
        }
    };
    telemetry::spawn("mail", work)
}
