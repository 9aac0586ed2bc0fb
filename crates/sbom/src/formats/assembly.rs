use std::collections::{HashMap, HashSet};

use component::{
    Component, ComponentIndex, Distribution, Edge, Hash, HashAlgorithm, Inventory, Layer, Node, Purl, Relation,
    Subject, Unknown,
};

use super::lenient::{Lax, Many, Text};
use super::namespace::{self, HashAlgorithmName, HashSpelling};
use super::read::ReadError;
use super::repairs::{Place, RepairKind, Repairs};
use super::{Limits, foreign};

/// An inventory while a document is read: components in the document's order, edges by reference.
pub(super) struct Assembly<'l> {
    pub(super) limits: &'l Limits,
    pub(super) repairs: Repairs,
    pub(super) components: Vec<Component>,
    edges: Vec<(Target, usize, Relation)>,
    edges_seen: usize,
    references: HashMap<String, Target>,
    /// Filled when a reference is met that is none: the canonical purls and names that are one component's alone.
    loose: Option<HashMap<String, Option<usize>>>,
}

/// What a reference stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Target {
    Root,
    Distribution,
    Component(usize),
    /// Something that is known and no component: a file, a service, a snippet.
    Other,
}

/// What a document was made into.
pub(super) struct Assembled {
    pub(super) inventory: Inventory,
    pub(super) repairs: Repairs,
    /// What the document's references stand for, of those that stand for something in an inventory.
    pub(super) references: HashMap<String, Node>,
}

/// What is known of an inventory besides its components and edges.
pub(super) struct Frame {
    pub(super) subject: Subject,
    pub(super) distribution: Option<Distribution>,
    pub(super) layers: Vec<Layer>,
    pub(super) unknowns: Vec<Unknown>,
    pub(super) created: Option<String>,
    /// Whether the document is one of ours, in which what is not said is not so.
    pub(super) is_own: bool,
}

