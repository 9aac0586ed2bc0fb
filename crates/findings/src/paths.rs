use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use component::{ComponentIndex, Edge, Inventory, Node, Relation};

/// How each component came in: which one the shortest path from the root has before it.
pub(crate) struct Paths {
    before: BTreeMap<ComponentIndex, Option<ComponentIndex>>,
}

impl Paths {
    pub(crate) fn of(inventory: &Inventory) -> Self {
        let mut edges: BTreeMap<Node, Vec<ComponentIndex>> = BTreeMap::new();
        for Edge { from, to, relation } in &inventory.edges {
            if matches!(relation, Relation::DependsOn(_) | Relation::Contains) {
                edges.entry(*from).or_default().push(*to);
            }
        }
        let mut before = BTreeMap::new();
        let mut queue = VecDeque::from([Node::Root]);
        while let Some(node) = queue.pop_front() {
            for to in edges.get(&node).into_iter().flatten() {
                let from = match node {
                    Node::Root => None,
                    Node::Component(index) => Some(index),
                };
                if let Entry::Vacant(entry) = before.entry(*to) {
                    entry.insert(from);
                    queue.push_back(Node::Component(*to));
                }
            }
        }
        Self { before }
    }

    /// Returns the components from the one that someone asked for down to this, which is the last. Empty, when nobody is known to
    /// have asked for it.
    pub(crate) fn to(&self, index: ComponentIndex) -> Vec<ComponentIndex> {
        let mut path = Vec::new();
        let mut next = self.before.contains_key(&index).then_some(index);
        while let Some(index) = next {
            path.push(index);
            next = self.before.get(&index).copied().flatten();
        }
        path.reverse();
        path
    }
}
