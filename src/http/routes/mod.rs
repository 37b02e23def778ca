//! The routes: one file per resource, each with its bodies, its answers and how errors map to problems.

pub mod activity;
pub mod analytics;
pub mod body;
pub mod confirmation;
pub mod email;
pub mod event_body;
pub mod event_parameters;
pub mod event_stream;
pub mod events;
pub mod health;
pub mod jwks;
pub mod login;
pub mod logout;
pub mod me;
pub mod mfa;
pub mod new_event;
pub mod password;
pub mod refresh;
pub mod refusals;
pub mod register;
pub mod replay_body;
pub mod replays;
pub mod sessions;

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
    /// What happened: the ledger, in pages and as a stream.
    Events,
    /// Keys and health, for other services and operators.
    Service,
}

/// Every resource.
pub type Routes = (
    register::Register,
    login::Login,
    refresh::Refresh,
    logout::Logout,
    me::Me,
    password::Passwords,
    email::Emails,
    mfa::Mfa,
    sessions::Sessions,
    events::Events,
    event_stream::EventStreams,
    analytics::Analytics,
    replays::Replays,
    activity::Activity,
    jwks::Jwks,
    Health,
);

/// All routes over one [`Api`].
pub fn all(api: &Api, readiness: Arc<dyn Readiness>) -> Routes {
    (
        register::Register(api.clone()),
        login::Login(api.clone()),
        refresh::Refresh(api.clone()),
        logout::Logout(api.clone()),
        me::Me(api.clone()),
        password::Passwords(api.clone()),
        email::Emails(api.clone()),
        mfa::Mfa(api.clone()),
        sessions::Sessions(api.clone()),
        events::Events(api.clone()),
        event_stream::EventStreams(api.clone()),
        analytics::Analytics(api.clone()),
        replays::Replays(api.clone()),
        activity::Activity(api.clone()),
        jwks::Jwks(api.clone()),
        Health(readiness),
    )
}
