//! The attacks of RFC 8725 on the header: algorithm, key and type.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use watchword::security::TokenError;

use super::forge::Forge;
use super::support::{NOW, signing_key};

#[test]
fn other_algorithms_are_refused_with_any_signature() {
    let forge = Forge::new();
    for alg in [
        "none", "None", "nOnE", "NONE", "", "HS256", "HS512", "RS256", "PS256", "ES256", "eddsa", "Ed25519",
    ] {
        assert_eq!(forge.with_header(|h| h["alg"] = json!(alg)), Err(TokenError::WrongAlgorithm), "{alg}");
    }
    for alg in [json!(null), json!(["EdDSA"]), json!(1)] {
        assert_eq!(forge.with_header(|h| h["alg"] = alg), Err(TokenError::Malformed));
    }
    let mut header = forge.header();
    header["alg"] = json!("none");
    let unsigned = |h: &Value| {
        let [h, c] = [h.to_string(), forge.claims().to_string()].map(|p| URL_SAFE_NO_PAD.encode(p));
        format!("{h}.{c}.")
    };
    assert_eq!(forge.verdict(&unsigned(&header)), Err(TokenError::WrongAlgorithm));
    assert_eq!(
        forge.verdict(&unsigned(&forge.header())),
        Err(TokenError::BadSignature),
        "without a signature"
    );
}

#[test]
fn the_public_key_is_not_accepted_as_hmac_secret() {
    let forge = Forge::new();
    let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    der.extend_from_slice(&forge.public);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
    let x = URL_SAFE_NO_PAD.encode(&forge.public);
    for secret in [
        forge.public.as_slice(),
        &der,
        pem.as_bytes(),
        pem.trim().as_bytes(),
        x.as_bytes(),
    ] {
        for alg in ["HS256", "EdDSA"] {
            let mut header = forge.header();
            header["alg"] = json!(alg);
            let [h, c] = [header.to_string(), forge.claims().to_string()].map(|p| URL_SAFE_NO_PAD.encode(p));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), format!("{h}.{c}").as_bytes());
            let token = format!("{h}.{c}.{}", URL_SAFE_NO_PAD.encode(tag));
            let expected = if alg == "EdDSA" {
                TokenError::BadSignature
            } else {
                TokenError::WrongAlgorithm
            };
            assert_eq!(forge.verdict(&token), Err(expected));
        }
    }
}

#[test]
fn only_an_exact_key_id_selects_a_key() {
    let forge = Forge::new();
    let long = "k".repeat(2_000);
    let prefix = forge.kid[..10].to_owned();
    let lower = forge.kid.to_lowercase();
    for kid in [
        "",
        "../../dev/null",
        "' OR 1=1 --",
        "\0",
        &long,
        &prefix,
        &lower,
        &format!("{} ", forge.kid),
    ] {
        assert_eq!(forge.with_header(|h| h["kid"] = json!(kid)), Err(TokenError::UnknownKey), "{kid:?}");
    }
    assert_eq!(
        forge.with_header(|h| drop(h.as_object_mut().unwrap().remove("kid"))),
        Err(TokenError::UnknownKey)
    );
    let other = signing_key(2, NOW);
    assert_eq!(forge.with_header(|h| h["kid"] = json!(other.kid())), Err(TokenError::UnknownKey));
    forge.tokens.keys().replace([signing_key(1, NOW), other]);
    let kid = signing_key(2, NOW).kid().to_owned();
    assert_eq!(
        forge.with_header(|h| h["kid"] = json!(kid)),
        Err(TokenError::BadSignature),
        "signed by the first key"
    );
}

#[test]
fn a_header_with_its_own_key_or_critical_extensions_is_refused() {
    let forge = Forge::new();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(&forge.public)});
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("jwk", jwk),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("zip", json!("DEF")),
        ("b64", json!(false)),
    ] {
        assert_eq!(forge.with_header(|h| h[name] = value), Err(TokenError::Malformed), "{name}");
    }
}

#[test]
fn only_the_type_at_jwt_is_accepted() {
    let forge = Forge::new();
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"] {
        assert_eq!(forge.with_header(|h| h["typ"] = json!(typ)), Ok(()), "{typ}");
    }
    for typ in [
        "JWT",
        "jwt",
        "",
        "refresh+jwt",
        "at+jwt ",
        "application/application/at+jwt",
        "text/at+jwt",
        "at+jwt;v=1",
    ] {
        assert_eq!(forge.with_header(|h| h["typ"] = json!(typ)), Err(TokenError::WrongType), "{typ}");
    }
    assert_eq!(
        forge.with_header(|h| drop(h.as_object_mut().unwrap().remove("typ"))),
        Err(TokenError::WrongType)
    );
}
