//! POST /oauth/revoke.

use poem_openapi::{ApiResponse, OpenApi};

use super::introspect::{TokenForm, token_of};
use crate::actions::oauth::revoke;
use crate::http::api::{Api, failure};
use crate::http::middleware::RequestContext;
use crate::http::oauth::{ClientCredentials, FormBody, OAuthError, OAuthRefusal};
use crate::http::routes::Tag;

/// Revoked.
#[derive(ApiResponse)]
enum Revoked {
    /// The token is of no use any more, or never was.
    #[oai(status = 200)]
    Done,
}

/// The resource.
pub struct Revoke(pub Api);

#[OpenApi]
impl Revoke {
    /// Revoke a token
    ///
    /// For other services, which authenticate as a client of `oauth.clients` (RFC 7009). The session of the token ends, so its access
    /// token and its refresh token are both refused from then on. Records `auth.user.session_revoked` with the client as the actor, or
    /// `auth.user.token_reuse_detected` when the refresh token was spent before. A token that is unknown or over changes nothing.
    #[oai(path = "/oauth/revoke", method = "post", operation_id = "revoke", tag = "Tag::Oauth")]
    async fn revoke(
        &self,
        context: RequestContext,
        credentials: ClientCredentials,
        body: FormBody<TokenForm>,
    ) -> Result<Revoked, OAuthRefusal> {
        let clients = &self.0.auth().clients;
        let client = clients.authenticate(credentials.id(), credentials.secret());
        let client = client.ok_or(OAuthError::InvalidClient)?;
        let fields = body.fields()?;
        let token = token_of(&fields)?.to_owned();
        let work = self.0.run(&context, |auth, origin| async move {
            revoke::run(&auth, &origin, &client, &token).await
        });
        work.await?.map_err(failure)?;
        Ok(Revoked::Done)
    }
}
