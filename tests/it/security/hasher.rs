//! The hashing pool below its capacity: right and wrong passwords, parameters, memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use watchword::domain::password::Password;
use watchword::domain::random::SystemRandom;
use watchword::security::hasher::{HasherSetupError, HasherStats, MAX_MEMORY_KIB};
use watchword::security::{HashError, HashParams, Hasher, PasswordHash, PoolSize};

use super::support::{Sequence, stats};

pub(super) const CHEAP: HashParams = HashParams { memory_kib: 64, iterations: 1, parallelism: 1 };

pub(super) fn size(threads: usize) -> PoolSize {
    PoolSize {
        threads: Some(threads),
        memory_limit_mib: 512,
        max_queue_per_thread: 64,
        max_wait: Duration::from_secs(1),
    }
}

pub(super) fn start(params: HashParams, size: PoolSize, stats: HasherStats) -> Hasher {
    Hasher::start(params, size, stats, Arc::new(SystemRandom::default())).unwrap()
}

pub(super) fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

#[tokio::test]
async fn the_right_password_matches_its_hash_and_no_other_does() {
    let hasher = start(CHEAP, size(2), stats());
    let hash = hasher.hash(password("correct horse battery")).await.unwrap();
    assert!(hash.expose().starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{}", hash.expose());
    let stored: PasswordHash = hash.expose().parse().unwrap();
    let right = hasher.verify(password("correct horse battery"), &stored).await.unwrap();
    assert!(right.ok && !right.needs_rehash);
    for wrong in [
        "correct horse batterx",
        "Correct horse battery",
        "correct horse battery ",
        "x",
    ] {
        let verified = hasher.verify(password(wrong), &stored).await.unwrap();
        assert!(!verified.ok && !verified.needs_rehash, "{wrong}");
    }
    let other = hasher.hash(password("correct horse battery")).await.unwrap();
    assert_ne!(other.expose(), hash.expose(), "a new salt each time");
    hasher.verify_dummy(password("correct horse battery")).await.unwrap();
}

#[tokio::test]
async fn passwords_that_differ_after_72_bytes_differ() {
    let hasher = start(CHEAP, size(1), stats());
    let long = "a1".repeat(36);
    let hash = hasher.hash(password(&format!("{long}x"))).await.unwrap();
    assert!(!hasher.verify(password(&format!("{long}y")), &hash).await.unwrap().ok);
}

#[tokio::test]
async fn the_hash_equals_the_reference_implementation() {
    let params = HashParams { memory_kib: 256, iterations: 3, parallelism: 4 };
    let hasher = Hasher::start(params, size(1), stats(), Arc::new(Sequence::new(5))).unwrap();
    // Twice, because the second hash reuses the memory of the first.
    for _ in 0..2 {
        let hash = hasher.hash(password("pässword")).await.unwrap();
        let parsed = argon2::PasswordHash::new(hash.expose()).unwrap();
        let library = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(256, 3, 4, None).unwrap());
        let mut expected = [0_u8; 32];
        library
            .hash_password_into("pässword".as_bytes(), parsed.salt.unwrap().as_ref(), &mut expected)
            .unwrap();
        assert_eq!(parsed.hash.unwrap().as_bytes(), expected);
    }
}

#[tokio::test]
async fn hashes_with_other_parameters_verify_and_report_when_to_rehash() {
    let with = |memory_kib, iterations, parallelism| HashParams { memory_kib, iterations, parallelism };
    let hasher = start(with(256, 2, 1), size(1), stats());
    let cases = [
        (with(64, 2, 1), true, "less memory"),
        (with(256, 1, 1), true, "fewer passes"),
        (with(4096, 1, 1), true, "more memory, fewer passes"),
        (with(4096, 2, 1), false, "more memory: the thread allocates it for this hash only"),
        (with(256, 3, 2), false, "more of everything"),
    ];
    for (params, needs_rehash, what) in cases {
        let hash = start(params, size(1), stats()).hash(password("the same")).await.unwrap();
        let verified = hasher.verify(password("the same"), &hash).await.unwrap();
        assert!(verified.ok, "{what}");
        assert_eq!(verified.needs_rehash, needs_rehash, "{what}");
        let wrong = hasher.verify(password("another"), &hash).await.unwrap();
        assert!(!wrong.ok && !wrong.needs_rehash, "{what}");
    }
    let own = hasher.hash(password("after all that")).await.unwrap();
    assert!(hasher.verify(password("after all that"), &own).await.unwrap().ok);
}

#[tokio::test]
async fn a_dummy_verification_costs_the_same_as_a_real_one() {
    let params = HashParams { memory_kib: 4096, iterations: 1, parallelism: 1 };
    let hasher = start(params, size(1), stats());
    let stored = hasher.hash(password("the right one")).await.unwrap();
    // Compare the fastest rounds: other load can only slow a round down, so more rounds bring equal
    // costs closer together.
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    for round in 1.. {
        for _ in 0..50 {
            let begun = Instant::now();
            assert!(!hasher.verify(password("a wrong one"), &stored).await.unwrap().ok);
            known = known.min(begun.elapsed());
            let begun = Instant::now();
            hasher.verify_dummy(password("a wrong one")).await.unwrap();
            unknown = unknown.min(begun.elapsed());
        }
        let ratio = unknown.as_secs_f64() / known.as_secs_f64();
        if (0.9..=1.1).contains(&ratio) {
            break;
        }
        assert!(round < 20, "{unknown:?} against {known:?}");
    }
}

#[test]
fn invalid_parameters_and_sizes_are_refused_at_the_start() {
    let refused = |params, size| Hasher::start(params, size, stats(), Arc::new(SystemRandom::default())).unwrap_err();
    let with = |memory_kib, iterations, parallelism| HashParams { memory_kib, iterations, parallelism };
    for bad in [
        with(4, 1, 1),
        with(64, 0, 1),
        with(64, 1, 0),
        with(64, 1, 9),
        with(MAX_MEMORY_KIB + 1, 1, 1),
    ] {
        assert_eq!(refused(bad, size(1)), HasherSetupError::Params);
    }
    assert_eq!(
        refused(CHEAP, PoolSize { max_queue_per_thread: 0, ..size(1) }),
        HasherSetupError::PoolSize
    );
    assert_eq!(
        refused(CHEAP, PoolSize { max_wait: Duration::ZERO, ..size(1) }),
        HasherSetupError::PoolSize
    );
    assert_eq!(refused(CHEAP, PoolSize { memory_limit_mib: 0, ..size(1) }), HasherSetupError::PoolSize);
    assert_eq!(refused(CHEAP, size(0)), HasherSetupError::PoolSize);
}

#[test]
fn errors_and_hashes_print_no_secret() {
    let error = HashError::Busy { retry_after: Duration::from_secs(1) };
    assert_eq!(error.to_string(), "all hashing threads are busy");
    let hasher = start(CHEAP, size(1), stats());
    assert!(!format!("{hasher:?}").contains("dummy"));
}
