use std::borrow::Cow;
use std::collections::HashMap;

use component::{
    Component, Distribution, Hash, Layer, License, Location, OwnedFile, PackageType, Relation, Scope, SourcePackage,
    Subject, Technique,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{INSIDE_ANNOTATION, LAYER_ANNOTATION};
use crate::formats::assembly::{Assembled, Assembly, Frame, Target};
use crate::formats::lenient::{Lax, Many, Text};
use crate::formats::namespace::{self, Created, DocumentFacts};
use crate::formats::read::{Document, ReadError};
use crate::formats::repairs::{Place, RepairKind};
use crate::formats::{Limits, foreign};

/// The most items of the document's own lists, above what any limit allows to be used.
const LIST_ITEMS_MAX: usize = 5_000_000;

type Long<'a, T> = Lax<'a, Many<Lax<'a, T>, LIST_ITEMS_MAX>>;
type List<'a, T> = Lax<'a, Many<Lax<'a, T>>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DocumentIn<'a> {
    #[serde(borrow, default)]
    artifacts: Long<'a, Artifact<'a>>,
    #[serde(borrow, default)]
    artifact_relationships: Long<'a, Relationship<'a>>,
    #[serde(borrow, default)]
    source: Lax<'a, Source<'a>>,
    #[serde(borrow, default)]
    distro: Lax<'a, Distro<'a>>,
    #[serde(borrow, default)]
    descriptor: Lax<'a, Descriptor<'a>>,
    #[serde(borrow, default)]
    schema: Lax<'a, Schema<'a>>,
    #[serde(borrow, default)]
    properties: List<'a, Property<'a>>,
}

#[derive(Deserialize)]
struct Property<'a> {
    #[serde(borrow, default)]
    name: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    value: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
struct Schema<'a> {
    #[serde(borrow, default)]
    version: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
struct Descriptor<'a> {
    #[serde(borrow, default)]
    name: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    version: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
struct Source<'a> {
    #[serde(borrow, default)]
    id: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    name: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    version: Lax<'a, Text<'a>>,
    #[serde(rename = "type", borrow, default)]
    kind: Lax<'a, Text<'a>>,
    /// Before version 9 of the schema it is called `target`, and is a path for directories and files.
    #[serde(borrow, default, alias = "target")]
    metadata: Lax<'a, SourceMetadata<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SourceMetadata<'a> {
    Path(Cow<'a, str>),
    Described(#[serde(borrow)] Box<Described<'a>>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described<'a> {
    path: Option<Cow<'a, str>>,
    user_input: Option<Cow<'a, str>>,
    manifest_digest: Option<Cow<'a, str>>,
    architecture: Option<Cow<'a, str>>,
    os: Option<Cow<'a, str>>,
    #[serde(default)]
    layers: Vec<LayerIn<'a>>,
}

#[derive(Deserialize)]
struct LayerIn<'a> {
    digest: Cow<'a, str>,
    #[serde(default)]
    size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Distro<'a> {
    #[serde(borrow, default)]
    pretty_name: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    name: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    id: Lax<'a, Text<'a>>,
    /// A list; before version 3 of the schema, a text.
    #[serde(borrow, default)]
    id_like: Lax<'a, &'a RawValue>,
    #[serde(borrow, default)]
    version: Lax<'a, Text<'a>>,
    #[serde(rename = "versionID", borrow, default)]
    version_id: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    version_codename: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    cpe_name: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    support_end: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Artifact<'a> {
    #[serde(borrow, default)]
    id: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    name: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    version: Lax<'a, Text<'a>>,
    #[serde(rename = "type", borrow, default)]
    kind: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    found_by: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    locations: List<'a, LocationIn<'a>>,
    #[serde(borrow, default)]
    licenses: List<'a, &'a RawValue>,
    #[serde(borrow, default)]
    cpes: List<'a, &'a RawValue>,
    #[serde(borrow, default)]
    purl: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    metadata: Lax<'a, Metadata<'a>>,
    #[serde(borrow, default)]
    properties: List<'a, Property<'a>>,
}

#[derive(Deserialize)]
struct LocationIn<'a> {
    #[serde(borrow, default)]
    path: Lax<'a, Text<'a>>,
    #[serde(rename = "layerID", borrow, default)]
    layer_id: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    annotations: Lax<'a, HashMap<Cow<'a, str>, Cow<'a, str>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LicenseIn<'a> {
    #[serde(borrow, default)]
    value: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    spdx_expression: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
struct CpeIn<'a> {
    #[serde(borrow, default)]
    cpe: Lax<'a, Text<'a>>,
}

/// What matters in the metadata of distributions' packages, whatever their type.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow, default)]
    source: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    source_version: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    origin_package: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    source_rpm: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    architecture: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    maintainer: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    vendor: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    author: Lax<'a, &'a RawValue>,
    #[serde(borrow, default)]
    modularity_label: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    files: Lax<'a, &'a RawValue>,
}

#[derive(Deserialize)]
struct FileIn<'a> {
    #[serde(borrow, default)]
    path: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    digest: Lax<'a, DigestIn<'a>>,
}

