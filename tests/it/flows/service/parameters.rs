//! Malformed parameters: each error names the parameter as the OpenAPI document does.

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::flow_tests;

flow_tests! {
    a_malformed_part_of_a_path_is_named,
}

/// Neither the id of anything nor the name of a role. The last two are UUIDs in other spellings: a
/// resource has one address.
const MALFORMED: [&str; 5] = [
    "x!",
    "%00",
    "%zz",
    "01a2031ecd407b219f0d3a7e5c8d1b02",
    "%7B01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02%7D",
];

fn fields(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("an object")
}

/// Fill `{name}` with `text`, and the other parameters with what they can be.
fn fill(path: &str, name: &str, text: &str) -> String {
    path.replace(&format!("{{{name}}}"), text)
        .replace("{id}", "01a2031e-cd40-7b21-9f0d-3a7e5c8d1b02")
        .replace("{role}", "artist")
}

async fn a_malformed_part_of_a_path_is_named(backend: Backend) {
    let app = TestApp::spawn(backend).await;
    let admin = app.admin().await.access;
    let document = app.get("/openapi.json").await.expect_status(200).json;
    let mut tried = Vec::new();
    for (path, operations) in fields(&document["paths"]) {
        for (method, operation) in fields(operations) {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            for parameter in parameters.filter(|parameter| parameter["in"] == "path") {
                let name = parameter["name"].as_str().expect("a name");
                let method: Method = method.to_uppercase().parse().expect("a method");
                for malformed in MALFORMED {
                    let path = fill(path, name, malformed);
                    let answer = app.send_as(&admin, method.clone(), &path, &json!({})).await;
                    let answer = answer.expect_problem(400, "invalid_parameter");
                    assert_eq!(answer.str("/errors/0/parameter"), name, "{method} {path}: {}", answer.text);
                }
                tried.push(name.to_owned());
            }
        }
    }
    let no_text = app.get_as(&admin, "/users/%ff").await.expect_problem(400, "bad_request");
    assert_eq!(no_text.str("/detail"), "The path is not UTF-8.");
    assert!(tried.len() >= 15 && tried.contains(&"role".to_owned()), "{tried:?}");
    app.finish().await;
}
