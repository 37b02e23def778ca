//! Signing keys: sealed rows, the JWKS document, and rotation.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;
use watchword::domain::random::Random as _;
use watchword::security::signing_keys::{KeyLife, RotationPolicyError, VERIFY_TAIL};
use watchword::security::{
    KeyRing, RotationPlan, RotationPolicy, SealedKey, SigningAlgorithm, SigningKey, SigningKeyError,
};

use super::support::{NOW, Sequence, secret, signing_key};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn a_key_is_restored_from_its_row() {
    let key = signing_key(1, NOW);
    let row = key.seal(&secret(1), &Sequence::new(50)).unwrap();
    assert_eq!((row.kid.as_str(), row.public.as_slice()), (key.kid(), key.public()));
    let again = SigningKey::open(&row, &secret(1)).unwrap();
    assert_eq!((again.life(), again.public()), (key.life(), key.public()));
    let mut seed = [0_u8; 32];
    Sequence::new(1).fill(&mut seed);
    assert!(!row.sealed.windows(32).any(|window| window == seed), "the private key is not in the row");
    for shown in [format!("{row:?}"), format!("{key:?}")] {
        assert!(
            !shown.contains("seed") && !shown.contains("sealed") && shown.contains(key.kid()),
            "{shown}"
        );
    }
}

#[test]
fn a_changed_or_foreign_row_is_refused() {
    let row = signing_key(1, NOW).seal(&secret(1), &Sequence::new(50)).unwrap();
    let other = signing_key(2, NOW).seal(&secret(1), &Sequence::new(60)).unwrap();
    let open = |row: &SealedKey| SigningKey::open(row, &secret(1)).unwrap_err();
    assert!(matches!(SigningKey::open(&row, &secret(2)), Err(SigningKeyError::Secret(_))));
    assert!(matches!(
        open(&SealedKey { sealed: other.sealed, ..row.clone() }),
        SigningKeyError::Secret(_)
    ));
    assert!(matches!(
        open(&SealedKey { public: other.public, ..row.clone() }),
        SigningKeyError::Inconsistent { .. }
    ));
    assert!(matches!(open(&SealedKey { kid: other.kid, ..row }), SigningKeyError::Secret(_)));
}

#[test]
fn a_sealed_row_with_another_keys_id_is_refused() {
    let mut seed = [0_u8; 32];
    Sequence::new(1).fill(&mut seed);
    let row = signing_key(1, NOW).seal(&secret(1), &Sequence::new(50)).unwrap();
    let sealed = secret(1).seal("signing-keys", b"chosen", &seed, &Sequence::new(60)).unwrap();
    let chosen = SealedKey { kid: "chosen".to_owned(), sealed, ..row };
    assert!(matches!(SigningKey::open(&chosen, &secret(1)), Err(SigningKeyError::Inconsistent { .. })));
}

