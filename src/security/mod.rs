//! Secrets and what is made with them: password hashes, signing keys, tokens, codes and sealed
//! data.

pub mod access_token;
pub mod clients;
pub mod email_messages;
pub mod hasher;
pub mod ledger_mark;
pub mod login_challenge;
pub mod one_time_code;
mod qr_code;
pub mod recovery_codes;
pub mod refresh_token;
pub mod secret_key;
pub mod secret_key_file;
mod sha256;
pub mod signing_keys;
pub mod token_error;
pub mod totp;

pub use access_token::{AccessClaims, AccessGrant, AccessTokens, IssueError, IssuedAccessToken, TokenPolicy};
pub use clients::{ClientId, ClientStats, Clients, new_client_secret};
pub use email_messages::EmailSealError;
pub use hasher::{HashError, HashParams, Hasher, PasswordCheck, PasswordHash, PoolSize};
pub use ledger_mark::{LedgerMarks, LedgerPlace};
pub use login_challenge::LoginChallenges;
pub use one_time_code::OneTimeCodeMac;
pub use qr_code::QrCodeError;
pub use recovery_codes::{RecoveryCodes, recovery_code_hash};
pub use refresh_token::{RefreshClaim, RefreshTokens};
pub use secret_key::{SecretKey, SecretKeyError, SecretKeyLoadError};
pub use signing_keys::{
    KeyRing, RotationPlan, RotationPolicy, SealedKey, SigningAlgorithm, SigningKey, SigningKeyError,
};
pub use token_error::TokenError;
pub use totp::{TotpSeed, TotpSetup, TotpSetupError};
