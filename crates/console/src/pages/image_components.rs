//! What an image is made of, as a part of its page: the counts, and a list that can be searched.

use std::collections::{BTreeMap, BTreeSet};

use api::{Call, Failure, PageParameters};
use component::{Component, Inventory};
use oci::{Digest, Manifest, NoRootFileSystem, Reference, RepositoryName};
use pipeline::{ImageRecord, State};

use crate::component_row::{ComponentRow, PLACE_BYTES_MAX, layer};
use crate::href;
use crate::strip::{self, Strip};
use crate::words::{Moment, count, foreign, grouped, plural};

/// Rows of the list: with the longest names less than a third of a page.
pub(crate) const ROWS_MAX: usize = 25;
/// Licences that are counted one by one.
const LICENSES_MAX: usize = 14;
/// The longest licence that is a link: longer ones are texts, not names.
const LICENSE_BYTES_MAX: usize = 60;
/// Unknowns on the page; the documents have all.
const UNKNOWNS_MAX: usize = 12;
/// The longest of what is looked for.
pub(crate) const SEARCH_BYTES_MAX: usize = 200;
const REASON_BYTES_MAX: usize = 300;
/// Stands for no licence at all in an address; metadata that says `none` names none.
const NO_LICENSE: &str = "none";

/// What is shown of an image's inventory.
pub(crate) enum Part {
    /// It lists images, of which each has its own.
    Nothing,
    /// It holds no root file system, so that there is nothing to look for: why.
    NoFileSystem(String),
    Missing(Missing),
    Made(Box<Made>),
}

/// Why there is no list, and what to do next.
pub(crate) struct Missing {
    pub(crate) why: String,
    pub(crate) next: String,
    pub(crate) command: Option<String>,
    /// The address of the same page, where that may have changed.
    pub(crate) again: Option<String>,
}

/// An inventory as the page shows it.
pub(crate) struct Made {
    pub(crate) counted: String,
    pub(crate) distribution: String,
    pub(crate) listed: Moment,
    /// The tree, where anything is known to need anything.
    pub(crate) tree: Option<String>,
    pub(crate) strip: Strip,
    pub(crate) kinds: Vec<Choice>,
    pub(crate) licenses: Vec<Choice>,
    pub(crate) more_licenses: String,
    /// By the number of a layer: where its components are listed, and how many there are.
    pub(crate) layers: BTreeMap<usize, (String, u64)>,
    pub(crate) filter: Filter,
    /// What the list is of, when it is not of everything.
    pub(crate) narrowed: Option<String>,
    pub(crate) all: String,
    pub(crate) rows: Vec<(String, Option<String>, ComponentRow)>,
    pub(crate) first: String,
    pub(crate) is_first_page: bool,
    pub(crate) next: Option<String>,
    pub(crate) unknowns_counted: String,
    pub(crate) unknowns: Vec<(String, String)>,
    pub(crate) more_unknowns: String,
}

/// What the list may be narrowed to.
pub(crate) struct Choice {
    /// None for what cannot be asked for.
    pub(crate) href: Option<String>,
    pub(crate) text: String,
    pub(crate) number: String,
    pub(crate) shade: usize,
    pub(crate) is_chosen: bool,
}

/// What of an inventory is listed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// A part of a name or purl.
    pub(crate) text: String,
    pub(crate) package_type: String,
    pub(crate) license: String,
    /// The number of the layer that says so first, from 1.
    pub(crate) layer: String,
    /// The number of the first component.
    after: usize,
}

