//! The routes: one file per resource, each with its bodies, its answers and how errors map to problems.

pub mod analytics;
pub mod auth;
pub mod events;
pub mod health;
pub mod oauth;
pub mod users;
pub mod well_known;

use std::sync::Arc;

use poem_openapi::Tags;

use self::health::{Health, Readiness};
use super::api::Api;

/// The groups of the specification.
#[derive(Tags)]
pub enum Tag {
    /// Accounts, logins and tokens.
    Authentication,
    /// The signed-in user's own account.
    Account,
    /// The signed-in user's sessions.
    Sessions,
    /// Everybody's accounts, for administrators.
    Users,
    /// What happened: the ledger, in pages and as a stream.
    Events,
    /// For other services: what a token is worth, and its end.
    #[oai(rename = "OAuth")]
    Oauth,
    /// Keys and health, for other services and operators.
    Service,
}

/// Every resource, in groups: a tuple may have 16.
pub type Routes = (SigningIn, OwnAccount, Everybody, Ledger, ForServices);

/// How a session begins and ends.
type SigningIn = (
    auth::register::Register,
    auth::login::Login,
    auth::refresh::Refresh,
    auth::logout::Logout,
);

/// What users do with their own account.
type OwnAccount = (
    auth::me::Me,
    auth::sessions::Sessions,
    auth::password::Passwords,
    auth::email::Emails,
    auth::mfa::Mfa,
    auth::me::activity::Activity,
);

/// What administrators do with everybody's accounts.
type Everybody = (
    users::collection::Users,
    users::item::OneUser,
    users::rights::UserRights,
);

/// What happened.
type Ledger = (
    events::list::Events,
    events::stream::EventStreams,
    analytics::Analytics,
    events::replays::Replays,
);

/// What other services, proxies and operators use.
type ForServices = (
    oauth::introspect::Introspect,
    oauth::revoke::Revoke,
    well_known::oauth_authorization_server::OauthServer,
    auth::verify::Verify,
    well_known::jwks::Jwks,
    Health,
);

/// All routes over one [`Api`].
pub fn all(api: &Api, readiness: Arc<dyn Readiness>) -> Routes {
    (
        (
            auth::register::Register(api.clone()),
            auth::login::Login(api.clone()),
            auth::refresh::Refresh(api.clone()),
            auth::logout::Logout(api.clone()),
        ),
        (
            auth::me::Me(api.clone()),
            auth::sessions::Sessions(api.clone()),
            auth::password::Passwords(api.clone()),
            auth::email::Emails(api.clone()),
            auth::mfa::Mfa(api.clone()),
            auth::me::activity::Activity(api.clone()),
        ),
        (
            users::collection::Users(api.clone()),
            users::item::OneUser(api.clone()),
            users::rights::UserRights(api.clone()),
        ),
        (
            events::list::Events(api.clone()),
            events::stream::EventStreams(api.clone()),
            analytics::Analytics(api.clone()),
            events::replays::Replays(api.clone()),
        ),
        (
            oauth::introspect::Introspect(api.clone()),
            oauth::revoke::Revoke(api.clone()),
            well_known::oauth_authorization_server::OauthServer(api.clone()),
            auth::verify::Verify(api.clone()),
            well_known::jwks::Jwks(api.clone()),
            Health(readiness),
        ),
    )
}
