//! Manifests, as in the OCI image specification, "Image Manifest" and "Image Index", and in Docker's version 2 schema 2.
//!
//! Strict where a document could mean one thing to the registry and another to a client (CVE-2021-41190 and its kin),
//! lenient where honest clients differ: unknown fields, absent platforms, empty layers, `null` for absent, indexes that
//! list layers, artifacts of any type.

use std::collections::BTreeMap;
use std::fmt;

use crate::descriptor::{Descriptor, Platform};
use crate::digest::{Digest, DigestError};
use crate::error_code::ErrorCode;
use crate::json::{self, JsonError, Object, Value};
use crate::media_type::{self, MEDIA_TYPE_LENGTH_MAX};

/// The largest manifest, in bytes: the four megabytes that the specification expects registries to take.
pub const MANIFEST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most layers, blobs and manifests that one manifest may list: each is a row that the push must write.
pub const DESCRIPTORS_MAX: usize = 10_000;

/// The largest sum of annotation keys and values of a manifest that has a subject, in bytes: they are copied into every
/// answer that lists the subject's referrers.
pub const REFERRER_ANNOTATION_BYTES_MAX: usize = 256 * 1024;

/// The deepest nesting of objects and lists; a usual manifest has five levels.
pub const DEPTH_MAX: usize = json::DEPTH_MAX;

/// The most JSON values and keys of a manifest, which bounds the memory to understand it.
pub const VALUES_MAX: usize = json::VALUES_MAX;

/// What a manifest is, by its media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManifestKind {
    /// An OCI or Docker image: a configuration and layers.
    Image,
    /// An OCI index or Docker manifest list: other manifests.
    Index,
    /// A JSON document of another type, of the shape of an image or of an index.
    Other,
}

/// A manifest that was understood, and in which all clients see the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// What it is.
    pub kind: ManifestKind,
    /// Its media type, with which it is served.
    pub media_type: String,
    /// The artifact type by which referrers are listed: the document's, else for an image that of its configuration.
    pub artifact_type: Option<String>,
    /// The configuration; an image always has one, an index never.
    pub config: Option<Descriptor>,
    /// The layers, which are blobs.
    pub layers: Vec<Descriptor>,
    /// The entries of an index: mostly manifests, though build caches list layers here.
    pub manifests: Vec<Descriptor>,
    /// The manifest that this one is about; it need not exist.
    pub subject: Option<Descriptor>,
    /// What the author wrote about it.
    pub annotations: BTreeMap<String, String>,
}

