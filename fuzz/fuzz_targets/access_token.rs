//! Bearer tokens and access tokens: whatever arrives, only the token that was issued is one.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use secrecy::ExposeSecret as _;
use time::OffsetDateTime;
use time::macros::datetime;
use watchword::domain::ids::{SessionId, UserId};
use watchword::domain::random::SystemRandom;
use watchword::domain::session::AuthenticationMethod;
use watchword::security::signing_keys::{KeyPair, NewKey};
use watchword::security::{AccessGrant, AccessTokens, KeyRing, SigningAlgorithm, SigningKey, TokenPolicy};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00:00 UTC);

/// The verifier, and a token of its own.
static ISSUED: LazyLock<(AccessTokens, String)> = LazyLock::new(|| {
    let random = SystemRandom::default();
    let lifetime = NewKey {
        activates_at: NOW,
        expires_at: NOW + Duration::from_secs(86_400),
    };
    let pair = KeyPair::generate(SigningAlgorithm::EdDsa, &random).expect("a key");
    let ring = KeyRing::new([SigningKey::new(pair, &lifetime, NOW)]);
    let policy = TokenPolicy {
        issuer: "https://auth.example.test".to_owned(),
        audience: vec!["watchword".to_owned()],
        client_id: "watchword".to_owned(),
        access_ttl: Duration::from_secs(900),
        leeway: Duration::from_secs(5),
    };
    let tokens = AccessTokens::new(policy, Arc::new(ring)).expect("a policy");
    let grant = AccessGrant {
        user_id: UserId::new_v7(NOW, &random),
        session_id: SessionId::new_v7(NOW, &random),
        roles: &[],
        email_verified: true,
        authenticated_at: NOW,
        amr: &[AuthenticationMethod::Password],
    };
    let token = tokens.issue(&grant, NOW, &random).expect("a token");
    let token = token.token.expose_secret().to_owned();
    (tokens, token)
});

fuzz_target!(|data: &[u8]| {
    let (tokens, issued) = &*ISSUED;
    assert!(tokens.verify(issued, NOW).is_ok());
    // The bytes as they are, with the key that the service has, and laid over the issued token.
    let text = String::from_utf8_lossy(data);
    let header = issued.split('.').next().unwrap_or_default();
    let mut changed = issued.clone().into_bytes();
    if let Some((at, patch)) = data.split_first_chunk::<2>() {
        let at = usize::from(u16::from_be_bytes(*at)) % changed.len();
        for (byte, new) in changed.iter_mut().skip(at).zip(patch) {
            *byte = *new;
        }
    }
    for token in [
        text.to_string(),
        format!("{header}.{text}"),
        String::from_utf8_lossy(&changed).into_owned(),
    ] {
        assert!(tokens.verify(&token, NOW).is_err() || token == *issued, "{token}");
    }
});
