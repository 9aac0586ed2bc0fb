//! Steps that run one after the other, each with a line and its time, and a summary that decides the exit code.

use std::collections::{BTreeMap, BTreeSet};
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
    skipped: Skipped,
}

/// Tests that stepped aside, by reason.
#[derive(Default)]
struct Skipped(BTreeMap<String, BTreeSet<String>>);

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

    /// Notes the tests that stepped aside: lines of a test, a tab and its reason.
    pub(crate) fn skipped(&mut self, text: &str) {
        self.skipped = Skipped::parse(text);
    }

    /// Prints every step again, then what was absent and what was not tested for it.
    pub(crate) fn finish(self) -> ExitCode {
        say("\n== summary");
        for step in &self.done {
            say(&step.line());
        }
        for sentence in &self.absent {
            say(&format!("ABSENT   {sentence}"));
        }
        for line in self.skipped.lines() {
            say(&line);
        }
        let failed = self.done.iter().filter(|step| step.result.is_err()).count();
        let elapsed: Duration = self.done.iter().map(|step| step.elapsed).sum();
        say(&format!(
            "{} steps, {failed} failed, {} tests skipped, {:.0} s",
            self.done.len(),
            self.skipped.count(),
            elapsed.as_secs_f64()
        ));
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl Skipped {
    fn parse(lines: &str) -> Self {
        let mut reasons: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in lines.lines() {
            let (test, reason) = line.split_once('\t').unwrap_or((line, "no reason given"));
            reasons.entry(reason.to_owned()).or_default().insert(test.to_owned());
        }
        Self(reasons)
    }

    /// Returns how many tests there are, each counted once whatever its reasons.
    fn count(&self) -> usize {
        self.0.values().flatten().collect::<BTreeSet<_>>().len()
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (reason, tests) in &self.0 {
            lines.push(format!("SKIPPED  {} tests: {reason}", tests.len()));
            lines.extend(tests.iter().map(|test| format!("           {test}")));
        }
        lines
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_stepped_aside_are_told_by_reason_and_counted_once() {
        let text = "clients::helm::sqlite\tno program `helm`\nclients::helm::sqlite\tno program `helm`\n\
                    clients::docker::sqlite\tno program `docker`\nclients::helm::postgres\tno program `helm`\n\
                    clients::helm::postgres\tPostgreSQL: absent\n";
        let skipped = Skipped::parse(text);
        let expected = [
            "SKIPPED  1 tests: PostgreSQL: absent",
            "           clients::helm::postgres",
            "SKIPPED  1 tests: no program `docker`",
            "           clients::docker::sqlite",
            "SKIPPED  2 tests: no program `helm`",
            "           clients::helm::postgres",
            "           clients::helm::sqlite",
        ];
        assert_eq!((skipped.lines(), skipped.count()), (expected.map(str::to_owned).to_vec(), 3));
        assert_eq!((Skipped::parse("").lines().len(), Skipped::parse("").count()), (0, 0));
    }
}
