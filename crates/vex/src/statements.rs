use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use component::{Component, Purl};

use crate::matching::{digest_of, is_image, is_meant, is_source};
use crate::{Cpe, Document, Identity, Place, Statement, Subject, Target, Trust};

/// The statements of several documents, ready to be asked.
///
/// Of several that speak of a component the one holds whose author is trusted most; among those the newest; among those the last, in the order
/// of documents and statements. A document of which there is a newer version does not count.
#[derive(Debug, Clone)]
pub struct Statements {
    documents: Vec<Document>,
    levels: Vec<Option<usize>>,
    /// Document and statement, the one that goes before all others first.
    order: Vec<(u32, u32)>,
    /// The places of names, in upper case.
    vulnerabilities: HashMap<String, u32>,
    postings: HashMap<(u32, Key), Vec<Posting>>,
}

/// A statement that speaks of what was asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found<'a> {
    /// Who says it.
    pub document: &'a Document,
    /// What.
    pub statement: &'a Statement,
    /// By which name it is meant.
    pub target: &'a Target,
    /// How far the author is trusted; zero is most.
    pub level: usize,
}

/// The hash of a name under which something may be meant. What hashes alike costs time, not truth.
pub(crate) type Key = u64;

/// The key of names that may mean anything.
pub(crate) const ANYTHING: Key = 0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Posting {
    /// The place in [`Statements::order`].
    rank: u32,
    target: u32,
}

impl Statements {
    /// Makes documents ready to be asked. Their order decides between statements of one moment: the last holds.
    pub fn new(documents: Vec<Document>, trust: &Trust) -> Self {
        let mut levels: Vec<Option<usize>> = documents.iter().map(|document| trust.level(&document.author)).collect();
        for index in superseded(&documents) {
            levels[index] = None;
        }
        let mut order = Vec::new();
        for (index, document) in documents.iter().enumerate().filter(|(index, _)| levels[*index].is_some()) {
            order.extend((0..document.statements.len()).map(|statement| (short(index), short(statement))));
        }
        let statement =
            |(document, statement): (u32, u32)| &documents[document as usize].statements[statement as usize];
        order.sort_by_key(|at| {
            let time = statement(*at).time;
            (levels[at.0 as usize], std::cmp::Reverse((time, *at)))
        });
        let mut statements =
            Self { levels, order, vulnerabilities: HashMap::new(), postings: HashMap::new(), documents: Vec::new() };
        for rank in 0..statements.order.len() {
            statements.post(short(rank), statement(statements.order[rank]));
        }
        Self { documents, ..statements }
    }

    fn post(&mut self, rank: u32, statement: &Statement) {
        let mut vulnerabilities: Vec<u32> = Vec::new();
        for name in statement.vulnerability.names() {
            let next = short(self.vulnerabilities.len());
            vulnerabilities.push(*self.vulnerabilities.entry(canonical(name)).or_insert(next));
        }
        vulnerabilities.sort_unstable();
        vulnerabilities.dedup();
        let mut keys = Vec::new();
        for (target, one) in statement.targets.iter().enumerate() {
            keys.clear();
            keys_of_identity(&one.item, &mut keys);
            keys.sort_unstable();
            keys.dedup();
            for vulnerability in &vulnerabilities {
                for key in &keys {
                    let posting = Posting { rank, target: short(target) };
                    self.postings.entry((*vulnerability, *key)).or_default().push(posting);
                }
            }
        }
    }

    /// Returns the documents, in the order in which they were given.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// Tells whether the statements of the document at this place count: its author is trusted, and there is no newer version of it.
    pub fn counts(&self, document: usize) -> bool {
        self.levels.get(document).is_some_and(Option::is_some)
    }