/// Why a document is refused as a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is larger than [`MANIFEST_BYTES_MAX`].
    #[error("the manifest is {actual} bytes, the limit is {MANIFEST_BYTES_MAX}")]
    TooLarge {
        /// The size of what was sent, in bytes.
        actual: usize,
    },
    /// It is not JSON.
    #[error("the manifest is not JSON")]
    Syntax(#[source] serde_json::Error),
    /// An object has a key twice.
    #[error("the manifest has the key `{key}` twice in one object, which ends at line {line} column {column}")]
    DuplicateKey {
        /// The key, shortened.
        key: String,
        /// The line on which the object ends, from 1.
        line: usize,
        /// The column at which the object ends, from 1.
        column: usize,
    },
    /// An object has a key that clients which ignore case take for a known one.
    #[error("the manifest has the key `{key}` in `{at}`, which some clients read as `{known}`")]
    AmbiguousKey {
        /// Where the object is.
        at: String,
        /// The key, shortened.
        key: String,
        /// The known key that it resembles.
        known: &'static str,
    },
    /// Objects and lists are nested deeper than [`DEPTH_MAX`].
    #[error("the manifest is nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// It has more values and keys than [`VALUES_MAX`].
    #[error("the manifest has more than {VALUES_MAX} values")]
    TooManyValues,
    /// It lists more than [`DESCRIPTORS_MAX`].
    #[error("the manifest lists {actual} descriptors, the limit is {DESCRIPTORS_MAX}")]
    TooManyDescriptors {
        /// How many it lists.
        actual: usize,
    },
    /// Its annotations exceed [`REFERRER_ANNOTATION_BYTES_MAX`].
    #[error(
        "the annotations of a manifest with a subject are {actual} bytes, the limit is {REFERRER_ANNOTATION_BYTES_MAX}"
    )]
    AnnotationsTooLarge {
        /// The sum of keys and values, in bytes.
        actual: usize,
    },
    /// A field is not of the type that it must be.
    #[error("the manifest's `{at}` must be {expected}")]
    WrongType {
        /// Where the field is.
        at: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A field that must be there is not.
    #[error("the manifest's `{at}` is missing")]
    Missing {
        /// Where the field is expected.
        at: String,
    },
    /// A media type or artifact type is longer than [`MEDIA_TYPE_LENGTH_MAX`].
    #[error("the manifest's `{at}` is {actual} bytes, the limit is {MEDIA_TYPE_LENGTH_MAX}")]
    TypeTooLong {
        /// Where the field is.
        at: String,
        /// Its length in bytes.
        actual: usize,
    },
    /// A digest is malformed.
    #[error("the manifest's `{at}` is not a digest")]
    Digest {
        /// Where the field is.
        at: String,
        /// What is wrong.
        #[source]
        source: DigestError,
    },
    /// The document says one type, the request another.
    #[error("the manifest's mediaType is `{media_type}`, and it is given as `{content_type}`")]
    TypeMismatch {
        /// The document's type, shortened.
        media_type: String,
        /// The request's type, shortened.
        content_type: String,
    },
    /// Neither the request nor the document tells the type, and the shape does not either.
    #[error("the manifest has neither a mediaType nor a Content-Type")]
    TypeUnknown,
    /// The type is not that of any manifest.
    #[error("the type `{media_type}` is not one of a manifest")]
    TypeUnsupported {
        /// The type, shortened.
        media_type: String,
    },
    /// It is of Docker's schema 1.
    #[error("manifests of schema version 1 are unsupported; push with a client that makes version 2")]
    Schema1,
    /// Its `schemaVersion` is not 2.
    #[error("the manifest's `schemaVersion` must be 2")]
    SchemaVersion,
    /// It has the fields of an image and those of an index.
    #[error("the manifest has `manifests` and also `{field}`, so it is an image to some and an index to others")]
    Confused {
        /// The image's field.
        field: &'static str,
    },
    /// It has a field of another kind than its type.
    #[error("a manifest of type `{media_type}` must not have `{field}`")]
    FieldOfOtherKind {
        /// The manifest's type.
        media_type: String,
        /// The field.
        field: &'static str,
    },
}

/// Why a manifest is no root file system of a container.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRootFileSystem {
    /// It lists manifests.
    #[error("it is an index")]
    Index,
    /// It has not the configuration of a container image: a chart, a signature, a program of another kind.
    #[error("it is an artifact of type `{media_type}`, not an image of a container")]
    Artifact {
        /// Its artifact type, else its media type, shortened.
        media_type: String,
    },
    /// It is an image with nothing in it.
    #[error("it has no layers")]
    NoLayers,
    /// It has the configuration of an image and other content: an attestation that a builder lists beside images.
    #[error("it has a layer of type `{media_type}`, which is no part of a file system")]
    Layer {
        /// The layer's media type, shortened.
        media_type: String,
    },
}

impl ManifestError {
    /// Returns the code that the client is told.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } => ErrorCode::ManifestTooLarge,
            _ => ErrorCode::ManifestInvalid,
        }
    }
}

impl From<JsonError> for ManifestError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Syntax(source) => Self::Syntax(source),
            JsonError::DuplicateKey { key, line, column } => Self::DuplicateKey { key, line, column },
            JsonError::TooDeep => Self::TooDeep,
            JsonError::TooManyValues => Self::TooManyValues,
        }
    }
}

const MANIFEST_KEYS: &[&str] = &[
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "blobs",
    "subject",
    "annotations",
    "fsLayers",
];
const DESCRIPTOR_KEYS: &[&str] =
    &["mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"];
const PLATFORM_KEYS: &[&str] = &["architecture", "os", "os.version", "os.features", "variant"];

impl Manifest {
    /// Understands a manifest as pushed: its bytes and the request's `Content-Type`, whose parameters are ignored.
    pub fn parse(content_type: Option<&str>, bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(ManifestError::TooLarge { actual: bytes.len() });
        }
        let document = json::parse(bytes)?;
        let at = &At::Document;
        let Value::Object(document) = &document else {
            return Err(ManifestError::WrongType { at: at.to_string(), expected: "an object" });
        };
        refuse_ambiguous_keys(document, at, MANIFEST_KEYS)?;
        refuse_confusion(document)?;

