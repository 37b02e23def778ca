//! The catalogue as one HTML page that loads nothing else: its style and script are inline.

mod event;
mod stream;
mod text;

use std::fmt::Write as _;

use watchword_events::CATALOGUE;
use watchword_events::headers::{self, Presence};

use self::text::{escape, prose};
use crate::deployment::Deployment;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

const MARK: &str = "<svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M4 5h16M4 12h10M4 19h13\"/>\
                    <circle cx=\"19\" cy=\"12\" r=\"2.4\"/></svg>";

/// Returns the page of a deployment.
#[must_use]
pub fn page(deployment: &Deployment) -> String {
    let sections: String = CATALOGUE.iter().map(|event| event::section(event, deployment)).collect();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Auth events · {service}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{STYLE}</style></head><body>\
         {nav}<main>{intro}{stream}{headers}{sections}</main><script>{SCRIPT}</script></body></html>",
        service = escape(&deployment.service),
        nav = navigation(),
        intro = introduction(deployment),
        stream = stream::section(deployment),
        headers = header_table(),
    )
}

fn navigation() -> String {
    let mut out = format!(
        "<nav><a class=\"brand\" href=\"#top\">{MARK}Auth events</a>\
         <input type=\"search\" placeholder=\"Filter events\" aria-label=\"Filter events\">\
         <ul><li><a href=\"#stream\">The stream</a></li><li><a href=\"#headers\">Headers</a></li></ul>\
         <h2>Events</h2><ul data-events>"
    );
    for event in CATALOGUE {
        // Writing to a String cannot fail.
        let _ = write!(out, "<li><a href=\"#{name}\">{name}</a></li>", name = event.name);
    }
    out + "</ul></nav>"
}

fn introduction(deployment: &Deployment) -> String {
    format!(
        "<header id=\"top\"><h1>Auth events</h1><p class=\"lead\">{count} events of <code>{service}</code> in \
         <code>{environment}</code>. Each is recorded in the transaction that changes the state, and published to JetStream: \
         at least once, always with the same id, and in order for each user.</p><p class=\"links\"><a href=\"asyncapi.json\">AsyncAPI 3.0</a>\
         <a href=\"openapi.json\">OpenAPI</a></p></header>",
        count = CATALOGUE.len(),
        service = escape(&deployment.service),
        environment = escape(&deployment.environment),
    )
}

fn header_table() -> String {
    let rows: String = headers::DESCRIPTIONS
        .iter()
        .map(|header| {
            let presence = match header.presence {
                Presence::Always => "always",
                Presence::KnownUser => "known account",
                Presence::Numbered => "numbered event",
                Presence::Traced => "traced request",
            };
            format!(
                "<tr><td><code>{}</code></td><td class=\"kind\">{presence}</td><td>{}</td></tr>",
                escape(header.name),
                prose(header.meaning)
            )
        })
        .collect();
    format!(
        "<section id=\"headers\"><h2>Headers</h2><p>CloudEvents 1.0 in binary mode (as in the draft binding 1.0.3-wip), so that a router need not parse the body.</p>\
         <table><thead><tr><th>Header</th><th>On</th><th>Value</th></tr></thead><tbody>{rows}</tbody></table></section>"
    )
}
