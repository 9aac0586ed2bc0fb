use std::cell::{OnceCell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use component::{Component, ComponentIndex, Edge, Inventory, Node, Relation};
use jiff::Timestamp;
use policy::{Exceptions, Question};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vex::{Found, Justification, Place, Statements, Status};

use crate::component::at;
use crate::facts::moment;
use crate::projects::Projects;
use crate::{Suppression, Suppressor};

/// What others decide about findings: owners by exceptions, authors of products by VEX. Asked in this order, before the publisher.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deciders<'a> {
    /// Exceptions.
    pub exceptions: Option<&'a Exceptions>,
    /// The repository that the subject lies in, in full and without tag or digest, for exceptions that have a scope.
    pub repository: Option<&'a str>,
    /// The time, by which exceptions begin and end and after which no record is believed to be made.
    pub now: Option<Timestamp>,
    /// Statements of VEX documents.
    pub statements: Option<&'a Statements>,
    /// Statements of VEX documents that lie beside the subject; which of all statements holds does not depend on where they are.
    pub beside: Option<Beside<'a>>,
    /// What VEX documents may call the subject; without it, what the inventory says of itself.
    pub subject: Option<&'a vex::Subject>,
}

/// VEX that lies beside an image.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// The statements.
    pub statements: &'a Statements,
    /// Where each of their documents is from, in their order.
    pub origins: &'a [Origin],
}

/// Where a VEX document is from that lies beside an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The digest of the manifest that refers to the image.
    pub referrer: String,
    /// Who pushed it, which is proved, as the author is not.
    pub pusher: String,
}

/// What a VEX document says of a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct VexWord {
    /// `not_affected`, `affected`, `fixed` or `under_investigation`.
    pub status: String,
    /// Who says so, as the document has it.
    pub author: String,
    /// The document's own name.
    pub document: String,
    /// Why it is not affected, in the agreed words.
    pub justification: Option<Justification>,
    /// What the author has to say besides: why, or what to do.
    pub text: Option<String>,
    /// When it was said.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub time: Option<Timestamp>,
    /// Whether this is the word that holds. Of several it is that of the author who is trusted most, then the newest.
    pub holds: bool,
    /// Where it is from, if the document lies beside the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Origin>,
}

/// What became of an exception.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ExceptionUse {
    /// Its name.
    pub id: String,
    /// Who decided.
    pub owner: String,
    /// From when on it counts no more.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub expires: Option<Timestamp>,
    /// Whether it counts.
    pub state: ExceptionState,
    /// How many findings it covers.
    pub findings: usize,
}

/// Whether an exception counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExceptionState {
    /// It does.
    Current,
    /// Not yet.
    NotBegun,
    /// No more.
    Expired,
}

/// What became of a VEX document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct VexUse {
    /// The document's own name; where it has none and was given here, that of its file.
    pub document: String,
    /// Who speaks in it.
    pub author: String,
    /// The format that it is written in.
    pub format: vex::Format,
    /// How many statements it makes.
    pub statements: usize,
    /// Whether they count: its author is trusted, and no newer version of it was given.
    pub counts: bool,
    /// How many findings its word holds for.
    pub findings: usize,
    /// What in it was not understood: in words, how often, and one example.
    pub problems: Vec<(String, u64, String)>,
    /// Where it is from, if it lies beside the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Origin>,
}

/// What is decided about a finding.
#[derive(Debug, Clone, Default)]
pub(crate) struct Decision {
    pub(crate) suppressions: Vec<Suppression>,
    /// What would suppress it, had VEX not said that it is affected.
    pub(crate) overruled: Vec<Suppression>,
    pub(crate) vex: Vec<VexWord>,
}

/// Deciders and an inventory, with what was used of them.
pub(crate) struct Judge<'a> {
    deciders: Deciders<'a>,
    subject: vex::Subject,
    inventory: &'a Inventory,
    containers: BTreeMap<ComponentIndex, ComponentIndex>,
    projects: OnceCell<Projects>,
    used: RefCell<Used>,
}

#[derive(Default)]
struct Used {
    /// By the place of the exception.
    exceptions: BTreeMap<usize, usize>,
    /// By the place of the document; those beside come after all others.
    documents: BTreeMap<usize, usize>,
}

