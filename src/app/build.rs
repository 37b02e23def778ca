//! Building the parts from the configuration.

use std::net::SocketAddr;
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use watchword_events::{Pii, schema};

use super::{App, AppError, Environment, Stop, account_types};
use crate::actions::idempotency::Idempotency;
use crate::actions::jobs::rotate_keys;
use crate::actions::{Dependencies, Services};
use crate::config::{PiiMode, Settings, TokenAlgorithm};
use crate::domain::clock::signed_duration;
use crate::domain::email_message::MailPolicy;
use crate::domain::password::PasswordPolicy;
use crate::domain::second_factor::SecondFactorPolicy;
use crate::domain::session::SessionPolicy;
use crate::http::detached::Detached;
use crate::http::server::Tls;
use crate::jetstream::Nats;
use crate::limits::{InMemoryLimiter, LimitTime, Limits, RateLimiter, RedisLimiter};
use crate::mail::{self, MailError, MailWorker, MailWorkerParts};
use crate::redis_connection::RedisConnection;
use crate::revocation::{Denylist, NoDenylist, RedisDenylist, SessionCache};
use crate::security::signing_keys::RotationPolicyError;
use crate::security::{
    AccessTokens, ClientStats, Clients, HashParams, Hasher, KeyRing, LedgerMarks, LoginChallenges, OneTimeCodeMac,
    PoolSize, RefreshTokens, RotationPolicy, SecretKey, SigningAlgorithm, TokenPolicy,
};
use crate::store::{EventProfile, Store};
use crate::telemetry::{Metrics, MetricsServer};

impl App {
    /// Build the service: open the database, migrate it, create the first signing key and bind the
    /// listeners. NATS and Redis may be down.
    ///
    /// # Errors
    /// [`AppError`].
    pub async fn build(settings: Settings) -> Result<Self, AppError> {
        Self::build_with(settings, Environment::default()).await
    }

    /// Like [`build`](Self::build), with another source of time and randomness.
    ///
    /// # Errors
    /// [`AppError`].
    pub async fn build_with(settings: Settings, environment: Environment) -> Result<Self, AppError> {
        // Before anything is stored: a service without its key does not start.
        let secret = secret_key(&settings, &environment)?;
        let tls = Tls::load(&settings.http.tls)?;
        let store = open_store(&settings, &environment).await?;
        store.migrate_up().await?;
        Self::build_over(settings, environment, store, (secret, tls)).await
    }

    /// As [`build_with`](Self::build_with), over a database that the operator migrates.
    ///
    /// # Errors
    /// [`AppError`].
    pub async fn build_unmigrated(settings: Settings, environment: Environment) -> Result<Self, AppError> {
        let secret = secret_key(&settings, &environment)?;
        let tls = Tls::load(&settings.http.tls)?;
        let store = open_store(&settings, &environment).await?;
        store.check_schema().await?;
        Self::build_over(settings, environment, store, (secret, tls)).await
    }

    async fn build_over(
        settings: Settings,
        environment: Environment,
        store: Store,
        (secret, tls): (Arc<SecretKey>, Option<Tls>),
    ) -> Result<Self, AppError> {
        let metrics = Metrics::new()?;
        store.observe(metrics.clone());
        let marks = LedgerMarks::new(&secret)?;
        let services = build_services(&settings, &environment, store.clone(), secret.clone(), &metrics).await?;
        let mail = mail_worker(&settings, &environment, store.clone(), secret, metrics.clone())?;
        rotate_keys::run(&services.background()).await?;
        let stop = Stop::default();
        let address = SocketAddr::new(settings.http.host, settings.http.port);
        let refused = |source| AppError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let metrics_server = MetricsServer::bind(&settings.metrics).await?;
        let nats = Nats::start(&settings, &*environment.random, metrics.clone(), stop.connected.clone()).await?;
        Ok(Self {
            settings,
            environment,
            metrics,
            store,
            services,
            detached: Detached::new(),
            nats,
            marks,
            relay_status: watch::Sender::default(),
            mail,
            stop,
            listener,
            tls,
            address,
            metrics_server,
        })
    }
}

/// Open the database as configured, and check its server.
pub(super) async fn open_store(settings: &Settings, environment: &Environment) -> Result<Store, AppError> {
    let (profile, random) = (event_profile(settings), environment.random.clone());
    let store = Store::connect(&settings.database, &settings.data_dir, profile, random).await?;
    if !environment.clock.is_of_machine() {
        store.use_callers_time();
    }
    store.check_server().await?;
    Ok(store)
}

/// Open the database beside the service, which may have it open.
pub(super) async fn open_store_beside(settings: &Settings, environment: &Environment) -> Result<Store, AppError> {
    let (profile, random) = (event_profile(settings), environment.random.clone());
    Ok(Store::connect_beside(&settings.database, &settings.data_dir, profile, random).await?)
}

/// Where the `dataschema` of every event begins.
pub(super) fn schema_base_url(settings: &Settings) -> &str {
    let given = settings.events.schema_base_url.as_deref();
    given.map_or(schema::BASE_URL, |url| url.trim_end_matches('/'))
}

fn event_profile(settings: &Settings) -> EventProfile {
    EventProfile {
        service: settings.events.service.clone(),
        environment: settings.events.environment.clone(),
        pii: match settings.events.pii {
            PiiMode::Full => Pii::Full,
            PiiMode::Masked => Pii::Masked,
            PiiMode::None => Pii::None,
        },
        schema_base_url: schema_base_url(settings).to_owned(),
    }
}

