use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use component::{
    Component, Distribution, Edge, Inventory, License, Node, PackageType, Relation, Scope, Subject, Technique,
};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::{DISTRIBUTION_REFERENCE, SUBJECT_REFERENCE};
use crate::formats::identity::Identities;
use crate::formats::licenses::Licenses;
use crate::formats::namespace::{self, HashSpelling, Property};
use crate::formats::{CycloneDxVersion, WriteOptions, serial, time};

/// `vulnerabilities` is told the components' references and returns the member of that name, if the document has one.
pub(in crate::formats) fn write(
    inventory: &Inventory,
    version: CycloneDxVersion,
    options: &WriteOptions,
    vulnerabilities: impl FnOnce(&[String]) -> Option<Box<RawValue>>,
) -> Vec<u8> {
    let graph = Graph::new(inventory);
    let vulnerabilities = vulnerabilities(&graph.references);
    let created = options.created(inventory);
    let mut properties = namespace::of_document(inventory);
    if let Some(created) = created.filter(|created| !time::is_rfc3339(created)) {
        properties.push(Property::new(namespace::CREATED, created.to_owned()));
    }
    let bom = DocumentOut {
        schema: match version {
            CycloneDxVersion::V1_4 => "http://cyclonedx.org/schema/bom-1.4.schema.json",
            CycloneDxVersion::V1_5 => "http://cyclonedx.org/schema/bom-1.5.schema.json",
            CycloneDxVersion::V1_6 => "http://cyclonedx.org/schema/bom-1.6.schema.json",
        },
        bom_format: "CycloneDX",
        spec_version: version.name(),
        serial_number: serial::PLACEHOLDER,
        version: 1,
        metadata: Metadata {
            timestamp: created.filter(|created| time::is_rfc3339(created)),
            tools: Tools::new(version),
            component: SubjectOut::new(&inventory.subject, graph.properties_of(None)),
            properties,
        },
        components: Components { inventory, graph: &graph, version },
        dependencies: Dependencies { inventory, graph: &graph },
        compositions: compositions(inventory, &graph),
        vulnerabilities,
    };
    let mut bytes = options.json(&bom, inventory);
    serial::replace_placeholder(&mut bytes);
    bytes
}

/// The references of all components, and the edges by where they begin.
struct Graph<'a> {
    identities: Identities,
    references: Vec<String>,
    /// What each node depends on, without doubles; `None` is the subject.
    needs: BTreeMap<Option<usize>, Vec<usize>>,
    /// What the graph of dependencies cannot say.
    properties: BTreeMap<Option<usize>, Vec<Property<'a>>>,
    licenses: Licenses<'a>,
    /// Whether a component is an end of a dependency.
    is_linked: Vec<bool>,
}

impl<'a> Graph<'a> {
    fn new(inventory: &'a Inventory) -> Self {
        let identities = Identities::new(inventory);
        let references: Vec<_> = inventory
            .components
            .iter()
            .enumerate()
            .map(|(index, component)| identities.reference(index, component))
            .collect();
        let mut needs: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        let mut properties: BTreeMap<_, Vec<Property<'_>>> = BTreeMap::new();
        let mut is_linked = vec![false; inventory.components.len()];
        let is_scoped = |edge: &Edge| matches!(edge.relation, Relation::DependsOn(scope) if scope != Scope::Runtime);
        let scoped: HashSet<_> =
            inventory.edges.iter().filter(|edge| is_scoped(edge)).map(|edge| (edge.from, edge.to)).collect();
        for edge in &inventory.edges {
            let from = match edge.from {
                Node::Root => None,
                Node::Component(index) => Some(index.0 as usize),
            };
            let to = edge.to.0 as usize;
            if let Relation::DependsOn(_) = edge.relation {
                needs.entry(from).or_default().push(to);
                is_linked[to] = true;
                if let Some(from) = from {
                    is_linked[from] = true;
                }
            }
            let name = match edge.relation {
                Relation::DependsOn(Scope::Runtime) if !scoped.contains(&(edge.from, edge.to)) => continue,
                Relation::DependsOn(Scope::Runtime) => namespace::DEPENDS_ON_RUNTIME,
                Relation::DependsOn(Scope::Optional) => namespace::DEPENDS_ON_OPTIONAL,
                Relation::DependsOn(Scope::Development) => namespace::DEPENDS_ON_DEVELOPMENT,
                Relation::Contains => namespace::CONTAINS,
                Relation::Owns => namespace::OWNS,
            };
            properties.entry(from).or_default().push(Property::new(name, references[to].clone()));
        }
        for needed in needs.values_mut() {
            needed.sort_unstable();
            needed.dedup();
        }
        Self { identities, references, needs, properties, licenses: Licenses::default(), is_linked }
    }

