//! A component of an image: what it is, where it is, and why it is there.

use api::{Call, Failure};
use askama::Template;
use axum::response::Response;
use component::{Code, Component, Inventory, Scope, Technique};
use http::StatusCode;
use oci::{Digest, RepositoryName};

use crate::component_row::{self, ComponentRow, NAME_BYTES_MAX, PLACE_BYTES_MAX, VERSION_BYTES_MAX};
use crate::frame::{Frame, Section, Viewer, answer};
use crate::graph::{Graph, Step, relation_word};
use crate::href;
use crate::pages::dependencies::{Trail, TreeLine, tree_lines};
use crate::pages::image::LAYERS_MAX;
use crate::words::{count, foreign, grouped, plural, shell_word};

/// Places on the page; the documents have all.
const PLACES_MAX: usize = 20;
/// Steps of one way; of a longer one the middle is left out.
const STEPS_MAX: usize = 8;
/// Components that need it, one by one.
const NEEDED_BY_MAX: usize = 20;
/// Lines of the tree of what it needs.
const LINES_MAX: usize = 60;
const FACT_BYTES_MAX: usize = 300;

#[derive(Template)]
#[template(path = "component.html")]
struct ComponentPage {
    frame: Frame,
    trail: Trail,
    seen: Seen,
    elsewhere: Option<String>,
}

