//! The payload of events that applications record.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An application recorded an event of its own about its user. `actor` names the sender; the
/// service does not verify the contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(not(feature = "producer"), non_exhaustive)]
pub struct Custom {
    /// The application's name for it, also the last token of the subject: a lower-case letter, then
    /// up to 63 lower-case letters, digits, `_` or `-`.
    #[schemars(regex(pattern = "^[a-z][a-z0-9_-]{0,63}$"))]
    pub name: String,
    /// At most 32 keys over all depths and 4 KiB of compact JSON. May hold personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Map<String, Value>>,
}