    fn properties_of(&self, node: Option<usize>) -> Vec<Property<'a>> {
        self.properties.get(&node).cloned().unwrap_or_default()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DocumentOut<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: &'static str,
    version: u32,
    metadata: Metadata<'a>,
    components: Components<'a>,
    dependencies: Dependencies<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compositions: Vec<Composition<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vulnerabilities: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<&'a str>,
    tools: Tools,
    component: SubjectOut<'a>,
    properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Tools {
    Listed([Tool; 1]),
    Components { components: [Tool; 1] },
}

#[derive(Serialize)]
struct Tool {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    name: &'static str,
    version: &'static str,
}

impl Tools {
    fn new(version: CycloneDxVersion) -> Self {
        let tool = |kind| Tool { kind, name: "garrison", version: env!("CARGO_PKG_VERSION") };
        match version {
            CycloneDxVersion::V1_4 => Self::Listed([tool(None)]),
            CycloneDxVersion::V1_5 | CycloneDxVersion::V1_6 => {
                Self::Components { components: [tool(Some("application"))] }
            }
        }
    }
}

#[derive(Serialize)]
struct SubjectOut<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref")]
    reference: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property<'a>>,
}

impl<'a> SubjectOut<'a> {
    fn new(subject: &'a Subject, properties: Vec<Property<'a>>) -> Self {
        let (kind, version) = match subject {
            Subject::Image { digest, .. } => ("container", Some(digest.as_str())),
            Subject::Directory { .. } | Subject::File { .. } => ("file", None),
            Subject::Document { version, .. } => ("application", version.as_deref()),
        };
        let purl = match subject {
            Subject::Document { purl, .. } => purl.as_ref().map(ToString::to_string),
            _ => None,
        };
        Self { kind, reference: SUBJECT_REFERENCE, name: subject.name(), version, purl, properties }
    }
}

struct Components<'a> {
    inventory: &'a Inventory,
    graph: &'a Graph<'a>,
    version: CycloneDxVersion,
}

impl Serialize for Components<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let distribution = self.inventory.distribution.as_ref().map(ComponentOut::of_distribution);
        let components = self.inventory.components.iter().enumerate();
        serializer.collect_seq(
            distribution.into_iter().chain(
                components.map(|(index, component)| ComponentOut::new(index, component, self.graph, self.version)),
            ),
        )
    }
}

#[derive(Serialize)]
struct ComponentOut<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref")]
    reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<Supplier<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<HashOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<LicenseOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpe: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence>,
    properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
struct Supplier<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct HashOut<'a> {
    alg: &'static str,
    content: &'a str,
}

impl<'a> ComponentOut<'a> {
    fn new(index: usize, component: &'a Component, graph: &'a Graph<'a>, version: CycloneDxVersion) -> Self {
        let mut properties = namespace::of_component(component);
        let licenses = LicenseOut::list(&component.licenses, &graph.licenses, version, &mut properties);

        // One hash that the format does not take moves them all, so that their order stays.
        let are_hashes_taken = component.hashes.iter().all(HashSpelling::is_well_formed);
        let hashes = if are_hashes_taken { component.hashes.as_slice() } else { &[] };
        if !are_hashes_taken {
            properties.extend(component.hashes.iter().map(namespace::hash));
        }
        properties.extend(component.cpes.iter().skip(1).map(|cpe| Property::new(namespace::CPE, cpe.as_str())));
        properties.extend(graph.properties_of(Some(index)));

        let namespace = component.purl.as_ref().and_then(|purl| purl.namespace());
        let is_grouped = matches!(component.package_type, PackageType::JavaArchive | PackageType::JenkinsPlugin);
        Self {
            kind: if component.package_type == PackageType::Binary { "application" } else { "library" },
            reference: &graph.references[index],
            supplier: component.supplier.as_deref().map(|name| Supplier { name }),
            group: namespace.filter(|_| is_grouped),
            name: &component.name,
            version: component.version.as_deref(),
            scope: Some(match component.scope {
                Scope::Runtime => "required",
                Scope::Optional => "optional",
                Scope::Development => "excluded",
            }),
            hashes: hashes.iter().map(|hash| HashOut { alg: hash.algorithm_name(), content: &hash.hex }).collect(),
            licenses,
            cpe: component.cpes.first().map(String::as_str),
            purl: graph.identities.purl(index),
            evidence: Evidence::new(component, version),
            properties,
        }
    }

