//! The shell blocks of a Markdown document, with the output that the document gives for each.

use super::Persona;

/// A fenced `sh` block.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// The line of its fence, from 1.
    pub(super) line: usize,
    /// The line of the heading above it.
    pub(super) section: usize,
    pub(super) text: String,
    /// The comments above it.
    pub(super) markers: Markers,
    /// The documented output, if any.
    pub(super) output: Option<Output>,
}

/// The comments directly above a block.
#[derive(Debug, Default)]
pub(super) struct Markers {
    /// `<!-- not run: REASON -->`
    pub(super) not_run: Option<String>,
    /// `<!-- only: newcomer -->`, `<!-- only: operator -->`
    pub(super) only: Option<Persona>,
    /// `<!-- first: COMMAND -->`
    pub(super) first: Option<String>,
    /// `<!-- endless -->`
    pub(super) endless: bool,
}

/// A `text` or `json` block with nothing between it and the commands.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) line: usize,
    pub(super) is_json: bool,
    pub(super) text: String,
}

/// Every shell block of a document, in its order.
///
/// # Panics
/// When a comment above a block is none that is known, or a fence is not closed.
pub(super) fn blocks(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut comments: Vec<&str> = Vec::new();
    let mut may_be_output = false;
    let mut section = 0;
    let mut lines = document.lines().zip(1..);
    while let Some((text, line)) = lines.next() {
        let Some(language) = text.strip_prefix("```") else {
            if text.starts_with('#') {
                section = line;
            }
            match text.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) {
                Some(comment) => comments.push(comment),
                None => comments.clear(),
            }
            may_be_output &= text.is_empty();
            continue;
        };
        let body: Vec<&str> = lines.by_ref().map(|(text, _)| text).take_while(|text| *text != "```").collect();
        let text = body.join("\n") + "\n";
        assert!(language != "bash" && language != "shell", "line {line}: write ```sh");
        if language == "sh" {
            let markers = markers(&comments, line);
            blocks.push(Block { line, section, text, markers, output: None });
        } else if may_be_output && matches!(language, "text" | "json") {
            let is_json = language == "json";
            let commands = blocks.last_mut().expect("the commands before their output");
            commands.output = Some(Output { line, is_json, text });
        }
        may_be_output = language == "sh";
        comments.clear();
    }
    blocks
}

fn markers(comments: &[&str], line: usize) -> Markers {
    let mut markers = Markers::default();
    for comment in comments {
        match comment.split_once(": ").unwrap_or((comment, "")) {
            ("not run", reason) if reason.len() > 3 => markers.not_run = Some(reason.to_owned()),
            ("only", "newcomer") => markers.only = Some(Persona::Newcomer),
            ("only", "operator") => markers.only = Some(Persona::Operator),
            ("first", command) => markers.first = Some(command.to_owned()),
            ("endless", "") => markers.endless = true,
            _ => panic!("line {line}: unknown comment above a block: {comment}"),
        }
    }
    markers
}

#[test]
fn a_block_has_its_markers_and_its_output() {
    let document = "# A\n\n<!-- only: operator -->\n<!-- endless -->\n```sh\necho 1\nfalse\n```\n\n```text\n1\n```\n\n\
                    ```sh\necho 2\n```\n\nprose\n\n```json\n{}\n```\n";
    let found = blocks(document);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].line, found[0].text.as_str()), (5, "echo 1\nfalse\n"));
    assert_eq!((found[0].markers.only, found[0].markers.endless), (Some(Persona::Operator), true));
    assert_eq!(found[0].output.as_ref().map(|output| output.text.as_str()), Some("1\n"));
    assert!(found[1].output.is_none());
}
