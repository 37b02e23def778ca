//! The web page of the events: complete, self-contained, and safe from markup in its input.

use serde_json::Value;
use watchword_contract::docs;
use watchword_events::{CATALOGUE, example, headers};

use super::asyncapi::deployment;

/// Returns the page's section with this id.
fn section(page: &str, id: &str) -> String {
    let (_, after) = page.split_once(&format!("<section id=\"{id}\"")).unwrap();
    after.split_once("</section>").unwrap().0.to_owned()
}

/// Returns the text that a browser shows.
fn text(html: &str) -> String {
    let (mut out, mut in_tag) = (String::new(), false);
    for char in html.chars() {
        match char {
            '<' => in_tag = true,
            '>' => in_tag = false,
            _ if !in_tag => out.push(char),
            _ => {}
        }
    }
    out.replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[test]
fn the_page_shows_every_event_with_its_fields_and_example() {
    let page = docs::html::page(&deployment());
    for event in CATALOGUE {
        let section = section(&page, event.name);
        assert!(section.contains(&format!("href=\"schemas/{}/{}.json\"", event.subject, event.version)));
        assert!(page.contains(&format!("<li><a href=\"#{}\">", event.name)));
        let text = text(&section);
        assert!(text.contains(&event.description.replace('`', "")), "{text}");
        for command in ["nats sub ", "nats stream get auth-events --last-for "] {
            let quote = if event.filter().contains('*') { "'" } else { "" };
            assert!(text.contains(&format!("{command}{quote}{}{quote}", event.filter())), "{text}");
        }
        let (_, after) = text.split_once("Example").unwrap();
        let shown: Value = serde_json::Deserializer::from_str(after).into_iter().next().unwrap().unwrap();
        let body: Value = serde_json::from_slice(&example::of(event.kind).to_json().unwrap()).unwrap();
        assert_eq!(shown, body);
        let fields = body.get("data").and_then(Value::as_object).unwrap();
        for field in fields.keys() {
            assert!(section.contains(&format!("<td><code>{field}</code>")), "{}: {field}", event.name);
        }
    }
    for header in headers::DESCRIPTIONS {
        assert!(section(&page, "headers").contains(header.name));
    }
}

#[test]
fn the_page_shows_the_stream_configuration_of_the_deployment() {
    let mut deployment = deployment();
    let shown = text(&section(&docs::html::page(&deployment), "stream"));
    for fact in [
        "auth-events",
        "at most 7 days",
        "at most 100\u{a0}000",
        "at most 100 MiB",
        "64 KiB",
        "10 minutes",
    ] {
        assert!(shown.contains(fact), "{fact}: {shown}");
    }
    let stream = deployment.stream.as_object_mut().unwrap();
    stream.insert("name".to_owned(), "other".into());
    stream.insert("max_msgs".to_owned(), (-1).into());
    stream.insert("max_age".to_owned(), 5_400_000_000_000_i64.into());
    let shown = text(&section(&docs::html::page(&deployment), "stream"));
    for fact in ["no limit", "at most 90 minutes", "nats consumer next other "] {
        assert!(shown.contains(fact), "{fact}: {shown}");
    }
}

#[test]
fn the_page_loads_nothing_and_escapes_configured_values() {
    let mut deployment = deployment();
    "<script>alert(1)</script>".clone_into(&mut deployment.service);
    let page = docs::html::page(&deployment);
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert_eq!(page.matches("<script").count(), 1);
    for outside in [" src=", "@import", "url(", "href=\"http", "<link", "fetch("] {
        assert!(!page.contains(outside), "{outside}");
    }
}
