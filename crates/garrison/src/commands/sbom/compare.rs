use std::fmt::Write as _;

use outbound::{Endpoint, Page};
use serde_json::{Value, json};

use crate::cli::output_argument;
use crate::commands::repo::Named;
use crate::error::{CommandError, Kind};
use crate::output::{self, Format};
use crate::session::{Session, block_on};

/// Compare the SBOMs that others pushed beside an image with what its hub found in it.
///
/// An SBOM beside an image is a referrer in CycloneDX, SPDX or Syft-JSON, or an in-toto statement around one. A line begins with `-` for
/// what only the hub found, `+` for what only the SBOM has, `~` for what they have in different versions.
#[derive(Debug, clap::Args)]
#[command(
    arg(output_argument()),
    after_help = "Example:
  garrison sbom compare team/api:1.4
  garrison sbom compare 127.0.0.1:5000/team/api:1.4 --platform linux/arm64 -o json

Exit codes: 0 no difference, 1 some, or an SBOM that is not understood, 2 not understood, 3 the hub did not answer."
)]
pub(crate) struct Compare {
    /// Image of a hub: NAME, NAME:TAG or NAME@DIGEST
    #[arg(value_name = "REFERENCE")]
    reference: String,
    /// Image of an index, as it is listed there [default: the first]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<String>,
}

impl Compare {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        let (hub, reference) = session.hub_of(&self.reference)?;
        let named = Named::parse(reference)?;
        let endpoint = |last: &str| {
            let reference = named.reference.as_ref().map_or_else(|| "latest".to_owned(), ToString::to_string);
            Endpoint::api(["repository", last])
                .with("name", &named.name)
                .with("reference", reference)
                .with_some("platform", self.platform.as_ref())
        };
        let compared = block_on(async {
            let listed: Page<Value> = hub.get(&endpoint("documents")).await?;
            let mut compared = Vec::new();
            for document in listed.items.into_iter().filter(|document| document["by_hub"] == json!(false)) {
                let digest = document["digest"].as_str().unwrap_or_default();
                compared.push(match hub.get::<Value>(&endpoint("differences").with("document", digest)).await {
                    Ok(differences) => differences,
                    // One that is not understood keeps no other from being told.
                    Err(outbound::Error::Refused(problem)) if problem.code.as_deref() == Some("DOCUMENT_INVALID") => {
                        json!({ "document": document, "same": false, "error": problem.message })
                    }
                    Err(error) => return Err(error.into()),
                });
            }
            Ok(compared)
        })?;
        let is_same = compared.iter().all(|one| one["same"] == json!(true));
        match session.format() {
            Format::Json => output::print_json(&json!({ "items": compared, "next": null }))?,
            Format::Table if compared.is_empty() => output::print_line("Nobody pushed an SBOM beside it.")?,
            Format::Table => {
                let told: Vec<String> = compared.iter().map(|one| output::printable(&told(one))).collect();
                output::print_line(told.join("\n").trim_end())?;
            }
        }
        if is_same { Ok(()) } else { Err(CommandError::silent(Kind::No)) }
    }
}

/// Tells of one SBOM, and line by line how it differs.
fn told(one: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let document = &one["document"];
    let digest = text(&document["digest"]);
    let digest = digest.parse::<oci::Digest>().map_or(digest, |digest| digest.short());
    let mut told = format!("{digest} by {}", text(&document["pushed_by"]));
    if let Some(error) = one["error"].as_str() {
        let _infallible = writeln!(told, ": {error}");
        return told;
    }
    let tool = one["tool"].as_str().map_or_else(String::new, |tool| format!(", made by {tool}"));
    let counts = format!("{} components, {} edges", one["components"], one["edges"]);
    let _infallible = write!(told, ", {}{tool}: {counts}; ", text(&one["format"]));
    if one["same"] == json!(true) {
        told.push_str("says what the hub found\n");
        return told;
    }
    let _infallible = writeln!(
        told,
        "{} only the hub found, {} only it has, {} in other versions; edges: {} only the hub found, {} only it has",
        one["only_hub"]["count"],
        one["only_document"]["count"],
        one["versions"]["count"],
        one["edges_only_hub"],
        one["edges_only_document"]
    );
    let rows = |list: &str| one[list]["items"].as_array().cloned().unwrap_or_default();
    let named = |row: &Value| {
        let architecture = row["architecture"].as_str().map_or_else(String::new, |name| format!(" ({name})"));
        format!("{} {}{architecture}", text(&row["type"]), text(&row["name"]))
    };
    for (sign, list) in [('-', "only_hub"), ('+', "only_document")] {
        for row in rows(list) {
            let _infallible = writeln!(told, "{sign} {} {}", named(&row), text(&row["version"]));
        }
    }
    for row in rows("versions") {
        let _infallible = writeln!(told, "~ {} {} -> {}", named(&row), text(&row["hub"]), text(&row["document"]));
    }
    told
}
