//! Faults of the instances.

use std::time::Duration;

use crate::support::wait::within;

use crate::world::Instance;

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
                instance.start_again(Some(&point));
            }
        }
    }

    /// Starts instances that have ended, without a crash point.
    pub(super) fn start_again(&mut self, instances: &[usize]) {
        for instance in self.instances(instances) {
            instance.kill();
            instance.start_again(None);
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
            instance.start_again(None);
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
