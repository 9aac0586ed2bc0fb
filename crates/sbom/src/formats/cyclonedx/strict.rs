//! The rules of the official JSON schemas that a wrong document breaks: formats of texts, words of enumerations, members that must be there, choices.
//!
//! It is not a validator of the schema: what no reader of ours looks at is not checked beyond these rules.

use std::borrow::Cow;

use serde::Deserialize;

use crate::formats::read::ReadError;
use crate::formats::repairs::Place;
use crate::formats::time;

type Text<'a> = Cow<'a, str>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bom<'a> {
    spec_version: Text<'a>,
    serial_number: Option<Text<'a>>,
    #[serde(default)]
    metadata: Metadata<'a>,
    #[serde(default)]
    components: Vec<Component<'a>>,
    #[serde(default)]
    services: Vec<Service<'a>>,
    #[serde(default)]
    citations: Vec<Citation>,
}

#[derive(Deserialize, Default)]
struct Metadata<'a> {
    timestamp: Option<Text<'a>>,
    component: Option<Component<'a>>,
    #[serde(default)]
    properties: Vec<Property<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Component<'a> {
    #[serde(rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(rename = "bom-ref")]
    reference: Option<Text<'a>>,
    name: Option<Text<'a>>,
    version: Option<Text<'a>>,
    version_range: Option<Text<'a>>,
    #[serde(default)]
    is_external: bool,
    scope: Option<Text<'a>>,
    #[serde(default)]
    hashes: Vec<Hash<'a>>,
    #[serde(default)]
    licenses: Vec<LicenseChoice<'a>>,
    swid: Option<Swid<'a>>,
    #[serde(default)]
    pedigree: Pedigree<'a>,
    #[serde(default)]
    properties: Vec<Property<'a>>,
    #[serde(default)]
    components: Vec<Self>,
}

#[derive(Deserialize)]
struct Hash<'a> {
    alg: Option<Text<'a>>,
    content: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct LicenseChoice<'a> {
    license: Option<License<'a>>,
    expression: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct License<'a> {
    id: Option<Text<'a>>,
    name: Option<Text<'a>>,
    #[serde(default)]
    properties: Vec<Property<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Swid<'a> {
    tag_id: Option<Text<'a>>,
    name: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
struct Pedigree<'a> {
    #[serde(default)]
    patches: Vec<Patch<'a>>,
}

#[derive(Deserialize)]
struct Patch<'a> {
    #[serde(rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(default)]
    resolves: Vec<Issue<'a>>,
}

#[derive(Deserialize)]
struct Issue<'a> {
    #[serde(rename = "type")]
    kind: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Property<'a> {
    name: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Service<'a> {
    #[serde(default)]
    data: Vec<ServiceData<'a>>,
    #[serde(default)]
    properties: Vec<Property<'a>>,
}

#[derive(Deserialize)]
struct ServiceData<'a> {
    flow: Option<Text<'a>>,
    classification: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Citation {
    pointers: Option<serde::de::IgnoredAny>,
    expressions: Option<serde::de::IgnoredAny>,
    attributed_to: Option<serde::de::IgnoredAny>,
    process: Option<serde::de::IgnoredAny>,
}

/// A minor version of the format, 2 for 1.2.
type Minor = u8;

type Checked = Result<(), ReadError>;

pub(super) fn check(text: &str) -> Checked {
    let bom: Bom<'_> = serde_json::from_str(text).map_err(ReadError::Json)?;
    let minor = bom.spec_version.strip_prefix("1.").and_then(|minor| minor.parse().ok()).unwrap_or_default();

    let is_serial = bom.serial_number.as_deref().is_none_or(is_serial_number);
    require(is_serial, &Place::root("serialNumber"), "must be `urn:uuid:` and a UUID in lower case")?;
    let place = Place::root("metadata");
    let is_time = bom.metadata.timestamp.as_deref().is_none_or(time::is_rfc3339);
    require(is_time, &place.field("timestamp"), "must be a time by RFC 3339")?;
    check_properties(&bom.metadata.properties, minor, &place)?;
    if let Some(component) = &bom.metadata.component {
        component.check(minor, &place.field("component"))?;
    }
    check_components(&bom.components, minor, &Place::root("components"))?;
    let place = Place::root("services");
    for (index, service) in bom.services.iter().enumerate() {
        service.check(minor, &place.item(index))?;
    }
    let place = Place::root("citations");
    for (index, citation) in bom.citations.iter().enumerate() {
        citation.check(&place.item(index))?;
    }
    Ok(())
}

fn require(holds: bool, place: &Place<'_>, rule: &str) -> Checked {
    if holds { Ok(()) } else { Err(ReadError::Invalid { place: place.to_string(), rule: rule.to_owned() }) }
}

fn require_word(word: Option<&str>, words: &[&str], place: &Place<'_>) -> Checked {
    let is_known = word.is_some_and(|word| words.contains(&word));
    require(is_known, place, &format!("must be one of {}", words.join(", ")))
}

fn is_serial_number(text: &str) -> bool {
    let Some(uuid) = text.strip_prefix("urn:uuid:") else { return false };
    let is_hyphen = |at| matches!(at, 8 | 13 | 18 | 23);
    uuid.len() == 36
        && uuid
            .bytes()
            .enumerate()
            .all(|(at, byte)| if is_hyphen(at) { byte == b'-' } else { matches!(byte, b'0'..=b'9' | b'a'..=b'f') })
}

