//! Secrets and what is made with them: password hashes, signing keys, access tokens and refresh tokens.

pub mod access_token;
pub mod clients;
pub mod hasher;
pub mod letters;
pub mod login_challenge;
mod qr_code;
pub mod recovery_codes;
pub mod refresh_token;
pub mod secret_key;
pub mod secret_key_file;
pub mod signing_keys;
pub mod token_error;
pub mod totp;

pub use access_token::{AccessClaims, AccessGrant, AccessTokens, IssueError, IssuedAccessToken, TokenPolicy};
pub use clients::{ClientId, ClientStats, Clients, new_client_secret};
pub use hasher::{HashError, HashParams, Hasher, PasswordHash, PoolSize, Verified};
pub use letters::{Codes, LetterError};
pub use login_challenge::LoginChallenges;
pub use qr_code::QrCodeError;
pub use recovery_codes::{RecoveryCodes, recovery_code_hash};
pub use refresh_token::{RefreshClaim, RefreshTokens};
pub use secret_key::{SecretKey, SecretKeyError};
pub use signing_keys::{KeyRing, RotationPlan, RotationPolicy, SealedKey, SigningKey, SigningKeyError};
pub use token_error::TokenError;
pub use totp::{TotpSeed, TotpSetup, TotpSetupError};
