//! OpenVEX, "OpenVEX Specification" 0.2.0, and what came before it: 0.0.x names vulnerabilities and products by text alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use component::Purl;
use serde::Deserialize;

use super::{NAMES_MAX, STATEMENTS_MAX, TARGETS_MAX, form};
use crate::image::parse_digest;
use crate::problem::count;
use crate::{
    Cpe, Document, Format, Identity, Justification, Package, Problem, Problems, Refusal, Statement, Status, Target,
    Time, Vulnerability, wording,
};

/// How the context of every version begins.
pub(super) const CONTEXT: &str = "https://openvex.dev/ns";

#[derive(Deserialize)]
struct Stated {
    #[serde(rename = "@context")]
    context: String,
    #[serde(rename = "@id", default)]
    id: String,
    #[serde(default)]
    author: String,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    last_updated: Option<String>,
    #[serde(default)]
    version: Version,
    statements: Vec<StatedStatement>,
}

#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Version {
    Number(u64),
    Text(String),
    #[default]
    None,
}

#[derive(Deserialize)]
struct StatedStatement {
    #[serde(default)]
    vulnerability: Option<StatedVulnerability>,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    last_updated: Option<String>,
    #[serde(default)]
    products: Vec<Product>,
    /// Of 0.0.x: those of every product.
    #[serde(default)]
    subcomponents: Vec<Component>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    status_notes: String,
    #[serde(default)]
    justification: String,
    #[serde(default)]
    impact_statement: String,
    #[serde(default)]
    action_statement: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum StatedVulnerability {
    Text(String),
    Named {
        #[serde(default)]
        name: String,
        #[serde(default)]
        aliases: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Product {
    Text(String),
    Whole {
        #[serde(flatten)]
        itself: Names,
        #[serde(default)]
        subcomponents: Vec<Component>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Component {
    Text(String),
    Whole(Names),
}

#[derive(Deserialize)]
struct Names {
    #[serde(rename = "@id", default)]
    id: String,
    #[serde(default)]
    identifiers: BTreeMap<String, String>,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Document, Refusal> {
    let stated: Stated = serde_json::from_slice(bytes).map_err(|error| form(&error))?;
    let version = stated.context[CONTEXT.len()..].trim_matches('/');
    if !(version.is_empty() || version.starts_with("v0.0.") || version.starts_with("v0.2.")) {
        return Err(Refusal::Version(wording::shown(version)));
    }
    if stated.statements.len() > STATEMENTS_MAX {
        return Err(Refusal::TooMany { what: "statements", limit: STATEMENTS_MAX });
    }
    let mut reader = Reader { problems: Problems::new(), targets: 0 };
    let published = reader.time(stated.timestamp.as_deref());
    let modified = reader.time(stated.last_updated.as_deref()).or(published);
    let mut statements = Vec::with_capacity(stated.statements.len());
    for statement in stated.statements {
        statements.extend(reader.statement(&statement, modified)?);
    }
    Ok(Document {
        format: Format::OpenVex,
        id: wording::name(&stated.id).unwrap_or_default().to_owned(),
        author: wording::name(&stated.author).unwrap_or_default().to_owned(),
        version: match stated.version {
            Version::Number(number) => number.to_string(),
            Version::Text(text) => wording::name(&text).unwrap_or_default().to_owned(),
            Version::None => String::new(),
        },
        published,
        modified,
        statements,
        problems: reader.problems,
    })
}

struct Reader {
    problems: Problems,
    targets: usize,
}

impl Reader {
    fn time(&mut self, text: Option<&str>) -> Option<Time> {
        let text = text.filter(|text| !text.is_empty())?;
        let time = wording::time(text);
        if time.is_none() {
            count(&mut self.problems, Problem::Time, text);
        }
        time
    }

    fn statement(&mut self, stated: &StatedStatement, modified: Option<Time>) -> Result<Option<Statement>, Refusal> {
        let vulnerability = match &stated.vulnerability {
            Some(StatedVulnerability::Text(name)) => vulnerability(name, &[]),
            Some(StatedVulnerability::Named { name, aliases }) => vulnerability(name, aliases),
            None => None,
        };
        let Some(vulnerability) = vulnerability else {
            count(&mut self.problems, Problem::NoVulnerability, &stated.status);
            return Ok(None);
        };
        let Some(status) = self.status(stated, &vulnerability.id) else { return Ok(None) };
        let updated = self.time(stated.last_updated.as_deref());
        let time = updated.or_else(|| self.time(stated.timestamp.as_deref())).or(modified);
        let shared = self.components(&stated.subcomponents);
        let mut targets = Vec::new();
        for product in &stated.products {
            let (itself, subcomponents) = match product {
                Product::Text(text) => (self.text_identity(text), &[][..]),
                Product::Whole { itself, subcomponents } => (self.identity(itself), &subcomponents[..]),
            };
            let itself = Arc::new(itself);
            let is_comparable = self.check(&itself);
            let is_whole = subcomponents.is_empty() && stated.subcomponents.is_empty();
            let inner = self.components(subcomponents);
            if !is_comparable {
                continue;
            }
            self.targets += inner.len() + shared.len() + usize::from(is_whole);
            if self.targets > TARGETS_MAX {
                return Err(Refusal::TooMany { what: "products", limit: TARGETS_MAX });
            }
            if is_whole {
                targets.push(Target { item: itself, within: Vec::new() });
            } else {
                let within =
                    |item: &Arc<Identity>| Target { item: Arc::clone(item), within: vec![Arc::clone(&itself)] };
                targets.extend(inner.iter().chain(&shared).map(within));
            }
        }
        if stated.products.is_empty() {
            count(&mut self.problems, Problem::NoProduct, &vulnerability.id);
        }
        let text = wording::text(&stated.status_notes);
        Ok((!targets.is_empty()).then_some(Statement { vulnerability, targets, status, time, text }))
    }

    fn status(&mut self, stated: &StatedStatement, vulnerability: &str) -> Option<Status> {
        let status = match stated.status.as_str() {
            "not_affected" => {
                let justification = Justification::parse(&stated.justification);
                if justification.is_none() && !stated.justification.is_empty() {
                    count(&mut self.problems, Problem::Word("justification"), &stated.justification);
                }
                let impact = wording::text(&stated.impact_statement);
                if justification.is_none() && impact.is_none() {
                    count(&mut self.problems, Problem::NoReason, vulnerability);
                    return None;
                }
                Status::NotAffected { justification, impact }
            }
            "affected" => Status::Affected { action: wording::text(&stated.action_statement) },
            "fixed" => Status::Fixed,
            "under_investigation" => Status::UnderInvestigation,
            other => {
                count(&mut self.problems, Problem::Word("status"), other);
                return None;
            }
        };
        Some(status)
    }

    /// Returns those that can be compared.
    fn components(&mut self, stated: &[Component]) -> Vec<Arc<Identity>> {
        let mut components = Vec::with_capacity(stated.len());
        for one in stated {
            let item = match one {
                Component::Text(text) => self.text_identity(text),
                Component::Whole(names) => self.identity(names),
            };
            if self.check(&item) {
                components.push(Arc::new(item));
            }
        }
        components
    }

    fn check(&mut self, identity: &Identity) -> bool {
        let is_comparable = identity.is_comparable();
        if !is_comparable {
            count(&mut self.problems, Problem::Unidentified, &identity.label);
        }
        is_comparable
    }

    fn text_identity(&mut self, text: &str) -> Identity {
        let mut identity = Identity { label: wording::shown(text), ..Identity::default() };
        self.add_id(&mut identity, text);
        identity
    }

    /// An `@id` is any IRI; purls, CPE names and digests can be compared.
    fn add_id(&mut self, identity: &mut Identity, id: &str) {
        let id = id.trim();
        if id.starts_with("pkg:") {
            self.add_purl(identity, id);
        } else if id.starts_with("cpe:") {
            self.add_cpe(identity, id);
        } else {
            identity.digests.extend(parse_digest(id.rsplit_once('@').map_or(id, |(_, digest)| digest)));
        }
    }

    fn add_purl(&mut self, identity: &mut Identity, text: &str) {
        match text.parse::<Purl>() {
            Ok(purl) => identity.packages.push(Package { purl, range: None }),
            Err(_) => count(&mut self.problems, Problem::Purl, text),
        }
    }

    fn add_cpe(&mut self, identity: &mut Identity, text: &str) {
        match Cpe::parse(text) {
            Ok(cpe) => identity.cpes.push(cpe),
            Err(_) => count(&mut self.problems, Problem::Cpe, text),
        }
    }

    fn identity(&mut self, names: &Names) -> Identity {
        let label =
            if names.id.is_empty() { names.identifiers.values().next().map_or("", |value| value) } else { &names.id };
        let mut identity = self.text_identity(&names.id);
        identity.label = wording::shown(label);
        for (kind, value) in names.identifiers.iter().take(NAMES_MAX) {
            match kind.as_str() {
                "purl" if names.id.trim() != value.trim() => self.add_purl(&mut identity, value.trim()),
                "purl" => {}
                "cpe22" | "cpe23" => self.add_cpe(&mut identity, value),
                _ => count(&mut self.problems, Problem::Word("kind of identifier"), kind),
            }
        }
        for (algorithm, hex) in names.hashes.iter().take(NAMES_MAX) {
            match wording::hash(algorithm, hex) {
                Some(hash) => identity.hashes.push(hash),
                None => count(&mut self.problems, Problem::Hash, algorithm),
            }
        }
        identity
    }
}

fn vulnerability(name: &str, aliases: &[String]) -> Option<Vulnerability> {
    let id = wording::name(name)?.to_owned();
    let aliases = aliases.iter().filter_map(|alias| wording::name(alias)).filter(|alias| *alias != id);
    let aliases = aliases.take(NAMES_MAX).map(str::to_owned).collect();
    Some(Vulnerability { id, aliases })
}
