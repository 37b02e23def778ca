//! Private keys of each algorithm.

use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use jsonwebtoken::DecodingKey;
use zeroize::Zeroizing;

use super::PublicKey;
use crate::domain::random::Random;
use crate::domain::signing_key::SigningAlgorithm;

/// Of an Ed25519 seed (RFC 8032 section 5.1.5).
const SEED_BYTES: usize = 32;

/// The first byte of a point that is not compressed (SEC 1 section 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// A private key and its public key.
pub struct KeyPair {
    pair: Pair,
    public_key: PublicKey,
}

enum Pair {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl KeyPair {
    /// Generate a key pair. RSA takes a few hundred milliseconds, so do not block an executor with
    /// it. `random` makes the seed of an Ed25519 key; the library generates the others with the
    /// generator of the operating system.
    #[must_use]
    pub fn generate(algorithm: SigningAlgorithm, random: &dyn Random) -> Option<Self> {
        match algorithm {
            SigningAlgorithm::Es256 => {
                Self::of(Pair::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?))
            }
            SigningAlgorithm::Rs256 => Self::of(Pair::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).ok()?)),
            SigningAlgorithm::EdDsa => {
                let mut seed = Zeroizing::new([0_u8; SEED_BYTES]);
                random.fill(seed.as_mut_slice());
                Self::from_private(algorithm, seed.as_slice())
            }
        }
    }

    /// Restore a key pair from [`private`](Self::private). The library refuses RSA keys below 2048
    /// bits.
    pub(super) fn from_private(algorithm: SigningAlgorithm, private: &[u8]) -> Option<Self> {
        Self::of(match algorithm {
            SigningAlgorithm::Es256 => {
                Pair::Es256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private).ok()?)
            }
            SigningAlgorithm::Rs256 => Pair::Rs256(RsaKeyPair::from_pkcs8(private).ok()?),
            SigningAlgorithm::EdDsa => Pair::EdDsa(Ed25519KeyPair::from_seed_unchecked(private).ok()?),
        })
    }

    fn of(pair: Pair) -> Option<Self> {
        let public_key = pair.public_key()?;
        Some(Self { pair, public_key })
    }

    /// The private key: the seed for Ed25519, PKCS#8 (RFC 5958) for the others.
    pub(super) fn private(&self) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = match &self.pair {
            Pair::Es256(pair) => pair.to_pkcs8v1().ok()?.as_ref().to_vec(),
            Pair::Rs256(pair) => pair.as_der().ok()?.as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.seed().ok()?.as_be_bytes().ok()?.as_ref().to_vec(),
        };
        Some(Zeroizing::new(bytes))
    }

    /// The public key: 32 bytes for Ed25519, a point of 65 bytes for P-256, PKCS#1 (RFC 8017
    /// appendix A.1.1) for RSA.
    pub(super) fn public(&self) -> &[u8] {
        self.pair.public()
    }

    pub(super) const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    pub(super) const fn algorithm(&self) -> SigningAlgorithm {
        match self.pair {
            Pair::Es256(_) => SigningAlgorithm::Es256,
            Pair::Rs256(_) => SigningAlgorithm::Rs256,
            Pair::EdDsa(_) => SigningAlgorithm::EdDsa,
        }
    }

    /// The verification key for the JWT library.
    pub(super) fn decoding(&self) -> DecodingKey {
        let public = self.public();
        match self.pair {
            Pair::Es256(_) => DecodingKey::from_ec_der(public),
            Pair::Rs256(_) => DecodingKey::from_rsa_der(public),
            Pair::EdDsa(_) => DecodingKey::from_ed_der(public),
        }
    }

    /// The signature as in a token: of fixed length, also for ECDSA (RFC 7518 section 3.4).
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        // The library has its own generator and ignores this one.
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Es256(pair) => Some(pair.sign(&random, message).ok()?.as_ref().to_vec()),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Pair::EdDsa(pair) => Some(pair.sign(message).as_ref().to_vec()),
        }
    }
}

impl Pair {
    fn public(&self) -> &[u8] {
        match self {
            Self::Es256(pair) => pair.public_key().as_ref(),
            Self::Rs256(pair) => pair.public_key().as_ref(),
            Self::EdDsa(pair) => pair.public_key().as_ref(),
        }
    }

    fn public_key(&self) -> Option<PublicKey> {
        match self {
            Self::Es256(_) => {
                let point = self.public().strip_prefix(&[UNCOMPRESSED])?;
                let (x, y) = point.split_first_chunk::<32>()?;
                Some(PublicKey::p256(x, y.try_into().ok()?))
            }
            Self::Rs256(pair) => {
                let key = pair.public_key();
                let (modulus, exponent) = (key.modulus(), key.exponent());
                Some(PublicKey::rsa(
                    modulus.big_endian_without_leading_zero(),
                    exponent.big_endian_without_leading_zero(),
                ))
            }
            Self::EdDsa(_) => Some(PublicKey::ed25519(self.public().try_into().ok()?)),
        }
    }
}
