//! `watchword config check`, and the first thing that `serve` does: everything that can be known
//! about the configuration without a connection, before anything is stored.

mod connections;
mod data_dir;

pub use self::connections::{Connection, ConnectionState, check_connections};
use crate::app::AppError;
use crate::app::account_types;
use crate::app::build::{hash_pool, rotation_policy, token_policy};
use crate::config::Settings;
use crate::http::server::Tls;
use crate::jetstream;
use crate::mail;
use crate::redis_connection::RedisConnection;
use crate::security::access_token::TokenPolicyError;
use crate::security::{Hasher, SecretKey, SecretKeyLoadError};
use crate::store::Store;
use crate::telemetry::{self, error_chain};

/// Check that every part can be built as configured.
///
/// # Errors
/// [`AppError::Unusable`] with all problems.
pub fn check(settings: &Settings) -> Result<(), AppError> {
    let mut problems = Vec::new();
    let mut check = |part: Result<(), AppError>| {
        if let Err(error) = part {
            problems.push(error_chain(&error).to_string());
        }
    };
    check(telemetry::check(&settings.telemetry).map_err(AppError::from));
    check(secret_key(settings).map_err(AppError::from));
    check(
        Store::check_address(&settings.database, &settings.data_dir)
            .map(drop)
            .map_err(AppError::from),
    );
    check(Tls::load(&settings.http.tls).map(drop).map_err(AppError::from));
    check(redis(settings));
    check(jetstream::check(settings).map_err(AppError::from));
    check(mail::check(settings).map_err(AppError::from));
    check(account_types::load(&settings.accounts).map(drop).map_err(AppError::from));
    let (params, size) = hash_pool(settings);
    check(Hasher::check(params, size).map_err(AppError::from));
    check(tokens(settings).map_err(AppError::from));
    check(rotation_policy(settings).map(drop).map_err(AppError::from));
    problems.extend(data_dir::problems(settings));
    if problems.is_empty() {
        Ok(())
    } else {
        Err(AppError::Unusable(problems))
    }
}

fn secret_key(settings: &Settings) -> Result<(), SecretKeyLoadError> {
    match &settings.secret_key {
        Some(key) => SecretKey::from_base64(key).map(drop),
        None => SecretKey::load(&settings.data_dir).map(drop),
    }
}

fn redis(settings: &Settings) -> Result<(), AppError> {
    match &settings.redis.url {
        Some(url) => RedisConnection::check_url(url)
            .map_err(|problem| AppError::argument("redis.url", format!("cannot be used: {problem}"))),
        None => Ok(()),
    }
}

fn tokens(settings: &Settings) -> Result<(), TokenPolicyError> {
    token_policy(settings).check()
}
