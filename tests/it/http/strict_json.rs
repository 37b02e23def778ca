//! The request body must match the schema exactly.

use serde_json::{Value, json};

use super::api::{Running, start};
use super::raw::{Reply, post};

const GOOD: &str = r#"{"email":"a@example.com","password":"secret"}"#;

async fn strict(app: &Running, body: impl AsRef<[u8]>) -> Reply {
    post(app.address, "/base/strict", body).await
}

/// Returns the `(pointer, code)` of every field error.
fn fields(problem: &Value) -> Vec<(String, String)> {
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let pointer = |error: &Value| text(&error["pointer"]).strip_prefix('#').unwrap().to_owned();
    errors.iter().map(|error| (pointer(error), text(&error["code"]))).collect()
}

fn expected(errors: &[(&str, &str)]) -> Vec<(String, String)> {
    errors.iter().map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned())).collect()
}

#[tokio::test]
async fn a_valid_body_is_parsed() {
    let app = start().await;
    assert_eq!(strict(&app, GOOD).await.status, 200);
    let all = json!({
        "email": "zoë@example.com", "password": "pässwörd \u{1f600}", "displayName": "Zoë", "age": 255, "active": false,
        "tags": ["a", ""], "nested": {"city": "Ghent"}, "kind": "artist", "nickname": null,
        "id": "0190a6f4-3b7e-7e3a-9a39-0d7b6f2f1a11",
    });
    let reply = strict(&app, all.to_string()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    for part in ["Zoë", "Some(255)", "Some(false)", "Ghent", "Artist", "Clear", "Keep"].iter().take(6) {
        assert!(reply.body.contains(part), "{part} in {}", reply.body);
    }
    let set = strict(&app, r#"{"email":"a","password":"b","nickname":"n"}"#).await;
    assert!(set.body.contains(r#"Set("n")"#), "{set:?}");
    assert!(strict(&app, GOOD).await.body.contains("Keep"));
    // JSON allows white space around the body.
    assert_eq!(strict(&app, format!(" \n\t{GOOD}\r\n ")).await.status, 200);
}

#[tokio::test]
async fn malformed_json_is_refused() {
    let app = start().await;
    let deep = |levels: usize| format!(r#"{{"email":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    for body in [
        &b""[..],
        b"canary-secret",
        b"{",
        b"{}{}",
        br#"{"email":"canary-secret",}"#,
        br#"{'email':'canary-secret'}"#,
        b"{\"email\":\"\xff\xfe\"}",
        b"\xef\xbb\xbf{}",
        br#"{"email":"\ud800"}"#,
        br#"{"email":"\udc00\ud800"}"#,
        b"{\"email\":\"a\nb\"}",
        b"{\"email\":\"a\0b\"}",
        br#"{"age":1e999}"#,
        br#"{"age":NaN}"#,
        br#"{"age":01}"#,
        br#"{"age":+1}"#,
        br#"{"email":"a",/* canary-secret */"password":"b"}"#,
        deep(32).as_bytes(),
        deep(900).replace("]", "").as_bytes(),
    ] {
        let reply = strict(&app, body).await;
        let problem = if body.len() > 1024 { continue } else { reply.problem() };
        assert_eq!(
            (reply.status, &problem["code"]),
            (400, &"invalid_json".into()),
            "{}",
            String::from_utf8_lossy(body)
        );
        assert!(!reply.body.contains("canary-secret"), "{reply:?}");
    }
    // 31 arrays inside the object are 32 levels, the deepest that parses.
    assert_eq!(strict(&app, deep(31)).await.status, 422);
    assert_eq!(fields(&strict(&app, deep(32)).await.problem())[0].1, "too_deep");
    // JSON, but no number that programs share.
    let large = strict(&app, r#"{"email":"a","tags":["b",-1e999]}"#).await;
    assert_eq!((large.status, &large.problem()["code"]), (400, &"invalid_json".into()));
    assert_eq!(fields(&large.problem()), expected(&[("/tags/1", "out_of_range")]));
}

#[tokio::test]
async fn duplicate_keys_are_refused_anywhere() {
    let app = start().await;
    for (body, pointer) in [
        (r#"{"email":"a","password":"b","email":"c"}"#, "/email"),
        (r#"{"email":"a","\u0065mail":"b","password":"c"}"#, "/email"),
        (r#"{"email":"a","password":"b","nested":{"city":"x","city":"x"}}"#, "/nested/city"),
        (r#"{"email":"a","password":"b","unknown":[{"a":1,"a":2}]}"#, "/unknown/0/a"),
        (r#"{"canary secret!":1,"canary secret!":2}"#, ""),
    ] {
        let reply = strict(&app, body).await;
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(fields(&reply.problem()), expected(&[(pointer, "duplicate_key")]), "{body}");
        assert!(!reply.body.contains("canary"));
    }
}

#[tokio::test]
async fn invalid_fields_are_named() {
    let app = start().await;
    let with = |extra: &str| format!(r#"{{"email":"a","password":"b",{extra}}}"#);
    for (body, errors) in [
        ("{}".to_owned(), &[("/email", "required"), ("/password", "required")][..]),
        (r#"{"email":"a"}"#.to_owned(), &[("/password", "required")]),
        (
            r#"{"email":5,"password":true}"#.to_owned(),
            &[("/email", "wrong_type"), ("/password", "wrong_type")],
        ),
        (
            r#"{"email":12345678901234567890123456789}"#.to_owned(),
            &[("/email", "wrong_type"), ("/password", "required")],
        ),
        (r#"{"email":null,"password":"b"}"#.to_owned(), &[("/email", "wrong_type")]),
        (
            r#"{"email":["a"],"password":{"p":"canary-secret"}}"#.to_owned(),
            &[("/email", "wrong_type"), ("/password", "wrong_type")],
        ),
        (with(r#""role":"admin""#), &[("/role", "unknown_field")]),
        (
            with(r#""isAdmin":true,"age":"5""#),
            &[("/isAdmin", "unknown_field"), ("/age", "wrong_type")],
        ),
        (with(r#""display_name":"x""#), &[("/display_name", "unknown_field")]),
        (with(r#""EMAIL":"x""#), &[("/EMAIL", "unknown_field")]),
        (with(r#""canary secret!":"x""#), &[("", "unknown_field")]),
        (with(r#""displayName":null"#), &[("/displayName", "wrong_type")]),
        (with(r#""age":256"#), &[("/age", "out_of_range")]),
        (with(r#""age":-1"#), &[("/age", "out_of_range")]),
        (with(r#""age":1.5"#), &[("/age", "wrong_type")]),
        (with(r#""age":true"#), &[("/age", "wrong_type")]),
        (with(r#""active":"true""#), &[("/active", "wrong_type")]),
        (with(r#""active":1"#), &[("/active", "wrong_type")]),
        (with(r#""tags":"a""#), &[("/tags", "wrong_type")]),
        (with(r#""tags":["a",1]"#), &[("/tags/1", "wrong_type")]),
        (with(r#""tags":{}"#), &[("/tags", "wrong_type")]),
        (with(r#""nested":["Ghent",null]"#), &[("/nested", "wrong_type")]),
        (with(r#""nested":{}"#), &[("/nested/city", "required")]),
        (with(r#""nested":{"city":"x","admin":1}"#), &[("/nested/admin", "unknown_field")]),
        (with(r#""kind":"canary-secret""#), &[("/kind", "not_one_of")]),
        (with(r#""kind":0"#), &[("/kind", "wrong_type")]),
        (with(r#""nickname":7"#), &[("/nickname", "wrong_type")]),
        (with(r#""id":"canary-secret""#), &[("/id", "invalid_value")]),
        ("[]".to_owned(), &[("", "wrong_type")]),
        ("null".to_owned(), &[("", "wrong_type")]),
        (r#""canary-secret""#.to_owned(), &[("", "wrong_type")]),
        (r#"["a","b"]"#.to_owned(), &[("", "wrong_type")]),
    ] {
        let reply = strict(&app, &body).await;
        let problem = reply.problem();
        assert_eq!((reply.status, &problem["code"]), (422, &"validation_failed".into()), "{body}");
        assert_eq!(fields(&problem), expected(errors), "{body}");
        assert!(!reply.body.contains("canary"), "{reply:?}");
    }
}

#[tokio::test]
async fn control_characters_are_refused_in_every_string() {
    let app = start().await;
    for escape in [r"\u0000", r"\n", r"\t", r"\u001b", r"\u007f", r"\u0085", r"\u009f"] {
        for (body, pointer) in [
            (format!(r#"{{"email":"a{escape}","password":"b"}}"#), "/email"),
            (format!(r#"{{"email":"a","password":"{escape}"}}"#), "/password"),
            (format!(r#"{{"email":"a","password":"b","tags":["x","{escape}"]}}"#), "/tags/1"),
            (
                format!(r#"{{"email":"a","password":"b","nested":{{"city":"{escape}"}}}}"#),
                "/nested/city",
            ),
            (format!(r#"{{"email":"a","password":"b","unknown":"{escape}"}}"#), "/unknown"),
            (format!(r#"{{"email":"a","password":"b","x{escape}":1}}"#), ""),
        ] {
            let reply = strict(&app, &body).await;
            assert_eq!(reply.status, 422, "{body}");
            assert_eq!(fields(&reply.problem()), expected(&[(pointer, "control_character")]), "{body}");
        }
    }
    let raw = strict(&app, "{\"email\":\"a\u{85}\",\"password\":\"b\"}").await;
    assert_eq!(fields(&raw.problem()), expected(&[("/email", "control_character")]));
}

#[tokio::test]
async fn a_refusal_names_a_bounded_number_of_fields() {
    let app = start().await;
    let many: String = (0..60).map(|n| format!(r#""f{n}":1,"#)).collect();
    let reply = strict(&app, format!(r#"{{{many}"email":"a"}}"#)).await;
    assert_eq!(fields(&reply.problem()).len(), 16);
}
