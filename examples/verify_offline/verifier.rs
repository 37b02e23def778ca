//! Whether a token is valid, by its signature, its claims and the events.

use std::sync::Mutex;

use jsonwebtoken::{Validation, decode, decode_header};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use watchword_events::subscriber::Coverage;

use super::ended_sessions::EndedSessions;
use super::keys::Keys;
use super::locked;

/// The largest difference of clocks, and the longest that an event takes into the stream.
const MAX_DELAY: time::Duration = time::Duration::minutes(1);
#[derive(Deserialize, Serialize)]
pub(super) struct Claims {
    pub(super) sub: Uuid,
    pub(super) sid: Uuid,
    pub(super) roles: Vec<String>,
    pub(super) iat: i64,
}

/// What a token is checked by.
pub(super) struct Verifier {
    pub(super) keys: Keys,
    pub(super) rules: Validation,
    pub(super) ended: Mutex<EndedSessions>,
    pub(super) coverage: Coverage,
}

/// The answer about a token.
pub(super) enum Verdict {
    Valid(Claims),
    Invalid,
    /// Its session may have ended without this service having heard of it.
    Unknown,
}

impl Verifier {
    pub(super) async fn verify(&self, token: &str) -> Verdict {
        let Some(claims) = self.claims(token).await else {
            return Verdict::Invalid;
        };
        match self.coverage.since() {
            _ if locked(&self.ended).contains(&claims) => Verdict::Invalid,
            // The session was active when the token was issued.
            Some(since) if claims.iat >= (since + MAX_DELAY).unix_timestamp() => Verdict::Valid(claims),
            _ => Verdict::Unknown,
        }
    }

    async fn claims(&self, token: &str) -> Option<Claims> {
        let header = decode_header(token).ok()?;
        header.typ.filter(|typ| typ.eq_ignore_ascii_case("at+jwt"))?;
        let key = self.keys.find(&header.kid?).await?;
        let mut rules = self.rules.clone();
        rules.algorithms = vec![key.algorithm];
        Some(decode::<Claims>(token, &key.decoding, &rules).ok()?.claims)
    }
}
