//! Search for texts in every encoding.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The number of bytes that the index compares. Shorter needles could match by chance.
const HEAD: usize = 8;

/// The encodings of many texts, for a search in one pass.
#[derive(Default)]
pub(super) struct Needles {
    by_head: HashMap<[u8; HEAD], Vec<(Vec<u8>, usize)>>,
}

impl Needles {
    /// Add every encoding of `text` under `number`.
    pub(super) fn add(&mut self, text: &[u8], number: usize) {
        for needle in encodings(text) {
            let head = needle.first_chunk::<HEAD>().expect("a secret is long enough");
            self.by_head.entry(*head).or_default().push((needle, number));
        }
    }

    /// The number and offset of every text in `haystack`.
    pub(super) fn search(&self, haystack: &[u8]) -> Vec<(usize, usize)> {
        let windows = haystack.windows(HEAD).enumerate();
        let hits = windows.flat_map(|(at, window)| {
            let head: [u8; HEAD] = window.try_into().expect("a window's length");
            let candidates = self.by_head.get(&head).into_iter().flatten();
            candidates
                .filter(move |(needle, _)| haystack[at..].starts_with(needle))
                .map(move |(_, number)| (*number, at))
        });
        hits.collect()
    }
}

fn encodings(text: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![text.to_vec(), hex(text, false), hex(text, true)];
    for before in 0..3 {
        all.push(base64(&STANDARD_NO_PAD, text, before));
        all.push(base64(&URL_SAFE_NO_PAD, text, before));
    }
    all.push(percent(text, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)));
    all.push(percent(text, |_| false));
    all.push(percent(text, |_| false).to_ascii_lowercase());
    if let Ok(text) = std::str::from_utf8(text) {
        let json = serde_json::to_string(text).expect("JSON");
        all.push(json.trim_matches('"').as_bytes().to_vec());
    }
    all.sort();
    all.dedup();
    all
}

fn hex(text: &[u8], upper: bool) -> Vec<u8> {
    let digits = |byte: &u8| {
        if upper {
            format!("{byte:02X}")
        } else {
            format!("{byte:02x}")
        }
    };
    text.iter().map(digits).collect::<String>().into_bytes()
}

/// The base64 digits of `text` after `before` other bytes, without the digits that depend on its
/// neighbors.
fn base64(engine: &impl base64::Engine, text: &[u8], before: usize) -> Vec<u8> {
    let padded = [&vec![0; before][..], text].concat();
    let digits = engine.encode(&padded);
    let first = (before * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    digits.as_bytes()[first..last].to_vec()
}

fn percent(text: &[u8], keep: impl Fn(u8) -> bool) -> Vec<u8> {
    let encode = |byte: &u8| match keep(*byte) {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.iter().map(encode).collect::<String>().into_bytes()
}

#[test]
fn a_secret_is_found_in_every_encoding_at_every_offset() {
    let secret = "s\u{e4}cret/+&\"1234567890".as_bytes();
    let mut needles = Needles::default();
    needles.add(secret, 7);
    for before in 0..7 {
        let plain = [&b"noise-.\"x"[..before], secret, b"}\n"].concat();
        for line in [
            plain.clone(),
            hex(&plain, false),
            hex(&plain, true),
            STANDARD_NO_PAD.encode(&plain).into_bytes(),
            URL_SAFE_NO_PAD.encode(&plain).into_bytes(),
            percent(&plain, |byte| byte.is_ascii_alphanumeric()),
            percent(&plain, |_| false),
            serde_json::to_vec(std::str::from_utf8(&plain).expect("text")).expect("JSON"),
        ] {
            let line = [b"before ", &line[..], b" after"].concat();
            let found: Vec<usize> = needles.search(&line).into_iter().map(|(number, _)| number).collect();
            assert!(found.contains(&7), "{before}: {}", String::from_utf8_lossy(&line));
        }
    }
    assert!(needles.search("s\u{e4}cret/+&\"123456789x".as_bytes()).is_empty());
}