    /// Tells whether there is a newer version of a document of others among these.
    pub fn replaces(&self, document: &Document) -> bool {
        let name = |document: &Document| (document.format, document.author.clone(), document.id.clone());
        let Some(version) = version_numbers(&document.version).filter(|_| !document.id.is_empty()) else {
            return false;
        };
        let namesakes = self.documents.iter().filter(|known| name(known) == name(document));
        namesakes.filter_map(|known| version_numbers(&known.version)).any(|known| known > version)
    }

    /// Tells whether there is any statement that counts.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Returns the statement that holds for a component and a vulnerability, by any of its names.
    pub fn about<N: AsRef<str>>(&self, place: &Place<'_>, vulnerability: &[N]) -> Option<Found<'_>> {
        self.search(place, vulnerability, |found, best| {
            if best.first().is_none_or(|best| found < *best) {
                best.clear();
                best.push(found);
            }
        })
        .first()
        .map(|posting| self.found(*posting))
    }

    /// Returns all statements about a component and a vulnerability, the one that holds first.
    pub fn all_about<N: AsRef<str>>(&self, place: &Place<'_>, vulnerability: &[N]) -> Vec<Found<'_>> {
        let mut all = self.search(place, vulnerability, |found, all| all.push(found));
        all.sort_unstable();
        all.dedup_by_key(|posting| posting.rank);
        all.into_iter().map(|posting| self.found(posting)).collect()
    }

    /// Finds what is meant; of each list, sorted by rank, `keep` takes what it wants.
    fn search<N: AsRef<str>>(
        &self,
        place: &Place<'_>,
        vulnerability: &[N],
        keep: impl Fn(Posting, &mut Vec<Posting>),
    ) -> Vec<Posting> {
        let mut kept = Vec::new();
        let known: Vec<u32> = vulnerability
            .iter()
            .filter_map(|name| self.vulnerabilities.get(&canonical(name.as_ref())).copied())
            .collect();
        if known.is_empty() {
            return kept;
        }
        let keys = keys_of_place(place);
        for vulnerability in known {
            for list in keys.iter().filter_map(|key| self.postings.get(&(vulnerability, *key))) {
                for posting in list.iter().filter(|posting| is_meant(self.target(**posting), place)) {
                    keep(*posting, &mut kept);
                }
            }
        }
        kept
    }

    fn found(&self, posting: Posting) -> Found<'_> {
        let (document, statement) = self.order[posting.rank as usize];
        let level = self.levels[document as usize].unwrap_or_default();
        let document = &self.documents[document as usize];
        Found { document, statement: &document.statements[statement as usize], target: self.target(posting), level }
    }

    fn target(&self, posting: Posting) -> &Target {
        let (document, statement) = self.order[posting.rank as usize];
        &self.documents[document as usize].statements[statement as usize].targets[posting.target as usize]
    }
}

/// Documents and statements are fewer than four thousand million: readers take fewer.
fn short(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Names of vulnerabilities are the same in any letter case.
fn canonical(name: &str) -> String {
    name.trim().to_ascii_uppercase()
}

/// Returns the places of documents that another one replaces: same format, author and name, a greater version.
fn superseded(documents: &[Document]) -> Vec<usize> {
    let mut newest: HashMap<(crate::Format, &str, &str), Vec<u64>> = HashMap::new();
    let named = || documents.iter().enumerate().filter(|(_, document)| !document.id.is_empty());
    for (_, document) in named() {
        if let Some(version) = version_numbers(&document.version) {
            let best = newest.entry((document.format, &document.author, &document.id)).or_default();
            *best = version.max(std::mem::take(best));
        }
    }
    let is_old = |document: &Document| {
        let best = newest.get(&(document.format, &*document.author, &*document.id));
        version_numbers(&document.version).zip(best).is_some_and(|(version, best)| version < *best)
    };
    named().filter(|(_, document)| is_old(document)).map(|(index, _)| index).collect()
}

/// `2` and `1.4.0` are numbers; nothing else is a version that can be compared.
fn version_numbers(version: &str) -> Option<Vec<u64>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

fn key(kind: &str, parts: &[&str]) -> Key {
    let mut hasher = DefaultHasher::new();
    (kind, parts).hash(&mut hasher);
    hasher.finish().max(ANYTHING + 1)
}

fn package_key(kind: &str, purl: &Purl, name: &str) -> Key {
    key(kind, &[purl.ty(), purl.namespace().unwrap_or_default(), name])
}

fn digest_key(purl: &Purl) -> Option<Key> {
    let digest = purl.version().filter(|version| version.contains(':'))?;
    Some(key("digest", &[&digest.to_ascii_lowercase()]))
}

fn image_key(purl: &Purl) -> Key {
    key("image", &[&purl.name().to_ascii_lowercase()])
}

pub(crate) fn cpe_key(cpe: &Cpe) -> Key {
    let (vendor, product) = cpe.vendor_and_product();
    if cpe.names_one_product() { key("cpe", &[vendor, product]) } else { ANYTHING }
}

pub(crate) fn keys_of_identity(identity: &Identity, keys: &mut Vec<Key>) {
    for package in &identity.packages {
        let purl = &package.purl;
        keys.push(if is_image(purl) {
            digest_key(purl).unwrap_or_else(|| image_key(purl))
        } else if is_source(purl) {
            package_key("source", purl, purl.name())
        } else if purl.ty() == "rpmmod" {
            key("module", &[purl.name()])
        } else {
            package_key("package", purl, purl.name())
        });
    }
    keys.extend(identity.cpes.iter().map(cpe_key));
    for hash in &identity.hashes {
        keys.push(key("hash", &[&hash.hex]));
        keys.extend(digest_of(hash.algorithm, &hash.hex).map(|digest| key("digest", &[&digest])));
    }
    keys.extend(identity.digests.iter().map(|digest| key("digest", &[digest])));
    keys.extend(identity.serials.iter().map(|serial| key("serial", &[serial])));
    keys.extend(identity.elements.iter().map(|element| key("serial", &[&element.serial])));
    keys.extend(identity.named.iter().map(|(name, _)| key("named", &[name])));
}

fn keys_of_place(place: &Place<'_>) -> Vec<Key> {
    let mut keys = vec![ANYTHING];
    keys_of_component(place.component, &mut keys);
    for container in place.containers {
        keys_of_component(container, &mut keys);
    }
    keys_of_subject(place.subject, &mut keys);
    keys.sort_unstable();
    keys.dedup();
    keys
}

pub(crate) fn keys_of_component(component: &Component, keys: &mut Vec<Key>) {
    if let Some(purl) = &component.purl {
        let source = component.source.as_ref().map_or(purl.name(), |source| &source.name);
        keys.extend([package_key("package", purl, purl.name()), package_key("source", purl, source)]);
    }
    if let Some((name, _)) = component.module.as_deref().and_then(|module| module.split_once(':')) {
        keys.push(key("module", &[name]));
    }
    keys.extend(component.cpes.iter().filter_map(|cpe| Cpe::parse(cpe).ok()).map(|cpe| cpe_key(&cpe)));
    keys.extend(component.hashes.iter().map(|hash| key("hash", &[&hash.hex])));
}

fn keys_of_subject(subject: &Subject, keys: &mut Vec<Key>) {
    keys.push(key("named", &[&subject.name]));
    keys.extend(subject.images.iter().map(|image| key("image", &[image.last_segment()])));
    keys.extend(subject.digests.iter().map(|digest| key("digest", &[digest])));
    keys.extend(subject.serials.iter().map(|serial| key("serial", &[serial])));
    for purl in &subject.purls {
        if is_image(purl) {
            keys.push(image_key(purl));
            keys.extend(digest_key(purl));
        } else {
            keys.push(package_key("package", purl, purl.name()));
        }
    }
    keys.extend(subject.distribution_cpe.as_ref().map(cpe_key));
}
