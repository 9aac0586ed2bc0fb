use std::borrow::Cow;
use std::collections::HashSet;

use component::{Component, License, Location, PackageType, Purl, Relation, Scope, SourcePackage, Subject, Technique};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::strict;
use crate::formats::assembly::{Assembled, Assembly, Frame, Target, keep_first};
use crate::formats::lenient::{Lax, Many, Text};
use crate::formats::namespace::{self, Created, DocumentFacts};
use crate::formats::read::{Address, Document, ReadError, Strictness};
use crate::formats::repairs::{Place, RepairKind};
use crate::formats::{Limits, foreign, time};

/// The cataloger of components that a document names no finder for.
const FOUND_BY: &str = "cyclonedx";

/// The most items of the document's own lists, above what any limit allows to be used.
const LIST_ITEMS_MAX: usize = 1_000_000;

/// The bytes of a serial number: `urn:uuid:` and a UUID.
const SERIAL_BYTES: usize = 45;

type Texts<'a> = Lax<'a, Many<Lax<'a, Text<'a>>, LIST_ITEMS_MAX>>;
/// Not each of them for itself: a document may nest them, and every look at an outer one passes over all inner ones.
type Raw<'a> = Lax<'a, Many<&'a RawValue, LIST_ITEMS_MAX>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DocumentIn<'a> {
    #[serde(borrow, default)]
    bom_format: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    spec_version: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    serial_number: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    version: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    metadata: Lax<'a, Metadata<'a>>,
    #[serde(borrow, default)]
    components: Raw<'a>,
    #[serde(borrow, default)]
    services: Lax<'a, Many<Lax<'a, Referable<'a>>>>,
    #[serde(borrow, default)]
    dependencies: Lax<'a, Many<Lax<'a, Dependency<'a>>, LIST_ITEMS_MAX>>,
}

#[derive(Deserialize, Default)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    timestamp: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    tools: Lax<'a, Tools<'a>>,
    #[serde(borrow, default)]
    component: Lax<'a, &'a RawValue>,
    #[serde(borrow, default)]
    properties: Properties<'a>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Tools<'a> {
    Listed(#[serde(borrow)] Vec<Tool<'a>>),
    Components {
        #[serde(borrow, default)]
        components: Vec<Tool<'a>>,
    },
}

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(default)]
    name: Option<Cow<'a, str>>,
    #[serde(default)]
    version: Option<Cow<'a, str>>,
}

type Properties<'a> = Lax<'a, Many<Lax<'a, Property<'a>>>>;

#[derive(Deserialize)]
struct Property<'a> {
    #[serde(borrow, default)]
    name: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    value: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
struct Referable<'a> {
    #[serde(rename = "bom-ref", borrow, default)]
    reference: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
struct Dependency<'a> {
    #[serde(rename = "ref", borrow, default)]
    reference: Lax<'a, Text<'a>>,
    #[serde(rename = "dependsOn", borrow, default)]
    depends_on: Texts<'a>,
}

#[derive(Deserialize)]
struct ComponentIn<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Lax<'a, Text<'a>>,
    #[serde(rename = "bom-ref", borrow, default)]
    reference: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    group: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    name: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    version: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    supplier: Lax<'a, Supplier<'a>>,
    #[serde(borrow, default)]
    publisher: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    author: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    scope: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    hashes: Lax<'a, Many<Lax<'a, HashIn<'a>>>>,
    #[serde(borrow, default)]
    licenses: Lax<'a, Many<Lax<'a, LicenseIn<'a>>>>,
    #[serde(borrow, default)]
    cpe: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    purl: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    evidence: Lax<'a, Evidence<'a>>,
    #[serde(borrow, default)]
    properties: Properties<'a>,
    #[serde(borrow, default)]
    components: Raw<'a>,
}

#[derive(Deserialize)]
struct Supplier<'a> {
    #[serde(borrow, default)]
    name: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
struct HashIn<'a> {
    #[serde(borrow, default)]
    alg: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    content: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
struct LicenseIn<'a> {
    #[serde(borrow, default)]
    license: Lax<'a, LicenseName<'a>>,
    #[serde(borrow, default)]
    expression: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