/// What was read of an inventory.
struct Seen {
    row: ComponentRow,
    kind: &'static str,
    asked: &'static str,
    facts: Vec<(&'static str, String)>,
    places: Vec<(Option<usize>, String)>,
    more_places: String,
    ways: Vec<Vec<WayStep>>,
    is_way_asked: bool,
    more_ways: String,
    needed_by_counted: String,
    needed_by: Vec<TreeLine>,
    more_needed_by: String,
    needs_counted: String,
    tree: Vec<TreeLine>,
    left_out: String,
}

/// A step of a way, drawn out.
enum WayStep {
    At { href: Option<String>, name: String, version: String, relation: &'static str },
    Gap(String),
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let key = call.target.query("component").unwrap_or_default().to_owned();
    let (name, image) = call.named_image().await?;
    let shared = name.clone();
    let seen = call.app.pipeline().look(image, move |inventory| look(inventory, (&shared, image), &key)).await?;
    let Some(seen) = seen else { return Err(call.no_inventory(&name, image).await?) };
    let Some(seen) = seen else {
        let message = "the image has no component of this address";
        return Err(Failure::not_found("INVENTORY_UNKNOWN", message)
            .hint("a newer inventory may know it by another name; the image's page lists all"));
    };
    let mut frame = Frame::new(&call, Section::Images, format!("{} {}", seen.row.name, seen.row.version));
    if let Some(pattern) = &seen.row.pattern {
        frame = frame.command(format!("garrison find {}", shell_word(pattern)));
    }
    let elsewhere = seen.row.pattern.as_deref().map(|pattern| href::places(pattern, ""));
    answer(StatusCode::OK, &ComponentPage { frame, trail: Trail::new(&name, image), seen, elsewhere })
}

fn look(inventory: &Inventory, within: (&RepositoryName, Digest), key: &str) -> Option<Seen> {
    let at = component_row::find(inventory, key)?;
    let component = inventory.components.get(at)?;
    let graph = Graph::new(inventory);
    let ways = graph.ways(at);
    let (tree, left_out) = tree_lines(inventory, &graph.tree(&[at], LINES_MAX), within, 2);
    let needed_by = graph.needed_by(at);
    let line = |(from, relation): &(usize, component::Relation)| {
        let component = inventory.components.get(*from)?;
        Some(TreeLine {
            href: href::component(within.0, within.1, &component_row::key(component)),
            name: foreign(&component.name, NAME_BYTES_MAX),
            version: foreign(component.version.as_deref().unwrap_or_default(), VERSION_BYTES_MAX),
            relation: relation_word(*relation),
            is_open: false,
            is_shown: false,
            ends: 0,
            note: if graph.is_asked(*from) { "direct".to_owned() } else { String::new() },
        })
    };
    let place = |place: &component::Location| {
        (place.layer.map(|layer| usize::from(layer) + 1), foreign(&place.to_string(), PLACE_BYTES_MAX))
    };
    Some(Seen {
        row: ComponentRow::new(component),
        kind: component.package_type.name(),
        asked: match (graph.is_asked(at), component.direct) {
            (true, _) => "The image asks for it itself.",
            (false, Some(false)) => "The image does not ask for it; others bring it.",
            (false, _) => "The evidence does not say whether it was asked for.",
        },
        facts: facts(component),
        places: component.locations.iter().take(PLACES_MAX).map(place).collect(),
        more_places: more(component.locations.len(), PLACES_MAX),
        is_way_asked: ways.told.first().and_then(|way| way.first()).is_some_and(|step| graph.is_asked(step.component)),
        ways: ways.told.iter().filter(|way| way.len() > 1).map(|way| way_steps(inventory, way, within, at)).collect(),
        more_ways: if ways.more == 0 { String::new() } else { plural(count(ways.more), "component") },
        needed_by_counted: needed_by_words(needed_by.len()),
        needed_by: needed_by.iter().take(NEEDED_BY_MAX).filter_map(line).collect(),
        more_needed_by: more(needed_by.len(), NEEDED_BY_MAX),
        needs_counted: plural(count(graph.needs(at).len()), "component"),
        // The first line is the component itself.
        tree: if tree.len() > 1 { tree } else { Vec::new() },
        left_out: if left_out == 0 { String::new() } else { grouped(count(left_out)) },
    })
}

fn needed_by_words(number: usize) -> String {
    match number {
        0 => "Nothing is known to need it".to_owned(),
        1 => "1 component needs it".to_owned(),
        number => format!("{} components need it", grouped(count(number))),
    }
}

fn more(number: usize, shown: usize) -> String {
    match number.saturating_sub(shown) {
        0 => String::new(),
        left => grouped(count(left)),
    }
}

/// Draws a way out; of a long one both ends.
fn way_steps(inventory: &Inventory, way: &[Step], within: (&RepositoryName, Digest), at: usize) -> Vec<WayStep> {
    let left_out = way.len().saturating_sub(STEPS_MAX);
    let head = if left_out > 0 { STEPS_MAX / 2 } else { way.len() };
    let mut steps = Vec::new();
    for (number, step) in way.iter().enumerate() {
        if left_out > 0 && number == head {
            steps.push(WayStep::Gap(plural(count(left_out), "step")));
        }
        if number >= head && number < head + left_out {
            continue;
        }
        let Some(component) = inventory.components.get(step.component) else { continue };
        let href = (step.component != at).then(|| href::component(within.0, within.1, &component_row::key(component)));
        steps.push(WayStep::At {
            href,
            name: foreign(&component.name, NAME_BYTES_MAX),
            version: foreign(component.version.as_deref().unwrap_or_default(), VERSION_BYTES_MAX),
            relation: step.relation.map_or("", relation_word),
        });
    }
    steps
}

fn facts(component: &Component) -> Vec<(&'static str, String)> {
    let licenses: Vec<&str> = component.licenses.iter().map(component::License::text).collect();
    let source = component.source.as_ref().map(|source| match &source.version {
        Some(version) => format!("{} {version}", source.name),
        None => source.name.clone(),
    });
    let code = match component.code {
        Code::Unknown => None,
        Code::Present => Some("files that can run"),
        Code::Absent => Some("nothing that runs"),
    };
    let scope = match component.scope {
        Scope::Runtime => "to run",
        Scope::Optional => "for a feature that works without it being there",
        Scope::Development => "to develop, build or test",
    };
    let certainty = match component.confidence_percent {
        100 => String::new(),
        percent => format!(", {percent} % sure"),
    };
    let files = component.files.len();
    let found = [
        ("Purl", component.purl.as_ref().map(ToString::to_string)),
        ("Licence", (!licenses.is_empty()).then(|| licenses.join(", "))),
        ("Supplier", component.supplier.clone()),
        ("Source package", source),
        ("Architecture", component.architecture.clone()),
        ("Module", component.module.clone()),
        ("Needed", Some(scope.to_owned())),
        ("Carries", code.map(str::to_owned)),
        ("Owns", (files > 0).then(|| plural(count(files), "file"))),
        ("Found", Some(format!("{} ({}{certainty})", technique(component.technique), component.found_by))),
    ];
    found.into_iter().filter_map(|(key, value)| Some((key, foreign(&value?, FACT_BYTES_MAX)))).collect()
}

fn technique(technique: Technique) -> &'static str {
    match technique {
        Technique::PackageDatabase => "in a package manager's database",
        Technique::InstalledMetadata => "by the metadata that it carries",
        Technique::Binary => "by metadata inside a binary",
        Technique::Archive => "by the contents of an archive",
        Technique::Lockfile => "in a lockfile",
        Technique::Manifest => "in a manifest of what is wanted",
        Technique::FileName => "by a file's name alone",
        Technique::Document => "in another tool's document",
    }
}
