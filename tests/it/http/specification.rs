//! The OpenAPI document of extractors and responses, and the page that shows it.

use serde_json::Value;
use watchword::http::docs::page::ScriptedPage;
use watchword::http::problem::ProblemCode;

use super::api::service;

#[test]
fn extractors_and_responses_document_themselves() {
    let document: Value = serde_json::from_str(&service().spec()).unwrap();
    let strict = &document["paths"]["/strict"]["post"];
    assert_eq!(strict["requestBody"]["required"], true);
    let media_types = strict["requestBody"]["content"].as_object().unwrap();
    assert_eq!(media_types.keys().collect::<Vec<_>>(), ["application/json"]);

    let taken = &document["paths"]["/taken"]["get"]["responses"]["409"]["content"];
    assert_eq!(taken["application/problem+json"]["schema"]["$ref"], "#/components/schemas/Problem");

    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Sample"]["required"], serde_json::json!(["email", "password"]));
    assert_eq!(schemas["Sample"]["properties"]["nickname"]["nullable"], true);
    assert_eq!(schemas["ProblemCode"]["enum"].as_array().unwrap().len(), ProblemCode::ALL.len());
    let required = &schemas["Problem"]["required"];
    assert_eq!(*required, serde_json::json!(["type", "title", "status", "code", "detail"]));

    let bearer = &document["components"]["securitySchemes"]["Bearer"];
    assert_eq!(
        (&bearer["type"], &bearer["scheme"], &bearer["bearerFormat"]),
        (&"http".into(), &"bearer".into(), &"JWT".into())
    );
    assert_eq!(document["paths"]["/private"]["get"]["security"], serde_json::json!([{"Bearer": []}]));
    assert_eq!(document["paths"]["/optional"]["get"]["security"], serde_json::json!([{"Bearer": []}, {}]));
}

#[test]
fn problem_codes_have_one_spelling() {
    for code in ProblemCode::ALL {
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
    }
}

#[tokio::test]
async fn the_docs_page_allows_only_its_own_scripts() {
    let reply = ScriptedPage::new(&service().swagger_ui_html()).response();
    let policy = reply.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert_eq!(policy.matches("'sha256-").count(), 2, "{policy}");
    let scripts = policy.split(';').find(|part| part.trim().starts_with("script-src")).unwrap();
    assert!(!scripts.contains("unsafe"), "{scripts}");
    let page = reply.into_body().into_string().await.unwrap();
    for outside in [" src=\"http", " href=\"http", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn the_content_security_policy_has_the_hash_of_each_script() {
    // The hash of `alert(1)` and a line feed, as a browser computes it for any line ending.
    let expected = "'sha256-MaeD7tQk/YNyd6Pm9J12ROmv0Z93QwNN4VH7v3gI+RI='";
    for line_end in ["\n", "\r\n", "\r"] {
        let page = ScriptedPage::new(&format!("<html><script charset=\"UTF-8\">alert(1){line_end}</script></html>"));
        let policy = page.response().headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.ends_with(&format!("script-src {expected}")), "{policy}");
    }
}
