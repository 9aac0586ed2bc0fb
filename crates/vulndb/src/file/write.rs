use std::collections::BTreeMap;
use std::mem;

use serde::{Deserialize, Serialize};

use super::bytes::BLOCK_BYTES;
use super::database::{AdvisoryHead, AdvisoryIndex, PackageName, Statement};
use super::derive::{self, Derived, Said, Stated, Vulnerabilities};
use super::header::{ALIGNMENT, FIRST_SECTION, FORMAT_VERSION, HEADER_BYTES, Header};
use super::section::Section;
use super::table::TableWriter;
use crate::naming;
use crate::{Advisory, Affected, Ecosystem, Exploited, Probability, Records, Time};

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

impl ScoreRow {
    pub(super) fn to_bytes(self) -> [u8; SCORE_BYTES] {
        let mut bytes = [0; SCORE_BYTES];
        bytes[..2].copy_from_slice(&self.year.to_le_bytes());
        bytes[2..6].copy_from_slice(&self.number.to_le_bytes());
        bytes[6..9].copy_from_slice(&self.probability.to_le_bytes()[..3]);
        bytes[9..].copy_from_slice(&self.percentile.to_le_bytes()[..3]);
        bytes
    }
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
        let mut advisories: Vec<(FeedIndex, Advisory)> = Vec::new();
        let mut feed_table = TableWriter::default();
        let mut feed_names = Vec::new();
        for (index, (feed, records)) in feeds.into_iter().enumerate() {
            let index = FeedIndex(u16::try_from(index).map_err(|_| TooLarge { section: Section::Feeds })?);
            feed_table.push(Section::Feeds, &feed)?;
            feed_names.push(feed.name);
            advisories.extend(records.into_iter().map(|advisory| (index, advisory)));
        }
        let mut heads: Vec<AdvisoryHead<'_>> =
            advisories.iter().map(|(feed, advisory)| head(*feed, advisory)).collect();
        let about = derive::about(&heads);
        let vulnerabilities = Vulnerabilities::of(&about)?;
        vulnerabilities.tell(&mut heads, &about);
        let mut ecosystems: Vec<Ecosystem> = Vec::new();
        for affected in advisories.iter().flat_map(|(_, advisory)| &advisory.affected) {
            if let Err(place) = ecosystems.binary_search(&affected.ecosystem) {
                ecosystems.insert(place, affected.ecosystem.clone());
            }
        }
        let packages = Packages::of(&advisories, &ecosystems)?;
        let derived = Derived::of(&Stated {
            feeds: &feed_names,
            ecosystems: &ecosystems,
            heads: &heads,
            about: &about,
            vulnerabilities: &vulnerabilities,
            packages: &packages.said(),
        })?;

        let mut sections: [Vec<u8>; Section::ALL.len()] = Default::default();
        let mut place = |section: Section, bytes: Vec<u8>| sections[section as usize] = bytes;
        place(Section::Feeds, feed_table.finish(Section::Feeds)?);
        place(Section::Ecosystems, table(Section::Ecosystems, &ecosystems)?);
        place(Section::PackageNames, table(Section::PackageNames, packages.names())?);
        place(Section::StatementAdvisories, packages.statement_advisories()?);
        place(Section::Statements, packages.statements()?);
        place(Section::Advisories, table(Section::Advisories, &heads)?);
        let texts = advisories.iter().map(|(_, advisory)| advisory);
        place(Section::Summaries, lines(Section::Summaries, texts.clone().map(|advisory| &advisory.summary))?);
        place(Section::Details, lines(Section::Details, texts.clone().map(|advisory| &advisory.details))?);
        place(Section::References, table(Section::References, texts.map(|advisory| &advisory.references))?);
        place(Section::Scores, score_rows(&scores));
        place(Section::Exploited, table(Section::Exploited, exploited.values())?);
        place(Section::Packages, derived.packages);
        place(Section::Vulnerabilities, derived.vulnerabilities);
        place(Section::Names, derived.names);
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
        file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
        if section == Section::Sums {
            let blocks = file.chunks(usize::try_from(BLOCK_BYTES).unwrap_or(usize::MAX));
            bytes = blocks.flat_map(|block| crc32fast::hash(block).to_le_bytes()).collect();
            sums_crc = crc32fast::hash(&bytes);
        }
        let start = file.len() as u64;
        file.append(&mut bytes);
        ranges[at] = start..file.len() as u64;
    }
    let header = Header { version: FORMAT_VERSION, sums_crc, length: file.len() as u64, sections: ranges };
    file[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
    file
}

fn table<T: Serialize>(section: Section, records: impl IntoIterator<Item = T>) -> Result<Vec<u8>, TooLarge> {
    let mut table = TableWriter::default();
    for record in records {
        table.push(section, &record)?;
    }
    table.finish(section)
}

