use std::collections::{HashMap, HashSet};

use component::{Component, License, PackageType, Purl, Relation, Scope, Subject, Technique};
use serde::Deserialize;

use super::{DISTRIBUTION_ID, DOCUMENT_ID, SUBJECT_ID};
use crate::formats::assembly::{Assembled, Assembly, Frame, Target, keep_first};
use crate::formats::lenient::{Lax, Many, Text};
use crate::formats::namespace::{self, Created, DocumentFacts};
use crate::formats::read::{Document, ReadError};
use crate::formats::repairs::{Place, RepairKind};
use crate::formats::{Limits, foreign, time};

/// The cataloger of components that a document names no finder for.
const FOUND_BY: &str = "spdx";

/// The most items of the document's own lists, above what any limit allows to be used.
const LIST_ITEMS_MAX: usize = 5_000_000;

type Long<'a, T> = Lax<'a, Many<Lax<'a, T>, LIST_ITEMS_MAX>>;
type List<'a, T> = Lax<'a, Many<Lax<'a, T>>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DocumentIn<'a> {
    #[serde(borrow, default)]
    spdx_version: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    name: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    creation_info: Lax<'a, CreationInfo<'a>>,
    #[serde(borrow, default)]
    annotations: List<'a, Annotation<'a>>,
    #[serde(borrow, default)]
    document_describes: List<'a, Text<'a>>,
    #[serde(borrow, default)]
    packages: Long<'a, PackageIn<'a>>,
    #[serde(borrow, default)]
    files: Long<'a, Element<'a>>,
    #[serde(borrow, default)]
    snippets: Long<'a, Element<'a>>,
    #[serde(rename = "hasExtractedLicensingInfos", borrow, default)]
    extracted: Long<'a, LicenseInfo<'a>>,
    #[serde(borrow, default)]
    relationships: Long<'a, LinkIn<'a>>,
}

#[derive(Deserialize, Default)]
struct CreationInfo<'a> {
    #[serde(borrow, default)]
    created: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    creators: List<'a, Text<'a>>,
}

#[derive(Deserialize)]
struct Annotation<'a> {
    #[serde(borrow, default)]
    comment: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
struct Element<'a> {
    #[serde(rename = "SPDXID", borrow, default)]
    spdx_id: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LicenseInfo<'a> {
    #[serde(borrow, default)]
    license_id: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    extracted_text: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    name: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PackageIn<'a> {
    #[serde(rename = "SPDXID", borrow, default)]
    spdx_id: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    name: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    version_info: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    supplier: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    originator: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    checksums: List<'a, Checksum<'a>>,
    #[serde(borrow, default)]
    license_concluded: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    license_declared: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    external_refs: List<'a, ExternalRef<'a>>,
    #[serde(borrow, default)]
    annotations: List<'a, Annotation<'a>>,
    #[serde(borrow, default)]
    primary_package_purpose: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    source_info: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checksum<'a> {
    #[serde(borrow, default)]
    algorithm: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    checksum_value: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef<'a> {
    #[serde(borrow, default)]
    reference_type: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    reference_locator: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkIn<'a> {
    #[serde(borrow, default)]
    spdx_element_id: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    related_spdx_element: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    relationship_type: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    comment: Lax<'a, Text<'a>>,
}

/// A relationship with its texts taken out.
struct Link {
    index: usize,
    from: String,
    kind: String,
    to: String,
    comment: Option<String>,
}

