//! The routes by pattern, so that logs and metrics never contain a raw path.

use std::collections::{BTreeMap, HashMap};

use poem::http::HeaderValue;
use poem_openapi::OpenApi;

/// The template of requests that match no route.
const UNMATCHED: &str = "unmatched";
/// The template of preflight requests, which are for no one route.
const PREFLIGHT: &str = "preflight";
/// The template of what is no request.
const UNPARSED: &str = "unparsed";

/// Paths, below the base path, that proxies and orchestrators poll. They keep logs of their own.
const POLLED: [&str; 3] = ["/auth/verify", "/healthz", "/readyz"];

/// All routes, by their poem patterns.
#[derive(Debug, Clone)]
pub struct RouteTable {
    /// The base path, without a slash at the end.
    base: Box<str>,
    routes: HashMap<Box<str>, Route>,
    unmatched: Route,
    preflight: Route,
    unparsed: Route,
}

#[derive(Debug, Clone)]
pub(super) struct Route {
    template: Box<str>,
    allow: Option<HeaderValue>,
}

impl Default for RouteTable {
    fn default() -> Self {
        Self {
            base: Box::default(),
            routes: HashMap::new(),
            unmatched: Route::named(UNMATCHED),
            preflight: Route::named(PREFLIGHT),
            unparsed: Route::named(UNPARSED),
        }
    }
}

impl Route {
    fn named(name: &str) -> Self {
        Self { template: name.into(), allow: None }
    }

    /// The path with the names of its parameters: `/users/{id}`.
    pub(super) fn template(&self) -> &str {
        &self.template
    }

    /// The methods of the path, as the value of `Allow` (RFC 9110 section 10.2.1).
    pub(super) const fn allow(&self) -> Option<&HeaderValue> {
        self.allow.as_ref()
    }
}

impl RouteTable {
    /// An empty table of routes below `base_path`.
    #[must_use]
    pub fn new(base_path: &str) -> Self {
        Self {
            base: base_path.trim_end_matches('/').into(),
            ..Self::default()
        }
    }

    /// Add every operation of an API.
    #[must_use]
    pub fn with_api<T: OpenApi>(mut self) -> Self {
        let mut methods: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for path in T::meta().into_iter().flat_map(|api| api.paths) {
            let known = methods.entry(path.path).or_default();
            known.extend(path.operations.into_iter().map(|operation| operation.method.to_string()));
        }
        for (path, methods) in methods {
            self = self.with_route(&path, &methods);
        }
        self
    }

    /// Add a path outside the API, for example `/docs`; `{name}` is a parameter.
    #[must_use]
    pub fn with_route<M: AsRef<str>>(self, path: &str, methods: &[M]) -> Self {
        let template = format!("{}{path}", self.base);
        self.with_root_route(&template, methods)
    }

    /// Add a path outside the base path.
    #[must_use]
    pub fn with_root_route<M: AsRef<str>>(mut self, template: &str, methods: &[M]) -> Self {
        let mut allow: Vec<&str> = methods.iter().map(AsRef::as_ref).collect();
        if allow.contains(&"GET") && !allow.contains(&"HEAD") {
            allow.push("HEAD");
        }
        allow.sort_unstable();
        allow.dedup();
        let allow = HeaderValue::from_str(&allow.join(", ")).ok();
        let named = template.replace('{', ":").replace('}', "");
        let patterns = [pattern_of(template), format!("{named}/"), named];
        let route = Route { template: template.into(), allow };
        // poem-openapi numbers the parameters of a path. poem keeps their names, and ends the root
        // of nested routes in a slash.
        for pattern in patterns {
            self.routes.insert(pattern.into(), route.clone());
        }
        self
    }

    /// Whether the path is polled, so that its successful requests are not logged.
    pub(super) fn is_polled(&self, path: &str) -> bool {
        path.strip_prefix(&*self.base).is_some_and(|path| {
            let rest = POLLED.iter().find_map(|polled| path.strip_prefix(polled));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// The route of preflight requests.
    pub(super) const fn preflight(&self) -> &Route {
        &self.preflight
    }

    /// The route of what is no request.
    pub(super) const fn unparsed(&self) -> &Route {
        &self.unparsed
    }

    /// The route of a pattern, or the route `unmatched`.
    pub(super) fn find(&self, pattern: Option<&str>) -> &Route {
        pattern.and_then(|pattern| self.routes.get(pattern)).unwrap_or(&self.unmatched)
    }
}

/// The poem pattern of an `OpenAPI` path: poem-openapi numbers the parameters.
fn pattern_of(template: &str) -> String {
    let mut pattern = String::with_capacity(template.len());
    let mut parameters = 0_usize;
    for segment in template.split('/').skip(1) {
        pattern.push('/');
        if segment.starts_with('{') && segment.ends_with('}') {
            pattern.push_str(&format!(":param{parameters}"));
            parameters += 1;
        } else {
            pattern.push_str(segment);
        }
    }
    pattern
}
