//! Readers: each follows the ledger at one instance, page by page, and has to see every event.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::history::History;
use crate::support::http::{Answer, Http};

use super::Administrator;

/// The pause after the last page, and after a failure.
const PAUSE: Duration = Duration::from_millis(250);
/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(9);
/// How long the last pages may take, after the last fault.
const END_TIMEOUT: Duration = Duration::from_secs(60);

/// What a reader has seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) instance: usize,
    pub(crate) events: BTreeSet<Uuid>,
}

struct Reader {
    http: Http,
    admin: Administrator,
    /// The end of the last page.
    after: Option<String>,
    seen: Seen,
}

/// The readers of a round.
#[derive(Debug)]
pub(crate) struct Readers {
    readers: JoinSet<Option<Seen>>,
    is_over: watch::Sender<bool>,
}

impl Readers {
    /// Starts a reader of each instance.
    pub(crate) fn start(instances: Vec<Http>, admin: &Administrator) -> Self {
        let (mut readers, is_over) = (JoinSet::new(), watch::Sender::new(false));
        for (instance, http) in instances.into_iter().enumerate() {
            let seen = Seen { instance, events: BTreeSet::new() };
            let reader = Reader { http, admin: admin.clone(), after: None, seen };
            readers.spawn(reader.run(is_over.subscribe()));
        }
        Self { readers, is_over }
    }

    /// Lets the readers read to the end, and returns what they have seen. All servers run, and
    /// clients have ended.
    pub(crate) async fn end(mut self, history: &History) -> Vec<Seen> {
        self.is_over.send_replace(true);
        let mut seen = Vec::new();
        while let Some(ended) = self.readers.join_next().await {
            match ended {
                Ok(Some(of_reader)) => seen.push(of_reader),
                Ok(None) => history.violated(format!("a reader has not reached the end in {END_TIMEOUT:?}"), &[]),
                Err(error) => history.violated(format!("a reader failed: {error}"), &[]),
            }
        }
        seen
    }
}

impl Reader {
    /// Reads until the round is over, and then to the end.
    async fn run(mut self, is_over: watch::Receiver<bool>) -> Option<Seen> {
        while !*is_over.borrow() {
            if self.page().await {
                sleep(PAUSE).await;
            }
        }
        let end = async { while !self.page().await {} };
        timeout(END_TIMEOUT, end).await.ok()?;
        Some(self.seen)
    }

    /// Reads one page. Returns whether it is the last one.
    async fn page(&mut self) -> bool {
        let after = self.after.as_ref().map(|after| format!("&after={after}")).unwrap_or_default();
        let request = self
            .http
            .request(Method::GET, &format!("/events?order=asc&limit=100{after}"))
            .bearer_auth(&self.admin.access)
            .timeout(ANSWER_TIMEOUT);
        match self.http.try_send(request).await {
            Ok(answer) if answer.status == 200 => self.keep(&answer),
            // Of another history of the ledger: start over.
            Ok(answer) if answer.status == 400 => {
                self.after = None;
                self.seen.events.clear();
                false
            }
            _ => {
                sleep(PAUSE).await;
                false
            }
        }
    }

    /// Returns whether it is the last page.
    fn keep(&mut self, page: &Answer) -> bool {
        let events = page.json.get("events").and_then(Value::as_array);
        let id = |event: &Value| event.get("id")?.as_str()?.parse::<Uuid>().ok();
        self.seen.events.extend(events.into_iter().flatten().filter_map(id));
        let text = |field: &str| page.json.get(field).and_then(Value::as_str).map(str::to_owned);
        let next = text("next");
        let is_last = next.is_none();
        self.after = next.or_else(|| text("position"));
        is_last
    }
}
