//! Reads the tokens of a source file, so that comments and strings do not mislead it, and macro
//! bodies are included.

use std::collections::BTreeSet;
use std::str::FromStr;

use proc_macro2::{Delimiter, Group, LexError, TokenStream, TokenTree};

/// What a file names and contains, with lines.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Top-level modules of this crate, named with `crate::` or `super::`.
    pub(super) modules: Vec<(String, usize)>,
    /// Every identifier at the start of a path (`name::`): crates, but also local names.
    pub(super) crates: Vec<(String, usize)>,
    /// Functions with a body.
    pub(super) functions: Vec<Function>,
    /// `pub mod entities`, in any spelling of `pub`.
    pub(super) public_entities: Vec<usize>,
    /// `pub use …entities…`.
    pub(super) exported_entities: Vec<usize>,
}

/// A function, and the number of lines with code in its body.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) lines: usize,
}

/// Scans a file of the module `module_path` (`["http", "routes"]`).
pub(super) fn scan(text: &str, module_path: &[String]) -> Result<Scan, LexError> {
    let mut scan = Scan::default();
    let mut module = module_path.to_vec();
    scan.stream(&TokenStream::from_str(text)?.into_iter().collect::<Vec<_>>(), &mut module, true);
    Ok(scan)
}

impl Scan {
    /// `roots`: whether an identifier here can start a path (not inside `a::{…}`).
    fn stream(&mut self, tokens: &[TokenTree], module: &mut Vec<String>, roots: bool) {
        for (at, token) in tokens.iter().enumerate() {
            let rest = tokens.get(at + 1..).unwrap_or_default();
            let after_path = at > 0 && is_punct(tokens.get(at - 1), ':');
            match token {
                TokenTree::Ident(name) => {
                    let (name, line) = (name.to_string(), line(token));
                    match name.as_str() {
                        "crate" => self.crate_path(rest, line),
                        "super" if !after_path || !after_super(tokens, at) => self.super_path(rest, module),
                        "fn" => self.function(rest, line),
                        "pub" => self.visibility(rest),
                        _ if roots && !after_path && path_follows(rest).is_some() => self.crates.push((name, line)),
                        _ => {}
                    }
                }
                TokenTree::Group(group) => self.group(group, tokens, at, module, roots && !after_path),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    fn group(&mut self, group: &Group, tokens: &[TokenTree], at: usize, module: &mut Vec<String>, roots: bool) {
        let inner: Vec<TokenTree> = group.stream().into_iter().collect();
        let inline = match (at.checked_sub(2).and_then(|mod_at| tokens.get(mod_at)), at.checked_sub(1)) {
            (Some(TokenTree::Ident(keyword)), Some(name_at)) if *keyword == "mod" => tokens.get(name_at),
            _ => None,
        };
        match (group.delimiter(), inline) {
            (Delimiter::Brace, Some(TokenTree::Ident(name))) => {
                module.push(name.to_string());
                self.stream(&inner, module, true);
                module.pop();
            }
            _ => self.stream(&inner, module, roots),
        }
    }

    /// Reads the path after `crate`.
    fn crate_path(&mut self, rest: &[TokenTree], line: usize) {
        if let Some(path) = path_follows(rest) {
            self.modules.extend(first_names(path));
        } else if matches!(rest.first(), Some(TokenTree::Ident(keyword)) if *keyword == "as") {
            self.modules.push(("crate as another name".into(), line));
        }
    }

    /// Reads the path after its first `super`, and records it if it leaves the top-level module.
    fn super_path(&mut self, mut rest: &[TokenTree], module: &[String]) {
        let mut depth = module.len().saturating_sub(1);
        while let Some(path) = path_follows(rest) {
            match path.first() {
                Some(TokenTree::Ident(name)) if *name == "super" => {
                    depth = depth.saturating_sub(1);
                    rest = path.get(1..).unwrap_or_default();
                }
                _ if depth == 0 => {
                    self.modules.extend(first_names(path));
                    return;
                }
                _ => return,
            }
        }
    }

    /// Reads the tokens after `fn`: a name and a body before the next `;` make a function.
    fn function(&mut self, rest: &[TokenTree], line: usize) {
        let Some(TokenTree::Ident(name)) = rest.first() else {
            return;
        };
        for token in rest {
            match token {
                TokenTree::Punct(end) if end.as_char() == ';' => return,
                TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => {
                    let mut lines = BTreeSet::new();
                    code_lines(body.stream(), &mut lines);
                    self.functions.push(Function { name: name.to_string(), line, lines: lines.len() });
                    return;
                }
                _ => {}
            }
        }
    }

    /// Reads the tokens after `pub`: records `mod entities` and `use …entities…`.
    fn visibility(&mut self, rest: &[TokenTree]) {
        let scope =
            matches!(rest.first(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
        let rest = rest.get(usize::from(scope)..).unwrap_or_default();
        let Some(TokenTree::Ident(keyword)) = rest.first() else {
            return;
        };
        let statement = rest.split(|token| is_punct(Some(token), ';')).next().unwrap_or_default();
        let entities = |token: &TokenTree| matches!(token, TokenTree::Ident(name) if *name == "entities");
        if *keyword == "mod" && statement.get(1).is_some_and(entities) {
            self.public_entities.push(keyword.span().start().line);
        }
        if *keyword == "use" && contains(statement, &entities) {
            self.exported_entities.push(keyword.span().start().line);
        }
    }
}

/// Returns the first name of a path, or of each path of a group: `store`, `{store::Tx, relay}`.
fn first_names(path: &[TokenTree]) -> Vec<(String, usize)> {
    match path.first() {
        Some(token @ TokenTree::Ident(name)) => vec![(name.to_string(), line(token))],
        Some(token @ TokenTree::Punct(glob)) if glob.as_char() == '*' => vec![("*".into(), line(token))],
        Some(TokenTree::Group(group)) => {
            let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
            tokens.split(|token| is_punct(Some(token), ',')).flat_map(first_names).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns the tokens after a leading `::`.
fn path_follows(rest: &[TokenTree]) -> Option<&[TokenTree]> {
    (is_punct(rest.first(), ':') && is_punct(rest.get(1), ':'))
        .then(|| rest.get(2..))
        .flatten()
}

/// Whether the token at `at` is a `super` that follows `super::`.
fn after_super(tokens: &[TokenTree], at: usize) -> bool {
    let before = at.checked_sub(3).and_then(|before| tokens.get(before));
    matches!(before, Some(TokenTree::Ident(name)) if *name == "super")
}

fn contains(tokens: &[TokenTree], wanted: &impl Fn(&TokenTree) -> bool) -> bool {
    tokens.iter().any(|token| match token {
        TokenTree::Group(group) => contains(&group.stream().into_iter().collect::<Vec<_>>(), wanted),
        other => wanted(other),
    })
}

/// Collects the lines on which a token begins or ends.
fn code_lines(stream: TokenStream, lines: &mut BTreeSet<usize>) {
    for token in stream {
        lines.insert(token.span().start().line);
        lines.insert(token.span().end().line);
        if let TokenTree::Group(group) = token {
            code_lines(group.stream(), lines);
        }
    }
}

fn is_punct(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

fn line(token: &TokenTree) -> usize {
    token.span().start().line
}
