//! The namespace of what a format has no place for: properties in CycloneDX and Syft-JSON, one annotation of lines in
//! SPDX. `docs/sbom-formats.md` is its reference.

use std::borrow::Cow;

use component::{
    Code, Component, Distribution, Hash, HashAlgorithm, Inventory, Layer, License, Location, OwnedFile, PackageType,
    Scope, SourcePackage, Subject, Technique, Unknown,
};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

/// What every name begins with.
pub const PREFIX: &str = "garrison:";

/// A component's [`PackageType`]. A component with it was written by this crate: nothing about it is inferred.
pub const TYPE: &str = "garrison:type";
/// The cataloger that found it.
pub const FOUND_BY: &str = "garrison:found-by";
/// How it was recognised: `package-database`, `lockfile`.
pub const TECHNIQUE: &str = "garrison:technique";
/// How sure the recognition is, in percent, where it differs from the technique's.
pub const CONFIDENCE: &str = "garrison:confidence-percent";
/// What it is needed for, where it is not to run: `optional`, `development`.
pub const SCOPE: &str = "garrison:scope";
/// Whether someone asked for it itself: `true`, `false`.
pub const DIRECT: &str = "garrison:direct";
/// Whether anything in it runs: `present`, `absent`.
pub const CODE: &str = "garrison:code";
/// The architecture.
pub const ARCHITECTURE: &str = "garrison:architecture";
/// The modularity label of an RPM.
pub const MODULE: &str = "garrison:module";
/// The name of the source package.
pub const SOURCE_NAME: &str = "garrison:source:name";
/// The version of the source package.
pub const SOURCE_VERSION: &str = "garrison:source:version";
/// One place of evidence, as JSON: `{"path":"/usr/lib/app.jar","inside":["lib/a.jar"],"layer":2}`.
pub const LOCATION: &str = "garrison:location";
/// A CPE, where the format has room for one only and there are more.
pub const CPE: &str = "garrison:cpe";
/// A digest that the format does not take: `SHA-1:…`.
pub const HASH: &str = "garrison:hash";
/// A licence, where the format cannot hold the list as it is.
pub const LICENSE: &str = "garrison:license";
/// The supplier, where the format cannot hold the words as they are.
pub const SUPPLIER: &str = "garrison:supplier";
/// The version, where it is empty and the format cannot tell that from none.
pub const VERSION: &str = "garrison:version";
/// An owned file, as JSON. Only in Syft-JSON, for packages of which its own metadata lists none.
pub const FILE: &str = "garrison:file";
/// A fact of a cataloger; its own name comes after.
pub const PROPERTY: &str = "garrison:property:";
/// The reference of what the component needs to run, where it also needs it for something else.
pub const DEPENDS_ON_RUNTIME: &str = "garrison:depends-on:runtime";
/// The reference of what the component needs for a feature that works without.
pub const DEPENDS_ON_OPTIONAL: &str = "garrison:depends-on:optional";
/// The reference of what the component needs to be developed, built or tested.
pub const DEPENDS_ON_DEVELOPMENT: &str = "garrison:depends-on:development";
/// The reference of what is inside the component's file.
pub const CONTAINS: &str = "garrison:contains";
/// The reference of what the operating system's package installed.
pub const OWNS: &str = "garrison:owns";

/// The subject, as JSON. A document with it was written by this crate.
pub const SUBJECT: &str = "garrison:subject";
/// The operating system, as JSON.
pub const DISTRIBUTION: &str = "garrison:distribution";
/// One layer, as JSON, lowest first.
pub const LAYER: &str = "garrison:layer";
/// What was seen and not named, as JSON.
pub const UNKNOWN: &str = "garrison:unknown";
/// When the source was made, where the format cannot hold the time as it is; empty when nobody knows and the format demands one.
pub const CREATED: &str = "garrison:created";

#[derive(Debug, Clone, Serialize)]
pub(super) struct Property<'a> {
    pub(super) name: Cow<'a, str>,
    #[serde(serialize_with = "plain")]
    pub(super) value: Cow<'a, str>,
}

fn plain<S: Serializer>(value: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value)
}

impl<'a> Property<'a> {
    pub(super) fn new(name: &'static str, value: impl Into<Cow<'a, str>>) -> Self {
        Self { name: Cow::Borrowed(name), value: value.into() }
    }

