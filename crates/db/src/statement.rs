use std::borrow::Cow;
use std::fmt::Write as _;

use crate::{Error, Value};

/// Rows of one `INSERT`. Larger than a typical image has layers; each chunk size is a statement text of its own in the
/// caches, so that few sizes are used (see [`row_chunk`]).
const ROWS_IN_CHUNK_MAX: usize = 64;
/// Up to here every number of rows is one statement.
const ROWS_EXACT_MAX: usize = 16;
/// Values of one `IN (…)`.
const LIST_IN_CHUNK_MAX: usize = 256;

/// One statement of several: its text and its parameters.
pub(crate) type Chunk = (Cow<'static, str>, Vec<Value>);

const LIST: &str = "{list}";
const ROWS: &str = "{rows:";

/// One SQL statement with a name for errors. Made by [`statements!`](crate::statements).
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    name: &'static str,
    text: &'static str,
}

impl Statement {
    /// For the macro only: SQL is a constant, never built from data.
    #[doc(hidden)]
    pub const fn from_macro(name: &'static str, text: &'static str) -> Self {
        Self { name, text }
    }

    /// Returns the name of the constant.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the text as it was written.
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// Returns the text with the smallest expansion, for preparing it.
    pub(crate) fn sample(&self) -> Cow<'static, str> {
        self.expanded(1)
    }

    /// Returns the text with `count` rows or list members in place of the placeholder.
    pub(crate) fn expanded(&self, count: usize) -> Cow<'static, str> {
        let first = self.fixed_parameters() + 1;
        if let Some((before, after)) = self.text.split_once(LIST) {
            return Cow::Owned(format!("{before}({}){after}", numbers(first, count)));
        }
        let Some((before, columns, after)) = self.rows_placeholder() else {
            return Cow::Borrowed(self.text);
        };
        let mut text = String::with_capacity(self.text.len() + count * columns * 5);
        text.push_str(before);
        for row in 0..count {
            let comma = if row == 0 { "" } else { ", " };
            let _ = write!(text, "{comma}({})", numbers(first + row * columns, columns));
        }
        text.push_str(after);
        Cow::Owned(text)
    }

    /// Returns the highest parameter number outside placeholders.
    pub(crate) fn fixed_parameters(&self) -> usize {
        parameter_count(self.text)
    }

    fn rows_placeholder(&self) -> Option<(&'static str, usize, &'static str)> {
        let (before, rest) = self.text.split_once(ROWS)?;
        let (columns, after) = rest.split_once('}')?;
        Some((before, columns.parse().ok()?, after))
    }

    /// Checks parameters before either driver sees them, so that both databases refuse the same.
    pub(crate) fn check(&self, expected: usize, params: &[Value]) -> Result<(), Error> {
        if params.len() != expected {
            return Err(Error::ParameterCount { statement: self.name, expected, actual: params.len() });
        }
        let nul = params.iter().position(|value| matches!(value, Value::Text(text) if text.contains('\0')));
        nul.map_or(Ok(()), |index| Err(Error::NulInText { statement: self.name, number: index + 1 }))
    }

    /// Splits rows into statements, each a text and its parameters.
    pub(crate) fn row_chunks(&self, fixed: &[Value], rows: &[Vec<Value>]) -> Result<Vec<Chunk>, Error> {
        let columns = self.rows_placeholder().map_or(0, |(_, columns, _)| columns);
        if let Some(row) = rows.iter().find(|row| row.len() != columns) {
            return Err(Error::ParameterCount { statement: self.name, expected: columns, actual: row.len() });
        }
        let mut chunks = Vec::new();
        let mut rest = rows;
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(row_chunk(rest.len()));
            let params = fixed.iter().chain(chunk.iter().flatten()).cloned().collect();
            chunks.push((self.expanded(chunk.len()), params));
            rest = after;
        }
        Ok(chunks)
    }

    /// Splits a list into statements. A chunk is filled up with its last member, which changes no membership.
    pub(crate) fn list_chunks(&self, fixed: &[Value], list: &[Value]) -> Vec<Chunk> {
        list.chunks(LIST_IN_CHUNK_MAX)
            .map(|chunk| {
                let size = chunk.len().next_power_of_two();
                let filling = chunk.last().into_iter().cycle().take(size - chunk.len());
                let params = fixed.iter().chain(chunk).chain(filling).cloned().collect();
                (self.expanded(size), params)
            })
            .collect()
    }
}

