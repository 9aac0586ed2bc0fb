use clap::Subcommand;
use component::{Pattern, PurlPattern};
use policy::import::{Defaults, Imported, Source};
use policy::{Exception, Exceptions, LIFETIME_DAYS_MAX, ReadError, Time, parse_moment, write_moment};
use serde_json::json;

mod hub;

use super::bounded;
use crate::error::{CommandError, Kind};
use crate::output::{self, Align, Column, Format, Table};
use crate::session::{Session, block_on};

/// How long before its end an exception is said to end soon, in days.
const SOON_DAYS: i64 = 30;

const DAY: Time = 24 * 60 * 60;

/// Decisions that findings do not count: with an owner, a reason and an end.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison exceptions check exceptions.yaml
  garrison exceptions import .trivyignore --owner team-a@example.com --expires 2027-01-31
  garrison exceptions push exceptions.yaml --project team")]
pub(crate) enum Command {
    Check(Check),
    Import(Import),
    Show(hub::Show),
    Push(hub::Push),
}

impl Command {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        match self {
            Self::Check(args) => args.run(session),
            Self::Import(args) => args.run(session),
            Self::Show(args) => block_on(args.run(session)),
            Self::Push(args) => block_on(args.run(session)),
        }
    }
}

/// Read a document of exceptions, and say which of them count today.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison exceptions check exceptions.yaml
  garrison exceptions check exceptions.yaml -o json

Exit codes: 0 all count or will, 1 some have expired, 2 the document is not understood.")]
pub(crate) struct Check {
    /// Document, or `-` for standard input
    #[arg(value_name = "FILE")]
    file: String,
}

/// Turn the ignore rules of Trivy or Grype into a document of exceptions.
///
/// The document goes to standard output. Rules without a counterpart are left out and told: no rule ignores more than it did.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison exceptions import .trivyignore --owner team-a@example.com --expires 2027-01-31 > exceptions.yaml
  garrison exceptions import .grype.yaml --owner team-a@example.com --expires 2027-01-31

Reads .trivyignore, .trivyignore.yaml, and the rules below `ignore` of Grype's configuration.")]
pub(crate) struct Import {
    /// Rules, or `-` for standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// Who answers for the exceptions
    #[arg(long, value_name = "NAME")]
    owner: String,
    /// When those end that have no end of their own, at most 366 days from now
    #[arg(long, value_name = "DATE")]
    expires: String,
}

impl Check {
    fn run(self, session: &Session) -> Result<(), CommandError> {
        let bytes = bounded::read(&self.file, policy::DOCUMENT_BYTES_MAX)?;
        let exceptions = Exceptions::read(&bytes).map_err(|error| refused(&self.file, &error))?;
        let now = now();
        match session.format() {
            Format::Json => print_states_as_json(&exceptions, now)?,
            Format::Table => print_states(&exceptions, now)?,
        }
        if exceptions.expired(now).next().is_none() { Ok(()) } else { Err(CommandError::silent(Kind::No)) }
    }
}

impl Import {
    fn run(self, session: &Session) -> Result<(), CommandError> {
        let usage = |text: String| CommandError::new(Kind::Usage, text);
        let expires = parse_moment(&self.expires)
            .ok_or_else(|| usage(format!("`{}` is no date", self.expires)).hint("write it as 2027-01-31"))?;
        let owner = self.owner.trim().to_owned();
        if owner.is_empty() {
            return Err(usage("an exception has an owner".to_owned()));
        }
        let bytes = bounded::read(&self.file, policy::DOCUMENT_BYTES_MAX)?;
        let source = Source::recognize(&self.file, &bytes);
        // The day began before now, so that what is imported counts at once.
        let created = now().div_euclid(DAY) * DAY;
        let days = (expires - created).div_euclid(DAY);
        if !(1..=LIFETIME_DAYS_MAX).contains(&days) {
            let text = format!("`--expires {}` lies {days} days from today", self.expires);
            return Err(usage(text).hint(format!("an exception lasts 1 to {LIFETIME_DAYS_MAX} days")));
        }
        let imported = policy::import::import(source, &bytes, &Defaults { owner, created, expires });
        let Imported { exceptions, remarks } = imported.map_err(|error| refused(&self.file, &error))?;
        match session.format() {
            Format::Json => output::print_json(&exceptions.to_json())?,
            Format::Table => output::print_line(exceptions.to_yaml().trim_end())?,
        }
        let left_out = remarks.iter().filter(|remark| remark.is_left_out).count();
        let count = exceptions.entries().len();
        output::note(&format!("Imported {count} of {} rules of {}", count + left_out, source.name()));
        for remark in &remarks {
            let left_out = if remark.is_left_out { "left out: " } else { "" };
            let text = format!("line {}, {}: {left_out}{}", remark.line, remark.rule, remark.what);
            output::note(&output::printable(&text));
        }
        Ok(())
    }
}

fn print_states(exceptions: &Exceptions, now: Time) -> Result<(), CommandError> {
    let entries = exceptions.entries();
    let over = exceptions.expired(now).count();
    let counting = entries.iter().filter(|entry| entry.counts(now)).count();
    let later = entries.len() - over - counting;
    let mut answer = vec![counting_in_words(counting, entries.len())];
    if later > 0 {
        answer.push(format!("{later} not yet"));
    }
    if over > 0 {
        answer.push(format!("{over} no more: renew or remove what has expired"));
    }
    output::print_line(&answer.join(", "))?;
    if entries.is_empty() {
        return Ok(());
    }
    let column = |title, rank| Column { title, align: Align::Left, rank };
    let mut table = Table::new(vec![
        column("ID", 0),
        column("STATE", 0),
        column("EXPIRES", 1),
        column("OWNER", 2),
        column("COVERS", 3),
    ]);
    for entry in entries {
        let purls = entry.purls.iter().map(PurlPattern::written);
        let patterns = entry.vulnerabilities.iter().chain(purls).chain(&entry.paths).chain(&entry.scope);
        let covers: Vec<&str> = patterns.map(Pattern::as_str).collect();
        let expires = write_moment(entry.expires);
        table.row(&[entry.id.clone(), state(entry, now).to_owned(), expires, entry.owner.clone(), covers.join(" ")]);
    }
    output::print_line(table.render(output::width()).trim_end())
}

/// Says how many of some exceptions count.
fn counting_in_words(counting: usize, of: usize) -> String {
    match of {
        1 => format!("{counting} of 1 exception counts"),
        of => format!("{counting} of {of} exceptions count"),
    }
}

fn print_states_as_json(exceptions: &Exceptions, now: Time) -> Result<(), CommandError> {
    let states: Vec<_> = exceptions
        .entries()
        .iter()
        .map(|entry| json!({ "id": entry.id, "state": state(entry, now), "owner": entry.owner, "expires": write_moment(entry.expires) }))
        .collect();
    output::print_json(&states)
}

fn state(entry: &Exception, now: Time) -> &'static str {
    if entry.expires <= now {
        "expired"
    } else if entry.created > now {
        "not begun"
    } else if entry.expires - now <= SOON_DAYS * DAY {
        "ends soon"
    } else {
        "counts"
    }
}

fn now() -> Time {
    jiff::Timestamp::now().as_second()
}

fn refused(file: &str, error: &ReadError) -> CommandError {
    let nearest = error.nearest().map(|nearest| format!("did you mean `{nearest}`?"));
    let place = match error {
        ReadError::At { line, column, mistake } => format!("{file}:{line}:{column}: {mistake}"),
        other => format!("{file}: {other}"),
    };
    CommandError::new(Kind::Usage, place).with_hints(nearest.into_iter().collect())
}
