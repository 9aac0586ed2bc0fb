//! What needs what in an image, as a tree.

use api::{Call, Failure, PageParameters};
use askama::Template;
use axum::response::Response;
use component::Inventory;
use http::StatusCode;
use oci::{Digest, RepositoryName};

use crate::component_row::{self, NAME_BYTES_MAX, VERSION_BYTES_MAX};
use crate::frame::{Frame, Section, Viewer, answer};
use crate::graph::{End, Graph, LEVELS_MAX, Line, relation_word};
use crate::href;
use crate::words::{Hash, count, foreign, grouped, plural};

/// Components of a page from which its tree begins.
const ROOTS_MAX: usize = 20;
/// Lines of a page's tree: with the longest names two thirds of a page.
const LINES_MAX: usize = 140;

#[derive(Template)]
#[template(path = "dependencies.html")]
struct DependenciesPage {
    frame: Frame,
    trail: Trail,
    roots: String,
    apart: Option<String>,
    is_first_page: bool,
    first: String,
    next: Option<String>,
    tree: Vec<TreeLine>,
    left_out: Option<String>,
}

/// Where a page about a part of an image is.
pub(crate) struct Trail {
    pub(crate) project: String,
    pub(crate) project_href: String,
    pub(crate) repository: String,
    pub(crate) repository_href: String,
    pub(crate) image: String,
    pub(crate) image_href: String,
}

/// A line of a tree on a page.
pub(crate) struct TreeLine {
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// How it is related to the line above, where that does not go without saying.
    pub(crate) relation: &'static str,
    pub(crate) is_open: bool,
    pub(crate) is_shown: bool,
    pub(crate) ends: usize,
    /// Why nothing follows.
    pub(crate) note: String,
}

/// What was read of an inventory.
struct Seen {
    roots: usize,
    apart: usize,
    next: Option<usize>,
    tree: Vec<TreeLine>,
    left_out: usize,
}

impl Trail {
    pub(crate) fn new(name: &RepositoryName, image: Digest) -> Self {
        Self {
            project: name.project().to_owned(),
            project_href: href::project(name.project()),
            repository: name.to_string(),
            repository_href: href::repository(name),
            image: Hash(image).short(),
            image_href: href::image(name, image),
        }
    }
}

/// Returns the lines of a tree as a page shows them, with lines open above a level, and how many components have none.
pub(crate) fn tree_lines(
    inventory: &Inventory,
    lines: &[Line],
    (name, image): (&RepositoryName, Digest),
    levels_open: usize,
) -> (Vec<TreeLine>, usize) {
    let line = |line: &Line| {
        let component = inventory.components.get(line.component)?;
        let note = match (line.end, line.left_out) {
            (End::Circle, _) => "needs what leads to it".to_owned(),
            (End::Repeat, _) => "drawn elsewhere".to_owned(),
            (End::Whole, 0) => String::new(),
            (End::Whole, left) if line.is_open => format!("{} more", grouped(count(left))),
            (End::Whole, left) => format!("needs {}", grouped(count(left))),
        };
        Some(TreeLine {
            href: href::component(name, image, &component_row::key(component)),
            name: foreign(&component.name, NAME_BYTES_MAX),
            version: foreign(component.version.as_deref().unwrap_or_default(), VERSION_BYTES_MAX),
            relation: line.relation.map_or("", relation_word),
            is_open: line.is_open,
            is_shown: line.level < levels_open,
            ends: line.ends,
            note,
        })
    };
    (lines.iter().filter_map(line).collect(), lines.iter().map(|line| line.left_out).sum())
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let after = PageParameters::of(&call.target)?.after;
    let invalid = |_| Failure::bad_request("CURSOR_INVALID", "`after` is not a cursor of this list");
    let after: usize = after.as_deref().map(str::parse).transpose().map_err(invalid)?.unwrap_or(0);
    let (name, image) = call.named_image().await?;
    let shared = name.clone();
    let seen = call.app.pipeline().look(image, move |inventory| look(inventory, (&shared, image), after)).await?;
    let Some(seen) = seen else { return Err(call.no_inventory(&name, image).await?) };
    let first = href::dependencies(&name, image);
    let page = DependenciesPage {
        frame: Frame::new(&call, Section::Images, format!("What needs what in {name}"))
            .command(format!("garrison sbom {name}@{image} -o cyclonedx-json")),
        trail: Trail::new(&name, image),
        roots: plural(count(seen.roots), "component"),
        apart: (seen.apart > 0).then(|| plural(count(seen.apart), "component")),
        is_first_page: after == 0,
        next: seen.next.map(|next| format!("{first}&after={next}")),
        first,
        tree: seen.tree,
        left_out: (seen.left_out > 0).then(|| plural(count(seen.left_out), "line")),
    };
    answer(StatusCode::OK, &page)
}

fn look(inventory: &Inventory, within: (&RepositoryName, Digest), after: usize) -> Seen {
    let graph = Graph::new(inventory);
    let roots = graph.roots();
    let page: Vec<usize> = roots.iter().copied().skip(after).take(ROOTS_MAX).collect();
    let (tree, left_out) = tree_lines(inventory, &graph.tree(&page, LINES_MAX), within, 1);
    let is_apart = |at: &usize| graph.needs(*at).is_empty() && graph.needed_by(*at).is_empty();
    Seen {
        roots: roots.len(),
        apart: (0..inventory.components.len()).filter(is_apart).count(),
        next: (roots.len() > after.saturating_add(ROOTS_MAX)).then(|| after + ROOTS_MAX),
        tree,
        left_out,
    }
}
