//! Text and JSON as HTML.

use serde_json::Value;

/// Escapes what HTML would read as markup.
pub(super) fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, char| {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
        out
    })
}

/// Formats a sentence of the catalogue: text between backticks is code.
pub(super) fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(index, part)| match index % 2 {
        0 => escape(part),
        _ => format!("<code>{}</code>", escape(part)),
    });
    parts.collect()
}

/// Formats JSON over several lines, with an element for each name and value.
pub(super) fn json(value: &Value) -> String {
    let mut out = String::new();
    write_json(value, "", &mut out);
    out
}

fn write_json(value: &Value, indent: &str, out: &mut String) {
    let inner = format!("{indent}  ");
    match value {
        Value::Object(members) if !members.is_empty() => {
            let lines = members.iter().map(|(name, member)| {
                let mut line = format!("{inner}<b>{}</b>: ", escape(&Value::from(name.as_str()).to_string()));
                write_json(member, &inner, &mut line);
                line
            });
            let lines: Vec<String> = lines.collect();
            *out += &format!("{{\n{}\n{indent}}}", lines.join(",\n"));
        }
        Value::Array(items) if items.iter().all(|item| !item.is_object()) => {
            let items: Vec<String> = items.iter().map(json).collect();
            *out += &format!("[{}]", items.join(", "));
        }
        Value::String(_) => *out += &format!("<i>{}</i>", escape(&value.to_string())),
        other => *out += &format!("<u>{}</u>", escape(&other.to_string())),
    }
}

/// Formats a command with a button that copies it.
pub(super) fn command(what: &str, line: &str) -> String {
    format!(
        "<div class=\"command\"><span>{}</span><pre><code>{}</code></pre><button type=\"button\" data-copy>Copy</button></div>",
        prose(what),
        escape(line)
    )
}
