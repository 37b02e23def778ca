//! The password policy: common passwords, words of the account, length.

use watchword::domain::password::{Password, PasswordPolicy};

/// Common passwords of eight characters or more, among the first three thousand such passwords of
/// zxcvbn's list.
const COMMON: [&str; 41] = [
    "password",
    "12345678",
    "123456789",
    "baseball",
    "football",
    "qwertyuiop",
    "1234567890",
    "superman",
    "1qaz2wsx",
    "trustno1",
    "sunshine",
    "iloveyou",
    "starwars",
    "computer",
    "princess",
    "11111111",
    "corvette",
    "1234qwer",
    "internet",
    "samantha",
    "q1w2e3r4t5",
    "whatever",
    "mercedes",
    "steelers",
    "q1w2e3r4",
    "qwer1234",
    "hardcore",
    "midnight",
    "bigdaddy",
    "marlboro",
    "password1",
    "1q2w3e4r",
    "jennifer",
    "michelle",
    "chocolate",
    "butterfly",
    "alphaman",
    "greyhoun",
    "carefree",
    "federica",
    "johndeere",
];

fn is_refused(password: &str, user_inputs: &[&str]) -> bool {
    let parsed = Password::parse(password).expect("a password");
    PasswordPolicy { min_length: 8 }.check(&parsed, user_inputs).is_err()
}

#[test]
fn common_passwords_are_refused_in_any_case() {
    let accepted: Vec<&str> = COMMON.into_iter().filter(|password| !is_refused(password, &[])).collect();
    assert_eq!(accepted, [""; 0]);
    for variant in ["Password", "PASSWORD", "p@ssw0rd", "Football"] {
        assert!(is_refused(variant, &[]), "{variant}");
    }
}

#[test]
fn words_of_the_account_are_refused_as_a_password() {
    let user_inputs = [
        "augusta.byron@example.com",
        "augusta.byron",
        "Augusta Ada Byron",
        "auth-service",
    ];
    for word in [
        "augustabyron",
        "augusta.byron",
        "AugustaByron",
        "Augusta Ada Byron",
        "auth-service",
        "authservice",
    ] {
        assert!(is_refused(word, &user_inputs), "{word}");
    }
    assert!(!is_refused("augustabyron", &[]), "another user may use it");
}

#[test]
fn length_and_form_are_counted_in_characters_after_composition() {
    assert!(is_refused("sieben7", &[]) && Password::parse(&"x".repeat(129)).is_err());
    let (composed, decomposed) = ("caf\u{e9} am See", "cafe\u{301} am See");
    let bytes = |text: &str| Password::parse(text).expect("a password").expose_bytes().to_vec();
    assert_eq!(bytes(composed), bytes(decomposed));
    // Seven characters, although the text has eight code points.
    assert!(is_refused("k\u{e9}wmzqv", &[]) && is_refused("ke\u{301}wmzqv", &[]));
    assert!(Password::parse(&"e\u{301}".repeat(128)).is_ok(), "128 characters");
}
