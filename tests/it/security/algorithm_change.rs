//! What happens to the signing keys when another algorithm is configured.

use std::time::Duration;

use time::OffsetDateTime;
use watchword::security::signing_keys::KeyLife;
use watchword::security::{RotationPolicy, SigningAlgorithm};

use super::signing_keys::Service;
use super::support::NOW;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn policy(algorithm: SigningAlgorithm) -> RotationPolicy {
    RotationPolicy::new(30 * DAY, algorithm).unwrap()
}

impl Service {
    fn tick_as(&mut self, algorithm: SigningAlgorithm, now: OffsetDateTime) {
        self.policy = policy(algorithm);
        self.tick(now);
    }

    fn signer(&self, now: OffsetDateTime) -> &KeyLife {
        let signing = self.keys.iter().filter(|key| key.may_sign(now));
        signing.max_by_key(|key| key.activates_at).unwrap()
    }

    fn pending(&self, now: OffsetDateTime) -> usize {
        self.keys.iter().filter(|key| key.activates_at > now).count()
    }
}

#[test]
fn another_algorithm_is_published_for_the_lead_time_and_then_signs() {
    let mut service = Service::new(30 * DAY);
    service.tick(NOW);
    let changed = NOW + 10 * DAY;
    service.policy = policy(SigningAlgorithm::Es256);
    let new = service.tick(changed).create.unwrap();
    assert_eq!(new.activates_at, changed + DAY);
    for hour in 0..24 * 40 {
        let now = changed + HOUR * hour;
        service.tick(now);
        let expected = if hour < 24 {
            SigningAlgorithm::EdDsa
        } else {
            SigningAlgorithm::Es256
        };
        assert_eq!(service.signer(now).algorithm, expected, "hour {hour}");
    }
    assert_eq!(service.made, 3, "the first, the one of the change, and its regular successor");
}

#[test]
fn another_algorithm_signs_at_once_when_no_key_may_sign() {
    let mut service = Service::new(30 * DAY);
    service.tick(NOW);
    let much_later = NOW + 100 * DAY;
    service.tick_as(SigningAlgorithm::Rs256, much_later);
    assert_eq!(service.signer(much_later).algorithm, SigningAlgorithm::Rs256);
}

#[test]
fn a_late_change_never_lacks_a_signer() {
    // The old key stops at the end of day 31; its successor is late, or of another algorithm, or both.
    for hour in 0..24 * 33 {
        let mut service = Service::new(30 * DAY);
        service.tick(NOW);
        for later in 0..72 {
            let now = NOW + HOUR * (hour + later);
            service.tick_as(SigningAlgorithm::Es256, now);
            assert!(service.signers(now) > 0, "changed in hour {hour}, {later} h later");
        }
    }
}

#[test]
fn a_rolling_change_generates_one_key() {
    let mut service = Service::new(30 * DAY);
    service.tick(NOW);
    // Both run for an hour, and each plans every minute, at its start too.
    for minute in 0..60 {
        let now = NOW + DAY + MINUTE * minute;
        service.tick_as(SigningAlgorithm::Es256, now);
        service.tick_as(SigningAlgorithm::EdDsa, now);
    }
    for hour in 0..24 * 20 {
        service.tick_as(SigningAlgorithm::Es256, NOW + DAY + HOUR * (1 + hour));
    }
    assert_eq!(service.made, 2);
}

#[test]
fn instances_that_disagree_generate_one_key_per_lead_time() {
    let mut service = Service::new(30 * DAY);
    service.tick(NOW);
    let days = 60;
    let mut most = 0;
    for step in 0..days * 24 * 6 {
        let now = NOW + MINUTE * 10 * step;
        let [first, second] = if step % 2 == 0 {
            [SigningAlgorithm::Es256, SigningAlgorithm::Rs256]
        } else {
            [SigningAlgorithm::Rs256, SigningAlgorithm::Es256]
        };
        for algorithm in [first, second] {
            service.tick_as(algorithm, now);
            assert!(service.pending(now) <= 1, "step {step}");
            assert!(service.signers(now) > 0, "step {step}");
        }
        most = most.max(service.keys.len());
    }
    let made = u32::try_from(service.made).unwrap();
    assert!(made <= 2 + days, "{made} keys in {days} days");
    assert!(most <= 35, "{most} keys at once");
}
