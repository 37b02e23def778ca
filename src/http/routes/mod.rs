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

/// A group of routes, and the function that builds them over one [`Api`].
macro_rules! group {
    ($group:ident, $build:ident: $($route:path,)+) => {
        type $group = ($($route,)+);

        fn $build(api: &Api) -> $group {
            ($($route(api.clone()),)+)
        }
    };
}

group! { AuthenticationRoutes, authentication:
    auth::register::Register,
    auth::login::Login,
    auth::refresh::Refresh,
    auth::logout::Logout,
    auth::password::Passwords,
}
group! { AccountRoutes, account:
    auth::me::Me,
    auth::me::activity::Activity,
    auth::me::delete::Deletion,
    auth::email::Emails,
    auth::sessions::Sessions,
}
group! { MfaRoutes, mfa:
    auth::mfa::factors::FactorRoutes,
    auth::mfa::totp::TotpRoutes,
    auth::mfa::recovery_codes::RecoveryCodeRoutes,
    auth::mfa::verify::MfaVerification,
}
group! { UsersRoutes, users:
    users::collection::Users,
    users::item::OneUser,
    users::roles::UserRoles,
    users::status::UserStatus,
    users::unlock::UserUnlock,
    users::mfa::UserMfa,
    users::sessions::UserSessions,
}
group! { EventsRoutes, events:
    events::collection::Events,
    events::item::Event,
    events::stream::EventStreams,
    events::replays::Replays,
}
group! { AnalyticsRoutes, analytics:
    analytics::top_events::TopEvents,
    analytics::users::UserAnalytics,
    analytics::timeline::Timeline,
}
group! { OauthRoutes, oauth:
    oauth::introspect::Introspect,
    oauth::revoke::Revoke,
}
group! { ServiceRoutes, service:
    auth::verify::Verify,
    well_known::jwks::Jwks,
    well_known::oauth_authorization_server::AuthorizationServer,
    well_known::openid_configuration::OpenIdConfiguration,
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
    Health,
);

/// All routes over one [`Api`].
pub fn all(api: &Api, readiness: Arc<dyn Readiness>) -> Routes {
    (
        authentication(api),
        account(api),
        mfa(api),
        users(api),
        events(api),
        analytics(api),
        oauth(api),
        service(api),
        Health(readiness),
    )
}
