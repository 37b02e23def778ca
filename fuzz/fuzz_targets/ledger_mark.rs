//! The header `Watchword-Ledger`: only a mark that this installation made is one.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use uuid::Uuid;
use watchword::security::{LedgerMarks, LedgerPlace, SecretKey};

static MARKS: LazyLock<LedgerMarks> = LazyLock::new(|| {
    let bytes: [u8; 32] = std::array::from_fn(|at| 101_u8.wrapping_mul(u8::try_from(at).unwrap_or_default()) ^ 0x5a);
    LedgerMarks::new(&SecretKey::from_bytes(&bytes).expect("a key")).expect("marks")
});

fuzz_target!(|data: (&str, i64, &[u8])| {
    let (text, seq, body) = data;
    assert!(MARKS.read(text, "id", body).is_none(), "{text}");
    if let Some(claimed) = LedgerMarks::claimed(text) {
        let made = MARKS.make(claimed, "id", body);
        assert_eq!(LedgerMarks::claimed(&made), Some(claimed));
    }
    let place = LedgerPlace { ledger: Uuid::from_u128(7), seq: seq.into() };
    let made = MARKS.make(place, text, body);
    if seq >= 0 {
        assert_eq!(MARKS.read(&made, text, body), Some(place));
    }
    assert!(MARKS.read(&format!("{made}{text}"), text, body).is_none() || text.is_empty());
});
