//! Refresh tokens: one that is read is the one that was made, letter by letter.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use secrecy::ExposeSecret as _;
use uuid::Uuid;
use watchword::domain::ids::SessionId;
use watchword::security::{LoginChallenges, RefreshTokens, SecretKey};

static KEYS: LazyLock<(RefreshTokens, LoginChallenges)> = LazyLock::new(|| {
    let bytes: [u8; 32] = std::array::from_fn(|at| 101_u8.wrapping_mul(u8::try_from(at).unwrap_or_default()) ^ 0x5a);
    let secret = SecretKey::from_bytes(&bytes).expect("a key");
    (
        RefreshTokens::new(&secret).expect("tokens"),
        LoginChallenges::new(&secret).expect("challenges"),
    )
});

fuzz_target!(|data: (&[u8], u128, i64)| {
    let (bytes, id, generation) = data;
    let (tokens, challenges) = &*KEYS;
    let text = String::from_utf8_lossy(bytes);
    let prefixed = format!("wrt_{}", URL_SAFE_NO_PAD.encode(bytes));
    for token in [text.as_ref(), prefixed.as_str()] {
        assert!(tokens.parse(token).is_err(), "{token}");
        assert!(challenges.parse(token).is_none(), "{token}");
    }
    let session = SessionId::from(Uuid::from_u128(id));
    let made = tokens.mint(session, generation);
    let claim = tokens.parse(made.expose_secret());
    assert_eq!(claim.is_ok(), generation >= 0);
    if let Ok(claim) = claim {
        assert_eq!((claim.session_id, claim.generation), (session, generation));
    }
});
