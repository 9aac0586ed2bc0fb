//! What commands print: data on standard output, as a table or as JSON; progress on standard error.

mod file;
mod progress;
mod table;

pub(crate) use file::{find_place, replace};
pub(crate) use progress::Progress;
pub(crate) use table::{Align, Column, Table};

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::error::CommandError;

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// Prints a value as JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), CommandError> {
    let mut output = io::stdout().lock();
    serde_json::to_writer_pretty(&mut output, value)
        .map_err(io::Error::from)
        .and_then(|()| writeln!(output))
        .map_err(CommandError::output)
}

/// Prints text and a newline. Styles in it are dropped where they cannot be shown or are not wanted.
pub(crate) fn print_line(text: &str) -> Result<(), CommandError> {
    writeln!(anstream::stdout(), "{text}").map_err(CommandError::output)
}

/// Tells something that is no data.
pub(crate) fn note(text: &str) {
    // Nobody is left to be told that standard error is closed.
    let _closed = writeln!(anstream::stderr(), "{text}");
}

/// Columns of a terminal that does not tell, and of what is none.
const WIDTH: usize = 80;

/// Returns the columns that a table may take. Through a pipe and in a file nothing of it is left out: nobody can make it wider there.
pub(crate) fn width() -> usize {
    terminal_width().unwrap_or(usize::MAX)
}

/// Returns the columns in which text is laid out.
pub(crate) fn line_width() -> usize {
    terminal_width().unwrap_or(WIDTH)
}

/// Returns the columns of the terminal that standard output is, if it is one.
pub(crate) fn terminal_width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 => Some(usize::from(size.ws_col)),
        _ => Some(WIDTH),
    }
}

/// Counts things by what one is called.
pub(crate) fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// Returns the text, which may have several lines, without characters that a terminal obeys: names and messages come from others.
pub(crate) fn printable(text: &str) -> String {
    text.replace(|character| !matches!(character, '\n' | '\t') && component::is_deceptive(character), "\u{fffd}")
}
