//! What images are made of, and where each component is.

use std::collections::BTreeSet;

use axum::response::Response;
use component::{Code, Component as Found, Inventory, Node, Relation, Scope};
use http::StatusCode;
use oci::{Digest, Manifest, ManifestKind, NoRootFileSystem, Reference, RepositoryName, media_type};
use pipeline::{Query, Readable, Recorded, State};
use registry::ManifestEntry;
use sbom::formats::{Format, WriteOptions, write};
use schemars::JsonSchema;
use serde::Serialize;

use super::findings::severity;
use super::{refused, time};
use crate::endpoint::Call;
use crate::failure::{Failure, chain, respond};
use crate::page::{Envelope, PageParameters};

/// Repositories that are listed at once to know what a caller may read.
const REPOSITORIES_IN_STEP: u64 = 1_000;

/// Places told of a component of an image; more are in its documents.
const PLACES_MAX: usize = 16;

/// A place where a component is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FoundComponent {
    /// Package URL, or kind, name and version where there is none.
    component: String,
    /// Kind of package, as in package URLs.
    #[serde(rename = "type")]
    package_type: String,
    /// Name.
    name: String,
    /// Version; null when the evidence has none.
    version: Option<String>,
    /// Whether the version lies in the range; null when it cannot be ordered.
    in_range: Option<bool>,
    /// Repository.
    repository: String,
    /// The image's manifest.
    digest: String,
    /// `os/architecture[/variant]`.
    platform: Option<String>,
    /// The first tags of the manifest and of the indexes that list it.
    tags: Vec<String>,
    /// How many tags it has in all.
    tags_total: u64,
    /// When the manifest was last pushed.
    pushed_at: String,
    /// Who pushed it last.
    pushed_by: String,
    /// Where in the image it is: the first places.
    places: Vec<Place>,
    /// How many places there are in all.
    places_total: u64,
    /// The vulnerability, when one was looked for.
    finding: Option<FoundFinding>,
}

/// A vulnerability of a component that was found by it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FoundFinding {
    /// Its name.
    vulnerability: String,
    /// Its severity there; null when nobody says.
    severity: Option<&'static str>,
    /// The first version that mends it.
    fixed: Option<String>,
    /// Since when that is known of the image: since the advisory came, or since the image did where that was later.
    since: String,
}

/// A page of places where components are.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FoundComponentPage {
    /// The items, in order.
    items: Vec<FoundComponent>,
    /// What to pass as `after` for the next page; null on the last one.
    next: Option<String>,
    /// Where the vulnerability may be, of which nobody knows; null where nothing is in doubt, when no vulnerability was looked for, and on all pages
    /// but the first.
    not_known: Option<NotKnown>,
    /// In how many images that hold the vulnerability an exception or VEX has it not count, which are not among the items; null where there is none,
    /// when no vulnerability was looked for, and on all pages but the first.
    not_counted: Option<ImageCount>,
    /// Whether an advisory of this hub speaks of the vulnerability: `present`, `absent`, or `no_database` where the hub has no advisories. Where it is
    /// not `present`, that there are no items says nothing. Null when no vulnerability was looked for, and on all pages but the first.
    record: Option<&'static str>,
    /// How many images are not inventoried, so that what is looked for may be in each of them; null where there is none, and on all pages but the
    /// first.
    not_looked_into: Option<ImageCount>,
    /// Which images hold what a distribution built of a source package that has the name which is looked for, under other names: `libssl3` of `openssl`.
    /// Null where there is none, when no whole name is looked for, and on all pages but the first.
    built_of: Option<BuiltOf>,
}

/// Images that hold what is built of a source package, which are not among the items.
#[derive(Serialize, JsonSchema)]
pub(crate) struct BuiltOf {
    /// The first names of what is built of it.
    names: Vec<String>,
    /// How many images hold such, each counted in each repository that holds it.
    images: u64,
    /// Whether there may be more than were counted.
    more: bool,
}

/// Images that are not among the items.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ImageCount {
    /// How many they are, each counted in each repository that holds it.
    images: u64,
    /// Whether there may be more than were counted.
    more: bool,
}

