use std::collections::HashMap;
use std::sync::Arc;

use component::{Purl, Vers};

use super::rules::Rule;
use super::stated::{Branch, FullProductName, Helper, ProductTree, References};
use crate::problem::count;
use crate::readers::{DEPTH_MAX, NAMES_MAX, TARGETS_MAX};
use crate::{Cpe, Identity, Package, Problem, Problems, Refusal, Target, wording};

/// The products of a document.
pub(super) struct Tree {
    /// None for a product that nothing which can be compared names.
    products: HashMap<String, Option<Target>>,
    groups: HashMap<String, Vec<String>>,
}

/// A product that is made of others: a component, then what it is in, from the inside out.
struct Combination<'a> {
    name: &'a FullProductName,
    parts: Vec<&'a str>,
}

/// What stands above a product in the branches.
#[derive(Clone, Copy, Default)]
struct Above<'a> {
    depth: usize,
    versions: Option<Versions<'a>>,
}

/// Which versions a branch is about.
#[derive(Clone, Copy)]
enum Versions<'a> {
    /// `product_version`: one, by its name.
    One(&'a str),
    /// `product_version_range`.
    Range(&'a str),
}

enum State {
    Begun,
    Done(Option<Target>),
}

struct Builder<'a, 'b> {
    simple: HashMap<&'a str, Arc<Identity>>,
    combinations: HashMap<&'a str, Combination<'a>>,
    problems: &'b mut Problems,
}

impl Tree {
    pub(super) fn read(stated: &ProductTree, problems: &mut Problems) -> Result<Self, Refusal> {
        let mut builder = Builder { simple: HashMap::new(), combinations: HashMap::new(), problems };
        for branch in &stated.branches {
            builder.branch(branch, Above::default())?;
        }
        for name in &stated.full_product_names {
            builder.simple(name, None)?;
        }
        for one in &stated.relationships {
            let parts = vec![&*one.product_reference, &*one.relates_to_product_reference];
            builder.combination(Combination { name: &one.full_product_name, parts })?;
        }
        for one in &stated.product_paths {
            let next = one.subpaths.iter().map(|subpath| &*subpath.next_product_reference);
            let parts = std::iter::once(&*one.beginning_product_reference).chain(next).collect();
            builder.combination(Combination { name: &one.full_product_name, parts })?;
        }
        let products = builder.finish()?;
        let mut tree = Self { products, groups: HashMap::new() };
        for group in &stated.product_groups {
            for product in &group.product_ids {
                tree.check_product(product)?;
            }
            if tree.groups.insert(group.group_id.clone(), group.product_ids.clone()).is_some() {
                return Err(Rule::GroupOnce.broken(&group.group_id));
            }
        }
        Ok(tree)
    }

    /// Returns what a product is; none for one that cannot be compared.
    pub(super) fn target(&self, product: &str) -> Option<&Target> {
        self.products.get(product)?.as_ref()
    }

    /// Returns the products that are named, by themselves or in groups; some perhaps twice.
    pub(super) fn products<'b>(&'b self, references: &'b References) -> impl Iterator<Item = &'b str> {
        let in_groups = references.group_ids.iter().filter_map(|group| self.groups.get(group)).flatten();
        references.product_ids.iter().chain(in_groups).map(|product| &**product)
    }

    pub(super) fn check(&self, references: &References) -> Result<(), Refusal> {
        for product in &references.product_ids {
            self.check_product(product)?;
        }
        match references.group_ids.iter().find(|group| !self.groups.contains_key(*group)) {
            Some(group) => Err(Rule::GroupDefined.broken(group)),
            None => Ok(()),
        }
    }

    pub(super) fn check_product(&self, product: &str) -> Result<(), Refusal> {
        if self.products.contains_key(product) { Ok(()) } else { Err(Rule::ProductDefined.broken(product)) }
    }
}

impl<'a> Builder<'a, '_> {
    fn branch(&mut self, branch: &'a Branch, above: Above<'a>) -> Result<(), Refusal> {
        let mut above = Above { depth: above.depth + 1, ..above };
        if above.depth > DEPTH_MAX {
            return Err(Rule::Depth.broken(&branch.name));
        }
        match branch.category.as_str() {
            "product_version_range" => above.versions = Some(Versions::Range(&branch.name)),
            "product_version" if is_range(&branch.name) => return Err(Rule::RangeInVersion.broken(&branch.name)),
            "product_version" => above.versions = Some(Versions::One(&branch.name)),
            _ => {}
        }
        if let Some(product) = &branch.product {
            self.simple(product, above.versions)?;
        }
        branch.branches.iter().try_for_each(|inner| self.branch(inner, above))
    }

    fn simple(&mut self, name: &'a FullProductName, versions: Option<Versions<'_>>) -> Result<(), Refusal> {
        let identity = self.identity(name, versions);
        // Red Hat lists some products twice, word for word; then there is no question which is meant.
        if self.simple.get(&*name.product_id).is_some_and(|before| **before == identity) {
            return Ok(());
        }
        self.check_new(&name.product_id)?;
        self.simple.insert(&name.product_id, Arc::new(identity));
        Ok(())
    }

    fn combination(&mut self, combination: Combination<'a>) -> Result<(), Refusal> {
        let before = self.combinations.get(&*combination.name.product_id);
        if before.is_some_and(|before| before.parts == combination.parts && before.name == combination.name) {
            return Ok(());
        }
        self.check_new(&combination.name.product_id)?;
        self.combinations.insert(&combination.name.product_id, combination);
        Ok(())
    }

    fn check_new(&self, product: &str) -> Result<(), Refusal> {
        if self.simple.contains_key(product) || self.combinations.contains_key(product) {
            return Err(Rule::ProductOnce.broken(product));
        }
        if self.simple.len() + self.combinations.len() >= TARGETS_MAX {
            return Err(Refusal::TooMany { what: "products", limit: TARGETS_MAX });
        }
        Ok(())
    }

    fn finish(mut self) -> Result<HashMap<String, Option<Target>>, Refusal> {
        let mut states: HashMap<&str, State> = HashMap::new();
        for (product, identity) in &self.simple {
            let target = Target { item: Arc::clone(identity), within: Vec::new() };
            states.insert(product, State::Done(Some(target)));
        }
        let mut products: Vec<&str> = self.combinations.keys().copied().collect();
        products.sort_unstable();
        for product in products {
            self.resolve(product, &mut states, 0)?;
        }
        let is_comparable =
            |target: &Target| target.item.is_comparable() && target.within.iter().all(|outer| outer.is_comparable());
        let finished = states.into_iter().map(|(product, state)| match state {
            State::Begun => (product.to_owned(), None),
            State::Done(target) => (product.to_owned(), target.filter(is_comparable)),
        });
        Ok(finished.collect())
    }

    fn resolve(&mut self, product: &'a str, states: &mut HashMap<&'a str, State>, depth: usize) -> Result<(), Refusal> {
        match states.get(product) {
            Some(State::Done(_)) => return Ok(()),
            Some(State::Begun) => return Err(Rule::NotCircular.broken(product)),
            None => {}
        }
        if depth > DEPTH_MAX {
            return Err(Refusal::TooMany { what: "products in products", limit: DEPTH_MAX });
        }
        let Some(combination) = self.combinations.get(product) else {
            return Err(Rule::ProductDefined.broken(product));
        };
        let (name, parts) = (combination.name, combination.parts.clone());
        states.insert(product, State::Begun);
        let mut combined: Option<Target> = None;
        for part in parts {
            self.resolve(part, states, depth + 1)?;
            let Some(State::Done(Some(target))) = states.get(part) else { continue };
            match &mut combined {
                None => combined = Some(target.clone()),
                Some(combined) => {
                    combined.within.push(Arc::clone(&target.item));
                    combined.within.extend(target.within.iter().map(Arc::clone));
                    if combined.within.len() > DEPTH_MAX {
                        return Err(Refusal::TooMany { what: "products in products", limit: DEPTH_MAX });
                    }
                }
            }
        }
        // A name of the whole names the component in it.
        let own = self.identity(name, None);
        if let Some(combined) = &mut combined
            && own.is_comparable()
        {
            let mut item = own;
            item.packages.extend(combined.item.packages.iter().cloned());
            item.cpes.extend(combined.item.cpes.iter().cloned());
            item.hashes.extend(combined.item.hashes.iter().cloned());
            combined.item = Arc::new(item);
        }
        states.insert(product, State::Done(combined));
        Ok(())
    }

    fn identity(&mut self, name: &FullProductName, versions: Option<Versions<'_>>) -> Identity {
        let Helper { cpe, purl, purls, hashes } = &name.product_identification_helper;
        let mut identity = Identity { label: wording::shown(&name.name), ..Identity::default() };
        if let Some(text) = cpe {
            match Cpe::parse(text) {
                Ok(cpe) => identity.cpes.push(cpe),
                Err(_) => count(self.problems, Problem::Cpe, text),
            }
        }
        for text in purl.iter().chain(purls).take(NAMES_MAX) {
            identity.packages.extend(self.package(text, versions));
        }
        let hashes = hashes.iter().flat_map(|file| &file.file_hashes);
        for stated in hashes.take(NAMES_MAX) {
            match wording::hash(&stated.algorithm, &stated.value) {
                Some(hash) => identity.hashes.push(hash),
                None => count(self.problems, Problem::Hash, &stated.algorithm),
            }
        }
        identity
    }

    /// A purl that has no version stands for that of the branch, or for those of its range. A range that is not understood leaves nobody knowing which.
    fn package(&mut self, text: &str, versions: Option<Versions<'_>>) -> Option<Package> {
        let Ok(purl) = text.trim().parse::<Purl>() else {
            count(self.problems, Problem::Purl, text);
            return None;
        };
        let range = match versions.filter(|_| purl.version().is_none()) {
            None | Some(Versions::Range("vers:all/*")) => return Some(Package { purl, range: None }),
            Some(Versions::One(name)) => {
                let versioned = is_version(name, &purl).then(|| purl.with_version(name).ok()).flatten();
                return Some(Package { purl: versioned.unwrap_or(purl), range: None });
            }
            Some(Versions::Range(range)) => range,
        };
        if let Ok(vers) = Vers::parse(range) {
            return Some(Package { purl, range: Some(vers) });
        }
        count(self.problems, Problem::Range, range);
        None
    }
}

/// Tells whether the name of a branch is a version of the package. Publishers write names of packages there too, as `kernel` and `389-ds:1.4/389-ds-base`,
/// and mean every version that their own branch holds.
fn is_version(name: &str, purl: &Purl) -> bool {
    let rest = name.strip_prefix('v').unwrap_or(name);
    let behind = rest.trim_start_matches(|character: char| character.is_ascii_digit());
    let is_numbered =
        behind.len() < rest.len() && (behind.is_empty() || behind.starts_with(['.', ':', '-', '+', '~', '_', '^']));
    let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-+~_^".contains(&byte));
    is_numbered && is_word && !name.to_ascii_lowercase().contains(&purl.name().to_ascii_lowercase())
}

/// CSAF 6.1.31, which says that these signs and words suffice.
fn is_range(name: &str) -> bool {
    const WORDS: [&str; 7] = ["after", "all", "before", "earlier", "later", "prior", "versions"];
    let name = name.to_lowercase();
    name.contains(['<', '>']) || name.split_whitespace().any(|word| WORDS.contains(&word))
}
