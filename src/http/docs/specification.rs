//! The `OpenAPI` document: what poem-openapi derives from the routes, completed with what it cannot
//! derive.

use std::collections::HashMap;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem_openapi::{ContactObject, LicenseObject, OpenApi, OpenApiService};
use serde_json::Value;

use super::complete::complete;
use crate::http::routes::Routes;

const DESCRIPTION: &str = "\
Accounts, sessions and tokens. Every action commits its event in the same database transaction as its state; a relay \
publishes it to the NATS JetStream stream `auth-events`.\n\n\
Try it: **register** or **log in**, copy the `accessToken` into **Authorize**, call **/auth/me**, refresh, log out.\n\n\
**Errors** are `application/problem+json` (RFC 9457) with a stable `code`. A parameter of the path or the query and a \
header that are not valid answer 400, a JSON body that is refused answers 422; `errors` then has one entry for each, \
with exactly one of `pointer`, `parameter` and `header`. Request bodies are parsed strictly: unknown fields, duplicate \
keys and values of another type are refused. A method that a path does not have answers 405 with `Allow`, and \
a head of more than 16 KiB or 100 headers answers 431.\n\n\
**What may be added**: operations, optional fields of requests, fields of responses, headers, problem codes, and values \
of a text with `x-extensible-enum`, which lists the known ones. Ignore a field that you do not know, and treat an \
unknown value as \"another one\".\n\n\
**Cursors** are opaque: send back what a response returned. The events' pages and the event stream take the same ones.";

/// Describe the routes; the document tells clients to send requests below one of `servers`: an
/// absolute URL, or a path on the host that serves the document.
pub fn service<T: OpenApi>(routes: T, servers: &[&str]) -> OpenApiService<T, ()> {
    let service = OpenApiService::new(routes, "Watchword", env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .contact(ContactObject::new().name("Watchword").url(env!("CARGO_PKG_REPOSITORY")))
        .license(LicenseObject::new("Apache-2.0").url("https://www.apache.org/licenses/LICENSE-2.0"));
    servers.iter().fold(service, |service, server| service.server(*server))
}

/// Complete the derived document.
#[must_use]
pub fn document(derived: &str) -> String {
    // poem-openapi always writes JSON; otherwise the test of the committed copy would fail.
    let Ok(mut document) = serde_json::from_str::<Value>(derived) else {
        return derived.to_owned();
    };
    complete(&mut document);
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_else(|_| derived.to_owned());
    text.push('\n');
    text
}

/// The document that is committed as `docs/reference/openapi.json`: of the routes at `/`.
#[must_use]
pub fn committed() -> String {
    document(&service(Described, &["/"]).spec())
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
