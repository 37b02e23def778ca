//! When a fault is over: every instance accepts a change, and the stream has its event.

use std::time::Duration;

use async_nats::jetstream::stream::Stream;
use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::adopt;
use super::checker::STREAM;
use super::history::{History, Operation, Outcome, Try};
use super::random::Choices;
use super::workload::Administrator;
use super::workload::action::Action;
use super::workload::requests::traced;
use super::world::World;

/// The longest recovery that is allowed. The design says 15 s; a busy machine may add as much.
const LIMIT: Duration = Duration::from_secs(30);
/// How much longer it may take on a busy machine.
const MAX_PATIENCE: Duration = Duration::from_secs(60);
/// When the wait ends.
const GIVE_UP: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(50);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Records an event on each instance, and waits for it.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) admin: Administrator,
}

impl Probe {
    /// Waits until all instances have recovered, and returns how long it took.
    pub(crate) async fn recovered(&self, world: &mut World, history: &History, choices: &mut Choices) -> Duration {
        let (mut start, mut begun) = (Instant::now(), history.now());
        let mut is_late = false;
        for number in 0..world.instances.len() {
            let trace = choices.trace_id();
            let operation = history.open(Operation {
                trace: trace.clone(),
                action: Action::RecordEvent,
                user: PROBE.to_owned(),
                clouded: true,
                tries: Vec::new(),
            });
            let mut id = None;
            loop {
                world.supervise(history);
                let reason = match id.clone() {
                    None => match self.record(world, number, &trace, operation, history).await {
                        Ok(recorded) => {
                            id = Some(recorded);
                            continue;
                        }
                        Err(reason) => reason,
                    },
                    Some(id) => match is_recovered(world, number, &id).await {
                        Ok(()) => break,
                        Err(reason) => reason,
                    },
                };
                // An operator is needed, and has to come once.
                if world.has_lost_commits && adopt::is_behind(world).await {
                    world.has_lost_commits = false;
                    adopt::run(world, history).await;
                    (start, begun) = (Instant::now(), history.now());
                }
                // What a busy machine keeps from this process, it keeps from the others too.
                let stalled = (3 * history.stalls(begun, history.now())).min(MAX_PATIENCE);
                if start.elapsed() > LIMIT + stalled && !is_late {
                    is_late = true;
                    history.violated(format!("not recovered within {LIMIT:?}: {reason}"), &[PROBE]);
                }
                if start.elapsed() > GIVE_UP + stalled {
                    return start.elapsed();
                }
                sleep(PAUSE).await;
            }
        }
        world.has_lost_commits = false;
        start.elapsed()
    }

    /// Records an event through an instance, and returns its id.
    async fn record(
        &self,
        world: &World,
        number: usize,
        trace: &str,
        operation: usize,
        history: &History,
    ) -> Result<String, String> {
        let instance = world.instances.get(number).ok_or("no such instance")?;
        let http = instance.binary.http();
        let request = traced(http.request(Method::POST, "/events"), trace)
            .bearer_auth(&self.admin.access)
            .header("idempotency-key", trace)
            .timeout(ANSWER_TIMEOUT)
            .json(&json!({"name": "campaign", "attributes": {"instance": number}}));
        let sent = history.now();
        let answer = http.try_send(request).await;
        let (outcome, result) = match answer {
            Ok(answer) if answer.status == 202 => (Outcome::Done, Ok(answer.str("/id").to_owned())),
            Ok(answer) => {
                let reason = format!("instance {number}: {} {}", answer.status, answer.text);
                (Outcome::Unknown(answer.status.to_string()), Err(reason))
            }
            Err(error) => (Outcome::Unknown("no answer".to_owned()), Err(format!("instance {number}: {error}"))),
        };
        history.tried(operation, Try { instance: number, sent, ended: history.now(), outcome });
        result
    }
}

/// The name of the probe in transcripts.
const PROBE: &str = "the probe";

async fn is_recovered(world: &World, number: usize, id: &str) -> Result<(), String> {
    is_published(world, id).await?;
    let is_ready = match world.instances.get(number) {
        Some(instance) => instance.is_ready().await,
        None => false,
    };
    is_ready.then_some(()).ok_or_else(|| format!("instance {number} is not ready"))
}

/// Whether the stream has the event. It is among the last ones.
async fn is_published(world: &World, id: &str) -> Result<(), String> {
    let jetstream = world.nats.jetstream().await;
    let stream = jetstream.get_stream(STREAM).await.map_err(|error| error.to_string())?;
    let last = last_probes(&stream).await?;
    match last.iter().any(|other| other == id) {
        true => Ok(()),
        false => Err(format!("event {id} is not in the stream")),
    }
}

/// Returns the ids of the last custom events.
async fn last_probes(stream: &Stream) -> Result<Vec<String>, String> {
    const WINDOW: u64 = 200;
    let state = stream.get_info().await.map_err(|error| error.to_string())?.state;
    let mut ids = Vec::new();
    let mut next = state.first_sequence.max(state.last_sequence.saturating_sub(WINDOW));
    while let Ok(message) = stream.get_first_raw_message_by_subject("auth.custom.campaign", next).await {
        ids.extend(message.headers.get("Nats-Msg-Id").map(|id| id.as_str().to_owned()));
        next = message.sequence + 1;
    }
    Ok(ids)
}
