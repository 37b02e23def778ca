//! Section `events`: the content of events, and how long the ledger keeps them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::loader::{
    Problems,
    checks::{absolute_uri, between_durations, http_url, label},
};

/// How much personal data events carry.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PiiMode {
    /// Unchanged.
    Full,
    /// Recognizable only by its owner (`t***@example.com`).
    Masked,
    /// Omitted.
    None,
}

/// The events' metadata and retention.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EventsSettings {
    /// Name of the service in every event.
    pub service: String,
    /// Name of the deployment in every event.
    pub environment: String,
    /// How much personal data events carry.
    pub pii: PiiMode,
    /// How long the ledger keeps a published event.
    #[serde(with = "humantime_serde")]
    pub retention: Duration,
    /// The source of events, an absolute URI. `None`: the issuer of access tokens.
    pub source: Option<String>,
    /// Base URL of the events' JSON Schemas, before `/schemas/`. `None`: the project's.
    pub schema_base_url: Option<String>,
    /// Whether applications may record events of their own.
    pub custom: bool,
}

impl EventsSettings {
    pub(super) fn check(&self, problems: &mut Problems) {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        label(problems, "events.service", &self.service);
        label(problems, "events.environment", &self.environment);
        between_durations(problems, "events.retention", self.retention, DAY, 3660 * DAY);
        if let Some(uri) = &self.source {
            absolute_uri(problems, "events.source", uri);
        }
        if let Some(url) = &self.schema_base_url {
            http_url(problems, "events.schema_base_url", url);
        }
    }
}
