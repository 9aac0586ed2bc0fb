//! An image, index or artifact: what it is made of, what refers to it, and how to pull it.

use std::collections::{BTreeMap, BTreeSet};

use api::{Call, Failure};
use askama::Template;
use axum::response::Response;
use http::StatusCode;
use oci::{Descriptor, Digest, Manifest, ManifestKind, Reference, RepositoryName, media_type};
use pipeline::{Beside, Documents, Totals};
use registry::ManifestEntry;

use crate::frame::{Frame, Section, Viewer, answer};
use crate::href;
use crate::image_config::{self, Entries, ImageConfig, NoConfig};
use crate::kind::Kind;
use crate::pages::image_components::{self, Known, Part};
use crate::pages::{findings, image_findings, vex};
use crate::strip::{LayerPart, Origin, Strip};
use crate::words::{Bytes, Hash, Moment, Stated, count, foreign, grouped, plural};

/// Layers on a page: more than most images have, and with the longest steps well within a page.
pub(crate) const LAYERS_MAX: usize = 80;
/// Entries of an index on a page.
const PLATFORMS_MAX: usize = 40;
/// Platforms in the first sentence.
const PLATFORMS_TOLD_MAX: usize = 4;
/// Referrers on a page.
const REFERRERS_MAX: u64 = 40;
/// Bytes that the manifest takes of a page; the whole one is a link away.
const RAW_BYTES_MAX: usize = 16_000;
const TYPE_BYTES_MAX: usize = 80;
/// The most of a step that the strip's title has; the table below has it whole.
const STEP_IN_TITLE_BYTES_MAX: usize = 60;
/// The longest reason why there is no inventory, as a title.
const REASON_BYTES_MAX: usize = 160;

#[derive(Template)]
#[template(path = "image.html")]
struct ImagePage {
    frame: Frame,
    name: String,
    reference: String,
    /// As an address names it.
    whole_reference: String,
    separator: char,
    project: String,
    project_href: String,
    repository_href: String,
    digest: Hash,
    media_type: String,
    sentence: String,
    pushed: Moment,
    pushed_by: String,
    subject: Option<(String, Hash)>,
    pulls: Vec<String>,
    strip: Strip,
    layers: Vec<LayerRow>,
    more_layers: String,
    layers_title: String,
    are_steps_known: bool,
    platforms: Vec<PlatformRow>,
    more_platforms: String,
    findings: image_findings::Part,
    vex_beside: Option<vex::Beside>,
    components: Part,
    config: Option<ConfigPart>,
    annotations: Entries,
    referrers_counted: String,
    referrers: Vec<ReferrerGroup>,
    more_referrers: bool,
    /// How many SBOMs of others are not compared.
    uncompared: String,
    raw: String,
    raw_is_cut: bool,
    raw_size: Bytes,
    raw_href: String,
}

struct LayerRow {
    number: usize,
    origin: Origin,
    shade: usize,
    digest: Hash,
    size: Bytes,
    kind: Kind,
    step: String,
    /// Where the components that it holds are listed, and how many there are.
    components: Option<(String, u64)>,
}

struct PlatformRow {
    href: Option<String>,
    /// It is a manifest, and the repository does not hold it.
    is_absent: bool,
    platform: String,
    digest: Hash,
    size: Bytes,
    kind: Kind,
    components: PlatformComponents,
    /// What is wrong with it, the worst first, and where that is told; none before it is matched.
    findings: Option<(String, String)>,
}

/// What is known of the inventory of an index's entry.
enum PlatformComponents {
    Told {
        href: String,
        word: String,
        title: String,
    },
    /// It is no image, or the repository does not hold it.
    Nothing,
}

