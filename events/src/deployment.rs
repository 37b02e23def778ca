//! What the documentation of a running service says beside the catalogue.

use serde_json::Value;

/// One deployment of the service, as its documentation shows it.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Where the service is reached, without a slash at the end.
    pub base_url: String,
    /// What [`crate::schema::url`] puts before `/schemas/…`.
    pub schema_base: String,
    /// The publishing service's name (`events.service`).
    pub service: String,
    /// The environment it runs in (`events.environment`).
    pub environment: String,
    /// The stream's definition, as `nats stream add --config` takes it.
    pub stream: Value,
}

impl Deployment {
    /// The name of the stream.
    #[must_use]
    pub fn stream_name(&self) -> &str {
        self.stream.get("name").and_then(Value::as_str).unwrap_or_default()
    }
}
