use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use component::{Component, Distribution, Edge, Inventory, License, Node, PackageType, Relation, Scope, Subject};
use serde::{Serialize, Serializer};

use super::{CONTAINS_COMMENT, DISTRIBUTION_ID, DOCUMENT_ID, OWNS_COMMENT, SUBJECT_ID};
use crate::formats::identity::Identities;
use crate::formats::licenses::{self, Licenses};
use crate::formats::namespace::{self, HashSpelling, Property};
use crate::formats::{WriteOptions, serial, time};

const NOTHING_SAID: &str = "NOASSERTION";

/// What a document says when nobody knows, for the format demands a time.
const NO_TIME: &str = "1970-01-01T00:00:00Z";

const TOOL: &str = concat!("Tool: garrison-", env!("CARGO_PKG_VERSION"));

pub(in crate::formats) fn write(inventory: &Inventory, options: &WriteOptions) -> Vec<u8> {
    let identities = Identities::new(inventory);
    let ids: Vec<_> = inventory
        .components
        .iter()
        .enumerate()
        .map(|(index, component)| spdx_id(component, identities.id(index)))
        .collect();
    let stated = options.created(inventory);
    let created = stated.and_then(time::utc_seconds);
    let mut properties = namespace::of_document(inventory);
    if stated != created.as_deref() || stated.is_none() {
        properties.push(Property::new(namespace::CREATED, stated.unwrap_or_default().to_owned()));
    }
    let created = created.as_deref().unwrap_or(NO_TIME);
    let extracted = RefCell::new(BTreeMap::new());
    let licenses = Licenses::default();
    let document = DocumentOut {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        spdx_id: DOCUMENT_ID,
        document_namespace: serial::PLACEHOLDER,
        name: if inventory.subject.name().is_empty() { "unnamed" } else { inventory.subject.name() },
        creation_info: CreationInfo { created, creators: [TOOL] },
        annotations: [Remark::new(created, &properties)],
        packages: Packages {
            inventory,
            identities: &identities,
            ids: &ids,
            created,
            extracted: &extracted,
            licenses: &licenses,
        },
        // After the packages, whose licences it has.
        extracted: Extracted(&extracted),
        relationships: Relationships { inventory, ids: &ids },
    };
    let mut bytes = options.json(&document, inventory);
    serial::replace_placeholder(&mut bytes);
    bytes
}

/// Returns an id of the characters that the format allows.
fn spdx_id(component: &Component, id: &str) -> String {
    const NAME_CHARS_MAX: usize = 64;
    let plain = |text: &str| -> String {
        let replace =
            |character: char| if character.is_ascii_alphanumeric() || character == '.' { character } else { '-' };
        text.chars().take(NAME_CHARS_MAX).map(replace).collect()
    };
    format!("SPDXRef-{}-{}-{id}", plain(component.package_type.name()), plain(&component.name))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DocumentOut<'a> {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    spdx_id: &'static str,
    document_namespace: &'static str,
    name: &'a str,
    creation_info: CreationInfo<'a>,
    annotations: [Remark<'a>; 1],
    packages: Packages<'a>,
    #[serde(rename = "hasExtractedLicensingInfos")]
    extracted: Extracted<'a>,
    relationships: Relationships<'a>,
}

#[derive(Serialize)]
struct CreationInfo<'a> {
    created: &'a str,
    creators: [&'static str; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Remark<'a> {
    annotation_date: &'a str,
    annotation_type: &'static str,
    annotator: &'static str,
    comment: String,
}

impl<'a> Remark<'a> {
    fn new(created: &'a str, properties: &[Property<'_>]) -> Self {
        Self {
            annotation_date: created,
            annotation_type: "OTHER",
            annotator: TOOL,
            comment: namespace::to_lines(properties),
        }
    }
}

/// The texts of licence references, by their ids.
type Texts = RefCell<BTreeMap<String, String>>;

struct Packages<'a> {
    inventory: &'a Inventory,
    identities: &'a Identities,
    ids: &'a [String],
    created: &'a str,
    extracted: &'a Texts,
    licenses: &'a Licenses<'a>,
}

