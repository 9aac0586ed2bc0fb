use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::bytes::{Checked, Corrupt};
use super::derive::{CONTENT_BYTES, ENTRY_BYTES, package_hash, prefix};
use super::section::Section;
use super::table::Table;
use super::write::{Feed, FeedIndex, SCORE_BYTES, SCORE_PARTS, ScoreRow};
use crate::naming::{cve_number, is_cve};
use crate::{
    Advisory, Affected, Ecosystem, Exploited, Interval, Named, Nature, Probability, Qualifiers, Reference, Severity,
    Time, Verdict,
};

/// A database that was opened; `B` is whatever holds the file's bytes.
#[derive(Debug)]
pub struct Database<B> {
    file: Checked<B>,
    ecosystems: Vec<Ecosystem>,
    packages: u32,
    prefix_bits: u32,
}

/// The place of an advisory in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct AdvisoryIndex(pub u32);

/// The place of a vulnerability in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VulnerabilityIndex(pub u32);

/// An advisory without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvisoryHead<'a> {
    /// Where it came from.
    pub feed: FeedIndex,
    /// As [`Advisory::id`].
    pub id: &'a str,
    /// As [`Advisory::aliases`].
    #[serde(borrow)]
    pub aliases: Vec<&'a str>,
    /// As [`Advisory::upstream`].
    #[serde(borrow)]
    pub upstream: Vec<&'a str>,
    /// As [`Advisory::nature`].
    pub nature: Nature,
    /// As [`Advisory::published`].
    pub published: Option<Time>,
    /// As [`Advisory::modified`].
    pub modified: Option<Time>,
    /// As [`Advisory::withdrawn`].
    pub withdrawn: Option<Time>,
    /// As [`Advisory::severities`].
    pub severities: Vec<Severity>,
    /// As [`Advisory::weaknesses`].
    pub weaknesses: Vec<u32>,
    /// The vulnerabilities that it is about: one or more.
    pub vulnerabilities: Vec<VulnerabilityIndex>,
}

/// What people read of an advisory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// As [`Advisory::summary`].
    pub summary: String,
    /// As [`Advisory::details`].
    pub details: String,
    /// As [`Advisory::references`].
    pub references: Vec<Reference>,
}

/// A vulnerability: what findings are called by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vulnerability<'a> {
    /// Its name: a CVE where there is one.
    pub name: &'a str,
    /// The advisories about it, in order.
    pub advisories: Vec<AdvisoryIndex>,
}

/// What an advisory says of a package; see [`Affected`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement<'a> {
    /// Whose statement it is. It stands apart: what is said alike of many packages is then the same bytes.
    #[serde(skip)]
    pub advisory: AdvisoryIndex,
    /// What the package's name names.
    pub named: Named,
    /// What is said.
    pub verdict: Verdict,
    /// Of which versions.
    #[serde(borrow)]
    pub intervals: Vec<Interval<&'a str>>,
    /// And of which besides.
    #[serde(borrow)]
    pub versions: Vec<&'a str>,
    /// What else must hold.
    pub qualifiers: Qualifiers,
    /// How severe it is there.
    pub severities: Vec<Severity>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct PackageName<'a> {
    pub(crate) ecosystem: u16,
    pub(crate) name: &'a str,
}

/// A package of which something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageEntry {
    /// Its place in the order of names.
    place: u32,
    /// What it was found by.
    pub hash: [u8; 8],
    /// The same in two databases that say the same of it: in all that matching and severity rest on.
    pub content: [u8; CONTENT_BYTES],
}

