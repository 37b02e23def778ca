//! From one algorithm to the next while clients work: a rolling update, two times.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jsonwebtoken::{Algorithm, decode_header};
use serde_json::Value;
use tokio::task::JoinHandle;
use watchword::config::TokenAlgorithm;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::clock::TestClock;
use crate::support::database::Backend;
use crate::support::http::{Http, Tokens};
use crate::support::wait::eventually;

const CLIENTS: usize = 3;
const STEP: Duration = Duration::from_secs(5 * 60);

/// The clients, and what they have seen.
#[derive(Clone, Default)]
struct Load {
    /// The instances behind the balancer.
    instances: Arc<Mutex<Vec<Http>>>,
    rounds: Arc<Mutex<[usize; CLIENTS]>>,
    requests: Arc<AtomicUsize>,
    refused: Arc<Mutex<Vec<String>>>,
    /// What the clients' newest tokens were signed with.
    algorithms: Arc<Mutex<[Option<Algorithm>; CLIENTS]>>,
    stop: Arc<AtomicBool>,
}

impl Load {
    fn spawn(&self, at: usize, mut tokens: Tokens) -> JoinHandle<()> {
        let load = self.clone();
        tokio::spawn(async move {
            let mut round = at;
            while !load.stop.load(Ordering::SeqCst) {
                let instances = load.instances.lock().expect("a lock").clone();
                for http in &instances {
                    load.count(http.me(&tokens.access).await.status.as_u16(), "/auth/me");
                }
                let answer = instances[round % instances.len()].refresh(&tokens.refresh).await;
                load.count(answer.status.as_u16(), "/auth/refresh");
                if answer.status == 200 {
                    tokens = answer.tokens();
                }
                load.algorithms.lock().expect("a lock")[at] =
                    decode_header(&tokens.access).ok().map(|header| header.alg);
                load.rounds.lock().expect("a lock")[at] += 1;
                round += 1;
            }
        })
    }

    fn count(&self, status: u16, path: &str) {
        self.requests.fetch_add(1, Ordering::SeqCst);
        if status != 200 {
            self.refused.lock().expect("a lock").push(format!("{status} {path}"));
        }
    }

    /// Waits until every client has gone round twice: once with what it had, and once with what it sees now.
    async fn settle(&self) {
        let before = *self.rounds.lock().expect("a lock");
        eventually(Duration::from_secs(60), || async {
            let now = *self.rounds.lock().expect("a lock");
            let done = before.iter().zip(now).all(|(before, now)| now >= before + 2);
            if done {
                Ok(())
            } else {
                Err(format!("{before:?} {now:?}"))
            }
        })
        .await;
    }

    fn signed_with(&self, algorithm: Algorithm) -> bool {
        let algorithms = self.algorithms.lock().expect("a lock");
        algorithms.iter().all(|known| *known == Some(algorithm))
    }
}

async fn published(http: &Http) -> Vec<Value> {
    let answer = http.get("/.well-known/jwks.json").await.expect_status(200);
    let keys = answer.json["keys"].as_array().expect("keys").iter();
    keys.map(|key| key["alg"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_is_refused_while_the_algorithm_changes() {
    let clock = TestClock::running();
    let builder = TestApp::builder(Backend::Postgres).clock(clock.clone());
    let builder = builder.settings(|settings| {
        settings.tokens.algorithm = TokenAlgorithm::EdDsa;
        // The lead time is half of it.
        settings.tokens.key_rotation = Duration::from_secs(2 * 3600);
    });
    let mut app = builder.spawn().await;
    let load = Load::default();
    load.instances.lock().expect("a lock").push(app.http());
    let mut clients = Vec::new();
    for at in 0..CLIENTS {
        let answer = app.http().register(&format!("user{at}@example.com"), PASSWORD).await;
        clients.push(load.spawn(at, answer.expect_status(201).tokens()));
    }
    load.settle().await;
    let mut before = Algorithm::EdDSA;
    for (configured, after, names) in [
        (TokenAlgorithm::Es256, Algorithm::ES256, ["ES256", "EdDSA"]),
        (TokenAlgorithm::Rs256, Algorithm::RS256, ["RS256", "ES256"]),
    ] {
        // The new instance publishes the next key. The old one still serves, and does not know the key yet.
        let mut old = app.replace(|settings| settings.tokens.algorithm = configured, clock.clone()).await;
        load.instances.lock().expect("a lock").push(app.http());
        load.settle().await;
        assert!(load.signed_with(before));
        assert_eq!(published(&app.http()).await[..2], names);
        load.instances.lock().expect("a lock").remove(0);
        load.settle().await;
        old.stop().await.expect("stop");
        // 55 minutes later the old key still signs.
        for _ in 0..11 {
            clock.advance(STEP);
            load.settle().await;
        }
        assert!(load.signed_with(before));
        clock.advance(STEP);
        load.settle().await;
        assert!(load.signed_with(after), "{:?}", load.algorithms);
        before = after;
    }
    load.stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.expect("a client");
    }
    let refused = load.refused.lock().expect("a lock").clone();
    let requests = load.requests.load(Ordering::SeqCst);
    assert!(refused.is_empty(), "{} of {requests}: {refused:?}", refused.len());
    assert!(requests > 200, "{requests}");
    app.finish().await;
}
