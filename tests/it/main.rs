//! Every test of the service, in one binary: real servers, real sockets.
//!
//! `support` is the harness; read its documentation first.
#![expect(clippy::expect_used, clippy::panic, reason = "a failed expectation is a failed test")]

mod support;

mod architecture;
mod canary;
mod config;
mod contracts;
mod coverage;
mod documentation;
mod field;
mod flows;
mod harness;
mod http;
mod mail;
mod matrix;
mod nats;
mod oauth;
mod relay;
mod replay;
mod security;
mod store;
mod telemetry;
mod texts;
