//! Faults of the instances.

use std::time::Duration;

use tokio::time::timeout;

use crate::instance::{Instance, Start};
use crate::support::database::Database;
use crate::support::wait::within;

use super::Nemesis;

/// Where a debug build can crash.
const CRASH_POINTS: [&str; 6] = [
    "before_commit",
    "after_commit",
    "before_publish",
    "after_publish_before_position",
    "mail_claimed",
    "mail_handed_over",
];
/// How many times a crash point is passed at most.
const MAX_PASSES: usize = 12;
/// How far the clock of an instance is ahead or behind, in seconds.
const MAX_CLOCK_DIFFERENCE: usize = 15;
/// How long a leader may take until it freezes.
const FREEZE_TIMEOUT: Duration = Duration::from_secs(20);
/// How many publications a leader makes before it freezes, at most. The first ones are batches, of
/// which a server that gets them late stores nothing.
const MAX_PUBLICATIONS: usize = 12;
/// How long a statement of a migration may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// What a newer version has added to the schema.
const EXTENSIONS: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS campaign (id BIGINT PRIMARY KEY)",
    "ALTER TABLE users ADD COLUMN campaign BIGINT",
    "ALTER TABLE sessions ADD COLUMN campaign BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE events ADD COLUMN campaign TEXT",
];
/// Its row in the table of migrations.
const LATER: &str = "INSERT INTO schema_migrations (version, applied_at, min_version) \
     VALUES ('m9000_campaign', 1, NULL) ON CONFLICT DO NOTHING";
/// `http.shutdown_grace`, the flush of the relay, and what the rest may take on a busy machine.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an instance may take to start in a rolling restart before the next one stops.
const START_TIMEOUT: Duration = Duration::from_secs(10);

