//! What a client knows of a user's second factor.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use totp_rs::Totp;

use crate::support::http::Answer;

/// How long a code is valid, in seconds.
const STEP: u64 = 30;

/// An authenticator, pending or in use.
#[derive(Clone, Debug)]
pub(crate) struct Factor {
    totp: Totp,
    /// The step of the last code. A step has one code, which works once.
    last_step: u64,
    recovery_codes: Vec<String>,
}

impl Factor {
    /// Returns what an enrollment has answered.
    pub(crate) fn of(enrollment: &Answer) -> Option<Self> {
        let uri = enrollment.json.get("uri").and_then(Value::as_str)?;
        Some(Self {
            totp: Totp::from_url(uri).ok()?,
            last_step: 0,
            recovery_codes: Vec::new(),
        })
    }

    /// Keeps the recovery codes of a confirmation.
    pub(crate) fn keep_codes(&mut self, confirmation: &Answer) {
        let codes = confirmation.json.get("recoveryCodes").and_then(Value::as_array);
        self.recovery_codes = codes.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    }

    /// Returns the authenticator's code, unless it was used.
    pub(crate) fn code(&mut self) -> Option<String> {
        let now = now();
        let step = now / STEP;
        if step <= self.last_step {
            return None;
        }
        self.last_step = step;
        Some(self.totp.generate(now).to_string())
    }

    /// Returns a recovery code that was not used.
    pub(crate) fn recovery_code(&mut self) -> Option<String> {
        self.recovery_codes.pop()
    }
}

#[expect(clippy::disallowed_methods, reason = "the instances have this clock, or nearly")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