        let media_type = resolve_media_type(content_type, document)?;
        let kind = kind_of(&media_type)?;
        refuse_schema_1(document)?;
        refuse_other_kinds_fields(document, kind, &media_type)?;
        if kind != ManifestKind::Other && !matches!(document.get("schemaVersion"), Some(Value::Integer(2))) {
            return Err(ManifestError::SchemaVersion);
        }

        let config = optional_descriptor(document, "config")?;
        if kind == ManifestKind::Image && config.is_none() {
            return Err(ManifestError::Missing { at: at.field("config").to_string() });
        }
        let (layers, manifests) = (list(document, "layers")?, list(document, "manifests")?);
        // What the former artifact manifest called `blobs`. In images and indexes it is one more unknown field.
        let blobs = if kind == ManifestKind::Other { list(document, "blobs")? } else { &[] };
        let actual = layers.len() + blobs.len() + manifests.len();
        if actual > DESCRIPTORS_MAX {
            return Err(ManifestError::TooManyDescriptors { actual });
        }
        let mut layers = descriptors("layers", layers)?;
        layers.append(&mut descriptors("blobs", blobs)?);
        let manifests = descriptors("manifests", manifests)?;

        let subject = optional_descriptor(document, "subject")?;
        let annotations = annotations(document, at)?;
        if subject.is_some() {
            let actual = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
            if actual > REFERRER_ANNOTATION_BYTES_MAX {
                return Err(ManifestError::AnnotationsTooLarge { actual });
            }
        }
        // OCI distribution 1.1, "Listing Referrers": an index without artifact type has none.
        let artifact_type = type_field(document, at, "artifactType")?.map(str::to_owned).or_else(|| {
            let config = config.as_ref().filter(|_| kind == ManifestKind::Image)?;
            Some(config.media_type.clone())
        });
        Ok(Self { kind, media_type, artifact_type, config, layers, manifests, subject, annotations })
    }

    /// Returns whether this is an image whose layers together are a file system: the configuration of a container image, and
    /// at least one layer, each a tar. Attestations, charts and other artifacts in the shape of an image are not.
    pub fn is_root_file_system(&self) -> bool {
        self.root_file_system().is_ok()
    }

    /// Says why this is no image whose layers together are a file system, where it is none.
    ///
    /// # Errors
    /// Why it is none.
    pub fn root_file_system(&self) -> Result<(), NoRootFileSystem> {
        if self.kind == ManifestKind::Index {
            return Err(NoRootFileSystem::Index);
        }
        let is_container = |config: &Descriptor| media_type::is_container_config(&config.media_type);
        if self.kind != ManifestKind::Image || !self.config.as_ref().is_some_and(is_container) {
            let media_type = json::excerpt(self.artifact_type.as_deref().unwrap_or(&self.media_type));
            return Err(NoRootFileSystem::Artifact { media_type });
        }
        if self.layers.is_empty() {
            return Err(NoRootFileSystem::NoLayers);
        }
        let is_part = |layer: &&Descriptor| media_type::is_root_file_system_layer(&layer.media_type);
        match self.layers.iter().find(|layer| !is_part(layer)) {
            Some(layer) => Err(NoRootFileSystem::Layer { media_type: json::excerpt(&layer.media_type) }),
            None => Ok(()),
        }
    }

    /// Returns the descriptors of all that the manifest is made of: configuration, layers, then manifests. Not the
    /// subject, which may be absent.
    pub fn contents(&self) -> impl Iterator<Item = &Descriptor> {
        self.config.iter().chain(&self.layers).chain(&self.manifests)
    }
}

// Where in the document something is; written out only for an error.
#[derive(Clone, Copy)]
enum At<'a> {
    Document,
    Field(&'a Self, &'static str),
    Item(&'a Self, usize),
}

impl<'a> At<'a> {
    const fn field(&'a self, name: &'static str) -> Self {
        Self::Field(self, name)
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document => formatter.write_str("document"),
            Self::Field(Self::Document, name) => formatter.write_str(name),
            Self::Field(object, name) => write!(formatter, "{object}.{name}"),
            Self::Item(list, index) => write!(formatter, "{list}[{index}]"),
        }
    }
}

