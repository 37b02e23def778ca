//! POST /oauth/introspect.

use poem_openapi::types::Example;
use poem_openapi::{Enum, Object, OpenApi};
use time::OffsetDateTime;

use crate::actions::oauth::introspect::{self, ActiveToken, Introspection, TokenKind};
use crate::domain::session::AuthenticationMethod;
use crate::http::api::Api;
use crate::http::middleware::RequestContext;
use crate::http::oauth::{Audience, ClientCredentials, FormBody, OAuthRefusal, TokenForm, token_of};
use crate::http::responses::Success;
use crate::http::routes::Tag;

/// Type of a token.
#[derive(Enum)]
#[oai(rename_all = "snake_case")]
enum TokenUse {
    /// Accepted by resource servers.
    AccessToken,
    /// Accepted at `/auth/refresh` only; never accept it as a bearer token.
    RefreshToken,
}

/// State of a token (RFC 7662 section 2.2). An inactive token has `active` only.
#[derive(Default, Object)]
#[oai(rename = "Introspection", skip_serializing_if_is_none, example)]
struct IntrospectionBody {
    /// Whether the token is accepted now.
    active: bool,
    /// Type of the token.
    token_use: Option<TokenUse>,
    /// `Bearer` for an access token.
    token_type: Option<String>,
    /// Subject: the ID of the user.
    sub: Option<String>,
    /// ID of the session.
    sid: Option<String>,
    /// The user's roles now.
    roles: Option<Vec<String>>,
    /// Issuer of the token.
    iss: Option<String>,
    /// Services that an access token is for.
    aud: Option<Audience>,
    /// Client that an access token was issued to.
    client_id: Option<String>,
    /// ID of an access token.
    jti: Option<String>,
    /// When the user of an access token logged in, in seconds since 1970.
    auth_time: Option<i64>,
    /// What was verified then (RFC 8176): `pwd`, `otp`, `mfa`.
    amr: Option<Vec<String>>,
    /// Level of that login (RFC 9470): `2` with more than one factor, else `1`.
    acr: Option<String>,
    /// When the token was issued, in seconds since 1970.
    iat: Option<i64>,
    /// When the token expires, in seconds since 1970; for a refresh token, when its session ends.
    exp: Option<i64>,
}

impl Example for IntrospectionBody {
    fn example() -> Self {
        Self {
            active: true,
            token_use: Some(TokenUse::AccessToken),
            token_type: Some("Bearer".to_owned()),
            sub: Some("01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02".to_owned()),
            sid: Some("01a2031e-cd41-7c3a-8e4f-5b6c7d8e9f01".to_owned()),
            roles: Some(vec!["user".to_owned()]),
            iss: Some("https://auth.example.com".to_owned()),
            aud: Some(Audience(vec!["watchword".to_owned()])),
            client_id: Some("watchword".to_owned()),
            jti: Some("01a2031e-cd42-7d11-a2b3-c4d5e6f70819".to_owned()),
            auth_time: Some(1_795_338_000),
            amr: Some(vec!["pwd".to_owned()]),
            acr: Some("1".to_owned()),
            iat: Some(1_795_341_600),
            exp: Some(1_795_342_500),
        }
    }
}

pub struct Introspect(pub Api);

#[OpenApi]
impl Introspect {
    /// Introspect a token
    ///
    /// Tells whether a token is accepted now, and whose it is (RFC 7662). Unknown, expired, used
    /// and revoked tokens and those of disabled users all answer `{"active":false}`; the end of an
    /// access token's session shows after at most a second. Unknown parameters are ignored; a
    /// repeated parameter is refused. For services that authenticate as a client of
    /// `oauth.clients`.
    #[oai(path = "/oauth/introspect", method = "post", operation_id = "introspectToken", tag = "Tag::Oauth")]
    async fn introspect(
        &self,
        context: RequestContext,
        credentials: ClientCredentials,
        body: FormBody<TokenForm>,
    ) -> Result<Success<IntrospectionBody>, OAuthRefusal> {
        credentials.authenticate(self.0.services())?;
        let fields = body.fields()?;
        let token = token_of(&fields)?;
        let found = match introspect::cached(self.0.services(), token) {
            Some(found) => found,
            None => {
                let token = token.to_owned();
                self.0.call(&context, |cx| introspect::run(cx, token)).await?
            }
        };
        Ok(Success::new(found))
    }
}

impl From<Introspection> for IntrospectionBody {
    fn from(introspection: Introspection) -> Self {
        match introspection {
            Introspection::Inactive => Self::default(),
            Introspection::Active(token) => active(*token),
        }
    }
}

fn active(token: ActiveToken) -> IntrospectionBody {
    let body = IntrospectionBody {
        active: true,
        sub: Some(token.user_id.to_string()),
        sid: Some(token.session_id.to_string()),
        roles: Some(token.roles.iter().map(ToString::to_string).collect()),
        iss: Some(token.issuer),
        iat: Some(token.issued_at.unix_timestamp()),
        exp: Some(token.expires_at.unix_timestamp()),
        ..IntrospectionBody::default()
    };
    match token.kind {
        TokenKind::Access { token_id, client_id, audience, authenticated_at, amr } => IntrospectionBody {
            token_use: Some(TokenUse::AccessToken),
            token_type: Some("Bearer".to_owned()),
            aud: Some(Audience(audience)),
            client_id: Some(client_id),
            jti: Some(token_id.to_string()),
            auth_time: authenticated_at.map(OffsetDateTime::unix_timestamp),
            acr: (!amr.is_empty()).then(|| AuthenticationMethod::level(&amr).to_owned()),
            amr: (!amr.is_empty()).then(|| amr.iter().map(ToString::to_string).collect()),
            ..body
        },
        TokenKind::Refresh => IntrospectionBody { token_use: Some(TokenUse::RefreshToken), ..body },
    }
}
