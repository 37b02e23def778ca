//! Builds the router of the public port: the API, its documents and pages, under the configured
//! base path.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use poem::endpoint::make_sync;
use poem::http::header::CACHE_CONTROL;
use poem::web::Path;
use poem::{Endpoint, EndpointExt as _, Response, Route, get, handler};
use watchword_contract::{Deployment, asyncapi, docs};
use watchword_events::{CATALOGUE, schema};

use super::api::Api;
use super::compression::Precompressed;
use super::docs::page::ScriptedPage;
use super::docs::specification;
use super::middleware::RouteTable;
use super::problem::{Problem, ProblemCode, pages};
use super::routes::auth::verify;
use super::routes::health::Readiness;
use super::routes::well_known::metadata;
use super::routes::{Routes, all};
use crate::config::HttpSettings;

/// Published schemas never change.
const SCHEMA_CACHE: &str = "public, max-age=86400";

/// The endpoint of the public port, and its routes by name.
pub struct Router {
    pub endpoint: poem::endpoint::BoxEndpoint<'static, Response>,
    /// For logs, metrics and `Allow`.
    pub table: RouteTable,
}

pub fn build(settings: &HttpSettings, deployment: Deployment, api: &Api, readiness: Arc<dyn Readiness>) -> Router {
    let deployment = Arc::new(deployment);
    let base = settings.base_path.as_str();
    let public_path = settings.public_path();
    let base_url = settings.base_url();
    // Generators take the first server, without knowing where the document came from.
    let servers: &[&str] = if settings.has_public_url() {
        &[&base_url, &public_path]
    } else {
        &[&public_path]
    };
    let service = specification::service(all(api, readiness.clone()), servers);
    let document = specification::document(&service.spec());
    let mut table = RouteTable::new(base)
        .with_api::<Routes>()
        .with_route(verify::PATH_PREFIX, &["GET"])
        .with_route("/openapi.json", &["GET"])
        .with_route("/asyncapi.json", &["GET"])
        .with_route("/events-docs", &["GET"])
        .with_route("/schemas/{subject}/{file}", &["GET"])
        .with_route("/problems", &["GET"])
        .with_route("/problems/{code}", &["GET"]);
    let mut route = Route::new()
        .at("/schemas/:subject/:file", get(event_schema.data(Arc::clone(&deployment))))
        .nest("/problems", pages());
    if settings.swagger_ui {
        table = table.with_route("/docs", &["GET"]).with_route("/docs/", &["GET"]);
        let page = Arc::new(swagger_ui(&public_path, api, readiness));
        route = route.at("/docs", get(page.clone())).at("/docs/", get(page));
    }
    route = route
        .at(verify::PATH, get(verify::direct(api.clone())))
        .at(verify::PATH_PREFIX, verify::direct(api.clone()))
        .at("/openapi.json", get(json(document)))
        .at("/asyncapi.json", get(json(asyncapi::text(&deployment))))
        .at("/events-docs", get(events_page(deployment)))
        .nest("/", service);
    let trimmed = base.trim_end_matches('/');
    let mut root = if trimmed.is_empty() {
        route
    } else {
        Route::new().nest(trimmed, route)
    };
    for path in metadata_paths(trimmed, public_path.trim_end_matches('/')) {
        table = table.with_root_route(&path, &["GET"]);
        root = root.at(path, get(metadata::endpoint(api.clone())));
    }
    Router { endpoint: root.map_to_response().boxed(), table }
}

/// Where else clients look for the metadata of an issuer with a path: at the root of the host, with
/// that path behind (RFC 8414 section 3.1) and without. `public` is longer than `base` behind a
/// proxy that removes a prefix, and passes these on unchanged.
fn metadata_paths(base: &str, public: &str) -> BTreeSet<String> {
    let of = |path: &str| metadata::PATHS.map(|document| format!("{document}{path}"));
    let mut paths: BTreeSet<String> = [base, public, ""].into_iter().flat_map(of).collect();
    // The routes below the base path have those.
    for path in metadata::PATHS.map(|document| format!("{base}{document}")) {
        paths.remove(&path);
    }
    paths
}

fn json(document: String) -> impl Endpoint {
    let (document, compressed) = (Bytes::from(document), Precompressed::default());
    make_sync(move |_| {
        let mut response = Response::builder().content_type("application/json").body(document.clone());
        response.set_data(compressed.clone());
        response
    })
}

/// The page is built by the first request.
fn events_page(deployment: Arc<Deployment>) -> impl Endpoint {
    let page = OnceLock::new();
    make_sync(move |_| {
        let page: &ScriptedPage = page.get_or_init(|| ScriptedPage::new(&docs::html::page(&deployment)));
        page.response()
    })
}

/// The page is built by the first request: it is larger than everything else that an idle service
/// keeps in memory. It may call its own origin alone, so it names no other server.
fn swagger_ui(public_path: &str, api: &Api, readiness: Arc<dyn Readiness>) -> impl Endpoint + use<> {
    let page = OnceLock::new();
    let (path, api) = (public_path.to_owned(), api.clone());
    make_sync(move |_| {
        let page: &ScriptedPage = page.get_or_init(|| {
            let service = specification::service(all(&api, readiness.clone()), &[&path]);
            let document = specification::document(&service.spec());
            let title = "<title>Watchword API</title><meta name=\"viewport\" content=\"width=device-width\">";
            let html = service.swagger_ui_html().replace(&service.spec(), &document);
            ScriptedPage::new(&format!("<!doctype html>{}", html.replace("<title>Swagger UI</title>", title)))
        });
        page.response()
    })
}

#[handler]
fn event_schema(
    Path((subject, file)): Path<(String, String)>,
    deployment: poem::web::Data<&Arc<Deployment>>,
) -> Result<Response, Problem> {
    let known = CATALOGUE
        .iter()
        .find(|event| event.subject == subject && file == format!("{}.json", event.version));
    let event = known.ok_or(ProblemCode::NotFound)?;
    let schema = schema::document(event, &deployment.schema_base);
    Ok(Response::builder()
        .content_type("application/schema+json")
        .header(CACHE_CONTROL, SCHEMA_CACHE)
        .body(schema.to_string()))
}
