//! Keys and tokens of each algorithm.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use watchword::security::signing_keys::PublicKey;
use watchword::security::{SealedKey, SigningAlgorithm, SigningKey, SigningKeyError};

use super::support::{AUDIENCE, ISSUER, NOW, Sequence, issue, new_key, secret, tokens};

fn part(token: &str, index: usize) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()
}

fn jwk(key: &SigningKey) -> Value {
    serde_json::to_value(watchword::security::signing_keys::Jwk::from(key)).unwrap()
}

#[test]
fn a_token_of_each_algorithm_is_verified_with_a_key_of_the_jwks() {
    for (algorithm, name, signature) in [
        (SigningAlgorithm::Es256, Algorithm::ES256, 64),
        (SigningAlgorithm::Rs256, Algorithm::RS256, 256),
        (SigningAlgorithm::EdDsa, Algorithm::EdDSA, 64),
    ] {
        let tokens = tokens(new_key(algorithm, 1, NOW));
        let published = serde_json::to_string(&tokens.keys().jwks(NOW)).unwrap();
        let published: JwkSet = serde_json::from_str(&published).unwrap();
        let mut rules = Validation::new(name);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.validate_exp = false;
        // An ECDSA signature differs every time, and its numbers can be short.
        for _ in 0..50 {
            let token = issue(&tokens, NOW, &[], &Sequence::new(9));
            let header: Value = serde_json::from_slice(&part(&token, 0)).unwrap();
            assert_eq!(header["alg"], algorithm.as_str());
            assert_eq!(part(&token, 2).len(), signature, "{algorithm}");
            let key = published.find(header["kid"].as_str().unwrap()).unwrap();
            let key = DecodingKey::from_jwk(key).unwrap();
            jsonwebtoken::decode::<Value>(&token, &key, &rules).unwrap();
            tokens.verify(&token, NOW).unwrap();
        }
    }
}

#[test]
fn a_jwk_has_the_members_of_its_type() {
    for (algorithm, kty, own) in [
        (SigningAlgorithm::Es256, "EC", &["crv", "x", "y"][..]),
        (SigningAlgorithm::Rs256, "RSA", &["n", "e"]),
        (SigningAlgorithm::EdDsa, "OKP", &["crv", "x"]),
    ] {
        let key = new_key(algorithm, 1, NOW);
        let shown = jwk(&key);
        let names: BTreeSet<&str> = shown.as_object().unwrap().keys().map(String::as_str).collect();
        let expected: BTreeSet<&str> = ["kty", "kid", "use", "alg"].iter().chain(own).copied().collect();
        assert_eq!(names, expected);
        assert_eq!(
            (&shown["kty"], &shown["alg"], &shown["use"], &shown["kid"]),
            (&json!(kty), &json!(algorithm.as_str()), &json!("sig"), &json!(key.kid()))
        );
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(shown[name].as_str().unwrap()).unwrap();
        match algorithm {
            SigningAlgorithm::Es256 => {
                assert_eq!((&shown["crv"], bytes("x").len(), bytes("y").len()), (&json!("P-256"), 32, 32));
            }
            SigningAlgorithm::Rs256 => {
                assert_eq!((bytes("n").len(), &shown["e"]), (256, &json!("AQAB")));
                assert!(bytes("n")[0] >= 0x80, "2048 bits, without a leading zero");
            }
            SigningAlgorithm::EdDsa => assert_eq!((&shown["crv"], bytes("x").len()), (&json!("Ed25519"), 32)),
        }
    }
}

#[test]
fn coordinates_keep_their_leading_zeros() {
    let PublicKey::Ec { x, y, .. } = PublicKey::p256(&[0; 32], &[1; 32]) else {
        panic!("a point");
    };
    for coordinate in [x, y] {
        assert_eq!(URL_SAFE_NO_PAD.decode(coordinate).unwrap().len(), 32);
    }
}

#[test]
fn thumbprints_are_those_of_the_rfcs() {
    let okp = PublicKey::Okp {
        crv: "Ed25519",
        x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned(),
    };
    let okp_print = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    assert_eq!(okp.thumbprint(), okp_print, "RFC 8037 appendix A.3");
    let ec = PublicKey::Ec {
        crv: "P-256",
        x: "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs".to_owned(),
        y: "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA".to_owned(),
    };
    let ec_print = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    assert_eq!(ec.thumbprint(), ec_print, "RFC 9449 section 6.1");
    let rsa = PublicKey::Rsa {
        n: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs\
            tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajr\
            n1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
            .to_owned(),
        e: "AQAB".to_owned(),
    };
    let rsa_print = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    assert_eq!(rsa.thumbprint(), rsa_print, "RFC 7638 section 3.1");
}

