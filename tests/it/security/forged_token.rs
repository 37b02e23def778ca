//! The attacks of RFC 8725: tokens that look right and are not, most of them signed with the real key, so that each
//! check stands on its own.

use std::time::Duration;

use aws_lc_rs::{hmac, signature::Ed25519KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use watchword::domain::random::Random as _;
use watchword::security::access_token::MAX_TOKEN_BYTES;
use watchword::security::{AccessTokens, SigningKey, TokenError};

use super::support::{AUDIENCE, ISSUER, NOW, Sequence, issue, session, signing_key, tokens, user};

/// The key of `signing_key(1, ..)`, to sign what the service never would.
fn pair(start: u64) -> Ed25519KeyPair {
    let mut seed = [0_u8; 32];
    Sequence::new(start).fill(&mut seed);
    Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()
}

struct Forge {
    kid: String,
    public: [u8; 32],
    tokens: AccessTokens,
}

impl Forge {
    fn new() -> Self {
        let key: SigningKey = signing_key(1, NOW);
        Self {
            kid: key.kid().to_owned(),
            public: *key.public(),
            tokens: tokens(key),
        }
    }

    fn header(&self) -> Value {
        json!({"typ": "at+jwt", "alg": "EdDSA", "kid": self.kid})
    }

    fn claims(&self) -> Value {
        let now = NOW.unix_timestamp();
        json!({
            "iss": ISSUER, "sub": user(), "aud": AUDIENCE, "exp": now + 600, "iat": now, "roles": ["user"],
            "jti": "018f0000-0000-7000-8000-0000000000bb", "sid": session(), "client_id": "watchword",
        })
    }

    fn signed(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = pair(1).sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn verdict(&self, token: &str) -> Result<(), TokenError> {
        self.tokens.verify(token, NOW).map(|_| ())
    }

    fn with_header(&self, change: impl FnOnce(&mut Value)) -> Result<(), TokenError> {
        let mut header = self.header();
        change(&mut header);
        self.verdict(&self.signed(&header.to_string(), &self.claims().to_string()))
    }

    fn with_claims(&self, change: impl FnOnce(&mut Value)) -> Result<(), TokenError> {
        let mut claims = self.claims();
        change(&mut claims);
        self.verdict(&self.signed(&self.header().to_string(), &claims.to_string()))
    }
}

#[test]
fn the_forge_makes_good_tokens_when_it_changes_nothing() {
    let forge = Forge::new();
    assert_eq!(forge.with_header(|_| ()), Ok(()));
    assert_eq!(forge.with_claims(|_| ()), Ok(()));
    assert_eq!(
        forge.with_claims(|c| c["aud"] = json!(["other", AUDIENCE])),
        Ok(()),
        "RFC 7519 section 4.1.3"
    );
    assert_eq!(
        forge.with_claims(|c| c["nbf"] = json!(NOW.unix_timestamp() + 4)),
        Ok(()),
        "within the leeway"
    );
    assert_eq!(
        forge.with_claims(|c| c["later_version"] = json!({"a": 1})),
        Ok(()),
        "RFC 7519 section 4"
    );
}

#[test]
fn another_algorithm_is_refused_whoever_signed() {
    let forge = Forge::new();
    for alg in [
        "none", "None", "nOnE", "NONE", "", "HS256", "HS512", "RS256", "PS256", "ES256", "eddsa", "Ed25519",
    ] {
        assert_eq!(
            forge.with_header(|h| h["alg"] = json!(alg)),
            Err(TokenError::WrongAlgorithm),
            "{alg}"
        );
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
        "no signature at all"
    );
}

#[test]
fn the_public_key_is_no_hmac_secret() {
    let forge = Forge::new();
    let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    der.extend_from_slice(&forge.public);
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(&der)
    );
    let x = URL_SAFE_NO_PAD.encode(forge.public);
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
            let tag = hmac::sign(
                &hmac::Key::new(hmac::HMAC_SHA256, secret),
                format!("{h}.{c}").as_bytes(),
            );
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
fn the_key_id_is_looked_up_exactly_and_leads_nowhere_else() {
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
        assert_eq!(
            forge.with_header(|h| h["kid"] = json!(kid)),
            Err(TokenError::UnknownKey),
            "{kid:?}"
        );
    }
    assert_eq!(
        forge.with_header(|h| drop(h.as_object_mut().unwrap().remove("kid"))),
        Err(TokenError::UnknownKey)
    );
    let other = signing_key(2, NOW);
    assert_eq!(
        forge.with_header(|h| h["kid"] = json!(other.kid())),
        Err(TokenError::UnknownKey)
    );
    forge.tokens.keys().replace([signing_key(1, NOW), other]);
    let kid = signing_key(2, NOW).kid().to_owned();
    assert_eq!(
        forge.with_header(|h| h["kid"] = json!(kid)),
        Err(TokenError::BadSignature),
        "signed by the first key"
    );
}

#[test]
fn a_header_that_brings_its_own_key_or_demands_is_refused() {
    let forge = Forge::new();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(forge.public)});
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
        assert_eq!(
            forge.with_header(|h| h[name] = value),
            Err(TokenError::Malformed),
            "{name}"
        );
    }
}