fn resolve_media_type(content_type: Option<&str>, document: &Object<'_>) -> Result<String, ManifestError> {
    let content_type = content_type.map(media_type::without_parameters).filter(|text| !text.is_empty());
    let media_type = type_field(document, &At::Document, "mediaType")?;
    match (content_type, media_type) {
        (Some(content_type), Some(media_type)) if content_type != media_type => Err(ManifestError::TypeMismatch {
            media_type: json::excerpt(media_type),
            content_type: json::excerpt(content_type),
        }),
        (_, Some(known)) | (Some(known), None) => Ok(known.to_owned()),
        (None, None) if document.get("manifests").is_some() => Ok(media_type::OCI_INDEX.to_owned()),
        (None, None) if document.get("config").is_some() => Ok(media_type::OCI_MANIFEST.to_owned()),
        (None, None) => Err(ManifestError::TypeUnknown),
    }
}

fn kind_of(media_type: &str) -> Result<ManifestKind, ManifestError> {
    // Media types ignore case; a capital must not turn an index into something unknown.
    let is = |known: &str| known.eq_ignore_ascii_case(media_type);
    if is(media_type::DOCKER_SCHEMA_1) || is(media_type::DOCKER_SCHEMA_1_SIGNED) {
        return Err(ManifestError::Schema1);
    }
    if is(media_type::OCI_MANIFEST) || is(media_type::DOCKER_MANIFEST) {
        return Ok(ManifestKind::Image);
    }
    if is(media_type::OCI_INDEX) || is(media_type::DOCKER_MANIFEST_LIST) {
        return Ok(ManifestKind::Index);
    }
    let suffix = media_type.rsplit_once('+').map(|(_, suffix)| suffix);
    if media_type::is_well_formed(media_type) && suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("json")) {
        return Ok(ManifestKind::Other);
    }
    Err(ManifestError::TypeUnsupported { media_type: json::excerpt(media_type) })
}

fn refuse_ambiguous_keys(object: &Object<'_>, at: &At<'_>, known: &[&'static str]) -> Result<(), ManifestError> {
    match object.ambiguous_key(known) {
        Some((key, known)) => Err(ManifestError::AmbiguousKey { at: at.to_string(), key: json::excerpt(key), known }),
        None => Ok(()),
    }
}

// Presence counts, even of `null`: clients that look for raw fields refuse those documents too.
fn refuse_confusion(document: &Object<'_>) -> Result<(), ManifestError> {
    if document.get("manifests").is_none() {
        return Ok(());
    }
    match ["config", "layers", "blobs"].into_iter().find(|field| document.get(field).is_some()) {
        Some(field) => Err(ManifestError::Confused { field }),
        None => Ok(()),
    }
}

fn refuse_schema_1(document: &Object<'_>) -> Result<(), ManifestError> {
    let is_version_1 = matches!(document.get("schemaVersion"), Some(Value::Integer(1)));
    if is_version_1 || document.get("fsLayers").is_some() { Err(ManifestError::Schema1) } else { Ok(()) }
}

fn refuse_other_kinds_fields(document: &Object<'_>, kind: ManifestKind, media_type: &str) -> Result<(), ManifestError> {
    let foreign: &[&str] = match kind {
        ManifestKind::Image => &["manifests"],
        ManifestKind::Index => &["config", "layers"],
        ManifestKind::Other => &[],
    };
    match foreign.iter().find(|field| document.get(field).is_some()) {
        Some(field) => Err(ManifestError::FieldOfOtherKind { media_type: media_type.to_owned(), field }),
        None => Ok(()),
    }
}

fn optional_descriptor(document: &Object<'_>, field: &'static str) -> Result<Option<Descriptor>, ManifestError> {
    document.present(field).map(|value| descriptor(&At::Document.field(field), value)).transpose()
}

fn descriptors(field: &'static str, list: &[Value<'_>]) -> Result<Vec<Descriptor>, ManifestError> {
    let at = At::Document.field(field);
    list.iter().enumerate().map(|(index, value)| descriptor(&At::Item(&at, index), value)).collect()
}

