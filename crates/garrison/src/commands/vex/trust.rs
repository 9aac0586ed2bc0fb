//! Whose VEX counts: the document of a hub, and of a file.

use clap::Subcommand;
use outbound::Endpoint;
use policy::VexTrust;
use serde_json::Value;

use crate::commands::bounded;
use crate::commands::set_document::{self, text};
use crate::error::{CommandError, Kind};
use crate::output::{self, Format};
use crate::session::Session;

/// Whose VEX counts in the hub: which authors go before which, and who may state it by pushing it beside an image.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison vex trust show --document > trust.yaml
  garrison vex trust push trust.yaml")]
pub(crate) enum Command {
    Show(Show),
    Push(Push),
}

/// Show whose VEX counts in the hub.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison vex trust show
  garrison vex trust show --document > trust.yaml")]
pub(crate) struct Show {
    /// Print the document as it was written, for editing; `push` knows by it whether someone else changed it meanwhile
    #[arg(long)]
    document: bool,
}

/// Set whose VEX counts in the hub, by a document.
///
/// An empty document takes it back: then everybody's VEX counts alike that was given, and none that was pushed beside images. Findings are
/// counted again within seconds.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison vex trust push trust.yaml
  garrison vex trust push /dev/null --overwrite

A document is as follows; all but the first two lines may be left out:
  apiVersion: garrison.dev/v1
  kind: VexTrust
  authors: [[\"Red Hat*\"], [\"*@example.com\"]]
  others: ignore
  pushers: [\"robot:vex-*\"]

Exit codes: 0 it counts, 1 someone else changed it meanwhile or you may not, 2 the document is not understood.")]
pub(crate) struct Push {
    /// Document, `-` for standard input, or the digest of one that counted before
    #[arg(value_name = "FILE")]
    file: String,
    /// Replace whatever counts now, such as from a repository that is the source of truth
    #[arg(long)]
    overwrite: bool,
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        match self {
            Self::Show(args) => args.run(session).await,
            Self::Push(args) => args.run(session).await,
        }
    }
}

fn endpoint() -> Endpoint {
    Endpoint::api(["vex-trust"])
}

impl Show {
    async fn run(self, session: &Session) -> Result<(), CommandError> {
        let answer: Value = session.hub()?.get(&endpoint()).await?;
        if self.document {
            return set_document::print(&answer);
        }
        if session.format() == Format::Json {
            return output::print_json(&answer);
        }
        if let Some(by) = text(&answer, "set_by") {
            let at = text(&answer, "set_at").unwrap_or_default();
            output::note(&output::printable(&format!("Set by {by} at {at}")));
        }
        let document = text(&answer, "document").unwrap_or_default();
        let trust = read_document(document.as_bytes()).map_err(|error| refused("document", &error))?;
        for line in lines(&trust) {
            output::print_line(&output::printable(&line))?;
        }
        Ok(())
    }
}

impl Push {
    async fn run(self, session: &Session) -> Result<(), CommandError> {
        let bytes = set_document::read(session, &endpoint(), &self.file, policy::TRUST_BYTES_MAX).await?;
        let trust = read_document(&bytes).map_err(|error| refused(&self.file, &error))?;
        let pushed = set_document::push(session, &endpoint(), &bytes, self.overwrite).await?;
        let told = format!("{} {}", lines(&trust).join(" "), pushed.undo("garrison vex trust push", ""));
        session.print_done(&pushed.answer, &told)
    }
}

/// Reads a document from a file.
pub(crate) fn read(file: &str) -> Result<VexTrust, CommandError> {
    read_document(&bounded::read(file, policy::TRUST_BYTES_MAX)?).map_err(|error| refused(file, &error))
}

fn read_document(bytes: &[u8]) -> Result<VexTrust, policy::ReadError> {
    if bytes.trim_ascii().is_empty() { Ok(VexTrust::default()) } else { VexTrust::read(bytes) }
}

fn refused(file: &str, error: &policy::ReadError) -> CommandError {
    let nearest = error.nearest().map(|nearest| format!("did you mean `{nearest}`?"));
    CommandError::new(Kind::Usage, format!("`{file}` is refused: {error}")).with_hints(nearest.into_iter().collect())
}

/// Says in words whose VEX counts.
fn lines(trust: &VexTrust) -> [String; 2] {
    [trust.authors_in_words(), trust.pushers_in_words()]
}
