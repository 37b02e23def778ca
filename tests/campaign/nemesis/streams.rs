//! Faults of the stream: what operators, other programs and lost disks do to it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Stream};

use crate::broker::Broker;
use crate::checker::{FOREIGN, STREAM};
use crate::support::run_dir::{copy_directory, scratch};
use crate::support::wait::within;

use super::Nemesis;

/// How many messages others publish at most.
const MAX_FOREIGN: usize = 5;
/// The shortest duplicate window of a stream. The promises hold without one.
const SHORTEST_WINDOW: Duration = Duration::from_millis(100);
/// The limit of a stream that refuses nothing.
const MAX_MESSAGES: i64 = 100_000;

/// How long a new cluster may take until it creates a stream.
const CREATE_TIMEOUT: Duration = Duration::from_secs(60);

/// Creates the stream as it is shipped, but for the duplicate window and the replicas.
pub(crate) async fn create(nats: &Broker) {
    let shipped = include_str!("../../../nats/streams/auth-events.json");
    let shipped: Config = serde_json::from_str(shipped).expect("the shipped stream");
    let stream = Config {
        duplicate_window: SHORTEST_WINDOW,
        num_replicas: nats.replicas(),
        ..shipped
    };
    let jetstream = nats.jetstream().await;
    let created = within(CREATE_TIMEOUT, || async { jetstream.create_stream(stream.clone()).await.map(drop) });
    created.await.expect("create the stream");
}

impl Nemesis<'_> {
    async fn stream(&self) -> Option<(Context, Stream)> {
        let jetstream = self.world.nats.jetstream().await;
        let stream = jetstream.get_stream(STREAM).await.ok()?;
        Some((jetstream, stream))
    }

    /// Kills the server, copies its files, and starts it again.
    pub(super) async fn copy_store(&mut self) -> Option<PathBuf> {
        let (nats, copy) = (self.world.nats.one()?, scratch("store"));
        nats.kill();
        copy_directory(nats.store_dir(), &copy);
        nats.start_again().await;
        Some(copy)
    }

    /// Kills the server, puts the older files back, and starts it again.
    pub(super) async fn put_back(&mut self, copy: &Path) {
        let Some(nats) = self.world.nats.one() else { return };
        nats.kill();
        nats.wipe_store();
        copy_directory(copy, nats.store_dir());
        self.checker.forget_tail();
        nats.start_again().await;
    }

    /// Deletes the stream. With `replaced`, creates one of the same name with other limits, unless
    /// an instance was faster.
    pub(super) async fn delete_stream(&mut self, replaced: bool) {
        let Some((jetstream, stream)) = self.stream().await else {
            return;
        };
        // What the service creates goes on behind what this one has used. It sends nothing to this
        // one any more that this one has not stored, or will refuse.
        let used = stream.cached_info().state.last_sequence;
        self.checker.forget_stream((!replaced).then_some(used));
        // Another fault may have broken the connection of an instance, but not this one.
        jetstream.delete_stream(STREAM).await.expect("delete the stream");
        if replaced {
            let config = Config {
                name: STREAM.to_owned(),
                description: Some("Created by hand".to_owned()),
                subjects: vec!["auth.>".to_owned()],
                max_messages: MAX_MESSAGES / 2,
                duplicate_window: SHORTEST_WINDOW,
                num_replicas: self.world.nats.replicas(),
                ..Config::default()
            };
            drop(jetstream.create_stream(config).await);
        }
    }

    /// Purges what has been observed.
    pub(super) async fn purge(&mut self) {
        self.checker.observe(&self.world.nats, &self.history).await;
        let Some((_, stream)) = self.stream().await else { return };
        let last = self.checker.safely_observed().await.pop();
        if let Some(last) = last {
            stream.purge().sequence(last + 1).await.expect("purge the stream");
        }
    }

    /// Deletes one message that has been observed.
    pub(super) async fn delete_message(&mut self) {
        self.checker.observe(&self.world.nats, &self.history).await;
        let Some((_, stream)) = self.stream().await else { return };
        let observed = self.checker.safely_observed().await;
        // Often among the last, which the relay reads.
        let from = if self.choices.percent(70) {
            observed.len().saturating_sub(3)
        } else {
            0
        };
        if let Some(seq) = self.choices.pick(observed.get(from..).unwrap_or_default()) {
            self.checker.deletes(*seq);
            // It may be purged already.
            drop(stream.delete_message(*seq).await);
        }
    }

    /// Makes the stream refuse what is new, or takes this back.
    pub(super) async fn fill(&mut self, on: bool) {
        let Some((jetstream, stream)) = self.stream().await else {
            return;
        };
        let Ok(info) = stream.get_info().await else { return };
        let messages = i64::try_from(info.state.messages).unwrap_or(MAX_MESSAGES).max(1);
        let (discard, max_messages) = match on {
            true => (DiscardPolicy::New, messages),
            false => (DiscardPolicy::Old, MAX_MESSAGES),
        };
        let config = Config { discard, max_messages, ..info.config };
        jetstream.update_stream(config).await.expect("change the stream");
    }

    /// Publishes messages that are not of the ledger.
    pub(super) async fn publish_foreign(&mut self) {
        let jetstream = self.world.nats.jetstream().await;
        for _ in 0..=self.choices.below(MAX_FOREIGN) {
            let mut headers = HeaderMap::new();
            headers.insert(FOREIGN, "yes");
            let message = jetstream.publish_with_headers("auth.user.logged_in", headers, "{}".into()).await;
            // The stream may be missing for a moment.
            if let Ok(acknowledgement) = message {
                drop(acknowledgement.await);
            }
        }
    }
}