impl Serialize for Packages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let subject = PackageOut::of_subject(&self.inventory.subject);
        let distribution = self.inventory.distribution.as_ref();
        let distribution = distribution.map(|distribution| PackageOut::of_distribution(distribution, self.created));
        let components = self.inventory.components.iter().enumerate();
        serializer.collect_seq(
            std::iter::once(subject)
                .chain(distribution)
                .chain(components.map(|(index, component)| PackageOut::new(index, component, self))),
        )
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PackageOut<'a> {
    name: &'a str,
    #[serde(rename = "SPDXID")]
    spdx_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<&'a str>,
    supplier: Cow<'a, str>,
    download_location: &'static str,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum<'a>>,
    license_concluded: &'static str,
    license_declared: String,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Remark<'a>>,
    primary_package_purpose: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum<'a> {
    algorithm: String,
    checksum_value: &'a str,
}

#[derive(Serialize)]
struct ExternalRef<'a> {
    #[serde(rename = "referenceCategory")]
    category: &'static str,
    #[serde(rename = "referenceType")]
    kind: &'static str,
    #[serde(rename = "referenceLocator")]
    locator: Cow<'a, str>,
}

impl<'a> ExternalRef<'a> {
    fn purl(purl: impl Into<Cow<'a, str>>) -> Self {
        Self { category: "PACKAGE-MANAGER", kind: "purl", locator: purl.into() }
    }

    fn cpe(cpe: &'a str) -> Self {
        Self { category: "SECURITY", kind: "cpe23Type", locator: cpe.into() }
    }
}

impl<'a> PackageOut<'a> {
    fn bare(name: &'a str, spdx_id: &'a str, purpose: &'static str) -> Self {
        Self {
            name,
            spdx_id,
            version_info: None,
            supplier: NOTHING_SAID.into(),
            download_location: NOTHING_SAID,
            files_analyzed: false,
            checksums: Vec::new(),
            license_concluded: NOTHING_SAID,
            license_declared: NOTHING_SAID.to_owned(),
            copyright_text: NOTHING_SAID,
            external_refs: Vec::new(),
            annotations: Vec::new(),
            primary_package_purpose: purpose,
        }
    }

    fn of_subject(subject: &'a Subject) -> Self {
        let (purpose, version) = match subject {
            Subject::Image { digest, .. } => ("CONTAINER", Some(digest.as_str())),
            Subject::Directory { .. } | Subject::File { .. } => ("FILE", None),
            Subject::Document { version, .. } => ("APPLICATION", version.as_deref()),
        };
        let purl = match subject {
            Subject::Document { purl: Some(purl), .. } => Some(ExternalRef::purl(purl.to_string())),
            _ => None,
        };
        let name = if subject.name().is_empty() { "unnamed" } else { subject.name() };
        Self {
            version_info: version,
            external_refs: purl.into_iter().collect(),
            ..Self::bare(name, SUBJECT_ID, purpose)
        }
    }

    fn of_distribution(distribution: &'a Distribution, created: &'a str) -> Self {
        let properties = [Property::json(namespace::DISTRIBUTION, distribution)];
        Self {
            version_info: distribution.version_id.as_deref(),
            annotations: vec![Remark::new(created, &properties)],
            ..Self::bare(&distribution.id, DISTRIBUTION_ID, "OPERATING_SYSTEM")
        }
    }

    fn new(index: usize, component: &'a Component, packages: &Packages<'a>) -> Self {
        let mut properties = namespace::of_component(component);
        properties.extend(namespace::scope(component));

        let are_hashes_taken = component.hashes.iter().all(HashSpelling::is_well_formed);
        let hashes = if are_hashes_taken { component.hashes.as_slice() } else { &[] };
        if !are_hashes_taken {
            properties.extend(component.hashes.iter().map(namespace::hash));
        }
        let supplier = component.supplier.as_deref().map_or(Cow::Borrowed(NOTHING_SAID), |supplier| {
            let actor = actor(supplier);
            if super::read::supplier(&actor).as_deref() != Some(supplier) {
                properties.push(Property::new(namespace::SUPPLIER, supplier));
            }
            Cow::Owned(actor)
        });
        let license_declared = declared(&component.licenses, &mut packages.extracted.borrow_mut());
        // One expression, or one licence by its words, comes back as it is.
        if component.licenses.len() > 1 || !packages.licenses.parse_to_themselves(&component.licenses) {
            properties
                .extend(component.licenses.iter().map(|license| Property::new(namespace::LICENSE, license.text())));
        }

        let purl = packages.identities.purl(index).map(ExternalRef::purl);
        let cpes = component.cpes.iter().map(|cpe| ExternalRef::cpe(cpe));
        let purpose = if component.package_type == PackageType::Binary { "APPLICATION" } else { "LIBRARY" };
        Self {
            version_info: component.version.as_deref(),
            supplier,
            checksums: hashes
                .iter()
                .map(|hash| Checksum { algorithm: hash.algorithm_name().replace('-', ""), checksum_value: &hash.hex })
                .collect(),
            license_declared,
            external_refs: cpes.chain(purl).collect(),
            annotations: vec![Remark::new(packages.created, &properties)],
            ..Self::bare(&component.name, &packages.ids[index], purpose)
        }
    }
}