#[derive(Deserialize)]
struct DigestIn<'a> {
    #[serde(borrow, default)]
    algorithm: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    value: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
struct Relationship<'a> {
    #[serde(borrow, default)]
    parent: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    child: Lax<'a, Text<'a>>,
    #[serde(rename = "type", borrow, default)]
    kind: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    metadata: Lax<'a, &'a RawValue>,
}

#[derive(Deserialize)]
struct RelationshipMetadata<'a> {
    #[serde(rename = "garrison:scope", borrow)]
    scope: Option<Cow<'a, str>>,
}

pub(in crate::formats) fn read(text: &str, limits: &Limits) -> Result<Document, ReadError> {
    let found: DocumentIn<'_> = serde_json::from_str(text).map_err(ReadError::Json)?;
    let mut reader = Reader { assembly: Assembly::new(limits), facts: DocumentFacts::default(), layers: Vec::new() };
    let schema = reader.assembly.value(&Place::root("schema"), found.schema);
    let version = schema.and_then(|schema| reader.assembly.text(&Place::root("schema.version"), schema.version));
    let place = Place::root("properties");
    for (index, name, value) in reader.pairs(&place, found.properties) {
        if name.starts_with(namespace::PREFIX) && reader.facts.apply(&name, &value).is_err() {
            reader.assembly.repair(&place.item(index), RepairKind::InvalidProperty, &name);
        }
    }
    let tool = reader.tool(found.descriptor);
    let subject = reader.source(found.source);
    let distribution = reader.distribution(found.distro);
    reader.artifacts(found.artifacts)?;
    reader.relationships(found.artifact_relationships)?;

    let Reader { assembly, facts, layers } = reader;
    let is_own = facts.subject.is_some();
    let Assembled { inventory, repairs, .. } = assembly.finish(Frame {
        is_own,
        subject: facts.subject.unwrap_or(subject),
        distribution: if is_own { facts.distribution } else { distribution },
        layers: if is_own { facts.layers } else { layers },
        unknowns: facts.unknowns,
        created: facts.created.and_then(Created::time),
    });
    Ok(Document { inventory, format: "syft-json", version, tool, repairs, address: None })
}

impl Metadata<'_> {
    /// Tells whether it says from which source package its own was built: what Syft itself read does, by an empty text where that has its name.
    fn states_source(&self) -> bool {
        [&self.source, &self.origin_package].iter().any(|value| !matches!(value, Lax::Absent))
    }
}

struct Reader<'l> {
    assembly: Assembly<'l>,
    facts: DocumentFacts,
    /// The layers that the source lists.
    layers: Vec<Layer>,
}

/// Properties with their texts taken out.
type Pairs = Vec<(usize, String, String)>;

