use std::io::Read as _;
use std::path::Path;

use clap::Subcommand;
use outbound::{Endpoint, Method};
use serde_json::{Value, json};

use super::Rows;
use crate::error::{CommandError, Kind};
use crate::output::{self, Format};
use crate::session::{Field, Session};

/// A head is some lines; this is far beyond.
const HEAD_BYTES_MAX: u64 = 64 << 10;

/// The record of who did what, which cannot be changed unseen.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison audit list --actor ada
  garrison audit verify")]
pub(crate) enum Command {
    /// List the records, the newest first.
    #[command(after_help = "Example:
  garrison audit list
  garrison audit list --actor ada --action tag.move")]
    List {
        /// Only records of this actor
        #[arg(long)]
        actor: Option<String>,
        /// Only records of this action
        #[arg(long)]
        action: Option<String>,
        #[command(flatten)]
        rows: Rows,
    },
    /// Check the whole record: no edit, deletion, reordering, cut tail or history computed anew.
    #[command(after_help = "Example:
  garrison audit head > head.txt
  garrison audit verify --since head.txt")]
    Verify {
        /// File with a head that was kept elsewhere; the record must still contain it
        #[arg(long, value_name = "HEAD")]
        since: Option<String>,
    },
    /// Print the signed head, to be kept elsewhere.
    #[command(after_help = "Example:
  garrison audit head > head.txt")]
    Head,
}

const LIST: &[Field] = &[
    Field::time("AT", "at", 0),
    Field::key("ACTOR", "actor"),
    Field::key("ACTION", "action"),
    Field::resource("RESOURCE", "resource", 0),
    Field::text("OUTCOME", "outcome", 1),
    Field::count("COUNT", "count", 2),
    Field::count("NUMBER", "sequence", 3),
];

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let hub = session.hub()?;
        match self {
            Self::List { actor, action, rows } => {
                let endpoint = Endpoint::api(["audit"]).with_some("actor", actor).with_some("action", action);
                session.print_list(&hub, &endpoint, Some(rows.limit), LIST, "No such record.").await
            }
            Self::Head => {
                let head: Value = hub.get(&Endpoint::api(["audit", "head"])).await?;
                match (session.format(), head["head"].as_str()) {
                    (Format::Table, Some(note)) => output::print_line(output::printable(note).trim_end()),
                    _ => output::print_json(&head),
                }
            }
            Self::Verify { since } => {
                let since = since.map(|file| read_head(Path::new(&file))).transpose()?;
                let endpoint = Endpoint::api(["audit", "verify"]);
                let report: Value = hub.send(Method::Post, &endpoint, Some(&json!({ "since": since }))).await?;
                if session.format() == Format::Json {
                    output::print_json(&report)?;
                }
                let problems: Vec<&str> =
                    report["problems"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                if report["ok"] == true {
                    let records = report["size"].as_u64().unwrap_or(0);
                    let held = if since.is_some() { ", and it contains the head given" } else { "" };
                    return session_line(session, &format!("The record is whole: {records} records{held}."));
                }
                Err(CommandError::new(Kind::No, "the record was tampered with")
                    .with_hints(problems.into_iter().map(str::to_owned).collect()))
            }
        }
    }
}

fn session_line(session: &Session, words: &str) -> Result<(), CommandError> {
    if session.format() == Format::Table { output::print_line(words) } else { Ok(()) }
}

fn read_head(path: &Path) -> Result<String, CommandError> {
    let failed = |source| CommandError::environment(format!("failed to read the head `{}`", path.display()), source);
    let mut head = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(HEAD_BYTES_MAX).read_to_string(&mut head).map_err(failed)?;
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(HEAD_BYTES_MAX).read_to_string(&mut head))
            .map_err(failed)?;
    }
    Ok(head)
}