enum ConfigPart {
    Shown { digest: Hash, size: Bytes, config: ImageConfig },
    Opaque { digest: Hash, size: Bytes, media_type: String, reason: &'static str },
}

struct ReferrerGroup {
    kind: Kind,
    rows: Vec<ReferrerRow>,
}

struct ReferrerRow {
    href: String,
    digest: Hash,
    size: Bytes,
    created: Stated,
    /// How it differs from the hub's own, where it holds SBOMs of someone else.
    compared: Vec<Compared>,
}

struct Compared {
    href: String,
    /// Which of several it is.
    which: String,
}

/// Returns the host by which clients name this hub, and what they must add while it does not speak TLS.
pub(crate) fn host(call: &Call) -> (String, &'static str) {
    let base = call.app.base_url(&call.head);
    match base.split_once("://") {
        Some(("https", host)) => (host.to_owned(), ""),
        Some((_, host)) => (host.to_owned(), " --tls-verify=false"),
        None => (base, ""),
    }
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let name = call.named_repository()?;
    let text = call.target.query("reference").unwrap_or_default();
    let reference: Reference = text.parse().map_err(|error| {
        Failure::bad_request("INPUT_INVALID", format!("`reference={}` is refused: {error}", foreign(text, 200)))
    })?;
    let registry = call.app.registry();
    let entry = registry.find_manifest(&name, &reference).await?;
    let manifest = Manifest::parse(Some(&entry.media_type), &entry.body).map_err(registry::Error::ManifestInvalid)?;
    let found = registry.list_referrers(&name, &entry.digest, None, None, Some(REFERRERS_MAX)).await?;
    let config = match &manifest.config {
        Some(descriptor) if media_type::is_container_config(&descriptor.media_type) => {
            Some((descriptor, Some(image_config::read(registry, &name, descriptor, call.app.now_us()).await)))
        }
        Some(descriptor) if descriptor.media_type != media_type::OCI_EMPTY => Some((descriptor, None)),
        _ => None,
    };
    let config = config.map(|(descriptor, read)| config_part(descriptor, read));
    let components = image_components::part(&call, &name, &reference, (entry.digest, &manifest)).await?;
    let (findings, vex_beside) = if manifest.is_root_file_system() {
        let findings = image_findings::part(&call, &name, entry.digest).await?;
        (findings, vex::beside(&call, &name, entry.digest).await?)
    } else {
        (image_findings::Part::Nothing, None)
    };
    let platforms = platform_rows(&call, &name, &entry, &manifest.manifests).await?;
    let referrers_counted = crate::words::at_least(found.descriptors.len(), found.next.is_some(), "artifact");
    let mut documents = Documents { listed: Vec::new(), left_out: 0, may_be_more: false };
    if matches!(components, Part::Made(_)) {
        documents = call.app.pipeline().documents(&name, entry.digest, None).await?;
        documents.listed.retain(|document| !document.is_own());
    }
    let uncompared = left_out(&documents);
    let referrers = group(&name, entry.digest, &found.descriptors, &documents.listed, call.app.now_us());
    answer(
        StatusCode::OK,
        &page(
            &call,
            Subject { name: &name, reference: &reference, entry: &entry, manifest: &manifest },
            (config, components, (findings, vex_beside), platforms),
            (referrers, referrers_counted, found.next.is_some(), uncompared),
        ),
    )
}

/// What is wrong with an image, and the VEX that lies beside it.
type Findings = (image_findings::Part, Option<vex::Beside>);

/// What the page is about.
#[derive(Clone, Copy)]
struct Subject<'a> {
    name: &'a RepositoryName,
    reference: &'a Reference,
    entry: &'a ManifestEntry,
    manifest: &'a Manifest,
}

fn page(
    call: &Call,
    subject: Subject<'_>,
    (config, components, (findings, vex_beside), platforms): (Option<ConfigPart>, Part, Findings, Vec<PlatformRow>),
    (referrers, referrers_counted, more_referrers, uncompared): (Vec<ReferrerGroup>, String, bool, String),
) -> ImagePage {
    let Subject { name, reference, entry, manifest } = subject;
    let shown = match &config {
        Some(ConfigPart::Shown { config, .. }) => Some(config),
        _ => None,
    };
    let steps = shown.map_or(&[][..], |config| &config.steps);
    let by_layer = match &components {
        Part::Made(made) => Some(&made.layers),
        _ => None,
    };
    let layers = layer_rows(&manifest.layers, steps, by_layer);
    let parts: Vec<LayerPart> = layers.iter().map(LayerRow::part).collect();
    let strip = Strip::of_layers(&parts);
    let separator = if matches!(reference, Reference::Tag(_)) { ':' } else { '@' };
    let (raw, raw_is_cut) = raw(&entry.body);
    ImagePage {
        frame: Frame::new(call, Section::Images, format!("{name}{separator}{reference}"))
            .command(format!("garrison repo show {name}{separator}{reference}")),
        separator,
        project: name.project().to_owned(),
        project_href: href::project(name.project()),
        repository_href: href::repository(name),
        digest: Hash(entry.digest),
        media_type: foreign(&entry.media_type, TYPE_BYTES_MAX),
        sentence: sentence(manifest, shown),
        pushed: Moment::new(entry.pushed_at_us, call.app.now_us()),
        pushed_by: crate::words::actor(&entry.pushed_by),
        subject: entry.subject.map(|digest| (href::image(name, digest), Hash(digest))),
        pulls: pulls(call, subject),
        strip,
        more_layers: more(manifest.layers.len(), LAYERS_MAX, "layer"),
        layers_title: if manifest.kind == ManifestKind::Image && shown.is_some() { "Layers" } else { "Blobs" }
            .to_owned(),
        are_steps_known: layers.iter().any(|layer| !layer.step.is_empty()),
        layers,
        platforms,
        findings,
        vex_beside,
        components,
        more_platforms: more(manifest.manifests.len(), PLATFORMS_MAX, "entry"),
        config,
        annotations: Entries::new(manifest.annotations.iter().map(|(key, value)| (key.as_str(), value.as_str()))),
        referrers_counted,
        referrers,
        more_referrers,
        uncompared,
        raw,
        raw_is_cut,
        raw_size: Bytes(count(entry.body.len())),
        raw_href: format!("/v2/{name}/manifests/{}", entry.digest),
        name: name.to_string(),
        whole_reference: reference.to_string(),
        reference: match reference {
            Reference::Tag(tag) => tag.to_string(),
            Reference::Digest(digest) => Hash(*digest).short(),
        },
    }
}

