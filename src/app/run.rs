//! Serving until a stop, and the order of the shutdown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use poem::EndpointExt as _;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::contract::deployment;
use super::jobs::Jobs;
use super::readiness::Parts;
use super::{App, AppError};
use crate::domain::random::ThreadRandom;
use crate::http::api::Api;
use crate::http::middleware::{CloseWhileDraining, Edge, EdgeSettings};
use crate::http::router;
use crate::http::server::{AnswerUnparsed, Listener, ServerSettings, Tls, serve};
use crate::http::sse::Streams;
use crate::mail::MailWorker;
use crate::relay::{CopyRequests, Relay, RelayParts, ReplayJobParts, copy_queue, spawn_replay_jobs};
use crate::telemetry;

/// How long the relay may publish after the last request.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the last refusals of rate limits may take to be recorded before that.
const REFUSALS_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a stop may take after the grace, with all of that and the rest: with the default grace
/// less than the 30 seconds after which Kubernetes and Compose kill the process.
const STOP_TIMEOUT: Duration = Duration::from_secs(9);

impl App {
    /// Serve until `stop` is cancelled; then finish what is in flight, publish what is recorded,
    /// and end. Stopping takes at most `http.shutdown_delay`, `http.shutdown_grace` and nine
    /// seconds.
    ///
    /// # Errors
    /// [`AppError::Ended`] when the HTTP server or the relay ended by itself.
    pub async fn run_until_stopped(self, stop: CancellationToken) -> Result<(), AppError> {
        let endpoint = self.endpoint()?;
        let (copy_queue, copies) = copy_queue();
        let parts = self.relay_parts(copies);
        let grace = self.settings.http.shutdown_grace;
        let server = serve(
            Listener {
                tcp: self.listener,
                tls: self.tls.as_ref().map(Tls::acceptor),
            },
            endpoint,
            ServerSettings::from(&self.settings.http),
            self.stop.serving.clone(),
        );
        let mut server = telemetry::spawn("http", server);
        let metrics_server = self.metrics_server.map(|metrics_server| {
            telemetry::spawn("metrics", metrics_server.run(self.metrics.clone(), self.stop.connected.clone()))
        });
        let jobs = Jobs {
            services: self.services.clone(),
            store: self.store.clone(),
            clock: self.environment.clock.clone(),
            stop: self.stop.serving.clone(),
        };
        let mut background = jobs.spawn_all(&self.settings);
        if let Some(tls) = self.tls {
            background.push(telemetry::spawn("certificate", tls.follow(self.stop.serving.clone())));
        }
        background.push(jobs.spawn_clock());
        let rate_limits = jobs.spawn_rate_limits();
        background.push(spawn_mail(self.mail, self.stop.serving.clone()));
        background.push(spawn_replay_jobs(ReplayJobParts {
            ledger: parts.ledger.clone(),
            publisher: parts.publisher.clone(),
            clock: parts.clock.clone(),
            status: self.relay_status.subscribe(),
            copies: copy_queue,
            // Replays can wait for the next start; events cannot.
            shutdown: self.stop.serving.clone(),
        }));
        let mut relay = Relay::spawn(parts);

        // A service without its relay would look healthy and publish nothing.
        let ended = tokio::select! {
            () = drained(stop, &self.stop.draining, self.settings.http.shutdown_delay) => None,
            _ = &mut server => Some("the HTTP server"),
            _ = &mut relay => Some("the relay"),
        };
        self.stop.draining.store(true, Ordering::Relaxed);
        if let Some(part) = ended {
            tracing::error!(part, "ended unexpectedly; stopping");
        }
        let deadline = Instant::now() + grace;
        self.stop.serving.cancel();
        if !server.is_finished() {
            let _ = server.await;
        }
        // A client that hung up leaves its action running: it commits or rolls back before the
        // database closes.
        let finished = timeout_at(deadline, self.detached.wait_idle()).await.is_ok();
        jobs.flush_rate_limits(rate_limits, REFUSALS_TIMEOUT).await;
        self.stop.relaying.cancel();
        let rest = async {
            if !relay.is_finished() {
                let _ = relay.await;
            }
            self.stop.connected.cancel();
            self.nats.stopped().await;
            for task in background {
                let _ = task.await;
            }
            if let Some(metrics_server) = metrics_server {
                let _ = metrics_server.await;
            }
            self.store.close().await;
        };
        // A silent database must not keep the process: what was committed is safe, and the rest
        // ends with its connection.
        let in_order = timeout_at(deadline + STOP_TIMEOUT, rest).await.is_ok();
        tracing::info!(finished, in_order, "stopped");
        ended.map_or(Ok(()), |part| Err(AppError::Ended(part)))
    }

    fn relay_parts(&self, copies: CopyRequests) -> RelayParts {
        RelayParts {
            ledger: self.store.ledger(),
            publisher: self.nats.publisher(self.marks.clone()),
            marks: self.marks.clone(),
            status: self.relay_status.clone(),
            copies,
            clock: self.environment.clock.clone(),
            metrics: self.metrics.clone(),
            shutdown: self.stop.relaying.clone(),
            flush_timeout: FLUSH_TIMEOUT,
            consumer_check_interval: self.settings.stream.consumer_check,
            consumer_patience: self.settings.stream.consumer_patience,
        }
    }

    fn endpoint(&self) -> Result<impl poem::Endpoint<Output = poem::Response> + AnswerUnparsed + use<>, AppError> {
        let streams = Streams::new(self.stop.serving.clone());
        let api = Api::new(
            self.services.clone(),
            self.detached.clone(),
            streams,
            self.settings.http.base_url().into(),
        );
        let readiness = Parts {
            store: self.store.clone(),
            nats: self.nats.status(),
            relay: self.relay_status.subscribe(),
            draining: self.stop.draining.clone(),
        };
        let deployment = deployment(&self.settings)?;
        let site = router::build(&self.settings.http, deployment, &api, Arc::new(readiness));
        let edge = Edge::new(
            EdgeSettings::from(&self.settings.http),
            site.table,
            self.environment.clock.clone(),
            Arc::new(ThreadRandom),
        );
        let endpoint = site.endpoint.with(edge.with_metrics(self.metrics.clone()));
        Ok(CloseWhileDraining::new(endpoint, self.stop.draining.clone()))
    }
}

/// Wait for the stop, and then until load balancers have noticed that the service is not ready. A
/// port that is closed before that makes failed requests of theirs.
async fn drained(stop: CancellationToken, draining: &AtomicBool, delay: Duration) {
    stop.cancelled().await;
    draining.store(true, Ordering::Relaxed);
    if !delay.is_zero() {
        tracing::info!(?delay, "not ready from now on; serving until load balancers have noticed");
        tokio::time::sleep(delay).await;
    }
}

/// An email that is not delivered when the service stops waits for the next start.
fn spawn_mail(worker: Option<MailWorker>, stop: CancellationToken) -> JoinHandle<()> {
    let work = async move {
        if let Some(worker) = worker {
            worker.run(stop).await;
        }
    };
    telemetry::spawn("mail", work)
}
