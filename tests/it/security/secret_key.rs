//! The secret key: accepted values, derived keys, and the key file.

use std::fs;
use std::sync::{Arc, Barrier};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use secrecy::SecretString;
use watchword::domain::random::{Random as _, SystemRandom};
use watchword::security::secret_key_file::SECRET_KEY_FILE;
use watchword::security::{SecretKey, SecretKeyError, SecretKeyLoadError};

use super::support::{Sequence, secret};

fn material() -> [u8; 32] {
    let mut bytes = [0_u8; 32];
    Sequence::new(1).fill(&mut bytes);
    bytes
}

fn from_text(text: &str) -> Result<SecretKey, SecretKeyLoadError> {
    SecretKey::from_base64(&SecretString::from(text))
}

#[test]
fn every_base64_variant_yields_the_same_key() {
    let expected = secret(1).mac("test", b"m").unwrap();
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        let text = format!(" {}\n", engine.encode(material()));
        assert_eq!(from_text(&text).unwrap().mac("test", b"m").unwrap(), expected);
    }
}

#[test]
fn short_guessable_and_unreadable_keys_are_refused() {
    let bytes = |b: &[u8]| SecretKey::from_bytes(b).unwrap_err();
    for refused in [
        "secret",
        "",
        "not base64 at all!",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ] {
        let error = from_text(refused).unwrap_err();
        assert!(matches!(error, SecretKeyLoadError::Refused(_)), "{refused}");
        assert!(error.to_string().contains("openssl rand -base64 32"), "{error}");
    }
    let sentence = STANDARD.encode("a long sentence that somebody typed, 1234!");
    assert!(matches!(from_text(&sentence).unwrap_err(), SecretKeyLoadError::Refused(_)));
    assert!(matches!(bytes(&material()[..31]), SecretKeyLoadError::TooShort(31)));
    assert!(matches!(bytes(&[0; 2000]), SecretKeyLoadError::TooLong(2000)));
    assert!(matches!(bytes(&[0; 32]), SecretKeyLoadError::Guessable));
    assert!(matches!(bytes(&[1, 2, 3, 4, 5, 6, 7, 8].repeat(4)), SecretKeyLoadError::Guessable));
    assert!(matches!(
        bytes(b"a long sentence that somebody typed, 1234!"),
        SecretKeyLoadError::Guessable
    ));
    let typed = "correcthorsebatterystaplecorrecthorsebatterystap";
    assert!(matches!(from_text(typed).unwrap_err(), SecretKeyLoadError::Refused(_)));
    assert!(matches!(from_text(&typed.to_uppercase()).unwrap_err(), SecretKeyLoadError::Refused(_)));
    for _ in 0..2_000 {
        let mut random = [0_u8; 32];
        SystemRandom::default().fill(&mut random);
        from_text(&STANDARD.encode(random)).unwrap();
    }
}

#[test]
fn keys_differ_by_label_by_use_and_by_secret() {
    let (one, two) = (secret(1), secret(2));
    let mac = one.mac("a", b"m").unwrap();
    assert_ne!(mac, one.mac("b", b"m").unwrap());
    assert_ne!(mac, two.mac("a", b"m").unwrap());
    let key = one.mac_key("a").unwrap();
    assert!(key.verify(b"m", &mac));
    assert!(!key.verify(b"n", &mac) && !key.verify(b"m", &mac[..31]) && !key.verify(b"m", &[]));
}

#[test]
fn sealed_data_opens_only_with_its_key_and_context() {
    let (key, random) = (secret(1), Sequence::new(100));
    let sealed = key.seal("keys", b"row-1", b"the plain text", &random).unwrap();
    assert_eq!(*key.open("keys", b"row-1", &sealed).unwrap(), b"the plain text");
    assert!(!sealed.windows(5).any(|w| w == b"plain"));
    assert_ne!(
        sealed,
        key.seal("keys", b"row-1", b"the plain text", &random).unwrap(),
        "each seal has a new nonce"
    );

    let refused = |key: &SecretKey, label, context: &[u8], sealed: &[u8]| {
        assert!(matches!(key.open(label, context, sealed), Err(SecretKeyError::CannotOpen)));
    };
    refused(&secret(2), "keys", b"row-1", &sealed);
    refused(&key, "other", b"row-1", &sealed);
    refused(&key, "keys", b"row-2", &sealed);
    for position in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[position] ^= 1;
        refused(&key, "keys", b"row-1", &changed);
        refused(&key, "keys", b"row-1", &sealed[..position]);
    }
}

#[test]
fn an_identifier_hash_is_stable_and_keyed() {
    let hash = secret(1).identifier_hash("nobody@example.com");
    assert_eq!(hash, secret(1).identifier_hash("nobody@example.com"));
    assert_ne!(hash, secret(1).identifier_hash("somebody@example.com"));
    assert_ne!(hash, secret(2).identifier_hash("nobody@example.com"));
}

#[test]
fn debug_shows_nothing() {
    assert_eq!(format!("{:?}", secret(1)), "SecretKey([redacted])");
    let error = from_text("bXkgc2VjcmV0IHZhbHVl").unwrap_err();
    assert!(!format!("{error:?} {error}").contains("bXkg"));
}

#[test]
fn the_key_file_is_private_created_once_and_reused() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let first = SecretKey::load_or_create(&dir, &SystemRandom::default()).unwrap();
    let text = fs::read_to_string(dir.join(SECRET_KEY_FILE)).unwrap();
    let second = SecretKey::load_or_create(&dir, &SystemRandom::default()).unwrap();
    assert_eq!(first.mac("t", b"m").unwrap(), second.mac("t", b"m").unwrap());
    assert_eq!(from_text(&text).unwrap().mac("t", b"m").unwrap(), first.mac("t", b"m").unwrap());
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no other file is left");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(dir.join(SECRET_KEY_FILE)).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn instances_that_start_together_agree_on_one_key() {
    for _ in 0..20 {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let barrier = Arc::new(Barrier::new(8));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (dir, barrier) = (Arc::clone(&dir), Arc::clone(&barrier));
                thread::spawn(move || {
                    barrier.wait();
                    SecretKey::load_or_create(dir.path(), &SystemRandom::default())
                        .unwrap()
                        .mac("t", b"m")
                        .unwrap()
                })
            })
            .collect();
        let macs: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        assert!(macs.iter().all(|mac| *mac == macs[0]));
    }
}

#[test]
fn a_damaged_key_file_is_reported_and_never_replaced() {
    for content in ["", "secret", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(SECRET_KEY_FILE);
        fs::write(&file, content).unwrap();
        SecretKey::load_or_create(dir.path(), &SystemRandom::default()).unwrap_err();
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
    }
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join(SECRET_KEY_FILE)).unwrap();
    let error = SecretKey::load_or_create(dir.path(), &SystemRandom::default()).unwrap_err();
    assert!(matches!(error, SecretKeyLoadError::File { action: "read", .. }));
}