impl From<pipeline::ImageCount> for ImageCount {
    fn from(pipeline::ImageCount { images, more }: pipeline::ImageCount) -> Self {
        Self { images, more }
    }
}

/// Images that hold a package of which the records of a vulnerability speak, in a version that nothing states or that has no order.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NotKnown {
    /// The first twenty places, by component, then by repository and tag.
    items: Vec<FoundComponent>,
    /// How many images they are, each counted in each repository that holds it.
    images: u64,
    /// Whether there may be more than were counted.
    more: bool,
}

/// A place in an image.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Place {
    /// The file, and the way on inside of it.
    path: String,
    /// Digest of the layer that the file is in.
    layer: Option<String>,
}

/// What is known of the inventories of a manifest.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Inventories {
    /// The manifest that was asked for.
    digest: String,
    /// The image, or each image that an index lists and the repository holds.
    images: Vec<ImageInventory>,
}

/// What is known of the inventory of an image.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ImageInventory {
    /// The image's manifest.
    digest: String,
    /// `os/architecture[/variant]`.
    platform: Option<String>,
    /// `made`, `waiting`, `refused`, `none` when it holds no root file system, so that there is nothing to inventory, or `off` when this hub makes none.
    state: &'static str,
    /// Why it was refused, or why there is nothing to inventory.
    reason: Option<String>,
    /// The distribution in it.
    distribution: Option<String>,
    /// How many components it has.
    components: u64,
    /// When it was made; when the image came to this repository where that was later.
    made_at: Option<String>,
}

/// A component of an image.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Component {
    /// Its number in this inventory.
    id: usize,
    /// Kind of package.
    #[serde(rename = "type")]
    package_type: &'static str,
    /// Name.
    name: String,
    /// Version; null when the evidence has none.
    version: Option<String>,
    /// Package URL.
    purl: Option<String>,
    /// Declared licences, as SPDX expressions where they are.
    licenses: Vec<String>,
    /// `runtime`, `optional` or `development`.
    scope: &'static str,
    /// Whether the image asks for it itself; null when the evidence does not say.
    direct: Option<bool>,
    /// Whether it carries anything that runs; null when nobody looked.
    code: Option<bool>,
    /// Where it is, up to sixteen places.
    places: Vec<Place>,
    /// Numbers of the components that it needs, contains or installed.
    dependencies: Vec<usize>,
}

/// A page of an image's components.
pub(crate) type ComponentPage = Envelope<Component>;

impl From<pipeline::Error> for Failure {
    fn from(error: pipeline::Error) -> Self {
        match error {
            pipeline::Error::Cursor => Self::bad_request("CURSOR_INVALID", error.to_string())
                .hint("leave `after` out to begin with the first page"),
            pipeline::Error::Query(error) => error.into(),
            pipeline::Error::Database(error) => error.into(),
            pipeline::Error::Registry(error) => error.into(),
            error @ (pipeline::Error::Advisories(_) | pipeline::Error::Lost) => Self::internal(error),
        }
    }
}

impl From<pipeline::QueryError> for Failure {
    fn from(error: pipeline::QueryError) -> Self {
        let code = if error.is_of_range() { "VERSION_RANGE_INVALID" } else { "INPUT_INVALID" };
        Self::bad_request(code, chain(&error)).hint(error.hint())
    }
}

