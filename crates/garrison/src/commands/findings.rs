use clap::Subcommand;
use findings::not_inventoried_in_words;
use outbound::{Endpoint, HubClient, Page, Told};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Rows;
use crate::error::CommandError;
use crate::output::{self, Format};
use crate::session::{Field, Session, print_rows};
use crate::settings::nearest;

/// What is known to be wrong across all images of the hub that you may pull.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison findings list --severity high --fixable
  garrison findings totals --project team")]
pub(crate) enum Command {
    /// List vulnerabilities, what is worst first: known use, then severity, then how probable use is.
    #[command(after_help = "Example:
  garrison findings list
  garrison findings list --kev --fixable
  garrison findings list --epss 0.1 --order age --project team
  garrison findings list --since 7d
  garrison findings list --severity critical --older-than 2026-11-01
  garrison findings list --tagged no")]
    List {
        /// Only from this severity on: negligible, low, medium, high, critical
        #[arg(long)]
        severity: Option<String>,
        /// Only from this probability of use on, from 0 to 1
        #[arg(long, value_name = "PROBABILITY")]
        epss: Option<f32>,
        /// Only what is known to be exploited
        #[arg(long)]
        kev: bool,
        /// Only what an upgrade mends somewhere
        #[arg(long)]
        fixable: bool,
        /// Only what is known of your images since then or later: `2026-11-29`, a time, or how long ago as `36h`, `7d` or `4w`
        #[arg(long, value_name = "DATE|DURATION")]
        since: Option<String>,
        /// Only what was known of them before then: what waits for longer
        #[arg(long, value_name = "DATE|DURATION")]
        older_than: Option<String>,
        /// Only in images of this project
        #[arg(long)]
        project: Option<String>,
        #[command(flatten)]
        images: Images,
        /// First: worst, epss or age
        #[arg(long, default_value = "worst")]
        order: String,
        #[command(flatten)]
        rows: Rows,
    },
    /// Count findings by severity, and say by which advisories they were matched.
    #[command(after_help = "Example:
  garrison findings totals
  garrison findings totals --project team")]
    Totals {
        /// Only in images of this project
        #[arg(long)]
        project: Option<String>,
        #[command(flatten)]
        images: Images,
    },
    /// List what changed as advisories came, the newest first.
    #[command(after_help = "Example:
  garrison findings events")]
    Events {
        #[command(flatten)]
        rows: Rows,
    },
}

/// Of which images is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Images {
    /// Only of images that a tag holds (yes), only of those that none holds any more (no), or of all (any)
    #[arg(long, value_name = "yes|no|any", default_value = "yes")]
    tagged: String,
}

impl Images {
    fn unless_default(&self) -> Option<&str> {
        Some(self.tagged.as_str()).filter(|tagged| *tagged != "yes")
    }
}

const VULNERABILITIES: &[Field] = &[
    Field::key("VULNERABILITY", "vulnerability"),
    Field::text("SEVERITY", "severity", 1),
    Field::text("KEV", "exploited", 4),
    Field::count("EPSS", "epss", 5),
    Field::text("FIX", "fixable", 6),
    Field::count("IMAGES", "images", 2),
    Field::text("IN", "examples", 3),
    Field::time("SINCE", "since", 7),
];

