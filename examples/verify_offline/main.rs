//! A service that verifies access tokens without a request to the auth service, and refuses revoked
//! ones within a second.
//!
//! It shows **offline verification**. The service caches the public keys of the JWKS, and learns
//! from events which sessions have ended. It uses an ephemeral subscriber, because every instance
//! needs all events. It reads the last 16 minutes, the longest life of a token, and opens its port
//! when it has caught up. While NATS is unavailable it answers 503, since it cannot know which
//! sessions have ended; it learns of those within seconds after the outage.
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

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use async_nats::connection::State;
use jsonwebtoken::{Validation, decode, decode_header};
use poem::http::StatusCode;
use poem::listener::TcpListener;
use poem::web::{Data, Json};
use poem::{EndpointExt as _, IntoResponse as _, Request, Response, Route, Server, get, handler};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;
use watchword_events::Subscriber;
use watchword_events::subscriber::CancellationToken;
use watchword_examples::{NATS_HELP, ctrl_c, init_logging, nats_url, setting};

use ended_sessions::EndedSessions;
use keys::Keys;

/// The longest life of a token plus the largest difference of clocks. An older token has expired.
const MAX_TOKEN_AGE: time::Duration = time::Duration::minutes(16);
/// How often the keys are fetched.
const FETCH_INTERVAL: Duration = Duration::from_secs(300);

#[derive(Deserialize, Serialize)]
struct Claims {
    sub: Uuid,
    sid: Uuid,
    roles: Vec<String>,
}

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
    let ended = Mutex::default();
    let verifier = Arc::new(Verifier { keys, rules, ended });

    #[expect(clippy::disallowed_methods, reason = "this example uses the system clock")]
    let since = OffsetDateTime::now_utc() - MAX_TOKEN_AGE;
    let subscriber = Subscriber::ephemeral().since(since).caught_up(caught_up.clone());
    let connected = subscriber.stop_on(stop.clone()).connect(&nats_url()).await.context(NATS_HELP)?;
    let (nats, listener, fetcher) = (connected.client(), verifier.clone(), verifier.clone());
    tokio::spawn(connected.run(move |received, _| {
        locked(&listener.ended).apply(&received);
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

struct Verifier {
    keys: Keys,
    rules: Validation,
    ended: Mutex<EndedSessions>,
}

impl Verifier {
    async fn verify(&self, token: &str) -> Option<Claims> {
        let header = decode_header(token).ok()?;
        header.typ.filter(|typ| typ.eq_ignore_ascii_case("at+jwt"))?;
        let key = self.keys.find(&header.kid?).await?;
        let mut rules = self.rules.clone();
        rules.algorithms = vec![key.algorithm];
        let claims = decode::<Claims>(token, &key.decoding, &rules).ok()?.claims;
        (!locked(&self.ended).contains(&claims)).then_some(claims)
    }
}

#[handler]
async fn whoami(request: &Request, Data(verifier): Data<&Arc<Verifier>>, nats: Data<&async_nats::Client>) -> Response {
    if nats.connection_state() != State::Connected {
        return StatusCode::SERVICE_UNAVAILABLE.with_header("retry-after", "1").into_response();
    }
    let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let claims = match token {
        Some(token) => verifier.verify(token).await,
        None => None,
    };
    match claims {
        Some(claims) => Json(claims).into_response(),
        None => StatusCode::UNAUTHORIZED.with_header("www-authenticate", "Bearer").into_response(),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