pub(in crate::formats) fn read(text: &str, limits: &Limits) -> Result<Document, ReadError> {
    let found: DocumentIn<'_> = serde_json::from_str(text).map_err(ReadError::Json)?;
    let mut reader = Reader {
        assembly: Assembly::new(limits),
        facts: DocumentFacts::default(),
        licenses: HashMap::new(),
        subject: None,
    };
    let version = reader.assembly.text(&Place::root("spdxVersion"), found.spdx_version).unwrap_or_default();
    let version = version.strip_prefix("SPDX-").unwrap_or(&version).to_owned();
    if !matches!(version.as_str(), "2.2" | "2.3") {
        return Err(ReadError::UnsupportedVersion { format: "spdx-json", version, known: "2.2 and 2.3" });
    }
    let name = reader.assembly.text(&Place::root("name"), found.name).unwrap_or_default();
    let place = Place::root("creationInfo");
    let creation = reader.assembly.value(&place, found.creation_info).unwrap_or_default();
    let created = reader.created(&place.field("created"), creation.created);
    let tool = reader.tool(&place.field("creators"), creation.creators);
    reader.document_annotations(found.annotations);
    reader.extracted_licenses(found.extracted);

    let links = reader.links(found.relationships)?;
    let described = reader.described(found.document_describes, &links);
    reader.packages(found.packages, &described)?;
    reader.others(&Place::root("files"), found.files);
    reader.others(&Place::root("snippets"), found.snippets);
    reader.assembly.name(&Place::root("SPDXID"), DOCUMENT_ID.to_owned(), Target::Other);
    reader.relationships(links)?;

    let Reader { assembly, facts, subject, .. } = reader;
    let nobody = Subject::Document { name, version: None, purl: None };
    let Assembled { inventory, repairs, .. } = assembly.finish(Frame {
        is_own: facts.subject.is_some(),
        subject: facts.subject.or(subject).unwrap_or(nobody),
        distribution: facts.distribution,
        layers: facts.layers,
        unknowns: facts.unknowns,
        created: facts.created.map_or(created, Created::time),
    });
    Ok(Document { inventory, format: "spdx-json", version: Some(version), tool, repairs, address: None })
}

/// Returns the name in `Organization: NAME`, `Person: NAME (ADDRESS)` or `Tool: NAME`; `None` for what asserts nothing.
pub(super) fn supplier(text: &str) -> Option<String> {
    let text = text.trim();
    if matches!(text, "" | "NOASSERTION" | "NONE") {
        return None;
    }
    if let Some(person) = text.strip_prefix("Person: ") {
        let (name, address) = match person.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")) {
            Some((name, address)) if address.contains('@') => (name, address),
            _ => return Some(person.to_owned()),
        };
        return Some(format!("{name} <{address}>"));
    }
    let name = text.strip_prefix("Organization: ").or_else(|| text.strip_prefix("Tool: ")).unwrap_or(text);
    Some(name.strip_suffix(" ()").unwrap_or(name).to_owned())
}

struct Reader<'l> {
    assembly: Assembly<'l>,
    facts: DocumentFacts,
    /// The words of licence references.
    licenses: HashMap<String, String>,
    subject: Option<Subject>,
}

/// Properties of ours with the place of their annotation.
type Pairs = Vec<(String, String)>;

