//! POST /oauth/revoke.

use poem_openapi::{ApiResponse, OpenApi};

use crate::actions::oauth::revoke;
use crate::http::api::Api;
use crate::http::middleware::RequestContext;
use crate::http::oauth::{ClientCredentials, FormBody, OAuthRefusal, TokenForm, token_of};
use crate::http::routes::Tag;

/// `200` without a body (RFC 7009 section 2.2).
#[derive(ApiResponse)]
enum Revoked {
    /// The token is not accepted, or never was.
    #[oai(status = 200)]
    Done,
}

pub struct Revoke(pub Api);

#[OpenApi]
impl Revoke {
    /// Revoke a token
    ///
    /// Ends the session of a token, so that neither its access token nor its refresh token is
    /// accepted (RFC 7009). An unknown or expired token changes nothing. For services that
    /// authenticate as a client of `oauth.clients`. Records `auth.user.session_revoked` with the
    /// client as its `actor`, or `auth.user.token_reuse_detected` for a refresh token that was used
    /// before.
    #[oai(path = "/oauth/revoke", method = "post", operation_id = "revokeToken", tag = "Tag::Oauth")]
    async fn revoke(
        &self,
        context: RequestContext,
        credentials: ClientCredentials,
        body: FormBody<TokenForm>,
    ) -> Result<Revoked, OAuthRefusal> {
        let client = credentials.authenticate(self.0.services())?;
        let fields = body.fields()?;
        let token = token_of(&fields)?.to_owned();
        self.0.call(&context, |cx| revoke::run(cx, client, token)).await?;
        Ok(Revoked::Done)
    }
}
