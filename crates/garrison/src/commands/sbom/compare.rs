use std::fmt::Write as _;

use outbound::{Endpoint, HubClient};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::output_argument;
use crate::commands::repo::Named;
use crate::error::{CommandError, Kind};
use crate::output::{self, Format};
use crate::session::{Session, block_on};

/// Compare the SBOMs that others pushed beside an image with what its hub found in it.
///
/// An SBOM beside an image is in CycloneDX, SPDX or Syft-JSON, or an in-toto statement around one, in an envelope or not: as a referrer, as
/// what an index that lists the image says to attest it (`docker buildx build --sbom=true`), or under the tag of its attestations
/// (`cosign attest`). A line begins with `-` for what only the hub found, `+` for what only the SBOM has, `~` for what they have in different versions. The first twenty are compared; how
/// many are not is told.
#[derive(Debug, clap::Args)]
#[command(
    arg(output_argument()),
    after_help = "Example:
  garrison sbom compare team/api:1.4
  garrison sbom compare 127.0.0.1:5000/team/api:1.4 --platform linux/arm64 -o json

Exit codes: 0 no difference, 1 some, or an SBOM that is not understood or not compared, 2 not understood, 3 the hub did not answer."
)]
pub(crate) struct Compare {
    /// Image of a hub: NAME, NAME:TAG or NAME@DIGEST
    #[arg(value_name = "REFERENCE")]
    reference: String,
    /// Image of an index, as it is listed there [default: the first]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<String>,
    /// Compare what one manifest holds, which refers to the image or attests it
    #[arg(long, value_name = "DIGEST")]
    document: Option<oci::Digest>,
}

/// The SBOMs beside an image, as the hub lists them.
#[derive(Deserialize)]
struct Listed {
    items: Vec<Value>,
    left_out: u64,
    may_be_more: bool,
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
        let (listed, compared) = block_on(async {
            let of = self.document.map(|digest| digest.to_string());
            let listed: Listed = hub.get(&endpoint("documents").with_some("document", of.as_ref())).await?;
            let mut compared = Vec::new();
            // One that is named is compared whoever made it.
            let is_meant = |document: &&Value| document["by_hub"] == json!(false) || of.is_some();
            for document in listed.items.iter().filter(is_meant) {
                compared.push(compare(&hub, endpoint("differences"), document).await?);
            }
            Ok::<_, CommandError>((listed, compared))
        })?;
        let Listed { left_out, may_be_more, .. } = listed;
        match session.format() {
            Format::Json => {
                output::print_json(&json!({ "items": compared, "left_out": left_out, "may_be_more": may_be_more }))?;
            }
            Format::Table if compared.is_empty() && !may_be_more => {
                output::print_line("Nobody pushed an SBOM beside it.")?;
            }
            Format::Table => {
                let told = compared.iter().map(|one| output::printable(&told(one)));
                let told: Vec<String> = told.chain(not_compared(left_out, may_be_more)).collect();
                output::print_line(told.join("\n").trim_end())?;
            }
        }
        let is_same = compared.iter().all(|one| one["same"] == json!(true)) && left_out == 0 && !may_be_more;
        if is_same { Ok(()) } else { Err(CommandError::silent(Kind::No)) }
    }
}

/// Has one SBOM compared; one that is not understood keeps no other from being told.
async fn compare(hub: &HubClient, endpoint: Endpoint, document: &Value) -> Result<Value, CommandError> {
    let named = |part: &str| document[part].as_str().unwrap_or_default().to_owned();
    match hub.get::<Value>(&endpoint.with("document", named("digest")).with("blob", named("blob"))).await {
        Ok(differences) => Ok(differences),
        Err(outbound::Error::Refused(problem)) if problem.code.as_deref() == Some("DOCUMENT_INVALID") => {
            Ok(json!({ "document": document, "same": false, "error": problem.message }))
        }
        Err(error) => Err(error.into()),
    }
}

/// Says how many SBOMs were not compared; nothing when all were.
fn not_compared(left_out: u64, may_be_more: bool) -> Option<String> {
    let what = match (left_out, may_be_more) {
        (0, false) => return None,
        (0, true) => "More lies beside it than is looked at: SBOMs among the rest are".to_owned(),
        (1, false) => "1 more SBOM beside it is".to_owned(),
        (number, false) => format!("{number} more SBOMs beside it are"),
        (number, true) => format!("At least {number} more SBOMs beside it are"),
    };
    Some(format!("{what} not compared; `--document DIGEST` compares one."))
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
    let wrong = wrong_parts(one["wrong"].as_u64().unwrap_or_default());
    if one["same"] == json!(true) {
        let _infallible = writeln!(told, "says what the hub found{wrong}");
        return told;
    }
    let _infallible = writeln!(
        told,
        "{} only the hub found, {} only it has, {} in other versions, {} otherwise different; \
         edges: {} only the hub found, {} only it has{wrong}",
        one["only_hub"]["count"],
        one["only_document"]["count"],
        one["versions"]["count"],
        one["properties"]["count"],
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
    let value = |value: &Value| value.as_str().filter(|value| !value.is_empty()).unwrap_or("none").to_owned();
    if let Some(both) = one.get("distribution").filter(|both| both.is_object()) {
        let _infallible = writeln!(told, "~ distribution: {} -> {}", value(&both["hub"]), value(&both["document"]));
    }
    for row in rows("properties") {
        let what = format!("{} {} {}", named(&row), text(&row["version"]), text(&row["property"]));
        let _infallible = writeln!(told, "~ {what}: {} -> {}", value(&row["hub"]), value(&row["document"]));
    }
    told
}

/// Says how many parts of an SBOM are wrong by its own format, which were not read; nothing when all were.
fn wrong_parts(number: u64) -> String {
    match number {
        0 => String::new(),
        1 => "; 1 part of it is wrong by its format and was not read".to_owned(),
        number => format!("; {number} parts of it are wrong by its format and were not read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_in_an_sbom_is_told() {
        let none = json!({"count": 0, "items": []});
        let of = |same: bool, wrong: u64| {
            json!({
                "document": {"digest": "x", "pushed_by": "user:ann"}, "format": "cyclonedx", "components": 0, "edges": 0, "same": same, "wrong": wrong,
                "only_hub": none, "only_document": none, "versions": none, "edges_only_hub": 0, "edges_only_document": 0,
            })
        };
        for (same, wrong, expected) in [
            (true, 0, "says what the hub found\n"),
            (true, 1, "says what the hub found; 1 part of it is wrong by its format and was not read\n"),
            (false, 0, "edges: 0 only the hub found, 0 only it has\n"),
            (
                false,
                2,
                "edges: 0 only the hub found, 0 only it has; 2 parts of it are wrong by its format and were not read\n",
            ),
        ] {
            let told = told(&of(same, wrong));
            assert!(told.ends_with(expected), "{told}");
        }
    }

    #[test]
    fn what_is_not_compared_is_told() {
        for (left_out, may_be_more, expected) in [
            (0, false, ""),
            (1, false, "1 more SBOM beside it is not compared; `--document DIGEST` compares one."),
            (2, false, "2 more SBOMs beside it are not compared; `--document DIGEST` compares one."),
            (2, true, "At least 2 more SBOMs beside it are not compared; `--document DIGEST` compares one."),
            (
                0,
                true,
                "More lies beside it than is looked at: SBOMs among the rest are not compared; `--document DIGEST` \
                 compares one.",
            ),
        ] {
            assert_eq!(not_compared(left_out, may_be_more).unwrap_or_default(), expected);
        }
    }
}
