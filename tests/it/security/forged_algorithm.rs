//! Tokens whose header, key and signature are of different algorithms.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use watchword::security::signing_keys::PublicKey;
use watchword::security::{AccessTokens, KeyRing, SealedKey, SigningAlgorithm, SigningKey, TokenError};

use super::support::{AUDIENCE, ISSUER, NOW, Sequence, policy, secret, session, user};

/// The keys of one service, one of each algorithm, with their private parts in the hands of the test.
struct Rig {
    ec: EcdsaKeyPair,
    ec_private: Vec<u8>,
    rsa: RsaKeyPair,
    ed: Ed25519KeyPair,
    kids: [String; 3],
    tokens: AccessTokens,
}

/// Opens a private key as the service does.
fn opened(algorithm: SigningAlgorithm, public: &[u8], jwk: &PublicKey, private: &[u8]) -> SigningKey {
    let kid = jwk.thumbprint();
    let row = SealedKey {
        sealed: secret(1).seal("signing-keys", kid.as_bytes(), private, &Sequence::new(50)).unwrap(),
        kid,
        algorithm,
        public: public.to_vec(),
        created_at: NOW,
        activates_at: NOW,
        expires_at: NOW + Duration::from_secs(24 * 3600),
    };
    SigningKey::open(&row, &secret(1)).unwrap()
}

impl Rig {
    fn new() -> Self {
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let ec_private = ec.to_pkcs8v1().unwrap().as_ref().to_vec();
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let ed = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let point = ec.public_key().as_ref();
        let (x, y) = point.strip_prefix(&[4]).unwrap().split_first_chunk().unwrap();
        let (modulus, exponent) = (rsa.public_key().modulus(), rsa.public_key().exponent());
        let rsa_jwk =
            PublicKey::rsa(modulus.big_endian_without_leading_zero(), exponent.big_endian_without_leading_zero());
        let rsa_private = rsa.as_der().unwrap();
        let ed_public = ed.public_key().as_ref();
        let keys = [
            opened(SigningAlgorithm::Es256, point, &PublicKey::p256(x, y.try_into().unwrap()), &ec_private),
            opened(SigningAlgorithm::Rs256, rsa.public_key().as_ref(), &rsa_jwk, rsa_private.as_ref()),
            opened(
                SigningAlgorithm::EdDsa,
                ed_public,
                &PublicKey::ed25519(ed_public.try_into().unwrap()),
                &[7; 32],
            ),
        ];
        let kids = keys.each_ref().map(|key| key.kid().to_owned());
        let tokens = AccessTokens::new(policy(), Arc::new(KeyRing::new(keys))).unwrap();
        Self { ec, ec_private, rsa, ed, kids, tokens }
    }

