//! Requests per second, measured with `wrk`.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Failure, Outcome};

const SECONDS: &str = "4s";
const CONNECTIONS: &str = "32";

/// Measures a GET with a bearer token.
pub(crate) async fn get(url: &str, token: &str) -> Outcome<f64> {
    let header = format!("Authorization: Bearer {token}");
    run(vec!["-H".to_owned(), header, url.to_owned()]).await
}

/// Measures a POST of a form. The request goes into a script in `directory`.
pub(crate) async fn post_form(url: &str, authorization: &str, form: &str, directory: &Path) -> Outcome<f64> {
    let script = directory.join("post.lua");
    let lines = [
        "wrk.method = \"POST\"".to_owned(),
        format!("wrk.body = {form:?}"),
        "wrk.headers[\"Content-Type\"] = \"application/x-www-form-urlencoded\"".to_owned(),
        format!("wrk.headers[\"Authorization\"] = {authorization:?}"),
    ];
    std::fs::write(&script, lines.join("\n"))?;
    run(vec!["-s".to_owned(), script.display().to_string(), url.to_owned()]).await
}

/// Runs `wrk`. A response without success is an error.
async fn run(arguments: Vec<String>) -> Outcome<f64> {
    let mut command = Command::new("wrk");
    command.args(["-t1", "-c", CONNECTIONS, "-d", SECONDS]).args(arguments);
    let output = tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output()).await?;
    let output = output.map_err(|error| format!("wrk (apt-get install wrk): {error}"))?;
    let text = String::from_utf8(output.stdout)?;
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(text.into());
    }
    let rate = text
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"))
        .ok_or_else(|| Failure::from(text.clone()))?;
    Ok(rate.trim().parse()?)
}
