//! A minimal client for the DynamoDB API: JSON over HTTP, signed by a crate of AWS. Their SDK does
//! the same, but takes many times as long to build.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::Value;
use watchword_examples::setting;

#[derive(Clone)]
pub(crate) struct DynamoDb {
    http: reqwest::Client,
    endpoint: String,
    region: String,
    credentials: Credentials,
}

/// The database refused the request.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The type of the error, such as `ValidationException`.
    pub(crate) name: String,
    text: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.name, self.text)
    }
}

impl std::error::Error for Refused {}

impl DynamoDb {
    /// Reads the environment variables of AWS's own tools. The defaults are those of a local
    /// server.
    pub(crate) fn from_environment() -> anyhow::Result<Self> {
        let id = setting("AWS_ACCESS_KEY_ID", "local");
        let key = setting("AWS_SECRET_ACCESS_KEY", "local");
        let token = Some(setting("AWS_SESSION_TOKEN", "")).filter(|token| !token.is_empty());
        Ok(Self {
            http: reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?,
            endpoint: setting("DYNAMODB_ENDPOINT", "http://127.0.0.1:8000"),
            region: setting("AWS_REGION", "eu-central-1"),
            credentials: Credentials::new(id, key, token, None, "environment"),
        })
    }

    /// Sends a request, such as `PutItem`. The outer error is an outage, the inner one an answer.
    #[expect(clippy::disallowed_methods, reason = "the signature contains the time")]
    pub(crate) async fn call(&self, action: &str, body: &Value) -> anyhow::Result<Result<Value, Refused>> {
        let body = body.to_string();
        let target = format!("DynamoDB_20120810.{action}");
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", target.as_str()),
        ];
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("dynamodb")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signable = SignableBody::Bytes(body.as_bytes());
        let signable = SignableRequest::new("POST", &self.endpoint, headers.into_iter(), signable)?;
        let (signature, _) = sign(signable, &parameters)?.into_parts();

        let mut request = self.http.post(&self.endpoint);
        for (name, value) in headers.into_iter().chain(signature.headers()) {
            request = request.header(name, value);
        }
        let response = request.body(body).send().await?;
        if response.status().is_server_error() {
            anyhow::bail!("the server answered {}", response.status());
        }
        let refused = !response.status().is_success();
        let answer: Value = response.json().await?;
        if !refused {
            return Ok(Ok(answer));
        }
        let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
        Ok(Err(Refused {
            // `com.amazonaws.dynamodb.v20120810#ValidationException`
            name: text("__type").rsplit('#').next().unwrap_or_default().to_owned(),
            text: format!("{}{}", text("message"), text("Message")),
        }))
    }
}
