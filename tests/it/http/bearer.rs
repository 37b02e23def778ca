//! The bearer token comes from the `Authorization` header; any other form is assert_refused.

use super::api::start;
use super::raw::{Reply, get, request, send};

const MISSING: &str = r#"Bearer realm="watchword""#;
const INVALID: &str = r#"Bearer realm="watchword", error="invalid_token""#;

fn assert_refused(reply: &Reply, code: &str, challenge: &str) {
    assert_eq!((reply.status, &reply.problem()["code"]), (401, &code.into()), "{reply:?}");
    assert_eq!(reply.header("www-authenticate"), [challenge]);
    assert!(!reply.body.contains("canary"));
}

#[tokio::test]
async fn a_well_formed_header_yields_the_token() {
    let app = start().await;
    for value in [
        "Bearer abc.DEF-1_2~3+4/5==",
        "bearer abc.DEF-1_2~3+4/5==",
        "BEARER   abc.DEF-1_2~3+4/5== ",
    ] {
        let reply = request(app.address, "GET", "/base/private", &[("Authorization", value)], b"").await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "abc.DEF-1_2~3+4/5=="), "{value}");
    }
    let optional = get(app.address, "/base/optional").await;
    assert_eq!((optional.status, optional.body.as_str()), (200, "none"));
}

#[tokio::test]
async fn any_other_header_is_refused_with_401() {
    let app = start().await;
    assert_refused(&get(app.address, "/base/private").await, "authentication_required", MISSING);
    let long = format!("Bearer {}", "a".repeat(4097));
    for value in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer   ",
        "Basic canary",
        "Token canary",
        "canary",
        "Bearer ca nary",
        "Bearer canary,",
        "Bearer canary\"",
        "Bearer =",
        "Bearer a=b",
        "Bearercanary",
        "Bearer\tcanary",
        &long,
    ] {
        for path in ["/base/private", "/base/optional"] {
            let reply = request(app.address, "GET", path, &[("Authorization", value)], b"").await;
            assert_refused(&reply, "invalid_token", INVALID);
        }
    }
    let two = [("Authorization", "Bearer a"), ("Authorization", "Bearer b")];
    assert_refused(&request(app.address, "GET", "/base/private", &two, b"").await, "invalid_token", INVALID);
    let mut bytes =
        b"GET /base/private HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer \xff\xfe".to_vec();
    bytes.extend_from_slice(b"\r\n\r\n");
    assert_refused(&send(app.address, &bytes).await, "invalid_token", INVALID);
}