impl Reader<'_> {
    fn pairs(&mut self, place: &Place<'_>, properties: List<'_, Property<'_>>) -> Pairs {
        let mut pairs = Vec::new();
        for (index, property) in self.assembly.items(place, properties) {
            let place = place.item(index);
            let Some(name) = self.assembly.text(&place.field("name"), property.name) else { continue };
            let Some(value) = self.assembly.text_or_empty(&place.field("value"), property.value) else { continue };
            pairs.push((index, name, value));
        }
        pairs
    }

    fn tool(&mut self, descriptor: Lax<'_, Descriptor<'_>>) -> Option<String> {
        let place = Place::root("descriptor");
        let descriptor = self.assembly.value(&place, descriptor)?;
        let name = self.assembly.text(&place.field("name"), descriptor.name)?;
        let version = self.assembly.text(&place.field("version"), descriptor.version);
        Some(version.map_or_else(|| name.clone(), |version| format!("{name} {version}")))
    }

    fn source(&mut self, source: Lax<'_, Source<'_>>) -> Subject {
        let nobody = Subject::Document { name: String::new(), version: None, purl: None };
        let place = Place::root("source");
        let Some(source) = self.assembly.value(&place, source) else { return nobody };
        if let Some(id) = self.assembly.text(&place.field("id"), source.id) {
            self.assembly.name(&place, id, Target::Root);
        }
        let name = self.assembly.text(&place.field("name"), source.name);
        let version = self.assembly.text(&place.field("version"), source.version);
        let kind = self.assembly.text(&place.field("type"), source.kind).unwrap_or_default().to_ascii_lowercase();
        let metadata = self.assembly.value(&place.field("metadata"), source.metadata);
        let described = match metadata {
            Some(SourceMetadata::Path(path)) => Described {
                path: Some(path),
                user_input: None,
                manifest_digest: None,
                architecture: None,
                os: None,
                layers: Vec::new(),
            },
            Some(SourceMetadata::Described(described)) => *described,
            None => return Subject::Document { name: name.unwrap_or_default(), version, purl: None },
        };
        // The digests of blobs are in a manifest that the document may hold as it is; layers go by their diff-IDs.
        self.layers.extend(described.layers.into_iter().map(|layer| Layer {
            digest: String::new(),
            diff_id: layer.digest.into_owned(),
            size_bytes: layer.size,
            created_by: None,
        }));
        let path = described.path.map(Cow::into_owned);
        match kind.as_str() {
            "image" => {
                let os = described.os.filter(|os| !os.is_empty());
                let architecture = described.architecture.filter(|architecture| !architecture.is_empty());
                Subject::Image {
                    name: described.user_input.map(Cow::into_owned).or(name).unwrap_or_default(),
                    digest: described.manifest_digest.unwrap_or_default().into_owned(),
                    platform: os.zip(architecture).map(|(os, architecture)| format!("{os}/{architecture}")),
                }
            }
            "directory" | "dir" => Subject::Directory { name: path.or(name).unwrap_or_default() },
            "file" => Subject::File { name: path.or(name).unwrap_or_default(), sha256: None },
            _ => Subject::Document { name: name.or(path).unwrap_or_default(), version, purl: None },
        }
    }

    fn distribution(&mut self, distro: Lax<'_, Distro<'_>>) -> Option<Distribution> {
        let place = Place::root("distro");
        let distro = match distro {
            // Before version 3 of the schema, no system is an empty list.
            Lax::Wrong(raw) if raw.get() == "[]" => return None,
            distro => self.assembly.value(&place, distro)?,
        };
        let mut text = |field: &'static str, value| self.assembly.text(&place.field(field), value);
        let name = text("name", distro.name);
        let version = text("version", distro.version);
        let id = text("id", distro.id);
        let version_id = text("versionID", distro.version_id);
        let pretty_name = text("prettyName", distro.pretty_name);
        let codename = text("versionCodename", distro.version_codename);
        let cpe = text("cpeName", distro.cpe_name);
        let support_end = text("supportEnd", distro.support_end);
        let id_like = self.assembly.value(&place.field("idLike"), distro.id_like).map_or_else(Vec::new, |raw| {
            let list = serde_json::from_str::<Vec<String>>(raw.get());
            let text = || serde_json::from_str::<String>(raw.get());
            list.or_else(|_| text().map(|text| text.split_whitespace().map(ToOwned::to_owned).collect()))
                .unwrap_or_default()
        });
        // Before version 3 of the schema, the name is the id and the version the version id.
        let (id, version_id) = match id {
            Some(id) => (id, version_id),
            None => (name.clone()?.to_ascii_lowercase(), version_id.or_else(|| version.clone())),
        };
        Some(Distribution { id, id_like, version_id, codename, pretty_name, cpe, name, version, support_end })
    }

    fn artifacts(&mut self, list: Long<'_, Artifact<'_>>) -> Result<(), ReadError> {
        let place = Place::root("artifacts");
        for (index, mut found) in self.assembly.items(&place, list) {
            let place = place.item(index);
            let id = self.assembly.text(&place.field("id"), std::mem::take(&mut found.id));
            let target = match self.artifact(&place, found) {
                Some(component) => Target::Component(self.assembly.add(component)?),
                None => Target::Other,
            };
            if let Some(id) = id {
                self.assembly.name(&place, id, target);
            }
        }
        Ok(())
    }

    fn artifact(&mut self, place: &Place<'_>, found: Artifact<'_>) -> Option<Component> {
        let Some(name) = self.assembly.text(&place.field("name"), found.name) else {
            self.assembly.repair(place, RepairKind::NoName, "");
            return None;
        };
        let purl = self.assembly.text(&place.field("purl"), found.purl);
        let purl = purl.and_then(|text| self.assembly.purl(&place.field("purl"), &text));
        let kind = self.assembly.text(&place.field("type"), found.kind);
        let named = kind.as_deref().and_then(|kind| kind.parse().ok());
        let inferred = || purl.as_ref().map_or(PackageType::Unknown, foreign::package_type);
        let mut component = Component::new(named.unwrap_or_else(inferred), name, "syft", Technique::Document);
        component.purl = purl.map(|purl| foreign::purl_of_kind(purl, kind.as_deref()));
        component.version = self.assembly.text(&place.field("version"), found.version);
        if let Some(found_by) = self.assembly.text_or_empty(&place.field("foundBy"), found.found_by) {
            component.found_by = Cow::Owned(found_by);
        }
        self.locations(&place.field("locations"), found.locations, &mut component);
        self.licenses(&place.field("licenses"), found.licenses, &mut component);
        self.cpes(&place.field("cpes"), found.cpes, &mut component);

        let pairs = self.pairs(&place.field("properties"), found.properties);
        let is_own = pairs.iter().any(|(_, name, _)| name == namespace::TYPE);
        let metadata = self.assembly.value(&place.field("metadata"), found.metadata).unwrap_or_default();
        let states_source = metadata.states_source();
        self.metadata(&place.field("metadata"), metadata, &mut component, is_own);
        if is_own {
            if pairs.iter().any(|(_, name, _)| name == namespace::LICENSE) {
                component.licenses.clear();
            }
            for (index, name, value) in &pairs {
                self.assembly.property(&place.field("properties").item(*index), &mut component, name, value);
            }
            return Some(component);
        }
        self.assembly.complete(&place.field("version"), &mut component);
        foreign::drop_redundant_source(&mut component);
        if states_source {
            foreign::default_to_own_source(&mut component);
        }
        Some(component)
    }

    fn locations(&mut self, place: &Place<'_>, list: List<'_, LocationIn<'_>>, component: &mut Component) {
        for (index, found) in self.assembly.items(place, list) {
            let place = place.item(index);
            let Some(path) = self.assembly.text_or_empty(&place.field("path"), found.path) else { continue };
            let mut location = Location::new(path, None);
            let annotations = self.assembly.value(&place.field("annotations"), found.annotations).unwrap_or_default();
            let layer_id = self.assembly.text(&place.field("layerID"), found.layer_id);
            let named = annotations.get(LAYER_ANNOTATION).and_then(|layer| layer.parse().ok());
            location.layer = named.or_else(|| {
                let layer_id = layer_id?;
                let index = self.layers.iter().position(|layer| layer.diff_id == layer_id)?;
                u16::try_from(index).ok()
            });
            if let Some(inside) = annotations.get(INSIDE_ANNOTATION) {
                match serde_json::from_str(inside) {
                    Ok(inside) => location.inside = inside,
                    Err(_) => self.assembly.repair(&place.field("annotations"), RepairKind::InvalidProperty, inside),
                }
            }
            component.locations.push(location);
        }
    }

    /// Licences are objects, and texts before version 10 of the schema.
    fn licenses(&mut self, place: &Place<'_>, list: List<'_, &RawValue>, component: &mut Component) {
        for (index, raw) in self.assembly.items(place, list) {
            let place = place.item(index);
            let words = if raw.get().starts_with('{') {
                let Some(license) = self.assembly.value(&place, parse::<LicenseIn<'_>>(raw)) else { continue };
                let expression = self.assembly.text(&place.field("spdxExpression"), license.spdx_expression);
                let value = self.assembly.text(&place.field("value"), license.value);
                expression.or(value)
            } else {
                self.assembly.text(&place, parse(raw))
            };
            component.licenses.extend(words.as_deref().and_then(License::parse));
        }
    }

    /// CPEs are objects, and texts before version 16 of the schema.
    fn cpes(&mut self, place: &Place<'_>, list: List<'_, &RawValue>, component: &mut Component) {
        for (index, raw) in self.assembly.items(place, list) {
            let place = place.item(index);
            let cpe = if raw.get().starts_with('{') {
                let Some(found) = self.assembly.value(&place, parse::<CpeIn<'_>>(raw)) else { continue };
                self.assembly.text_or_empty(&place.field("cpe"), found.cpe)
            } else {
                self.assembly.text(&place, parse(raw))
            };
            component.cpes.extend(cpe);
        }
    }

    fn metadata(&mut self, place: &Place<'_>, metadata: Metadata<'_>, component: &mut Component, is_own: bool) {
        let is_distributed = matches!(component.package_type, PackageType::Deb | PackageType::Apk | PackageType::Rpm);
        if is_distributed && let Some(files) = self.assembly.value(&place.field("files"), metadata.files) {
            self.files(&place.field("files"), files, component);
        }
        if is_own {
            return;
        }
        let mut text = |field: &'static str, value| self.assembly.text(&place.field(field), value);
        let source = text("source", metadata.source);
        let source_version = text("sourceVersion", metadata.source_version);
        let origin = text("originPackage", metadata.origin_package);
        let source_rpm = text("sourceRpm", metadata.source_rpm);
        let maintainer = text("maintainer", metadata.maintainer);
        let vendor = text("vendor", metadata.vendor);
        if is_distributed {
            component.architecture = text("architecture", metadata.architecture);
            component.module = text("modularityLabel", metadata.modularity_label);
            let named = source.or(origin).map(|name| SourcePackage { name, version: source_version });
            component.source = named.or_else(|| foreign::source_rpm(&source_rpm?));
        }
        // In Node.js metadata, and in older ones of others, it is an object.
        let author = match metadata.author {
            Lax::Value(raw) => serde_json::from_str::<String>(raw.get()).ok().filter(|author| !author.is_empty()),
            _ => None,
        };
        component.supplier = maintainer.or(vendor).or(author);
    }

    fn files(&mut self, place: &Place<'_>, raw: &RawValue, component: &mut Component) {
        for (index, file) in self.assembly.items(place, parse::<Many<Lax<'_, FileIn<'_>>>>(raw)) {
            let place = place.item(index);
            let Some(path) = self.assembly.text_or_empty(&place.field("path"), file.path) else { continue };
            let digest = self.assembly.value(&place.field("digest"), file.digest);
            let hash = digest.and_then(|digest| {
                let algorithm = self.assembly.text(&place.field("digest"), digest.algorithm)?;
                let value = self.assembly.text(&place.field("digest"), digest.value)?;
                apk_digest(&value).or_else(|| self.assembly.hash(&place.field("digest"), &algorithm, &value))
            });
            component.files.push(OwnedFile { path: path.into_boxed_str(), hash });
        }
    }

    fn relationships(&mut self, list: Long<'_, Relationship<'_>>) -> Result<(), ReadError> {
        let place = Place::root("artifactRelationships");
        let is_own = self.facts.subject.is_some();
        for (index, found) in self.assembly.items(&place, list) {
            let place = place.item(index);
            let parent = self.assembly.text(&place.field("parent"), found.parent).unwrap_or_default();
            let child = self.assembly.text(&place.field("child"), found.child).unwrap_or_default();
            let kind = self.assembly.text(&place.field("type"), found.kind).unwrap_or_default();
            let scope = match found.metadata {
                Lax::Value(raw) => serde_json::from_str::<RelationshipMetadata<'_>>(raw.get()).ok(),
                _ => None,
            };
            let scope = scope.and_then(|metadata| metadata.scope);
            let scope = scope.and_then(|scope| namespace::scope_named(&scope)).unwrap_or(Scope::Runtime);
            let (from, to, relation) = match kind.as_str() {
                kind if kind.contains("dependency-of") => (child, parent, Relation::DependsOn(scope)),
                "contains" => (parent, child, Relation::Contains),
                "ownership-by-file-overlap" => (parent, child, Relation::Owns),
                // The files that a package was found in are its locations.
                "evident-by" => continue,
                other => {
                    self.assembly.repair(&place, RepairKind::NoPlace, other);
                    continue;
                }
            };
            let (from, to) = if relation == Relation::Contains {
                // Mostly files in packages and packages in the source.
                let (Some(from), Some(to)) = (self.assembly.known(&from), self.assembly.known(&to)) else { continue };
                if from == Target::Root && !is_own {
                    continue;
                }
                (from, to)
            } else {
                let Some(from) = self.assembly.resolve(&place, &from) else { continue };
                let Some(to) = self.assembly.resolve(&place, &to) else { continue };
                (from, to)
            };
            self.assembly.edge(&place, from, to, relation)?;
        }
        Ok(())
    }
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Lax<'a, T> {
    serde_json::from_str(raw.get()).map_or(Lax::Wrong(raw), Lax::Value)
}

/// Reads a digest as apk lists it: `Q1` and the SHA-1 in base 64.
fn apk_digest(value: &str) -> Option<Hash> {
    let encoded = value.strip_prefix("Q1").filter(|rest| rest.len() == 28)?.strip_suffix('=')?;
    let mut hex = String::with_capacity(42);
    let mut bits: u32 = 0;
    let mut held = 0;
    for byte in encoded.bytes() {
        let sextet = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(sextet);
        held += 6;
        while held >= 4 {
            held -= 4;
            hex.push(char::from_digit(bits >> held & 0xf, 16)?);
        }
        bits &= (1 << held) - 1;
    }
    hex.truncate(40);
    (hex.len() == 40).then_some(Hash { algorithm: component::HashAlgorithm::Sha1, hex })
}