fn descriptor(at: &At<'_>, value: &Value<'_>) -> Result<Descriptor, ManifestError> {
    let Value::Object(object) = value else {
        return Err(ManifestError::WrongType { at: at.to_string(), expected: "a descriptor" });
    };
    refuse_ambiguous_keys(object, at, DESCRIPTOR_KEYS)?;
    let missing = |field| ManifestError::Missing { at: at.field(field).to_string() };
    let media_type = type_field(object, at, "mediaType")?.ok_or_else(|| missing("mediaType"))?;
    let digest = text(object, at, "digest")?.ok_or_else(|| missing("digest"))?;
    let digest: Digest =
        digest.parse().map_err(|source| ManifestError::Digest { at: at.field("digest").to_string(), source })?;
    Ok(Descriptor {
        media_type: media_type.to_owned(),
        digest,
        size: size(object, at)?,
        urls: texts(object, at, "urls")?,
        annotations: annotations(object, at)?,
        data: text(object, at, "data")?.map(str::to_owned),
        platform: platform(object, at)?,
        artifact_type: type_field(object, at, "artifactType")?.map(str::to_owned),
    })
}

fn size(object: &Object<'_>, at: &At<'_>) -> Result<u64, ManifestError> {
    match object.get("size") {
        Some(Value::Integer(size)) if i64::try_from(*size).is_ok() => Ok(*size),
        Some(_) => {
            Err(ManifestError::WrongType { at: at.field("size").to_string(), expected: "a whole number of bytes" })
        }
        None => Err(ManifestError::Missing { at: at.field("size").to_string() }),
    }
}

fn platform(object: &Object<'_>, at: &At<'_>) -> Result<Option<Platform>, ManifestError> {
    let Some(value) = object.present("platform") else { return Ok(None) };
    let at = &at.field("platform");
    let Value::Object(object) = value else {
        return Err(ManifestError::WrongType { at: at.to_string(), expected: "an object" });
    };
    refuse_ambiguous_keys(object, at, PLATFORM_KEYS)?;
    let field = |name| text(object, at, name).map(|text| text.unwrap_or_default().to_owned());
    Ok(Some(Platform {
        architecture: field("architecture")?,
        os: field("os")?,
        os_version: field("os.version")?,
        os_features: texts(object, at, "os.features")?,
        variant: field("variant")?,
    }))
}

fn annotations(object: &Object<'_>, at: &At<'_>) -> Result<BTreeMap<String, String>, ManifestError> {
    let wrong = || ManifestError::WrongType { at: at.field("annotations").to_string(), expected: "an object of texts" };
    let Some(value) = object.present("annotations") else { return Ok(BTreeMap::new()) };
    let Value::Object(entries) = value else { return Err(wrong()) };
    let entry = |(key, value): (&str, &Value<'_>)| match value {
        Value::Text(text) => Ok((key.to_owned(), text.as_ref().to_owned())),
        _ => Err(wrong()),
    };
    entries.iter().map(entry).collect()
}

// An empty type is what a Go program writes for none.
fn type_field<'o>(object: &'o Object<'_>, at: &At<'_>, field: &'static str) -> Result<Option<&'o str>, ManifestError> {
    let Some(text) = text(object, at, field)?.filter(|text| !text.is_empty()) else { return Ok(None) };
    let at = at.field(field);
    if text.len() > MEDIA_TYPE_LENGTH_MAX {
        return Err(ManifestError::TypeTooLong { at: at.to_string(), actual: text.len() });
    }
    if text.chars().any(char::is_control) {
        return Err(ManifestError::WrongType { at: at.to_string(), expected: "without control characters" });
    }
    Ok(Some(text))
}

fn text<'o>(object: &'o Object<'_>, at: &At<'_>, field: &'static str) -> Result<Option<&'o str>, ManifestError> {
    match object.present(field) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(ManifestError::WrongType { at: at.field(field).to_string(), expected: "a text" }),
    }
}

fn texts(object: &Object<'_>, at: &At<'_>, field: &'static str) -> Result<Vec<String>, ManifestError> {
    let wrong = || ManifestError::WrongType { at: at.field(field).to_string(), expected: "a list of texts" };
    match object.present(field) {
        None => Ok(Vec::new()),
        Some(Value::List(list)) => list
            .iter()
            .map(|value| if let Value::Text(text) = value { Ok(text.as_ref().to_owned()) } else { Err(wrong()) })
            .collect(),
        Some(_) => Err(wrong()),
    }
}

fn list<'o, 'a>(document: &'o Object<'a>, field: &'static str) -> Result<&'o [Value<'a>], ManifestError> {
    match document.present(field) {
        None => Ok(&[]),
        Some(Value::List(list)) => Ok(list),
        Some(_) => Err(ManifestError::WrongType { at: At::Document.field(field).to_string(), expected: "a list" }),
    }
}
