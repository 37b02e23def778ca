//! The settings of a running service that its documentation shows.

use serde_json::Value;

/// A deployment of the service, for its documentation.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The service's public URL, without a trailing slash.
    pub base_url: String,
    /// The base URL of the schemas, for [`watchword_events::schema::url`].
    pub schema_base: String,
    /// The publishing service's name (`events.service`).
    pub service: String,
    /// The publishing service's environment (`events.environment`).
    pub environment: String,
    /// The installation, the `ce-source` of its events.
    pub source: String,
    /// The stream's configuration, in the format of `nats stream add --config`.
    pub stream: Value,
}

impl Deployment {
    /// Returns the name of the stream.
    #[must_use]
    pub fn stream_name(&self) -> &str {
        self.stream.get("name").and_then(Value::as_str).unwrap_or_default()
    }
}
