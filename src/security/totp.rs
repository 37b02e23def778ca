//! An authenticator's seed and its codes: HMAC-SHA-1, six digits, 30 seconds, as every authenticator app understands (RFC 6238).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use time::OffsetDateTime;
use totp_rs::{Algorithm, Builder, Totp, TotpError};
use zeroize::Zeroizing;

use super::qr_code::{self, QrCodeError};
use super::secret_key::{SecretKey, SecretKeyError};
use crate::domain::ids::FactorId;
use crate::domain::random::Random;

/// Bytes of a seed: as many as the hash has (RFC 4226 section 4).
const SEED_BYTES: usize = 20;
const DIGITS: u8 = 6;
/// Seconds of a time step.
const STEP: u64 = 30;
/// Steps that a clock may be off, both ways.
const SKEW: u16 = 1;
/// What seeds are sealed under.
const LABEL: &str = "totp-seed";

/// Why an authenticator can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TotpSetupError {
    /// The issuer or the account's name can't be put into an address.
    #[error("no otpauth address can be made")]
    Address(TotpError),
    /// The address can't be drawn.
    #[error("no QR code can be made")]
    QrCode(#[from] QrCodeError),
}

/// What the service and an authenticator share. Wiped when dropped, never printed.
pub struct TotpSeed(Zeroizing<Vec<u8>>);

/// What an authenticator is set up with, once.
pub struct TotpSetup {
    /// The seed in base32, to type in.
    pub secret: SecretString,
    /// `otpauth://totp/…`, to open on the device itself.
    pub uri: SecretString,
    /// The same as a QR code: `data:image/png;base64,…`.
    pub qr_code: SecretString,
}

impl TotpSeed {
    /// A new one.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new(vec![0; SEED_BYTES]);
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// Encrypts it for the row of `factor`.
    ///
    /// # Errors
    /// [`SecretKeyError`] of the library.
    pub fn seal(&self, secret: &SecretKey, factor: FactorId, random: &dyn Random) -> Result<Vec<u8>, SecretKeyError> {
        secret.seal(LABEL, factor.as_uuid().as_bytes(), &self.0, random)
    }

    /// Decrypts what [`seal`](Self::seal) made.
    ///
    /// # Errors
    /// [`SecretKeyError::CannotOpen`] for anything else.
    pub fn open(secret: &SecretKey, factor: FactorId, sealed: &[u8]) -> Result<Self, SecretKeyError> {
        secret.open(LABEL, factor.as_uuid().as_bytes(), sealed).map(Self)
    }

    /// The time step that `code` is of, when it is of this one or a neighbour and later than `used`.
    #[must_use]
    pub fn step_of(&self, code: &str, now: OffsetDateTime, used: i64) -> Option<i64> {
        let now = u64::try_from(now.unix_timestamp()).ok()?;
        let step = i64::try_from(self.builder().build_noncompliant().check(code, now)?).ok()?;
        (step > used).then_some(step)
    }

    /// What the authenticator needs; `issuer` and `account` are what it shows.
    ///
    /// # Errors
    /// [`TotpSetupError`].
    pub fn setup(&self, issuer: &str, account: &str) -> Result<TotpSetup, TotpSetupError> {
        // A colon would end the issuer in the address.
        let (issuer, account) = (issuer.replace(':', " "), account.replace(':', " "));
        let builder = self.builder().with_issuer(Some(issuer)).with_account_name(account);
        let totp: Totp = builder.build().map_err(TotpSetupError::Address)?;
        let uri = totp.to_url().map_err(TotpSetupError::Address)?;
        let png = qr_code::png(&uri)?;
        Ok(TotpSetup {
            secret: totp.secret().to_base32().into(),
            uri: uri.into(),
            qr_code: format!("data:image/png;base64,{}", STANDARD.encode(png.as_slice())).into(),
        })
    }

    fn builder(&self) -> Builder {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_skew(SKEW)
            .with_step_duration(STEP)
            .with_secret(self.0.to_vec())
    }
}

impl fmt::Debug for TotpSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSeed(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed and the last six digits of the codes of RFC 6238 appendix B.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let seed = TotpSeed(Zeroizing::new(b"12345678901234567890".to_vec()));
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            let at = |second| OffsetDateTime::from_unix_timestamp(second).unwrap();
            let step = second / 30;
            assert_eq!(seed.step_of(code, at(second), 0), Some(step));
            assert_eq!(seed.step_of(code, at(second + 30), 0), Some(step), "a step late");
            assert_eq!(seed.step_of(code, at(second + 60), 0), None, "two steps late");
            assert_eq!(seed.step_of(code, at(second), step), None, "used");
        }
    }
}
