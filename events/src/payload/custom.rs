//! The payload of events that applications record.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An application recorded an event of its own about its user. `actor` names the sender; the
/// service does not verify the contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Custom {
    /// The event's name: a letter, then up to 63 letters, digits, `_`, `-` or `.`.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// At most 32 keys over all depths and 4 KiB of compact JSON. May hold personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Map<String, Value>>,
}
