//! Profiles: the JSON object of an account, described by the schema of its account type.

use std::fmt;

use serde_json::{Map, Value};

/// In bytes of compact JSON. The session cache of every instance holds profiles, so they are small.
const MAX_BYTES: usize = 4096;

/// The top-level fields that a user search covers.
const NAME_FIELDS: [&str; 5] = ["firstName", "lastName", "name", "author", "producer"];

/// `Debug` hides the fields.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Profile(Map<String, Value>);

/// The profile is larger than 4 KiB of compact JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be at most {MAX_BYTES} bytes as compact JSON")]
pub struct TooLarge;

impl Profile {
    /// Accept an object that was parsed as JSON without control characters.
    pub fn new(fields: Map<String, Value>) -> Result<Self, TooLarge> {
        let profile = Self(fields);
        if profile.to_json().len() > MAX_BYTES {
            return Err(TooLarge);
        }
        Ok(profile)
    }

    /// Wrap a stored profile, of any size.
    #[must_use]
    pub const fn stored(fields: Map<String, Value>) -> Self {
        Self(fields)
    }

    #[must_use]
    pub const fn fields(&self) -> &Map<String, Value> {
        &self.0
    }

    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Apply a merge patch: `null` removes a field, objects are merged, any other value replaces
    /// (RFC 7396 section 2).
    pub fn patched(&self, patch: Map<String, Value>) -> Result<Self, TooLarge> {
        let mut fields = self.0.clone();
        merge(&mut fields, patch);
        Self::new(fields)
    }

    /// The names in the profile, for user searches.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        NAME_FIELDS.iter().filter_map(|name| self.0.get(*name)?.as_str())
    }
}

fn merge(fields: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                fields.remove(&name);
            }
            Value::Object(inner) => {
                let mut merged = match fields.remove(&name) {
                    Some(Value::Object(old)) => old,
                    _ => Map::new(),
                };
                merge(&mut merged, inner);
                fields.insert(name, Value::Object(merged));
            }
            other => {
                fields.insert(name, other);
            }
        }
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Profile({} fields)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_patch_is_merged() {
        let fields = |value: Value| value.as_object().cloned().unwrap();
        // The examples of RFC 7396 appendix A that are about objects.
        for (old, patch, new) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let patched = Profile::stored(fields(old)).patched(fields(patch)).unwrap();
            assert_eq!(Value::Object(patched.0), new);
        }
    }
}
