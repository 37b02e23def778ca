//! The payload about refused requests.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::identifier_hash::IdentifierHash;
use super::ip_address;

/// Requests were refused by a rate limit: one event per instance, minute, limiter and key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct RateLimited {
    /// The limiter, as in the header `RateLimit-Policy`: `login`, `login_account`, `register`, …
    pub limiter: String,
    /// The client's IP address, if all requests came from one. Personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "ip_address")]
    pub ip: Option<IpAddr>,
    /// A keyed hash of the submitted identifier, if the limiter counts by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier_hash: Option<IdentifierHash>,
    /// The seconds that the last refused request was told to wait.
    #[schemars(range(min = 1))]
    pub retry_after: u64,
    /// The number of refused requests.
    #[schemars(range(min = 1))]
    pub count: u64,
}