impl Reader<'_> {
    fn is_own(&self) -> bool {
        self.facts.subject.is_some()
    }

    fn created(&mut self, place: &Place<'_>, value: Lax<'_, Text<'_>>) -> Option<String> {
        let text = self.assembly.text(place, value)?;
        if time::is_rfc3339(&text) {
            return Some(text);
        }
        self.assembly.repair(place, RepairKind::InvalidTime, &text);
        None
    }

    fn tool(&mut self, place: &Place<'_>, creators: List<'_, Text<'_>>) -> Option<String> {
        let creators = self.assembly.items(place, creators);
        creators.iter().find_map(|(_, creator)| creator.text.strip_prefix("Tool: ").map(|tool| tool.trim().to_owned()))
    }

    fn pairs(&mut self, place: &Place<'_>, annotations: List<'_, Annotation<'_>>) -> Pairs {
        let mut pairs = Vec::new();
        for (index, annotation) in self.assembly.items(place, annotations) {
            let place = place.item(index);
            // Longer than one text may be: it holds many.
            let Some(comment) = self.assembly.value(&place.field("comment"), annotation.comment) else { continue };
            for pair in namespace::from_lines(&comment.text) {
                match pair {
                    Some((_, value)) if value.len() > self.assembly.limits.string_bytes => {
                        self.assembly.repair(&place, RepairKind::TooLong, &value);
                    }
                    Some(pair) => pairs.push(pair),
                    None => self.assembly.repair(&place, RepairKind::InvalidProperty, ""),
                }
            }
        }
        pairs
    }

    fn document_annotations(&mut self, annotations: List<'_, Annotation<'_>>) {
        let place = Place::root("annotations");
        for (name, value) in self.pairs(&place, annotations) {
            if self.facts.apply(&name, &value).is_err() {
                self.assembly.repair(&place, RepairKind::InvalidProperty, &name);
            }
        }
    }

    fn extracted_licenses(&mut self, list: Long<'_, LicenseInfo<'_>>) {
        let place = Place::root("hasExtractedLicensingInfos");
        for (index, found) in self.assembly.items(&place, list) {
            let place = place.item(index);
            let Some(id) = self.assembly.text(&place.field("licenseId"), found.license_id) else { continue };
            let name = self.assembly.text(&place.field("name"), found.name);
            // Whole licence texts stand here; their names say as much in less.
            let words = match (name, found.extracted_text) {
                (Some(name), _) => Some(name),
                (None, Lax::Value(text)) if self.is_own() || text.text.len() <= NAME_BYTES_MAX => {
                    Some(text.text.into_owned())
                }
                _ => None,
            };
            self.licenses.extend(words.filter(|words| words != "NOASSERTION").map(|words| (id, words)));
        }
    }

    fn links(&mut self, list: Long<'_, LinkIn<'_>>) -> Result<Vec<Link>, ReadError> {
        let place = Place::root("relationships");
        let mut links = Vec::new();
        for (index, found) in self.assembly.items(&place, list) {
            let place = place.item(index);
            let from = self.assembly.text(&place.field("spdxElementId"), found.spdx_element_id);
            let to = self.assembly.text(&place.field("relatedSpdxElement"), found.related_spdx_element);
            let kind = self.assembly.text(&place.field("relationshipType"), found.relationship_type);
            let comment = self.assembly.text(&place.field("comment"), found.comment);
            let (Some(from), Some(to), Some(kind)) = (from, to, kind) else {
                self.assembly.repair(&place, RepairKind::DanglingReference, "");
                continue;
            };
            links.push(Link { index, from, kind, to, comment });
            if links.len() > self.assembly.limits.edges {
                return Err(ReadError::TooManyEdges { limit: self.assembly.limits.edges });
            }
        }
        Ok(links)
    }

    /// Returns the ids of what the document is about.
    fn described(&mut self, list: List<'_, Text<'_>>, links: &[Link]) -> HashSet<String> {
        let place = Place::root("documentDescribes");
        let mut described: HashSet<_> =
            self.assembly.items(&place, list).into_iter().map(|(_, id)| id.text.into_owned()).collect();
        for link in links {
            match (link.kind.as_str(), link.from.as_str(), link.to.as_str()) {
                ("DESCRIBES", DOCUMENT_ID, id) | ("DESCRIBED_BY", id, DOCUMENT_ID) => {
                    described.insert(id.to_owned());
                }
                _ => {}
            }
        }
        // Some documents describe themselves.
        described.remove(DOCUMENT_ID);
        described
    }

    fn packages(&mut self, list: Long<'_, PackageIn<'_>>, described: &HashSet<String>) -> Result<(), ReadError> {
        let place = Place::root("packages");
        for (index, mut found) in self.assembly.items(&place, list) {
            let place = place.item(index);
            let id = self.assembly.text(&place.field("SPDXID"), std::mem::take(&mut found.spdx_id));
            if self.is_own() && id.as_deref() == Some(SUBJECT_ID) {
                self.assembly.name(&place, SUBJECT_ID.to_owned(), Target::Root);
                continue;
            }
            // One thing described is the subject; of several, each is a component.
            let is_subject = described.len() == 1 && id.as_ref().is_some_and(|id| described.contains(id));
            let target = self.package(&place, found, id.as_deref(), is_subject)?;
            if let Some(id) = id {
                self.assembly.name(&place, id, target);
            }
        }
        Ok(())
    }

    fn package(
        &mut self,
        place: &Place<'_>,
        found: PackageIn<'_>,
        id: Option<&str>,
        is_subject: bool,
    ) -> Result<Target, ReadError> {
        let pairs = self.pairs(&place.field("annotations"), found.annotations);
        let purpose = self.assembly.text(&place.field("primaryPackagePurpose"), found.primary_package_purpose);
        if self.is_own() && id == Some(DISTRIBUTION_ID) {
            for (name, value) in &pairs {
                if self.facts.apply(name, value).is_err() {
                    self.assembly.repair(place, RepairKind::InvalidProperty, name);
                }
            }
            return Ok(Target::Distribution);
        }
        let Some(name) = self.assembly.text(&place.field("name"), found.name) else {
            self.assembly.repair(place, RepairKind::NoName, "");
            return Ok(Target::Other);
        };
        let version = self.assembly.text_or_empty(&place.field("versionInfo"), found.version_info);
        let is_system = matches!(purpose.as_deref(), Some("OPERATING_SYSTEM" | "OPERATING-SYSTEM"));
        if is_system && !is_subject {
            self.distribution(place, &name, version);
            return Ok(Target::Distribution);
        }

        let mut component = Component::new(PackageType::Unknown, name, FOUND_BY, Technique::Document);
        component.version = version;
        let others = self.external_references(&place.field("externalRefs"), found.external_refs, &mut component);
        self.checksums(&place.field("checksums"), found.checksums, &mut component);
        let stated = self.assembly.text(&place.field("supplier"), found.supplier);
        component.supplier = stated.as_deref().and_then(supplier);
        let is_own = pairs.iter().any(|(name, _)| name == namespace::TYPE);
        let declared = self.assembly.text(&place.field("licenseDeclared"), found.license_declared);
        component.licenses.extend(declared.and_then(|declared| self.license(&declared)));
        if is_own {
            if pairs.iter().any(|(name, _)| name == namespace::LICENSE) {
                component.licenses.clear();
            }
            for (name, value) in &pairs {
                self.assembly.property(place, &mut component, name, value);
            }
            return Ok(Target::Component(self.assembly.add(component)?));
        }

        component.version =
            component.version.filter(|version| !matches!(version.as_str(), "" | "NOASSERTION" | "NONE"));
        if component.supplier.is_none() {
            let originator = self.assembly.text(&place.field("originator"), found.originator);
            component.supplier = originator.as_deref().and_then(supplier);
        }
        if component.licenses.is_empty() {
            let concluded = self.assembly.text(&place.field("licenseConcluded"), found.license_concluded);
            component.licenses.extend(concluded.and_then(|concluded| self.license(&concluded)));
        }
        component.package_type = component.purl.as_ref().map_or(PackageType::Unknown, foreign::package_type);
        let info = self.assembly.text(&place.field("sourceInfo"), found.source_info);
        if info.as_deref().is_some_and(foreign::is_action_info) {
            component.purl = component.purl.map(|purl| foreign::action(&purl).unwrap_or(purl));
        }
        let is_built = foreign::is_of_distribution(component.package_type);
        component.source =
            info.as_deref().filter(|_| is_built).and_then(|info| foreign::source_of_info(component.package_type, info));
        self.assembly.complete(&place.field("versionInfo"), &mut component);
        if info.as_deref().is_some_and(foreign::is_of_syft) {
            foreign::default_to_own_source(&mut component);
        }
        for purl in others {
            self.add_other_package(&place.field("externalRefs"), purl, &component, is_subject)?;
        }
        if is_subject {
            self.subject = Some(Subject::Document {
                name: component.name.clone(),
                version: component.version.clone(),
                purl: component.purl.clone(),
            });
            if component.package_type != PackageType::Unknown {
                self.assembly.add(component)?;
            }
            return Ok(Target::Root);
        }
        if purpose.as_deref() == Some("FILE") && component.purl.is_none() {
            self.assembly.repair(place, RepairKind::NotAPackage, &component.name);
            return Ok(Target::Other);
        }
        foreign::keep_kind(&mut component, purpose.as_deref());
        Ok(Target::Component(self.assembly.add(component)?))
    }

    /// Adds what else a package's purls say that it is: advisories speak of it by each of them. The subject is a component only as a package of an
    /// ecosystem.
    fn add_other_package(
        &mut self,
        place: &Place<'_>,
        purl: Purl,
        stated: &Component,
        is_subject: bool,
    ) -> Result<(), ReadError> {
        let package_type = foreign::package_type(&purl);
        if is_subject && package_type == PackageType::Unknown {
            self.assembly.repair(place, RepairKind::NoPlace, &purl.to_string());
            return Ok(());
        }
        let mut component = Component::new(package_type, foreign::name(&purl), FOUND_BY, Technique::Document);
        component.licenses.clone_from(&stated.licenses);
        component.supplier.clone_from(&stated.supplier);
        component.version = purl.version().is_none().then(|| stated.version.clone()).flatten();
        component.purl = Some(purl);
        // No version stands beside this purl that could be another one.
        let _ = foreign::complete_from_purl(&mut component);
        self.assembly.add(component)?;
        Ok(())
    }

    fn distribution(&mut self, place: &Place<'_>, name: &str, version: Option<String>) {
        if self.facts.distribution.is_some() {
            self.assembly.repair(place, RepairKind::SecondDistribution, name);
            return;
        }
        self.facts.distribution = Some(component::Distribution {
            id: component::Distribution::id_of(name),
            version_id: version,
            ..Default::default()
        });
    }

    /// Reads names of a package into it. Returns the purls besides the first that name another package than those before.
    fn external_references(
        &mut self,
        place: &Place<'_>,
        list: List<'_, ExternalRef<'_>>,
        component: &mut Component,
    ) -> Vec<Purl> {
        let mut others = Vec::new();
        let mut named = HashSet::new();
        for (index, found) in self.assembly.items(place, list) {
            let place = place.item(index);
            let kind = self.assembly.text(&place.field("referenceType"), found.reference_type);
            let locator = place.field("referenceLocator");
            let Some(text) = self.assembly.text(&locator, found.reference_locator) else { continue };
            match kind.as_deref() {
                Some("purl") => {
                    let Some(purl) = self.assembly.purl(&locator, &text) else { continue };
                    // A product that is shipped in several channels has a purl for each.
                    if !named.insert(package_named(&purl)) {
                        self.assembly.repair(&locator, RepairKind::NoPlace, &text);
                    } else if component.purl.is_none() {
                        component.purl = Some(purl);
                    } else {
                        others.push(purl);
                    }
                }
                // In CPE 2.3 the older spelling is another name of the same.
                Some(kind) if kind.ends_with("cpe23Type") || kind.ends_with("cpe22Type") => component.cpes.push(text),
                _ => {}
            }
        }
        keep_first(&mut component.cpes);
        others
    }

    fn checksums(&mut self, place: &Place<'_>, list: List<'_, Checksum<'_>>, component: &mut Component) {
        for (index, found) in self.assembly.items(place, list) {
            let place = place.item(index);
            let algorithm = self.assembly.text(&place.field("algorithm"), found.algorithm).unwrap_or_default();
            // SPDX 2.2 in JSON made from RDF: `checksumAlgorithm_sha1`.
            let algorithm = algorithm.strip_prefix("checksumAlgorithm_").unwrap_or(&algorithm);
            let hex = self.assembly.text(&place.field("checksumValue"), found.checksum_value).unwrap_or_default();
            component.hashes.extend(self.assembly.hash(&place, algorithm, &hex));
        }
    }

    /// Reads an expression; one that is a reference alone means the words of what it refers to.
    fn license(&self, text: &str) -> Option<License> {
        let text = text.trim();
        match self.licenses.get(text) {
            Some(words) => License::parse(words),
            None => License::parse(text),
        }
    }

    fn others(&mut self, place: &Place<'_>, list: Long<'_, Element<'_>>) {
        for (index, found) in self.assembly.items(place, list) {
            let place = place.item(index);
            if let Some(id) = self.assembly.text(&place.field("SPDXID"), found.spdx_id) {
                self.assembly.name(&place, id, Target::Other);
            }
        }
    }

    fn relationships(&mut self, links: Vec<Link>) -> Result<(), ReadError> {
        let place = Place::root("relationships");
        let mut kinds_without_place = HashSet::new();
        for link in links {
            let place = place.item(link.index);
            let Some((is_reversed, relation)) = relation(&link) else {
                let is_description = matches!(link.kind.as_str(), "DESCRIBES" | "DESCRIBED_BY");
                if is_description && link.from == link.to {
                    self.assembly.repair(&place, RepairKind::SelfReference, &link.from);
                } else if !is_description && kinds_without_place.insert(link.kind.clone()) {
                    self.assembly.repair(&place, RepairKind::NoPlace, &link.kind);
                }
                continue;
            };
            let (from, to) = if is_reversed { (link.to, link.from) } else { (link.from, link.to) };
            if matches!(to.as_str(), "NONE" | "NOASSERTION") || matches!(from.as_str(), "NONE" | "NOASSERTION") {
                continue;
            }
            let Some(from) = self.assembly.resolve(&place, &from) else { continue };
            let Some(to) = self.assembly.resolve(&place, &to) else { continue };
            // That the subject holds its components goes without saying.
            let goes_without_saying = from == Target::Root && link.kind != "OTHER" && relation == Relation::Contains;
            if !goes_without_saying {
                self.assembly.edge(&place, from, to, relation)?;
            }
        }
        Ok(())
    }
}