/// Says in words what it is.
fn sentence(manifest: &Manifest, config: Option<&ImageConfig>) -> String {
    let layers = count(manifest.layers.len());
    let size =
        Bytes(manifest.config.iter().chain(&manifest.layers).fold(0, |sum: u64, part| sum.saturating_add(part.size)))
            .words();
    match (manifest.kind, config) {
        (ManifestKind::Index, _) => {
            let platforms: Vec<String> = manifest.manifests.iter().filter_map(told_platform).collect();
            match platforms.len() {
                0 => format!("An index of {}.", plural(count(manifest.manifests.len()), "manifest")),
                number if number <= PLATFORMS_TOLD_MAX => {
                    format!("An index of {}: {}.", plural(count(number), "platform"), platforms.join(", "))
                }
                number => format!("An index of {}.", plural(count(number), "platform")),
            }
        }
        (_, Some(config)) => {
            let platform = config.platform.as_deref().map(|platform| format!(" for {platform}")).unwrap_or_default();
            format!("An image{platform} in {}, {size} to pull.", plural(layers, "layer"))
        }
        _ => {
            let kind = manifest.artifact_type.as_deref().unwrap_or(&manifest.media_type);
            format!(
                "An artifact of type {} in {}, {size} to pull.",
                foreign(kind, TYPE_BYTES_MAX),
                plural(layers, "blob")
            )
        }
    }
}

/// Returns the platform of an index's entry; attestations, which builders list beside images, have none.
fn told_platform(entry: &Descriptor) -> Option<String> {
    let platform = entry.platform.as_ref().filter(|platform| platform.os != "unknown")?;
    Some(foreign(&platform.to_string(), 40))
}

fn pulls(call: &Call, subject: Subject<'_>) -> Vec<String> {
    let Subject { name, reference, entry, manifest } = subject;
    let (host, flags) = host(call);
    let whole = format!("{host}/{name}@{}", entry.digest);
    let named = match reference {
        Reference::Tag(tag) => format!("{host}/{name}:{tag}"),
        Reference::Digest(_) => whole.clone(),
    };
    let is_image = manifest.kind == ManifestKind::Index
        || manifest.config.as_ref().is_some_and(|config| media_type::is_container_config(&config.media_type));
    let plain = if flags.is_empty() { "" } else { " --plain-http" };
    let mut pulls = if is_image {
        vec![format!("docker pull {named}"), format!("skopeo inspect{flags} docker://{named}")]
    } else {
        vec![format!("oras pull{plain} {named}")]
    };
    if named != whole {
        let program = if is_image { "docker pull".to_owned() } else { format!("oras pull{plain}") };
        pulls.push(format!("{program} {whole}"));
    }
    pulls
}

fn layer_rows(
    layers: &[Descriptor],
    steps: &[String],
    components: Option<&BTreeMap<usize, (String, u64)>>,
) -> Vec<LayerRow> {
    // A config that is of other layers says nothing about any of these.
    let steps = if steps.len() == layers.len() { steps } else { &[] };
    let row = |(index, layer): (usize, &Descriptor)| {
        let step = steps.get(index).filter(|step| !step.is_empty());
        let origin = Origin::of(step.map_or("", String::as_str));
        LayerRow {
            number: index + 1,
            origin,
            shade: origin.shade(index),
            digest: Hash(layer.digest),
            size: Bytes(layer.size),
            kind: Kind::of_layer(&layer.media_type),
            step: step.cloned().unwrap_or_else(|| title(layer)),
            components: components.and_then(|components| components.get(&(index + 1)).cloned()),
        }
    };
    layers.iter().take(LAYERS_MAX).enumerate().map(row).collect()
}

