//! What operators and clients run into: each file is about one kind of report, on real servers.

mod configuration;
mod env_file;
mod nats;
mod operating;
