//! The commands beside `serve`. Each opens what it needs, does one thing and returns a result.

mod admin;
mod asyncapi;
mod client_secret;
pub mod events;
mod migrate;
mod stream;

pub use self::admin::create_admin;
pub use self::asyncapi::asyncapi;
pub use self::client_secret::client_secret;
pub use self::migrate::{Migration, migrate_down, migrate_up, migration_status};
pub use self::stream::{Change, Field, StreamReport, stream_apply, stream_diff, stream_info};