fn check_components(components: &[Component<'_>], minor: Minor, place: &Place<'_>) -> Checked {
    // Nested no deeper than the JSON reader's own limit of 128.
    components.iter().enumerate().try_for_each(|(index, component)| component.check(minor, &place.item(index)))
}

fn check_properties(properties: &[Property<'_>], minor: Minor, place: &Place<'_>) -> Checked {
    let has_names = minor < 6 || properties.iter().all(|property| property.name.is_some());
    require(has_names, &place.field("properties"), "must each have a name")
}

impl Component<'_> {
    fn check(&self, minor: Minor, place: &Place<'_>) -> Checked {
        let types: &[&str] = &[
            "application",
            "framework",
            "library",
            "container",
            "operating-system",
            "device",
            "firmware",
            "file",
            "platform",
            "device-driver",
            "machine-learning-model",
            "data",
            "cryptographic-asset",
        ];
        let known = match minor {
            ..=4 => 8,
            5 => 12,
            _ => 13,
        };
        require_word(self.kind.as_deref(), &types[..known], &place.field("type"))?;
        require(self.name.is_some(), &place.field("name"), "must be there")?;
        require(minor >= 4 || self.version.is_some(), &place.field("version"), "must be there before 1.4")?;
        require(self.reference.as_deref() != Some(""), &place.field("bom-ref"), "must not be empty")?;
        if let Some(scope) = self.scope.as_deref() {
            require_word(Some(scope), &["required", "optional", "excluded"], &place.field("scope"))?;
        }
        if self.version_range.is_some() {
            let place = place.field("versionRange");
            require(self.version.is_none(), &place, "must not stand beside a version")?;
            require(self.is_external, &place, "must only stand in external components")?;
        }
        for (index, hash) in self.hashes.iter().enumerate() {
            hash.check(&place.field("hashes").item(index))?;
        }
        check_licenses(&self.licenses, minor, &place.field("licenses"))?;
        if let Some(swid) = &self.swid {
            let is_whole = swid.tag_id.is_some() && swid.name.is_some();
            require(is_whole, &place.field("swid"), "must have tagId and name")?;
        }
        self.pedigree.check(&place.field("pedigree"))?;
        check_properties(&self.properties, minor, place)?;
        check_components(&self.components, minor, &place.field("components"))
    }
}

impl Hash<'_> {
    fn check(&self, place: &Place<'_>) -> Checked {
        let algorithms = [
            "MD5",
            "SHA-1",
            "SHA-256",
            "SHA-384",
            "SHA-512",
            "SHA3-256",
            "SHA3-384",
            "SHA3-512",
            "BLAKE2b-256",
            "BLAKE2b-384",
            "BLAKE2b-512",
            "BLAKE3",
            "Streebog-256",
            "Streebog-512",
        ];
        require_word(self.alg.as_deref(), &algorithms, &place.field("alg"))?;
        let is_digest = self.content.as_deref().is_some_and(|content| {
            matches!(content.len(), 32 | 40 | 64 | 96 | 128) && content.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        require(is_digest, &place.field("content"), "must be 32, 40, 64, 96 or 128 hexadecimal digits")
    }
}

fn check_licenses(licenses: &[LicenseChoice<'_>], minor: Minor, place: &Place<'_>) -> Checked {
    for (index, choice) in licenses.iter().enumerate() {
        let place = place.item(index);
        let is_choice = choice.license.is_some() != choice.expression.is_some();
        require(is_choice, &place, "must be either a license or an expression")?;
        if let Some(license) = &choice.license {
            let is_named = license.id.is_some() != license.name.is_some();
            require(is_named, &place.field("license"), "must have either an id or a name")?;
            check_properties(&license.properties, minor, &place.field("license"))?;
        }
    }
    // Versions 1.2 to 1.4 say so in words, the later ones in their schemas, and 1.7 no longer does.
    let has_expression = licenses.iter().any(|choice| choice.expression.is_some());
    let is_tuple = !matches!(minor, 5 | 6) || !has_expression || licenses.len() == 1;
    require(is_tuple, place, "must be one expression, or licenses alone")
}

impl Pedigree<'_> {
    fn check(&self, place: &Place<'_>) -> Checked {
        let place = place.field("patches");
        for (index, patch) in self.patches.iter().enumerate() {
            let place = place.item(index);
            let types = ["unofficial", "monkey", "backport", "cherry-pick"];
            require_word(patch.kind.as_deref(), &types, &place.field("type"))?;
            let place = place.field("resolves");
            for (index, issue) in patch.resolves.iter().enumerate() {
                let types = ["defect", "enhancement", "security"];
                require_word(issue.kind.as_deref(), &types, &place.item(index).field("type"))?;
            }
        }
        Ok(())
    }
}

impl Service<'_> {
    fn check(&self, minor: Minor, place: &Place<'_>) -> Checked {
        for (index, data) in self.data.iter().enumerate() {
            let place = place.field("data");
            let place = place.item(index);
            let flows = ["inbound", "outbound", "bi-directional", "unknown"];
            require_word(data.flow.as_deref(), &flows, &place.field("flow"))?;
            require(data.classification.is_some(), &place.field("classification"), "must be there")?;
        }
        check_properties(&self.properties, minor, place)
    }
}

impl Citation {
    fn check(&self, place: &Place<'_>) -> Checked {
        let is_placed = self.pointers.is_some() != self.expressions.is_some();
        require(is_placed, place, "must have either pointers or expressions")?;
        let is_attributed = self.attributed_to.is_some() || self.process.is_some();
        require(is_attributed, place, "must have attributedTo or process")
    }
}
