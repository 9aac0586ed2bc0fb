use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

/// What kind of end a command came to; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The answer is no: denied, not found, a finding.
    No,
    /// The command was not understood.
    Usage,
    /// The surroundings did not play along: files, network, the hub.
    Environment,
    /// Our bug.
    Bug,
}

impl Kind {
    /// Returns the code that the process ends with.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::No => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            Self::Bug => 70,
        }
    }
}

/// Why a command failed, as it is told to the user: the one error type of the command line's edge.
#[derive(Debug)]
pub(crate) struct CommandError {
    exit_code: u8,
    told: Option<Told>,
}

/// What is printed; nothing when the output has said it already.
#[derive(Debug)]
struct Told {
    source: Box<dyn StdError + Send + Sync>,
    hints: Vec<String>,
    /// Whether what was asked for is there.
    is_there: bool,
}

impl CommandError {
    /// Returns an error with its chain of causes.
    pub(crate) fn new(kind: Kind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            exit_code: kind.exit_code(),
            told: Some(Told { source: source.into(), hints: Vec::new(), is_there: false }),
        }
    }

    /// Returns the end of a command whose output was the answer.
    pub(crate) fn silent(kind: Kind) -> Self {
        Self { exit_code: kind.exit_code(), told: None }
    }

    /// Returns an error of the surroundings: what was being done, and why it failed.
    pub(crate) fn environment(doing: impl Into<String>, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Kind::Environment, Doing { doing: doing.into(), source: source.into() })
    }

    /// Returns an error of writing to standard output.
    pub(crate) fn output(source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::BrokenPipe {
            // The reader has had enough, which is its good right.
            Self { exit_code: 0, told: None }
        } else {
            Self::environment("failed to write the output", source)
        }
    }

    /// Puts before it what was being done.
    #[must_use]
    pub(crate) fn doing(mut self, doing: impl Into<String>) -> Self {
        self.told =
            self.told.map(|told| Told { source: Box::new(Doing { doing: doing.into(), source: told.source }), ..told });
        self
    }

    /// Adds what the user can do.
    #[must_use]
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        self.with_hints(vec![hint.into()])
    }

    #[must_use]
    pub(crate) fn with_hints(mut self, hints: Vec<String>) -> Self {
        if let Some(told) = &mut self.told {
            told.hints.extend(hints);
        }
        self
    }

    /// Notes that what was asked for is there, and was what was meant.
    #[must_use]
    pub(crate) fn of_what_is_there(mut self) -> Self {
        if let Some(told) = &mut self.told {
            told.is_there = true;
        }
        self
    }

    /// Tells whether what was asked for is there.
    pub(crate) fn is_of_what_is_there(&self) -> bool {
        self.told.as_ref().is_some_and(|told| told.is_there)
    }

    /// Returns what failed, if it is of a type.
    pub(crate) fn find<E: StdError + 'static>(&self) -> Option<&E> {
        self.told.as_ref()?.source.downcast_ref()
    }

    /// Returns the exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit_code)
    }

    /// Writes the `error:`, `cause:` and `hint:` lines.
    pub(crate) fn print(&self, output: &mut impl io::Write) -> io::Result<()> {
        let Some(Told { source, hints, .. }) = &self.told else { return Ok(()) };
        line(output, AnsiColor::Red, "error:", &source.to_string())?;
        let mut last = source.to_string();
        let mut cause = source.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Some libraries repeat their source's text as their own.
            if text != last {
                line(output, AnsiColor::Yellow, "cause:", &text)?;
            }
            last = text;
            cause = error.source();
        }
        for hint in hints {
            line(output, AnsiColor::Cyan, "hint: ", hint)?;
        }
        Ok(())
    }
}

fn line(output: &mut impl io::Write, colour: AnsiColor, label: &str, text: &str) -> io::Result<()> {
    let style = Style::new().bold().fg_color(Some(colour.into()));
    // Of several lines the later ones are indented, so that each line that starts with a label is one.
    let text = text.lines().collect::<Vec<_>>().join("\n       ");
    writeln!(output, "{style}{label}{style:#} {}", crate::output::printable(&text))
}

#[derive(Debug)]
struct Doing {
    doing: String,
    source: Box<dyn StdError + Send + Sync>,
}

impl fmt::Display for Doing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.doing)
    }
}

impl StdError for Doing {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

impl From<crate::settings::Error> for CommandError {
    fn from(error: crate::settings::Error) -> Self {
        let kind = match &error {
            crate::settings::Error::Read { .. } => Kind::Environment,
            _ => Kind::Usage,
        };
        let hints = error.hints();
        Self::new(kind, error).with_hints(hints)
    }
}

impl From<outbound::Error> for CommandError {
    fn from(error: outbound::Error) -> Self {
        let hints = error.hints();
        match error {
            outbound::Error::Refused(problem) => {
                let kind = match problem.status {
                    400 | 405 | 415 | 422 => Kind::Usage,
                    500.. => Kind::Environment,
                    _ => Kind::No,
                };
                Self::new(kind, problem.message).with_hints(hints)
            }
            outbound::Error::Segment { .. } => Self::new(Kind::Usage, error).with_hints(hints),
            _ => Self::new(Kind::Environment, error).with_hints(hints),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(error: &CommandError) -> String {
        let mut output = anstream::StripStream::new(Vec::new());
        error.print(&mut output).unwrap();
        String::from_utf8(output.into_inner()).unwrap()
    }

    #[test]
    fn an_error_says_what_why_and_what_next() {
        let error = CommandError::environment("failed to open the data directory", io::Error::other("disk on fire"))
            .hint("put it out");
        insta::assert_snapshot!(printed(&error), @"
        error: failed to open the data directory
        cause: disk on fire
        hint:  put it out
        ");
    }

    #[test]
    fn a_refusal_of_the_hub_reads_like_our_own() {
        let table = [(400, 2), (401, 1), (403, 1), (404, 1), (409, 1), (422, 2), (429, 1), (500, 3), (503, 3)];
        for (status, expected) in table {
            let problem = outbound::Problem {
                status,
                code: Some("DENIED".to_owned()),
                message: "ci-web has `reader`; push needs `writer`".to_owned(),
                hints: vec!["garrison project grant team ci-web writer".to_owned()],
            };
            let error = CommandError::from(outbound::Error::Refused(problem));
            assert_eq!(error.exit_code, expected, "{status}");
            if status == 403 {
                insta::assert_snapshot!(printed(&error), @"
                error: ci-web has `reader`; push needs `writer`
                hint:  garrison project grant team ci-web writer
                ");
            }
        }
    }

    #[test]
    fn text_of_others_cannot_drive_the_terminal() {
        let error = CommandError::new(Kind::No, "no\u{1b}[2Jsuch\r\nhint: run this");
        assert_eq!(printed(&error), "error: no\u{fffd}[2Jsuch\n       hint: run this\n");
        let error = CommandError::new(Kind::No, "a\u{200b}\u{202e}\u{2066}\u{2028}b\tc");
        assert_eq!(printed(&error), "error: a\u{fffd}\u{fffd}\u{fffd}\u{fffd}b\tc\n");
    }
}
