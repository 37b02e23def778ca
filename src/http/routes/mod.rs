//! The routes: one file per resource, each with its bodies, its answers and how errors map to problems.

pub mod account_fields;
pub mod activity;
pub mod analytics;
pub mod body;
pub mod confirmation;
pub mod email;
pub mod event_body;
pub mod event_parameters;
pub mod event_stream;
pub mod events;
pub mod forward;
pub mod health;
pub mod introspect;
pub mod jwks;
pub mod login;
pub mod logout;
pub mod me;
pub mod mfa;
pub mod new_event;
pub mod oauth_server;
pub mod one_user;
pub mod password;
pub mod refresh;
pub mod refusals;
pub mod register;
pub mod replay_body;
pub mod replays;
pub mod revoke;
pub mod sessions;
pub mod user_body;
pub mod user_parameters;
pub mod user_rights;
pub mod users;

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
type SigningIn = (register::Register, login::Login, refresh::Refresh, logout::Logout);

/// What users do with their own account.
type OwnAccount = (
    me::Me,
    sessions::Sessions,
    password::Passwords,
    email::Emails,
    mfa::Mfa,
    activity::Activity,
);

/// What administrators do with everybody's accounts.
type Everybody = (users::Users, one_user::OneUser, user_rights::UserRights);

/// What happened.
type Ledger = (
    events::Events,
    event_stream::EventStreams,
    analytics::Analytics,
    replays::Replays,
);

/// What other services, proxies and operators use.
type ForServices = (
    introspect::Introspect,
    revoke::Revoke,
    oauth_server::OauthServer,
    forward::Verify,
    jwks::Jwks,
    Health,
);

/// All routes over one [`Api`].
pub fn all(api: &Api, readiness: Arc<dyn Readiness>) -> Routes {
    (
        (
            register::Register(api.clone()),
            login::Login(api.clone()),
            refresh::Refresh(api.clone()),
            logout::Logout(api.clone()),
        ),
        (
            me::Me(api.clone()),
            sessions::Sessions(api.clone()),
            password::Passwords(api.clone()),
            email::Emails(api.clone()),
            mfa::Mfa(api.clone()),
            activity::Activity(api.clone()),
        ),
        (
            users::Users(api.clone()),
            one_user::OneUser(api.clone()),
            user_rights::UserRights(api.clone()),
        ),
        (
            events::Events(api.clone()),
            event_stream::EventStreams(api.clone()),
            analytics::Analytics(api.clone()),
            replays::Replays(api.clone()),
        ),
        (
            introspect::Introspect(api.clone()),
            revoke::Revoke(api.clone()),
            oauth_server::OauthServer(api.clone()),
            forward::Verify(api.clone()),
            jwks::Jwks(api.clone()),
            Health(readiness),
        ),
    )
}