    /// The verdict about a token with this header, which `sign` signs.
    fn verdict(&self, alg: &str, kid: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Result<(), TokenError> {
        let now = NOW.unix_timestamp();
        let header = json!({"typ": "at+jwt", "alg": alg, "kid": kid});
        let claims = json!({
            "iss": ISSUER, "sub": user(), "aud": AUDIENCE, "exp": now + 600, "iat": now, "roles": ["admin"],
            "jti": "018f0000-0000-7000-8000-0000000000bb", "sid": session(), "client_id": "watchword",
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(&claims));
        let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
        self.tokens.verify(&format!("{message}.{signature}"), NOW).map(|_| ())
    }

    fn rsa(&self, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; 256];
        self.rsa.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }

    /// The signature of the key at `at`.
    fn sign(&self, at: usize, message: &[u8]) -> Vec<u8> {
        match at {
            0 => self.ec.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            1 => self.rsa(&RSA_PKCS1_SHA256, message),
            _ => self.ed.sign(message).as_ref().to_vec(),
        }
    }

    fn public(&self, at: usize) -> Vec<u8> {
        match at {
            0 => self.ec.public_key().as_ref().to_vec(),
            1 => self.rsa.public_key().as_ref().to_vec(),
            _ => self.ed.public_key().as_ref().to_vec(),
        }
    }
}

const NAMES: [&str; 3] = ["ES256", "RS256", "EdDSA"];

#[test]
fn header_key_and_signature_have_to_agree() {
    let rig = Rig::new();
    for (named, alg) in NAMES.iter().enumerate() {
        for (kid, _) in NAMES.iter().enumerate() {
            for (signer, _) in NAMES.iter().enumerate() {
                let expected = match (named == kid, kid == signer) {
                    (true, true) => Ok(()),
                    (true, false) => Err(TokenError::BadSignature),
                    (false, _) => Err(TokenError::WrongAlgorithm),
                };
                let verdict = rig.verdict(alg, &rig.kids[kid], |message| rig.sign(signer, message));
                assert_eq!(verdict, expected, "{alg}, key {kid}, signed by {signer}");
            }
        }
    }
}

#[test]
fn no_other_algorithm_is_accepted_for_any_key() {
    let rig = Rig::new();
    for (at, kid) in rig.kids.iter().enumerate() {
        for alg in [
            "none", "None", "", "HS256", "HS384", "HS512", "ES384", "ES512", "ES256K", "RS384", "RS512", "PS256",
            "PS384", "PS512", "Ed25519", "Ed448", "es256", "rs256", "eddsa",
        ] {
            let verdict = rig.verdict(alg, kid, |message| rig.sign(at, message));
            assert_eq!(verdict, Err(TokenError::WrongAlgorithm), "{alg}, key {at}");
            let unsigned = rig.verdict(alg, kid, |_| Vec::new());
            assert_eq!(unsigned, Err(TokenError::WrongAlgorithm), "{alg}, key {at}");
        }
        let unknown = rig.verdict(NAMES[at], "unknown", |message| rig.sign(at, message));
        assert_eq!(unknown, Err(TokenError::UnknownKey));
    }
}

#[test]
fn no_public_key_is_an_hmac_secret() {
    let rig = Rig::new();
    for (at, kid) in rig.kids.iter().enumerate() {
        let public = rig.public(at);
        for secret in [public.clone(), URL_SAFE_NO_PAD.encode(&public).into_bytes()] {
            for (alg, expected) in [
                ("HS256", TokenError::WrongAlgorithm),
                (NAMES[at], TokenError::BadSignature),
            ] {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
                let verdict = rig.verdict(alg, kid, |message| hmac::sign(&key, message).as_ref().to_vec());
                assert_eq!(verdict, Err(expected), "{alg}, key {at}");
            }
        }
    }
}

#[test]
fn a_signature_of_another_kind_by_the_right_key_is_refused() {
    let rig = Rig::new();
    let [ec, rsa, ed] = &rig.kids;
    let der = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rig.ec_private).unwrap();
    let der = rig.verdict("ES256", ec, |message| der.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec());
    assert_eq!(der, Err(TokenError::BadSignature), "DER instead of r and s");
    for bytes in [[0_u8; 64], [0xff; 64]] {
        for (alg, kid) in [("ES256", ec), ("EdDSA", ed)] {
            let blank = rig.verdict(alg, kid, |_| bytes.to_vec());
            assert_eq!(blank, Err(TokenError::BadSignature), "{alg}: r and s out of range");
        }
    }
    let pss = rig.verdict("RS256", rsa, |message| rig.rsa(&RSA_PSS_SHA256, message));
    assert_eq!(pss, Err(TokenError::BadSignature), "PSS");
    let longer = rig.verdict("RS256", rsa, |message| rig.rsa(&RSA_PKCS1_SHA512, message));
    assert_eq!(longer, Err(TokenError::BadSignature), "SHA-512");
    for bytes in [vec![0; 256], vec![1; 255], vec![1; 257], Vec::new()] {
        let blank = rig.verdict("RS256", rsa, |_| bytes);
        assert_eq!(blank, Err(TokenError::BadSignature));
    }
}
