//! `watchword oauth client-secret`.

use clap::Subcommand;
use secrecy::ExposeSecret as _;

use super::print;
use crate::app::commands;

/// Arguments of `oauth`.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum Oauth {
    /// Make a client's secret, and the hash of it for the configuration; neither is kept
    #[command(
        after_help = "The secret goes to the client, the hash into a [[oauth.clients]] table with the client's id."
    )]
    ClientSecret,
}

impl Oauth {
    pub(super) fn run(self) {
        let Self::ClientSecret = self;
        let (secret, hash) = commands::client_secret();
        let secret = secret.expose_secret();
        print(&format!("secret = \"{secret}\"\nsecret_hash = \"{hash}\"\n"));
    }
}
