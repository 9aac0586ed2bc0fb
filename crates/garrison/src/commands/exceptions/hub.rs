//! Exceptions that count in a hub.

use outbound::Endpoint;
use policy::Exceptions;
use serde_json::Value;

use super::{counting_in_words, now, print_states, refused};
use crate::commands::set_document::{self, text};
use crate::error::CommandError;
use crate::output::{self, Format};
use crate::session::Session;

/// Show the exceptions that count in the hub: for the images of all projects, or for those of one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison exceptions show
  garrison exceptions show --project team
  garrison exceptions show --project team --document > exceptions.yaml")]
pub(crate) struct Show {
    /// Those of a project instead of those for all
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Print the document as it was written, for editing; `push` knows by it whether someone else changed it meanwhile
    #[arg(long)]
    document: bool,
}

/// Have a document's exceptions count in the hub, in the place of those that did.
///
/// An empty document takes all back. Findings are counted again within seconds, and again when an exception begins or ends.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison exceptions push exceptions.yaml --project team
  garrison exceptions push exceptions.yaml --overwrite
  garrison exceptions push /dev/null --project team --overwrite
  garrison exceptions push sha256:0d5fbd8f2a1f4b0e6a6f2f4f0c6f3c2fd5a3f1a9a4b5c6d7e8f90123456789ab --overwrite

Exit codes: 0 they count, 1 someone else changed them meanwhile or you may not, 2 the document is not understood.")]
pub(crate) struct Push {
    /// Document, `-` for standard input, or the digest of one that counted before
    #[arg(value_name = "FILE")]
    file: String,
    /// Those of a project instead of those for all
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Replace whatever counts now, such as from a repository that is the source of truth
    #[arg(long)]
    overwrite: bool,
}

/// Exceptions that are asked for at once, the most that a hub tells.
const PAGE_ROWS: usize = 1000;

fn endpoint(project: Option<&str>) -> Endpoint {
    match project {
        Some(project) => Endpoint::api(["projects", project, "exceptions"]),
        None => Endpoint::api(["exceptions"]),
    }
}

fn whose(project: Option<&str>) -> String {
    project.map_or_else(|| "all projects".to_owned(), |project| format!("project {project}"))
}

impl Show {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let project = self.project.as_deref();
        if self.document {
            return set_document::print(&session.hub()?.get(&endpoint(project)).await?);
        }
        let answer = all(session, project).await?;
        let document = text(&answer, "document").unwrap_or_default();
        if session.format() == Format::Json {
            return output::print_json(&answer);
        }
        let Some(by) = text(&answer, "set_by") else {
            let flag = project.map(|project| format!(" --project {project}")).unwrap_or_default();
            let hint =
                format!("No exceptions for {}; `garrison exceptions push FILE{flag}` sets some.", whose(project));
            output::note(&output::printable(&hint));
            return Ok(());
        };
        let at = text(&answer, "set_at").unwrap_or_default();
        output::note(&output::printable(&format!("For {}, set by {by} at {at}", whose(project))));
        let exceptions = read(document.as_bytes()).map_err(|error| refused("document", &error))?;
        print_states(&exceptions, now())?;
        for idle in idle(&answer, project) {
            output::note(&output::printable(&idle));
        }
        Ok(())
    }
}

/// Asks for all exceptions, page by page.
async fn all(session: &Session, project: Option<&str>) -> Result<Value, CommandError> {
    let (hub, endpoint) = (session.hub()?, endpoint(project).with("limit", PAGE_ROWS));
    let mut answer: Value = hub.get(&endpoint).await?;
    let mut next = answer["next"].take();
    while let Some(after) = next.as_str() {
        let mut page: Value = hub.get(&endpoint.clone().with("after", after)).await?;
        if let (Some(all), Some(more)) = (answer["exceptions"].as_array_mut(), page["exceptions"].as_array_mut()) {
            all.append(more);
        }
        next = page["next"].take();
    }
    Ok(answer)
}

/// Exceptions without effect that are named; more are counted.
const IDLE_NAMED_MAX: usize = 5;

/// Says which exceptions match nothing that the hub has.
fn idle(answer: &Value, project: Option<&str>) -> Vec<String> {
    let place = project.map_or_else(|| "this hub".to_owned(), |project| format!("project {project}"));
    let entries = answer["exceptions"].as_array().into_iter().flatten();
    let idle: Vec<&Value> = entries.filter(|entry| entry["matches"] == Value::Bool(false)).collect();
    let named = idle.iter().take(IDLE_NAMED_MAX).map(|entry| {
        let named = |field| text(entry, field).unwrap_or_default().to_owned();
        format!(
            "The exception `{}` of {} matches nothing in {place}: nothing there has what it speaks of, where it speaks of it.",
            named("id"),
            named("owner")
        )
    });
    let more = match idle.len().saturating_sub(IDLE_NAMED_MAX) {
        0 => None,
        1 => Some(format!("1 more exception matches nothing in {place}; `-o json` names it (`matches`).")),
        more => Some(format!("{more} more exceptions match nothing in {place}; `-o json` names them (`matches`).")),
    };
    named.chain(more).collect()
}

impl Push {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let project = self.project.as_deref();
        let endpoint = endpoint(project);
        let bytes = set_document::read(session, &endpoint, &self.file, policy::DOCUMENT_BYTES_MAX).await?;
        // Before it is sent: the place of a mistake is one in this file.
        let exceptions = read(&bytes).map_err(|error| refused(&self.file, &error))?;
        let pushed = set_document::push(session, &endpoint, &bytes, self.overwrite).await?;
        let now = now();
        let counting = exceptions.entries().iter().filter(|entry| entry.counts(now)).count();
        let of = exceptions.entries().len();
        let flag = project.map(|project| format!(" --project {project}")).unwrap_or_default();
        let undo = pushed.undo("garrison exceptions push", &flag);
        let told = format!("{} for {}. {undo}", counting_in_words(counting, of), whose(project));
        session.print_done(&pushed.answer, &told)
    }
}

fn read(bytes: &[u8]) -> Result<Exceptions, policy::ReadError> {
    if bytes.trim_ascii().is_empty() { Ok(Exceptions::default()) } else { Exceptions::read(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matches_nothing_is_told() {
        let answer = serde_json::json!({"exceptions": [
            {"id": "used", "owner": "a", "matches": true},
            {"id": "idle", "owner": "b", "matches": false},
            {"id": "unknown", "owner": "c", "matches": null},
        ]});
        let told = |place: &str| {
            format!(
                "The exception `idle` of b matches nothing in {place}: nothing there has what it speaks of, where it speaks of it."
            )
        };
        assert_eq!(idle(&answer, None), [told("this hub")]);
        assert_eq!(idle(&answer, Some("team")), [told("project team")]);
        assert_eq!(idle(&Value::Null, None), Vec::<String>::new());
    }

    #[test]
    fn of_many_that_match_nothing_some_are_named() {
        let check = |number: usize, expected: Option<&str>| {
            let one = serde_json::json!({"id": "idle", "owner": "b", "matches": false});
            let told = idle(&serde_json::json!({"exceptions": vec![one; number]}), None);
            assert_eq!((told.len(), told.get(IDLE_NAMED_MAX).map(String::as_str)), (number.min(6), expected));
        };
        check(5, None);
        check(6, Some("1 more exception matches nothing in this hub; `-o json` names it (`matches`)."));
        check(7, Some("2 more exceptions match nothing in this hub; `-o json` names them (`matches`)."));
    }
}
