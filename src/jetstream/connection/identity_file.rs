//! An identity in a file: credentials with a JWT, or the seed of an nkey. It is read at every
//! connect, since whoever renews credentials before they expire replaces the file.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use async_nats::{Auth, AuthError};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use nkeys::KeyPair;
use serde::Deserialize;
use time::OffsetDateTime;

use crate::config::NatsSettings;
use crate::domain::clock::{Clock as _, SystemClock};
use crate::jetstream::error::NatsError;

#[derive(Clone, Debug)]
pub(super) enum IdentityFile {
    Credentials(PathBuf),
    Nkey(PathBuf),
}

impl fmt::Display for IdentityFile {
    /// The user on NATS, for display.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials(path) => write!(f, "credentials {}", path.display()),
            Self::Nkey(path) => write!(f, "nkey {}", path.display()),
        }
    }
}

/// What a JWT says about itself.
#[derive(Deserialize)]
struct Claims {
    /// The public key of the user.
    sub: Option<String>,
    /// When it expires, in seconds since 1970.
    exp: Option<i64>,
}

impl Claims {
    /// Read them without a check of the signature, which is the server's to make.
    fn of(jwt: &str) -> Option<Self> {
        let payload = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1)?).ok()?;
        serde_json::from_slice(&payload).ok()
    }
}

/// What the file says.
struct Identity {
    jwt: Option<String>,
    key: KeyPair,
}

impl IdentityFile {
    pub(super) fn of(settings: &NatsSettings) -> Option<Self> {
        let credentials = settings.creds_file.clone().map(Self::Credentials);
        credentials.or_else(|| settings.nkey_file.clone().map(Self::Nkey))
    }

    /// Check that the file can be used.
    ///
    /// # Errors
    ///
    /// [`NatsError::File`] when it cannot be read, or has no identity.
    pub(super) fn check(&self) -> Result<(), NatsError> {
        let refused = |key, path: &Path, source| NatsError::File { key, path: path.to_owned(), source };
        self.read().map(drop).map_err(|source| match self {
            Self::Credentials(path) => refused("nats.creds_file", path, source),
            Self::Nkey(path) => refused("nats.nkey_file", path, source),
        })
    }

    /// Prove the identity to a server, which signs nothing itself: it sends `nonce`.
    ///
    /// # Errors
    ///
    /// [`AuthError`] when the file cannot be used now; the client tries again.
    pub(super) fn sign(&self, nonce: &[u8]) -> Result<Auth, AuthError> {
        let Identity { jwt, key } = self.read().map_err(AuthError::new)?;
        let mut auth = Auth::new();
        auth.signature = Some(key.sign(nonce).map_err(AuthError::new)?);
        auth.nkey = jwt.is_none().then(|| key.public_key());
        auth.jwt = jwt;
        Ok(auth)
    }

    /// Since when the credentials have expired.
    pub(super) fn expired(&self) -> Option<OffsetDateTime> {
        let claims = Claims::of(&self.read().ok()?.jwt?)?;
        let expires_at = OffsetDateTime::from_unix_timestamp(claims.exp.filter(|at| *at > 0)?).ok()?;
        (expires_at <= SystemClock.now()).then_some(expires_at)
    }

    fn read(&self) -> io::Result<Identity> {
        match self {
            Self::Credentials(path) => {
                let text = fs::read_to_string(path)?;
                let mut parts = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('-'));
                let missing = |what| io::Error::new(io::ErrorKind::InvalidData, format!("it has no {what}"));
                let jwt = parts.find(|line| line.contains('.')).ok_or_else(|| missing("user JWT"))?;
                let seed = parts.find(|line| line.starts_with('S')).ok_or_else(|| missing("seed"))?;
                let key = key_of(seed)?;
                let subject = Claims::of(jwt).and_then(|claims| claims.sub);
                if subject.is_some_and(|subject| subject != key.public_key()) {
                    let reason = "its seed does not belong to its user JWT";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
                }
                Ok(Identity { jwt: Some(jwt.to_owned()), key })
            }
            Self::Nkey(path) => Ok(Identity { jwt: None, key: key_of(fs::read_to_string(path)?.trim())? }),
        }
    }
}

/// The text is a secret, and is in no error.
fn key_of(seed: &str) -> io::Result<KeyPair> {
    let invalid = |_| io::Error::new(io::ErrorKind::InvalidData, "its seed is not one of an nkey");
    KeyPair::from_seed(seed).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_for_every_signature() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("user.creds");
        let file = IdentityFile::Credentials(path.clone());
        for jwt in ["eyJ0.first.x", "eyJ0.second.x"] {
            let key = KeyPair::new_user();
            let text = format!(
                "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
                 -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
                key.seed().unwrap()
            );
            fs::write(&path, text).unwrap();
            let auth = file.sign(b"nonce").unwrap();
            assert_eq!(auth.jwt.as_deref(), Some(jwt));
            key.verify(b"nonce", &auth.signature.unwrap()).unwrap();
        }
        let key = KeyPair::new_user();
        fs::write(&path, format!("{}\n", key.seed().unwrap())).unwrap();
        assert_eq!(IdentityFile::Nkey(path.clone()).sign(b"nonce").unwrap().nkey, Some(key.public_key()));
        for wrong in [
            "",
            "SUSECRET",
            "-----BEGIN NATS USER JWT-----\na.b.c\n-----\nSUSECRET\n-----",
        ] {
            fs::write(&path, wrong).unwrap();
            for file in [IdentityFile::Nkey(path.clone()), file.clone()] {
                let error = file.check().unwrap_err().to_string();
                assert!(!error.contains("SUSECRET"), "{error}");
            }
        }
    }
}
