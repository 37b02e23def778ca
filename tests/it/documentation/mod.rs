//! Runs the shell blocks of the documents against real servers, and compares what they print with
//! what the documents say.
//!
//! A `sh` block runs as it stands. A `text` or `json` block right behind it is its output: ids,
//! times, tokens, sizes and counts may differ, `…` stands for anything, and the layout of JSON does
//! not matter. The blocks of a document run in order in one bash with `set -eu`, without the
//! variables of other documents. For a newcomer the service runs already. An operator has
//! PostgreSQL and Redis, and starts the rest as `docs/NATS.md` says.
//!
//! Comments directly above a block, which readers do not see, say what is special about it:
//!
//! | comment | meaning |
//! |---|---|
//! | `<!-- not run: REASON -->` | it can't be run here |
//! | `<!-- only: newcomer -->`, `<!-- only: operator -->` | who runs it; both do by default |
//! | `<!-- first: COMMAND -->` | brings about what the text describes, such as a stopped server |
//! | `<!-- endless -->` | it runs until it has printed what the document shows |

mod blocks;
mod compare;
mod compatibility;
mod machine;
mod shell;

use std::collections::BTreeSet;
use std::fs;

use crate::support::run_dir::repository;
use blocks::{Block, blocks};
use machine::Machine;
use shell::Shell;

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Persona {
    /// With nothing configured: SQLite and the embedded nats-server.
    Newcomer,
    /// With PostgreSQL, Redis, and a nats-server with the users of `nats/accounts.conf`.
    Operator,
}

/// The documents that a newcomer reads, in this order.
const OF_NEWCOMER: [&str; 5] = [
    "README.md",
    "docs/OPERATIONS.md",
    "docs/EVENTS.md",
    "docs/MAIL.md",
    "docs/FORWARD_AUTH.md",
];
/// The documents that an operator reads, in this order.
const OF_OPERATOR: [&str; 2] = ["docs/NATS.md", "docs/OPERATIONS.md"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_gets_what_the_documents_say() {
    run(Persona::Newcomer, &OF_NEWCOMER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_gets_what_the_documents_say() {
    run(Persona::Operator, &OF_OPERATOR).await;
}

#[test]
fn every_document_with_shell_blocks_is_run() {
    let files = fs::read_dir(repository().join("docs")).expect("read docs/").map(|entry| {
        let name = entry.expect("an entry").file_name();
        format!("docs/{}", name.to_string_lossy())
    });
    let with_blocks: BTreeSet<String> = files
        .filter(|file| file.ends_with(".md"))
        .chain(["README.md".to_owned()])
        .filter(|file| !blocks(&read(file)).is_empty())
        .collect();
    let run = OF_NEWCOMER.iter().chain(&OF_OPERATOR).map(|file| (*file).to_owned());
    let run: BTreeSet<String> = run.filter(|file| !blocks(&read(file)).is_empty()).collect();
    assert_eq!(with_blocks, run);
}

/// Runs documents in order on one machine. Fails with every block that prints something else, and
/// at once with one that cannot be run.
async fn run(persona: Persona, documents: &[&str]) {
    let machine = Machine::start(persona).await;
    if persona == Persona::Operator && !machine.has_nats {
        skip("the documents are not run as an operator: the `nats` command is missing");
        return;
    }
    let mut shell = Shell::start(&machine).await;
    let mut wrong = Vec::new();
    for document in documents {
        if persona == Persona::Newcomer {
            shell.succeed("start_service").await;
        }
        shell.succeed("remember_variables").await;
        for block in to_run(document, persona, &machine) {
            let Err((line, how)) = check(&mut shell, &machine, &block).await else {
                continue;
            };
            wrong.push(format!("{document}:{line}: {how}"));
            let goes_on = block.output.is_some_and(|output| output.line == line);
            assert!(goes_on, "\n{}\n(nothing behind this was run)", wrong.join("\n\n"));
        }
        shell.succeed("forget_variables").await;
    }
    shell.end().await;
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
}

/// The blocks of a document that this reader runs. Without the `nats` command the rest of a section
/// is skipped from the first block that uses it.
fn to_run(document: &str, persona: Persona, machine: &Machine) -> Vec<Block> {
    let mut left = None;
    let mut blocks = blocks(&read(document));
    blocks.retain(|block| {
        if block.markers.not_run.is_some() || block.markers.only.is_some_and(|only| only != persona) {
            return false;
        }
        let first = block.markers.first.as_deref().unwrap_or_default();
        let uses_nats = [first, &block.text].iter().any(|text| text.split_whitespace().any(|word| word == "nats"));
        if uses_nats && !machine.has_nats && left != Some(block.section) {
            skip(&format!(
                "{document}:{}: not run from here to the next heading: no `nats` command",
                block.line
            ));
            left = Some(block.section);
        }
        left != Some(block.section)
    });
    blocks
}

/// Runs a block. What is wrong has the line of the block, or of its output when that differs.
async fn check(shell: &mut Shell, machine: &Machine, block: &Block) -> Result<(), (usize, String)> {
    let failed = |commands: &str, how: &str| (block.line, format!("{how}\n{commands}"));
    if let Some(command) = &block.markers.first {
        let ran = shell.run(&machine.here(command)).await;
        if ran.code != 0 {
            return Err(failed(command, &format!("ended with {}:\n{}", ran.code, ran.output)));
        }
    }
    let compared = |output: &str| match &block.output {
        Some(documented) => compare::compare(documented, &machine.documented(output)),
        None => Ok(()),
    };
    let commands = machine.here(&block.text);
    let output = if block.markers.endless {
        let wanted = |output: &str| !output.is_empty() && compared(output).is_ok();
        shell.run_endless(&commands, wanted).await
    } else {
        let ran = shell.run(&commands).await;
        if ran.code != 0 {
            return Err(failed(&block.text, &format!("ended with {}:\n{}", ran.code, ran.output)));
        }
        ran.output
    };
    // curl succeeds with a problem document.
    let is_problem = |text: &str| text.contains("/problems/");
    let documented = block.output.as_ref().map_or("", |output| output.text.as_str());
    if is_problem(&output) && !is_problem(documented) {
        return Err(failed(&block.text, &format!("was refused:\n{output}")));
    }
    shell.succeed("settle").await;
    compared(&output).map_err(|diff| {
        let line = block.output.as_ref().map_or(block.line, |output| output.line);
        (line, format!("printed something else (- documented, + printed)\n{diff}"))
    })
}

fn read(document: &str) -> String {
    fs::read_to_string(repository().join(document)).unwrap_or_else(|error| panic!("{document}: {error}"))
}

#[expect(clippy::print_stderr, reason = "prints what is not run")]
fn skip(what: &str) {
    eprintln!("{what}");
}