/// The most bytes of an extracted text that is taken for a licence's name.
const NAME_BYTES_MAX: usize = 256;

/// Returns as much of a purl as tells packages and their versions apart for advisories.
fn package_named(purl: &Purl) -> [Option<String>; 6] {
    let qualifier = |key: &str| purl.qualifier(key);
    [Some(purl.ty()), purl.namespace(), Some(purl.name()), purl.version(), qualifier("distro"), qualifier("epoch")]
        .map(|part| part.map(str::to_owned))
}

/// Returns what a relationship means as an edge, and whether it points the other way.
fn relation(link: &Link) -> Option<(bool, Relation)> {
    Some(match link.kind.as_str() {
        "CONTAINS" => (false, Relation::Contains),
        "CONTAINED_BY" | "PACKAGE_OF" => (true, Relation::Contains),
        "DEPENDS_ON" | "DYNAMIC_LINK" | "STATIC_LINK" => (false, Relation::DependsOn(Scope::Runtime)),
        "DEPENDENCY_OF" | "RUNTIME_DEPENDENCY_OF" => (true, Relation::DependsOn(Scope::Runtime)),
        "OPTIONAL_DEPENDENCY_OF" | "PROVIDED_DEPENDENCY_OF" => (true, Relation::DependsOn(Scope::Optional)),
        "DEV_DEPENDENCY_OF" | "BUILD_DEPENDENCY_OF" | "TEST_DEPENDENCY_OF" => {
            (true, Relation::DependsOn(Scope::Development))
        }
        "OTHER" => {
            let comment = link.comment.as_deref().unwrap_or_default();
            if comment.starts_with("garrison:contains") {
                (false, Relation::Contains)
            } else if comment.starts_with("garrison:owns") || comment.starts_with("ownership-by-file-overlap") {
                (false, Relation::Owns)
            } else {
                return None;
            }
        }
        _ => return None,
    })
}