/// Spells a supplier as the format wants it: `Person: NAME (ADDRESS)` or `Organization: NAME`.
fn actor(supplier: &str) -> String {
    if let Some((name, address)) = supplier.strip_suffix('>').and_then(|rest| rest.split_once(" <"))
        && address.contains('@')
    {
        return format!("Person: {name} ({address})");
    }
    format!("Organization: {supplier}")
}

/// Returns the licences as one expression, and keeps the texts of those that are no expression.
fn declared(list: &[License], texts: &mut BTreeMap<String, String>) -> String {
    let mut expressions: Vec<_> = list
        .iter()
        .map(|license| match license {
            License::Expression(expression) => {
                for reference in licenses::references(expression) {
                    // The format demands a text of each reference, and the evidence has none.
                    texts.entry(reference.to_owned()).or_insert_with(|| NOTHING_SAID.to_owned());
                }
                Cow::Borrowed(expression.as_str())
            }
            License::Named(words) => {
                let id = reference_of(words);
                texts.insert(id.clone(), words.clone());
                Cow::Owned(id)
            }
        })
        .collect();
    match expressions.as_mut_slice() {
        [] => NOTHING_SAID.to_owned(),
        [one] => std::mem::take(one).into_owned(),
        several => {
            let operand = |expression: &Cow<'_, str>| {
                if expression.contains(' ') { format!("({expression})") } else { expression.to_string() }
            };
            several.iter().map(operand).collect::<Vec<_>>().join(" AND ")
        }
    }
}

fn reference_of(words: &str) -> String {
    let mut id = String::from("LicenseRef-garrison-");
    for byte in &digest(&SHA256, words.as_bytes()).as_ref()[..8] {
        // Writing to a string does not fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

struct Extracted<'a>(&'a Texts);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtractedOut<'a> {
    license_id: &'a str,
    extracted_text: &'a str,
}

impl Serialize for Extracted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let texts = self.0.borrow();
        serializer
            .collect_seq(texts.iter().map(|(license_id, extracted_text)| ExtractedOut { license_id, extracted_text }))
    }
}

struct Relationships<'a> {
    inventory: &'a Inventory,
    ids: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LinkOut<'a> {
    spdx_element_id: &'a str,
    relationship_type: &'static str,
    related_spdx_element: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'static str>,
}

impl Serialize for Relationships<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plain = |from, relationship_type, to| LinkOut {
            spdx_element_id: from,
            relationship_type,
            related_spdx_element: to,
            comment: None,
        };
        let distribution = self.inventory.distribution.as_ref().map(|_| plain(SUBJECT_ID, "CONTAINS", DISTRIBUTION_ID));
        // That the subject holds them all is how other tools find them.
        let contents = self.ids.iter().map(|id| plain(SUBJECT_ID, "CONTAINS", id));
        let edges = self.inventory.edges.iter().map(|edge| self.edge(edge));
        serializer.collect_seq(
            std::iter::once(plain(DOCUMENT_ID, "DESCRIBES", SUBJECT_ID))
                .chain(distribution)
                .chain(contents)
                .chain(edges),
        )
    }
}

impl Relationships<'_> {
    fn edge(&self, edge: &Edge) -> LinkOut<'_> {
        let from = match edge.from {
            Node::Root => SUBJECT_ID,
            Node::Component(index) => &self.ids[index.0 as usize],
        };
        let to = &*self.ids[edge.to.0 as usize];
        let (spdx_element_id, relationship_type, related_spdx_element, comment) = match edge.relation {
            Relation::DependsOn(Scope::Runtime) => (from, "DEPENDS_ON", to, None),
            Relation::DependsOn(Scope::Optional) => (to, "OPTIONAL_DEPENDENCY_OF", from, None),
            Relation::DependsOn(Scope::Development) => (to, "DEV_DEPENDENCY_OF", from, None),
            Relation::Contains if edge.from == Node::Root => (from, "OTHER", to, Some(CONTAINS_COMMENT)),
            Relation::Contains => (from, "CONTAINS", to, None),
            Relation::Owns => (from, "OTHER", to, Some(OWNS_COMMENT)),
        };
        LinkOut { spdx_element_id, relationship_type, related_spdx_element, comment }
    }
}
