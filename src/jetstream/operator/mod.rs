//! Connections of an operator's commands.

mod admin;
mod reader;

pub use self::{
    admin::{Applied, StreamAdmin, StreamSummary},
    reader::StreamReader,
};