/// What was read of an inventory.
struct Seen {
    components: usize,
    has_edges: bool,
    kinds: Vec<(&'static str, usize)>,
    licenses: Vec<(String, usize)>,
    layers: BTreeMap<usize, usize>,
    matching: usize,
    rows: Vec<ComponentRow>,
    next: Option<usize>,
    unknowns: Vec<(String, String)>,
    unknowns_count: usize,
}

impl Filter {
    pub(crate) fn of(call: &Call) -> Result<Self, Failure> {
        let text = |name: &str| call.target.query(name).unwrap_or_default().trim().to_owned();
        let after = PageParameters::of(&call.target)?.after;
        let invalid = |_| Failure::bad_request("CURSOR_INVALID", "`after` is not a cursor of this list");
        let filter = Self {
            text: text("q"),
            package_type: text("type"),
            license: text("license"),
            layer: text("layer"),
            after: after.as_deref().map(str::parse).transpose().map_err(invalid)?.unwrap_or(0),
        };
        if filter.text.len() > SEARCH_BYTES_MAX {
            let message = format!("`q` is {} bytes, the limit is {SEARCH_BYTES_MAX}", filter.text.len());
            return Err(Failure::bad_request("PARAMETER_INVALID", message).hint("write a part of a name or purl"));
        }
        Ok(filter)
    }

    fn takes(&self, component: &Component, wanted: &str) -> bool {
        let is_type = self.package_type.is_empty() || component.package_type.name() == self.package_type;
        let is_license = match self.license.as_str() {
            "" => true,
            NO_LICENSE => component.licenses.is_empty(),
            license => component.licenses.iter().any(|one| one.text() == license),
        };
        let purl = || component.purl.as_ref().is_some_and(|purl| purl.to_string().to_lowercase().contains(wanted));
        let is_layer = self.layer.is_empty() || layer(component).is_some_and(|layer| layer.to_string() == self.layer);
        is_type && is_license && is_layer && (component.name.to_lowercase().contains(wanted) || purl())
    }

    /// Says what the list is of; none when it is of everything.
    fn words(&self, matching: usize, components: usize) -> Option<String> {
        let license = match self.license.as_str() {
            "" => String::new(),
            NO_LICENSE => "without a licence".to_owned(),
            license => format!("under {}", foreign(license, LICENSE_BYTES_MAX)),
        };
        let kind = match self.package_type.as_str() {
            "" => String::new(),
            kind => format!("of type {}", foreign(kind, LICENSE_BYTES_MAX)),
        };
        let layer = match self.layer.as_str() {
            "" => String::new(),
            layer => format!("in layer {}", foreign(layer, LICENSE_BYTES_MAX)),
        };
        let text = match self.text.as_str() {
            "" => String::new(),
            text => format!("with `{}` in name or purl", foreign(text, LICENSE_BYTES_MAX)),
        };
        let parts: Vec<String> = [kind, license, layer, text].into_iter().filter(|part| !part.is_empty()).collect();
        let number = if matching == 0 { "None".to_owned() } else { grouped(count(matching)) };
        (!parts.is_empty()).then(|| format!("{number} of {} {}.", grouped(count(components)), parts.join(", ")))
    }

    fn address(&self, name: &RepositoryName, reference: &Reference) -> String {
        let mut address = href::image(name, reference);
        let parts =
            [("q", &self.text), ("type", &self.package_type), ("license", &self.license), ("layer", &self.layer)];
        for (key, value) in parts {
            if !value.is_empty() {
                address = format!("{address}&{key}={}", href::escaped(value));
            }
        }
        if self.after > 0 {
            address = format!("{address}&after={}", self.after);
        }
        format!("{address}#components")
    }

    /// Returns the filter of another list from its first page on.
    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = Self { after: 0, ..self.clone() };
        change(&mut changed);
        changed
    }
}

