use std::collections::BTreeMap;
use std::mem;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::bytes::BLOCK_BYTES;
use super::database::{
    AdvisoryHead, AdvisoryIndex, PackageName, Statement, Text, TextPlace, Vulnerability, VulnerabilityIndex,
};
use super::header::{FIRST_SECTION, HEADER_BYTES, Header};
use super::section::Section;
use super::table::TableWriter;
use crate::naming::{self, Names};
use crate::{Advisory, Affected, Ecosystem, Exploited, Probability, Records, Time};

/// How much text is packed together: enough for what the texts of one publisher have in common, and little to unpack for one.
pub(crate) const TEXT_BLOCK_BYTES: usize = 128 << 10;

/// Texts are packed once and read for years.
const TEXT_LEVEL: i32 = 15;

/// The bytes of one score: year (u16), number (u32), probability and percentile (each three bytes, in parts of 100,000).
pub(crate) const SCORE_BYTES: usize = 12;

/// FIRST states probabilities with five digits.
pub(crate) const SCORE_PARTS: f32 = 100_000.0;

/// The most feeds of one database; publishers are a few dozen.
const FEEDS_MAX: usize = 1000;

/// More was added than a file has room for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is more in the section of {} than a database holds", section.as_str())]
pub struct TooLarge {
    /// Where.
    pub section: Section,
}

/// Where records came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Feed {
    /// Its name, one in a database: `github`, `debian-tracker`.
    pub name: String,
    /// The name of the reader that understood it.
    pub reader: String,
    /// Whence it was fetched.
    pub address: String,
    /// How old it is: when the newest of its records was made or changed, else when its publisher last changed its documents.
    pub fetched: Option<Time>,
    /// How many advisories it has.
    pub advisories: u64,
    /// What of it was not taken, in words: how often, and one example.
    pub problems: Vec<(String, u64, String)>,
}

impl Feed {
    /// Returns whether it speaks of packages, and not only of how severe vulnerabilities are, or how likely to be exploited, wherever they are.
    pub fn is_of_packages(&self) -> bool {
        !matches!(self.reader.as_str(), "epss" | "kev" | "osv-severities")
    }
}

/// A score as it is stored: probability and percentile in parts of 100,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScoreRow {
    pub(crate) year: u16,
    pub(crate) number: u32,
    pub(crate) probability: u32,
    pub(crate) percentile: u32,
}

/// The place of a feed in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FeedIndex(pub u16);

/// Makes a database.
#[derive(Default)]
pub struct Builder {
    feeds: Vec<(Feed, Vec<Advisory>)>,
    scores: BTreeMap<(u16, u32), (u32, u32)>,
    exploited: BTreeMap<String, Exploited>,
}

impl Builder {
    /// Makes one without anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds all records of a feed; [`Feed::advisories`] and [`Feed::problems`] are counted here. A feed of the same name is
    /// replaced.
    pub fn add(&mut self, mut feed: Feed, records: Records) {
        let Records { mut advisories, probabilities, exploited, problems, stated: _ } = records;
        for advisory in &mut advisories {
            advisory.affected.sort_unstable();
            advisory.affected.dedup();
        }
        advisories.sort_unstable();
        advisories.dedup();
        feed.advisories = advisories.len() as u64;
        feed.problems =
            problems.into_iter().map(|(problem, (count, example))| (problem.to_string(), count, example)).collect();
        self.keep(feed, advisories);
        self.keep_scores(probabilities, exploited);
    }

    /// Adds what a database has of a feed, as it is there: [`Database::feeds_with_advisories`](super::Database::feeds_with_advisories).
    pub fn keep(&mut self, feed: Feed, advisories: Vec<Advisory>) {
        self.feeds.retain(|(known, _)| known.name != feed.name);
        self.feeds.push((feed, advisories));
    }

    /// Adds what a database has of the vulnerabilities' exploitation.
    pub fn keep_scores(&mut self, probabilities: Vec<Probability>, exploited: Vec<Exploited>) {
        for Probability { id, probability, percentile } in probabilities {
            if let Some(key) = naming::cve_number(&id) {
                self.scores.insert(key, (parts(probability), parts(percentile)));
            }
        }
        for entry in exploited {
            self.exploited.insert(entry.id.to_ascii_uppercase(), entry);
        }
    }

    /// Returns whether anything was added that speaks of packages.
    pub fn has_packages(&self) -> bool {
        self.feeds.iter().flat_map(|(_, advisories)| advisories).any(|advisory| !advisory.affected.is_empty())
    }

