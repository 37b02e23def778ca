//! Deserializers for values that serde cannot parse by itself.

use std::net::IpAddr;

use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de::Error as _};

/// A secret in a type that no `Debug` output or log can show.
pub(in crate::config) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}

/// Trim final slashes, so that a joined path has no doubled slash.
pub(in crate::config) fn without_final_slash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(String::deserialize(deserializer)?.trim_end_matches('/').to_owned())
}

/// Networks in CIDR notation. An address without a prefix is a network of one.
pub(in crate::config) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|text| {
            network(text).ok_or_else(|| D::Error::custom(format!("{text:?} is not a network such as \"10.0.0.0/8\"")))
        })
        .collect()
}

fn network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// A list of texts, each trimmed.
pub(in crate::config) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|text| text.trim().to_owned())
        .collect())
}

/// A list of texts, or one text, each trimmed.
pub(in crate::config) fn list_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text or a list of texts")]
    enum Texts {
        One(String),
        Several(Vec<String>),
    }
    let texts = match Texts::deserialize(deserializer)? {
        Texts::One(text) => vec![text],
        Texts::Several(texts) => texts,
    };
    Ok(texts.iter().map(|text| text.trim().to_owned()).collect())
}
