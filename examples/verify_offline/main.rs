//! A service that checks access tokens itself: no question to the auth service, and no revoked token after a second.
//!
//! It shows **offline verification**. The public keys come from the JWKS and are kept; what has ended comes as events, through
//! an ephemeral consumer, because every instance needs all of it. It begins 16 minutes back, as long as a token can live, and
//! opens its port when it has caught up. While NATS is away it answers 503, because it cannot know what has ended; what ended in
//! an outage is known some seconds after it.
//!
//! ```sh
//! cargo run --example verify_offline
//! curl localhost:3003/whoami -H "authorization: Bearer $access"
//! ```
//!
//! `NATS_URL` says where NATS is, `AUTH_URL` where the auth service is (default `http://localhost:3001`), `AUTH_ISSUER` and
//! `AUTH_AUDIENCE` what stands in the tokens (default `AUTH_URL` and `watchword`), `VERIFY_LISTEN` which address it listens on.

mod ended;
mod keys;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use async_nats::connection::State;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use poem::http::StatusCode;
use poem::listener::TcpListener;
use poem::web::{Data, Json};
use poem::{EndpointExt as _, IntoResponse as _, Request, Response, Route, Server, get, handler};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;
use watchword_events::Subscriber;
use watchword_events::subscriber::CancellationToken;
use watchword_examples::{NATS_HELP, ctrl_c, nats_url, setting, show_warnings};

use ended::Ended;
use keys::Keys;

/// The longest life of a token and the largest difference of clocks: after that its own time has ended it.
const REMEMBER: time::Duration = time::Duration::minutes(16);
/// The age at which keys are fetched again.
const FRESH: Duration = Duration::from_secs(300);

#[derive(Deserialize, Serialize)]
struct Claims {
    sub: Uuid,
    sid: Uuid,
    roles: Vec<String>,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it says where it listens")]
async fn main() -> anyhow::Result<()> {
    show_warnings();
    let (stop, caught_up) = (ctrl_c(), CancellationToken::new());
    let auth = setting("AUTH_URL", "http://localhost:3001");
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_issuer(&[setting("AUTH_ISSUER", &auth)]);
    rules.set_audience(&[setting("AUTH_AUDIENCE", "watchword")]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    (rules.leeway, rules.validate_nbf) = (5, true);
    let keys = Keys::at(format!("{auth}/.well-known/jwks.json"));
    keys.fetch().await.with_context(|| format!("no keys from {auth}"))?;
    let ended = Mutex::default();
    let verifier = Arc::new(Verifier { keys, rules, ended });

    #[expect(clippy::disallowed_methods, reason = "a program of its own has the system's clock")]
    let since = OffsetDateTime::now_utc() - REMEMBER;
    let subscriber = Subscriber::ephemeral().since(since).caught_up(caught_up.clone());
    let connected = subscriber
        .stop_on(stop.clone())
        .connect(&nats_url())
        .await
        .context(NATS_HELP)?;
    let (nats, learns, fetches) = (connected.client(), verifier.clone(), verifier.clone());
    tokio::spawn(connected.run(move |received, _| {
        locked(&learns.ended).apply(&received);
        std::future::ready(())
    }));
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(FRESH).await;
            // The keys that are known are good until somebody says otherwise.
            let _ = fetches.keys.fetch().await;
        }
    });
    let wait = tokio::time::timeout(Duration::from_secs(10), caught_up.cancelled());
    wait.await.context("the events cannot be read")?;

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
    ended: Mutex<Ended>,
}

impl Verifier {
    async fn verify(&self, token: &str) -> Option<Claims> {
        let header = decode_header(token).ok()?;
        header.typ.filter(|typ| typ.eq_ignore_ascii_case("at+jwt"))?;
        let key = self.keys.find(&header.kid?).await?;
        let claims = decode::<Claims>(token, &key, &self.rules).ok()?.claims;
        (!locked(&self.ended).has(&claims)).then_some(claims)
    }
}

#[handler]
async fn whoami(request: &Request, Data(verifier): Data<&Arc<Verifier>>, nats: Data<&async_nats::Client>) -> Response {
    if nats.connection_state() != State::Connected {
        return StatusCode::SERVICE_UNAVAILABLE
            .with_header("retry-after", "1")
            .into_response();
    }
    let token = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    let claims = match token {
        Some(token) => verifier.verify(token).await,
        None => None,
    };
    match claims {
        Some(claims) => Json(claims).into_response(),
        None => StatusCode::UNAUTHORIZED
            .with_header("www-authenticate", "Bearer")
            .into_response(),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
