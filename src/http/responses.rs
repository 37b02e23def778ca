//! Responses that operations share: `200`, `201`, `202`, `204`, and bodies with a version or a
//! cache time.

use std::time::Duration;

use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;

use super::etag::if_none_match::{self, IfNoneMatch};

/// `200` with a body.
#[derive(ApiResponse)]
pub enum Success<T: ToJSON + Send> {
    /// OK
    #[oai(status = 200)]
    Ok(Json<T>),
}

/// `201` with a body, and the path of what was created.
#[derive(ApiResponse)]
pub enum Created<T: ToJSON + Send> {
    /// Created
    #[oai(status = 201)]
    Created(
        Json<T>,
        /// The path of the resource.
        #[oai(header = "Location")]
        String,
    ),
}

/// `202`: the service will do it.
#[derive(ApiResponse)]
pub enum Accepted {
    /// Accepted
    #[oai(status = 202)]
    Accepted,
}

/// `204`: done.
#[derive(ApiResponse)]
pub enum NoContent {
    /// Done
    #[oai(status = 204)]
    Done,
}

/// `200` with a body and the version to change.
#[derive(ApiResponse)]
pub enum Tagged<T: ToJSON + Send> {
    /// OK
    #[oai(status = 200)]
    Ok(
        Json<T>,
        /// Version of the resource, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

/// `201` with a body, the version to change and the path.
#[derive(ApiResponse)]
pub enum CreatedTagged<T: ToJSON + Send> {
    /// Created
    #[oai(status = 201)]
    Created(
        Json<T>,
        /// Version of the resource, for `If-Match`.
        #[oai(header = "ETag")]
        String,
        /// The path of the resource.
        #[oai(header = "Location")]
        String,
    ),
}

/// `200` with a body that caches may keep, or `304` for a client that has it.
#[derive(ApiResponse)]
pub enum Cacheable<T: ToJSON + Send> {
    /// OK
    #[oai(status = 200)]
    Ok(
        Json<T>,
        /// How long to cache the response.
        #[oai(header = "Cache-Control")]
        String,
        /// Version of the document, for `If-None-Match`.
        #[oai(header = "ETag")]
        String,
    ),
    /// The client has this version of the document
    #[oai(status = 304)]
    NotModified(
        /// How long to cache the response.
        #[oai(header = "Cache-Control")]
        String,
        /// Version of the document, for `If-None-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

impl<T: ToJSON + Send> Cacheable<T> {
    pub fn new(body: T, max_age: Duration, known: &IfNoneMatch) -> Self {
        let tag = if_none_match::of(body.to_json_string().as_bytes());
        let cache = format!("public, max-age={}", max_age.as_secs());
        if known.has(&tag) {
            Self::NotModified(cache, tag)
        } else {
            Self::Ok(Json(body), cache, tag)
        }
    }
}

impl<T: ToJSON + Send> Success<T> {
    pub fn new(body: impl Into<T>) -> Self {
        Self::Ok(Json(body.into()))
    }
}

impl<T: ToJSON + Send> Created<T> {
    pub fn new(body: impl Into<T>, location: String) -> Self {
        Self::Created(Json(body.into()), location)
    }
}
