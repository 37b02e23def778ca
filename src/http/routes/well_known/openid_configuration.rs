//! GET /.well-known/openid-configuration.

use poem_openapi::OpenApi;

use super::metadata::{self, ServerMetadata};
use crate::http::api::Api;
use crate::http::error_responses::{ALWAYS, error_responses};
use crate::http::etag::if_none_match::IfNoneMatch;
use crate::http::middleware::RequestContext;
use crate::http::responses::Cacheable;
use crate::http::routes::Tag;

error_responses! {
    GetError: [ALWAYS], []
}

pub struct OpenIdConfiguration(pub Api);

#[OpenApi]
impl OpenIdConfiguration {
    /// Get the OpenID configuration
    ///
    /// Returns the same metadata as `/.well-known/oauth-authorization-server`, where readers of
    /// OpenID Connect Discovery find the issuer and its keys. This service issues access tokens
    /// and no ID tokens. With a base path, the document is also at the root of the host, and there
    /// followed by the base path.
    #[oai(
        path = "/.well-known/openid-configuration",
        method = "get",
        operation_id = "getOpenIdConfiguration",
        tag = "Tag::Service"
    )]
    async fn get(&self, _context: RequestContext, known: IfNoneMatch) -> Result<Cacheable<ServerMetadata>, GetError> {
        Ok(metadata::document(&self.0, &known))
    }
}
