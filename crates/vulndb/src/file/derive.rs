//! The parts of a file that follow from the others: what things are found by. They are made where a database is built and where one is
//! unpacked, and are not sent.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256};

use super::database::{AdvisoryHead, AdvisoryIndex, Vulnerability, VulnerabilityIndex};
use super::section::Section;
use super::table::TableWriter;
use super::write::TooLarge;
use crate::Ecosystem;
use crate::naming::{self, Names};

/// The bytes of what tells whether two databases say the same of a package: half a SHA-256.
pub(crate) const CONTENT_BYTES: usize = 16;

/// The bytes of an entry: the hash, the content and the place of the name.
pub(crate) const ENTRY_BYTES: usize = 8 + CONTENT_BYTES + 4;

/// All vulnerabilities, in order, with the advisories about each.
pub(super) struct Vulnerabilities<'a>(BTreeMap<&'a str, (u32, Vec<AdvisoryIndex>)>);

impl<'a> Vulnerabilities<'a> {
    /// Takes the names of the vulnerabilities that each advisory is about.
    pub(super) fn of(about: &'a [Vec<String>]) -> Result<Self, TooLarge> {
        let mut all: BTreeMap<&str, (u32, Vec<AdvisoryIndex>)> = BTreeMap::new();
        for (index, names) in about.iter().enumerate() {
            let index = u32::try_from(index).map_err(|_| TooLarge { section: Section::Advisories })?;
            for name in names {
                all.entry(name).or_default().1.push(AdvisoryIndex(index));
            }
        }
        for (index, (number, _)) in all.values_mut().enumerate() {
            *number = u32::try_from(index).map_err(|_| TooLarge { section: Section::Vulnerabilities })?;
        }
        Ok(Self(all))
    }

    /// Tells advisories the vulnerabilities that each is about.
    pub(super) fn tell(&self, heads: &mut [AdvisoryHead<'_>], about: &[Vec<String>]) {
        for (head, about) in heads.iter_mut().zip(about) {
            head.vulnerabilities = self.indices(about);
        }
    }

    fn indices(&self, names: &[String]) -> Vec<VulnerabilityIndex> {
        names.iter().filter_map(|name| self.0.get(name.as_str())).map(|(index, _)| VulnerabilityIndex(*index)).collect()
    }

    fn table(&self) -> Result<Vec<u8>, TooLarge> {
        let mut table = TableWriter::default();
        for (name, (_, advisories)) in &self.0 {
            table.push(Section::Vulnerabilities, &Vulnerability { name, advisories: advisories.clone() })?;
        }
        table.finish(Section::Vulnerabilities)
    }
}

/// Names the vulnerabilities that each advisory is about.
pub(super) fn about(heads: &[AdvisoryHead<'_>]) -> Vec<Vec<String>> {
    let names: Vec<Names<'_>> =
        heads.iter().map(|head| Names { id: head.id, aliases: &head.aliases, upstream: &head.upstream }).collect();
    naming::vulnerabilities(&names)
}

/// What is said of a package.
pub(super) struct Said<'a> {
    pub(super) ecosystem: u16,
    pub(super) name: &'a str,
    /// Whose statements they are.
    pub(super) advisories: Vec<u32>,
    /// The statements, as they are stored.
    pub(super) statements: &'a [u8],
}

/// What is stated, in the file's orders. Every index that occurs in it is one of another list's.
pub(super) struct Stated<'a> {
    pub(super) feeds: &'a [String],
    pub(super) ecosystems: &'a [Ecosystem],
    pub(super) heads: &'a [AdvisoryHead<'a>],
    pub(super) about: &'a [Vec<String>],
    pub(super) vulnerabilities: &'a Vulnerabilities<'a>,
    pub(super) packages: &'a [Said<'a>],
}

/// The sections that follow from what is stated.
pub(super) struct Derived {
    pub(super) packages: Vec<u8>,
    pub(super) vulnerabilities: Vec<u8>,
    pub(super) names: Vec<u8>,
}

impl Derived {
    pub(super) fn of(stated: &Stated<'_>) -> Result<Self, TooLarge> {
        Ok(Self {
            packages: directory(stated)?,
            vulnerabilities: stated.vulnerabilities.table()?,
            names: names(stated)?,
        })
    }
}