/// Returns what is known of an image's inventory.
pub(crate) async fn part(
    call: &Call,
    name: &RepositoryName,
    reference: &Reference,
    entry: (Digest, &Manifest),
) -> Result<Part, Failure> {
    let (image, manifest) = entry;
    match manifest.root_file_system() {
        Ok(()) => {}
        Err(NoRootFileSystem::Index) => return Ok(Part::Nothing),
        Err(why_not) => return Ok(Part::NoFileSystem(foreign(&why_not.to_string(), REASON_BYTES_MAX))),
    }
    let filter = Filter::of(call)?;
    let again = || Some(format!("{}#components", href::image(name, reference)));
    let record = call.app.pipeline().find_image_in(name, image).await?;
    let record = match known(record.as_ref(), call.app.registry().makes_inventories()) {
        Known::Made(record) => record,
        Known::Waiting => return Ok(Part::Missing(waiting(again()))),
        Known::Refused(reason) => {
            return Ok(Part::Missing(Missing {
                why: format!(
                    "No inventory could be made: {}.",
                    foreign(reason.trim_end_matches('.'), REASON_BYTES_MAX)
                ),
                next: refused_next(reason).to_owned(),
                command: None,
                again: None,
            }));
        }
        Known::Off => {
            return Ok(Part::Missing(Missing {
                why: "This hub makes no inventories: its setting `inventory_memory` is off.".to_owned(),
                next: "Whoever runs the hub can turn them on. The components are listed on any machine with:"
                    .to_owned(),
                command: Some(format!("garrison sbom {}", whole_name(name, reference))),
                again: None,
            }));
        }
    };
    let shared = filter.clone();
    let seen = call.app.pipeline().look(image, move |inventory| look(inventory, &shared)).await?;
    // Packed by an older program: the next sweep makes it anew.
    let Some(seen) = seen else { return Ok(Part::Missing(waiting(again()))) };
    Ok(Part::Made(Box::new(made(call, (name, reference, image), record, filter, seen))))
}

/// What is known of an image's inventory.
pub(crate) enum Known<'a> {
    Made(&'a ImageRecord),
    Waiting,
    Refused(&'a str),
    Off,
}

/// Sorts out what a record of an image means, or that there is none.
pub(crate) fn known(record: Option<&ImageRecord>, makes_inventories: bool) -> Known<'_> {
    match record.map(|record| (record, &record.state)) {
        Some((record, State::Made)) => Known::Made(record),
        Some((_, State::Refused(reason))) => Known::Refused(reason),
        None if makes_inventories => Known::Waiting,
        None => Known::Off,
    }
}

fn waiting(again: Option<String>) -> Missing {
    Missing {
        why: "Its inventory waits for its turn: one is made within seconds of a push, unless many were pushed at once."
            .to_owned(),
        next: "What waits, and what failed with its reason:".to_owned(),
        command: Some("garrison jobs list --kind inventory".to_owned()),
        again,
    }
}

fn refused_next(reason: &str) -> &'static str {
    if reason.contains("inventory_memory") {
        "Once whoever runs the hub has raised the setting, a push of the image orders its inventory again. It can be pulled \
         as it is."
    } else {
        "The image can be pulled as it is. One whose layer is damaged is healed by a push of the same image; one that is \
         beyond a limit has to be built smaller."
    }
}

fn whole_name(name: &RepositoryName, reference: &Reference) -> String {
    match reference {
        Reference::Tag(tag) => format!("{name}:{tag}"),
        Reference::Digest(digest) => format!("{name}@{digest}"),
    }
}

/// Reads what a page shows of an inventory.
fn look(inventory: &Inventory, filter: &Filter) -> Seen {
    let (mut kinds, mut licenses, mut layers) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for component in &inventory.components {
        if let Some(layer) = layer(component) {
            *layers.entry(layer).or_insert(0) += 1;
        }
        *kinds.entry(component.package_type.name()).or_insert(0) += 1;
        for license in component.licenses.iter().map(component::License::text).collect::<BTreeSet<_>>() {
            *licenses.entry(license).or_insert(0) += 1;
        }
        if component.licenses.is_empty() {
            *licenses.entry(NO_LICENSE).or_insert(0) += 1;
        }
    }
    let wanted = filter.text.to_lowercase();
    let matching: Vec<usize> =
        (0..inventory.components.len()).filter(|index| filter.takes(&inventory.components[*index], &wanted)).collect();
    let from = matching.partition_point(|index| *index < filter.after);
    let page = &matching[from..];
    let unknown = |unknown: &component::Unknown| {
        (foreign(&unknown.location.to_string(), PLACE_BYTES_MAX), foreign(&unknown.reason, REASON_BYTES_MAX))
    };
    Seen {
        components: inventory.components.len(),
        has_edges: !inventory.edges.is_empty(),
        kinds: by_number(kinds),
        licenses: by_number(licenses).into_iter().map(|(text, number)| (text.to_owned(), number)).collect(),
        layers,
        matching: matching.len(),
        rows: page.iter().take(ROWS_MAX).map(|index| ComponentRow::new(&inventory.components[*index])).collect(),
        next: page.get(ROWS_MAX).copied(),
        unknowns: inventory.unknowns.iter().take(UNKNOWNS_MAX).map(unknown).collect(),
        unknowns_count: inventory.unknowns.len(),
    }
}

