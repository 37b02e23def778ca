//! The HTTP client of the tests, which reads every response whole.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// Longer than any deadline of the service, so that a hanging request fails its test.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A response of the service.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body as text.
    pub(crate) text: String,
    /// The body as JSON; null if it is empty or not JSON.
    pub(crate) json: Value,
}

impl Answer {
    /// Returns a header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the text at a JSON pointer.
    #[track_caller]
    pub(crate) fn str(&self, pointer: &str) -> &str {
        self.json
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no text at {pointer} in {}", self.text))
    }

    /// Checks the status, and returns the response.
    #[track_caller]
    pub(crate) fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{} {}", self.status, self.text);
        self
    }

    /// Checks that this is a complete problem (RFC 9457) with this status and code, and returns it.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect_status(status);
        assert_eq!(answer.header(CONTENT_TYPE.as_str()), Some("application/problem+json"), "{}", answer.text);
        assert_eq!(answer.json.get("status"), Some(&json!(status)), "{}", answer.text);
        assert_eq!(answer.str("/code"), code, "{}", answer.text);
        assert!(answer.str("/type").starts_with("http"), "an absolute type: {}", answer.text);
        assert!(
            !answer.str("/title").is_empty() && !answer.str("/requestId").is_empty(),
            "{}",
            answer.text
        );
        assert_places(&answer);
        if status == 401 {
            assert!(answer.header("www-authenticate").is_some(), "a 401 says how to authenticate");
        }
        if status == 429 || status == 503 {
            assert!(answer.header("retry-after").is_some(), "a {status} has a Retry-After header");
        }
        answer
    }

    /// Returns the tokens of a register, login or refresh response.
    #[track_caller]
    pub(crate) fn tokens(&self) -> Tokens {
        Tokens {
            access: self.str("/accessToken").into(),
            refresh: self.str("/refreshToken").into(),
        }
    }
}

/// Every problem about a part of the request says which part, and each error has one place.
#[track_caller]
fn assert_places(problem: &Answer) {
    const PLACES: [&str; 3] = ["pointer", "parameter", "header"];
    let errors = problem
        .json
        .get("errors")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let status = problem.status.as_u16();
    let is_about_a_part = [400, 422].contains(&status) && problem.str("/code") != "bad_request";
    assert_eq!(!errors.is_empty(), is_about_a_part, "{}", problem.text);
    for error in errors {
        let places: Vec<_> = PLACES.into_iter().filter(|place| error.get(place).is_some()).collect();
        assert_eq!(places.len(), 1, "{error}");
        // Malformed parameters and headers are 400, and JSON bodies that are refused are 422.
        let is_in_body = places == ["pointer"];
        let is_readable = problem.str("/code") != "invalid_json" && problem.str("/code") != "idempotency_key_reused";
        assert!(!is_readable || is_in_body == (status == 422), "{status}: {error}");
    }
}

/// An access token and its refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Tokens {
    /// Returns the claims of the access token, unverified.
    #[track_caller]
    pub(crate) fn claims(&self) -> Value {
        use base64::Engine;
        let claims = self.access.split('.').nth(1).expect("a JWT");
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).expect("base64url");
        serde_json::from_slice(&bytes).expect("JSON claims")
    }

    /// Returns the session's id (`sid`).
    #[track_caller]
    pub(crate) fn session(&self) -> String {
        self.claims().get("sid").and_then(Value::as_str).expect("sid").to_owned()
    }
}

/// A client of one instance.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
    port: u16,
    base: String,
}

impl Http {
    /// Returns a client of the instance at this port of 127.0.0.1.
    pub(crate) fn new(port: u16) -> Self {
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().expect("an HTTP client");
        Self { client, port, base: format!("http://127.0.0.1:{port}") }
    }

    /// Returns the port of the instance.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Returns a request builder.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// Sends a request; an error if no response came.
    pub(crate) async fn try_send(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, headers, text, json })
    }

    /// Sends a request that must be answered.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.expect("an answer")
    }

    /// Sends GET.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends GET with an access token.
    pub(crate) async fn get_as(&self, access: &str, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).bearer_auth(access)).await
    }

    /// Sends POST with a JSON body.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Sends any method with an access token and a JSON body.
    pub(crate) async fn send_as(&self, access: &str, method: Method, path: &str, body: &Value) -> Answer {
        self.send(self.request(method, path).bearer_auth(access).json(body)).await
    }

    /// Sends POST /auth/register.
    pub(crate) async fn register(&self, email: &str, password: &str) -> Answer {
        self.post("/auth/register", &json!({"email": email, "password": password})).await
    }

    /// Sends POST /auth/login.
    pub(crate) async fn login(&self, identifier: &str, password: &str) -> Answer {
        self.post("/auth/login", &json!({"identifier": identifier, "password": password})).await
    }

    /// Sends POST /auth/refresh.
    pub(crate) async fn refresh(&self, refresh_token: &str) -> Answer {
        self.post("/auth/refresh", &json!({"refreshToken": refresh_token})).await
    }

    /// Sends POST /auth/logout with the access token.
    pub(crate) async fn logout(&self, access: &str, scope: &str) -> Answer {
        self.send_as(access, Method::POST, "/auth/logout", &json!({"scope": scope})).await
    }

    /// Sends GET /auth/me.
    pub(crate) async fn me(&self, access: &str) -> Answer {
        self.get_as(access, "/auth/me").await
    }
}
