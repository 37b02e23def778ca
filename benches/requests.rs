//! The cost of a request before its action: strict parsing of the body, and the rate limit.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::FutureExt as _;
use poem_openapi::Object;
use serde::Deserialize;
use time::macros::datetime;
use watchword::http::payload::parse_strict;
use watchword::limits::{Charge, Charges, InMemoryLimiter, Quota, RateLimiter as _};

#[derive(Object, Deserialize)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewAccount {
    email: String,
    password: String,
    name: Option<String>,
}

const BODY: &[u8] = br#"{"email":"ada@example.com","password":"a long enough passphrase","name":"Ada Lovelace"}"#;

fn body(c: &mut Criterion) {
    assert!(
        parse_strict::<NewAccount>(BODY).is_ok_and(|account| account.name.is_some()),
        "the body fits"
    );
    c.bench_function("body: strict JSON", |b| b.iter(|| parse_strict::<NewAccount>(black_box(BODY)).is_ok()));
    c.bench_function("body: serde_json alone", |b| {
        b.iter(|| serde_json::from_slice::<NewAccount>(black_box(BODY)).is_ok());
    });
}

fn limits(c: &mut Criterion) {
    let now = datetime!(2026-03-01 12:00:00 UTC);
    let limiter = InMemoryLimiter::new(100_000);
    let quota = Quota::new(20, Duration::from_secs(60));
    let networks: Vec<Charges> = (0..4096)
        .map(|n| Charges {
            charges: vec![Charge {
                key: format!("login:192.0.{}.{}", n / 256, n % 256),
                quota,
                waived_for_trusted: false,
                local_first_half: false,
            }],
            trusted: None,
        })
        .collect();
    let mut next = networks.iter().cycle();
    c.bench_function("limit: in process, 4096 networks", |b| {
        b.iter(|| next.next().and_then(|tries| limiter.charge(black_box(tries), now).now_or_never()));
    });
}

criterion_group!(benches, body, limits);
criterion_main!(benches);