#[test]
fn the_jwks_document_shows_every_key_that_verifies_and_no_private_part() {
    let ring = KeyRing::new([
        signing_key(1, NOW),
        signing_key(2, NOW + DAY),
        signing_key(3, NOW - 40 * DAY),
    ]);
    let document = serde_json::to_value(ring.jwks(NOW)).unwrap();
    let keys = document["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2, "the next key is published before it signs, and the expired one is not");
    let (next, current) = (signing_key(2, NOW), signing_key(1, NOW));
    for (shown, key) in keys.iter().zip([next, current]) {
        let expected = serde_json::json!({
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.kid(),
            "x": URL_SAFE_NO_PAD.encode(key.public()),
        });
        assert_eq!(*shown, expected);
    }
}

#[test]
fn the_newest_active_key_signs() {
    let ring = KeyRing::new([signing_key(1, NOW), signing_key(2, NOW + DAY)]);
    let signer = |at| ring.signer(at).map(|key| key.kid().to_owned());
    let (first, second) = (signing_key(1, NOW).kid().to_owned(), signing_key(2, NOW).kid().to_owned());
    assert_eq!(
        signer(NOW - HOUR),
        Some(first.clone()),
        "the clock of the instance that created it is ahead"
    );
    assert_eq!(signer(NOW), Some(first.clone()));
    assert_eq!(signer(NOW + DAY - HOUR), Some(first));
    assert_eq!(signer(NOW + DAY), Some(second.clone()));
    assert_eq!(signer(NOW + 32 * DAY - VERIFY_TAIL - HOUR), Some(second));
    assert_eq!(signer(NOW + 32 * DAY - VERIFY_TAIL), None, "its last tokens must not outlive it");
}

fn every(rotation: Duration) -> RotationPolicy {
    RotationPolicy::new(rotation, SigningAlgorithm::EdDsa).unwrap()
}

/// Applies rotation plans as the service does: once per `step`, except during downtime.
pub(super) struct Service {
    pub(super) keys: Vec<KeyLife>,
    pub(super) policy: RotationPolicy,
    pub(super) made: usize,
}

impl Service {
    pub(super) fn new(rotation: Duration) -> Self {
        Self { keys: Vec::new(), policy: every(rotation), made: 0 }
    }

    pub(super) fn tick(&mut self, now: OffsetDateTime) -> RotationPlan {
        let plan = RotationPlan::at(&self.keys, now, &self.policy);
        self.keys.retain(|key| !plan.drop.contains(&key.kid));
        if let Some(new) = plan.create {
            self.made += 1;
            self.keys.push(KeyLife {
                kid: format!("k{}", self.made),
                algorithm: self.policy.algorithm(),
                created_at: now,
                activates_at: new.activates_at,
                expires_at: new.expires_at,
            });
        }
        plan
    }

    pub(super) fn signers(&self, now: OffsetDateTime) -> usize {
        self.keys.iter().filter(|key| key.may_sign(now)).count()
    }
}

#[test]
fn a_year_of_rotations_never_lacks_a_signer_and_publishes_each_key_a_day_before() {
    let mut service = Service::new(30 * DAY);
    let mut last_made = 0;
    for hour in 0..365 * 24 {
        let now = NOW + HOUR * hour;
        let plan = service.tick(now);
        assert!(service.signers(now) > 0, "hour {hour}");
        assert!(service.keys.len() <= 3, "hour {hour}: {:?}", service.keys);
        assert!(
            RotationPlan::at(&service.keys, now, &service.policy).is_empty(),
            "applying a plan once is enough"
        );
        if let Some(new) = plan.create
            && service.made > 1
        {
            assert!(new.activates_at >= now + DAY, "hour {hour}");
            assert!(hour - last_made >= 29 * 24, "hour {hour}");
            last_made = hour;
        }
    }
    assert_eq!(service.made, 13);
}

#[test]
fn every_token_can_be_verified_until_it_expires() {
    let mut service = Service::new(HOUR);
    let mut signed: Vec<(OffsetDateTime, String)> = Vec::new();
    for minute in 0..24 * 60 {
        let now = NOW + Duration::from_secs(60) * minute;
        service.tick(now);
        let signer = service
            .keys
            .iter()
            .filter(|key| key.may_sign(now))
            .max_by_key(|key| key.activates_at)
            .unwrap();
        signed.push((now, signer.kid.clone()));
        for (at, kid) in &signed {
            let alive = now <= *at + Duration::from_secs(15 * 60 + 5);
            let found = service.keys.iter().any(|key| key.kid == *kid && key.may_verify(now));
            assert!(!alive || found, "minute {minute}: {kid} is removed before its tokens expire");
        }
    }
    assert!((22..=26).contains(&service.made), "{}", service.made);
}

#[test]
fn after_any_downtime_a_signing_key_is_available_at_once() {
    let stops = 31 * DAY;
    let pauses = [
        DAY,
        28 * DAY,
        30 * DAY,
        stops - HOUR,
        stops,
        stops + VERIFY_TAIL / 2,
        stops + VERIFY_TAIL,
        400 * DAY,
    ];
    for pause in pauses {
        let mut service = Service::new(30 * DAY);
        service.tick(NOW);
        for hour in 0..24 * 70 {
            let now = NOW + pause + HOUR * hour;
            service.tick(now);
            assert!(service.signers(now) > 0, "{pause:?} down, hour {hour}");
        }
    }
}

#[test]
fn a_late_rotation_keeps_the_lead_time_while_the_old_key_still_signs() {
    let mut service = Service::new(30 * DAY);
    service.tick(NOW);
    let late = NOW + 30 * DAY - HOUR;
    let new = service.tick(late).create.unwrap();
    assert_eq!(new.activates_at, late + DAY);
    let mut service = Service::new(30 * DAY);
    service.tick(NOW);
    let later = NOW + 30 * DAY + 12 * HOUR;
    let new = service.tick(later).create.unwrap();
    assert_eq!(new.activates_at, NOW + 31 * DAY, "when the old key expires, 12 hours early");
}

#[test]
fn a_changed_rotation_period_applies_from_the_next_key() {
    let mut service = Service::new(30 * DAY);
    service.tick(NOW);
    service.policy = every(2 * DAY);
    let new = service.tick(NOW + 10 * DAY).create.unwrap();
    assert_eq!(new.activates_at, NOW + 11 * DAY, "a shorter period applies at once, after the lead time");
    let mut service = Service::new(30 * DAY);
    service.tick(NOW);
    service.policy = every(90 * DAY);
    for hour in 0..24 * 200 {
        let now = NOW + HOUR * hour;
        let created = service.tick(now).create;
        assert!(service.signers(now) > 0, "a longer period does not extend the old key");
        assert!(
            created.is_none_or(|new| new.activates_at >= now + DAY),
            "the next key is published in time"
        );
    }
}

#[test]
fn a_rotation_period_out_of_range_is_refused() {
    for bad in [Duration::ZERO, HOUR - Duration::from_secs(1), 367 * DAY, Duration::MAX] {
        assert_eq!(RotationPolicy::new(bad, SigningAlgorithm::EdDsa), Err(RotationPolicyError));
    }
    assert_eq!(every(30 * DAY).lead(), DAY);
    assert_eq!(every(HOUR).lead(), HOUR / 2);
}
