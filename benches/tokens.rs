//! The cost of verifying an access token in every request, and a refresh token in every refresh.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use secrecy::ExposeSecret as _;
use time::OffsetDateTime;
use time::macros::datetime;
use watchword::domain::ids::{SessionId, UserId};
use watchword::domain::random::{Random as _, SystemRandom};
use watchword::domain::session::AuthenticationMethod;
use watchword::domain::user::role::Role;
use watchword::security::signing_keys::{KeyPair, NewKey};
use watchword::security::{
    AccessGrant, AccessTokens, KeyRing, RefreshTokens, SecretKey, SigningAlgorithm, SigningKey, TokenPolicy,
};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00:00 UTC);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn access_tokens(algorithm: SigningAlgorithm, random: &SystemRandom) -> Result<AccessTokens, Box<dyn Error>> {
    let new = NewKey { activates_at: NOW, expires_at: NOW + 31 * DAY };
    let pair = KeyPair::generate(algorithm, random).ok_or("no key pair")?;
    let ring = KeyRing::new([SigningKey::new(pair, &new, NOW)]);
    let policy = TokenPolicy {
        issuer: "https://auth.example.com".to_owned(),
        audience: vec!["watchword".to_owned()],
        client_id: "watchword".to_owned(),
        access_ttl: Duration::from_secs(900),
        leeway: Duration::from_secs(5),
    };
    Ok(AccessTokens::new(policy, Arc::new(ring))?)
}

fn access(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    for algorithm in SigningAlgorithm::ALL {
        access_with(algorithm, c)?;
    }
    Ok(())
}

fn access_with(algorithm: SigningAlgorithm, c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let random = SystemRandom::default();
    let tokens = access_tokens(algorithm, &random)?;
    let (user_id, session_id) = (UserId::new_v7(NOW, &random), SessionId::new_v7(NOW, &random));
    let grant = AccessGrant {
        user_id,
        session_id,
        roles: &[Role::User],
        email_verified: true,
        authenticated_at: NOW,
        amr: &[AuthenticationMethod::Password],
    };
    let issue = || tokens.issue(&grant, NOW, &random).map(|issued| issued.token);
    let token = issue()?;
    tokens.verify(token.expose_secret(), NOW)?;

    c.bench_function(&format!("access token {algorithm}: issue"), |b| b.iter(issue));
    c.bench_function(&format!("access token {algorithm}: verify, seen before"), |b| {
        b.iter(|| tokens.verify(black_box(token.expose_secret()), NOW).is_ok());
    });
    c.bench_function(&format!("access token {algorithm}: verify, seen for the first time"), |b| {
        b.iter_batched(
            issue,
            |token| token.is_ok_and(|token| tokens.verify(token.expose_secret(), NOW).is_ok()),
            BatchSize::SmallInput,
        );
    });
    Ok(())
}

fn refresh(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let random = SystemRandom::default();
    let mut material = [0; 32];
    random.fill(&mut material);
    let tokens = RefreshTokens::new(&SecretKey::from_bytes(&material)?)?;
    let session = SessionId::new_v7(NOW, &random);
    let token = tokens.mint(session, 7);
    c.bench_function("refresh token: mint", |b| b.iter(|| tokens.mint(black_box(session), 7)));
    c.bench_function("refresh token: parse", |b| b.iter(|| tokens.parse(black_box(token.expose_secret()))));
    Ok(())
}

fn all(c: &mut Criterion) {
    for outcome in [access(c), refresh(c)] {
        assert!(outcome.is_ok(), "{outcome:?}");
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