impl<B: AsRef<[u8]>> Database<B> {
    /// Opens a file's bytes: reads the header, the sums and the few ecosystems.
    pub fn open(bytes: B) -> Result<Self, Corrupt> {
        let file = Checked::open(bytes)?;
        let ecosystems: Vec<Ecosystem> =
            Table::open(&file, Section::Ecosystems)?.records().collect::<Result<_, _>>()?;
        let head = file.get(Section::Packages, 0..8)?;
        let (packages, prefix_bits) = (number(&head[..4]), number(&head[4..]));
        let form = Corrupt::Form { section: Section::Packages };
        // One prefix has at least one entry, or there is but one.
        if prefix_bits > 32 || (prefix_bits > 0 && packages >> prefix_bits == 0) {
            return Err(form);
        }
        let expected = 8 + ((1_u64 << prefix_bits) + 1) * 4 + u64::from(packages) * ENTRY_BYTES as u64;
        if file.section_length(Section::Packages) != expected {
            return Err(form);
        }
        Ok(Self { file, ecosystems, packages, prefix_bits })
    }

    /// Returns the whole file.
    pub fn file_bytes(&self) -> &[u8] {
        self.file.file_bytes()
    }

    /// Returns the bytes of each section, in the order of the file.
    pub fn sizes(&self) -> impl Iterator<Item = (Section, u64)> {
        Section::ALL.into_iter().map(|section| (section, self.file.section_length(section)))
    }

    /// Returns the whole of a section, of which every block was found right.
    pub(super) fn section(&self, section: Section) -> Result<&[u8], Corrupt> {
        self.file.get(section, 0..self.file.section_length(section))
    }

