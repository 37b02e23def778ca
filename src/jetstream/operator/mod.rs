//! Connections of an operator's commands.

mod admin;
mod reader;
mod server;

pub use self::{
    admin::{Applied, StreamAdmin, StreamSummary, check_connection},
    reader::StreamReader,
    server::CommandServer,
};
