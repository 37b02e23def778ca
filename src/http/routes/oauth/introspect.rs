//! POST /oauth/introspect.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use uuid::{Uuid, uuid};

use crate::actions::oauth::introspect::{self, ActiveToken, Introspection, TokenKind};
use crate::http::api::{Api, failure};
use crate::http::middleware::RequestContext;
use crate::http::oauth::{ClientCredentials, FormBody, FormFields, OAuthError, OAuthRefusal};
use crate::http::routes::Tag;

/// The token to look up or to revoke.
#[derive(Object)]
#[oai(example)]
pub struct TokenForm {
    /// An access token or a refresh token.
    #[oai(validator(min_length = 1))]
    token: String,
    /// `access_token` or `refresh_token`: a hint that is not needed and never believed.
    token_type_hint: Option<String>,
}

impl Example for TokenForm {
    fn example() -> Self {
        Self {
            token: "wrt_AaIDHs1AeyGfDTp-XI0bAgAAAAAAAAABbm90IGEgcmVhbCBjb2RlLCBidXQgYXMgbG9uZw".to_owned(),
            token_type_hint: Some("refresh_token".to_owned()),
        }
    }
}

/// Which kind of token it is.
#[derive(Enum)]
#[oai(rename_all = "snake_case")]
enum TokenUse {
    /// Accepted by resource servers.
    AccessToken,
    /// Good at `/auth/refresh` alone: never accept it as a bearer token.
    RefreshToken,
}

/// What a token is worth (RFC 7662 section 2.2). A token that would not be accepted has `active` alone.
#[derive(Default, Object)]
#[oai(skip_serializing_if_is_none, example)]
struct IntrospectionBody {
    /// Whether the token would be accepted at this moment.
    active: bool,
    /// The kind of token.
    token_use: Option<TokenUse>,
    /// `Bearer`, for an access token.
    token_type: Option<String>,
    /// The user's id.
    sub: Option<Uuid>,
    /// The session's id.
    sid: Option<Uuid>,
    /// The user's roles at this moment.
    roles: Option<Vec<String>>,
    /// The issuer.
    iss: Option<String>,
    /// Whom an access token is for.
    aud: Option<String>,
    /// The client that an access token was made for.
    client_id: Option<String>,
    /// The id of an access token.
    jti: Option<Uuid>,
    /// When the token was made, in seconds since 1970.
    iat: Option<i64>,
    /// When it ends, in seconds since 1970; a refresh token at the latest.
    exp: Option<i64>,
}

impl Example for IntrospectionBody {
    fn example() -> Self {
        Self {
            active: true,
            token_use: Some(TokenUse::AccessToken),
            token_type: Some("Bearer".to_owned()),
            sub: Some(uuid!("01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02")),
            sid: Some(uuid!("01a2031e-cd41-7c3a-8e4f-5b6c7d8e9f01")),
            roles: Some(vec!["user".to_owned()]),
            iss: Some("https://auth.example.com".to_owned()),
            aud: Some("watchword".to_owned()),
            client_id: Some("watchword".to_owned()),
            jti: Some(uuid!("01a2031e-cd42-7d11-a2b3-c4d5e6f70819")),
            iat: Some(1_795_341_600),
            exp: Some(1_795_342_500),
        }
    }
}

/// What the token is worth.
#[derive(ApiResponse)]
enum Introspected {
    /// It would be accepted now, or it would not: why is not said.
    #[oai(status = 200)]
    Ok(Json<IntrospectionBody>),
}

/// The resource.
pub struct Introspect(pub Api);

#[OpenApi]
impl Introspect {
    /// Look a token up
    ///
    /// For other services, which authenticate as a client of `oauth.clients` (RFC 7662). Whether an access token's session still
    /// holds is known with at most a second's delay. Unknown, expired, spent and revoked tokens and those of disabled users all get
    /// `{"active":false}`. Parameters that are not documented are ignored; one that comes twice is refused.
    #[oai(
        path = "/oauth/introspect",
        method = "post",
        operation_id = "introspect",
        tag = "Tag::Oauth"
    )]
    async fn introspect(
        &self,
        context: RequestContext,
        credentials: ClientCredentials,
        body: FormBody<TokenForm>,
    ) -> Result<Introspected, OAuthRefusal> {
        let auth = self.0.auth();
        if auth
            .clients
            .authenticate(credentials.id(), credentials.secret())
            .is_none()
        {
            return Err(OAuthError::InvalidClient.into());
        }
        let fields = body.fields()?;
        let token = token_of(&fields)?;
        let found = match introspect::remembered(auth, token) {
            Some(found) => found,
            None => {
                let token = token.to_owned();
                let work = self
                    .0
                    .run(&context, |auth, _| async move { introspect::run(&auth, &token).await });
                work.await?.map_err(|error| failure(error.into()))?
            }
        };
        let policy = auth.access.policy();
        let body = match found {
            Introspection::Inactive => IntrospectionBody::default(),
            Introspection::Active(token) => active(*token, &policy.issuer, &policy.audience),
        };
        Ok(Introspected::Ok(Json(body)))
    }
}

/// The token of a form. Its secrets have to come in the header (RFC 6749 section 2.3: one way at a time).
pub(in crate::http::routes) fn token_of(fields: &FormFields) -> Result<&str, OAuthError> {
    if fields.get("client_secret").is_some() {
        return Err(OAuthError::InvalidRequest(
            "The client's secret belongs into the Authorization header alone.",
        ));
    }
    fields
        .get("token")
        .ok_or(OAuthError::InvalidRequest("The parameter token is missing."))
}

fn active(token: ActiveToken, issuer: &str, audience: &str) -> IntrospectionBody {
    let body = IntrospectionBody {
        active: true,
        sub: Some(token.user_id.as_uuid()),
        sid: Some(token.session_id.as_uuid()),
        roles: Some(token.roles.iter().map(ToString::to_string).collect()),
        iss: Some(issuer.to_owned()),
        iat: Some(token.issued_at.unix_timestamp()),
        exp: Some(token.expires_at.unix_timestamp()),
        ..IntrospectionBody::default()
    };
    match token.kind {
        TokenKind::Access { token_id, client_id } => IntrospectionBody {
            token_use: Some(TokenUse::AccessToken),
            token_type: Some("Bearer".to_owned()),
            aud: Some(audience.to_owned()),
            client_id: Some(client_id),
            jti: Some(token_id),
            ..body
        },
        TokenKind::Refresh => IntrospectionBody {
            token_use: Some(TokenUse::RefreshToken),
            ..body
        },
    }
}
