//! The attacks of RFC 8725 on the claims and on the whole token.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use watchword::security::TokenError;
use watchword::security::access_token::MAX_TOKEN_BYTES;

use super::forge::Forge;
use super::support::{AUDIENCE, ISSUER, NOW, Sequence, issue};

#[test]
fn an_unchanged_token_of_the_forge_is_accepted() {
    let forge = Forge::new();
    assert_eq!(forge.with_header(|_| ()), Ok(()));
    assert_eq!(forge.with_claims(|_| ()), Ok(()));
    assert_eq!(
        forge.with_claims(|c| c["aud"] = json!(["other", AUDIENCE])),
        Ok(()),
        "RFC 7519 section 4.1.3"
    );
    assert_eq!(forge.with_claims(|c| c["nbf"] = json!(NOW.unix_timestamp() + 60)), Ok(()), "clocks apart");
    assert_eq!(forge.with_claims(|c| c["later_version"] = json!({"a": 1})), Ok(()), "RFC 7519 section 4");
    assert_eq!(
        forge.with_claims(|c| {
            c["amr"] = json!(["pwd", "hwk"]);
            c["acr"] = json!("3");
        }),
        Ok(()),
        "a newer version knows more methods"
    );
}

#[test]
fn every_claim_is_required() {
    let forge = Forge::new();
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "sid", "roles", "client_id"] {
        let missing = forge.with_claims(|c| drop(c.as_object_mut().unwrap().remove(name)));
        assert_eq!(missing, Err(TokenError::BadClaims), "{name}");
        assert_eq!(forge.with_claims(|c| c[name] = json!(null)), Err(TokenError::BadClaims), "{name} null");
    }
}

#[test]
fn claims_of_another_value_or_type_are_refused() {
    let forge = Forge::new();
    let bad = [
        ("iss", json!("https://auth.example.test/")),
        ("iss", json!("https://evil.example")),
        ("iss", json!(123)),
        ("iss", json!([ISSUER])),
        ("aud", json!("other")),
        ("aud", json!([])),
        ("aud", json!(["other", "WATCHWORD"])),
        ("aud", json!(123)),
        ("aud", json!({"watchword": true})),
        ("sub", json!("")),
        ("sub", json!("root")),
        ("sub", json!(1)),
        ("sid", json!("x")),
        ("jti", json!(7)),
        ("roles", json!("admin")),
        ("roles", json!([1])),
        ("client_id", json!("")),
        ("client_id", json!(true)),
        ("auth_time", json!(-1)),
        ("auth_time", json!("now")),
        ("auth_time", json!(u64::MAX)),
        ("amr", json!("pwd")),
        ("acr", json!(2)),
        ("email_verified", json!("true")),
    ];
    for (name, value) in bad {
        assert_eq!(
            forge.with_claims(|c| c[name] = value.clone()),
            Err(TokenError::BadClaims),
            "{name} {value}"
        );
    }
}

#[test]
fn times_are_whole_numbers_within_their_bounds() {
    let forge = Forge::new();
    let now = NOW.unix_timestamp();
    for name in ["exp", "iat", "nbf"] {
        let odd = [
            json!(1e300),
            json!(-1),
            json!(now.to_string()),
            json!(now as f64 + 0.5),
            json!([now]),
            json!(true),
        ];
        for value in odd {
            assert_eq!(
                forge.with_claims(|c| c[name] = value.clone()),
                Err(TokenError::BadClaims),
                "{name} {value}"
            );
        }
    }
    let with_exp = |exp: Value| forge.with_claims(|c| c["exp"] = exp);
    assert_eq!(with_exp(json!(u64::MAX)), Err(TokenError::BadClaims));
    assert_eq!(with_exp(json!(now + 900)), Ok(()));
    assert_eq!(
        with_exp(json!(now + 901)),
        Err(TokenError::BadClaims),
        "the service issues no token for longer than 15 minutes"
    );
    assert_eq!(with_exp(json!(now)), Err(TokenError::BadClaims), "the token expires before it was issued");
    let aged = |iat: i64, exp: i64| {
        forge.with_claims(|c| {
            c["iat"] = json!(iat);
            c["exp"] = json!(exp);
        })
    };
    assert_eq!(aged(now - 600, now - 4), Ok(()));
    assert_eq!(aged(now - 600, now - 5), Err(TokenError::Expired));
    assert_eq!(aged(now + 60, now + 600), Ok(()));
    assert_eq!(aged(now + 61, now + 600), Err(TokenError::NotYetValid));
    assert_eq!(aged(0, u32::MAX.into()), Err(TokenError::BadClaims));
    let later = |nbf: Value| forge.with_claims(|c| c["nbf"] = nbf);
    assert_eq!(later(json!(now + 61)), Err(TokenError::NotYetValid));
    assert_eq!(later(json!(now + 3600)), Err(TokenError::NotYetValid));
    assert_eq!(later(json!(u64::MAX)), Err(TokenError::NotYetValid));
}