const EVENTS: &[Field] = &[
    Field::time("AT", "at", 1),
    Field::key("EVENT", "event"),
    Field::text("REASON", "reason", 4),
    Field::key("VULNERABILITY", "vulnerability"),
    Field::text("SEVERITY", "severity", 3),
    Field::key("COMPONENT", "component"),
    Field::text("FIXED", "fixed", 2),
];

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let hub = session.hub()?;
        match self {
            Self::List { severity, epss, kev, fixable, since, older_than, project, images, order, rows } => {
                let endpoint = Endpoint::api(["vulnerabilities"])
                    .with("order", order)
                    .with_some("tagged", images.unless_default())
                    .with_some("severity", severity)
                    .with_some("epss", epss)
                    .with_some("exploited", kev.then_some(true))
                    .with_some("fixable", fixable.then_some(true))
                    .with_some("since", since)
                    .with_some("older_than", older_than)
                    .with_some("project", project.as_deref());
                known(&hub, project.as_deref()).await?;
                let totals: Value = hub.get(&Endpoint::api(["findings", "totals"])).await?;
                let empty = match images.tagged.as_str() {
                    _ if totals["matched"].is_null() => NOT_MATCHED,
                    "yes" => {
                        "No tagged image that you may pull has such a vulnerability; `--tagged any` looks at the others too."
                    }
                    "no" => "No image without a tag that you may pull has such a vulnerability.",
                    _ => "No image that you may pull has such a vulnerability.",
                };
                let told: Told<Value, Beside> = hub.list_with(&endpoint, rows.limit).await?;
                if session.format() == Format::Json {
                    return output::print_json(&told);
                }
                print_rows(&told.page, VULNERABILITIES, empty)?;
                if told.beside.order_of_hub {
                    output::note(ORDER_OF_HUB);
                }
                if let Some(not_inventoried) = not_inventoried(&told.beside.not_looked_into) {
                    output::note(&not_inventoried);
                }
                Ok(())
            }
            Self::Totals { project, images } => {
                known(&hub, project.as_deref()).await?;
                let endpoint = Endpoint::api(["findings", "totals"])
                    .with_some("tagged", images.unless_default())
                    .with_some("project", project);
                let totals: Value = hub.get(&endpoint).await?;
                session.print_done(&totals, &told(&totals))
            }
            Self::Events { rows } => {
                let endpoint = Endpoint::api(["findings", "events"]);
                session.print_list(&hub, &endpoint, Some(rows.limit), EVENTS, "Nothing changed yet.").await
            }
        }
    }
}

/// What the hub tells beside the rows.
#[derive(Debug, Deserialize, Serialize)]
struct Beside {
    /// Hubs of an earlier version do not tell it.
    #[serde(default)]
    not_looked_into: Value,
    /// Nor this.
    #[serde(default)]
    order_of_hub: bool,
}

/// What is told of an order that is not of the caller's images.
const ORDER_OF_HUB: &str =
    "You may pull very many images: what the hub came to know last of any image comes first, SINCE is of yours.";

/// Says how many images are not inventoried, where there are any, and which command names them.
fn not_inventoried(count: &Value) -> Option<String> {
    let told = not_inventoried_in_words(count["images"].as_u64()?, count["more"] == Value::Bool(true));
    Some(format!("{told}: `garrison sbom refused`"))
}

/// The most projects among which one is looked for that is called almost so.
const PROJECTS_MAX: usize = 1000;

/// Refuses a project that there is not: nothing is wrong with what it holds. Whoever may pull from a project and not see it is believed.
async fn known(hub: &HubClient, project: Option<&str>) -> Result<(), CommandError> {
    let Some(name) = project else { return Ok(()) };
    let holds = Endpoint::api(["projects", name, "repositories"]);
    let Err(error) = hub.get::<Value>(&Endpoint::api(["projects", name])).await else { return Ok(()) };
    if hub.list::<Value>(&holds, Some(1)).await.is_ok_and(|page| !page.items.is_empty()) {
        return Ok(());
    }
    let error = CommandError::from(error);
    let projects: Result<Page<Value>, _> = hub.list(&Endpoint::api(["projects"]), Some(PROJECTS_MAX)).await;
    let names = projects.map(|page| page.items).unwrap_or_default();
    let names = names.iter().filter_map(|project| project["name"].as_str().map(str::to_owned));
    Err(match nearest(name, names) {
        Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
        None => error,
    })
}

/// What is told where nothing can be known yet.
const NOT_MATCHED: &str = "Nothing was matched yet: the hub has no advisories, or no inventory of an image.";

/// The severities, worst first.
const SEVERITIES: [&str; 6] = ["critical", "high", "medium", "low", "negligible", "unknown"];

