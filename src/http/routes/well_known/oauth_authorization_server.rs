//! GET /.well-known/oauth-authorization-server.

use poem_openapi::OpenApi;

use super::metadata::{self, ServerMetadata};
use crate::http::api::Api;
use crate::http::error_responses::{ALWAYS, error_responses};
use crate::http::etag::if_none_match::IfNoneMatch;
use crate::http::middleware::RequestContext;
use crate::http::responses::Cacheable;
use crate::http::routes::Tag;

error_responses! { GetError: [ALWAYS], [] }

pub struct AuthorizationServer(pub Api);

#[OpenApi]
impl AuthorizationServer {
    /// Get the authorization server metadata
    ///
    /// Returns the metadata of RFC 8414. Users log in at `/auth/login`, so there is neither an
    /// authorization nor a token endpoint. With a base path, the document is also at the root of
    /// the host, and there followed by the base path (RFC 8414 section 3.1).
    #[oai(
        path = "/.well-known/oauth-authorization-server",
        method = "get",
        operation_id = "getAuthorizationServerMetadata",
        tag = "Tag::Service"
    )]
    async fn get(&self, _context: RequestContext, known: IfNoneMatch) -> Result<Cacheable<ServerMetadata>, GetError> {
        Ok(metadata::document(&self.0, &known))
    }
}