    pub(super) fn json<T: Serialize>(name: &'static str, value: &T) -> Self {
        // The values are ours: structures of texts and numbers, for which JSON always has a spelling.
        Self::new(name, serde_json::to_string(value).unwrap_or_default())
    }
}

/// What no format has a place for.
pub(super) fn of_component(component: &Component) -> Vec<Property<'_>> {
    let mut properties = vec![
        Property::new(TYPE, component.package_type.name()),
        Property::new(FOUND_BY, &*component.found_by),
        Property::new(TECHNIQUE, technique_name(component.technique)),
    ];
    if component.confidence_percent != component.technique.confidence_percent() {
        properties.push(Property::new(CONFIDENCE, component.confidence_percent.to_string()));
    }
    if let Some(direct) = component.direct {
        properties.push(Property::new(DIRECT, if direct { "true" } else { "false" }));
    }
    match component.code {
        Code::Unknown => {}
        Code::Present => properties.push(Property::new(CODE, "present")),
        Code::Absent => properties.push(Property::new(CODE, "absent")),
    }
    properties.extend(component.architecture.as_deref().map(|value| Property::new(ARCHITECTURE, value)));
    properties.extend(component.module.as_deref().map(|value| Property::new(MODULE, value)));
    if let Some(source) = &component.source {
        properties.push(Property::new(SOURCE_NAME, &*source.name));
        properties.extend(source.version.as_deref().map(|value| Property::new(SOURCE_VERSION, value)));
    }
    properties.extend(component.locations.iter().map(|location| Property::json(LOCATION, location)));
    properties.extend(
        component
            .properties
            .iter()
            .map(|(name, value)| Property { name: format!("{PROPERTY}{name}").into(), value: value.as_str().into() }),
    );
    properties
}

/// A scope that is not the default.
pub(super) fn scope<'a>(component: &Component) -> Option<Property<'a>> {
    match component.scope {
        Scope::Runtime => None,
        Scope::Optional => Some(Property::new(SCOPE, "optional")),
        Scope::Development => Some(Property::new(SCOPE, "development")),
    }
}

pub(super) fn hash<'a>(hash: &Hash) -> Property<'a> {
    Property::new(HASH, format!("{}:{}", hash.algorithm_name(), hash.hex))
}

pub(super) fn of_document<'a>(inventory: &Inventory) -> Vec<Property<'a>> {
    let mut properties = vec![Property::json(SUBJECT, &inventory.subject)];
    properties.extend(inventory.layers.iter().map(|layer| Property::json(LAYER, layer)));
    properties.extend(inventory.unknowns.iter().map(|unknown| Property::json(UNKNOWN, unknown)));
    properties
}

/// Sets what a property says. `Err` when it does not read as documented.
pub(super) fn apply(component: &mut Component, name: &str, value: &str) -> Result<(), Malformed> {
    let text = || Some(value.to_owned());
    match name {
        TYPE => component.package_type = value.parse::<PackageType>().map_err(|_| Malformed)?,
        FOUND_BY => component.found_by = Cow::Owned(value.to_owned()),
        TECHNIQUE => {
            component.technique = technique(value).ok_or(Malformed)?;
            component.confidence_percent = component.technique.confidence_percent();
        }
        CONFIDENCE => component.confidence_percent = value.parse().map_err(|_| Malformed)?,
        SCOPE => component.scope = scope_named(value).ok_or(Malformed)?,
        DIRECT => component.direct = Some(value.parse().map_err(|_| Malformed)?),
        CODE => {
            component.code = match value {
                "present" => Code::Present,
                "absent" => Code::Absent,
                _ => return Err(Malformed),
            }
        }
        ARCHITECTURE => component.architecture = text(),
        MODULE => component.module = text(),
        SOURCE_NAME => {
            let version = component.source.take().and_then(|source| source.version);
            component.source = Some(SourcePackage { name: value.to_owned(), version });
        }
        SOURCE_VERSION => component.source.as_mut().ok_or(Malformed)?.version = text(),
        LOCATION => component.locations.push(from_json::<Location>(value)?),
        CPE => component.cpes.push(value.to_owned()),
        HASH => component.hashes.push(hash_named(value).ok_or(Malformed)?),
        LICENSE if value.trim().is_empty() => return Err(Malformed),
        LICENSE => component.licenses.push(License::from_text(value)),
        VERSION => component.version = text(),
        SUPPLIER => component.supplier = text(),
        FILE => component.files.push(from_json::<OwnedFile>(value)?),
        // Edges are read by those who know the references.
        DEPENDS_ON_RUNTIME | DEPENDS_ON_OPTIONAL | DEPENDS_ON_DEVELOPMENT | CONTAINS | OWNS => {}
        _ => {
            let name = name.strip_prefix(PROPERTY).ok_or(Malformed)?;
            component.properties.insert(Cow::Owned(name.to_owned()), value.to_owned());
        }
    }
    Ok(())
}