    /// Adds scores as they are stored.
    pub(crate) fn keep_score_rows(&mut self, rows: Vec<ScoreRow>) {
        let rows = rows.into_iter().map(|row| ((row.year, row.number), (row.probability, row.percentile)));
        self.scores.extend(rows);
    }

    /// Returns the file's bytes.
    pub fn finish(self) -> Result<Vec<u8>, TooLarge> {
        let Self { mut feeds, scores, exploited } = self;
        if feeds.len() > FEEDS_MAX {
            return Err(TooLarge { section: Section::Feeds });
        }
        feeds.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        let mut sections: [Vec<u8>; Section::ALL.len()] = Default::default();
        let mut place = |section: Section, bytes: Vec<u8>| sections[section as usize] = bytes;

        let mut feed_table = TableWriter::default();
        let mut advisories: Vec<(FeedIndex, Advisory)> = Vec::new();
        let mut feed_names = Vec::new();
        for (index, (feed, records)) in feeds.into_iter().enumerate() {
            let index = FeedIndex(u16::try_from(index).map_err(|_| TooLarge { section: Section::Feeds })?);
            feed_table.push(Section::Feeds, &feed)?;
            feed_names.push(feed.name);
            advisories.extend(records.into_iter().map(|advisory| (index, advisory)));
        }
        place(Section::Feeds, feed_table.finish(Section::Feeds)?);

        let about = {
            let names: Vec<Names<'_>> = advisories
                .iter()
                .map(|(_, advisory)| Names {
                    id: &advisory.id,
                    aliases: &advisory.aliases,
                    upstream: &advisory.upstream,
                })
                .collect();
            naming::vulnerabilities(&names)
        };
        let vulnerabilities = Vulnerabilities::of(&about)?;
        place(Section::Vulnerabilities, vulnerabilities.table()?);
        place(Section::Names, names(&advisories, &about, &vulnerabilities)?);
        let (texts, places) = texts(&mut advisories)?;
        place(Section::Texts, texts);
        place(Section::Advisories, heads(&advisories, &about, &vulnerabilities, &places)?);

        let packages = Packages::of(&advisories, &about, &feed_names)?;
        place(Section::Ecosystems, packages.ecosystems()?);
        place(Section::Packages, packages.directory()?);
        place(Section::PackageNames, packages.names()?);
        place(Section::Statements, packages.statements()?);
        place(Section::Scores, score_rows(&scores));
        let mut exploited_table = TableWriter::default();
        for entry in exploited.values() {
            exploited_table.push(Section::Exploited, entry)?;
        }
        place(Section::Exploited, exploited_table.finish(Section::Exploited)?);
        Ok(assemble(sections))
    }
}

/// Puts the sections behind a header, and the sums behind all.
fn assemble(sections: [Vec<u8>; Section::ALL.len()]) -> Vec<u8> {
    let mut ranges = [const { 0..0 }; Section::ALL.len()];
    // The header has a block of its own, and a sum of its own.
    let mut file = vec![0; FIRST_SECTION];
    let mut sums_crc = 0;
    for (at, (section, mut bytes)) in Section::ALL.into_iter().zip(sections).enumerate() {
        file.resize(file.len().next_multiple_of(8), 0);
        if section == Section::Sums {
            let blocks = file.chunks(usize::try_from(BLOCK_BYTES).unwrap_or(usize::MAX));
            bytes = blocks.flat_map(|block| crc32fast::hash(block).to_le_bytes()).collect();
            sums_crc = crc32fast::hash(&bytes);
        }
        let start = file.len() as u64;
        file.append(&mut bytes);
        ranges[at] = start..file.len() as u64;
    }
    let header = Header { sums_crc, length: file.len() as u64, sections: ranges };
    file[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
    file
}

/// All vulnerabilities, in order, with the advisories about each.
struct Vulnerabilities<'a>(BTreeMap<&'a str, (u32, Vec<AdvisoryIndex>)>);

