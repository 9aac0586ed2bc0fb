//! Which statements may mean what there is: those alone concern whoever may know it.

use std::collections::HashSet;

use component::Component;

use crate::matching::{is_subject, is_subject_by_digest};
use crate::statements::{ANYTHING, Key, cpe_key, keys_of_component, keys_of_identity};
use crate::{Document, Identity, Statement, Subject, Target};

/// What there is in something, by all names under which statements may mean it.
#[derive(Debug)]
pub struct Present<'a> {
    subject: &'a Subject,
    names: HashSet<Key>,
}

impl<'a> Present<'a> {
    /// Takes something with its components.
    pub fn new(subject: &'a Subject, components: &[Component]) -> Self {
        let mut names = Vec::new();
        for component in components {
            keys_of_component(component, &mut names);
        }
        names.extend(subject.distribution_cpe.as_ref().map(cpe_key));
        Self { subject, names: names.into_iter().collect() }
    }

    /// Tells whether a target may mean something here. What is named as the image that this is not, never does; versions are not looked at.
    fn has_target(&self, target: &Target) -> bool {
        let is_exactly_subject = |identity: &Identity| is_subject_by_digest(identity, self.subject);
        // What lies around the image itself follows from its digest.
        let mut around = target.within.iter().take_while(|outer| !is_exactly_subject(outer));
        is_exactly_subject(&target.item) || self.has(&target.item) && around.all(|outer| self.has(outer))
    }

    fn has(&self, identity: &Identity) -> bool {
        let mut keys = Vec::new();
        keys_of_identity(identity, &mut keys);
        keys.iter().any(|key| *key == ANYTHING || self.names.contains(key))
            || identity.elements.iter().any(|element| self.subject.elements.contains_key(element))
            || is_subject(identity, self.subject)
    }
}

impl Document {
    /// Tells whether one of its statements can mean something of what there is.
    pub fn is_about(&self, present: &Present<'_>) -> bool {
        let mut targets = self.statements.iter().flat_map(|statement| &statement.targets);
        targets.any(|target| present.has_target(target))
    }

    /// Returns the document without those of its statements, and of what these are about, that can mean nothing of what there is.
    #[must_use]
    pub fn about(&self, present: &Present<'_>) -> Self {
        let about = |statement: &Statement| {
            let targets: Vec<Target> =
                statement.targets.iter().filter(|target| present.has_target(target)).cloned().collect();
            (!targets.is_empty()).then(|| Statement { targets, ..statement.clone() })
        };
        Self { statements: self.statements.iter().filter_map(about).collect(), ..self.clone() }
    }
}
