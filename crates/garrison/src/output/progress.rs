use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// The pause between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// One line for a long task, on standard error: rewritten in place on a terminal, else printed every ten seconds.
/// The last state stays as a summary.
#[derive(Debug)]
pub(crate) struct Progress {
    terminal: bool,
    shown: Option<Instant>,
    last: String,
    is_shown: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { terminal: io::stderr().is_terminal(), shown: None, last: String::new(), is_shown: true }
    }

    /// Starts one that leaves nothing, for a task whose result says more. Without a terminal it says nothing in its first ten seconds.
    pub(crate) fn passing() -> Self {
        Self { shown: Some(Instant::now()), ..Self::new() }
    }

    /// Says where the task is.
    pub(crate) fn update(&mut self, state: String) {
        self.is_shown &= self.last == state;
        self.last = state;
        let due = self.terminal || self.shown.is_none_or(|shown| shown.elapsed() >= LINE_EVERY);
        if due {
            self.show();
            self.shown = Some(Instant::now());
        }
    }

    /// Leaves the last state to be read.
    pub(crate) fn finish(mut self) {
        if !self.is_shown {
            self.show();
        }
        if self.terminal && self.shown.is_some() {
            let _closed = writeln!(io::stderr());
        }
    }

    /// Takes the line off a terminal.
    pub(crate) fn clear(self) {
        if self.terminal && !self.last.is_empty() {
            let _closed = write!(io::stderr(), "\r\u{1b}[K");
        }
    }

    fn show(&mut self) {
        self.is_shown = true;
        let text = super::printable(&self.last).replace('\n', " ");
        let _closed = if self.terminal {
            // To the first column, and clear what an earlier, longer line left.
            write!(io::stderr(), "\r{text}\u{1b}[K")
        } else {
            writeln!(io::stderr(), "{text}")
        };
    }
}
