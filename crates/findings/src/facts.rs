use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use vulndb::Time;
use vulndb::cvss;
use vulndb::file::{AdvisoryHead, AdvisoryIndex, Corrupt, Database, VulnerabilityIndex};
use vulndb::{Rating as Stated, Severity};

use crate::{Exploitation, Exploited, Rating};

/// What is known of vulnerabilities whatever component has them: each is asked for once.
pub(crate) struct Known<'a, B> {
    database: &'a Database<B>,
    feeds: Vec<String>,
    vulnerabilities: BTreeMap<VulnerabilityIndex, Facts>,
}

/// What is known of one vulnerability.
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) aliases: BTreeSet<String>,
    pub(crate) ratings: BTreeSet<Rating>,
    pub(crate) epss: Option<Exploitation>,
    pub(crate) kev: Option<Exploited>,
    pub(crate) weaknesses: BTreeSet<u32>,
    pub(crate) advisories: Vec<AdvisoryIndex>,
}

impl Facts {
    /// Returns all names, the one that findings are called by first.
    pub(crate) fn names(&self) -> Vec<&str> {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str)).collect()
    }
}

impl<'a, B: AsRef<[u8]>> Known<'a, B> {
    pub(crate) fn new(database: &'a Database<B>) -> Result<Self, Corrupt> {
        let feeds = database.feeds()?.into_iter().map(|feed| feed.name).collect();
        Ok(Self { database, feeds, vulnerabilities: BTreeMap::new() })
    }

    /// Returns the name of the feed that a record came from.
    pub(crate) fn feed(&self, head: &AdvisoryHead<'_>) -> String {
        self.feeds.get(usize::from(head.feed.0)).cloned().unwrap_or_default()
    }

    pub(crate) fn rating(&self, head: &AdvisoryHead<'_>, severity: &Severity) -> Rating {
        let source = severity.source.clone().unwrap_or_else(|| self.feed(head));
        let advisory = head.id.to_owned();
        match &severity.rating {
            Stated::Level(level) => {
                Rating { source, advisory, level: Some(*level), cvss: None, vector: None, score: None }
            }
            Stated::Cvss(vector) => {
                let assessment = cvss::assess(vector).ok();
                Rating {
                    source,
                    advisory,
                    level: assessment.map(cvss::Assessment::level),
                    cvss: assessment.map(|assessment| assessment.version),
                    vector: Some(vector.clone()),
                    score: assessment.map(|assessment| assessment.score),
                }
            }
        }
    }

    pub(crate) fn facts(&mut self, index: VulnerabilityIndex) -> Result<&Facts, Corrupt> {
        if !self.vulnerabilities.contains_key(&index) {
            let facts = self.read(index)?;
            self.vulnerabilities.insert(index, facts);
        }
        Ok(&self.vulnerabilities[&index])
    }

    fn read(&self, index: VulnerabilityIndex) -> Result<Facts, Corrupt> {
        let database = self.database;
        let vulnerability = database.vulnerability(index)?;
        let (mut aliases, mut ratings, mut weaknesses) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for advisory in &vulnerability.advisories {
            let head = database.advisory(*advisory)?;
            add_names(database, index, &head, &mut aliases)?;
            weaknesses.extend(&head.weaknesses);
            if head.withdrawn.is_none() {
                ratings.extend(head.severities.iter().map(|severity| self.rating(&head, severity)));
            }
        }
        let name = vulnerability.name.to_owned();
        aliases.remove(&name);
        let epss = database
            .find_probability(&name)?
            .map(|found| Exploitation { probability: found.probability, percentile: found.percentile });
        let kev = database.find_exploited(&name)?.map(|found| Exploited {
            added: found.added.and_then(date),
            due: found.due.and_then(date),
            ransomware: found.is_in_ransomware,
        });
        Ok(Facts { name, aliases, ratings, epss, kev, weaknesses, advisories: vulnerability.advisories })
    }
}

/// Returns all names of a vulnerability by which exceptions and VEX may mean it, the one that findings are called by first.
///
/// # Errors
/// When the database is damaged.
pub fn names<B: AsRef<[u8]>>(database: &Database<B>, index: VulnerabilityIndex) -> Result<Vec<String>, Corrupt> {
    let vulnerability = database.vulnerability(index)?;
    let mut aliases = BTreeSet::new();
    for advisory in &vulnerability.advisories {
        add_names(database, index, &database.advisory(*advisory)?, &mut aliases)?;
    }
    aliases.remove(vulnerability.name);
    Ok(std::iter::once(vulnerability.name.to_owned()).chain(aliases).collect())
}

/// Adds the names that a record has for a vulnerability. What it calls another one that it is about too is none of them.
fn add_names<B: AsRef<[u8]>>(
    database: &Database<B>,
    vulnerability: VulnerabilityIndex,
    head: &AdvisoryHead<'_>,
    names: &mut BTreeSet<String>,
) -> Result<(), Corrupt> {
    // An erratum is about several vulnerabilities: what it has in common with the others is none of this one's.
    let aliases = head.upstream.is_empty().then_some(&head.aliases).into_iter().flatten();
    for name in std::iter::once(&head.id).chain(aliases) {
        if !names.contains(*name) && database.find_vulnerabilities(name)?.contains(&vulnerability) {
            names.insert((*name).to_owned());
        }
    }
    Ok(())
}

/// Returns a moment.
pub(crate) fn moment(time: Time) -> Option<Timestamp> {
    Timestamp::from_second(time).ok()
}

fn date(time: Time) -> Option<Date> {
    moment(time).map(|moment| jiff::tz::TimeZone::UTC.to_datetime(moment).date())
}
