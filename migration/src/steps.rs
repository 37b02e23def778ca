//! The steps of a migration, parsed from its SQL.

use sea_orm::DbErr;

/// What the lines begin with that separate steps.
const DIRECTIVE: &str = "--!";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    pub(crate) sql: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All statements in one transaction, for which writers wait.
    Transaction,
    /// Builds this index outside a transaction, while writers go on.
    Index(&'static str),
    /// The statement runs for one range of `$1 < column <= $2` after the other, each in a
    /// transaction of its own.
    Batches {
        size: u32,
        table: &'static str,
        column: &'static str,
    },
}

/// Parse a file. What is before the first directive is a transaction.
pub(crate) fn parse(sql: &'static str) -> Result<Vec<Step>, DbErr> {
    let mut steps = Vec::new();
    let mut rest = sql;
    let mut kind = Kind::Transaction;
    loop {
        let end = find_directive(rest);
        let (text, after) = rest.split_at(end.unwrap_or(rest.len()));
        if has_statement(text) {
            steps.push(Step { kind, sql: text });
        } else if kind != Kind::Transaction {
            return Err(DbErr::Migration(format!("{kind:?} has no statement")));
        }
        if end.is_none() {
            return Ok(steps);
        }
        let (line, following) = after.split_once('\n').unwrap_or((after, ""));
        kind = directive(line)?;
        rest = following;
    }
}

/// Where the next line with a directive begins.
fn find_directive(text: &str) -> Option<usize> {
    if text.starts_with(DIRECTIVE) {
        return Some(0);
    }
    let line = text.find("\n--!")?;
    Some(line + 1)
}

fn has_statement(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("--")
    })
}

fn directive(line: &'static str) -> Result<Kind, DbErr> {
    let words: Vec<&'static str> = line.trim_start_matches(DIRECTIVE).split_whitespace().collect();
    let kind = match *words.as_slice() {
        ["transaction"] => Some(Kind::Transaction),
        ["index", name] => Some(Kind::Index(name)),
        ["batches", "of", size, "over", place] => place.split_once('.').and_then(|(table, column)| {
            let size = size.parse().ok().filter(|size| *size > 0)?;
            Some(Kind::Batches { size, table, column })
        }),
        _ => None,
    };
    kind.ok_or_else(|| {
        DbErr::Migration(format!(
            "{line:?} is no directive: write `transaction`, `index NAME` or `batches of SIZE over TABLE.COLUMN`"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MIGRATIONS;

    #[test]
    fn a_file_without_directives_is_one_transaction() {
        let sql = "-- Why.\nCREATE TABLE a (b INT);\nCREATE TABLE c (d INT);\n";
        assert_eq!(parse(sql).expect("steps"), [Step { kind: Kind::Transaction, sql }]);
        assert_eq!(parse("-- nothing to do\n").expect("steps"), []);
    }

    #[test]
    fn directives_begin_steps() {
        let sql = "-- Why.\n--! transaction\nALTER TABLE a ADD b INT;\n--! batches of 50 over a.id\nUPDATE a SET b = 1 \
                   WHERE id > $1 AND id <= $2;\n--! index a_b_idx\nCREATE INDEX CONCURRENTLY a_b_idx ON a (b);";
        let kinds: Vec<Kind> = parse(sql).expect("steps").into_iter().map(|step| step.kind).collect();
        let batches = Kind::Batches { size: 50, table: "a", column: "id" };
        assert_eq!(kinds, [Kind::Transaction, batches, Kind::Index("a_b_idx")]);
    }

    #[test]
    fn wrong_directives_are_refused() {
        for sql in [
            "--! batches of 0 over a.id\nSELECT 1",
            "--! batches of 5 over a\nSELECT 1",
            "--! index\nSELECT 1",
            "--! index a_idx\n-- nothing\n",
            "--! concurrently\nSELECT 1",
        ] {
            parse(sql).expect_err(sql);
        }
    }

    #[test]
    fn every_migration_can_be_parsed() {
        for migration in MIGRATIONS {
            for sql in [migration.postgres, migration.sqlite] {
                parse(sql).expect(migration.name);
            }
        }
    }
}
