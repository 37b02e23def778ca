//! Refresh tokens.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;
use watchword::domain::ids::SessionId;
use watchword::domain::text::prefixes::REFRESH_TOKEN_PREFIX;
use watchword::security::refresh_token::REFRESH_TOKEN_LEN;
use watchword::security::{RefreshTokens, TokenError};

use super::support::{secret, session, text};

#[test]
fn an_issued_token_is_parsed_back() {
    let tokens = RefreshTokens::new(&secret(1)).unwrap();
    for generation in [0, 1, 2, 255, 256, i64::MAX] {
        let token = text(&tokens.mint(session(), generation));
        assert_eq!(token.len(), REFRESH_TOKEN_LEN);
        assert!(token.starts_with(REFRESH_TOKEN_PREFIX));
        let claim = tokens.parse(&token).unwrap();
        assert_eq!((claim.session_id, claim.generation), (session(), generation));
    }
}

#[test]
fn a_generation_yields_the_same_token_on_every_instance() {
    let (here, there) = (RefreshTokens::new(&secret(1)).unwrap(), RefreshTokens::new(&secret(1)).unwrap());
    assert_eq!(text(&here.mint(session(), 7)), text(&there.mint(session(), 7)));
    let mut seen = HashSet::new();
    for id in 0..32_u128 {
        for generation in 0..32 {
            assert!(seen.insert(text(&here.mint(SessionId::from(Uuid::from_u128(id)), generation))));
        }
    }
}

#[test]
fn a_token_under_another_secret_key_is_refused() {
    let token = text(&RefreshTokens::new(&secret(1)).unwrap().mint(session(), 1));
    assert_eq!(RefreshTokens::new(&secret(2)).unwrap().parse(&token), Err(TokenError::BadSignature));
}

#[test]
fn changing_any_bit_invalidates_a_token() {
    let tokens = RefreshTokens::new(&secret(1)).unwrap();
    let token = text(&tokens.mint(session(), 1));
    let bytes = URL_SAFE_NO_PAD.decode(&token[4..]).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let changed = format!("wrt_{}", URL_SAFE_NO_PAD.encode(changed));
        assert_eq!(tokens.parse(&changed), Err(TokenError::BadSignature), "bit {bit}");
    }
}

#[test]
fn a_token_has_one_encoding() {
    let tokens = RefreshTokens::new(&secret(1)).unwrap();
    let token = text(&tokens.mint(session(), 1));
    let body = &token[4..];
    // 56 bytes leave two unused bits in the last character. The three other values decode to the
    // same bytes.
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.iter().position(|c| *c == token.as_bytes()[token.len() - 1]).unwrap();
    for unused in 1..4 {
        let twin = format!("{}{}", &token[..token.len() - 1], char::from(alphabet[last + unused]));
        assert_eq!(tokens.parse(&twin), Err(TokenError::Malformed));
    }
    let refused = [
        String::new(),
        "wrt_".to_owned(),
        body.to_owned(),
        format!("WRT_{body}"),
        format!("wrt_{}", URL_SAFE_NO_PAD.encode([7; 55])),
        format!("wrt_{}", URL_SAFE_NO_PAD.encode([7; 23])),
        format!("wrt-{body}"),
        format!("wrt_{}", &body[1..]),
        format!("wrt_{}", &body[..body.len() - 1]),
        format!("wrt_{}+", &body[..body.len() - 1]),
        format!("wrt_{} ", &body[..body.len() - 1]),
        format!("wrt_{}é", &body[..body.len() - 2]),
    ];
    for text in refused {
        assert_eq!(tokens.parse(&text), Err(TokenError::Malformed), "{text}");
    }
    for text in [
        format!("{token}="),
        format!("{token}A"),
        format!(" {token}"),
        "x".repeat(100_000),
    ] {
        assert_eq!(tokens.parse(&text), Err(TokenError::TooLong));
    }
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(
        format!("{:?}", RefreshTokens::new(&secret(1)).unwrap()),
        "RefreshTokens { key: MacKey([redacted]) }"
    );
    assert!(!format!("{:?}", RefreshTokens::new(&secret(1)).unwrap().mint(session(), 1)).contains("wrt_"));
}
