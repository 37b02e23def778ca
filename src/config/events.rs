//! Section `events`: what is written into every event, and how long the ledger keeps it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Problems,
    checks::{between_durations, http_url, label},
};

/// How much personal data events carry.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PiiMode {
    /// As it is.
    Full,
    /// Recognisable by its owner only (`t***@example.com`).
    Masked,
    /// Left out.
    None,
}

/// The events' metadata and retention.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EventsSettings {
    /// Name of the emitting service in every event.
    pub service: String,
    /// Name of the deployment in every event.
    pub environment: String,
    /// How much personal data events carry.
    pub pii: PiiMode,
    /// How long the ledger keeps a published event.
    #[serde(with = "humantime_serde")]
    pub retention: Duration,
    /// Where the events' JSON Schemas are served; none: `http.public_url`.
    pub schema_base_url: Option<String>,
}

impl EventsSettings {
    pub(super) fn check(&self, problems: &mut Problems) {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        label(problems, "events.service", &self.service);
        label(problems, "events.environment", &self.environment);
        between_durations(problems, "events.retention", self.retention, DAY, 3660 * DAY);
        if let Some(url) = &self.schema_base_url {
            http_url(problems, "events.schema_base_url", url);
        }
    }
}