/// The configured secret key, else the one in the data directory, which is created when it is
/// missing.
pub(super) fn secret_key(settings: &Settings, environment: &Environment) -> Result<Arc<SecretKey>, AppError> {
    let secret = match &settings.secret_key {
        Some(key) => SecretKey::from_base64(key)?,
        None => SecretKey::load_or_create(&settings.data_dir, &*environment.random)?,
    };
    Ok(Arc::new(secret))
}

/// Everything that actions use.
pub(super) async fn build_services(
    settings: &Settings,
    environment: &Environment,
    store: Store,
    secret: Arc<SecretKey>,
    metrics: &Metrics,
) -> Result<Services, AppError> {
    let tokens = &settings.tokens;
    let sessions = session_policy(settings);
    let redis = match &settings.redis.url {
        Some(url) => Some(RedisConnection::open(url.expose_secret(), settings.redis.timeout).await?),
        None => None,
    };
    let denylist: Arc<dyn Denylist> = match &redis {
        Some(redis) => Arc::new(RedisDenylist::new(redis.clone())),
        None => Arc::new(NoDenylist),
    };
    let counted_here = InMemoryLimiter::new(settings.limits.max_tracked);
    let limiter: Arc<dyn RateLimiter> = match redis {
        Some(redis) => {
            let time = if environment.clock.is_of_machine() {
                LimitTime::Server
            } else {
                LimitTime::Caller
            };
            Arc::new(RedisLimiter::new(redis, time, counted_here, metrics.limits().fallbacks.clone()))
        }
        None => Arc::new(counted_here),
    };
    Ok(Services::new(Dependencies {
        hasher: hasher(settings, environment, metrics)?,
        access: AccessTokens::new(token_policy(settings), Arc::new(KeyRing::new([])))?,
        refresh: RefreshTokens::new(&secret)?,
        clients: Clients::new(&settings.oauth.clients, client_stats(metrics)),
        rotation: rotation_policy(settings)?,
        session_cache: SessionCache::new(
            store.clone(),
            sessions,
            denylist,
            signed_duration(tokens.access_ttl + tokens.leeway),
        ),
        idempotency: Idempotency::new(&secret)?,
        limits: Limits::new(&settings.limits, limiter, metrics.limits().clone()),
        passwords: PasswordPolicy { min_length: settings.passwords.min_length },
        codes: OneTimeCodeMac::new(&secret)?,
        challenges: LoginChallenges::new(&secret)?,
        second_factors: SecondFactorPolicy {
            issuer: settings.mfa.issuer.clone(),
            challenge_ttl: signed_duration(settings.mfa.challenge_ttl),
        },
        mail: MailPolicy {
            delivers: mail::delivers(settings),
            code_ttl: signed_duration(settings.mail.code_ttl),
        },
        accounts: account_types::load(&settings.accounts)?,
        sessions,
        custom_events: settings.events.custom,
        service: settings.events.service.clone(),
        clock: environment.clock.clone(),
        random: environment.random.clone(),
        secret,
        store,
    }))
}

pub(super) fn token_policy(settings: &Settings) -> TokenPolicy {
    let tokens = &settings.tokens;
    TokenPolicy {
        issuer: settings.issuer(),
        audience: tokens.audience.clone(),
        client_id: tokens.client_id.clone(),
        access_ttl: tokens.access_ttl,
        leeway: tokens.leeway,
    }
}

pub(super) fn rotation_policy(settings: &Settings) -> Result<RotationPolicy, RotationPolicyError> {
    RotationPolicy::new(settings.tokens.key_rotation, algorithm(settings.tokens.algorithm))
}

const fn algorithm(configured: TokenAlgorithm) -> SigningAlgorithm {
    match configured {
        TokenAlgorithm::Es256 => SigningAlgorithm::Es256,
        TokenAlgorithm::Rs256 => SigningAlgorithm::Rs256,
        TokenAlgorithm::EdDsa => SigningAlgorithm::EdDsa,
    }
}

fn mail_worker(
    settings: &Settings,
    environment: &Environment,
    store: Store,
    secret: Arc<SecretKey>,
    metrics: Arc<Metrics>,
) -> Result<Option<MailWorker>, MailError> {
    let parts = MailWorkerParts {
        store,
        secret,
        clock: environment.clock.clone(),
        random: environment.random.clone(),
        metrics,
    };
    MailWorker::new(settings, parts)
}

fn session_policy(settings: &Settings) -> SessionPolicy {
    SessionPolicy {
        absolute_ttl: signed_duration(settings.sessions.absolute_ttl),
        idle_ttl: signed_duration(settings.sessions.idle_ttl),
        refresh_grace: signed_duration(settings.tokens.refresh_grace),
        max_per_user: settings.sessions.max_per_user,
    }
}

/// The cost of one hash, and the size of the pool.
pub(super) fn hash_pool(settings: &Settings) -> (HashParams, PoolSize) {
    let passwords = &settings.passwords;
    let params = HashParams {
        memory_kib: passwords.argon2_memory_kib,
        iterations: passwords.argon2_iterations,
        parallelism: passwords.argon2_parallelism,
    };
    let size = PoolSize {
        threads: passwords.hash_threads,
        memory_limit_mib: passwords.hash_memory_limit_mib,
        max_queue_per_thread: passwords.max_queue_per_thread,
        max_wait: passwords.max_wait,
    };
    (params, size)
}

fn hasher(settings: &Settings, environment: &Environment, metrics: &Metrics) -> Result<Hasher, AppError> {
    let (params, size) = hash_pool(settings);
    Ok(Hasher::start(params, size, metrics.into(), environment.random.clone())?)
}

fn client_stats(metrics: &Metrics) -> ClientStats {
    ClientStats {
        introspections: metrics.introspections.clone(),
        refused: metrics.clients_refused.clone(),
    }
}
