//! A service that verifies access tokens without a request to the auth service, and refuses revoked
//! ones within a second.
//!
//! It shows **offline verification**. The service caches the public keys of the JWKS, and learns
//! from events which sessions have ended. It uses an ephemeral subscriber, because every instance
//! needs all events. It reads the last 16 minutes, the longest life of a token, and opens its port
//! when it has caught up. While NATS is unavailable, and until it has read what was published in
//! the meantime, it answers 503, since it cannot know which sessions have ended. So it does for a
//! token that is older than what it has read, because the stream had discarded older events: the
//! client refreshes the token. It cannot see that the service itself publishes late.
//!
//! ```sh
//! cargo run --example verify_offline
//! curl localhost:3003/whoami -H "authorization: Bearer $access"
//! ```
//!
//! Settings: `NATS_URL`; `AUTH_URL`, the URL of the auth service (default `http://localhost:3001`);
//! `AUTH_ISSUER` and `AUTH_AUDIENCE`, the `iss` and `aud` of the tokens (default `AUTH_URL` and
//! `watchword`); `VERIFY_LISTEN`, the address to listen on (default `127.0.0.1:3003`).

mod ended_sessions;
mod keys;
mod verifier;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use async_nats::connection::State;
use jsonwebtoken::Validation;
use poem::http::StatusCode;
use poem::listener::TcpListener;
use poem::web::{Data, Json};
use poem::{EndpointExt as _, IntoResponse as _, Request, Response, Route, Server, get, handler};
use time::OffsetDateTime;
use watchword_events::Subscriber;
use watchword_events::subscriber::{CancellationToken, Coverage};
use watchword_examples::{NATS_HELP, ctrl_c, init_logging, nats_url, setting};

use keys::Keys;
use verifier::{Verdict, Verifier};

/// The longest life of a token plus the delay. An older token has expired.
const MAX_TOKEN_AGE: time::Duration = time::Duration::minutes(16);
/// How often the keys are fetched.
const FETCH_INTERVAL: Duration = Duration::from_secs(300);

#[tokio::main]
#[expect(clippy::print_stdout, reason = "this example prints its address")]
async fn main() -> anyhow::Result<()> {
    init_logging();
    let (stop, caught_up) = (ctrl_c(), CancellationToken::new());
    let auth = setting("AUTH_URL", "http://localhost:3001");
    let mut rules = Validation::default();
    rules.set_issuer(&[setting("AUTH_ISSUER", &auth)]);
    rules.set_audience(&[setting("AUTH_AUDIENCE", "watchword")]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    (rules.leeway, rules.validate_nbf) = (5, true);
    let keys = Keys::at(format!("{auth}/.well-known/jwks.json"));
    keys.fetch()
        .await
        .with_context(|| format!("cannot fetch the keys of {auth}: start the service, or set AUTH_URL"))?;
    let (ended, coverage) = (Mutex::default(), Coverage::default());
    let verifier = Arc::new(Verifier { keys, rules, ended, coverage });

    #[expect(clippy::disallowed_methods, reason = "this example uses the system clock")]
    let since = OffsetDateTime::now_utc() - MAX_TOKEN_AGE;
    let subscriber = Subscriber::ephemeral().since(since).caught_up(caught_up.clone());
    let subscriber = subscriber.coverage(&verifier.coverage);
    let connected = subscriber.stop_on(stop.clone()).connect(&nats_url()).await.context(NATS_HELP)?;
    let (nats, listener, fetcher) = (connected.client(), verifier.clone(), verifier.clone());
    tokio::spawn(connected.run(move |received, delivery| {
        locked(&listener.ended).apply(&received, delivery.published);
        std::future::ready(())
    }));
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(FETCH_INTERVAL).await;
            // The known keys stay valid if the fetch fails.
            let _ = fetcher.keys.fetch().await;
        }
    });
    let wait = tokio::time::timeout(Duration::from_secs(10), caught_up.cancelled());
    wait.await.context("cannot read the events")?;

    let address = setting("VERIFY_LISTEN", "127.0.0.1:3003");
    println!("http://{address}/whoami");
    let routes = Route::new().at("/whoami", get(whoami)).data(verifier).data(nats);
    let server = Server::new(TcpListener::bind(address.clone()));
    let http = server.run_with_graceful_shutdown(routes, stop.cancelled(), Some(Duration::from_secs(5)));
    http.await.with_context(|| format!("cannot listen on {address}"))
}

#[handler]
async fn whoami(request: &Request, Data(verifier): Data<&Arc<Verifier>>, nats: Data<&async_nats::Client>) -> Response {
    let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let verdict = match token {
        _ if nats.connection_state() != State::Connected => Verdict::Unknown,
        Some(token) => verifier.verify(token).await,
        None => Verdict::Invalid,
    };
    match verdict {
        Verdict::Valid(claims) => Json(claims).into_response(),
        Verdict::Invalid => StatusCode::UNAUTHORIZED.with_header("www-authenticate", "Bearer").into_response(),
        Verdict::Unknown => StatusCode::SERVICE_UNAVAILABLE.with_header("retry-after", "1").into_response(),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
