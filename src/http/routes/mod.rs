//! The routes: one file per path of the API, with its requests, its responses, and the problems of
//! its refusals.

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

/// The groups of the OpenAPI document.
#[derive(Tags)]
pub enum Tag {
    /// Register, log in and out, refresh tokens, recover a password.
    Authentication,
    /// The caller's own account.
    Account,
    /// The caller's sessions.
    Sessions,
    /// The caller's second factor, and logins with it.
    #[oai(rename = "MFA")]
    Mfa,
    /// All users, for administrators.
    Users,
    /// The event ledger: pages, a live stream, and replays.
    Events,
    /// Counts of events.
    Analytics,
    /// Introspection and revocation of tokens, for other services.
    #[oai(rename = "OAuth")]
    Oauth,
    /// Keys, metadata and health, for other services and operators.
    Service,
}

impl Tag {
    /// In the order in which a newcomer reads them.
    pub const ALL: [Self; 9] = [
        Self::Authentication,
        Self::Account,
        Self::Sessions,
        Self::Mfa,
        Self::Users,
        Self::Events,
        Self::Analytics,
        Self::Oauth,
        Self::Service,
    ];
}

/// All routes, in groups: a tuple may have 16 parts.
pub type Routes = (
    AuthenticationRoutes,
    AccountRoutes,
    MfaRoutes,
    UsersRoutes,
    EventsRoutes,
    AnalyticsRoutes,
    OauthRoutes,
    ServiceRoutes,
);

type AuthenticationRoutes = (
    auth::register::Register,
    auth::login::Login,
    auth::refresh::Refresh,
    auth::logout::Logout,
    auth::password::Passwords,
);

type AccountRoutes = (
    auth::me::Me,
    auth::me::activity::Activity,
    auth::email::Emails,
    auth::sessions::Sessions,
);

type MfaRoutes = (
    auth::mfa::factors::FactorRoutes,
    auth::mfa::totp::TotpRoutes,
    auth::mfa::recovery_codes::RecoveryCodeRoutes,
    auth::mfa::verify::MfaVerification,
);

type UsersRoutes = (
    users::collection::Users,
    users::item::OneUser,
    users::roles::UserRoles,
    users::status::UserStatus,
    users::unlock::UserUnlock,
    users::mfa::UserMfa,
    users::sessions::UserSessions,
);

type EventsRoutes = (
    events::collection::Events,
    events::item::Event,
    events::stream::EventStreams,
    events::replays::Replays,
);

type AnalyticsRoutes = (
    analytics::top_events::TopEvents,
    analytics::users::UserAnalytics,
    analytics::timeline::Timeline,
);

type OauthRoutes = (oauth::introspect::Introspect, oauth::revoke::Revoke);

type ServiceRoutes = (
    auth::verify::Verify,
    well_known::jwks::Jwks,
    well_known::oauth_authorization_server::AuthorizationServer,
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
            auth::password::Passwords(api.clone()),
        ),
        (
            auth::me::Me(api.clone()),
            auth::me::activity::Activity(api.clone()),
            auth::email::Emails(api.clone()),
            auth::sessions::Sessions(api.clone()),
        ),
        (
            auth::mfa::factors::FactorRoutes(api.clone()),
            auth::mfa::totp::TotpRoutes(api.clone()),
            auth::mfa::recovery_codes::RecoveryCodeRoutes(api.clone()),
            auth::mfa::verify::MfaVerification(api.clone()),
        ),
        (
            users::collection::Users(api.clone()),
            users::item::OneUser(api.clone()),
            users::roles::UserRoles(api.clone()),
            users::status::UserStatus(api.clone()),
            users::unlock::UserUnlock(api.clone()),
            users::mfa::UserMfa(api.clone()),
            users::sessions::UserSessions(api.clone()),
        ),
        (
            events::collection::Events(api.clone()),
            events::item::Event(api.clone()),
            events::stream::EventStreams(api.clone()),
            events::replays::Replays(api.clone()),
        ),
        (
            analytics::top_events::TopEvents(api.clone()),
            analytics::users::UserAnalytics(api.clone()),
            analytics::timeline::Timeline(api.clone()),
        ),
        (
            oauth::introspect::Introspect(api.clone()),
            oauth::revoke::Revoke(api.clone()),
        ),
        (
            auth::verify::Verify(api.clone()),
            well_known::jwks::Jwks(api.clone()),
            well_known::oauth_authorization_server::AuthorizationServer(api.clone()),
            Health(readiness),
        ),
    )
}
