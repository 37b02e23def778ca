//! What the OAuth endpoints for other services have in common: client authentication, form bodies and errors as RFC 6749 wants
//! them, which differ from everything else that is served.

mod client;
mod error;
mod form;

pub use client::ClientCredentials;
pub(crate) use error::SkipProblemFormat;
pub use error::{OAuthError, OAuthErrorBody, OAuthRefusal};
pub use form::{FormBody, FormFields};
