use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use component::{
    Component, Distribution, Edge, Hash, Inventory, License, Location, Node, OwnedFile, PackageType, Relation, Scope,
    Subject,
};
use serde::{Serialize, Serializer};

use super::{INSIDE_ANNOTATION, LAYER_ANNOTATION, SCHEMA_URL, SCHEMA_VERSION};
use crate::formats::identity::Identities;
use crate::formats::licenses::Licenses;
use crate::formats::namespace::{self, HashSpelling, Property};
use crate::formats::{WriteOptions, foreign};

pub(in crate::formats) fn write(inventory: &Inventory, options: &WriteOptions) -> Vec<u8> {
    let identities = Identities::new(inventory);
    let licenses = Licenses::default();
    let source_id = source_id(&inventory.subject);
    let mut properties = namespace::of_document(inventory);
    properties.extend(inventory.distribution.as_ref().map(|it| Property::json(namespace::DISTRIBUTION, it)));
    properties.extend(options.created(inventory).map(|created| Property::new(namespace::CREATED, created.to_owned())));
    let document = Document {
        artifacts: Artifacts { inventory, identities: &identities, licenses: &licenses },
        artifact_relationships: Relationships { inventory, identities: &identities, source_id: &source_id },
        source: Source::new(inventory, &source_id),
        distro: inventory.distribution.as_ref().map(Distro::new).unwrap_or_default(),
        descriptor: Descriptor { name: "garrison", version: env!("CARGO_PKG_VERSION") },
        schema: Schema { version: SCHEMA_VERSION, url: SCHEMA_URL },
        properties,
    };
    options.json(&document, inventory)
}

