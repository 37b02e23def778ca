//! Sends requests, and records what became of them.

use std::sync::Arc;
use std::time::Duration;

use reqwest::RequestBuilder;
use tokio::time::{Instant, sleep, timeout};

use crate::history::{History, Operation, Outcome, Try};
use crate::random::Choices;
use crate::support::http::{Answer, Http};

use super::action::Action;

/// The longest wait for an answer: `http.request_deadline`, and what a busy machine may add.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(9);
/// How long a request is repeated. The successor of a refresh token is given for a minute.
const REPEAT_FOR: Duration = Duration::from_secs(40);
/// How often a client hangs up, in percent.
const HANG_UP: usize = 2;

/// What a client needs to send requests.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    /// The instances with their numbers.
    pub(crate) instances: Vec<(usize, Http)>,
    pub(crate) history: Arc<History>,
}

/// How an operation ended for the client.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) answer: Option<Answer>,
    /// Whether some request of the operation may take effect later.
    pub(crate) is_clouding: bool,
    /// The instance that answered.
    pub(crate) instance: usize,
}

impl Ended {
    pub(crate) fn is_done(&self) -> bool {
        self.outcome == Outcome::Done
    }
}

/// What a request is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    pub(crate) action: Action,
    pub(crate) user: &'a str,
    pub(crate) clouded: bool,
}

impl Sender {
    /// Returns the same with one instance.
    pub(crate) fn only(&self, instance: usize) -> Self {
        Self {
            instances: self.instances.iter().filter(|(number, _)| *number == instance).cloned().collect(),
            history: Arc::clone(&self.history),
        }
    }

    /// Sends a request to an instance, and again to any while its outcome is unknown, if it may be
    /// repeated. `request` gets the trace id, which it may use as idempotency key.
    pub(crate) async fn send(
        &self,
        about: About<'_>,
        choices: &mut Choices,
        request: impl Fn(&Http, &str) -> RequestBuilder,
    ) -> Ended {
        let trace = choices.trace_id();
        let number = self.history.open(Operation {
            trace: trace.clone(),
            action: about.action,
            user: about.user.to_owned(),
            clouded: about.clouded,
            tries: Vec::new(),
        });
        let end = Instant::now() + REPEAT_FOR;
        let mut is_clouding = false;
        loop {
            let hang_up = choices.percent(HANG_UP).then(|| choices.millis(1, 60));
            let (instance, http) = choices.pick(&self.instances).expect("an instance");
            let instance = *instance;
            let request = traced(request(http, &trace), &trace);
            let (outcome, answer) = self.attempt(number, instance, http, request, hang_up).await;
            is_clouding |= outcome.is_unknown() && !about.action.is_read();
            let is_final = match &outcome {
                // The same request is being handled.
                Outcome::Refused(409, code) => code != "request_in_flight",
                outcome => !outcome.is_unknown(),
            };
            if is_final || !about.action.may_be_repeated() || Instant::now() > end {
                return Ended { outcome, answer, is_clouding, instance };
            }
            sleep(choices.millis(50, 300)).await;
        }
    }

    /// Sends one request as part of an operation.
    async fn attempt(
        &self,
        number: usize,
        instance: usize,
        http: &Http,
        request: RequestBuilder,
        hang_up: Option<Duration>,
    ) -> (Outcome, Option<Answer>) {
        let sent = self.history.now();
        let answer = timeout(hang_up.unwrap_or(ANSWER_TIMEOUT), http.try_send(request)).await;
        let (outcome, answer) = match answer {
            Err(_) if hang_up.is_some() => (Outcome::HungUp, None),
            Err(_) => (Outcome::Unknown("no answer".to_owned()), None),
            Ok(Err(error)) => (Outcome::Unknown(reason(&error)), None),
            Ok(Ok(answer)) => (self.judge(&answer), Some(answer)),
        };
        let attempt = Try {
            instance,
            sent,
            ended: self.history.now(),
            outcome: outcome.clone(),
        };
        self.history.tried(number, attempt);
        (outcome, answer)
    }

    /// Returns what an answer means. No failure but 503 with `Retry-After` is allowed.
    fn judge(&self, answer: &Answer) -> Outcome {
        let status = answer.status.as_u16();
        let code = answer.json.get("code").and_then(serde_json::Value::as_str).unwrap_or_default();
        if status < 400 {
            return Outcome::Done;
        }
        if status < 500 {
            return Outcome::Refused(status, code.to_owned());
        }
        if status != 503 || answer.header("retry-after").is_none() {
            self.history.violated(format!("the answer {status} {}", answer.text), &[]);
        }
        Outcome::Unknown(format!("{status} {code}"))
    }
}

/// Gives a request its trace.
pub(crate) fn traced(request: RequestBuilder, trace: &str) -> RequestBuilder {
    request.header("traceparent", format!("00-{trace}-00000000000000ca-01"))
}

/// Returns the innermost reason.
fn reason(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