/// Returns how many of `rest` rows the next statement takes: exact for few, powers of two for many.
fn row_chunk(rest: usize) -> usize {
    if rest <= ROWS_EXACT_MAX {
        return rest;
    }
    let power_of_two = 1 << rest.ilog2();
    power_of_two.min(ROWS_IN_CHUNK_MAX)
}

fn numbers(first: usize, count: usize) -> String {
    let mut text = String::with_capacity(count * 5);
    for number in first..first + count {
        let comma = if number == first { "" } else { ", " };
        let _ = write!(text, "{comma}${number}");
    }
    text
}

/// Returns the highest `$n` in a text.
pub(crate) fn parameter_count(text: &str) -> usize {
    let after_dollars = text.split('$').skip(1);
    after_dollars
        .filter_map(|rest| {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            rest[..digits].parse().ok()
        })
        .max()
        .unwrap_or(0)
}

/// Declares SQL statements as constants.
///
/// Each becomes a `pub(crate) const NAME: Statement`; `STATEMENTS` lists them all, so that a test can prepare every one on
/// both databases with [`Db::prepare`](crate::Db::prepare). Use it once in a module.
///
/// Parameters are `$1`, `$2`, …, in any order and as often as needed. `{rows:N}` stands for tuples of N columns
/// ([`Tx::execute_rows`](crate::Tx::execute_rows)) and `{list}` for the members of an `IN`
/// ([`Tx::query_list`](crate::Tx::query_list)); both are numbered after the highest written number.
///
/// ```
/// garrison_db::statements! {
///     /// The digest that a tag names.
///     FIND_TAG = "SELECT digest FROM tags WHERE repository_id = $1 AND name = $2";
///     /// Adds layers to a manifest.
///     ADD_REFERENCES = "INSERT INTO manifest_references (repository_id, manifest, target, kind) VALUES {rows:4}";
/// }
/// # fn main() { assert_eq!(STATEMENTS.len(), 2); assert_eq!(FIND_TAG.name(), "FIND_TAG"); let _ = ADD_REFERENCES; }
/// ```
#[macro_export]
macro_rules! statements {
    ($($(#[$attribute:meta])* $name:ident = $text:expr;)*) => {
        $(
            $(#[$attribute])*
            pub(crate) const $name: $crate::Statement = $crate::Statement::from_macro(stringify!($name), $text);
        )*
        /// Every statement of this module.
        #[allow(dead_code, reason = "read by the test that prepares every statement")]
        pub(crate) const STATEMENTS: &[$crate::Statement] = &[$($name),*];
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &'static str, count: usize, expected: &str) {
        assert_eq!(Statement::from_macro("TEST", text).expanded(count), expected);
    }

    #[test]
    fn placeholders_are_numbered_after_the_fixed_parameters() {
        check("SELECT 1", 3, "SELECT 1");
        check("VALUES {rows:2}", 1, "VALUES ($1, $2)");
        check("VALUES {rows:2} x $1", 2, "VALUES ($2, $3), ($4, $5) x $1");
        check("a = $2 AND b = $1 AND c IN {list}", 3, "a = $2 AND b = $1 AND c IN ($3, $4, $5)");
    }

    #[test]
    fn the_highest_number_counts() {
        for (text, expected) in [("", 0), ("$", 0), ("$1", 1), ("$2 $10 $1", 10), ("a$b $3", 3)] {
            assert_eq!(parameter_count(text), expected, "{text}");
        }
    }

    #[test]
    fn row_chunks_use_few_sizes_and_cover_every_row() {
        for rows in 0..=300 {
            let mut rest = rows;
            while rest > 0 {
                let chunk = row_chunk(rest);
                assert!(chunk <= ROWS_EXACT_MAX || chunk.is_power_of_two(), "{rows} rows gave a chunk of {chunk}");
                assert!((1..=ROWS_IN_CHUNK_MAX).contains(&chunk), "{rows} rows gave a chunk of {chunk}");
                rest -= chunk;
            }
        }
    }
}