/// What the properties of a document say.
#[derive(Default)]
pub(super) struct DocumentFacts {
    pub(super) subject: Option<Subject>,
    pub(super) distribution: Option<Distribution>,
    pub(super) layers: Vec<Layer>,
    pub(super) unknowns: Vec<Unknown>,
    pub(super) created: Option<Created>,
}

/// What a document of ours says of its source's time where the format's own member cannot.
pub(super) enum Created {
    Unknown,
    At(String),
}

impl Created {
    pub(super) fn time(self) -> Option<String> {
        match self {
            Self::Unknown => None,
            Self::At(time) => Some(time),
        }
    }
}

impl DocumentFacts {
    pub(super) fn apply(&mut self, name: &str, value: &str) -> Result<(), Malformed> {
        match name {
            SUBJECT => self.subject = Some(from_json(value)?),
            DISTRIBUTION => self.distribution = Some(from_json(value)?),
            LAYER => self.layers.push(from_json(value)?),
            UNKNOWN => self.unknowns.push(from_json(value)?),
            CREATED if value.is_empty() => self.created = Some(Created::Unknown),
            CREATED => self.created = Some(Created::At(value.to_owned())),
            DEPENDS_ON_RUNTIME | DEPENDS_ON_OPTIONAL | DEPENDS_ON_DEVELOPMENT | CONTAINS | OWNS => {}
            _ => return Err(Malformed),
        }
        Ok(())
    }
}

/// A property of ours that does not read as documented.
#[derive(Debug)]
pub(super) struct Malformed;

fn from_json<T: DeserializeOwned>(value: &str) -> Result<T, Malformed> {
    serde_json::from_str(value).map_err(|_| Malformed)
}

const TECHNIQUES: [(Technique, &str); 8] = [
    (Technique::PackageDatabase, "package-database"),
    (Technique::InstalledMetadata, "installed-metadata"),
    (Technique::Binary, "binary"),
    (Technique::Archive, "archive"),
    (Technique::Lockfile, "lockfile"),
    (Technique::Manifest, "manifest"),
    (Technique::FileName, "file-name"),
    (Technique::Document, "document"),
];

fn technique_name(technique: Technique) -> &'static str {
    TECHNIQUES.iter().find(|(candidate, _)| *candidate == technique).map_or("document", |(_, name)| name)
}

fn technique(name: &str) -> Option<Technique> {
    TECHNIQUES.iter().find(|(_, candidate)| *candidate == name).map(|(technique, _)| *technique)
}

pub(super) fn scope_named(name: &str) -> Option<Scope> {
    match name {
        "runtime" => Some(Scope::Runtime),
        "optional" => Some(Scope::Optional),
        "development" => Some(Scope::Development),
        _ => None,
    }
}

fn hash_named(value: &str) -> Option<Hash> {
    let (algorithm, hex) = value.split_once(':')?;
    Some(Hash { algorithm: HashAlgorithmName::parse(algorithm)?, hex: hex.to_owned() })
}

/// The spellings of an algorithm: `SHA-256` in CycloneDX, `SHA256` in SPDX, `sha256` in Syft-JSON.
pub(super) trait HashAlgorithmName: Sized {
    fn parse(name: &str) -> Option<Self>;
}

impl HashAlgorithmName for HashAlgorithm {
    fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().replace('-', "").as_str() {
            "MD5" => Some(Self::Md5),
            "SHA1" => Some(Self::Sha1),
            "SHA256" => Some(Self::Sha256),
            "SHA384" => Some(Self::Sha384),
            "SHA512" => Some(Self::Sha512),
            _ => None,
        }
    }
}

