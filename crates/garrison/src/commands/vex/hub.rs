//! VEX that counts in a hub.

use oci::Digest;
use outbound::{Endpoint, Method, Page};
use serde_json::Value;

use crate::commands::repo::Named;
use crate::commands::set_document::ANSWER_TIME_MAX;
use crate::commands::{Rows, bounded};
use crate::error::{CommandError, Kind};
use crate::output;
use crate::session::{Field, Session};

const LIST: &[Field] = &[
    Field::digest("DIGEST", "digest", 0),
    Field::text("AUTHOR", "author", 0),
    Field::text("NAME", "name", 3),
    Field::count("STATEMENTS", "statements", 1),
    Field::text("BY", "given_by", 2),
    Field::time("GIVEN", "given_at", 4),
    Field::text("DOES NOT COUNT", "why_not", 0),
];

const BESIDE: &[Field] = &[
    Field::digest("REFERRER", "digest", 0),
    Field::text("AUTHOR", "author", 0),
    Field::text("NAME", "name", 3),
    Field::count("STATEMENTS", "statements", 2),
    Field::text("PUSHED BY", "pushed_by", 1),
    Field::text("DOES NOT COUNT", "why_not", 0),
];

/// For whom a document counts.
#[derive(Clone, Debug, clap::Args)]
struct Whose {
    /// For the images of a project instead of all
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
}

/// Have VEX documents count in the hub, beside those that do.
///
/// Findings are counted again within seconds. A document with the same name and a greater version takes the place of the earlier one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison vex push product.openvex.json --project team
  garrison vex push vendor.csaf.json

Exit codes: 0 it counts, 1 you may not, 2 the document is not understood.")]
pub(crate) struct Push {
    /// Document, or `-` for standard input
    #[arg(value_name = "FILE")]
    file: String,
    #[command(flatten)]
    whose: Whose,
}

/// List the VEX documents that count in the hub; of an image, what lies beside it, with why it does not count.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison vex list --project team
  garrison vex list team/api:1.4")]
pub(crate) struct List {
    /// Image of a hub: NAME, NAME:TAG or NAME@DIGEST
    #[arg(value_name = "REFERENCE", conflicts_with = "project")]
    reference: Option<String>,
    /// Image of an index, as it is listed there [default: the first]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", requires = "reference")]
    platform: Option<String>,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    rows: Rows,
}

/// Have a VEX document count no more in the hub.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison vex remove 0d5fbd8f2a1f
  garrison vex remove sha256:0d5fbd8f2a1f4b0e6a6f2f4f0c6f3c2fd5a3f1a9a4b5c6d7e8f90123456789ab --project team")]
pub(crate) struct Remove {
    /// The document's digest, or how it begins
    #[arg(value_name = "DIGEST")]
    digest: String,
    #[command(flatten)]
    whose: Whose,
}

impl Whose {
    fn endpoint(&self, digest: Option<&str>) -> Endpoint {
        match &self.project {
            Some(project) => Endpoint::api(["projects", project.as_str(), "vex"].into_iter().chain(digest)),
            None => Endpoint::api(["vex"].into_iter().chain(digest)),
        }
    }

    fn flag(&self) -> String {
        self.project.as_ref().map_or_else(String::new, |project| format!(" --project {project}"))
    }

    fn words(&self) -> String {
        self.project.as_ref().map_or_else(|| "all projects".to_owned(), |project| format!("project {project}"))
    }
}

impl Push {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let Self { file, whose } = self;
        let bytes = bounded::read(&file, vex::DOCUMENT_BYTES_MAX)?;
        vex::read(&bytes)
            .map_err(|refusal| CommandError::new(Kind::Usage, format!("`{file}` is refused: {refusal}")))?;
        let digest = blobs::digest(oci::Algorithm::Sha256, &bytes).to_string();
        let hub = session.hub()?;
        let given: Value = hub.upload(&whose.endpoint(Some(&digest)), bytes, ANSWER_TIME_MAX).await?;
        let statements = given.get("statements").and_then(Value::as_u64).unwrap_or_default();
        let undo = format!("garrison vex remove {digest}{}", whose.flag());
        let (told, count) =
            (output::counted(statements, "statement"), if statements == 1 { "counts" } else { "count" });
        // Hubs of an earlier version do not say so.
        let told = match given.get("why_not").and_then(Value::as_str) {
            None => format!("{told} {count} for {}. Undo: {undo}", whose.words()),
            Some(why_not) => format!("{told} kept for {}, and not counted: {why_not}. Undo: {undo}", whose.words()),
        };
        session.print_done(&given, &told)
    }
}

