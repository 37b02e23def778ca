//! Responses that operations share: `200`, `201`, `202`, `204`, and bodies with a version or a
//! cache time.

use std::time::Duration;

use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;

/// `200` with a body.
#[derive(ApiResponse)]
pub enum Success<T: ToJSON + Send> {
    /// OK
    #[oai(status = 200)]
    Ok(Json<T>),
}

/// `201` with a body.
#[derive(ApiResponse)]
pub enum Created<T: ToJSON + Send> {
    /// Created
    #[oai(status = 201)]
    Created(Json<T>),
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

/// `201` with a body and the version to change.
#[derive(ApiResponse)]
pub enum CreatedTagged<T: ToJSON + Send> {
    /// Created
    #[oai(status = 201)]
    Created(
        Json<T>,
        /// Version of the resource, for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

/// `200` with a body that caches may keep.
#[derive(ApiResponse)]
pub enum Cacheable<T: ToJSON + Send> {
    /// OK
    #[oai(status = 200)]
    Ok(
        Json<T>,
        /// How long to cache the response.
        #[oai(header = "Cache-Control")]
        String,
    ),
}

impl<T: ToJSON + Send> Cacheable<T> {
    pub fn new(body: T, max_age: Duration) -> Self {
        Self::Ok(Json(body), format!("public, max-age={}", max_age.as_secs()))
    }
}

impl<T: ToJSON + Send> Success<T> {
    pub fn new(body: impl Into<T>) -> Self {
        Self::Ok(Json(body.into()))
    }
}

impl<T: ToJSON + Send> Created<T> {
    pub fn new(body: impl Into<T>) -> Self {
        Self::Created(Json(body.into()))
    }
}
