//! CSAF: OASIS "Common Security Advisory Framework" 2.0 and 2.1, of every profile; what counts are the products' statuses (section 3.2.3.9 of
//! 2.0, "Product Status"), with flags, threats and remediations for the reasons.
//!
//! Of the mandatory tests of section 6.1 those are enforced that decide what a document says about which product ([`Rule`]).

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{NAMES_MAX, STATEMENTS_MAX, TARGETS_MAX, form};
use crate::problem::count;
use crate::{
    Document, Format, Justification, Problem, Problems, Refusal, Statement, Status, Target, Vulnerability, wording,
};

mod rules;
mod stated;
mod tree;

use rules::Rule;
use stated::{References, Stated, StatedVulnerability};
use tree::Tree;

pub(super) fn read(bytes: &[u8]) -> Result<Document, Refusal> {
    let stated: Stated = serde_json::from_slice(bytes).map_err(|error| form(&error))?;
    if !matches!(stated.document.csaf_version.as_str(), "2.0" | "2.1") {
        return Err(Refusal::Version(wording::shown(&stated.document.csaf_version)));
    }
    rules::check_profile(&stated)?;
    let mut problems = Problems::new();
    let tree = Tree::read(&stated.product_tree.unwrap_or_default(), &mut problems)?;
    for note in &stated.document.notes {
        tree.check(note)?;
    }
    let tracking = &stated.document.tracking;
    if tracking.status == "draft" {
        count(&mut problems, Problem::Draft, &tracking.id);
    }
    let mut time = |text: &str| {
        let time = wording::time(text);
        if time.is_none() {
            count(&mut problems, Problem::Time, text);
        }
        time
    };
    let published = time(&tracking.initial_release_date);
    let modified = time(&tracking.current_release_date);
    let vulnerabilities = stated.vulnerabilities.unwrap_or_default();
    let mut reader = Reader { tree: &tree, problems, statements: Vec::new(), targets: 0, cves: HashSet::new() };
    let is_vex = stated.document.category == "csaf_vex";
    for vulnerability in &vulnerabilities {
        reader.vulnerability(vulnerability, is_vex)?;
    }
    let Reader { problems, mut statements, .. } = reader;
    for statement in &mut statements {
        statement.time = modified;
    }
    Ok(Document {
        format: Format::Csaf,
        id: wording::name(&tracking.id).unwrap_or_default().to_owned(),
        author: wording::name(&stated.document.publisher.name).unwrap_or_default().to_owned(),
        version: wording::name(&tracking.version).unwrap_or_default().to_owned(),
        published,
        modified,
        statements,
        problems,
    })
}

struct Reader<'a> {
    tree: &'a Tree,
    problems: Problems,
    statements: Vec<Statement>,
    targets: usize,
    cves: HashSet<&'a str>,
}

/// What products have in common that share a statement: the status, and where in the document its reasons stand.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Shared {
    status: StatusKind,
    flag: Option<usize>,
    threat: Option<usize>,
    remediation: Option<usize>,
    /// Names of the vulnerability that are given for some products only.
    ids: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum StatusKind {
    NotAffected,
    Affected,
    Fixed,
    UnderInvestigation,
    /// Nobody looks whether it is affected: a status of 2.1 that says nothing.
    Unknown,
}

