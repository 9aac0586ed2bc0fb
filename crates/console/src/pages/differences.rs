//! How an SBOM that someone pushed beside an image differs from what the hub found in it.

use api::{Call, Failure};
use askama::Template;
use axum::response::Response;
use http::StatusCode;
use pipeline::Comparison;
use sbom::diff::Package;

use crate::component_row::{NAME_BYTES_MAX, VERSION_BYTES_MAX};
use crate::frame::{Frame, Section, Viewer, answer};
use crate::href;
use crate::pages::dependencies::Trail;
use crate::words::{Bytes, Hash, Moment, count, foreign, grouped, plural};

/// Rows of each list: with the longest names a third of a page.
const ROWS_MAX: usize = 60;
const TOOL_BYTES_MAX: usize = 120;
const VALUE_BYTES_MAX: usize = 120;

#[derive(Template)]
#[template(path = "differences.html")]
struct DifferencesPage {
    frame: Frame,
    trail: Trail,
    document: Hash,
    document_href: String,
    sentence: String,
    pushed: Moment,
    pushed_by: String,
    facts: Vec<(&'static str, String)>,
    lists: Vec<List>,
}

/// Differences of one kind.
struct List {
    title: String,
    rows: Vec<Row>,
    more: String,
    /// Whether both sides have the component, in different versions.
    has_both: bool,
}

struct Row {
    name: String,
    kind: &'static str,
    hub: String,
    document: String,
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let (name, image, comparison) = call.named_comparison().await?;
    let document = comparison.document.manifest;
    let frame = Frame::new(&call, Section::Images, format!("SBOM of {name}"))
        .command(format!("garrison sbom compare {name}@{image} --document {document}"));
    answer(
        StatusCode::OK,
        &DifferencesPage {
            frame,
            trail: Trail::new(&name, image),
            document: Hash(document),
            document_href: href::image(&name, document),
            sentence: sentence(&comparison),
            pushed: Moment::new(comparison.document.pushed_at_us, call.app.now_us()),
            pushed_by: crate::words::actor(&comparison.document.pushed_by),
            facts: facts(&comparison),
            lists: lists(&comparison),
        },
    )
}

fn sentence(comparison: &Comparison) -> String {
    let diff = &comparison.diff;
    if diff.is_empty() {
        return "It says what the hub found in the image.".to_owned();
    }
    let number = diff.added.len() + diff.removed.len() + diff.changed.len() + diff.altered.len();
    match number {
        0 if diff.distribution.is_some() => {
            "It names the same components as the hub, of another distribution.".to_owned()
        }
        0 => "It names the same components as the hub, with other dependencies between them.".to_owned(),
        number => format!("It differs from what the hub found in {}.", plural(count(number), "component")),
    }
}

fn facts(comparison: &Comparison) -> Vec<(&'static str, String)> {
    let format = match &comparison.version {
        Some(version) => format!("{} {version}", comparison.format),
        None => comparison.format.to_owned(),
    };
    let edges = format!(
        "{}; {} only here, {} only in the hub's inventory",
        grouped(count(comparison.edges)),
        grouped(count(comparison.diff.edges_added.len())),
        grouped(count(comparison.diff.edges_removed.len()))
    );
    let distribution = comparison.diff.distribution.as_ref();
    let distribution = distribution.map(|both| format!("{}; the hub found {}", both.to, both.from));
    let wrong = match comparison.wrong {
        0 => None,
        number => Some(format!("{} by its own format, which were repaired or left out", plural(number, "part"))),
    };
    let facts = [
        ("Format", Some(format)),
        ("Made by", comparison.tool.clone()),
        ("Size", Some(Bytes(comparison.document.size_bytes).words())),
        ("Components", Some(grouped(count(comparison.components)))),
        ("Dependencies", Some(edges)),
        ("Distribution", distribution),
        ("Wrong", wrong),
    ];
    facts.into_iter().filter_map(|(key, value)| Some((key, foreign(&value?, TOOL_BYTES_MAX)))).collect()
}

fn lists(comparison: &Comparison) -> Vec<List> {
    let diff = &comparison.diff;
    let version = |version: &Option<String>| foreign(version.as_deref().unwrap_or("-"), VERSION_BYTES_MAX);
    let row = |package: &Package, hub: String, document: String| Row {
        name: foreign(&package.name, NAME_BYTES_MAX),
        kind: package.package_type.name(),
        hub,
        document,
    };
    let list = |title: &str, number: usize, rows: Vec<Row>, has_both: bool| List {
        title: format!("{title}: {}", grouped(count(number))),
        more: if number > rows.len() { grouped(count(number - rows.len())) } else { String::new() },
        rows,
        has_both,
    };
    let changed = diff.changed.iter().take(ROWS_MAX);
    let changed = changed.map(|change| row(&change.package, version(&change.from), version(&change.to))).collect();
    let removed = diff.removed.iter().take(ROWS_MAX);
    let removed = removed.map(|entry| row(&entry.package, version(&entry.version), String::new())).collect();
    let added = diff.added.iter().take(ROWS_MAX);
    let added = added.map(|entry| row(&entry.package, String::new(), version(&entry.version))).collect();
    let altered = diff.altered.iter().take(ROWS_MAX).map(|alteration| {
        let value = |value: &str| if value.is_empty() { "none".to_owned() } else { foreign(value, VALUE_BYTES_MAX) };
        let mut row = row(&alteration.package, value(&alteration.values.from), value(&alteration.values.to));
        row.name = format!("{} {} ({})", row.name, version(&alteration.version), alteration.property.name());
        row
    });
    let lists = [
        list("In other versions", diff.changed.len(), changed, true),
        list("Otherwise different", diff.altered.len(), altered.collect(), true),
        list("Only the hub found", diff.removed.len(), removed, false),
        list("Only the SBOM has", diff.added.len(), added, false),
    ];
    lists.into_iter().filter(|list| !list.rows.is_empty()).collect()
}
