//! The routes by name: logs and metrics never see a raw path.

use std::collections::{BTreeMap, HashMap};

use poem::http::HeaderValue;
use poem_openapi::OpenApi;

/// What a request that no route matched is called.
const UNMATCHED: &str = "unmatched";

/// What machines ask all the time, below the base path. The one who asks has a log of its own.
const POLLED: [&str; 3] = ["/auth/verify", "/healthz", "/readyz"];

/// The templates of all routes, by the pattern under which poem knows them.
#[derive(Debug, Clone, Default)]
pub struct RouteTable {
    /// Where all of them are mounted, without a slash at the end.
    base: Box<str>,
    routes: HashMap<Box<str>, Route>,
    unmatched: Route,
}

/// One path of the service.
#[derive(Debug, Clone)]
pub(super) struct Route {
    template: Box<str>,
    allow: Option<HeaderValue>,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            template: UNMATCHED.into(),
            allow: None,
        }
    }
}

impl Route {
    /// The path with its parameters' names: `/users/{id}`.
    pub(super) fn template(&self) -> &str {
        &self.template
    }

    /// The methods that the path understands, as `Allow` wants them (RFC 9110 section 10.2.1).
    pub(super) const fn allow(&self) -> Option<&HeaderValue> {
        self.allow.as_ref()
    }
}

impl RouteTable {
    /// An empty table of what is mounted under `base_path`.
    #[must_use]
    pub fn new(base_path: &str) -> Self {
        Self {
            base: base_path.trim_end_matches('/').into(),
            ..Self::default()
        }
    }

    /// Adds every operation of the API.
    #[must_use]
    pub fn with_api<T: OpenApi>(mut self) -> Self {
        let mut methods: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for path in T::meta().into_iter().flat_map(|api| api.paths) {
            let known = methods.entry(path.path).or_default();
            known.extend(
                path.operations
                    .into_iter()
                    .map(|operation| operation.method.to_string()),
            );
        }
        for (path, methods) in methods {
            self = self.with_route(&path, &methods);
        }
        self
    }

    /// Adds one path outside the API, for example `/docs`; `{name}` stands for a parameter.
    #[must_use]
    pub fn with_route<M: AsRef<str>>(mut self, path: &str, methods: &[M]) -> Self {
        let template = format!("{}{path}", self.base);
        let mut allow: Vec<&str> = methods.iter().map(AsRef::as_ref).collect();
        if allow.contains(&"GET") && !allow.contains(&"HEAD") {
            allow.push("HEAD");
        }
        allow.sort_unstable();
        allow.dedup();
        let allow = HeaderValue::from_str(&allow.join(", ")).ok();
        let named = template.replace('{', ":").replace('}', "");
        let patterns = [pattern_of(&template), format!("{named}/"), named];
        let route = Route {
            template: template.into(),
            allow,
        };
        // poem-openapi numbers the parameters of a path. poem keeps their names, and ends the root of
        // nested routes in a slash.
        for pattern in patterns {
            self.routes.insert(pattern.into(), route.clone());
        }
        self
    }

    /// Whether machines ask for this path, or those below it, all the time: a good answer is no news.
    pub(super) fn are_polled(&self, path: &str) -> bool {
        path.strip_prefix(&*self.base).is_some_and(|path| {
            let rest = POLLED.iter().find_map(|polled| path.strip_prefix(polled));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// The route of a pattern; the one called `unmatched` when there is none.
    pub(super) fn find(&self, pattern: Option<&str>) -> &Route {
        pattern
            .and_then(|pattern| self.routes.get(pattern))
            .unwrap_or(&self.unmatched)
    }
}

/// The pattern that poem-openapi registers for an `OpenAPI` path: parameters are numbered.
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
