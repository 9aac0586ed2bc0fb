//! CycloneDX as JSON, 1.4 to 1.7: `vulnerabilities` with an `analysis`, in a document of their own or in an SBOM (OWASP "CycloneDX
//! Authoritative Guide to VEX"). What it says of a component it says of that component in the product that the document describes.

use std::collections::HashMap;
use std::sync::Arc;

use component::{Purl, Vers};
use serde::Deserialize;

use super::{NAMES_MAX, STATEMENTS_MAX, TARGETS_MAX, form};
use crate::image::parse_digest;
use crate::problem::count;
use crate::subject::purl_of_version;
use crate::{
    Cpe, Document, Element, Format, Identity, Justification, Package, Problem, Problems, Refusal, Statement, Status,
    Target, Time, Vulnerability, wording,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stated {
    #[serde(default)]
    spec_version: String,
    #[serde(default)]
    serial_number: String,
    version: Option<u64>,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    components: Vec<StatedComponent>,
    #[serde(default)]
    vulnerabilities: Vec<StatedVulnerability>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    timestamp: Option<String>,
    authors: Vec<Contact>,
    manufacturer: Option<Contact>,
    manufacture: Option<Contact>,
    supplier: Option<Contact>,
    component: Option<StatedComponent>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Contact {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StatedComponent {
    #[serde(rename = "bom-ref")]
    reference: String,
    name: String,
    version: Option<String>,
    purl: Option<String>,
    cpe: Option<String>,
    hashes: Vec<StatedHash>,
    components: Vec<Self>,
}

#[derive(Deserialize)]
struct StatedHash {
    alg: String,
    content: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StatedVulnerability {
    id: String,
    references: Vec<Alias>,
    detail: String,
    recommendation: String,
    workaround: String,
    analysis: Option<Analysis>,
    affects: Vec<Affected>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Alias {
    id: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Analysis {
    state: String,
    justification: String,
    response: Vec<String>,
    detail: String,
    first_issued: Option<String>,
    last_updated: Option<String>,
}

#[derive(Deserialize)]
struct Affected {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    versions: Vec<StatedVersion>,
}

#[derive(Deserialize)]
struct StatedVersion {
    version: Option<String>,
    range: Option<String>,
    #[serde(default)]
    status: String,
}

pub(super) fn read(bytes: &[u8]) -> Result<Document, Refusal> {
    let mut stated: Stated = serde_json::from_slice(bytes).map_err(|error| form(&error))?;
    if !stated.spec_version.starts_with("1.") {
        return Err(Refusal::Version(wording::shown(&stated.spec_version)));
    }
    if stated.vulnerabilities.len() > STATEMENTS_MAX {
        return Err(Refusal::TooMany { what: "statements", limit: STATEMENTS_MAX });
    }
    let metadata = std::mem::take(&mut stated.metadata);
    let mut problems = Problems::new();
    let modified = time(metadata.timestamp.as_deref(), &mut problems);
    let root = metadata.component.as_ref().map(|component| Arc::new(root_identity(component, &mut problems)));
    let mut components = HashMap::new();
    if let Some(component) = &metadata.component {
        list(component, &mut components)?;
    }
    for component in &stated.components {
        list(component, &mut components)?;
    }
    let serial = stated.serial_number.to_ascii_lowercase();
    let root_reference = metadata.component.as_ref().map(|component| &*component.reference);
    let mut reader = Reader { serial: &serial, root, root_reference, components, problems, targets: 0, modified };
    let mut statements = Vec::new();
    for vulnerability in &stated.vulnerabilities {
        reader.vulnerability(vulnerability, &mut statements)?;
    }
    Ok(Document {
        format: Format::CycloneDx,
        id: wording::name(&stated.serial_number).unwrap_or_default().to_owned(),
        author: author(&metadata),
        version: stated.version.map(|version| version.to_string()).unwrap_or_default(),
        published: modified,
        modified,
        statements,
        problems: reader.problems,
    })
}

fn author(metadata: &Metadata) -> String {
    let organizations = metadata.manufacturer.iter().chain(&metadata.manufacture).chain(&metadata.supplier);
    let mut names = metadata.authors.iter().chain(organizations).filter_map(|contact| wording::name(&contact.name));
    names.next().unwrap_or_default().to_owned()
}

fn time(text: Option<&str>, problems: &mut Problems) -> Option<Time> {
    let text = text.filter(|text| !text.is_empty())?;
    let time = wording::time(text);
    if time.is_none() {
        count(problems, Problem::Time, text);
    }
    time
}

/// Lists a component and those in it by their references.
fn list<'a>(component: &'a StatedComponent, all: &mut HashMap<&'a str, &'a StatedComponent>) -> Result<(), Refusal> {
    if all.len() >= TARGETS_MAX {
        return Err(Refusal::TooMany { what: "components", limit: TARGETS_MAX });
    }
    if !component.reference.is_empty() {
        all.entry(&component.reference).or_insert(component);
    }
    component.components.iter().try_for_each(|inner| list(inner, all))
}

struct Reader<'a> {
    serial: &'a str,
    root: Option<Arc<Identity>>,
    root_reference: Option<&'a str>,
    components: HashMap<&'a str, &'a StatedComponent>,
    problems: Problems,
    targets: usize,
    modified: Option<Time>,
}

impl Reader<'_> {
    fn vulnerability(&mut self, stated: &StatedVulnerability, statements: &mut Vec<Statement>) -> Result<(), Refusal> {
        let Some(analysis) = stated.analysis.as_ref().filter(|analysis| !analysis.state.is_empty()) else {
            return Ok(());
        };
        let Some(id) = wording::name(&stated.id).map(str::to_owned) else {
            count(&mut self.problems, Problem::NoVulnerability, &analysis.state);
            return Ok(());
        };
        let Some(status) = self.status(stated, analysis) else { return Ok(()) };
        let updated = time(analysis.last_updated.as_deref(), &mut self.problems);
        let time = updated.or_else(|| time(analysis.first_issued.as_deref(), &mut self.problems)).or(self.modified);
        let aliases =
            stated.references.iter().filter_map(|alias| wording::name(&alias.id)).filter(|alias| *alias != id);
        let aliases = aliases.take(NAMES_MAX).map(str::to_owned).collect();
        let vulnerability = Vulnerability { id, aliases };
        if stated.affects.is_empty() {
            count(&mut self.problems, Problem::NoProduct, &vulnerability.id);
        }
        let (mut targets, mut unaffected) = (Vec::new(), Vec::new());
        for affected in &stated.affects {
            self.affected(affected, &mut targets, &mut unaffected);
            if self.targets + targets.len() + unaffected.len() > TARGETS_MAX {
                return Err(Refusal::TooMany { what: "products", limit: TARGETS_MAX });
            }
        }
        self.targets += targets.len() + unaffected.len();
        let not_affected = Status::NotAffected { justification: None, impact: wording::text(&stated.detail) };
        for (status, targets) in [(status, targets), (not_affected, unaffected)] {
            if !targets.is_empty() {
                statements.push(Statement { vulnerability: vulnerability.clone(), targets, status, time, text: None });
            }
        }
        Ok(())
    }

    fn status(&mut self, stated: &StatedVulnerability, analysis: &Analysis) -> Option<Status> {
        Some(match analysis.state.as_str() {
            "resolved" | "resolved_with_pedigree" => Status::Fixed,
            "exploitable" => {
                let responses = analysis.response.join(", ");
                let texts = [&stated.recommendation, &stated.workaround, &analysis.detail, &responses];
                Status::Affected { action: texts.into_iter().find_map(|text| wording::text(text)) }
            }
            "in_triage" => Status::UnderInvestigation,
            "not_affected" | "false_positive" => {
                let justification = Justification::parse(&analysis.justification);
                if justification.is_none() && !analysis.justification.is_empty() {
                    count(&mut self.problems, Problem::Word("justification"), &analysis.justification);
                }
                Status::NotAffected { justification, impact: wording::text(&analysis.detail) }
            }
            other => {
                count(&mut self.problems, Problem::Word("state"), other);
                return None;
            }
        })
    }

    fn affected(&mut self, affected: &Affected, targets: &mut Vec<Target>, unaffected: &mut Vec<Target>) {
        let Some((item, within)) = self.resolve(&affected.reference) else { return };
        if !item.is_comparable() || !within.iter().all(|outer| outer.is_comparable()) {
            return count(&mut self.problems, Problem::Unidentified, &affected.reference);
        }
        if affected.versions.is_empty() {
            return targets.push(Target { item: Arc::new(item), within });
        }
        for stated in affected.versions.iter().take(NAMES_MAX) {
            let list = match stated.status.as_str() {
                "" | "affected" => &mut *targets,
                "unaffected" => &mut *unaffected,
                "unknown" => continue,
                other => {
                    count(&mut self.problems, Problem::Word("status of a version"), other);
                    continue;
                }
            };
            match of_version(&item, stated) {
                Some(item) => list.push(Target { item: Arc::new(item), within: within.clone() }),
                None => count(&mut self.problems, Problem::Range, &affected.reference),
            }
        }
    }

    /// Returns what a reference refers to, and what that has to be in.
    fn resolve(&mut self, reference: &str) -> Option<(Identity, Vec<Arc<Identity>>)> {
        let reference = reference.trim();
        if self.root_reference == Some(reference) && !reference.is_empty() {
            return self.root.as_deref().cloned().map(|root| (root, Vec::new()));
        }
        if let Some(component) = self.components.get(reference) {
            let item = identity(component, &mut self.problems);
            return Some((item, self.root.iter().map(Arc::clone).collect()));
        }
        let Some((serial, version, fragment)) = bom_link(reference) else {
            count(&mut self.problems, Problem::Reference, reference);
            return None;
        };
        if let Some(fragment) = &fragment
            && serial == self.serial
            && (self.components.contains_key(&**fragment) || self.root_reference == Some(fragment))
        {
            return self.resolve(fragment);
        }
        let label = wording::shown(reference);
        let document = Identity { label: label.clone(), serials: vec![serial.clone()], ..Identity::default() };
        let Some(fragment) = fragment else { return Some((document, Vec::new())) };
        // What is in another document is known by its reference alone, which often is a purl.
        let purl: Option<Purl> = fragment.parse().ok();
        let packages = purl.into_iter().map(|purl| Package { purl, range: None }).collect();
        let elements = vec![Element { serial, version, reference: fragment }];
        Some((Identity { label, packages, elements, ..Identity::default() }, vec![Arc::new(document)]))
    }
}

/// Reads `urn:cdx:SERIAL/VERSION#REFERENCE` (CycloneDX, "BOM-Link").
fn bom_link(text: &str) -> Option<(String, u64, Option<String>)> {
    let rest = text.strip_prefix("urn:cdx:")?;
    let (document, fragment) =
        rest.split_once('#').map_or((rest, None), |(document, fragment)| (document, Some(fragment)));
    let (serial, version) = document.split_once('/')?;
    let is_uuid = serial.len() == 36 && serial.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let version = version.parse().ok().filter(|_| is_uuid)?;
    Some((format!("urn:uuid:{}", serial.to_ascii_lowercase()), version, fragment.map(decode)))
}

/// Undoes percent-encoding; what is not encoded stays.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn identity(component: &StatedComponent, problems: &mut Problems) -> Identity {
    let label = if component.reference.is_empty() { &component.name } else { &component.reference };
    let mut identity = Identity { label: wording::shown(label), ..Identity::default() };
    match component.purl.as_deref().map(|purl| purl.trim().parse::<Purl>()) {
        // A component is of one version, whether its purl says so or not.
        Some(Ok(purl)) => {
            let purl = purl_of_version(&purl, component.version.as_deref());
            identity.packages.push(Package { purl, range: None });
        }
        Some(Err(_)) => count(problems, Problem::Purl, component.purl.as_deref().unwrap_or_default()),
        None => {}
    }
    match component.cpe.as_deref().map(Cpe::parse) {
        Some(Ok(cpe)) => identity.cpes.push(cpe),
        Some(Err(_)) => count(problems, Problem::Cpe, component.cpe.as_deref().unwrap_or_default()),
        None => {}
    }
    for stated in component.hashes.iter().take(NAMES_MAX) {
        match wording::hash(&stated.alg, &stated.content) {
            Some(hash) => identity.hashes.push(hash),
            None => count(problems, Problem::Hash, &stated.alg),
        }
    }
    identity
}

/// The document's own product may be known by its name alone. An image has its digest as its version there.
fn root_identity(component: &StatedComponent, problems: &mut Problems) -> Identity {
    let mut identity = identity(component, problems);
    identity.digests.extend(component.version.as_deref().and_then(parse_digest));
    if !identity.is_comparable() && !component.name.is_empty() {
        identity.named = Some((component.name.clone(), component.version.clone()));
    }
    identity
}

/// Returns the identity for some versions of its packages; none where those are not understood, or where no package tells versions apart.
fn of_version(item: &Identity, stated: &StatedVersion) -> Option<Identity> {
    let range = match (&stated.version, &stated.range) {
        (_, Some(range)) if range == "vers:all/*" => None,
        (_, Some(range)) => Some(Vers::parse(range).ok()?),
        (Some(_), None) => None,
        (None, None) => return None,
    };
    let exact = stated.version.as_deref().filter(|_| stated.range.is_none());
    let package = |package: &Package| {
        let purl = package.purl.with_version(exact.unwrap_or_default()).ok()?;
        Some(Package { purl, range: range.clone() })
    };
    let packages: Option<Vec<Package>> = item.packages.iter().map(package).collect();
    let packages = packages.filter(|packages| !packages.is_empty())?;
    Some(Identity { label: item.label.clone(), packages, ..Identity::default() })
}