#[test]
fn the_type_is_at_jwt_and_nothing_else() {
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
        assert_eq!(
            forge.with_header(|h| h["typ"] = json!(typ)),
            Err(TokenError::WrongType),
            "{typ}"
        );
    }
    assert_eq!(
        forge.with_header(|h| drop(h.as_object_mut().unwrap().remove("typ"))),
        Err(TokenError::WrongType)
    );
}

#[test]
fn every_claim_is_required() {
    let forge = Forge::new();
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "sid", "roles", "client_id"] {
        let missing = forge.with_claims(|c| drop(c.as_object_mut().unwrap().remove(name)));
        assert_eq!(missing, Err(TokenError::BadClaims), "{name}");
        assert_eq!(
            forge.with_claims(|c| c[name] = json!(null)),
            Err(TokenError::BadClaims),
            "{name} null"
        );
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
        "no token of ours lives longer than 15 minutes"
    );
    assert_eq!(
        with_exp(json!(now)),
        Err(TokenError::BadClaims),
        "it ends before it begins"
    );
    let aged = |iat: i64, exp: i64| {
        forge.with_claims(|c| {
            c["iat"] = json!(iat);
            c["exp"] = json!(exp);
        })
    };
    assert_eq!(aged(now - 600, now - 4), Ok(()));
    assert_eq!(aged(now - 600, now - 5), Err(TokenError::Expired));
    assert_eq!(aged(now + 5, now + 600), Ok(()));
    assert_eq!(aged(now + 6, now + 600), Err(TokenError::NotYetValid));
    assert_eq!(aged(0, u32::MAX.into()), Err(TokenError::BadClaims));
    let later = |nbf: Value| forge.with_claims(|c| c["nbf"] = nbf);
    assert_eq!(later(json!(now + 6)), Err(TokenError::NotYetValid));
    assert_eq!(later(json!(now + 3600)), Err(TokenError::NotYetValid));
    assert_eq!(later(json!(u64::MAX)), Err(TokenError::NotYetValid));
}

#[test]
fn members_that_come_twice_are_refused() {
    let forge = Forge::new();
    let (header, claims) = (forge.header().to_string(), forge.claims().to_string());
    for name in ["sub", "exp", "roles", "iss", "aud", "sid"] {
        let twice = claims.replacen('{', &format!("{{\"{name}\":{},", forge.claims()[name]), 1);
        assert_eq!(
            forge.verdict(&forge.signed(&header, &twice)),
            Err(TokenError::BadClaims),
            "{name}"
        );
    }
    for name in ["alg", "kid", "typ"] {
        let twice = header.replacen('{', &format!("{{\"{name}\":{},", forge.header()[name]), 1);
        assert_eq!(
            forge.verdict(&forge.signed(&twice, &claims)),
            Err(TokenError::Malformed),
            "{name}"
        );
    }
}

#[test]
fn a_changed_token_is_refused_wherever_it_was_changed() {
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
    assert!(forge.verdict(&padded).is_err(), "one token has one spelling");
}

#[test]
fn garbage_has_an_answer_and_is_never_too_long_to_have_one() {
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
    assert_eq!(
        forge.verdict(&"a".repeat(MAX_TOKEN_BYTES + 1)),
        Err(TokenError::TooLong)
    );
    let padding = "x".repeat(MAX_TOKEN_BYTES);
    assert_eq!(
        forge.with_claims(|c| c["padding"] = json!(padding)),
        Err(TokenError::TooLong),
        "though well signed"
    );
}

#[test]
fn a_key_past_its_end_verifies_nothing() {
    let forge = Forge::new();
    let end = NOW + Duration::from_secs(31 * 24 * 3600);
    let mut claims = forge.claims();
    claims["iat"] = json!(end.unix_timestamp() - 10);
    claims["exp"] = json!(end.unix_timestamp() + 60);
    let token = forge.signed(&forge.header().to_string(), &claims.to_string());
    assert!(forge.tokens.verify(&token, end - Duration::from_secs(1)).is_ok());
    assert_eq!(forge.tokens.verify(&token, end), Err(TokenError::UnknownKey));
}