/// The answer in words.
fn told(totals: &Value) -> String {
    let count = |name: &str| totals[name].as_u64().unwrap_or(0);
    let matched = &totals["matched"];
    let not_inventoried =
        not_inventoried(&totals["not_looked_into"]).map(|told| format!("\n{told}")).unwrap_or_default();
    if matched.is_null() {
        return format!("{NOT_MATCHED}{not_inventoried}");
    }
    let open: u64 = SEVERITIES.iter().map(|name| count(name)).sum();
    let by_severity: Vec<String> =
        SEVERITIES.iter().filter(|name| count(name) > 0).map(|name| format!("{} {name}", count(name))).collect();
    let (of, others) = match totals["tagged"].as_str() {
        Some("yes") => (" in tagged images", "images without a tag: `--tagged no`"),
        Some("no") => (" in images without a tag", "tagged images: `--tagged yes`"),
        _ => ("", ""),
    };
    let first = match open {
        0 => format!("No finding counts{of}"),
        1 => format!("1 finding counts{of}: {}", by_severity.join(", ")),
        _ => format!("{open} findings count{of}: {}", by_severity.join(", ")),
    };
    let text = |name: &str| matched[name].as_str().unwrap_or("-");
    let apart = match count("apart") {
        0 => String::new(),
        1 => format!("\n1 more counts in {others}"),
        apart => format!("\n{apart} more count in {others}"),
    };
    format!(
        "{first}.\n{} known to be exploited, {} that an upgrade mends, {} that do not count.{apart}{not_inventoried}\nMatched by {} ({}), since {}.",
        count("exploited"),
        count("fixable"),
        count("suppressed"),
        text("database").parse::<oci::Digest>().map_or_else(|_| text("database").to_owned(), |digest| digest.short()),
        text("progress"),
        text("since"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn totals_are_told_in_words() {
        let matched = json!({
            "database": format!("sha256:{}", "0f".repeat(32)), "matcher": 3, "progress": "done",
            "since": "2026-11-29T10:11:12Z",
        });
        for (totals, expected) in [
            (
                json!({"matched": matched, "high": 1, "tagged": "yes", "apart": 12}),
                "1 finding counts in tagged images: 1 high.\n0 known to be exploited, 0 that an upgrade mends, 0 that do not count.\n\
                 12 more count in images without a tag: `--tagged no`\nMatched by 0f0f0f0f0f0f (done), since 2026-11-29T10:11:12Z.",
            ),
            (
                json!({"matched": matched, "high": 2, "tagged": "no", "apart": 1}),
                "2 findings count in images without a tag: 2 high.\n0 known to be exploited, 0 that an upgrade mends, 0 that do not \
                 count.\n1 more counts in tagged images: `--tagged yes`\nMatched by 0f0f0f0f0f0f (done), since 2026-11-29T10:11:12Z.",
            ),
            (
                json!({"matched": null}),
                "Nothing was matched yet: the hub has no advisories, or no inventory of an image.",
            ),
            (
                json!({"matched": null, "not_looked_into": {"images": 2, "more": false}}),
                "Nothing was matched yet: the hub has no advisories, or no inventory of an image.\n\
                 2 images are not inventoried: what is wrong with them is not known: `garrison sbom refused`",
            ),
            (
                json!({"matched": matched, "suppressed": 2}),
                "No finding counts.\n0 known to be exploited, 0 that an upgrade mends, 2 that do not count.\n\
                 Matched by 0f0f0f0f0f0f (done), since 2026-11-29T10:11:12Z.",
            ),
            (
                json!({"matched": matched, "critical": 1, "unknown": 3, "exploited": 1, "fixable": 4}),
                "4 findings count: 1 critical, 3 unknown.\n1 known to be exploited, 4 that an upgrade mends, \
                 0 that do not count.\nMatched by 0f0f0f0f0f0f (done), since 2026-11-29T10:11:12Z.",
            ),
        ] {
            assert_eq!(told(&totals), expected, "{totals}");
        }
    }
}
