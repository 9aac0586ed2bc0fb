use component::PackageType;
use sbom::{Cataloger, Edges, Evidence};
use serde_json::json;

use crate::cli::output_argument;
use crate::error::{CommandError, Kind};
use crate::output::{self, Format};
use crate::session::Session;
use crate::settings::nearest;

/// The cataloger without which no package of a distribution has its purl.
const ALWAYS: &str = "os-release";

/// List what can be found, and by which cataloger.
#[derive(Debug, clap::Args)]
#[command(
    arg(output_argument()),
    after_help = "Example:
  garrison sbom catalogers
  garrison sbom catalogers -o json"
)]
pub(crate) struct Catalogers {}

impl Catalogers {
    #[expect(clippy::unused_self, reason = "its only flag is the one of all commands")]
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        let all = sbom::catalogers();
        if session.format() == Format::Json {
            let items: Vec<_> = all.iter().map(item).collect();
            return output::print_json(&json!({ "items": items, "next": null }));
        }
        let width = all.iter().map(|cataloger| cataloger.name.len()).max().unwrap_or_default();
        // No table: what is found takes a line to say, and is what the list is for.
        let lines = all.iter().map(|cataloger| format!("{:<width$}  {}", cataloger.name, cataloger.summary));
        output::print_line(&lines.collect::<Vec<_>>().join("\n"))
    }
}

fn item(cataloger: &Cataloger) -> serde_json::Value {
    let abilities = &cataloger.abilities;
    json!({
        "name": cataloger.name, "finds": cataloger.summary, "evidence": evidence(cataloger), "edges": edges(cataloger),
        "licenses": abilities.licenses, "files": abilities.files, "hashes": abilities.hashes,
    })
}

fn edges(cataloger: &Cataloger) -> &'static str {
    match cataloger.abilities.edges {
        Edges::Complete => "complete",
        Edges::Flat => "flat",
        Edges::None => "none",
    }
}

fn evidence(cataloger: &Cataloger) -> &'static str {
    match cataloger.evidence {
        Evidence::Installed => "installed",
        Evidence::Declared => "declared",
    }
}

/// Returns the catalogers with these names; all of them where no name is given.
pub(crate) fn selected(names: &[String]) -> Result<Vec<&'static Cataloger>, CommandError> {
    let all = sbom::catalogers();
    if names.is_empty() {
        return Ok(all.iter().collect());
    }
    for name in names {
        if !all.iter().any(|cataloger| cataloger.name == name) {
            let error = CommandError::new(Kind::Usage, format!("there is no cataloger `{name}`"));
            let of_kind = of_kind(all, name);
            if !of_kind.is_empty() {
                let names: Vec<&str> = of_kind.iter().map(|cataloger| cataloger.name).collect();
                let kind = if name == PIP { "python" } else { name };
                return Err(error.hint(format!("catalogers of `{kind}` packages: {}", names.join(", "))));
            }
            return Err(match nearest(name, all.iter().map(|cataloger| cataloger.name.to_owned())) {
                Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
                None => error.hint("`garrison sbom catalogers` lists them"),
            });
        }
    }
    let is_selected =
        |cataloger: &&Cataloger| cataloger.name == ALWAYS || names.iter().any(|name| name == cataloger.name);
    Ok(all.iter().filter(is_selected).collect())
}

/// The tool that people say for what it installs.
const PIP: &str = "pip";

/// Returns the catalogers of the packages that a word means: the name of their kind, of their purls' type, or of their language.
fn of_kind<'a>(all: &'a [Cataloger], name: &str) -> Vec<&'a Cataloger> {
    let name = if name == PIP { "python" } else { name };
    let is_meant =
        |kind: &PackageType| kind.name() == name || kind.purl_type() == name || kind.language() == Some(name);
    all.iter().filter(|cataloger| cataloger.abilities.packages.iter().any(is_meant)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_cataloger_is_an_error_with_the_nearest() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let found = selected(&names(&["dpkg"])).unwrap();
        assert_eq!(found.iter().map(|cataloger| cataloger.name).collect::<Vec<_>>(), ["dpkg", ALWAYS]);
        assert_eq!(selected(&[]).unwrap().len(), sbom::catalogers().len());
        for (name, told) in [("dpgk", "did you mean `dpkg`?"), ("zzz", "lists them")] {
            let error = selected(&names(&["dpkg", name])).unwrap_err();
            let mut text = Vec::new();
            error.print(&mut text).unwrap();
            assert!(String::from_utf8(text).unwrap().contains(told), "{name}");
        }
    }
}