/// What formats must know of a digest.
pub(super) trait HashSpelling {
    fn algorithm_name(&self) -> &'static str;
    fn is_well_formed(&self) -> bool;
}

impl HashSpelling for Hash {
    fn algorithm_name(&self) -> &'static str {
        match self.algorithm {
            HashAlgorithm::Md5 => "MD5",
            HashAlgorithm::Sha1 => "SHA-1",
            HashAlgorithm::Sha256 => "SHA-256",
            HashAlgorithm::Sha384 => "SHA-384",
            HashAlgorithm::Sha512 => "SHA-512",
        }
    }

    fn is_well_formed(&self) -> bool {
        let digits = match self.algorithm {
            HashAlgorithm::Md5 => 32,
            HashAlgorithm::Sha1 => 40,
            HashAlgorithm::Sha256 => 64,
            HashAlgorithm::Sha384 => 96,
            HashAlgorithm::Sha512 => 128,
        };
        self.hex.len() == digits && self.hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    }
}

/// The lines of an SPDX annotation: `NAME=VALUE`, with `\` before `\`, before a `=` in a name, and `\n` for a line's end.
pub(super) fn to_lines(properties: &[Property<'_>]) -> String {
    let mut lines = String::new();
    for property in properties {
        if !lines.is_empty() {
            lines.push('\n');
        }
        escape(&property.name, true, &mut lines);
        lines.push('=');
        escape(&property.value, false, &mut lines);
    }
    lines
}

fn escape(text: &str, is_name: bool, lines: &mut String) {
    for character in text.chars() {
        match character {
            '\\' => lines.push_str("\\\\"),
            '\n' => lines.push_str("\\n"),
            '=' if is_name => lines.push_str("\\="),
            other => lines.push(other),
        }
    }
}

/// The properties in the comment of an annotation; none when it is not one of ours.
pub(super) fn from_lines(comment: &str) -> impl Iterator<Item = Option<(String, String)>> {
    let lines = if comment.starts_with(PREFIX) { comment } else { "" };
    lines.split('\n').filter(|line| !line.is_empty()).map(|line| {
        let mut name = String::new();
        let mut value = String::new();
        let mut characters = line.chars();
        let mut in_name = true;
        while let Some(character) = characters.next() {
            let character = match character {
                '=' if in_name => {
                    in_name = false;
                    continue;
                }
                '\\' => match characters.next()? {
                    'n' => '\n',
                    escaped @ ('\\' | '=') => escaped,
                    _ => return None,
                },
                other => other,
            };
            if in_name { name.push(character) } else { value.push(character) }
        }
        (!in_name).then_some((name, value))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_technique_has_a_name() {
        // The names are those of serde, so that JSON of an inventory and documents agree.
        for (technique, name) in TECHNIQUES {
            assert_eq!(serde_json::to_string(&technique).unwrap(), format!("\"{name}\""));
            assert_eq!(technique_name(technique), name);
        }
    }

    #[test]
    fn comments_of_others_hold_no_properties() {
        for comment in ["", "reviewed", "NOTE: garrison:type=deb", "\n"] {
            assert_eq!(from_lines(comment).count(), 0, "{comment:?}");
        }
        assert_eq!(from_lines("garrison:type").next(), Some(None));
        assert_eq!(from_lines("garrison:type=\\x").next(), Some(None));
        assert_eq!(from_lines("garrison:type=\\").next(), Some(None));
    }

    proptest! {
        #[test]
        fn lines_come_back(pairs in prop::collection::vec(("[a-z=\\\\\n]{0,6}", "[a-z=\\\\\n\r]{0,8}"), 1..5)) {
            let properties: Vec<_> = pairs
                .iter()
                .map(|(name, value)| Property { name: format!("{PREFIX}{name}").into(), value: value.into() })
                .collect();
            let lines = to_lines(&properties);
            let found: Option<Vec<_>> = from_lines(&lines).collect();
            let expected: Vec<_> =
                pairs.into_iter().map(|(name, value)| (format!("{PREFIX}{name}"), value)).collect();
            prop_assert_eq!(found, Some(expected));
        }
    }
}