struct LicenseName<'a> {
    #[serde(borrow, default)]
    id: Lax<'a, Text<'a>>,
    #[serde(borrow, default)]
    name: Lax<'a, Text<'a>>,
}

#[derive(Deserialize)]
struct Evidence<'a> {
    #[serde(borrow, default)]
    occurrences: Lax<'a, Many<Lax<'a, Occurrence<'a>>>>,
}

#[derive(Deserialize)]
struct Occurrence<'a> {
    #[serde(borrow, default)]
    location: Lax<'a, Text<'a>>,
}

pub(in crate::formats) fn read(text: &str, limits: &Limits, strictness: Strictness) -> Result<Document, ReadError> {
    let bom: DocumentIn<'_> = serde_json::from_str(text).map_err(ReadError::Json)?;
    let mut reader = Reader {
        assembly: Assembly::new(limits),
        facts: DocumentFacts::default(),
        own_edges: Vec::new(),
        scoped: HashSet::new(),
    };

    let format = reader.assembly.text(&Place::root("bomFormat"), bom.bom_format);
    match format.as_deref() {
        Some("CycloneDX") => {}
        None => reader.assembly.repair(&Place::root("bomFormat"), RepairKind::UnknownWord, ""),
        Some(_) => return Err(ReadError::Unrecognised),
    }
    let version = reader.assembly.text(&Place::root("specVersion"), bom.spec_version).unwrap_or_default();
    if !matches!(version.as_str(), "1.2" | "1.3" | "1.4" | "1.5" | "1.6" | "1.7") {
        return Err(ReadError::UnsupportedVersion { format: "cyclonedx-json", version, known: "1.2 to 1.7" });
    }
    if strictness == Strictness::Strict {
        strict::check(text)?;
    }

    // What is none leads nowhere, and nothing else of the document depends on it.
    let text = |value| match value {
        Lax::Value(Text { text, .. }) => Some(text.trim().to_ascii_lowercase()),
        _ => None,
    };
    let serial =
        text(bom.serial_number).filter(|serial| serial.len() == SERIAL_BYTES && serial.starts_with("urn:uuid:"));
    // CycloneDX: the default is 1.
    let revision = text(bom.version).and_then(|version| version.parse().ok()).unwrap_or(1);

    let place = Place::root("metadata");
    let metadata = reader.assembly.value(&place, bom.metadata).unwrap_or_default();
    let created = reader.timestamp(&place.field("timestamp"), metadata.timestamp);
    let tool = reader.assembly.value(&place.field("tools"), metadata.tools).and_then(tool_name);
    reader.document_properties(&place.field("properties"), metadata.properties);
    let subject = reader.subject(&place.field("component"), metadata.component)?;

    let services = reader.assembly.items(&Place::root("services"), bom.services);
    for (index, service) in services {
        let place = Place::root("services");
        if let Some(reference) = reader.assembly.text(&place.item(index).field("bom-ref"), service.reference) {
            reader.assembly.name(&place.item(index), reference, Target::Other);
        }
    }
    reader.components(&Place::root("components"), bom.components, None, 0)?;
    reader.own_edges()?;
    reader.dependencies(bom.dependencies)?;

    let Reader { assembly, facts, .. } = reader;
    let Assembled { inventory, repairs, references } = assembly.finish(Frame {
        is_own: facts.subject.is_some(),
        subject: facts.subject.unwrap_or(subject),
        distribution: facts.distribution,
        layers: facts.layers,
        unknowns: facts.unknowns,
        created: facts.created.map_or(created, Created::time),
    });
    let address = serial.map(|serial| Address { serial, version: revision, references });
    Ok(Document { inventory, format: "cyclonedx-json", version: Some(version), tool, repairs, address })
}

fn tool_name(tools: Tools<'_>) -> Option<String> {
    let (Tools::Listed(tools) | Tools::Components { components: tools }) = tools;
    let tool = tools.into_iter().next()?;
    let name = tool.name?;
    Some(tool.version.map_or_else(|| name.to_string(), |version| format!("{name} {version}")))
}

struct Reader<'l> {
    assembly: Assembly<'l>,
    facts: DocumentFacts,
    /// Edges that properties of ours state: from, what the property says, the reference.
    own_edges: Vec<(Target, Relation, String)>,
    /// The ends of those among them that are dependencies.
    scoped: HashSet<(Target, Target)>,
}