fn source_id(subject: &Subject) -> String {
    let mut id = String::with_capacity(64);
    for byte in digest(&SHA256, serde_json::to_string(subject).unwrap_or_default().as_bytes()).as_ref() {
        // Writing to a string does not fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    artifacts: Artifacts<'a>,
    artifact_relationships: Relationships<'a>,
    source: Source<'a>,
    distro: Distro<'a>,
    descriptor: Descriptor,
    schema: Schema,
    properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
struct Descriptor {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Schema {
    version: &'static str,
    url: &'static str,
}

#[derive(Serialize)]
struct Source<'a> {
    id: &'a str,
    name: &'a str,
    version: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    metadata: SourceMetadata<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum SourceMetadata<'a> {
    #[serde(rename_all = "camelCase")]
    Image {
        user_input: &'a str,
        #[serde(rename = "imageID")]
        image_id: &'static str,
        manifest_digest: &'a str,
        media_type: &'static str,
        tags: [&'static str; 0],
        image_size: u64,
        layers: Vec<LayerOut<'a>>,
        manifest: &'static str,
        config: &'static str,
        repo_digests: [&'static str; 0],
        architecture: &'a str,
        os: &'a str,
    },
    Path {
        path: &'a str,
    },
    Nothing {},
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LayerOut<'a> {
    media_type: &'static str,
    digest: &'a str,
    size: u64,
}

impl<'a> Source<'a> {
    fn new(inventory: &'a Inventory, id: &'a str) -> Self {
        let (kind, name, version, metadata) = match &inventory.subject {
            Subject::Image { name, digest, platform } => {
                let platform = platform.as_deref().unwrap_or_default();
                let (os, architecture) = platform.split_once('/').unwrap_or_default();
                // Syft's layers go by what ours call the diff-ID.
                let layer = |layer: &'a component::Layer| LayerOut {
                    media_type: "",
                    digest: &layer.diff_id,
                    size: layer.size_bytes,
                };
                let metadata = SourceMetadata::Image {
                    user_input: name,
                    image_id: "",
                    manifest_digest: digest,
                    media_type: "",
                    tags: [],
                    image_size: inventory.layers.iter().map(|layer| layer.size_bytes).fold(0, u64::saturating_add),
                    layers: inventory.layers.iter().map(layer).collect(),
                    manifest: "",
                    config: "",
                    repo_digests: [],
                    architecture,
                    os,
                };
                ("image", name, digest.as_str(), metadata)
            }
            Subject::Directory { name } => ("directory", name, "", SourceMetadata::Path { path: name }),
            Subject::File { name, .. } => ("file", name, "", SourceMetadata::Path { path: name }),
            Subject::Document { name, version, .. } => {
                ("document", name, version.as_deref().unwrap_or_default(), SourceMetadata::Nothing {})
            }
        };
        Self { id, name, version, kind, metadata }
    }
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Distro<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pretty_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    id_like: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(rename = "versionID", skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_codename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpe_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    support_end: Option<&'a str>,
}

impl<'a> Distro<'a> {
    fn new(distribution: &'a Distribution) -> Self {
        Self {
            pretty_name: distribution.pretty_name.as_deref(),
            name: distribution.name.as_deref(),
            id: Some(&distribution.id),
            id_like: &distribution.id_like,
            version: distribution.version.as_deref(),
            version_id: distribution.version_id.as_deref(),
            version_codename: distribution.codename.as_deref(),
            cpe_name: distribution.cpe.as_deref(),
            support_end: distribution.support_end.as_deref(),
        }
    }
}

struct Artifacts<'a> {
    inventory: &'a Inventory,
    identities: &'a Identities,
    licenses: &'a Licenses<'a>,
}

impl Serialize for Artifacts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let components = self.inventory.components.iter().enumerate();
        serializer.collect_seq(components.map(|(index, component)| Artifact::new(index, component, self)))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact<'a> {
    id: &'a str,
    name: &'a str,
    version: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    found_by: &'a str,
    locations: Vec<LocationOut<'a>>,
    licenses: Vec<LicenseOut<'a>>,
    language: &'static str,
    cpes: Vec<Cpe<'a>>,
    purl: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
struct Cpe<'a> {
    cpe: &'a str,
    source: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LocationOut<'a> {
    path: &'a str,
    #[serde(rename = "layerID", skip_serializing_if = "Option::is_none")]
    layer_id: Option<&'a str>,
    access_path: &'a str,
    annotations: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LicenseOut<'a> {
    value: &'a str,
    spdx_expression: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    urls: [&'static str; 0],
    locations: [&'static str; 0],
}

impl<'a> Artifact<'a> {
    fn new(index: usize, component: &'a Component, artifacts: &Artifacts<'a>) -> Self {
        let has_place = |name: &str| matches!(name, namespace::FOUND_BY | namespace::LOCATION);
        let mut properties = namespace::of_component(component);
        properties.retain(|property| !has_place(&property.name));
        properties.extend(namespace::scope(component));
        properties.extend(component.hashes.iter().map(namespace::hash));
        properties.extend(component.supplier.as_deref().map(|supplier| Property::new(namespace::SUPPLIER, supplier)));
        if component.version.as_deref() == Some("") {
            properties.push(Property::new(namespace::VERSION, ""));
        }
        if !artifacts.licenses.parse_to_themselves(&component.licenses) {
            properties
                .extend(component.licenses.iter().map(|license| Property::new(namespace::LICENSE, license.text())));
        }
        let metadata = Metadata::new(component);
        if !metadata.as_ref().is_some_and(Metadata::has_files) {
            properties.extend(component.files.iter().map(|file| Property::json(namespace::FILE, file)));
        }
        let location =
            |(index, location): (usize, &'a Location)| LocationOut::new(location, index, artifacts.inventory);
        Self {
            id: artifacts.identities.id(index),
            name: &component.name,
            version: component.version.as_deref().unwrap_or_default(),
            kind: foreign::kind(component),
            found_by: &component.found_by,
            locations: component.locations.iter().enumerate().map(location).collect(),
            licenses: component.licenses.iter().map(LicenseOut::new).collect(),
            language: component.package_type.language().unwrap_or_default(),
            cpes: component.cpes.iter().map(|cpe| Cpe { cpe, source: "declared" }).collect(),
            purl: artifacts.identities.purl(index).unwrap_or_default(),
            metadata_type: metadata.as_ref().map(Metadata::name),
            metadata,
            properties,
        }
    }
}

impl<'a> LicenseOut<'a> {
    fn new(license: &'a License) -> Self {
        let (value, spdx_expression) = match license {
            License::Expression(expression) => (expression.as_str(), expression.as_str()),
            License::Named(words) => (words.as_str(), ""),
        };
        Self { value, spdx_expression, kind: "declared", urls: [], locations: [] }
    }
}

impl<'a> LocationOut<'a> {
    fn new(location: &'a Location, index: usize, inventory: &'a Inventory) -> Self {
        let role = if index == 0 { "primary" } else { "supporting" };
        let mut annotations = BTreeMap::from([("evidence", role.to_owned())]);
        if let Some(layer) = location.layer {
            annotations.insert(LAYER_ANNOTATION, layer.to_string());
        }
        if !location.inside.is_empty() {
            annotations.insert(INSIDE_ANNOTATION, serde_json::to_string(&location.inside).unwrap_or_default());
        }
        let layer = location.layer.and_then(|layer| inventory.layers.get(usize::from(layer)));
        Self {
            path: &location.path,
            layer_id: layer.map(|layer| &*layer.diff_id),
            access_path: &location.path,
            annotations,
        }
    }
}

/// What Grype takes from a package's own metadata: source package, module, Maven coordinates.
#[derive(Serialize)]
#[serde(untagged)]
enum Metadata<'a> {
    #[serde(rename_all = "camelCase")]
    Deb {
        package: &'a str,
        source: &'a str,
        version: &'a str,
        source_version: &'a str,
        architecture: &'a str,
        maintainer: &'a str,
        installed_size: u32,
        files: Vec<DebFile<'a>>,
    },
    #[serde(rename_all = "camelCase")]
    Apk {
        package: &'a str,
        origin_package: &'a str,
        maintainer: &'a str,
        version: &'a str,
        architecture: &'a str,
        url: &'static str,
        description: &'static str,
        size: u32,
        installed_size: u32,
        pull_dependencies: [&'static str; 0],
        provides: [&'static str; 0],
        pull_checksum: &'static str,
        git_commit_of_apk_port: &'static str,
        files: Vec<ApkFile<'a>>,
    },
    #[serde(rename_all = "camelCase")]
    Rpm {
        name: &'a str,
        version: &'a str,
        epoch: Option<u32>,
        architecture: &'a str,
        release: &'a str,
        source_rpm: String,
        size: u32,
        vendor: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        modularity_label: Option<&'a str>,
        files: Vec<RpmFile<'a>>,
    },
    #[serde(rename_all = "camelCase")]
    Java { virtual_path: String, pom_properties: PomProperties<'a>, digest: Vec<DigestOut<'a>> },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DebFile<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<DigestOut<'a>>,
    is_config_file: bool,
}

#[derive(Serialize)]
struct ApkFile<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<DigestOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RpmFile<'a> {
    path: &'a str,
    mode: u32,
    size: u32,
    digest: DigestOut<'a>,
    user_name: &'static str,
    group_name: &'static str,
    flags: &'static str,
}

#[derive(Serialize)]
struct DigestOut<'a> {
    algorithm: &'static str,
    value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PomProperties<'a> {
    path: &'static str,
    name: &'static str,
    group_id: &'a str,
    artifact_id: &'a str,
    version: &'a str,
}

impl<'a> Metadata<'a> {
    fn new(component: &'a Component) -> Option<Self> {
        let version = component.version.as_deref().unwrap_or_default();
        let architecture = component.architecture.as_deref().unwrap_or_default();
        let supplier = component.supplier.as_deref().unwrap_or_default();
        let source = component.source.as_ref();
        let source_name = source.map(|source| &*source.name).unwrap_or_default();
        let source_version = source.and_then(|source| source.version.as_deref());
        Some(match component.package_type {
            PackageType::Deb => Self::Deb {
                package: &component.name,
                source: source_name,
                version,
                source_version: source_version.unwrap_or_default(),
                architecture,
                maintainer: supplier,
                installed_size: 0,
                files: component.files.iter().map(DebFile::new).collect(),
            },
            PackageType::Apk => Self::Apk {
                package: &component.name,
                origin_package: source_name,
                maintainer: supplier,
                version,
                architecture,
                url: "",
                description: "",
                size: 0,
                installed_size: 0,
                pull_dependencies: [],
                provides: [],
                pull_checksum: "",
                git_commit_of_apk_port: "",
                files: component.files.iter().map(ApkFile::new).collect(),
            },
            PackageType::Rpm => {
                let (epoch, rest) = match version.split_once(':') {
                    Some((epoch, rest)) => (epoch.parse().ok(), rest),
                    None => (None, version),
                };
                let (upstream, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
                let source_version = source_version.unwrap_or(rest);
                let source_version = source_version.split_once(':').map_or(source_version, |(_, rest)| rest);
                let source_rpm = source.map(|source| format!("{}-{source_version}.src.rpm", source.name));
                Self::Rpm {
                    name: &component.name,
                    version: upstream,
                    epoch,
                    architecture,
                    release,
                    source_rpm: source_rpm.unwrap_or_default(),
                    size: 0,
                    vendor: supplier,
                    modularity_label: component.module.as_deref(),
                    files: component.files.iter().map(RpmFile::new).collect(),
                }
            }
            PackageType::JavaArchive | PackageType::JenkinsPlugin => {
                let group_id = component.purl.as_ref().and_then(|purl| purl.namespace()).unwrap_or_default();
                let virtual_path = component.locations.first().map(|location| {
                    let inside = location.inside.iter();
                    inside.fold(location.path.clone(), |path, step| format!("{path}:{step}"))
                });
                Self::Java {
                    virtual_path: virtual_path.unwrap_or_default(),
                    pom_properties: PomProperties {
                        path: "",
                        name: "",
                        group_id,
                        artifact_id: &component.name,
                        version,
                    },
                    digest: component.hashes.iter().map(DigestOut::new).collect(),
                }
            }
            _ => return None,
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Deb { .. } => "dpkg-db-entry",
            Self::Apk { .. } => "apk-db-entry",
            Self::Rpm { .. } => "rpm-db-entry",
            Self::Java { .. } => "java-archive",
        }
    }

    /// Tells whether a package's files are in it.
    fn has_files(&self) -> bool {
        !matches!(self, Self::Java { .. })
    }
}

impl<'a> DigestOut<'a> {
    fn new(hash: &'a Hash) -> Self {
        let algorithm = match hash.algorithm_name() {
            "MD5" => "md5",
            "SHA-1" => "sha1",
            "SHA-384" => "sha384",
            "SHA-512" => "sha512",
            _ => "sha256",
        };
        Self { algorithm, value: &hash.hex }
    }
}

impl<'a> DebFile<'a> {
    fn new(file: &'a OwnedFile) -> Self {
        Self { path: &file.path, digest: file.hash.as_ref().map(DigestOut::new), is_config_file: false }
    }
}

impl<'a> ApkFile<'a> {
    fn new(file: &'a OwnedFile) -> Self {
        Self { path: &file.path, digest: file.hash.as_ref().map(DigestOut::new) }
    }
}

impl<'a> RpmFile<'a> {
    fn new(file: &'a OwnedFile) -> Self {
        // The format demands a digest of each file; an empty one is how Syft spells none.
        let digest = file.hash.as_ref().map_or(DigestOut { algorithm: "", value: "" }, DigestOut::new);
        Self { path: &file.path, mode: 0, size: 0, digest, user_name: "", group_name: "", flags: "" }
    }
}

struct Relationships<'a> {
    inventory: &'a Inventory,
    identities: &'a Identities,
    source_id: &'a str,
}

#[derive(Serialize)]
struct Relationship<'a> {
    parent: &'a str,
    child: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<RelationshipMetadata>,
}

#[derive(Serialize)]
struct RelationshipMetadata {
    #[serde(rename = "garrison:scope")]
    scope: &'static str,
}

impl Serialize for Relationships<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.inventory.edges.iter().map(|edge| self.edge(edge)))
    }
}

impl Relationships<'_> {
    fn edge(&self, edge: &Edge) -> Relationship<'_> {
        let from = match edge.from {
            Node::Root => self.source_id,
            Node::Component(index) => self.identities.id(index.0 as usize),
        };
        let to = self.identities.id(edge.to.0 as usize);
        let scoped = |scope| Some(RelationshipMetadata { scope });
        // What is needed is the parent of what needs it.
        let (parent, child, kind, metadata) = match edge.relation {
            Relation::DependsOn(Scope::Runtime) => (to, from, "dependency-of", None),
            Relation::DependsOn(Scope::Optional) => (to, from, "dependency-of", scoped("optional")),
            Relation::DependsOn(Scope::Development) => (to, from, "dependency-of", scoped("development")),
            Relation::Contains => (from, to, "contains", None),
            Relation::Owns => (from, to, "ownership-by-file-overlap", None),
        };
        Relationship { parent, child, kind, metadata }
    }
}