impl LayerRow {
    fn part(&self) -> LayerPart {
        let components = self.components.as_ref();
        LayerPart {
            size_bytes: self.size.0,
            origin: self.origin,
            step: foreign(&self.step, STEP_IN_TITLE_BYTES_MAX),
            components: components.map(|(_, number)| plural(*number, "component")).unwrap_or_default(),
        }
    }
}

/// Returns the name that artifacts give their blobs.
fn title(layer: &Descriptor) -> String {
    layer.annotations.get("org.opencontainers.image.title").map(|title| foreign(title, 100)).unwrap_or_default()
}

async fn platform_rows(
    call: &Call,
    name: &RepositoryName,
    index: &ManifestEntry,
    entries: &[Descriptor],
) -> Result<Vec<PlatformRow>, Failure> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    // Of an image that is elsewhere nothing is told.
    let held: BTreeSet<Digest> = call.held_images(name, index).await?.into_iter().map(|(digest, _)| digest).collect();
    let repository = call.app.registry().repository_id(name).await?;
    let mut rows = Vec::new();
    for entry in entries.iter().take(PLATFORMS_MAX) {
        let is_attestation = entry.is_attestation();
        let kind = Kind::of_manifest(&entry.media_type, entry.artifact_type.as_deref(), false);
        // An index may name what nobody pushed.
        let is_here = media_type::is_manifest(&entry.media_type)
            && (held.contains(&entry.digest) || is_held(call, name, entry.digest).await?);
        let is_image = kind.word == "image" && !is_attestation && held.contains(&entry.digest);
        rows.push(PlatformRow {
            href: is_here.then(|| href::image(name, entry.digest)),
            is_absent: !is_here && media_type::is_manifest(&entry.media_type),
            platform: told_platform(entry)
                .unwrap_or_else(|| if is_attestation { "attestation" } else { "any" }.to_owned()),
            digest: Hash(entry.digest),
            size: Bytes(entry.size),
            kind,
            components: if is_image {
                platform_components(call, name, entry.digest).await?
            } else {
                PlatformComponents::Nothing
            },
            findings: if is_image {
                let totals = call.app.pipeline().totals_of(repository, entry.digest).await?;
                totals.map(|totals| (format!("{}#findings", href::image(name, entry.digest)), worst(totals)))
            } else {
                None
            },
        });
    }
    Ok(rows)
}

