use std::collections::BTreeMap;

use clap::Subcommand;
use serde_json::json;
use vex::{Document, Problem};

mod hub;
pub(crate) mod trust;

use super::bounded;
use crate::advisories;
use crate::error::{CommandError, Kind};
use crate::output::{self, Align, Column, Format, Table};
use crate::session::{Session, block_on};

/// What others say about vulnerabilities in their products: `OpenVEX`, CSAF and CycloneDX.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison vex check product.openvex.json
  garrison vex push product.openvex.json --project team")]
pub(crate) enum Command {
    Check(Check),
    Push(hub::Push),
    List(hub::List),
    Remove(hub::Remove),
    /// Whose VEX counts in the hub.
    #[command(subcommand)]
    Trust(trust::Command),
}

impl Command {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        match self {
            Self::Check(args) => args.run(session),
            Self::Push(args) => block_on(args.run(session)),
            Self::List(args) => block_on(args.run(session)),
            Self::Remove(args) => block_on(args.run(session)),
            Self::Trust(command) => block_on(command.run(session)),
        }
    }
}

/// Read a VEX document, and say what it states and what of it is not understood.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison vex check product.openvex.json
  garrison vex check cve-2023-38545.json -o json

Exit codes: 0 it is read, 1 it is refused, 3 there is no such file.")]
pub(crate) struct Check {
    /// Document, or `-` for standard input
    #[arg(value_name = "FILE")]
    file: String,
}

impl Check {
    fn run(self, session: &Session) -> Result<(), CommandError> {
        let bytes = bounded::read(&self.file, vex::DOCUMENT_BYTES_MAX)?;
        let document = vex::read(&bytes).map_err(|refusal| {
            let text = format!("`{}` is refused: {refusal}", self.file);
            CommandError::new(Kind::No, text)
        })?;
        match session.format() {
            Format::Json => print_as_json(&document),
            Format::Table => print(&document),
        }
    }
}

/// Returns for each status how many statements there are, and about how many products.
fn count(document: &Document) -> BTreeMap<&'static str, (usize, usize)> {
    let mut counts = BTreeMap::new();
    for statement in &document.statements {
        let (statements, products) = counts.entry(statement.status.name()).or_insert((0, 0));
        *statements += 1;
        *products += statement.targets.len();
    }
    counts
}

fn print(document: &Document) -> Result<(), CommandError> {
    let Document { format, id, author, version, modified, statements, problems, .. } = document;
    let author = if author.is_empty() { "An author without a name" } else { author };
    let version = if version.is_empty() { String::new() } else { format!(" version {version}") };
    let wrong = problems.iter().filter(|(problem, _)| **problem != Problem::Draft);
    let (when, refused) = (advisories::moment(*modified), wrong.clone().map(|(_, (count, _))| count).sum::<u64>());
    let text = format!(
        "{author}, {format} `{id}`{version} of {when}: statements {}, not understood {refused}",
        statements.len()
    );
    output::print_line(&output::printable(&text))?;
    if !statements.is_empty() {
        let column = |title, align| Column { title, align, rank: 0 };
        let mut table = Table::new(vec![
            column("STATUS", Align::Left),
            column("STATEMENTS", Align::Right),
            column("PRODUCTS", Align::Right),
        ]);
        for (status, (statements, products)) in count(document) {
            table.row(&[status.to_owned(), statements.to_string(), products.to_string()]);
        }
        output::print_line(table.render(output::width()).trim_end())?;
    }
    if problems.contains_key(&Problem::Draft) {
        output::note(&Problem::Draft.to_string());
    }
    for (problem, (count, example)) in wrong {
        output::note(&output::printable(&format!("not understood: {problem} ({count}, as `{example}`)")));
    }
    Ok(())
}

fn print_as_json(document: &Document) -> Result<(), CommandError> {
    let moment = |time: Option<i64>| time.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let statuses: BTreeMap<_, _> = count(document)
        .into_iter()
        .map(|(status, (statements, products))| (status, json!({ "statements": statements, "products": products })))
        .collect();
    let problems: Vec<_> = document
        .problems
        .iter()
        .map(
            |(problem, (count, example))| json!({ "problem": problem.to_string(), "count": count, "example": example }),
        )
        .collect();
    output::print_json(&json!({
        "format": document.format,
        "id": document.id,
        "author": document.author,
        "version": document.version,
        "published": moment(document.published),
        "modified": moment(document.modified),
        "statuses": statuses,
        "problems": problems,
    }))
}
