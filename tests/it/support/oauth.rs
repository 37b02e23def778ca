//! The client of `/oauth/introspect` and `/oauth/revoke` that every test application knows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, RequestBuilder};
use url::form_urlencoded;
use watchword::config::OauthClient;

use super::http::{Answer, Http};

/// The client id.
pub(crate) const CLIENT: &str = "gateway";
/// The client secret.
pub(crate) const SECRET: &str = "wcs_rZ0ibS-9czCvDifCPYImzpxDQ20pidr3khxZCvW9PCQ";
/// The hash of the client secret.
pub(crate) const SECRET_HASH: &str = "sha256:0f9f58cb075d261120536a33e8f33ae3afedfaf4cd44268bf179572bed6c50ce";

/// Returns the configured client.
pub(crate) fn client() -> OauthClient {
    OauthClient { id: CLIENT.to_owned(), secret_hash: SECRET_HASH.into() }
}

/// Returns the value of a Basic `Authorization` header.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// Encodes a form.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Builds a POST of a form, without credentials.
pub(crate) fn post_form(http: &Http, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
    http.request(Method::POST, path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form(fields))
}

/// Builds a POST of a form, with the client's credentials.
pub(crate) fn as_client(http: &Http, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
    post_form(http, path, fields).header("authorization", basic(CLIENT, SECRET))
}

/// Introspects a token as the client.
pub(crate) async fn introspect(http: &Http, token: &str) -> Answer {
    http.send(as_client(http, "/oauth/introspect", &[("token", token)]))
        .await
        .expect_status(200)
}

/// Revokes a token as the client.
pub(crate) async fn revoke(http: &Http, token: &str) -> Answer {
    http.send(as_client(http, "/oauth/revoke", &[("token", token)])).await
}

/// Returns invalid variants of a valid access token, by name.
pub(crate) fn forgeries(good: &str) -> Vec<(&'static str, String)> {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let parts: Vec<&str> = good.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else {
        panic!("not a JWT");
    };
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let decode = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("UTF-8");
    let kid: serde_json::Value = serde_json::from_str(&decode(header)).expect("JSON");
    let kid = kid.get("kid").and_then(|kid| kid.as_str()).expect("a kid");
    let with_alg = |alg: &str| encode(&format!(r#"{{"typ":"at+jwt","alg":"{alg}","kid":"{kid}"}}"#));
    let admin = encode(&decode(claims).replace(r#"["user"]"#, r#"["user","admin"]"#));
    assert_ne!(admin, *claims, "the claims must contain the role");
    let mut flipped = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    *flipped.first_mut().expect("a signature") ^= 1;
    vec![
        ("no signature, alg none", format!("{}.{claims}.", with_alg("none"))),
        ("alg None with a signature", format!("{}.{claims}.{signature}", with_alg("None"))),
        ("alg HS256", format!("{}.{claims}.{signature}", with_alg("HS256"))),
        ("changed claims", format!("{header}.{admin}.{signature}")),
        ("changed signature", format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(flipped))),
        ("no signature", format!("{header}.{claims}.")),
        ("cut in half", good.get(..good.len() / 2).expect("ASCII").to_owned()),
        ("a word", "not-a-token".to_owned()),
        (
            "a refresh token of no session",
            "wrt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        ),
    ]
}
