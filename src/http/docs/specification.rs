//! The `OpenAPI` document: what poem-openapi derives from the routes, completed with what it cannot
//! derive.

use std::collections::HashMap;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem_openapi::{LicenseObject, OpenApi, OpenApiService, Tags as _};
use serde_json::Value;

use crate::http::routes::{Routes, Tag};

const DESCRIPTION: &str = "\
Accounts, sessions and tokens. Every action commits its event in the same database transaction as its state; a relay \
publishes it to the NATS JetStream stream `auth-events`.\n\n\
Try it: **register** or **log in**, copy the `accessToken` into **Authorize**, call **/auth/me**, refresh, log out.\n\n\
Errors are `application/problem+json` (RFC 9457) with a stable `code`. Request bodies are parsed strictly: unknown \
fields, duplicate keys and values of another type are refused.";

/// Describe the routes; the document tells clients to send requests below `public_path` on the host
/// that serves it.
pub fn service<T: OpenApi>(routes: T, public_path: &str) -> OpenApiService<T, ()> {
    OpenApiService::new(routes, "Watchword", env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .license(LicenseObject::new("Apache-2.0").url("https://www.apache.org/licenses/LICENSE-2.0"))
        .server(public_path)
}

/// Complete the derived document: request bodies allow no additional properties, and tags have
/// their order.
#[must_use]
pub fn document(derived: &str) -> String {
    // poem-openapi always writes JSON; otherwise the test of the committed copy would fail.
    let Ok(mut document) = serde_json::from_str::<Value>(derived) else {
        return derived.to_owned();
    };
    sort_tags(&mut document);
    for name in request_schemas(&document) {
        let schema = document
            .pointer_mut(&format!("/components/schemas/{name}"))
            .and_then(Value::as_object_mut);
        if let Some(schema) = schema {
            schema.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
    }
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_else(|_| derived.to_owned());
    text.push('\n');
    text
}

/// Order the tags as [`Tag::ALL`] does: poem-openapi sorts them by name, and Swagger UI keeps the
/// order of the document.
fn sort_tags(document: &mut Value) {
    let Some(tags) = document.get_mut("tags").and_then(Value::as_array_mut) else {
        return;
    };
    tags.sort_by_key(|tag| {
        let name = tag.get("name").and_then(Value::as_str);
        Tag::ALL.iter().position(|known| Some(known.name()) == name)
    });
}

/// The names of the schemas of request bodies.
fn request_schemas(document: &Value) -> Vec<String> {
    let paths = document
        .get("paths")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|paths| paths.values());
    let operations = paths.filter_map(Value::as_object).flat_map(|path| path.values());
    operations
        .filter_map(|operation| operation.pointer("/requestBody/content"))
        .filter_map(|content| content.pointer("/application~1json/schema/$ref")?.as_str())
        .filter_map(|reference| Some(reference.rsplit_once('/')?.1.to_owned()))
        .collect()
}

/// The document that is committed as `docs/reference/openapi.json`: of the routes at `/`.
#[must_use]
pub fn committed() -> String {
    document(&service(Described, "/").spec())
}

/// The descriptions of the routes, without the services that they need.
struct Described;

impl OpenApi for Described {
    fn meta() -> Vec<poem_openapi::registry::MetaApi> {
        Routes::meta()
    }

    fn register(registry: &mut poem_openapi::registry::Registry) {
        Routes::register(registry);
    }

    fn add_routes(self, _routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}
