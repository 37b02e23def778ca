//! The pages about the problems: this installation's copy of what their `type` names.

use std::fmt::Write as _;

use poem::http::StatusCode;
use poem::web::Path;
use poem::{Response, Route, get, handler};

use super::{Problem, ProblemCode};

/// Serve an index of all problems at `/` and one page per code at `/:code`, to be nested at
/// `/problems`.
#[must_use]
pub fn pages() -> Route {
    Route::new().at("/", get(index)).at("/:code", get(page))
}

#[handler]
fn index() -> Response {
    let mut list = String::from("<h1>Problems</h1><dl>");
    for code in ProblemCode::ALL {
        describe(&mut list, *code);
    }
    list.push_str("</dl>");
    html(&list)
}

#[handler]
fn page(Path(name): Path<String>) -> Result<Response, Problem> {
    let code = ProblemCode::ALL.iter().find(|code| code.as_str() == name).ok_or(ProblemCode::NotFound)?;
    let mut entry = String::from("<dl>");
    describe(&mut entry, *code);
    entry.push_str("</dl>");
    Ok(html(&entry))
}

fn describe(out: &mut String, code: ProblemCode) {
    let explanation = code.explanation().replace('<', "&lt;").replace('>', "&gt;");
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "<dt id=\"{name}\"><code>{name}</code> · {status}</dt><dd><strong>{title}.</strong> {explanation}</dd>",
        name = code.as_str(),
        status = code.status().as_u16(),
        title = code.title(),
    );
}

fn html(body: &str) -> Response {
    Response::builder()
        .status(StatusCode::OK)
        .content_type("text/html; charset=utf-8")
        .body(format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Watchword problems</title>{body}</html>"
        ))
}