/// A vulnerability's name is of that alone, a record's of what the record is about, and any other of what records are about that call themselves so.
fn names(stated: &Stated<'_>) -> Result<Vec<u8>, TooLarge> {
    let mut all: BTreeMap<&str, Vec<VulnerabilityIndex>> = BTreeMap::new();
    let mut others: BTreeMap<&str, Vec<VulnerabilityIndex>> = BTreeMap::new();
    for (head, about) in stated.heads.iter().zip(stated.about) {
        let indices = stated.vulnerabilities.indices(about);
        if !naming::is_cve(head.id) {
            all.entry(head.id).or_default().extend(&indices);
        }
        let aliases = head.upstream.is_empty().then_some(&head.aliases).into_iter().flatten();
        for name in aliases.filter(|name| !naming::is_cve(name)) {
            others.entry(name).or_default().extend(&indices);
        }
        for (name, index) in about.iter().zip(indices) {
            all.entry(name).or_default().push(index);
        }
    }
    for (name, indices) in others {
        all.entry(name).or_insert(indices);
    }
    let mut table = TableWriter::default();
    for (name, mut indices) in all {
        indices.sort_unstable();
        indices.dedup();
        table.push(Section::Names, &(name, indices))?;
    }
    table.finish(Section::Names)
}

/// Count (u32), bits of a prefix (u32), for each prefix the first entry (u32) and once more the count; then the entries.
fn directory(stated: &Stated<'_>) -> Result<Vec<u8>, TooLarge> {
    let too_large = |_| TooLarge { section: Section::Packages };
    let mut meanings = Vec::with_capacity(stated.heads.len());
    for (head, about) in stated.heads.iter().zip(stated.about) {
        let feed = stated.feeds.get(usize::from(head.feed.0)).map_or("", String::as_str);
        let meaning = (feed, head.id, about, head.nature, head.withdrawn, &head.severities);
        meanings.push(postcard::to_stdvec(&meaning).map_err(|_| TooLarge { section: Section::Packages })?);
    }
    let mut entries = Vec::with_capacity(stated.packages.len());
    for (place, said) in stated.packages.iter().enumerate() {
        let place = u32::try_from(place).map_err(too_large)?;
        let mut content = Context::new(&SHA256);
        content.update(&u32::try_from(said.advisories.len()).map_err(too_large)?.to_le_bytes());
        for advisory in &said.advisories {
            let meaning = usize::try_from(*advisory).ok().and_then(|advisory| meanings.get(advisory));
            content.update(meaning.map_or(&[], Vec::as_slice));
        }
        content.update(said.statements);
        let ecosystem = stated.ecosystems.get(usize::from(said.ecosystem));
        let hash = ecosystem.map_or([0; 8], |ecosystem| package_hash(ecosystem, said.name));
        entries.push((hash, place, content.finish()));
    }
    entries.sort_unstable_by_key(|(hash, place, _)| (*hash, *place));
    let count = u32::try_from(entries.len()).map_err(too_large)?;
    let bits = prefix_bits(count);
    let mut starts = vec![0_u32; (1 << bits) + 1];
    for (hash, ..) in &entries {
        starts[prefix(u64::from_be_bytes(*hash), bits) + 1] += 1;
    }
    let mut bytes = [count.to_le_bytes(), bits.to_le_bytes()].concat();
    let mut sum = 0;
    for start in starts {
        sum += start;
        bytes.extend_from_slice(&sum.to_le_bytes());
    }
    for (hash, place, content) in &entries {
        bytes.extend_from_slice(hash);
        bytes.extend_from_slice(&content.as_ref()[..CONTENT_BYTES]);
        bytes.extend_from_slice(&place.to_le_bytes());
    }
    Ok(bytes)
}

/// Some eight entries have one prefix.
fn prefix_bits(count: u32) -> u32 {
    (count / 8).checked_ilog2().unwrap_or(0)
}

pub(crate) fn prefix(hash: u64, bits: u32) -> usize {
    hash.checked_shr(64 - bits).and_then(|prefix| usize::try_from(prefix).ok()).unwrap_or(0)
}

/// Returns what a package is found by, in every database: the beginning of a hash of its ecosystem and canonical name. Its bytes are in
/// the order of their number; two packages with the same are next to none.
pub fn package_hash(ecosystem: &Ecosystem, name: &str) -> [u8; 8] {
    let mut context = Context::new(&SHA256);
    context.update(ecosystem.family.as_str().as_bytes());
    context.update(b":");
    context.update(ecosystem.release.as_deref().unwrap_or_default().as_bytes());
    context.update(b"\n");
    context.update(name.as_bytes());
    let mut hash = [0; 8];
    hash.copy_from_slice(&context.finish().as_ref()[..8]);
    hash
}
