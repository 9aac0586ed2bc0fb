//! Steps that run one after the other, each with a line and its time, and a summary that decides the exit code.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

pub(crate) enum Outcome {
    Passed,
    /// Could not run here; says why. Not a failure: the summary repeats it.
    Skipped(String),
}

#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
    absent: Vec<String>,
}

struct Step {
    name: &'static str,
    elapsed: Duration,
    result: anyhow::Result<Outcome>,
}

impl Steps {
    /// Runs one step. A failure is printed and kept; the steps after it still run.
    pub(crate) fn run(&mut self, name: &'static str, step: impl FnOnce() -> anyhow::Result<Outcome>) {
        say(&format!("\n== {name}"));
        let start = Instant::now();
        let result = step();
        let step = Step { name, elapsed: start.elapsed(), result };
        say(&step.line());
        self.done.push(step);
    }

    /// Notes that something is absent here, with what does not run because of it.
    pub(crate) fn absent(&mut self, sentence: String) {
        self.absent.push(sentence);
    }

    /// Prints every step again, then what was absent.
    pub(crate) fn finish(self) -> ExitCode {
        say("\n== summary");
        for step in &self.done {
            say(&step.line());
        }
        for sentence in &self.absent {
            say(&format!("ABSENT   {sentence}"));
        }
        let failed = self.done.iter().filter(|step| step.result.is_err()).count();
        let elapsed: Duration = self.done.iter().map(|step| step.elapsed).sum();
        say(&format!("{} steps, {failed} failed, {:.0} s", self.done.len(), elapsed.as_secs_f64()));
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl Step {
    fn line(&self) -> String {
        let (word, detail) = match &self.result {
            Ok(Outcome::Passed) => ("passed", String::new()),
            Ok(Outcome::Skipped(reason)) => ("SKIPPED", format!("  {reason}")),
            Err(error) => ("FAILED", format!("  {error:#}")),
        };
        let line = format!("{word:<8} {:<20} {:>7.1} s{detail}", self.name, self.elapsed.as_secs_f64());
        line.trim_end().to_owned()
    }
}

/// Writes a line to standard output. A reader that has gone away is no reason to stop testing.
pub(crate) fn say(line: &str) {
    let mut stdout = std::io::stdout().lock();
    drop(writeln!(stdout, "{line}").and_then(|()| stdout.flush()));
}