impl<'a> Reader<'a> {
    fn vulnerability(&mut self, stated: &'a StatedVulnerability, is_vex: bool) -> Result<(), Refusal> {
        let label = stated.cve.as_deref().or(stated.ids.first().map(|id| &*id.text)).unwrap_or_default();
        if let Some(cve) = &stated.cve
            && !self.cves.insert(cve)
        {
            return Err(Rule::CveOnce.broken(cve));
        }
        self.check_references(stated)?;
        let statuses = statuses(stated)?;
        let flags = self.by_product(stated.flags.iter().map(|flag| &flag.of), Rule::OneJustification)?;
        let threats = stated.threats.iter().map(|threat| (threat.category == "impact").then_some(&threat.of));
        let threats = self.first_by_product(threats);
        let remediations = self.remediations(stated);
        let ids: Vec<HashSet<&str>> = stated.ids.iter().map(|id| self.tree.products(&id.of).collect()).collect();
        let mut shared: BTreeMap<Shared, Vec<&'a str>> = BTreeMap::new();
        for (product, status) in statuses {
            let is_not_affected = status == StatusKind::NotAffected;
            let key = Shared {
                status,
                flag: flags.get(product).copied().filter(|_| is_not_affected),
                threat: threats.get(product).copied().filter(|_| is_not_affected),
                remediation: remediations.get(product).copied().filter(|_| status == StatusKind::Affected),
                ids: (0..ids.len()).filter(|index| ids[*index].contains(product)).collect(),
            };
            if is_vex && is_not_affected && key.flag.is_none() && key.threat.is_none() {
                return Err(Rule::ImpactStatement.broken(product));
            }
            shared.entry(key).or_default().push(product);
        }
        for (key, products) in shared {
            self.statement(stated, &key, &products, is_vex, label)?;
        }
        Ok(())
    }

    fn statement(
        &mut self,
        stated: &StatedVulnerability,
        key: &Shared,
        products: &[&str],
        is_vex: bool,
        label: &str,
    ) -> Result<(), Refusal> {
        let Some(vulnerability) = names(stated, &key.ids) else {
            if is_vex {
                return Err(Rule::VulnerabilityId.broken(products.first().unwrap_or(&label)));
            }
            count(&mut self.problems, Problem::NoVulnerability, label);
            return Ok(());
        };
        let status = match key.status {
            StatusKind::NotAffected => {
                let justification = key.flag.and_then(|index| Justification::parse(&stated.flags[index].label));
                let impact = key.threat.and_then(|index| wording::text(&stated.threats[index].details));
                if justification.is_none() && impact.is_none() {
                    count(&mut self.problems, Problem::NoReason, label);
                    return Ok(());
                }
                Status::NotAffected { justification, impact }
            }
            StatusKind::Affected => {
                let action = key.remediation.and_then(|index| wording::text(&stated.remediations[index].details));
                Status::Affected { action }
            }
            StatusKind::Fixed => Status::Fixed,
            StatusKind::UnderInvestigation => Status::UnderInvestigation,
            StatusKind::Unknown => return Ok(()),
        };
        let mut targets: Vec<Target> = Vec::new();
        for product in products {
            match self.tree.target(product) {
                Some(target) => targets.push(target.clone()),
                None => count(&mut self.problems, Problem::Unidentified, product),
            }
        }
        self.targets += targets.len();
        if self.targets > TARGETS_MAX {
            return Err(Refusal::TooMany { what: "products", limit: TARGETS_MAX });
        }
        if !targets.is_empty() {
            if self.statements.len() >= STATEMENTS_MAX {
                return Err(Refusal::TooMany { what: "statements", limit: STATEMENTS_MAX });
            }
            self.statements.push(Statement { vulnerability, targets, status, time: None, text: None });
        }
        Ok(())
    }