/// Tells whether a repository holds a manifest.
async fn is_held(call: &Call, name: &RepositoryName, digest: Digest) -> Result<bool, Failure> {
    match call.app.registry().find_manifest(name, &Reference::Digest(digest)).await {
        Ok(_) => Ok(true),
        Err(registry::Error::ManifestUnknown { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Says how many findings there are of the two worst severities that any is of.
fn worst(totals: Totals) -> String {
    let bars = findings::bars(totals, findings::list_of);
    let told = bars.iter().take(2).map(|bar| format!("{} {}", bar.number, bar.severity.word()));
    let told: Vec<String> = told.collect();
    if told.is_empty() { "0".to_owned() } else { told.join(", ") }
}

async fn platform_components(call: &Call, name: &RepositoryName, image: Digest) -> Result<PlatformComponents, Failure> {
    let record = call.app.pipeline().find_image(image).await?;
    if record.is_none() && call.nothing_to_inventory(name, image).await?.is_some() {
        return Ok(PlatformComponents::Nothing);
    }
    let known = image_components::known(record.as_ref(), call.app.registry().makes_inventories());
    let (word, title) = match known {
        Known::Made(record) => (crate::words::grouped(record.components), ""),
        Known::Waiting => ("waiting".to_owned(), "its inventory waits for its turn"),
        Known::Refused(reason) => ("refused".to_owned(), reason),
        Known::Off => ("off".to_owned(), "this hub makes no inventories"),
    };
    let href = format!("{}#components", href::image(name, image));
    Ok(PlatformComponents::Told { href, word, title: foreign(title, REASON_BYTES_MAX) })
}

fn config_part(descriptor: &Descriptor, read: Option<Result<ImageConfig, NoConfig>>) -> ConfigPart {
    let (digest, size) = (Hash(descriptor.digest), Bytes(descriptor.size));
    let opaque = |reason| ConfigPart::Opaque {
        digest,
        size,
        media_type: foreign(&descriptor.media_type, TYPE_BYTES_MAX),
        reason,
    };
    match read {
        Some(Ok(config)) => ConfigPart::Shown { digest, size, config },
        Some(Err(NoConfig::TooLarge)) => opaque("It is too large for a page."),
        Some(Err(NoConfig::Unreadable)) => opaque("It could not be read as an image's config."),
        None => opaque("It is of a type of its own."),
    }
}

fn group(
    name: &RepositoryName,
    image: Digest,
    descriptors: &[Descriptor],
    documents: &[Beside],
    now_us: i64,
) -> Vec<ReferrerGroup> {
    let mut compared: BTreeMap<Digest, Vec<Compared>> = BTreeMap::new();
    for document in documents {
        let links = compared.entry(document.manifest).or_default();
        let which = if links.is_empty() { String::new() } else { format!(" ({})", links.len() + 1) };
        links.push(Compared { href: href::differences(name, image, document), which });
    }
    let mut groups: BTreeMap<&str, Vec<ReferrerRow>> = BTreeMap::new();
    for descriptor in descriptors {
        let kind = descriptor.artifact_type.as_deref().unwrap_or(&descriptor.media_type);
        let created = descriptor.annotations.get("org.opencontainers.image.created").map_or("", String::as_str);
        groups.entry(kind).or_default().push(ReferrerRow {
            href: href::image(name, descriptor.digest),
            digest: Hash(descriptor.digest),
            size: Bytes(descriptor.size),
            created: Stated::new(created, now_us),
            compared: compared.remove(&descriptor.digest).unwrap_or_default(),
        });
    }
    let group = |(kind, rows): (&str, Vec<ReferrerRow>)| ReferrerGroup { kind: Kind::of_artifact(kind), rows };
    let mut groups: Vec<ReferrerGroup> = groups.into_iter().map(group).collect();
    // What is not on this page of referrers, or is none: an index or a tag says that it attests the image.
    let row = |document: &Beside| {
        Some(ReferrerRow {
            compared: compared.remove(&document.manifest)?,
            href: href::image(name, document.manifest),
            digest: Hash(document.manifest),
            size: Bytes(document.manifest_bytes),
            created: Stated::new("", now_us),
        })
    };
    let rows: Vec<ReferrerRow> = documents.iter().filter_map(row).collect();
    if !rows.is_empty() {
        groups.push(ReferrerGroup { kind: Kind::of_other_sboms(), rows });
    }
    groups
}

/// Says how many SBOMs of others are not compared; nothing when all are.
fn left_out(documents: &Documents) -> String {
    match (documents.left_out, documents.may_be_more) {
        (0, false) => String::new(),
        (0, true) => "SBOMs among what else refers to it are".to_owned(),
        (1, false) => "1 more SBOM beside it is".to_owned(),
        (number, false) => format!("{} more SBOMs beside it are", grouped(number)),
        (number, true) => format!("At least {} more beside it are", plural(number, "SBOM")),
    }
}

/// Says how many are left out.
fn more(number: usize, shown: usize, thing: &str) -> String {
    match number.saturating_sub(shown) {
        0 => String::new(),
        left => format!("{} more, in the manifest below", plural(count(left), thing)),
    }
}

/// Returns the manifest's text with characters that could mislead made visible, and whether it was cut.
fn raw(body: &[u8]) -> (String, bool) {
    let text = String::from_utf8_lossy(body);
    let mut shown = String::new();
    let mut left = RAW_BYTES_MAX;
    for character in text.chars() {
        let is_layout = matches!(character, '\n' | '\t');
        let character = if !is_layout && component::is_deceptive(character) { '\u{fffd}' } else { character };
        let Some(rest) = left.checked_sub(crate::words::html_bytes(character)) else { return (shown, true) };
        left = rest;
        shown.push(character);
    }
    (shown, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_on_a_page_has_a_longest() {
        for (length, is_cut) in [(RAW_BYTES_MAX - 1, false), (RAW_BYTES_MAX, false), (RAW_BYTES_MAX + 1, true)] {
            assert_eq!(raw(&vec![b'a'; length]).1, is_cut, "{length}");
        }
        assert_eq!(raw(&vec![b'"'; RAW_BYTES_MAX]).0.len(), RAW_BYTES_MAX / 5);
        assert_eq!(raw("a\u{202e}\nb".as_bytes()).0, "a\u{fffd}\nb");
    }
}
