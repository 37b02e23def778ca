//! The headers of responses: those of every response, and the names of all in their usual case.

use serde_json::{Map, Value, json};

/// Headers that are defined once: name, description and example.
const SHARED: [(&str, &str, &str); 5] = [
    (
        "X-Request-Id",
        "ID of the request: the one that the client sent, or a new one. The service's logs have it.",
        "01a2031e-cd43-7e5f-9b1a-2c3d4e5f6a7b",
    ),
    (
        "Cache-Control",
        "How long to keep the response: not at all, unless it says so.",
        "no-store",
    ),
    (
        "Access-Control-Allow-Origin",
        "The response is the same for all, and scripts of any page may read it.",
        "*",
    ),
    (
        "WWW-Authenticate",
        "How to authenticate: `Bearer`, with `error=\"invalid_token\"` when the token that was sent is not valid \
         (RFC 6750 section 3).",
        "Bearer realm=\"watchword\", error=\"invalid_token\"",
    ),
    (
        "Accept-Patch",
        "Media types that PATCH takes (RFC 5789 section 3.1).",
        "application/merge-patch+json, application/json",
    ),
];

/// Words with more than one capital letter.
const SPELLINGS: [(&str, &str); 3] = [("etag", "ETag"), ("www", "WWW"), ("ratelimit", "RateLimit")];

/// Name the headers of a response in their usual case, and add those that every one of its kind
/// has.
pub(super) fn complete(response: &mut Map<String, Value>, status: &str, method: &str) {
    let Some(headers) = response.entry("headers").or_insert_with(|| json!({})).as_object_mut() else {
        return;
    };
    let named = std::mem::take(headers).into_iter();
    headers.extend(named.map(|(name, header)| (usual_case(&name), header)));
    // Only responses that caches may keep have one of their own.
    let is_public = headers.contains_key("Cache-Control");
    let mut add = |name: &str| {
        let reference = json!({ "$ref": format!("#/components/headers/{name}") });
        headers.entry(name).or_insert(reference);
    };
    add("X-Request-Id");
    if is_public {
        add("Access-Control-Allow-Origin");
    }
    add("Cache-Control");
    match (status, method) {
        ("401", _) => add("WWW-Authenticate"),
        ("415", "patch") => add("Accept-Patch"),
        _ => {}
    }
}

/// Define the headers that responses refer to.
pub(super) fn define(document: &mut Value) {
    let defined: Map<String, Value> = SHARED
        .into_iter()
        .map(|(name, description, example)| {
            let schema = json!({ "type": "string", "example": example });
            let header = json!({ "description": description, "required": true, "schema": schema });
            (name.to_owned(), header)
        })
        .collect();
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert("headers".to_owned(), Value::Object(defined));
    }
}

/// `X-AUTH-EMAIL` becomes `X-Auth-Email`.
fn usual_case(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    lower.split('-').map(word).collect::<Vec<_>>().join("-")
}

fn word(lower: &str) -> String {
    let spelled = SPELLINGS.iter().find(|(known, _)| *known == lower);
    if let Some((_, usual)) = spelled {
        return (*usual).to_owned();
    }
    let mut letters = lower.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::usual_case;

    #[test]
    fn headers_have_their_usual_case() {
        for (written, usual) in [
            ("ETAG", "ETag"),
            ("LOCATION", "Location"),
            ("RETRY-AFTER", "Retry-After"),
            ("www-authenticate", "WWW-Authenticate"),
            ("RateLimit-Policy", "RateLimit-Policy"),
            ("X-AUTH-USER-ID", "X-Auth-User-Id"),
        ] {
            assert_eq!(usual_case(written), usual);
        }
    }
}