/// A statement, with where its document is from.
#[derive(Clone, Copy)]
struct Said<'a> {
    found: Found<'a>,
    /// The place of the document among those beside.
    beside: Option<usize>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(deciders: Deciders<'a>, inventory: &'a Inventory) -> Self {
        let containers = inventory.edges.iter().filter_map(|edge| match edge {
            Edge { from: Node::Component(container), to, relation: Relation::Contains } => Some((*to, *container)),
            _ => None,
        });
        Self {
            deciders,
            subject: deciders.subject.cloned().unwrap_or_else(|| vex::Subject::of(inventory)),
            inventory,
            containers: containers.collect(),
            projects: OnceCell::new(),
            used: RefCell::default(),
        }
    }

    /// Decides about a finding: exceptions, then the word of VEX that holds, then the publisher.
    pub(crate) fn decide(
        &self,
        index: ComponentIndex,
        component: &Component,
        names: &[&str],
        is_fixable: bool,
        publisher: Option<Suppression>,
    ) -> Decision {
        let mut decision =
            Decision { suppressions: self.excepted(component, names, is_fixable), ..Decision::default() };
        let found = self.stated(index, component, names);
        let word = |(position, said): (usize, &Said<'a>)| VexWord::of(&said.found, position == 0, self.origin(said));
        decision.vex = found.iter().enumerate().map(word).collect();
        match found.first().map(|said| said.found) {
            Some(holding) if holding.statement.status.clears() => {
                decision.suppressions.push(by_vex(&holding));
                decision.suppressions.extend(publisher);
            }
            // Who made the product knows better than who publishes advisories for all of them.
            Some(Found { statement: vex::Statement { status: Status::Affected { .. }, .. }, .. }) => {
                decision.overruled.extend(publisher);
            }
            Some(_) | None => decision.suppressions.extend(publisher),
        }
        decision
    }

    fn excepted(&self, component: &Component, names: &[&str], is_fixable: bool) -> Vec<Suppression> {
        let (Some(exceptions), Some(now)) = (self.deciders.exceptions, self.deciders.now) else { return Vec::new() };
        let question = Question {
            repository: self.deciders.repository,
            component,
            vulnerabilities: names,
            locations: &component.locations,
            fix: if is_fixable { policy::Fix::Available } else { policy::Fix::None },
        };
        let covering = exceptions.covering_at(&question, now.as_second());
        let mut used = self.used.borrow_mut();
        for place in &covering {
            *used.exceptions.entry(*place).or_default() += 1;
        }
        let suppression = |exception: &policy::Exception| Suppression {
            by: Suppressor::Exception,
            who: exception.owner.clone(),
            why: exception.reason.clone(),
            reference: Some(exception.id.clone()),
            status: None,
            justification: None,
            expires: moment(exception.expires),
        };
        covering.into_iter().filter_map(|place| exceptions.entries().get(place)).map(suppression).collect()
    }

    /// Returns what VEX documents say of a component that has no finding, if the word that holds is that it is affected, or may be.
    pub(crate) fn otherwise(&self, index: ComponentIndex, component: &Component, names: &[&str]) -> Vec<VexWord> {
        let said = self.said(index, component, names);
        let clears = said.first().is_none_or(|said| said.found.statement.status.clears());
        let word = |(position, said): (usize, &Said<'a>)| VexWord::of(&said.found, position == 0, self.origin(said));
        if clears { Vec::new() } else { said.iter().enumerate().map(word).collect() }
    }

    /// Returns all that VEX documents say, that which holds first, which is used.
    fn stated(&self, index: ComponentIndex, component: &Component, names: &[&str]) -> Vec<Said<'a>> {
        let said = self.said(index, component, names);
        if let Some(holding) = said.first() {
            let given = self.deciders.statements;
            let after_given = given.map_or(0, |given| given.documents().len());
            let place = holding.beside.map(|place| place + after_given).or_else(|| position(given, &holding.found));
            if let Some(place) = place {
                *self.used.borrow_mut().documents.entry(place).or_default() += 1;
            }
        }
        said
    }

    fn said(&self, index: ComponentIndex, component: &Component, names: &[&str]) -> Vec<Said<'a>> {
        let (given, beside) = (self.deciders.statements, self.deciders.beside.map(|beside| beside.statements));
        if given.is_none() && beside.is_none() {
            return Vec::new();
        }
        let mut containers = self.containers_of(index);
        // A directory is the product that its project is.
        let project = self.projects.get_or_init(|| Projects::of(self.inventory)).project(index);
        containers.extend(project.and_then(|project| at(self.inventory, project)));
        let place = Place { subject: &self.subject, component, containers: &containers };
        let all_about = |statements: Option<&'a Statements>, others: Option<&'a Statements>| {
            let mut found = statements.map(|statements| statements.all_about(&place, names)).unwrap_or_default();
            found.retain(|found| !others.is_some_and(|others| others.replaces(found.document)));
            found
        };
        let of_beside =
            all_about(beside, given).into_iter().map(|found| Said { found, beside: position(beside, &found) });
        let of_given = all_about(given, beside).into_iter().map(|found| Said { found, beside: None });
        let mut said: Vec<Said<'a>> = of_beside.chain(of_given).collect();
        // Each of both has its order already, and what lies beside comes last, so that it goes before others of its moment.
        said.sort_by_key(|said| (said.found.level, Reverse(said.found.statement.time)));
        said
    }

    fn origin(&self, said: &Said<'_>) -> Option<Origin> {
        self.deciders.beside?.origins.get(said.beside?).cloned()
    }

    /// The components whose files hold it, the nearest first.
    fn containers_of(&self, index: ComponentIndex) -> Vec<&'a Component> {
        let (mut containers, mut seen) = (Vec::new(), BTreeSet::from([index]));
        let mut next = self.containers.get(&index);
        while let Some(container) = next.filter(|container| seen.insert(**container)) {
            containers.extend(at(self.inventory, *container));
            next = self.containers.get(container);
        }
        containers
    }

    pub(crate) fn exceptions(&self) -> Vec<ExceptionUse> {
        let (Some(exceptions), Some(now)) = (self.deciders.exceptions, self.deciders.now) else { return Vec::new() };
        let used = self.used.borrow();
        let state = |exception: &policy::Exception| match now.as_second() {
            now if now < exception.created => ExceptionState::NotBegun,
            now if now < exception.expires => ExceptionState::Current,
            _ => ExceptionState::Expired,
        };
        let entries = exceptions.entries().iter().enumerate();
        entries
            .map(|(place, exception)| ExceptionUse {
                id: exception.id.clone(),
                owner: exception.owner.clone(),
                expires: moment(exception.expires),
                state: state(exception),
                findings: used.exceptions.get(&place).copied().unwrap_or_default(),
            })
            .collect()
    }

    pub(crate) fn documents(&self) -> Vec<VexUse> {
        let (given, beside) = (self.deciders.statements, self.deciders.beside);
        let used = self.used.borrow();
        let of = |statements: Option<&'a Statements>, others: Option<&'a Statements>| {
            let documents =
                statements.into_iter().flat_map(|one| one.documents().iter().enumerate().zip(std::iter::repeat(one)));
            documents.map(move |((place, document), statements)| {
                let is_replaced = others.is_some_and(|others| others.replaces(document));
                (place, document, statements.counts(place) && !is_replaced)
            })
        };
        let statements_beside = beside.map(|beside| beside.statements);
        let of_given = of(given, statements_beside).map(|(place, document, counts)| (document, counts, None, place));
        let after_given = given.map_or(0, |given| given.documents().len());
        let of_beside = of(statements_beside, given).map(|(place, document, counts)| {
            let origin = beside.and_then(|beside| beside.origins.get(place));
            (document, counts, origin, place + after_given)
        });
        of_given
            .chain(of_beside)
            .map(|(document, counts, origin, place)| VexUse {
                document: document.id.clone(),
                author: document.author.clone(),
                format: document.format,
                statements: document.statements.len(),
                counts,
                findings: used.documents.get(&place).copied().unwrap_or_default(),
                beside: origin.cloned(),
                problems: document
                    .problems
                    .iter()
                    .map(|(problem, (count, example))| (problem.to_string(), *count, example.clone()))
                    .collect(),
            })
            .collect()
    }
}