impl<'a> Vulnerabilities<'a> {
    fn of(about: &'a [Vec<String>]) -> Result<Self, TooLarge> {
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

fn names(
    advisories: &[(FeedIndex, Advisory)],
    about: &[Vec<String>],
    vulnerabilities: &Vulnerabilities<'_>,
) -> Result<Vec<u8>, TooLarge> {
    let mut all: BTreeMap<&str, Vec<VulnerabilityIndex>> = BTreeMap::new();
    for ((_, advisory), about) in advisories.iter().zip(about) {
        let indices = vulnerabilities.indices(about);
        let own = std::iter::once(&advisory.id)
            .chain(advisory.upstream.is_empty().then_some(&advisory.aliases).into_iter().flatten());
        for name in own {
            all.entry(name).or_default().extend(&indices);
        }
        for (name, index) in about.iter().zip(indices) {
            all.entry(name).or_default().push(index);
        }
    }
    let mut table = TableWriter::default();
    for (name, mut indices) in all {
        indices.sort_unstable();
        indices.dedup();
        table.push(Section::Names, &(name, indices))?;
    }
    table.finish(Section::Names)
}

/// Packs the texts of all advisories, which lose them, and says where each is.
fn texts(advisories: &mut [(FeedIndex, Advisory)]) -> Result<(Vec<u8>, Vec<TextPlace>), TooLarge> {
    let too_large = |_| TooLarge { section: Section::Texts };
    let mut table = TableWriter::default();
    let mut places = Vec::with_capacity(advisories.len());
    let (mut block, mut number) = (Vec::new(), 0_u32);
    let mut pack = |block: &mut Vec<u8>| {
        let length = u32::try_from(block.len()).map_err(too_large)?;
        let packed = zstd::bulk::compress(block, TEXT_LEVEL).map_err(|_| TooLarge { section: Section::Texts })?;
        table.push_bytes(Section::Texts, &[&length.to_le_bytes(), packed.as_slice()].concat())?;
        block.clear();
        Ok(())
    };
    for (_, advisory) in advisories {
        let text = Text {
            summary: mem::take(&mut advisory.summary),
            details: mem::take(&mut advisory.details),
            references: mem::take(&mut advisory.references),
        };
        let start = block.len();
        block = postcard::to_extend(&text, block).map_err(|_| TooLarge { section: Section::Texts })?;
        places.push(TextPlace {
            block: number,
            start: u32::try_from(start).map_err(too_large)?,
            length: u32::try_from(block.len() - start).map_err(too_large)?,
        });
        if block.len() >= TEXT_BLOCK_BYTES {
            pack(&mut block)?;
            number += 1;
        }
    }
    if !block.is_empty() {
        pack(&mut block)?;
    }
    Ok((table.finish(Section::Texts)?, places))
}

fn heads(
    advisories: &[(FeedIndex, Advisory)],
    about: &[Vec<String>],
    vulnerabilities: &Vulnerabilities<'_>,
    places: &[TextPlace],
) -> Result<Vec<u8>, TooLarge> {
    let mut table = TableWriter::default();
    for (((feed, advisory), about), text) in advisories.iter().zip(about).zip(places) {
        let head = AdvisoryHead {
            feed: *feed,
            id: &advisory.id,
            aliases: advisory.aliases.iter().map(String::as_str).collect(),
            upstream: advisory.upstream.iter().map(String::as_str).collect(),
            nature: advisory.nature,
            published: advisory.published,
            modified: advisory.modified,
            withdrawn: advisory.withdrawn,
            severities: advisory.severities.clone(),
            weaknesses: advisory.weaknesses.clone(),
            vulnerabilities: vulnerabilities.indices(about),
            text: *text,
        };
        table.push(Section::Advisories, &head)?;
    }
    table.finish(Section::Advisories)
}

/// What is said of each package, by the hash of its ecosystem and name.
struct Packages<'a> {
    ecosystems: Vec<&'a Ecosystem>,
    entries: BTreeMap<([u8; 8], u16, &'a str), Entry>,
}

#[derive(Default)]
struct Entry {
    statements: Vec<u8>,
    content: Option<Context>,
}

impl<'a> Packages<'a> {
    fn of(
        advisories: &'a [(FeedIndex, Advisory)],
        about: &[Vec<String>],
        feed_names: &[String],
    ) -> Result<Self, TooLarge> {
        let too_large = |_| TooLarge { section: Section::Statements };
        let mut ecosystems: Vec<&Ecosystem> = advisories
            .iter()
            .flat_map(|(_, advisory)| &advisory.affected)
            .map(|affected| &affected.ecosystem)
            .collect();
        ecosystems.sort_unstable();
        ecosystems.dedup();
        let mut entries: BTreeMap<([u8; 8], u16, &str), Entry> = BTreeMap::new();
        for (index, ((feed, advisory), about)) in advisories.iter().zip(about).enumerate() {
            let index = AdvisoryIndex(u32::try_from(index).map_err(too_large)?);
            let feed = feed_names.get(usize::from(feed.0)).map_or("", String::as_str);
            let meaning = postcard::to_stdvec(&(
                feed,
                &advisory.id,
                about,
                advisory.nature,
                advisory.withdrawn,
                &advisory.severities,
            ))
            .map_err(|_| TooLarge { section: Section::Statements })?;
            for affected in &advisory.affected {
                let ecosystem = ecosystems.binary_search(&&affected.ecosystem).unwrap_or_default();
                let ecosystem = u16::try_from(ecosystem).map_err(|_| TooLarge { section: Section::Ecosystems })?;
                let hash = package_hash(&affected.ecosystem, &affected.package);
                let entry = entries.entry((hash, ecosystem, &affected.package)).or_default();
                let content = entry.content.get_or_insert_with(|| Context::new(&SHA256));
                content.update(&meaning);
                let nameless = encode(&statement(AdvisoryIndex(0), affected), Vec::new())?;
                content.update(&nameless);
                entry.statements = encode(&statement(index, affected), mem::take(&mut entry.statements))?;
            }
        }
        Ok(Self { ecosystems, entries })
    }

    fn ecosystems(&self) -> Result<Vec<u8>, TooLarge> {
        let mut table = TableWriter::default();
        for ecosystem in &self.ecosystems {
            table.push(Section::Ecosystems, ecosystem)?;
        }
        table.finish(Section::Ecosystems)
    }

    /// Count (u32), bits of a prefix (u32), for each prefix the first entry (u32) and once more the count; then the entries.
    fn directory(&self) -> Result<Vec<u8>, TooLarge> {
        let count = u32::try_from(self.entries.len()).map_err(|_| TooLarge { section: Section::Packages })?;
        let bits = prefix_bits(count);
        let mut starts = vec![0_u32; (1 << bits) + 1];
        for (hash, ..) in self.entries.keys() {
            starts[prefix(u64::from_be_bytes(*hash), bits) + 1] += 1;
        }
        let mut bytes = [count.to_le_bytes(), bits.to_le_bytes()].concat();
        let mut sum = 0;
        for start in starts {
            sum += start;
            bytes.extend_from_slice(&sum.to_le_bytes());
        }
        for ((hash, ..), entry) in &self.entries {
            bytes.extend_from_slice(hash);
            let content = entry.content.clone().unwrap_or_else(|| Context::new(&SHA256)).finish();
            bytes.extend_from_slice(&content.as_ref()[..CONTENT_BYTES]);
        }
        Ok(bytes)
    }

    fn names(&self) -> Result<Vec<u8>, TooLarge> {
        let mut table = TableWriter::default();
        for (_, ecosystem, name) in self.entries.keys() {
            table.push(Section::PackageNames, &PackageName { ecosystem: *ecosystem, name })?;
        }
        table.finish(Section::PackageNames)
    }

    fn statements(&self) -> Result<Vec<u8>, TooLarge> {
        let mut table = TableWriter::default();
        for entry in self.entries.values() {
            table.push_bytes(Section::Statements, &entry.statements)?;
        }
        table.finish(Section::Statements)
    }
}

/// The bytes of what tells whether two databases say the same of a package: half a SHA-256.
pub(crate) const CONTENT_BYTES: usize = 16;

/// The bytes of an entry: the hash and the content.
pub(crate) const ENTRY_BYTES: usize = 8 + CONTENT_BYTES;

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

fn encode(statement: &Statement<'_>, to: Vec<u8>) -> Result<Vec<u8>, TooLarge> {
    postcard::to_extend(statement, to).map_err(|_| TooLarge { section: Section::Statements })
}

fn statement(advisory: AdvisoryIndex, affected: &Affected) -> Statement<'_> {
    Statement {
        advisory,
        named: affected.named,
        verdict: affected.verdict,
        intervals: affected.intervals.iter().map(|interval| interval.map(String::as_str)).collect(),
        versions: affected.versions.iter().map(String::as_str).collect(),
        qualifiers: affected.qualifiers.clone(),
        severities: affected.severities.clone(),
    }
}

fn score_rows(scores: &BTreeMap<(u16, u32), (u32, u32)>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(scores.len() * SCORE_BYTES);
    for ((year, number), (probability, percentile)) in scores {
        bytes.extend_from_slice(&year.to_le_bytes());
        bytes.extend_from_slice(&number.to_le_bytes());
        bytes.extend_from_slice(&probability.to_le_bytes()[..3]);
        bytes.extend_from_slice(&percentile.to_le_bytes()[..3]);
    }
    bytes
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100,000")]
fn parts(share: f32) -> u32 {
    (share.clamp(0.0, 1.0) * SCORE_PARTS).round() as u32
}