#[test]
fn a_key_of_each_algorithm_is_restored_from_its_row() {
    for algorithm in SigningAlgorithm::ALL {
        let key = new_key(algorithm, 1, NOW);
        let row = key.seal(&secret(1), &Sequence::new(50)).unwrap();
        assert_eq!((row.algorithm, &*row.public), (algorithm, key.public()));
        let again = SigningKey::open(&row, &secret(1)).unwrap();
        assert_eq!((again.life(), jwk(&again)), (key.life(), jwk(&key)));
        // What one signs, the other verifies.
        let token = issue(&tokens(key), NOW, &[], &Sequence::new(9));
        tokens(again).verify(&token, NOW).unwrap();
    }
}

#[test]
fn a_row_with_another_algorithm_is_refused() {
    for algorithm in SigningAlgorithm::ALL {
        let row = new_key(algorithm, 1, NOW).seal(&secret(1), &Sequence::new(50)).unwrap();
        for other in SigningAlgorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            let changed = SealedKey { algorithm: other, ..row.clone() };
            let refused = SigningKey::open(&changed, &secret(1)).unwrap_err();
            assert!(matches!(refused, SigningKeyError::Unusable { .. }), "{algorithm} as {other}");
        }
    }
}

/// A private key of 1024 bits in PKCS#8, made for this test.
const SHORT_RSA: &str = "\
    MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBANU35JToFkrFsks+p+JSTMThbfaa52qDnrAPV2ztV3vWikClC4NrjOcXcsG4\
    RSqfKQocT2/ggmxQNWwlE6PNGNSAdZ/0pq91nuj5OFDpS/8PRD7aJDeDwhG060DQGSQ8mBUriLrgtESSlnmnKn5GWicLQ6BYekpy7v4UfzuQ\
    7D7JAgMBAAECgYB02xMuARzmkf8regVs5ooohRxNQYx/Ne+sslvJ2TJPLr/KuinbNwCcTp+YSDOwLlbBsc5flH4mercstA1VgryOClZNWl8N\
    u13yOZfvjouwvFf/Ts2MoYm7dlRHDcNKFKXX2/HOJbWn/BeVmNU4yA5wnP2asc5lFmaGod9zYv1U4QJBAOwpqfh8K+QAfvLKkwY3sNMtL3ht\
    ogzIfC9im9hVALZeYRvpdMGYOs0wNYLWWtwIfNnPXx1e18jHVjnNV4fxss0CQQDnINe3rwK0Ex7HIv8HDJz6NsPXIyMpsppTM8pmfoF2kwUH\
    eIsTLgP4okfYXA1s6z12Y2TM8G9lCWK3V7iKdpPtAkEAuyihvX2awwzpjrygHBNSnWl373bjMEJKuLrrS1zCPcU6LIatsydTon2MSu5Z/3ry\
    hyNi+8HIPSRM324u6lvQGQJAaWJmOZCI0Qauz+m7EsHDiasS3LNewxJ2n11L+jPQX/plHqTt9M7UbLfBvnsqe/E+0w461d8DS7Rd2G8c67Vp\
    eQJBAN+xEAbOJhAY0I0XGTj5p5r/tg0PRFM2azWEkU21RooEHDHqs3DjYj2vBEWwo6mnB/2TdPdYtOMiPOZIaIBfrjg=";

#[test]
fn an_rsa_key_below_2048_bits_is_refused() {
    let row = new_key(SigningAlgorithm::Rs256, 1, NOW).seal(&secret(1), &Sequence::new(50)).unwrap();
    let private = STANDARD.decode(SHORT_RSA).unwrap();
    let sealed = secret(1).seal("signing-keys", row.kid.as_bytes(), &private, &Sequence::new(60)).unwrap();
    let refused = SigningKey::open(&SealedKey { sealed, ..row }, &secret(1)).unwrap_err();
    assert!(matches!(refused, SigningKeyError::Unusable { .. }), "{refused}");
}
