use std::fmt::Write as _;
use std::time::Duration;

use outbound::{Endpoint, HubClient, Method};
use serde_json::{Value, json};

use crate::error::{CommandError, Kind};
use crate::output::{self, Format, Progress};
use crate::session::{self, Session};

/// How often the job is asked about.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Check that references, sizes and bytes agree, while the hub runs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison fsck
  garrison fsck --repair

Exit code 1 when something is wrong. Ctrl-C ends the watching, not the check.")]
pub(crate) struct Args {
    /// Put right what can be without losing anything
    #[arg(long)]
    repair: bool,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let hub = session.hub()?;
        let body = json!({ "repair": self.repair });
        let job: Value = hub.send(Method::Post, &Endpoint::api(["fsck"]), Some(&body)).await?;
        let Some(id) = number(&job["id"]) else {
            return Err(CommandError::new(Kind::Environment, "the hub did not say which job checks"));
        };
        let job = follow(&hub, &id, "fsck").await?;
        if job["state"] != "done" {
            let error = CommandError::new(Kind::Environment, format!("job {id} did not come to its end"))
                .hint(format!("garrison jobs show {id}"));
            return Err(match job["error"].as_str() {
                Some(reason) => error.hint(reason),
                None => error,
            });
        }
        let report: Value = hub.get(&Endpoint::api(["fsck", &id])).await?;
        if session.format() == Format::Json {
            output::print_json(&report)?;
        } else {
            output::print_line(&output::printable(&summary(&report)))?;
        }
        if report["findings_total"] == 0 {
            return Ok(());
        }
        let hint = if self.repair { "a push of what is missing or corrupt heals it" } else { "garrison fsck --repair" };
        Err(CommandError::new(Kind::No, "what is stored does not agree").hint(hint))
    }
}

/// Waits for a job, and shows how far it is.
pub(super) async fn follow(hub: &HubClient, id: &str, what: &str) -> Result<Value, CommandError> {
    let mut progress = Progress::new();
    loop {
        let job: Value = hub.get(&Endpoint::api(["jobs", id])).await?;
        if let Some(state) = job["progress"].as_str() {
            progress.update(format!("{what}  {state}"));
        }
        if !matches!(job["state"].as_str(), Some("pending" | "running")) {
            progress.finish();
            return Ok(job);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Returns the answer, what it rests on, and what is wrong, a line each.
fn summary(report: &Value) -> String {
    let count = |name: &str| report[name].as_u64().unwrap_or(0);
    let mut text = match count("findings_total") {
        0 => "Everything referenced is present and whole.".to_owned(),
        1 => "1 thing is wrong.".to_owned(),
        total => format!("{total} things are wrong."),
    };
    let looked_at = ["manifests", "references", "tags", "blobs", "files"].map(|name| format!("{name} {}", count(name)));
    let _infallible = write!(text, "\n{}  bytes re-hashed {}", looked_at.join("  "), session::size(&report["bytes"]));
    if count("orphans") > 0 {
        let bytes = session::size(&report["orphan_bytes"]);
        let _infallible = write!(text, "\nfiles that nothing names: {} ({bytes})", count("orphans"));
    }
    for finding in report["findings"].as_array().into_iter().flatten() {
        let word = |name: &str| finding[name].as_str().unwrap_or_default();
        let repaired = if finding["repaired"] == true { " (repaired)" } else { "" };
        let _infallible = write!(text, "\n {:<18}  {}  {}{repaired}", word("kind"), word("subject"), word("detail"));
    }
    text
}

fn number(id: &Value) -> Option<String> {
    match id {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_answer() {
        let whole = json!({
            "findings_total": 0, "findings": [], "manifests": 2, "references": 6, "tags": 1, "blobs": 3, "files": 4,
            "bytes": 2048, "orphans": 1, "orphan_bytes": 10,
        });
        insta::assert_snapshot!(summary(&whole), @"
        Everything referenced is present and whole.
        manifests 2  references 6  tags 1  blobs 3  files 4  bytes re-hashed 2.0 KiB
        files that nothing names: 1 (10 B)
        ");
        let wrong = json!({
            "findings_total": 1, "bytes": 0,
            "findings": [{"kind": "missing", "subject": "sha256:77", "detail": "the file is gone", "repaired": true}],
        });
        insta::assert_snapshot!(summary(&wrong), @"
        1 thing is wrong.
        manifests 0  references 0  tags 0  blobs 0  files 0  bytes re-hashed 0 B
         missing             sha256:77  the file is gone (repaired)
        ");
    }
}