    /// Returns for each product the entry that names it, of which there may be one.
    fn by_product<'b>(
        &self,
        entries: impl Iterator<Item = &'b References>,
        rule: Rule,
    ) -> Result<HashMap<&'b str, usize>, Refusal>
    where
        'a: 'b,
    {
        let mut found = HashMap::new();
        for (index, references) in entries.enumerate() {
            let products: HashSet<&'b str> = self.tree.products(references).collect();
            for product in products {
                if found.insert(product, index).is_some() {
                    return Err(rule.broken(product));
                }
            }
        }
        Ok(found)
    }

    fn first_by_product<'b>(&self, entries: impl Iterator<Item = Option<&'b References>>) -> HashMap<&'b str, usize>
    where
        'a: 'b,
    {
        let mut found = HashMap::new();
        for (index, references) in entries.enumerate() {
            for product in references.into_iter().flat_map(|references| self.tree.products(references)) {
                found.entry(product).or_insert(index);
            }
        }
        found
    }

    /// Returns for each product the remediation that helps most.
    fn remediations<'b>(&self, stated: &'b StatedVulnerability) -> HashMap<&'b str, usize>
    where
        'a: 'b,
    {
        let mut order: Vec<usize> = (0..stated.remediations.len()).collect();
        order.sort_by_key(|index| match stated.remediations[*index].category.as_str() {
            "vendor_fix" => 0,
            "mitigation" => 1,
            "workaround" => 2,
            "fix_planned" => 3,
            _ => 4,
        });
        let entries = order.iter().map(|index| Some(&stated.remediations[*index].of));
        let found = self.first_by_product(entries);
        found.into_iter().map(|(product, place)| (product, order[place])).collect()
    }

    fn check_references(&self, stated: &StatedVulnerability) -> Result<(), Refusal> {
        let products = stated.scores.iter().chain(&stated.metrics).flat_map(|score| &score.products);
        for product in stated.product_status.iter().flat_map(stated::ProductStatus::all).chain(products) {
            self.tree.check_product(product)?;
        }
        if let Some(flag) = stated.flags.iter().find(|flag| flag.of.is_empty()) {
            return Err(Rule::FlagWithProducts.broken(&flag.label));
        }
        let references = stated.flags.iter().map(|flag| &flag.of);
        let references = references.chain(stated.threats.iter().map(|threat| &threat.of));
        let references = references.chain(stated.remediations.iter().map(|remediation| &remediation.of));
        let references = references.chain(stated.ids.iter().map(|id| &id.of));
        let references = references.chain(&stated.notes).chain(&stated.involvements);
        for references in references.chain(&stated.first_known_exploitation_dates) {
            self.tree.check(references)?;
        }
        Ok(())
    }
}

/// Returns the status of each product, in the order of the document. The groups exclude each other (6.1.6).
fn statuses(stated: &StatedVulnerability) -> Result<Vec<(&str, StatusKind)>, Refusal> {
    let Some(status) = &stated.product_status else { return Ok(Vec::new()) };
    let groups = [
        (&status.first_affected, StatusKind::Affected),
        (&status.known_affected, StatusKind::Affected),
        (&status.last_affected, StatusKind::Affected),
        (&status.known_not_affected, StatusKind::NotAffected),
        (&status.first_fixed, StatusKind::Fixed),
        (&status.fixed, StatusKind::Fixed),
        (&status.under_investigation, StatusKind::UnderInvestigation),
        (&status.unknown, StatusKind::Unknown),
    ];
    let mut known: HashMap<&str, StatusKind> = HashMap::new();
    let mut statuses = Vec::new();
    for (products, kind) in groups {
        for product in products {
            match known.insert(product, kind) {
                None => statuses.push((&**product, kind)),
                Some(before) if before == kind => {}
                Some(_) => return Err(Rule::ContradictingStatus.broken(product)),
            }
        }
    }
    Ok(statuses)
}

/// Returns the names of the vulnerability: its CVE, what is given for all products, and what is for those at hand.
fn names(stated: &StatedVulnerability, ids: &[usize]) -> Option<Vulnerability> {
    let general = stated.ids.iter().filter(|id| id.of.is_empty());
    let special = ids.iter().map(|index| &stated.ids[*index]);
    let others = general.chain(special).map(|id| &*id.text);
    let mut all = stated.cve.as_deref().into_iter().chain(others).filter_map(wording::name).map(str::to_owned);
    let id = all.next()?;
    let mut aliases: Vec<String> = all.filter(|alias| *alias != id).take(NAMES_MAX).collect();
    aliases.dedup();
    Some(Vulnerability { id, aliases })
}