impl<'l> Assembly<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            repairs: Repairs::default(),
            components: Vec::new(),
            edges: Vec::new(),
            edges_seen: 0,
            references: HashMap::new(),
            loose: None,
        }
    }

    pub(super) fn repair(&mut self, place: &Place<'_>, kind: RepairKind, found: &str) {
        self.repairs.add(place, kind, found);
    }

    /// Returns the value of a member, reporting it when it is of the wrong type.
    pub(super) fn value<T>(&mut self, place: &Place<'_>, value: Lax<'_, T>) -> Option<T> {
        match value {
            Lax::Absent => None,
            Lax::Value(value) => Some(value),
            Lax::Wrong(raw) => {
                self.repair(place, RepairKind::WrongType, raw.get());
                None
            }
        }
    }

    /// Returns the items of a list with their places in it, reporting those that are of the wrong type.
    pub(super) fn items<'de, T, const MAX: usize>(
        &mut self,
        place: &Place<'_>,
        list: Lax<'de, Many<Lax<'de, T>, MAX>>,
    ) -> Vec<(usize, T)> {
        let Some(many) = self.value(place, list) else { return Vec::new() };
        if many.omitted > 0 {
            self.repair(place, RepairKind::TooManyItems, &many.omitted.to_string());
        }
        let items = many.items.into_iter().enumerate();
        items.filter_map(|(index, item)| Some((index, self.value(&place.item(index), item)?))).collect()
    }

    /// Returns a text that is not empty.
    pub(super) fn text(&mut self, place: &Place<'_>, value: Lax<'_, Text<'_>>) -> Option<String> {
        self.text_or_empty(place, value).filter(|text| !text.is_empty())
    }

    pub(super) fn text_or_empty(&mut self, place: &Place<'_>, value: Lax<'_, Text<'_>>) -> Option<String> {
        let Text { text, was_text } = self.value(place, value)?;
        if text.len() > self.limits.string_bytes {
            self.repair(place, RepairKind::TooLong, &text);
            return None;
        }
        if !was_text {
            self.repair(place, RepairKind::TakenAsText, &text);
        }
        Some(text.into_owned())
    }

    pub(super) fn purl(&mut self, place: &Place<'_>, text: &str) -> Option<Purl> {
        let purl = text.parse().ok();
        if purl.is_none() {
            self.repair(place, RepairKind::InvalidPurl, text);
        }
        purl
    }

    /// Fills in what a component's purl says.
    pub(super) fn complete(&mut self, place: &Place<'_>, component: &mut Component) {
        if let Some(stated) = foreign::complete_from_purl(component) {
            self.repair(place, RepairKind::OtherVersion, &stated);
        }
    }

    pub(super) fn hash(&mut self, place: &Place<'_>, algorithm: &str, hex: &str) -> Option<Hash> {
        let Some(algorithm) = HashAlgorithm::parse(algorithm) else {
            self.repair(place, RepairKind::NoPlace, algorithm);
            return None;
        };
        let hash = Hash { algorithm, hex: hex.to_ascii_lowercase() };
        if hash.is_well_formed() {
            return Some(hash);
        }
        self.repair(place, RepairKind::InvalidHash, hex);
        None
    }

    /// Sets what a property of our namespace says; those of others are left alone.
    pub(super) fn property(&mut self, place: &Place<'_>, component: &mut Component, name: &str, value: &str) {
        if name.starts_with(namespace::PREFIX) && namespace::apply(component, name, value).is_err() {
            self.repair(place, RepairKind::InvalidProperty, name);
        }
    }

    pub(super) fn add(&mut self, component: Component) -> Result<usize, ReadError> {
        if self.components.len() >= self.limits.components {
            return Err(ReadError::TooManyComponents { limit: self.limits.components });
        }
        self.components.push(component);
        Ok(self.components.len() - 1)
    }

    /// Names a target. The first to take a name keeps it.
    pub(super) fn name(&mut self, place: &Place<'_>, reference: String, target: Target) {
        match self.references.get(&reference) {
            None => {
                self.references.insert(reference, target);
            }
            // Documents list their subject once more among the components, under the same name.
            Some(earlier) if *earlier != target && *earlier != Target::Root => {
                self.repair(place, RepairKind::DuplicateReference, &reference);
            }
            Some(_) => {}
        }
    }

    /// Finds what a reference stands for; reports one that stands for nothing.
    pub(super) fn resolve(&mut self, place: &Place<'_>, reference: &str) -> Option<Target> {
        if let Some(target) = self.references.get(reference) {
            return Some(*target);
        }
        if let Some(index) = self.loosely(reference) {
            self.repair(place, RepairKind::LooseReference, reference);
            return Some(Target::Component(index));
        }
        let is_elsewhere = reference.starts_with("urn:cdx:") || reference.starts_with("DocumentRef-");
        let kind = if is_elsewhere { RepairKind::OtherDocument } else { RepairKind::DanglingReference };
        self.repair(place, kind, reference);
        None
    }

    /// Returns what a reference stands for without looking at purls and names, and without a report.
    pub(super) fn known(&self, reference: &str) -> Option<Target> {
        self.references.get(reference).copied()
    }

    fn loosely(&mut self, reference: &str) -> Option<usize> {
        let components = &self.components;
        let loose = self.loose.get_or_insert_with(|| {
            let mut loose: HashMap<String, Option<usize>> = HashMap::new();
            for (index, component) in components.iter().enumerate() {
                let purl = component.purl.as_ref().map(ToString::to_string);
                for key in purl.into_iter().chain([component.name.clone()]) {
                    loose.entry(key).and_modify(|known| *known = None).or_insert(Some(index));
                }
            }
            loose
        });
        let canonical = reference.parse::<Purl>().ok().map(|purl| purl.to_string());
        *loose.get(canonical.as_deref().unwrap_or(reference))?
    }

    /// Adds an edge between targets. What a document says of its operating system's contents is said of the subject.
    pub(super) fn edge(
        &mut self,
        place: &Place<'_>,
        from: Target,
        to: Target,
        relation: Relation,
    ) -> Result<(), ReadError> {
        self.edges_seen += 1;
        if self.edges_seen > self.limits.edges {
            return Err(ReadError::TooManyEdges { limit: self.limits.edges });
        }
        let Target::Component(to) = to else { return Ok(()) };
        match from {
            Target::Other | Target::Distribution => {}
            Target::Component(from) if from == to => self.repair(place, RepairKind::SelfReference, ""),
            Target::Component(_) | Target::Root => self.edges.push((from, to, relation)),
        }
        Ok(())
    }

    /// Sorts everything into the inventory's order.
    pub(super) fn finish(mut self, frame: Frame) -> Assembled {
        if !frame.is_own && !matches!(frame.subject, Subject::Document { .. }) {
            // Of what was looked at by a tool itself, no source package is one of the same name.
            for component in &mut self.components {
                component.source = component.other_source().cloned();
            }
        }
        let mut order: Vec<usize> = (0..self.components.len()).collect();
        order.sort_by(|left, right| self.components[*left].cmp(&self.components[*right]));

        let mut places = vec![0_usize; order.len()];
        let mut sorted: Vec<Component> = Vec::with_capacity(order.len());
        let mut components: Vec<Option<Component>> =
            std::mem::take(&mut self.components).into_iter().map(Some).collect();
        for old in order {
            let Some(component) = components[old].take() else { continue };
            if sorted.last() == Some(&component) {
                let place = Place::root("components");
                self.repairs.add(&place.item(old), RepairKind::DuplicateComponent, &component.name);
            } else {
                sorted.push(component);
            }
            places[old] = sorted.len() - 1;
        }

        let mut edges: Vec<Edge> = self
            .edges
            .iter()
            .filter_map(|(from, to, relation)| {
                let index = |old: usize| u32::try_from(places[old]).ok().map(ComponentIndex);
                let to = index(*to)?;
                let from = match from {
                    Target::Component(from) => Node::Component(index(*from)?),
                    _ => Node::Root,
                };
                (from != Node::Component(to)).then_some(Edge { from, to, relation: *relation })
            })
            .collect();
        edges.sort_unstable();
        edges.dedup();

        let distribution =
            frame.distribution.or_else(|| if frame.is_own { None } else { foreign::distribution(&sorted) });
        let inventory = Inventory {
            subject: frame.subject,
            distribution,
            layers: frame.layers,
            components: sorted,
            edges,
            unknowns: frame.unknowns,
            created: frame.created,
        };
        let node = |target: Target| match target {
            Target::Root => Some(Node::Root),
            Target::Component(old) => u32::try_from(places[old]).ok().map(|at| Node::Component(ComponentIndex(at))),
            Target::Distribution | Target::Other => None,
        };
        let references = self.references.into_iter().filter_map(|(name, target)| Some((name, node(target)?))).collect();
        Assembled { inventory, repairs: self.repairs, references }
    }
}

/// Removes the duplicates of a list and keeps its order.
pub(super) fn keep_first<T: Clone + Eq + std::hash::Hash>(list: &mut Vec<T>) {
    let mut seen = HashSet::new();
    list.retain(|item| seen.insert(item.clone()));
}