    /// The component by which other tools learn the operating system.
    fn of_distribution(distribution: &'a Distribution) -> Self {
        Self {
            kind: "operating-system",
            reference: DISTRIBUTION_REFERENCE,
            supplier: None,
            group: None,
            name: &distribution.id,
            version: distribution.version_id.as_deref(),
            scope: None,
            hashes: Vec::new(),
            licenses: Vec::new(),
            cpe: None,
            purl: None,
            evidence: None,
            properties: vec![Property::json(namespace::DISTRIBUTION, distribution)],
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum LicenseOut<'a> {
    Expression {
        expression: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        acknowledgement: Option<&'static str>,
    },
    License {
        license: LicenseName<'a>,
    },
}

#[derive(Serialize)]
struct LicenseName<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledgement: Option<&'static str>,
}

impl<'a> LicenseOut<'a> {
    /// The format takes one expression, or any number of identifiers and names. In a list, an expression is a name, and a reader that parses names
    /// has it back.
    fn list(
        list: &'a [License],
        licenses: &Licenses<'a>,
        version: CycloneDxVersion,
        properties: &mut Vec<Property<'a>>,
    ) -> Vec<Self> {
        let acknowledgement = (version >= CycloneDxVersion::V1_6).then_some("declared");
        if let [license @ License::Expression(expression)] = list
            && !licenses.is_identifier(license)
        {
            return vec![Self::Expression { expression, acknowledgement }];
        }
        if !licenses.parse_to_themselves(list) {
            properties
                .extend(list.iter().map(|license| Property::new(namespace::LICENSE, Cow::Borrowed(license.text()))));
        }
        list.iter()
            .map(|license| {
                let text = license.text();
                let is_identifier = licenses.is_identifier(license);
                let (id, name) = if is_identifier { (Some(text), None) } else { (None, Some(text)) };
                Self::License { license: LicenseName { id, name, acknowledgement } }
            })
            .collect()
    }
}

#[derive(Serialize)]
struct Evidence {
    identity: Identity,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    occurrences: Vec<Occurrence>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Identity {
    One(IdentityOut),
    List([IdentityOut; 1]),
}

#[derive(Serialize)]
struct IdentityOut {
    field: &'static str,
    confidence: f64,
    methods: [Method; 1],
}

#[derive(Serialize)]
struct Method {
    technique: &'static str,
    confidence: f64,
}

#[derive(Serialize)]
struct Occurrence {
    location: String,
}

impl Evidence {
    fn new(component: &Component, version: CycloneDxVersion) -> Option<Self> {
        let confidence = f64::from(component.confidence_percent.min(100)) / 100.0;
        let technique = match component.technique {
            Technique::PackageDatabase | Technique::InstalledMetadata | Technique::Lockfile | Technique::Manifest => {
                "manifest-analysis"
            }
            Technique::Binary | Technique::Archive => "binary-analysis",
            Technique::FileName => "filename",
            Technique::Document => "attestation",
        };
        let field = if component.purl.is_some() { "purl" } else { "name" };
        let identity = IdentityOut { field, confidence, methods: [Method { technique, confidence }] };
        let identity = match version {
            CycloneDxVersion::V1_4 => return None,
            CycloneDxVersion::V1_5 => Identity::One(identity),
            CycloneDxVersion::V1_6 => Identity::List([identity]),
        };
        let occurrences =
            component.locations.iter().map(|location| Occurrence { location: location.to_string() }).collect();
        Some(Self { identity, occurrences })
    }
}

struct Dependencies<'a> {
    inventory: &'a Inventory,
    graph: &'a Graph<'a>,
}

#[derive(Serialize)]
struct Dependency<'a> {
    #[serde(rename = "ref")]
    reference: &'a str,
    #[serde(rename = "dependsOn", skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<&'a str>,
}

impl Serialize for Dependencies<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let graph = self.graph;
        let entry = |reference, node| {
            let needed = graph.needs.get(&node).map_or(&[][..], Vec::as_slice);
            Dependency { reference, depends_on: needed.iter().map(|index| &*graph.references[*index]).collect() }
        };
        // A component that is in the graph and needs nothing has an entry without needs; one whose needs nobody knows has none.
        let known = (0..self.inventory.components.len()).filter(|index| graph.is_linked[*index]);
        serializer.collect_seq(
            std::iter::once(entry(SUBJECT_REFERENCE, None))
                .chain(known.map(|index| entry(&graph.references[index], Some(index)))),
        )
    }
}

#[derive(Serialize)]
struct Composition<'a> {
    aggregate: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    assemblies: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dependencies: Vec<&'a str>,
}

/// What the evidence says of its own completeness: package databases and lockfiles hold all edges of what is in their graph; nothing says that an
/// image holds no more than was recognised, and what was seen and not named says that it does.
fn compositions<'a>(inventory: &Inventory, graph: &'a Graph<'a>) -> Vec<Composition<'a>> {
    let is_complete = |index: usize| {
        let technique = inventory.components[index].technique;
        graph.is_linked[index] && matches!(technique, Technique::PackageDatabase | Technique::Lockfile)
    };
    let (complete, unknown): (Vec<_>, Vec<_>) = (0..inventory.components.len()).partition(|index| is_complete(*index));
    let references = |indices: Vec<usize>| indices.into_iter().map(|index| &*graph.references[index]).collect();
    let contents = if inventory.unknowns.is_empty() { "unknown" } else { "incomplete" };
    let compositions = [
        Composition { aggregate: contents, assemblies: vec![SUBJECT_REFERENCE], dependencies: Vec::new() },
        Composition { aggregate: "complete", assemblies: Vec::new(), dependencies: references(complete) },
        Composition { aggregate: "unknown", assemblies: Vec::new(), dependencies: references(unknown) },
    ];
    let says_something =
        |composition: &Composition<'_>| !composition.assemblies.is_empty() || !composition.dependencies.is_empty();
    compositions.into_iter().filter(says_something).collect()
}