impl List {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let Self { reference, platform, whose, rows } = self;
        if let Some(reference) = reference {
            let (hub, reference) = session.hub_of(&reference)?;
            let named = Named::parse(reference)?;
            let reference = named.reference.as_ref().map_or_else(|| "latest".to_owned(), ToString::to_string);
            let endpoint = Endpoint::api(["repository", "vex"])
                .with("name", &named.name)
                .with("reference", reference)
                .with_some("platform", platform.as_ref());
            return session.print_list(&hub, &endpoint, None, BESIDE, "No VEX lies beside it.").await;
        }
        let empty = format!("No VEX for {}; `garrison vex push FILE{}` gives some.", whose.words(), whose.flag());
        session.print_list(&session.hub()?, &whose.endpoint(None), Some(rows.limit), LIST, &empty).await
    }
}

/// Returns the one digest that begins as was written, as tables print it.
fn meant<'d>(written: &str, listed: impl Iterator<Item = &'d str>, whose: &Whose) -> Result<String, CommandError> {
    let begin = written.to_ascii_lowercase();
    let is_meant = |digest: &&str| {
        let hash = digest.split_once(':').map_or(*digest, |(_, hash)| hash);
        hash.starts_with(&begin) || digest.starts_with(&begin)
    };
    let list = format!("garrison vex list{}", whose.flag());
    match &*listed.filter(is_meant).collect::<Vec<_>>() {
        [digest] => Ok((*digest).to_owned()),
        [] => {
            let message = format!("no VEX document for {} has a digest that begins with `{written}`", whose.words());
            Err(CommandError::new(Kind::No, message).hint(format!("`{list}` lists those that there are")))
        }
        several => {
            let message = format!("{} VEX documents have a digest that begins with `{written}`", several.len());
            Err(CommandError::new(Kind::Usage, message).hint(format!("write more of it: {}", several.join(", "))))
        }
    }
}

impl Remove {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let Self { digest, whose } = self;
        let hub = session.hub()?;
        let digest = if let Ok(whole) = digest.parse::<Digest>() {
            whole.to_string()
        } else {
            let listed: Page<Value> = hub.list(&whose.endpoint(None), None).await?;
            let listed = listed.items.iter().filter_map(|one| one.get("digest").and_then(Value::as_str));
            meant(&digest, listed, &whose)?
        };
        let endpoint = whose.endpoint(Some(&digest));
        let gone: Value = hub.send(Method::Delete, &endpoint, None::<&Value>).await?;
        let undo = format!("garrison vex push FILE{}, with that document", whose.flag());
        session.print_done(&gone, &format!("{digest} counts no more for {}. Undo: {undo}", whose.words()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_named_by_how_its_digest_begins() {
        let listed = ["sha256:37bd3ac414a3ff", "sha256:37bd00", "sha512:ab"];
        let whose = Whose { project: Some("team".to_owned()) };
        for (written, expected) in [
            ("37bd3ac414a3", Ok("sha256:37bd3ac414a3ff")),
            ("37BD3", Ok("sha256:37bd3ac414a3ff")),
            ("sha256:37bd0", Ok("sha256:37bd00")),
            ("a", Ok("sha512:ab")),
            ("37bd", Err("2 VEX documents have a digest that begins with `37bd`")),
            ("sha256", Err("2 VEX documents have a digest that begins with `sha256`")),
            ("ff", Err("no VEX document for project team has a digest that begins with `ff`")),
            ("", Err("3 VEX documents have a digest that begins with ``")),
        ] {
            let found = meant(written, listed.into_iter(), &whose).map_err(|error| {
                let mut told = Vec::new();
                error.print(&mut told).unwrap();
                String::from_utf8(told).unwrap()
            });
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(told), Err(expected)) => assert!(told.contains(expected), "{told}"),
                (found, _) => panic!("{written}: {found:?}"),
            }
        }
    }
}