    /// Opens a section that is a table.
    pub(super) fn table(&self, section: Section) -> Result<Table<'_, B>, Corrupt> {
        Table::open(&self.file, section)
    }

    /// Returns where the records came from, in the order of their names.
    pub fn feeds(&self) -> Result<Vec<Feed>, Corrupt> {
        Table::open(&self.file, Section::Feeds)?.records().collect()
    }

    /// Returns how many records a feed has: advisories, or what a feed of scores says of vulnerabilities. Of feeds of scores there is one of each kind.
    pub fn records_of(&self, feed: &Feed) -> Result<u64, Corrupt> {
        Ok(match feed.reader.as_str() {
            "epss" => self.file.section_length(Section::Scores) / SCORE_BYTES as u64,
            "kev" => u64::from(Table::open(&self.file, Section::Exploited)?.len()),
            _ => feed.advisories,
        })
    }

    /// Returns the ecosystems, in order.
    pub fn ecosystems(&self) -> &[Ecosystem] {
        &self.ecosystems
    }

    /// Returns how many packages something is said of.
    pub fn package_count(&self) -> u32 {
        self.packages
    }

    /// Finds a package by its [canonical name](Ecosystem::canonical_name).
    pub fn find_package(&self, ecosystem: &Ecosystem, name: &str) -> Result<Option<PackageEntry>, Corrupt> {
        let hash = package_hash(ecosystem, name);
        let at = 8 + prefix(u64::from_be_bytes(hash), self.prefix_bits) as u64 * 4;
        let bounds = self.file.get(Section::Packages, at..at + 8)?;
        let (mut low, mut high) = (number(&bounds[..4]), number(&bounds[4..]).min(self.packages));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.entry(middle)?.hash < hash { low = middle + 1 } else { high = middle }
        }
        // Few have the same hash, if any.
        while low < self.packages {
            let entry = self.entry(low)?;
            if entry.hash != hash {
                break;
            }
            let found = self.package_name(&entry)?;
            if found == (ecosystem, name) {
                return Ok(Some(entry));
            }
            low += 1;
        }
        Ok(None)
    }

    /// Returns all packages, in the order of their hashes.
    pub fn packages(&self) -> impl Iterator<Item = Result<PackageEntry, Corrupt>> {
        (0..self.packages).map(|index| self.entry(index))
    }

    /// Returns a package's ecosystem and name.
    pub fn package_name(&self, package: &PackageEntry) -> Result<(&Ecosystem, &str), Corrupt> {
        let PackageName { ecosystem, name } = Table::open(&self.file, Section::PackageNames)?.record(package.place)?;
        let form = Corrupt::Form { section: Section::PackageNames };
        Ok((self.ecosystems.get(usize::from(ecosystem)).ok_or(form)?, name))
    }

    /// Returns what is said of a package, in the order of the advisories.
    pub fn statements(
        &self,
        package: &PackageEntry,
    ) -> Result<impl Iterator<Item = Result<Statement<'_>, Corrupt>>, Corrupt> {
        let mut advisories = Table::open(&self.file, Section::StatementAdvisories)?.bytes(package.place)?;
        let mut statements = Table::open(&self.file, Section::Statements)?.bytes(package.place)?;
        let mut at = 0_u32;
        Ok(std::iter::from_fn(move || {
            if advisories.is_empty() && statements.is_empty() {
                return None;
            }
            let gap = postcard::take_from_bytes::<u32>(advisories);
            let said = postcard::take_from_bytes::<Statement<'_>>(statements);
            let (Ok((gap, other_advisories)), Ok((statement, other_statements))) = (gap, said) else {
                (advisories, statements) = (&[], &[]);
                return Some(Err(Corrupt::Form { section: Section::Statements }));
            };
            (advisories, statements) = (other_advisories, other_statements);
            at = at.saturating_add(gap);
            Some(Ok(Statement { advisory: AdvisoryIndex(at), ..statement }))
        }))
    }

    /// Returns the advisories that speak of a package, in order. This reads a tenth of what [`Self::statements`] does.
    pub fn advisories_of(
        &self,
        package: &PackageEntry,
    ) -> Result<impl Iterator<Item = Result<AdvisoryIndex, Corrupt>>, Corrupt> {
        self.advisories_at(package.place)
    }

    /// Returns the same of the package at a place in the order of names.
    pub(super) fn advisories_at(
        &self,
        place: u32,
    ) -> Result<impl Iterator<Item = Result<AdvisoryIndex, Corrupt>>, Corrupt> {
        let mut gaps = Table::open(&self.file, Section::StatementAdvisories)?.bytes(place)?;
        let mut at = 0_u32;
        Ok(std::iter::from_fn(move || {
            if gaps.is_empty() {
                return None;
            }
            let Ok((gap, others)) = postcard::take_from_bytes::<u32>(gaps) else {
                gaps = &[];
                return Some(Err(Corrupt::Form { section: Section::StatementAdvisories }));
            };
            (at, gaps) = (at.saturating_add(gap), others);
            Some(Ok(AdvisoryIndex(at)))
        }))
    }

    /// Returns whether one of some advisories speaks of a package.
    pub fn is_spoken_of(&self, package: &PackageEntry, by: &BTreeSet<AdvisoryIndex>) -> Result<bool, Corrupt> {
        let Some(last) = by.last() else { return Ok(false) };
        for advisory in self.advisories_of(package)? {
            let advisory = advisory?;
            if by.contains(&advisory) {
                return Ok(true);
            }
            if advisory > *last {
                break;
            }
        }
        Ok(false)
    }

    /// Returns how many advisories there are.
    pub fn advisory_count(&self) -> Result<u32, Corrupt> {
        Ok(Table::open(&self.file, Section::Advisories)?.len())
    }

    /// Returns an advisory without its text.
    pub fn advisory(&self, index: AdvisoryIndex) -> Result<AdvisoryHead<'_>, Corrupt> {
        Table::open(&self.file, Section::Advisories)?.record(index.0)
    }

    /// Returns an advisory's text.
    pub fn text(&self, index: AdvisoryIndex) -> Result<Text, Corrupt> {
        let line = |section| {
            let bytes = Table::open(&self.file, section)?.bytes(index.0)?;
            std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Corrupt::Form { section })
        };
        Ok(Text {
            summary: line(Section::Summaries)?,
            details: line(Section::Details)?,
            references: Table::open(&self.file, Section::References)?.record(index.0)?,
        })
    }

    /// Returns a vulnerability.
    pub fn vulnerability(&self, index: VulnerabilityIndex) -> Result<Vulnerability<'_>, Corrupt> {
        Table::open(&self.file, Section::Vulnerabilities)?.record(index.0)
    }

    /// Finds the vulnerabilities that go by a name, of whatever publisher: mostly one. A CVE is a name of no other.
    pub fn find_vulnerabilities(&self, name: &str) -> Result<Vec<VulnerabilityIndex>, Corrupt> {
        if is_cve(name) {
            return Ok(self.find_vulnerability(&name.to_ascii_uppercase())?.into_iter().collect());
        }
        self.going_by(name)
    }

    /// Finds the vulnerability that findings call by a name.
    pub fn find_vulnerability(&self, name: &str) -> Result<Option<VulnerabilityIndex>, Corrupt> {
        for index in self.going_by(name)? {
            if self.vulnerability(index)?.name == name {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn going_by(&self, name: &str) -> Result<Vec<VulnerabilityIndex>, Corrupt> {
        let table = Table::open(&self.file, Section::Names)?;
        let found = table.find(name, |record: &(&str, Vec<VulnerabilityIndex>)| record.0)?;
        Ok(found.map(|(_, (_, indices))| indices).unwrap_or_default())
    }

    /// Returns every name that a vulnerability goes by, in order.
    pub fn names(&self) -> Result<impl Iterator<Item = Result<&str, Corrupt>>, Corrupt> {
        let table = Table::open(&self.file, Section::Names)?;
        let places = 0..table.len();
        Ok(places.map(move |index| table.record::<(&str, Vec<VulnerabilityIndex>)>(index).map(|(name, _)| name)))
    }

    /// Finds how probable it is that a vulnerability is exploited.
    pub fn find_probability(&self, name: &str) -> Result<Option<Probability>, Corrupt> {
        let Some(wanted) = cve_number(name) else { return Ok(None) };
        let (mut low, mut high) = (0, self.file.section_length(Section::Scores) / SCORE_BYTES as u64);
        while low < high {
            let middle = low + (high - low) / 2;
            let at = middle * SCORE_BYTES as u64;
            let row = self.file.get(Section::Scores, at..at + SCORE_BYTES as u64)?;
            let found = (u16::from_le_bytes([row[0], row[1]]), number(&row[2..6]));
            match found.cmp(&wanted) {
                std::cmp::Ordering::Equal => {
                    let probability = share(&row[6..9]);
                    return Ok(Some(Probability { id: name.to_owned(), probability, percentile: share(&row[9..12]) }));
                }
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    /// Finds what is known of a vulnerability's exploitation.
    pub fn find_exploited(&self, name: &str) -> Result<Option<Exploited>, Corrupt> {
        let table = Table::open(&self.file, Section::Exploited)?;
        let found = table.find(&name.to_ascii_uppercase(), |record: &Exploited| &record.id)?;
        Ok(found.map(|(_, record)| record))
    }

    /// Returns every advisory whole, by its feed's index: what a [`Builder`](super::Builder) makes the same file of.
    ///
    /// This holds all of them in memory.
    pub fn advisories(&self) -> Result<Vec<(FeedIndex, Advisory)>, Corrupt> {
        let mut all = Vec::new();
        for index in (0..self.advisory_count()?).map(AdvisoryIndex) {
            let head = self.advisory(index)?;
            all.push((head.feed, whole(&head, self.text(index)?)));
        }
        for package in self.packages() {
            let package = package?;
            let (ecosystem, name) = self.package_name(&package)?;
            for statement in self.statements(&package)? {
                let statement = statement?;
                let place = usize::try_from(statement.advisory.0).ok().and_then(|at| all.get_mut(at));
                let (_, advisory) = place.ok_or(Corrupt::Form { section: Section::Statements })?;
                advisory.affected.push(affected(ecosystem, name, statement));
            }
        }
        for (_, advisory) in &mut all {
            advisory.affected.sort_unstable();
        }
        Ok(all)
    }

    /// Returns every feed with its advisories whole, by its name.
    ///
    /// This holds all of them in memory.
    pub fn feeds_with_advisories(&self) -> Result<BTreeMap<String, (Feed, Vec<Advisory>)>, Corrupt> {
        let mut feeds: Vec<(Feed, Vec<Advisory>)> = self.feeds()?.into_iter().map(|feed| (feed, Vec::new())).collect();
        for (index, advisory) in self.advisories()? {
            let feed = feeds.get_mut(usize::from(index.0)).ok_or(Corrupt::Form { section: Section::Advisories })?;
            feed.1.push(advisory);
        }
        Ok(feeds.into_iter().map(|(feed, advisories)| (feed.name.clone(), (feed, advisories))).collect())
    }

    /// Returns which ecosystems each feed speaks of, in the order of the feeds. This reads what is said of every package.
    pub fn coverage(&self) -> Result<Vec<BTreeSet<Ecosystem>>, Corrupt> {
        let mut coverage = vec![BTreeSet::new(); self.feeds()?.len()];
        let mut feeds = Vec::new();
        for index in 0..self.advisory_count()? {
            feeds.push(usize::from(self.advisory(AdvisoryIndex(index))?.feed.0));
        }
        for package in self.packages() {
            let package = package?;
            let (ecosystem, _) = self.package_name(&package)?;
            for statement in self.statements(&package)? {
                let advisory = usize::try_from(statement?.advisory.0).ok();
                let feed = advisory.and_then(|advisory| feeds.get(advisory)).and_then(|feed| coverage.get_mut(*feed));
                let feed = feed.ok_or(Corrupt::Form { section: Section::Statements })?;
                if !feed.contains(ecosystem) {
                    feed.insert(ecosystem.clone());
                }
            }
        }
        Ok(coverage)
    }

    /// Returns all that is known of probabilities, in the order of their names.
    pub fn probabilities(&self) -> Result<Vec<Probability>, Corrupt> {
        let length = self.file.section_length(Section::Scores);
        let rows = self.file.get(Section::Scores, 0..length)?.chunks_exact(SCORE_BYTES);
        let row = |row: &[u8]| Probability {
            id: format!("CVE-{}-{:04}", u16::from_le_bytes([row[0], row[1]]), number(&row[2..6])),
            probability: share(&row[6..9]),
            percentile: share(&row[9..12]),
        };
        Ok(rows.map(row).collect())
    }

    /// Returns all scores as they are stored.
    pub(crate) fn score_rows(&self) -> Result<Vec<ScoreRow>, Corrupt> {
        let length = self.file.section_length(Section::Scores);
        let rows = self.file.get(Section::Scores, 0..length)?.chunks_exact(SCORE_BYTES);
        let row = |row: &[u8]| ScoreRow {
            year: u16::from_le_bytes([row[0], row[1]]),
            number: number(&row[2..6]),
            probability: parts(&row[6..9]),
            percentile: parts(&row[9..12]),
        };
        Ok(rows.map(row).collect())
    }

    /// Returns all that is known to be exploited, in the order of their names.
    pub fn exploited(&self) -> Result<Vec<Exploited>, Corrupt> {
        Table::open(&self.file, Section::Exploited)?.records().collect()
    }

    /// Reads everything once, as an import does before it believes a file.
    pub fn verify(&self) -> Result<(), Corrupt> {
        self.file.check_all()?;
        let feeds = self.feeds()?.len();
        self.advisories()?;
        self.probabilities()?;
        self.exploited()?;
        let vulnerabilities = Table::open(&self.file, Section::Vulnerabilities)?;
        let count = self.advisory_count()?;
        for index in 0..count {
            let head = self.advisory(AdvisoryIndex(index))?;
            let is_known = |vulnerability: &VulnerabilityIndex| vulnerability.0 < vulnerabilities.len();
            if usize::from(head.feed.0) >= feeds || !head.vulnerabilities.iter().all(is_known) {
                return Err(Corrupt::Form { section: Section::Advisories });
            }
        }
        for vulnerability in vulnerabilities.records::<Vulnerability<'_>>() {
            if vulnerability?.advisories.iter().any(|advisory| advisory.0 >= count) {
                return Err(Corrupt::Form { section: Section::Vulnerabilities });
            }
        }
        for name in Table::open(&self.file, Section::Names)?.records::<(&str, Vec<VulnerabilityIndex>)>() {
            if name?.1.iter().any(|vulnerability| vulnerability.0 >= vulnerabilities.len()) {
                return Err(Corrupt::Form { section: Section::Names });
            }
        }
        Ok(())
    }

    fn entry(&self, index: u32) -> Result<PackageEntry, Corrupt> {
        let at = 8 + ((1_u64 << self.prefix_bits) + 1) * 4 + u64::from(index) * ENTRY_BYTES as u64;
        let bytes = self.file.get(Section::Packages, at..at + ENTRY_BYTES as u64)?;
        let (mut hash, mut content) = ([0; 8], [0; CONTENT_BYTES]);
        hash.copy_from_slice(&bytes[..8]);
        content.copy_from_slice(&bytes[8..8 + CONTENT_BYTES]);
        Ok(PackageEntry { place: number(&bytes[8 + CONTENT_BYTES..]), hash, content })
    }
}

fn whole(head: &AdvisoryHead<'_>, text: Text) -> Advisory {
    let own = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    Advisory {
        id: head.id.to_owned(),
        aliases: own(&head.aliases),
        upstream: own(&head.upstream),
        nature: head.nature,
        published: head.published,
        modified: head.modified,
        withdrawn: head.withdrawn,
        summary: text.summary,
        details: text.details,
        severities: head.severities.clone(),
        references: text.references,
        weaknesses: head.weaknesses.clone(),
        affected: Vec::new(),
    }
}

fn affected(ecosystem: &Ecosystem, name: &str, statement: Statement<'_>) -> Affected {
    Affected {
        ecosystem: ecosystem.clone(),
        package: name.to_owned(),
        named: statement.named,
        verdict: statement.verdict,
        intervals: statement.intervals.iter().map(|interval| interval.map(ToString::to_string)).collect(),
        versions: statement.versions.iter().map(ToString::to_string).collect(),
        qualifiers: statement.qualifiers,
        severities: statement.severities,
    }
}

/// Reads four bytes; the caller has taken exactly these.
fn number(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_le_bytes)
}

/// Reads three bytes.
fn parts(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

#[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
fn share(bytes: &[u8]) -> f32 {
    parts(bytes) as f32 / SCORE_PARTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Records;
    use crate::file::Builder;
    use crate::file::bytes::BLOCK_BYTES;
    use crate::file::header::{HEADER_BYTES, Header};

    /// A file of one advisory, with one byte of a section changed and all sums right.
    fn changed(section: Section, at: usize, byte: u8) -> Vec<u8> {
        let mut builder = Builder::new();
        let feed = Feed {
            name: "feed".to_owned(),
            reader: "osv".to_owned(),
            address: String::new(),
            fetched: None,
            advisories: 0,
            problems: Vec::new(),
        };
        let advisory = Advisory { id: "CVE-2026-0001".to_owned(), ..Advisory::default() };
        builder.add(feed, Records { advisories: vec![advisory], ..Records::default() });
        let mut file = builder.finish().unwrap();
        let mut header = Header::parse(&file).unwrap();
        let place = |section: Section| usize::try_from(header.sections[section as usize].start).unwrap();
        file[place(section) + at] = byte;
        let sums_start = place(Section::Sums);
        let blocks = file[..sums_start].chunks(usize::try_from(BLOCK_BYTES).unwrap());
        let sums: Vec<u8> = blocks.flat_map(|block| crc32fast::hash(block).to_le_bytes()).collect();
        file[sums_start..].copy_from_slice(&sums);
        header.sums_crc = crc32fast::hash(&sums);
        file[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
        file
    }

    #[test]
    fn an_advisory_of_no_feed_is_not_believed() {
        // After the count and two places, the first of a record is its feed.
        let verified = |feed: u8| Database::open(changed(Section::Advisories, 12, feed)).unwrap().verify();
        assert_eq!(verified(0), Ok(()));
        assert_eq!(verified(1), Err(Corrupt::Form { section: Section::Advisories }));
    }
}
