//! Helpers of the security tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::digest;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge};
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;
use time::macros::datetime;
use watchword::domain::ids::{SessionId, UserId};
use watchword::domain::random::Random;
use watchword::domain::session::AuthenticationMethod;
use watchword::domain::user::role::Role;
use watchword::security::hasher::HasherStats;
use watchword::security::signing_keys::{KeyPair, NewKey};
use watchword::security::{AccessGrant, AccessTokens, KeyRing, SecretKey, SigningAlgorithm, SigningKey, TokenPolicy};

pub(super) const NOW: OffsetDateTime = datetime!(2026-03-01 12:00:00.25 UTC);
pub(super) const ISSUER: &str = "https://auth.example.test";
pub(super) const AUDIENCE: &str = "watchword";

/// Bytes that look random, and are the same in every run.
pub(super) struct Sequence(AtomicU64);

impl Sequence {
    pub(super) const fn new(start: u64) -> Self {
        Self(AtomicU64::new(start))
    }
}

impl Random for Sequence {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            let block = digest::digest(&digest::SHA256, &number.to_be_bytes());
            chunk.iter_mut().zip(block.as_ref()).for_each(|(to, from)| *to = *from);
        }
    }
}

pub(super) fn secret(start: u64) -> SecretKey {
    let mut material = [0_u8; 32];
    Sequence::new(start).fill(&mut material);
    SecretKey::from_bytes(&material).unwrap()
}

/// An Ed25519 key, the same in every run.
pub(super) fn signing_key(start: u64, activates_at: OffsetDateTime) -> SigningKey {
    new_key(SigningAlgorithm::EdDsa, start, activates_at)
}

/// A key of an algorithm; only Ed25519 keys follow from `start`.
pub(super) fn new_key(algorithm: SigningAlgorithm, start: u64, activates_at: OffsetDateTime) -> SigningKey {
    let new = NewKey {
        activates_at,
        expires_at: activates_at + Duration::from_secs(31 * 24 * 3600),
    };
    let pair = KeyPair::generate(algorithm, &Sequence::new(start)).unwrap();
    SigningKey::new(pair, &new, activates_at)
}

pub(super) fn policy() -> TokenPolicy {
    TokenPolicy {
        issuer: ISSUER.to_owned(),
        audience: vec![AUDIENCE.to_owned()],
        client_id: "watchword".to_owned(),
        access_ttl: Duration::from_secs(900),
        leeway: Duration::from_secs(5),
    }
}

pub(super) fn tokens(key: SigningKey) -> AccessTokens {
    AccessTokens::new(policy(), Arc::new(KeyRing::new([key]))).unwrap()
}

pub(super) fn issue(tokens: &AccessTokens, now: OffsetDateTime, roles: &[Role], random: &dyn Random) -> String {
    text(&tokens.issue(&grant(roles), now, random).unwrap().token)
}

pub(super) fn grant(roles: &[Role]) -> AccessGrant<'_> {
    AccessGrant {
        user_id: user(),
        session_id: session(),
        roles,
        email_verified: false,
        authenticated_at: NOW,
        amr: &[AuthenticationMethod::Password],
    }
}

pub(super) fn user() -> UserId {
    "018f0000-0000-7000-8000-000000000001".parse().unwrap()
}

pub(super) fn session() -> SessionId {
    "018f0000-0000-7000-8000-0000000000aa".parse().unwrap()
}

pub(super) fn text(secret: &SecretString) -> String {
    secret.expose_secret().to_owned()
}

pub(super) fn stats() -> HasherStats {
    HasherStats {
        queue_depth: IntGauge::new("depth", "d").unwrap(),
        active: IntGauge::new("active", "a").unwrap(),
        wait_seconds: Histogram::with_opts(HistogramOpts::new("wait", "w")).unwrap(),
        rejected: IntCounter::new("rejected", "r").unwrap(),
    }
}