#[test]
fn duplicate_members_are_refused() {
    let forge = Forge::new();
    let (header, claims) = (forge.header().to_string(), forge.claims().to_string());
    for name in ["sub", "exp", "roles", "iss", "aud", "sid"] {
        let twice = claims.replacen('{', &format!("{{\"{name}\":{},", forge.claims()[name]), 1);
        assert_eq!(forge.verdict(&forge.signed(&header, &twice)), Err(TokenError::BadClaims), "{name}");
    }
    for name in ["alg", "kid", "typ"] {
        let twice = header.replacen('{', &format!("{{\"{name}\":{},", forge.header()[name]), 1);
        assert_eq!(forge.verdict(&forge.signed(&twice, &claims)), Err(TokenError::Malformed), "{name}");
    }
}

#[test]
fn a_token_is_refused_after_any_change() {
    let forge = Forge::new();
    let good = issue(&forge.tokens, NOW, &[], &Sequence::new(9));
    forge.verdict(&good).unwrap();
    for position in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(forge.verdict(&changed).is_err(), "position {position}");
    }
    let signature = good.rsplit('.').next().unwrap();
    let padded = good.replace(signature, &URL_SAFE.encode(URL_SAFE_NO_PAD.decode(signature).unwrap()));
    assert_ne!(padded, good);
    assert!(forge.verdict(&padded).is_err(), "a token has one encoding");
}

#[test]
fn garbage_of_any_length_is_refused() {
    let forge = Forge::new();
    let good = issue(&forge.tokens, NOW, &[], &Sequence::new(9));
    let parts: Vec<_> = good.split('.').collect();
    let many_dots = ".".repeat(MAX_TOKEN_BYTES);
    let deep = URL_SAFE_NO_PAD.encode("[".repeat(2_000));
    let cases = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        many_dots,
        parts[0].to_owned(),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}.{}", parts[2]),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{deep}.{deep}.{deep}"),
        "\u{0}\u{ffff}é.é.é".to_owned(),
        format!("{}..{}", parts[0], parts[2]),
        format!("{}.{}.{}", URL_SAFE_NO_PAD.encode("null"), parts[1], parts[2]),
        format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(b"\xff\xfe"), parts[1], parts[2]),
    ];
    for case in cases {
        assert!(forge.verdict(&case).is_err(), "{case:?}");
    }
    for end in 0..good.len() {
        assert!(forge.verdict(&good[..end]).is_err());
    }
    assert_eq!(forge.verdict(&"a".repeat(MAX_TOKEN_BYTES + 1)), Err(TokenError::TooLong));
    let padding = "x".repeat(MAX_TOKEN_BYTES);
    assert_eq!(
        forge.with_claims(|c| c["padding"] = json!(padding)),
        Err(TokenError::TooLong),
        "with a valid signature"
    );
}

#[test]
fn an_expired_key_verifies_nothing() {
    let forge = Forge::new();
    let end = NOW + Duration::from_secs(31 * 24 * 3600);
    let mut claims = forge.claims();
    claims["iat"] = json!(end.unix_timestamp() - 10);
    claims["exp"] = json!(end.unix_timestamp() + 60);
    let token = forge.signed(&forge.header().to_string(), &claims.to_string());
    assert!(forge.tokens.verify(&token, end - Duration::from_secs(1)).is_ok());
    assert_eq!(forge.tokens.verify(&token, end), Err(TokenError::UnknownKey));
}
