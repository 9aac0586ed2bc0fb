//! Where a component is, in all images that the caller may pull.

use std::collections::BTreeSet;

use api::{Call, Failure, PageParameters};
use askama::Template;
use axum::response::Response;
use findings::not_looked_into_in_words;
use http::StatusCode;
use pipeline::{Found, PATTERN_BYTES_MAX, Query, Tagged};

use crate::component_row::{self, NAME_BYTES_MAX, PLACE_BYTES_MAX, VERSION_BYTES_MAX};
use crate::failure::sentence;
use crate::frame::{Frame, Section, Viewer, answer};
use crate::href;
use crate::pages::findings::sentence_of;
use crate::pages::image::LAYERS_MAX;
use crate::tagged::{self, TaggedChoice};
use crate::words::{Hash, Moment, count, foreign, plural, shell_word};

/// Places on a page: with the longest names and tags half of it.
const ROWS_MAX: usize = 30;
/// Tags beside an image.
const TAGS_MAX: usize = 3;
/// The longest pattern or range on a page as text; the fields hold them whole.
const TOLD_BYTES_MAX: usize = 200;
const PLATFORM_BYTES_MAX: usize = 40;
const PROBLEM_BYTES_MAX: usize = 500;

#[derive(Template)]
#[template(path = "components.html")]
struct ComponentsPage {
    frame: Frame,
    query: String,
    range: String,
    told: String,
    state: PageState,
    tagged: Vec<TaggedChoice>,
    first: String,
    is_first_page: bool,
    next: Option<String>,
    /// What the form keeps of the choice between images.
    field: Option<&'static str>,
    /// How many images nobody could look into.
    not_looked_into: Option<String>,
}

enum PageState {
    /// Nothing was asked for.
    Empty,
    /// What was asked for is not understood.
    Refused {
        problem: String,
        hint: String,
    },
    Nowhere,
    Found {
        sentence: String,
        has_unordered: bool,
        rows: Vec<Row>,
    },
}

struct Row {
    component_href: String,
    name: String,
    version: String,
    is_ordered: bool,
    image_href: String,
    repository_href: String,
    repository: String,
    tags: Vec<(String, String)>,
    more_tags: u64,
    digest: Hash,
    platform: String,
    layer: Option<usize>,
    path: String,
    more_paths: u64,
    pushed: Moment,
    pushed_by: String,
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let text = |name: &str| call.target.query(name).unwrap_or_default().trim().to_owned();
    let (query, range) = (text("query"), text("range"));
    let (after, tagged) = (PageParameters::of(&call.target)?.after, call.found_tagged()?);
    let mut status = StatusCode::OK;
    let (mut next, mut not_looked_into) = (None, None);
    let state = if query.is_empty() {
        PageState::Empty
    } else {
        let found = match Query::parse(&query, Some(&range)) {
            Err(error) => Err(error),
            Ok(parsed) => {
                let readable = call.readable().await?;
                match call.app.pipeline().find(&parsed, (&readable, tagged), after.as_deref(), ROWS_MAX).await {
                    Err(pipeline::Error::Query(error)) => Err(error),
                    found => Ok(found?),
                }
            }
        };
        match found {
            Err(error) => {
                status = StatusCode::BAD_REQUEST;
                let hint = sentence(error.hint());
                let problem = sentence(&foreign(&Failure::from(error).message, PROBLEM_BYTES_MAX));
                PageState::Refused { problem, hint }
            }
            Ok(found) => {
                next = found.next.map(|next| format!("{}&after={next}", href::places_in(&query, &range, tagged)));
                not_looked_into = found
                    .not_looked_into
                    .map(|refused| sentence_of(&not_looked_into_in_words(refused.images, refused.more)));
                let is_whole = next.is_none() && after.is_none();
                found_state(&found.items, is_whole, call.app.now_us())
            }
        }
    };
    let title = if query.is_empty() { "Components".to_owned() } else { format!("Components: {}", foreign(&query, 60)) };
    let mut command = format!("garrison find {}", shell_word(&query));
    if !range.is_empty() {
        command = format!("{command} {}", shell_word(&range));
    }
    command.push_str(tagged::flag(tagged, Tagged::Any));
    let frame = Frame::new(&call, Section::Components, title);
    let told = if range.is_empty() { query.clone() } else { format!("{query} {range}") };
    let is_answered = matches!(state, PageState::Nowhere | PageState::Found { .. });
    let page = ComponentsPage {
        frame: match state {
            PageState::Nowhere | PageState::Found { .. } => frame.command(foreign(&command, PROBLEM_BYTES_MAX)),
            PageState::Empty => frame.command("garrison find openssl"),
            PageState::Refused { .. } => frame,
        },
        told: foreign(&told, TOLD_BYTES_MAX),
        state,
        first: href::places_in(&query, &range, tagged),
        tagged: if is_answered {
            tagged::choices(tagged, |tagged| href::places_in(&query, &range, tagged))
        } else {
            Vec::new()
        },
        field: match tagged {
            Tagged::Any => None,
            Tagged::Yes => Some("yes"),
            Tagged::No => Some("no"),
        },
        is_first_page: after.is_none(),
        not_looked_into,
        next,
        query,
        range,
    };
    answer(status, &page)
}

fn found_state(items: &[Found], is_whole: bool, now_us: i64) -> PageState {
    if items.is_empty() {
        return PageState::Nowhere;
    }
    let images: BTreeSet<_> = items.iter().map(|found| (found.repository.as_str(), found.image)).collect();
    let projects: BTreeSet<_> = items.iter().map(|found| found.repository.project()).collect();
    let hold = if images.len() == 1 { "holds" } else { "hold" };
    let (images, projects) = (plural(count(images.len()), "image"), plural(count(projects.len()), "project"));
    let start = if is_whole { "" } else { "On this page " };
    PageState::Found {
        sentence: format!("{start}{images} in {projects} {hold}"),
        has_unordered: items.iter().any(|found| found.in_range.is_none()),
        rows: items.iter().map(|found| row(found, now_us)).collect(),
    }
}

fn row(found: &Found, now_us: i64) -> Row {
    let name = &found.repository;
    let first = found.places.first();
    let tag = |tag: &oci::Tag| (href::image(name, tag), tag.to_string());
    Row {
        component_href: href::component(name, found.image, &component_row::key_of_identity(&found.identity)),
        name: foreign(&found.name, NAME_BYTES_MAX),
        version: foreign(&found.version, VERSION_BYTES_MAX),
        is_ordered: found.in_range.is_some(),
        image_href: href::image(name, found.image),
        repository_href: href::repository(name),
        repository: name.to_string(),
        tags: found.tags.iter().take(TAGS_MAX).map(tag).collect(),
        more_tags: found.tags_total.saturating_sub(count(found.tags.len().min(TAGS_MAX))),
        digest: Hash(found.image),
        platform: foreign(found.platform.as_deref().unwrap_or_default(), PLATFORM_BYTES_MAX),
        layer: first.and_then(|place| place.location.layer).map(|layer| usize::from(layer) + 1),
        path: first.map(|place| foreign(&place.location.to_string(), PLACE_BYTES_MAX)).unwrap_or_default(),
        more_paths: found.places_total.saturating_sub(1),
        pushed: Moment::new(found.pushed_at_us, now_us),
        pushed_by: crate::words::actor(&found.pushed_by),
    }
}