/// The most first; of equals by name.
fn by_number<T: Ord>(counted: BTreeMap<T, usize>) -> Vec<(T, usize)> {
    let mut counted: Vec<(T, usize)> = counted.into_iter().collect();
    counted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counted
}

fn made(
    call: &Call,
    (name, reference, image): (&RepositoryName, &Reference, Digest),
    record: &ImageRecord,
    filter: Filter,
    seen: Seen,
) -> Made {
    let address = |filter: &Filter| filter.address(name, reference);
    let of_kind = |kind: &str| {
        address(&filter.with(|changed| {
            changed.package_type = if filter.package_type == kind { String::new() } else { kind.to_owned() };
        }))
    };
    let kind = |(index, (kind, number)): (usize, &(&'static str, usize))| Choice {
        href: Some(of_kind(kind)),
        text: (*kind).to_owned(),
        number: grouped(count(*number)),
        shade: strip::shade(index),
        is_chosen: filter.package_type == *kind,
    };
    let license = |(text, number): &(String, usize)| {
        let is_name = text.len() <= LICENSE_BYTES_MAX && !text.chars().any(char::is_control);
        let narrowed = filter.with(|changed| {
            changed.license = if filter.license == *text { String::new() } else { text.clone() };
        });
        Choice {
            href: is_name.then(|| address(&narrowed)),
            text: if text == NO_LICENSE { "none stated".to_owned() } else { foreign(text, LICENSE_BYTES_MAX) },
            number: grouped(count(*number)),
            shade: 0,
            is_chosen: filter.license == *text,
        }
    };
    let of_layer = |layer: usize| address(&Filter { layer: layer.to_string(), ..Filter::default() });
    let row = |row: ComponentRow| {
        let elsewhere = row.pattern.as_deref().map(|pattern| href::places(pattern, ""));
        (href::component(name, image, &row.key), elsewhere, row)
    };
    let more = |number: usize, shown: usize| match number.saturating_sub(shown) {
        0 => String::new(),
        left => grouped(count(left)),
    };
    Made {
        counted: plural(count(seen.components), "component"),
        distribution: foreign(record.distribution.as_deref().unwrap_or_default(), LICENSE_BYTES_MAX),
        listed: Moment::new(record.made_at_us, call.app.now_us()),
        tree: seen.has_edges.then(|| href::dependencies(name, image)),
        strip: Strip::of_kinds(
            "Components by type",
            seen.kinds.iter().map(|(kind, number)| (*kind, count(*number), of_kind(kind))),
        ),
        kinds: seen.kinds.iter().enumerate().map(kind).collect(),
        licenses: seen.licenses.iter().take(LICENSES_MAX).map(license).collect(),
        more_licenses: more(seen.licenses.len(), LICENSES_MAX),
        layers: seen.layers.iter().map(|(layer, number)| (*layer, (of_layer(*layer), count(*number)))).collect(),
        narrowed: filter.words(seen.matching, seen.components),
        all: address(&Filter::default()),
        rows: seen.rows.into_iter().map(row).collect(),
        first: address(&filter.with(|_| {})),
        is_first_page: filter.after == 0,
        next: seen.next.map(|after| address(&Filter { after, ..filter.clone() })),
        unknowns_counted: plural(count(seen.unknowns_count), "thing"),
        more_unknowns: more(seen.unknowns_count, UNKNOWNS_MAX),
        unknowns: seen.unknowns,
        filter,
    }
}
