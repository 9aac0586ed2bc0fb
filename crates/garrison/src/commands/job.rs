use clap::Subcommand;
use outbound::{Endpoint, Method};
use serde_json::Value;

use super::Rows;
use crate::error::CommandError;
use crate::session::{Field, Session};

/// Work in the background: collection, expiry, checks, key rotation.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison jobs list --state failed")]
pub(crate) enum Command {
    /// List the jobs, the newest first.
    #[command(after_help = "Example:
  garrison jobs list
  garrison jobs list --kind fsck --state failed")]
    List {
        /// Only jobs of this kind
        #[arg(long)]
        kind: Option<String>,
        /// Only jobs in this state
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        rows: Rows,
    },
    /// Show a job and how its last attempt ended.
    #[command(after_help = "Example:
  garrison jobs show 42")]
    Show {
        /// Number of the job
        job: String,
    },
    /// Run a failed job again.
    #[command(after_help = "Example:
  garrison jobs retry 42")]
    Retry {
        /// Number of the job
        job: String,
    },
}

const LIST: &[Field] = &[
    Field::key("JOB", "id"),
    Field::key("KIND", "kind"),
    Field::key("STATE", "state"),
    Field::count("ATTEMPTS", "attempts", 2),
    Field::time("NOT BEFORE", "not_before", 3),
    Field::time("FINISHED", "finished_at", 1),
    Field::text("ERROR", "error", 4),
];

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let hub = session.hub()?;
        match self {
            Self::List { kind, state, rows } => {
                let endpoint = Endpoint::api(["jobs"]).with_some("kind", kind).with_some("state", state);
                session.print_list(&hub, &endpoint, Some(rows.limit), LIST, "No such job.").await
            }
            Self::Show { job } => session.print_one(&hub.get(&Endpoint::api(["jobs", &job])).await?),
            Self::Retry { job } => {
                let endpoint = Endpoint::api(["jobs", &job, "retry"]);
                let queued: Value = hub.send(Method::Post, &endpoint, None::<&Value>).await?;
                session.print_done(
                    &queued,
                    &format!("Job {job} waits to run again; `garrison jobs show {job}` follows it."),
                )
            }
        }
    }
}
