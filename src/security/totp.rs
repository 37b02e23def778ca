//! The seed of an authenticator and its codes: HMAC-SHA-1, six digits, 30 seconds, as every
//! authenticator app supports (RFC 6238).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use time::OffsetDateTime;
use totp_rs::{Algorithm, Builder, Totp, TotpError};
use zeroize::Zeroizing;

use super::qr_code::{self, QrCodeError};
use super::secret_key::{SecretKey, SecretKeyError};
use crate::domain::hide_in_debug;
use crate::domain::ids::FactorId;
use crate::domain::random::Random;

/// As many as the hash has (RFC 4226 section 4).
const SEED_BYTES: usize = 20;
const DIGITS: u8 = 6;
/// The length of a time step.
const STEP_SECONDS: u64 = 30;
/// The steps that a clock may be off, in both directions.
const SKEW: u16 = 1;
const SEAL_LABEL: &str = "totp-seed";

#[derive(Debug, thiserror::Error)]
pub enum TotpSetupError {
    /// The issuer or the account does not fit into a URI.
    #[error("no otpauth URI can be made")]
    Uri(TotpError),
    #[error("no QR code can be made")]
    QrCode(#[from] QrCodeError),
}

/// The secret shared with an authenticator. Wiped when dropped, never printed.
pub struct TotpSeed(Zeroizing<Vec<u8>>);

/// What the user needs to set up an authenticator, once.
pub struct TotpSetup {
    /// The seed in base32, to enter by hand.
    pub secret: SecretString,
    /// `otpauth://totp/…`, to open on the device itself.
    pub uri: SecretString,
    /// The URI as a QR code: `data:image/png;base64,…`.
    pub qr_code: SecretString,
}

impl TotpSeed {
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new(vec![0; SEED_BYTES]);
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// Encrypt the seed for the row of `factor`.
    ///
    /// # Errors
    /// [`SecretKeyError::Crypto`]; not expected.
    pub fn seal(&self, secret: &SecretKey, factor: FactorId, random: &dyn Random) -> Result<Vec<u8>, SecretKeyError> {
        secret.seal(SEAL_LABEL, factor.as_uuid().as_bytes(), &self.0, random)
    }

    /// Decrypt what [`seal`](Self::seal) returned.
    ///
    /// # Errors
    /// [`SecretKeyError::CannotOpen`] for anything else.
    pub fn open(secret: &SecretKey, factor: FactorId, sealed: &[u8]) -> Result<Self, SecretKeyError> {
        secret.open(SEAL_LABEL, factor.as_uuid().as_bytes(), sealed).map(Self)
    }

    /// Verify a code: return its time step, if it is the current one or a neighbor and later than
    /// `used`.
    #[must_use]
    pub fn verify(&self, code: &str, now: OffsetDateTime, used: i64) -> Option<i64> {
        let now = u64::try_from(now.unix_timestamp()).ok()?;
        let step = i64::try_from(self.builder().build_noncompliant().check(code, now)?).ok()?;
        (step > used).then_some(step)
    }

    /// The authenticator shows `issuer` and `account`.
    pub fn setup(&self, issuer: &str, account: &str) -> Result<TotpSetup, TotpSetupError> {
        // A colon would end the issuer in the URI.
        let (issuer, account) = (issuer.replace(':', " "), account.replace(':', " "));
        let builder = self.builder().with_issuer(Some(issuer)).with_account_name(account);
        let totp: Totp = builder.build().map_err(TotpSetupError::Uri)?;
        let uri = totp.to_url().map_err(TotpSetupError::Uri)?;
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
            .with_step_duration(STEP_SECONDS)
            .with_secret(self.0.to_vec())
    }
}

hide_in_debug! { TotpSeed }

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
            assert_eq!(seed.verify(code, at(second), 0), Some(step));
            assert_eq!(seed.verify(code, at(second + 30), 0), Some(step), "a step late");
            assert_eq!(seed.verify(code, at(second + 60), 0), None, "two steps late");
            assert_eq!(seed.verify(code, at(second), step), None, "used");
        }
    }
}
