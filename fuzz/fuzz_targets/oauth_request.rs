//! What a request of an OAuth client brings: HTTP Basic, a bearer token, a form.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use poem::http::HeaderValue;
use poem::http::header::{AUTHORIZATION, CONTENT_TYPE};
use poem::{Body, Request, RequestBody};
use poem_openapi::{ApiExtractor as _, ExtractParamOptions};
use tokio::runtime::Runtime;
use watchword::http::bearer::BearerToken;
use watchword::http::oauth::{ClientCredentials, FormBody, TokenForm, token_of};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().expect("a runtime")
});

fuzz_target!(|data: (&[u8], &[u8])| {
    let (header, body) = data;
    let basic = [b"Basic ".as_slice(), STANDARD.encode(header).as_bytes()].concat();
    let bearer = [b"Bearer ".as_slice(), header].concat();
    for value in [header, &basic, &bearer] {
        let Ok(value) = HeaderValue::from_bytes(value) else {
            continue;
        };
        let mut request = Request::builder().header(CONTENT_TYPE, "application/x-www-form-urlencoded").finish();
        request.headers_mut().insert(AUTHORIZATION, value);
        let mut body = RequestBody::new(Body::from(body.to_vec()));
        RUNTIME.block_on(async {
            let _ = ClientCredentials::from_request(&request, &mut body, ExtractParamOptions::default()).await;
            let token = BearerToken::from_request(&request, &mut body, ExtractParamOptions::default()).await;
            if let Ok(token) = token {
                assert!(!token.as_str().contains(char::is_whitespace));
            }
            let form = FormBody::<TokenForm>::from_request(&request, &mut body, ExtractParamOptions::default()).await;
            if let Ok(fields) = form.and_then(|form| Ok(form.fields()?)) {
                let token = token_of(&fields);
                assert!(token.is_err() || token.is_ok_and(|token| !token.contains(char::is_control)));
            }
        });
    }
});
