//! The section of an event.

use serde_json::Value;
use watchword_events::{EventType, example, headers, schema};

use super::text::{command, escape, json, prose};
use crate::deployment::Deployment;
use crate::docs::fields::{self, COMMON, Field};

pub(super) fn section(event: &EventType, deployment: &Deployment) -> String {
    let document = schema::document(event, &deployment.schema_base);
    let example = example::of(event.kind);
    let body: Option<Value> = example.to_json().ok().and_then(|body| serde_json::from_slice(&body).ok());
    format!(
        "<section id=\"{name}\" class=\"event\"><h2><a href=\"#{name}\">{name}</a><span class=\"version\">v{version}</span></h2>\
         <p class=\"lead\">{description}</p>\
         <p class=\"links\"><code class=\"subject\">{subject}</code><a href=\"schemas/{subject}/{version}.json\">JSON Schema</a></p>\
         <h3>Fields of <code>data</code></h3>{fields}\
         <div class=\"columns\"><div><h3>Example</h3><pre class=\"json\">{body}</pre></div>\
         <div><h3>Headers</h3><pre class=\"headers\">{headers}</pre></div></div>\
         <h3>Commands</h3>{commands}</section>",
        name = event.name,
        version = event.version,
        description = prose(event.description),
        subject = event.subject,
        fields = field_table(&document),
        body = json(&body.unwrap_or_default()),
        headers = header_lines(event, deployment),
        commands = commands(event, deployment.stream_name()),
    )
}

/// Lists the event's own fields first, since the common ones repeat in every section.
fn field_table(document: &Value) -> String {
    let (common, own): (Vec<Field>, Vec<Field>) = fields::of(document, "/properties/data")
        .into_iter()
        .partition(|field| COMMON.contains(&field.name.as_str()));
    let own: String = own.iter().map(|field| row(field, "")).collect();
    let common: String = common.iter().map(|field| row(field, " class=\"common\"")).collect();
    format!(
        "<table><thead><tr><th>Field</th><th>Type</th><th>Meaning</th></tr></thead><tbody>{own}{common}</tbody></table>"
    )
}

fn row(field: &Field, class: &str) -> String {
    let values: String = field
        .values
        .iter()
        .map(|(value, meaning)| {
            let (value, meaning) = (escape(value), escape(meaning));
            format!("<code title=\"{meaning}\">{value}</code>")
        })
        .collect();
    let values = match values.as_str() {
        "" => String::new(),
        listed => format!("<div class=\"values\">{listed}</div>"),
    };
    format!(
        "<tr{class}><td><code>{name}</code>{optional}</td><td class=\"kind\">{kind}</td><td>{meaning}{values}</td></tr>",
        name = escape(&field.name),
        optional = if field.required { "" } else { "<small>optional</small>" },
        kind = escape(&field.kind),
        meaning = prose(&field.description),
    )
}

fn header_lines(event: &EventType, deployment: &Deployment) -> String {
    let lines = headers::for_event(&example::of(event.kind), &deployment.source, &deployment.schema_base).into_iter();
    let lines: Vec<String> = lines
        .map(|(name, value)| format!("<b>{}</b>: <i>{}</i>", escape(name), escape(&value)))
        .collect();
    lines.join("\n")
}

fn commands(event: &EventType, stream: &str) -> String {
    let subject = match event.filter() {
        // A shell would expand it.
        pattern if pattern.contains('*') => format!("'{pattern}'"),
        subject => subject.to_owned(),
    };
    [
        ("Watch new events", format!("nats sub {subject}")),
        ("Show the latest", format!("nats stream get {stream} --last-for {subject}")),
        (
            "Create a durable consumer",
            format!(
                "nats consumer add {stream} my-{} --pull --ack explicit --deliver all --filter {subject} --wait 30s \
                 --max-deliver 6 --max-pending 256 --replay instant --defaults",
                event.name.replace('_', "-")
            ),
        ),
    ]
    .iter()
    .map(|(what, line)| command(what, line))
    .collect()
}