/// Properties with their texts taken out.
type Pairs = Vec<(usize, String, String)>;

impl Reader<'_> {
    fn timestamp(&mut self, place: &Place<'_>, value: Lax<'_, Text<'_>>) -> Option<String> {
        let text = self.assembly.text(place, value)?;
        if time::is_rfc3339(&text) {
            return Some(text);
        }
        self.assembly.repair(place, RepairKind::InvalidTime, &text);
        None
    }

    fn pairs(&mut self, place: &Place<'_>, properties: Properties<'_>) -> Pairs {
        let mut pairs = Vec::new();
        for (index, property) in self.assembly.items(place, properties) {
            let place = place.item(index);
            // A property without a name or value says nothing; strict reading refuses those that must have them.
            let Some(name) = self.assembly.text(&place.field("name"), property.name) else { continue };
            let Some(value) = self.assembly.text_or_empty(&place.field("value"), property.value) else { continue };
            pairs.push((index, name, value));
        }
        pairs
    }

    fn document_properties(&mut self, place: &Place<'_>, properties: Properties<'_>) {
        for (index, name, value) in self.pairs(place, properties) {
            if name.starts_with(namespace::PREFIX) && self.facts.apply(&name, &value).is_err() {
                self.assembly.repair(&place.item(index), RepairKind::InvalidProperty, &name);
            }
        }
    }

    /// Reads the component that the document is of. One that is itself a package of an ecosystem is one of the components too.
    fn subject(&mut self, place: &Place<'_>, value: Lax<'_, &RawValue>) -> Result<Subject, ReadError> {
        let nobody = Subject::Document { name: String::new(), version: None, purl: None };
        let Some(raw) = self.assembly.value(place, value) else { return Ok(nobody) };
        let Some(found) = self.assembly.value(place, parse::<ComponentIn<'_>>(raw)) else { return Ok(nobody) };
        let name = self.assembly.text(&place.field("name"), found.name.clone()).unwrap_or_default();
        let group = self.assembly.text(&place.field("group"), found.group.clone());
        let version = self.assembly.text(&place.field("version"), found.version.clone());
        if let Some(reference) = self.assembly.text(&place.field("bom-ref"), found.reference.clone()) {
            self.assembly.name(place, reference, Target::Root);
        }
        let purl: Option<Purl> = match &found.purl {
            Lax::Value(purl) => purl.text.parse().ok(),
            _ => None,
        };
        // A document of ours lists it among the components, where it was one.
        let is_package = self.facts.subject.is_none()
            && purl.as_ref().is_some_and(|purl| foreign::package_type(purl) != PackageType::Unknown);
        // Trivy and others say which image it is by purl alone.
        let version = version.or_else(|| Some(purl.as_ref().filter(|purl| purl.ty() == "oci")?.version()?.to_owned()));
        if is_package {
            self.component(place, raw, None, 0)?;
        } else {
            let pairs = self.pairs(&place.field("properties"), found.properties);
            self.remember_edges(Target::Root, &pairs);
            self.components(&place.field("components"), found.components, None, 1)?;
        }
        let name = match group {
            Some(group) => format!("{group}/{name}"),
            None => name,
        };
        Ok(Subject::Document { name, version, purl })
    }

    fn components(
        &mut self,
        place: &Place<'_>,
        list: Raw<'_>,
        parent: Option<usize>,
        depth: usize,
    ) -> Result<(), ReadError> {
        let Some(many) = self.assembly.value(place, list) else { return Ok(()) };
        if many.omitted > 0 {
            self.assembly.repair(place, RepairKind::TooManyItems, &many.omitted.to_string());
        }
        for (index, raw) in many.items.into_iter().enumerate() {
            self.component(&place.item(index), raw, parent, depth)?;
        }
        Ok(())
    }

    fn component(
        &mut self,
        place: &Place<'_>,
        raw: &RawValue,
        parent: Option<usize>,
        depth: usize,
    ) -> Result<(), ReadError> {
        if depth > self.assembly.limits.nesting {
            return Err(ReadError::TooDeep { limit: self.assembly.limits.nesting });
        }
        let Some(mut found) = self.assembly.value(place, parse::<ComponentIn<'_>>(raw)) else { return Ok(()) };
        let reference = self.assembly.text(&place.field("bom-ref"), std::mem::take(&mut found.reference));
        let kind = self.assembly.text(&place.field("type"), std::mem::take(&mut found.kind)).unwrap_or_default();
        let pairs = self.pairs(&place.field("properties"), std::mem::take(&mut found.properties));
        let nested = std::mem::take(&mut found.components);

        if kind == "operating-system" {
            self.distribution(place, found, &pairs);
            if let Some(reference) = reference {
                self.assembly.name(place, reference, Target::Distribution);
            }
            return self.components(&place.field("components"), nested, None, depth + 1);
        }
        let is_file = kind == "file" && !matches!(found.purl, Lax::Value(_));
        let is_own = pairs.iter().any(|(_, name, _)| name == namespace::TYPE);
        let target = match self.read_component(place, found, &pairs, is_own) {
            Some(component) if is_file && !is_own => {
                self.assembly.repair(place, RepairKind::NotAPackage, &component.name);
                Target::Other
            }
            Some(mut component) => {
                if !is_own {
                    foreign::keep_kind(&mut component, Some(&kind));
                }
                Target::Component(self.assembly.add(component)?)
            }
            None => Target::Other,
        };
        if let Some(reference) = reference {
            self.assembly.name(place, reference, target);
        }
        self.remember_edges(target, &pairs);

        let inside = match target {
            Target::Component(index) => {
                if let Some(parent) = parent {
                    self.assembly.edge(place, Target::Component(parent), target, Relation::Contains)?;
                }
                Some(index)
            }
            _ => parent,
        };
        self.components(&place.field("components"), nested, inside, depth + 1)
    }

    fn read_component(
        &mut self,
        place: &Place<'_>,
        found: ComponentIn<'_>,
        pairs: &Pairs,
        is_own: bool,
    ) -> Option<Component> {
        let Some(name) = self.assembly.text(&place.field("name"), found.name) else {
            self.assembly.repair(place, RepairKind::NoName, "");
            return None;
        };
        let purl = self.assembly.text(&place.field("purl"), found.purl);
        let purl = purl.and_then(|text| self.assembly.purl(&place.field("purl"), &text));
        let package_type = purl.as_ref().map_or(PackageType::Unknown, foreign::package_type);
        let mut component = Component::new(package_type, name, FOUND_BY, Technique::Document);
        component.purl = purl;
        component.version = self.assembly.text_or_empty(&place.field("version"), found.version);
        component.cpes.extend(self.assembly.text(&place.field("cpe"), found.cpe));
        component.scope = self.scope(&place.field("scope"), found.scope);
        self.hashes(&place.field("hashes"), found.hashes, &mut component);
        self.licenses(&place.field("licenses"), found.licenses, &mut component);

        let supplier = self.assembly.value(&place.field("supplier"), found.supplier);
        component.supplier = supplier
            .and_then(|supplier| self.assembly.text_or_empty(&place.field("supplier").field("name"), supplier.name));
        if is_own {
            self.own_properties(&place.field("properties"), pairs, &mut component);
            return Some(component);
        }

        if component.supplier.as_ref().is_none_or(String::is_empty) {
            let publisher = self.assembly.text(&place.field("publisher"), found.publisher);
            let author = self.assembly.text(&place.field("author"), found.author);
            component.supplier = publisher.or(author);
        }
        component.version = component.version.filter(|version| !version.is_empty());
        let evidence = self.assembly.value(&place.field("evidence"), found.evidence);
        if let Some(evidence) = evidence {
            let place = place.field("evidence");
            let place = place.field("occurrences");
            for (index, occurrence) in self.assembly.items(&place, evidence.occurrences) {
                let path = self.assembly.text(&place.item(index).field("location"), occurrence.location);
                component.locations.extend(path.map(|path| Location::new(path, None)));
            }
        }
        foreign_properties(pairs, &mut component);
        let group = self.assembly.text(&place.field("group"), found.group);
        component.name = foreign::joined_name(group.as_deref(), &component.name, component.package_type);
        self.assembly.complete(&place.field("version"), &mut component);
        foreign::drop_redundant_source(&mut component);
        if pairs.iter().any(|(_, name, _)| name.starts_with("syft:package:")) {
            foreign::default_to_own_source(&mut component);
        }
        keep_first(&mut component.locations);
        Some(component)
    }

    fn own_properties(&mut self, place: &Place<'_>, pairs: &Pairs, component: &mut Component) {
        if pairs.iter().any(|(_, name, _)| name == namespace::LICENSE) {
            component.licenses.clear();
        }
        for (index, name, value) in pairs {
            self.assembly.property(&place.item(*index), component, name, value);
        }
    }

    fn scope(&mut self, place: &Place<'_>, value: Lax<'_, Text<'_>>) -> Scope {
        match self.assembly.text(place, value).as_deref() {
            None | Some("required") => Scope::Runtime,
            Some("optional") => Scope::Optional,
            Some("excluded") => Scope::Development,
            Some(other) => {
                self.assembly.repair(place, RepairKind::UnknownWord, other);
                Scope::Runtime
            }
        }
    }

    fn hashes(&mut self, place: &Place<'_>, list: Lax<'_, Many<Lax<'_, HashIn<'_>>>>, component: &mut Component) {
        for (index, hash) in self.assembly.items(place, list) {
            let place = place.item(index);
            let algorithm = self.assembly.text(&place.field("alg"), hash.alg).unwrap_or_default();
            let hex = self.assembly.text(&place.field("content"), hash.content).unwrap_or_default();
            component.hashes.extend(self.assembly.hash(&place, &algorithm, &hex));
        }
    }

    fn licenses(&mut self, place: &Place<'_>, list: Lax<'_, Many<Lax<'_, LicenseIn<'_>>>>, component: &mut Component) {
        for (index, found) in self.assembly.items(place, list) {
            let place = place.item(index);
            let expression = self.assembly.text(&place.field("expression"), found.expression);
            let license = self.assembly.value(&place.field("license"), found.license);
            let words = expression.or_else(|| {
                let license = license?;
                let id = self.assembly.text(&place.field("license").field("id"), license.id);
                let name = self.assembly.text(&place.field("license").field("name"), license.name);
                id.or(name)
            });
            component.licenses.extend(words.as_deref().and_then(License::parse));
        }
    }

    fn distribution(&mut self, place: &Place<'_>, found: ComponentIn<'_>, pairs: &Pairs) {
        if self.facts.distribution.is_some() {
            let name = self.assembly.text(&place.field("name"), found.name).unwrap_or_default();
            self.assembly.repair(place, RepairKind::SecondDistribution, &name);
            return;
        }
        if let Some((index, name, value)) = pairs.iter().find(|(_, name, _)| name == namespace::DISTRIBUTION) {
            if self.facts.apply(name, value).is_ok() {
                return;
            }
            self.assembly.repair(&place.field("properties").item(*index), RepairKind::InvalidProperty, name);
        }
        let Some(name) = self.assembly.text(&place.field("name"), found.name) else { return };
        let mut distribution = component::Distribution {
            id: component::Distribution::id_of(&name),
            version_id: self.assembly.text(&place.field("version"), found.version),
            ..Default::default()
        };
        for (_, name, value) in pairs {
            match name.as_str() {
                "syft:distro:id" => distribution.id.clone_from(value),
                "syft:distro:prettyName" => distribution.pretty_name = Some(value.clone()),
                "syft:distro:versionCodename" => distribution.codename = Some(value.clone()),
                "syft:distro:versionID" => distribution.version_id = Some(value.clone()),
                name if name.starts_with("syft:distro:idLike:") => distribution.id_like.push(value.clone()),
                _ => {}
            }
        }
        self.facts.distribution = Some(distribution);
    }

    fn remember_edges(&mut self, from: Target, pairs: &Pairs) {
        for (_, name, value) in pairs {
            let relation = match name.as_str() {
                namespace::DEPENDS_ON_RUNTIME => Relation::DependsOn(Scope::Runtime),
                namespace::DEPENDS_ON_OPTIONAL => Relation::DependsOn(Scope::Optional),
                namespace::DEPENDS_ON_DEVELOPMENT => Relation::DependsOn(Scope::Development),
                namespace::CONTAINS => Relation::Contains,
                namespace::OWNS => Relation::Owns,
                _ => continue,
            };
            self.own_edges.push((from, relation, value.clone()));
        }
    }

    fn own_edges(&mut self) -> Result<(), ReadError> {
        let place = Place::root("properties");
        for (from, relation, reference) in std::mem::take(&mut self.own_edges) {
            let Some(to) = self.assembly.resolve(&place, &reference) else { continue };
            self.assembly.edge(&place, from, to, relation)?;
            if let Relation::DependsOn(_) = relation {
                self.scoped.insert((from, to));
            }
        }
        Ok(())
    }

    fn dependencies(&mut self, list: Lax<'_, Many<Lax<'_, Dependency<'_>>, LIST_ITEMS_MAX>>) -> Result<(), ReadError> {
        let place = Place::root("dependencies");
        for (index, dependency) in self.assembly.items(&place, list) {
            let place = place.item(index);
            let reference = self.assembly.text(&place.field("ref"), dependency.reference);
            let Some(from) = reference.and_then(|reference| self.assembly.resolve(&place.field("ref"), &reference))
            else {
                continue;
            };
            let place = place.field("dependsOn");
            for (index, needed) in self.assembly.items(&place, dependency.depends_on) {
                let place = place.item(index);
                let needed = self.assembly.text(&place, Lax::Value(needed));
                let Some(to) = needed.and_then(|needed| self.assembly.resolve(&place, &needed)) else { continue };
                // Properties of ours have said for what.
                if !self.scoped.contains(&(from, to)) {
                    self.assembly.edge(&place, from, to, Relation::DependsOn(Scope::Runtime))?;
                }
            }
        }
        Ok(())
    }
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Lax<'a, T> {
    serde_json::from_str(raw.get()).map_or(Lax::Wrong(raw), Lax::Value)
}

/// What Syft and Trivy say in their properties, for components that are theirs.
fn foreign_properties(pairs: &Pairs, component: &mut Component) {
    let value = |wanted: &str| pairs.iter().find(|(_, name, _)| name == wanted).map(|(_, _, value)| value.clone());
    let kind = value("syft:package:type");
    if let Some(package_type) = kind.as_deref().and_then(|name| name.parse().ok()) {
        component.package_type = package_type;
    }
    component.purl = component.purl.take().map(|purl| foreign::purl_of_kind(purl, kind.as_deref()));
    if let Some(found_by) = value("syft:package:foundBy") {
        component.found_by = found_by.into();
    }
    for (_, name, path) in pairs {
        let is_path =
            (name.starts_with("syft:location:") && name.ends_with(":path")) || name == "aquasecurity:trivy:FilePath";
        if is_path {
            component.locations.push(Location::new(path.clone(), None));
        }
        if name == "syft:cpe23" {
            component.cpes.push(path.clone());
        }
    }
    keep_first(&mut component.cpes);

    let name = value("syft:metadata:source").or_else(|| value("syft:metadata:originPackage"));
    let name = name.or_else(|| value("aquasecurity:trivy:SrcName"));
    let version = value("syft:metadata:sourceVersion").or_else(|| {
        let version = value("aquasecurity:trivy:SrcVersion")?;
        let release = value("aquasecurity:trivy:SrcRelease").map_or_else(String::new, |release| format!("-{release}"));
        // Of an RPM it is the binary package's.
        let is_stated = |epoch: &String| epoch != "0" && component.package_type != PackageType::Rpm;
        let epoch = value("aquasecurity:trivy:SrcEpoch").filter(is_stated);
        let epoch = epoch.map_or_else(String::new, |epoch| format!("{epoch}:"));
        Some(format!("{epoch}{version}{release}"))
    });
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        component.source = Some(SourcePackage { name, version: version.filter(|version| !version.is_empty()) });
    } else if let Some(file) = value("syft:metadata:sourceRpm") {
        component.source = foreign::source_rpm(&file);
    }
    component.module = value("syft:metadata:modularityLabel").or_else(|| value("aquasecurity:trivy:Modularitylabel"));
}