fn lines<'a>(section: Section, texts: impl Iterator<Item = &'a String>) -> Result<Vec<u8>, TooLarge> {
    let mut table = TableWriter::default();
    for text in texts {
        table.push_bytes(section, text.as_bytes())?;
    }
    table.finish(section)
}

/// Returns what an advisory says besides its texts; which vulnerabilities it is about is found out from all of them.
fn head(feed: FeedIndex, advisory: &Advisory) -> AdvisoryHead<'_> {
    AdvisoryHead {
        feed,
        id: &advisory.id,
        aliases: advisory.aliases.iter().map(String::as_str).collect(),
        upstream: advisory.upstream.iter().map(String::as_str).collect(),
        nature: advisory.nature,
        published: advisory.published,
        modified: advisory.modified,
        withdrawn: advisory.withdrawn,
        severities: advisory.severities.clone(),
        weaknesses: advisory.weaknesses.clone(),
        vulnerabilities: Vec::new(),
    }
}

/// What is said of each package, by its ecosystem and name.
struct Packages<'a>(BTreeMap<(u16, &'a str), Entry>);

#[derive(Default)]
struct Entry {
    /// Whose statements they are.
    advisories: Vec<u32>,
    /// The statements, one after another.
    statements: Vec<u8>,
}

impl<'a> Packages<'a> {
    fn of(advisories: &'a [(FeedIndex, Advisory)], ecosystems: &[Ecosystem]) -> Result<Self, TooLarge> {
        let too_large = || TooLarge { section: Section::Statements };
        let mut entries: BTreeMap<(u16, &str), Entry> = BTreeMap::new();
        for (index, (_, advisory)) in advisories.iter().enumerate() {
            let index = u32::try_from(index).map_err(|_| too_large())?;
            for affected in &advisory.affected {
                let ecosystem = ecosystems.binary_search(&affected.ecosystem).unwrap_or_default();
                let ecosystem = u16::try_from(ecosystem).map_err(|_| TooLarge { section: Section::Ecosystems })?;
                let entry = entries.entry((ecosystem, &affected.package)).or_default();
                entry.advisories.push(index);
                let taken = mem::take(&mut entry.statements);
                entry.statements = postcard::to_extend(&statement(affected), taken).map_err(|_| too_large())?;
            }
        }
        Ok(Self(entries))
    }

    fn said(&self) -> Vec<Said<'_>> {
        let packages = self.0.iter().map(|((ecosystem, name), entry)| Said {
            ecosystem: *ecosystem,
            name,
            advisories: entry.advisories.clone(),
            statements: &entry.statements,
        });
        packages.collect()
    }

    fn names(&self) -> impl Iterator<Item = PackageName<'_>> {
        self.0.keys().map(|(ecosystem, name)| PackageName { ecosystem: *ecosystem, name })
    }

    fn statement_advisories(&self) -> Result<Vec<u8>, TooLarge> {
        let section = Section::StatementAdvisories;
        let mut table = TableWriter::default();
        for entry in self.0.values() {
            let (mut gaps, mut before) = (Vec::new(), 0);
            for advisory in &entry.advisories {
                let gap = advisory - mem::replace(&mut before, *advisory);
                gaps = postcard::to_extend(&gap, gaps).map_err(|_| TooLarge { section })?;
            }
            table.push_bytes(section, &gaps)?;
        }
        table.finish(section)
    }

    fn statements(&self) -> Result<Vec<u8>, TooLarge> {
        let mut table = TableWriter::default();
        for entry in self.0.values() {
            table.push_bytes(Section::Statements, &entry.statements)?;
        }
        table.finish(Section::Statements)
    }
}

fn statement(affected: &Affected) -> Statement<'_> {
    Statement {
        advisory: AdvisoryIndex::default(),
        named: affected.named,
        verdict: affected.verdict,
        intervals: affected.intervals.iter().map(|interval| interval.map(String::as_str)).collect(),
        versions: affected.versions.iter().map(String::as_str).collect(),
        qualifiers: affected.qualifiers.clone(),
        severities: affected.severities.clone(),
    }
}

fn score_rows(scores: &BTreeMap<(u16, u32), (u32, u32)>) -> Vec<u8> {
    let rows = scores.iter().map(|((year, number), (probability, percentile))| ScoreRow {
        year: *year,
        number: *number,
        probability: *probability,
        percentile: *percentile,
    });
    rows.flat_map(ScoreRow::to_bytes).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100,000")]
fn parts(share: f32) -> u32 {
    (share.clamp(0.0, 1.0) * SCORE_PARTS).round() as u32
}
