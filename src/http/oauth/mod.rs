//! What the OAuth endpoints for other services share: client authentication, form bodies and the
//! errors of RFC 6749, which differ from those of all other endpoints.

mod audience;
mod client;
mod error;
mod form;
mod token_form;

pub use audience::Audience;
pub use client::ClientCredentials;
pub(crate) use error::SkipProblemFormat;
pub use error::{OAuthError, OAuthErrorBody, OAuthRefusal};
pub use form::{FormBody, FormFields};
pub use token_form::{TokenForm, token_of};
