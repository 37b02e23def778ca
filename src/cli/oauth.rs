//! `watchword oauth client-secret`.

use clap::Subcommand;
use secrecy::ExposeSecret as _;

use super::print;
use crate::app::commands;

/// Arguments of `oauth`.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum Oauth {
    /// Create a client secret and its hash for the configuration; neither is stored
    #[command(
        after_help = "Give the secret to the client, and put the hash with the client's id into an [[oauth.clients]] table."
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
