//! The workload: clients that use every kind of action on users of their own, and know what every
//! answer must be.

pub(crate) mod action;
mod admin;
mod client;
mod ended;
mod factor;
pub(crate) mod readers;
pub(crate) mod requests;
mod steps;
pub(crate) mod user;

pub(crate) use admin::{Administrator, SETUP};
pub(crate) use client::{Client, END_TIMEOUT};

/// The beginning of every password.
pub(crate) const PASSWORD: &str = "correct horse battery 7";
