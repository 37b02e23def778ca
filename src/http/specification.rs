//! The `OpenAPI` document: what poem-openapi derives from the routes, with what it can't say added.

use std::collections::HashMap;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem_openapi::{LicenseObject, OpenApi, OpenApiService};
use serde_json::Value;

use super::routes::Routes;

const DESCRIPTION: &str = "\
Accounts, sessions and tokens. Every action commits its event in the same database transaction as its state; a relay publishes \
it to the NATS JetStream stream `auth-events`.\n\n\
Try it here: **register** or **log in**, copy the `accessToken` into **Authorize**, call **/auth/me**, refresh, log out.\n\n\
Errors are `application/problem+json` (RFC 9457) with a stable `code`. Request bodies are read strictly: unknown fields, \
duplicate keys and values of another type are refused.";

/// The service under its description; requests go to `base_path` on the host that serves the document.
pub fn service<T: OpenApi>(routes: T, base_path: &str) -> OpenApiService<T, ()> {
    OpenApiService::new(routes, "Watchword", env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .license(LicenseObject::new("Apache-2.0").url("https://www.apache.org/licenses/LICENSE-2.0"))
        .server(base_path)
}

/// The document as JSON text: like `service.spec()`, with request bodies closed.
#[must_use]
pub fn document(derived: &str) -> String {
    // What poem-openapi wrote is JSON; were it not, it would be served as it is and the test of the committed copy would fail.
    let Ok(mut document) = serde_json::from_str::<Value>(derived) else {
        return derived.to_owned();
    };
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

/// The names of the schemas that request bodies have.
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

/// The document of the routes at `/`, as it is committed under `docs/reference/openapi.json`.
#[must_use]
pub fn committed() -> String {
    document(&service(Described, "/").spec())
}

/// The routes as a description alone: nothing behind them is needed to tell what they are.
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