impl Call {
    /// Returns which repositories the caller may pull from.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn readable(&self) -> Result<Readable, Failure> {
        self.readable_of(None).await
    }

    /// Returns which repositories of a project, or of all, the caller may pull from.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn readable_of(&self, project: Option<&str>) -> Result<Readable, Failure> {
        if project.is_none() && self.caller.access().actor().is_administrator() {
            return Ok(Readable::All);
        }
        let (mut repositories, mut after) = (BTreeSet::new(), String::new());
        loop {
            let (visible, more) = self.visible_repositories(project, &after, REPOSITORIES_IN_STEP).await?;
            repositories.extend(visible.iter().map(|repository| repository.id));
            match visible.last() {
                Some(last) if more => after = last.name.to_string(),
                _ => return Ok(Readable::Repositories(repositories)),
            }
        }
    }

    /// Returns the manifest that `name` and `reference` of the query name.
    async fn named_manifest(&self) -> Result<(RepositoryName, std::sync::Arc<ManifestEntry>), Failure> {
        let name = self.named_repository()?;
        let text = self.target.query("reference").unwrap_or_default();
        let reference: Reference = text.parse().map_err(|error: oci::ReferenceError| refused("reference", &error))?;
        let entry = self.app.registry.find_manifest(&name, &reference).await?;
        Ok((name, entry))
    }

    /// Returns the image that a manifest is, or those that an index lists and its repository holds, with their platforms.
    /// An index may list any digest: what is known of it elsewhere is not its pusher's to see.
    ///
    /// # Errors
    /// When the manifest cannot be parsed, or the database fails.
    pub async fn held_images(
        &self,
        name: &RepositoryName,
        entry: &ManifestEntry,
    ) -> Result<Vec<(Digest, Option<String>)>, Failure> {
        let mut images = images_of(entry)?;
        if images.iter().all(|(digest, _)| *digest == entry.digest) {
            return Ok(images);
        }
        let repository = self.app.registry.repository_id(name).await?;
        let wanted: Vec<_> = images.iter().map(|(digest, _)| (repository, *digest)).collect();
        let held = self.app.registry.find_held_manifests(&wanted).await?;
        images.retain(|(digest, _)| held.contains_key(&(repository, *digest)));
        Ok(images)
    }

    /// Returns the image that the query names; of an index, the one of `platform`, or the first.
    ///
    /// # Errors
    /// `INVENTORY_UNKNOWN` for an index without such an image, and as for any manifest.
    pub async fn named_image(&self) -> Result<(RepositoryName, Digest), Failure> {
        let (name, entry) = self.named_manifest().await?;
        let images = self.held_images(&name, &entry).await?;
        let wanted = self.target.query("platform");
        let is_wanted = |platform: &Option<String>| match (wanted, platform) {
            (Some(wanted), Some(platform)) => wanted == platform,
            _ => wanted.is_none(),
        };
        let found = images.iter().find(|(digest, platform)| *digest == entry.digest || is_wanted(platform));
        if let Some((digest, _)) = found {
            return Ok((name, *digest));
        }
        let known: Vec<&str> = images.iter().filter_map(|(_, platform)| platform.as_deref()).collect();
        let message =
            format!("the index lists no image for {} that this repository holds", wanted.unwrap_or("any platform"));
        let failure = Failure::not_found("INVENTORY_UNKNOWN", message);
        Err(if known.is_empty() { failure } else { failure.hint(format!("it has: {}", known.join(", "))) })
    }

    async fn named_inventory(&self) -> Result<Inventory, Failure> {
        let (name, image) = self.named_image().await?;
        match self.app.pipeline.inventory(&name, image).await? {
            Some(inventory) => Ok(inventory),
            None => Err(self.no_inventory(&name, image).await?),
        }
    }

    /// Says why an image of a repository holds nothing to inventory; none where it holds a root file system, or is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn nothing_to_inventory(
        &self,
        name: &RepositoryName,
        image: Digest,
    ) -> Result<Option<NoRootFileSystem>, Failure> {
        let entry = match self.app.registry.find_manifest(name, &Reference::Digest(image)).await {
            Ok(entry) => entry,
            Err(registry::Error::ManifestUnknown { .. } | registry::Error::NameUnknown(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let manifest = Manifest::parse(Some(&entry.media_type), &entry.body);
        Ok(manifest.map_err(registry::Error::ManifestInvalid)?.root_file_system().err())
    }

    /// Returns why an image has no inventory, and what to do next.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn no_inventory(&self, name: &RepositoryName, image: Digest) -> Result<Failure, Failure> {
        let known = self.describe_image(name, (image, None)).await?;
        if let ("none", Some(reason)) = (known.state, &known.reason) {
            let message = format!("{image} holds no root file system, so that there is nothing to inventory: {reason}");
            return Ok(Failure::not_found("NO_ROOT_FILE_SYSTEM", message)
                .hint(format!("`garrison repo show {name}@{image}` says what it is")));
        }
        let message = match (known.state, &known.reason) {
            ("refused", Some(reason)) => format!("{image} has no inventory: {reason}"),
            ("off", _) => format!("{image} has no inventory: this hub makes none"),
            _ => format!("{image} has no inventory yet"),
        };
        let failure = Failure::not_found("INVENTORY_UNKNOWN", message);
        Ok(match known.state {
            "waiting" => failure.hint("ask again in a moment; `garrison jobs list --kind inventory` shows what waits"),
            "off" => failure.hint("the setting `inventory_memory` turns inventories on"),
            _ => failure,
        })
    }

    async fn describe_image(
        &self,
        name: &RepositoryName,
        (digest, platform): (Digest, Option<String>),
    ) -> Result<ImageInventory, Failure> {
        let found = self.app.pipeline.find_image_in(name, digest).await?;
        let Some(record) = found else {
            let nothing = self.nothing_to_inventory(name, digest).await?;
            let state = match &nothing {
                Some(_) => "none",
                None if self.app.registry.makes_inventories() => "waiting",
                None => "off",
            };
            return Ok(ImageInventory {
                digest: digest.to_string(),
                platform,
                state,
                reason: nothing.map(|why_not| why_not.to_string()),
                distribution: None,
                components: 0,
                made_at: None,
            });
        };
        let (state, reason) = match record.state {
            State::Made => ("made", None),
            State::Refused(reason) => ("refused", Some(reason)),
        };
        Ok(ImageInventory {
            digest: digest.to_string(),
            platform: record.platform.or(platform),
            state,
            reason,
            distribution: record.distribution,
            components: record.components,
            made_at: Some(time(record.made_at_us)),
        })
    }
}

/// Returns the image that a manifest is, or the images that an index lists, with their platforms.
fn images_of(entry: &ManifestEntry) -> Result<Vec<(Digest, Option<String>)>, Failure> {
    let manifest = Manifest::parse(Some(&entry.media_type), &entry.body).map_err(registry::Error::ManifestInvalid)?;
    if manifest.kind != ManifestKind::Index {
        return Ok(vec![(entry.digest, None)]);
    }
    // Attestations are listed beside images, under a platform that there is not or under none. What has a platform may run, whatever
    // its annotations say.
    let is_image = |child: &&oci::Descriptor| {
        media_type::is_manifest(&child.media_type)
            && match &child.platform {
                Some(platform) => platform.os != "unknown",
                None => !child.is_attestation(),
            }
    };
    let children = manifest.manifests.iter().filter(is_image);
    Ok(children.map(|child| (child.digest, child.platform.as_ref().map(ToString::to_string))).collect())
}

pub(crate) async fn find(call: Call) -> Result<Response, Failure> {
    let page = PageParameters::of(&call.target)?;
    let pattern = call.target.query("query").unwrap_or_default();
    let query = Query::parse(pattern, call.target.query("range"))?;
    let images = (&call.readable().await?, call.found_tagged()?);
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let found = call.app.pipeline.find(&query, images, page.after.as_deref(), limit).await?;
    let not_known = found.not_known.map(|not_known| NotKnown {
        items: not_known.items.into_iter().map(found_component).collect(),
        images: not_known.images,
        more: not_known.more,
    });
    let not_counted = found.not_counted.map(ImageCount::from);
    let items = found.items.into_iter().map(found_component).collect();
    let record = found.recorded.map(|recorded| match recorded {
        Recorded::Present => "present",
        Recorded::Absent => "absent",
        Recorded::NoDatabase => "no_database",
    });
    let not_looked_into = found.not_looked_into.map(ImageCount::from);
    let next = found.next.map(|next| page.told(next));
    let built_of = found.built_of.map(|pipeline::BuiltOf { names, images, more }| BuiltOf { names, images, more });
    let page = FoundComponentPage { items, next, not_known, not_counted, record, not_looked_into, built_of };
    Failure::json(StatusCode::OK, &page)
}

fn found_component(found: pipeline::Found) -> FoundComponent {
    FoundComponent {
        component: found.identity,
        package_type: found.package_type,
        name: found.name,
        version: Some(found.version).filter(|version| !version.is_empty()),
        in_range: found.in_range,
        repository: found.repository.to_string(),
        digest: found.image.to_string(),
        platform: found.platform,
        tags: found.tags.iter().map(ToString::to_string).collect(),
        tags_total: found.tags_total,
        places_total: found.places_total,
        pushed_at: time(found.pushed_at_us),
        pushed_by: found.pushed_by,
        places: found
            .places
            .into_iter()
            .map(|place| Place { path: place.location.to_string(), layer: place.layer })
            .collect(),
        finding: found.finding.map(|finding| FoundFinding {
            vulnerability: finding.vulnerability,
            severity: severity(finding.level),
            fixed: finding.fixed,
            since: time(finding.since_us),
        }),
    }
}

pub(crate) async fn inventories(call: Call) -> Result<Response, Failure> {
    let (name, entry) = call.named_manifest().await?;
    let mut images = Vec::new();
    for image in call.held_images(&name, &entry).await? {
        images.push(call.describe_image(&name, image).await?);
    }
    Failure::json(StatusCode::OK, &Inventories { digest: entry.digest.to_string(), images })
}

pub(crate) async fn document(call: Call) -> Result<Response, Failure> {
    let format: Format = match call.target.query("format") {
        Some(text) => text.parse().map_err(|error: sbom::formats::FormatError| refused("format", &error))?,
        None => Format::default(),
    };
    let inventory = call.named_inventory().await?;
    let written = tokio::task::spawn_blocking(move || write(&inventory, &WriteOptions::new(format)));
    let body = written.await.map_err(Failure::internal)?;
    respond(StatusCode::OK, format.media_type(), body)
}

pub(crate) async fn list(call: Call) -> Result<Response, Failure> {
    let page = PageParameters::of(&call.target)?;
    let invalid = |_| Failure::bad_request("CURSOR_INVALID", "`after` is not a cursor of this list");
    let after: usize = page.after.as_deref().map(str::parse).transpose().map_err(invalid)?.unwrap_or(0);
    let inventory = call.named_inventory().await?;
    let wanted = call.target.query("query").unwrap_or_default().to_lowercase();
    let is_wanted = |component: &Found| {
        let purl = || component.purl.as_ref().is_some_and(|purl| purl.to_string().to_lowercase().contains(&wanted));
        component.name.to_lowercase().contains(&wanted) || purl()
    };
    let matching = inventory.components.iter().enumerate().filter(|(_, component)| is_wanted(component));
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let mut items: Vec<Component> = matching
        .skip_while(|(id, _)| *id < after)
        .take(limit.saturating_add(1))
        .map(|(id, found)| component(&inventory, id, found))
        .collect();
    let next = items.get(limit).map(|first| first.id.to_string());
    items.truncate(limit);
    Envelope::answer(&page, items, next)
}

fn component(inventory: &Inventory, id: usize, found: &Found) -> Component {
    let place = |location: &component::Location| Place {
        path: location.to_string(),
        layer: location
            .layer
            .and_then(|layer| inventory.layers.get(usize::from(layer)))
            .map(|layer| layer.digest.clone()),
    };
    // Edges are in the order of what they begin at.
    let from = Node::Component(component::ComponentIndex(u32::try_from(id).unwrap_or(u32::MAX)));
    let first = inventory.edges.partition_point(|edge| edge.from < from);
    let edges = inventory.edges[first..].iter().take_while(|edge| edge.from == from);
    let is_need = |relation: Relation| !matches!(relation, Relation::DependsOn(Scope::Development));
    Component {
        id,
        package_type: found.package_type.name(),
        name: found.name.clone(),
        version: found.version.clone(),
        purl: found.purl.as_ref().map(ToString::to_string),
        licenses: found.licenses.iter().map(|license| license.text().to_owned()).collect(),
        scope: match found.scope {
            Scope::Runtime => "runtime",
            Scope::Optional => "optional",
            Scope::Development => "development",
        },
        direct: found.direct,
        code: match found.code {
            Code::Unknown => None,
            Code::Present => Some(true),
            Code::Absent => Some(false),
        },
        places: found.locations.iter().take(PLACES_MAX).map(place).collect(),
        dependencies: edges.filter(|edge| is_need(edge.relation)).map(|edge| edge.to.0 as usize).collect(),
    }
}
