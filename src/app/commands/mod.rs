//! The commands beside serving. Each opens what it needs, does one thing, and returns its result.

mod asyncapi;
mod check;
mod client_secret;
pub mod events;
mod migrate;
mod stream;
mod users;

pub use self::asyncapi::asyncapi;
pub use self::check::{Connection, ConnectionState, check, check_connections};
pub use self::client_secret::client_secret;
pub use self::migrate::{Migration, migrate_down, migrate_up, migration_status};
pub use self::stream::{Change, Field, StreamReport, stream_apply, stream_diff, stream_info};
pub use self::users::{UserTarget, create_admin, enable_user, grant_role, remove_mfa, reset_password, unlock_user};
