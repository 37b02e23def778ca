//! Connections of an operator's commands.

mod admin;
mod reader;
mod server;

pub use self::{
    admin::{Applied, StreamAdmin, StreamSummary},
    reader::StreamReader,
    server::CommandServer,
};