impl Nemesis<'_> {
    fn instances<'s>(&'s mut self, numbers: &'s [usize]) -> impl Iterator<Item = &'s mut Instance> {
        let all = self.world.instances.iter_mut().enumerate();
        all.filter(|(number, _)| numbers.contains(number)).map(|(_, instance)| instance)
    }

    pub(super) fn kill(&mut self, instances: &[usize]) {
        self.instances(instances).for_each(Instance::kill);
    }

    /// Starts instances with a point at which they crash.
    pub(super) fn crash(&mut self, instances: &[usize]) {
        for number in instances {
            let point = self.choices.pick(&CRASH_POINTS).copied().unwrap_or_default();
            let point = format!("{point}:{}", 1 + self.choices.below(MAX_PASSES));
            if let Some(instance) = self.world.instances.get_mut(*number) {
                instance.kill();
                instance.start_again(&Start::CrashAt(point));
            }
        }
    }

    /// Starts instances in the ordinary way, which run or have ended.
    pub(super) fn start_again(&mut self, instances: &[usize]) {
        for instance in self.instances(instances) {
            instance.kill();
            instance.start_again(&Start::Plain);
        }
    }

    pub(super) fn pause(&mut self, instances: &[usize]) {
        for instance in self.instances(instances) {
            instance.binary.process().pause();
        }
    }

    pub(super) fn resume(&mut self, instances: &[usize]) {
        for instance in self.instances(instances) {
            instance.binary.process().resume();
        }
    }

    pub(super) fn terminate(&mut self, instances: &[usize]) {
        for instance in self.instances(instances) {
            instance.is_down = true;
            instance.binary.terminate();
        }
    }

    /// Makes one of the instances lead and freeze with events in hand: the others start when it has
    /// taken the lead.
    pub(super) async fn freeze_the_leader(&mut self, instances: &[usize]) {
        let Some(leader) = instances.first().copied() else {
            return;
        };
        let others: Vec<usize> = (0..self.world.instances.len()).filter(|number| *number != leader).collect();
        self.kill(&others);
        let point = format!("before_publish:{}", 1 + self.choices.below(MAX_PUBLICATIONS));
        if let Some(instance) = self.world.instances.get_mut(leader) {
            instance.kill();
            instance.start_again(&Start::FreezeAt(point));
            // It may freeze before.
            drop(within(START_TIMEOUT, || async { instance.is_frozen() || instance.is_ready().await }).await);
        }
        self.start_again(&others);
        if let Some(instance) = self.world.instances.get(leader) {
            let frozen = within(FREEZE_TIMEOUT, || async { instance.is_frozen() }).await;
            self.note(format!("  instance {leader} is {}", if frozen.is_ok() { "frozen" } else { "not frozen" }));
        }
    }

    /// Continues what has frozen. What has not got there starts again, so that it does not get
    /// there later.
    pub(super) fn wake(&mut self, instances: &[usize]) {
        let Some(number) = instances.first().copied() else {
            return;
        };
        match self.world.instances.get(number).is_some_and(Instance::is_frozen) {
            true => self.resume(&[number]),
            false => self.start_again(&[number]),
        }
    }

    /// Starts one of the instances with another clock.
    pub(super) fn set_clock(&mut self, instances: &[usize]) {
        let ahead = i64::try_from(1 + self.choices.below(MAX_CLOCK_DIFFERENCE)).unwrap_or(1);
        let ahead = if self.choices.percent(50) { ahead } else { -ahead };
        if let Some(instance) = self.instances(instances.get(..1).unwrap_or_default()).next() {
            instance.kill();
            instance.start_again(&Start::Ahead(ahead));
        }
    }

    /// Lets writes fail that make a file larger than the database or its log are now.
    pub(super) fn fill_disk(&mut self, instances: &[usize]) {
        let Database::Sqlite(file) = &self.world.database else {
            return;
        };
        let size = |file: &std::path::Path| std::fs::metadata(file).map_or(0, |file| file.len());
        let sizes = [size(file), size(&file.with_extension("db-wal"))];
        // Mostly all writes fail, as the log is larger than the database, or smaller.
        let bytes = match self.choices.percent(70) {
            true => sizes.into_iter().min(),
            false => sizes.into_iter().max(),
        };
        self.instances(instances).for_each(|instance| instance.limit_files(bytes));
    }

    pub(super) fn free_disk(&mut self, instances: &[usize]) {
        self.instances(instances).for_each(|instance| instance.limit_files(None));
    }

    /// Does what the migrations of a newer version may do.
    pub(super) async fn extend_schema(&mut self) {
        for extension in EXTENSIONS.into_iter().chain([LATER]) {
            // It is there already, after the first time, or another fault prevents it.
            match timeout(STATEMENT_TIMEOUT, self.world.database.execute(extension)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => self.history.note(format!("{extension}: {error}")),
                Err(_) => return self.history.note(format!("{extension}: no answer")),
            }
        }
    }

    /// Waits until terminated instances have ended, and starts them again.
    pub(super) async fn await_end(&mut self, instances: &[usize]) {
        for number in instances {
            let Some(instance) = self.world.instances.get_mut(*number) else {
                continue;
            };
            let process = instance.binary.process();
            let ended = within(STOP_TIMEOUT, || {
                let status = process.exited();
                async move { status }
            });
            match ended.await {
                Ok(status) if status.success() => {}
                Ok(status) => self.history.violated(format!("instance {number} stopped with {status}"), &[]),
                Err(_) => {
                    self.history
                        .violated(format!("instance {number} has not stopped within {STOP_TIMEOUT:?}"), &[]);
                    instance.kill();
                }
            }
            instance.start_again(&Start::Plain);
        }
    }

    /// Excuses instances that have ended: they do not start while their database is down.
    pub(super) fn excuse_ends(&mut self) {
        for instance in &mut self.world.instances {
            instance.is_down |= !instance.binary.process().is_running();
        }
    }

    /// Stops and starts one instance after the other, as a deployment does.
    pub(super) async fn restart_in_turn(&mut self) {
        for number in 0..self.world.instances.len() {
            self.terminate(&[number]);
            self.await_end(&[number]).await;
            if let Some(instance) = self.world.instances.get(number) {
                // It may not start while another fault lasts.
                drop(within(START_TIMEOUT, || instance.is_ready()).await);
            }
        }
    }
}