/// Returns the place of a statement's document among all.
fn position(statements: Option<&Statements>, found: &Found<'_>) -> Option<usize> {
    let is_its = |document: &vex::Document| std::ptr::eq(document, found.document);
    statements.and_then(|statements| statements.documents().iter().position(is_its))
}

fn by_vex(found: &Found<'_>) -> Suppression {
    let word = VexWord::of(found, true, None);
    let said = match (&found.statement.status, word.justification) {
        (Status::Fixed, _) => "it is mended there".to_owned(),
        (_, Some(justification)) => justification.name().replace('_', " "),
        (_, None) => "it is not affected".to_owned(),
    };
    let why = match &word.text {
        Some(text) => format!("{said}: {text}"),
        None => said,
    };
    let who = match (word.author, word.document.as_str()) {
        (author, _) if !author.is_empty() => author,
        (_, "") => "an author without a name".to_owned(),
        (_, document) => format!("the document `{document}`"),
    };
    Suppression {
        by: Suppressor::Vex,
        who,
        why,
        reference: Some(word.document).filter(|document| !document.is_empty()),
        status: Some(word.status),
        justification: word.justification,
        expires: None,
    }
}

impl VexWord {
    fn of(found: &Found<'_>, holds: bool, beside: Option<Origin>) -> Self {
        let (justification, own) = match &found.statement.status {
            Status::NotAffected { justification, impact } => (*justification, impact.clone()),
            Status::Affected { action } => (None, action.clone()),
            Status::Fixed | Status::UnderInvestigation => (None, None),
        };
        Self {
            status: found.statement.status.name().to_owned(),
            author: found.document.author.clone(),
            document: found.document.id.clone(),
            justification,
            text: own.or_else(|| found.statement.text.clone()),
            time: found.statement.time.and_then(moment),
            holds,
            beside,
        }
    }
}
