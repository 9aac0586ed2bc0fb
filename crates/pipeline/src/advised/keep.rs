//! What is kept of matches: findings of components, sums of vulnerabilities, events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use db::{Db, Row, Tx, Value};
use vulndb::file::{Corrupt, Database, VulnerabilityIndex, package_hash};
use vulndb::matching::{self, Certainty, Finding, Suppression};
use vulndb::{Fix, Level, Nature};

use super::events::{self, EventKind, Gone};
use super::state;
use super::subject::Subject;
use crate::index::shown;

db::statements! {
    /// Which of some components wait, and whether they were matched before.
    LIST_WAITING = "SELECT id, matched, identity FROM inventory_components WHERE matched <> 1 AND id IN {list}";
    /// What components have.
    LIST_FINDINGS = "SELECT f.component_id, f.vulnerability_id, v.name, f.level, f.certain, f.nature, f.fix, f.fixed, f.suppressed \
        FROM findings f JOIN finding_vulnerabilities v ON v.id = f.vulnerability_id WHERE f.component_id IN {list}";
    /// What components have that wait to be matched again.
    LIST_BEFORE = "SELECT f.component_id, v.name FROM inventory_components c CROSS JOIN findings f \
        JOIN finding_vulnerabilities v ON v.id = f.vulnerability_id WHERE c.matched = 2 AND c.id IN {list} AND f.component_id = c.id";
    /// Numbers of vulnerabilities.
    LIST_VULNERABILITY_IDS = "SELECT name, id FROM finding_vulnerabilities WHERE name IN {list}";
    /// Adds vulnerabilities.
    INSERT_VULNERABILITIES = "INSERT INTO finding_vulnerabilities (name, level, score_tenths, probability_millionths, exploited, \
        open_findings, mendable_findings, worst_level, worst, since_us, names_hash) VALUES {rows:11} ON CONFLICT (name) DO NOTHING";
    /// Keeps findings.
    UPSERT_FINDINGS = "INSERT INTO findings (component_id, vulnerability_id, level, certain, nature, fix, fixed, suppressed, \
        since_us) VALUES {rows:9} ON CONFLICT (component_id, vulnerability_id) DO UPDATE SET level = excluded.level, \
        certain = excluded.certain, nature = excluded.nature, fix = excluded.fix, fixed = excluded.fixed, \
        suppressed = excluded.suppressed";
    /// Takes a finding away.
    DELETE_FINDING = "DELETE FROM findings WHERE component_id = $1 AND vulnerability_id = $2";
    /// Adds to the sums of a vulnerability.
    ADD_TO_VULNERABILITY = "UPDATE finding_vulnerabilities SET \
        since_us = CASE WHEN open_findings = 0 THEN $5 ELSE since_us END, \
        open_findings = open_findings + $2, mendable_findings = mendable_findings + $3, \
        worst_level = CASE WHEN worst_level < $4 THEN $4 ELSE worst_level END WHERE id = $1";
    /// Sums of a vulnerability's findings that count anywhere.
    SUM_VULNERABILITY = "SELECT COUNT(*), COUNT(f.fixed), COALESCE(MAX(f.level), 0), COALESCE(MIN(f.since_us), 0) FROM findings f \
        WHERE f.vulnerability_id = $1 AND (f.suppressed = 0 OR EXISTS (SELECT 1 FROM finding_decisions d \
        WHERE d.component_id = f.component_id AND d.vulnerability_id = $1 AND d.verdict = 3))";
    /// What of some components counts somewhere by the word of VEX.
    LIST_COUNTED_OF = "SELECT DISTINCT component_id, vulnerability_id FROM finding_decisions WHERE verdict = 3 \
        AND component_id IN {list}";
    /// Sets the sums of a vulnerability.
    SET_VULNERABILITY = "UPDATE finding_vulnerabilities SET open_findings = $2, mendable_findings = $3, worst_level = $4, \
        since_us = $5 WHERE id = $1";
    /// Places vulnerabilities in the order of what is worst: known use, then severity, then probability of use.
    ORDER_VULNERABILITIES = "UPDATE finding_vulnerabilities SET worst = CASE WHEN open_findings = 0 THEN -1 \
        ELSE exploited * 100000000 + worst_level * 10000000 + probability_millionths END WHERE id IN {list}";
    /// Says which packages a component goes by.
    INSERT_PACKAGES = "INSERT INTO finding_packages (package_hash, component_id) VALUES {rows:2} \
        ON CONFLICT (package_hash, component_id) DO NOTHING";
    /// Notes that components are matched.
    SET_MATCHED = "UPDATE inventory_components SET matched = 1 WHERE id IN {list}";
    /// Has what installed components, or what they installed, looked at again.
    STALE_PAIRS = "UPDATE finding_pairs SET fresh = 0 WHERE fresh = 1 AND component_id IN {list}";
    /// The same by the other end.
    STALE_PAIRS_OF_OWNER = "UPDATE finding_pairs SET fresh = 0 WHERE fresh = 1 AND owner_id IN {list}";
    /// Has the findings of images counted again that hold some components.
    STALE_TOTALS = "UPDATE finding_totals SET fresh = 0 WHERE fresh = 1 AND image_id IN \
        (SELECT image_id FROM inventory_image_components WHERE component_id IN {list})";
}

/// A finding that counts.
pub(crate) const COUNTS: i64 = 0;
const NO_CODE: i64 = 1;
const NOT_AFFECTED: i64 = 2;

/// What a database says of one component.
#[derive(Debug, Clone)]
pub(super) struct Matched {
    pub(super) component: i64,
    /// Hashes of the packages that it goes by.
    packages: Vec<i64>,
    /// By the vulnerabilities' names.
    findings: BTreeMap<String, Kept>,
}

/// A finding as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    level: i64,
    certain: i64,
    nature: i64,
    fix: i64,
    fixed: Option<String>,
    suppressed: i64,
}

/// What a database says of a vulnerability alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct About {
    pub(super) level: i64,
    pub(super) score_tenths: i64,
    pub(super) probability_millionths: i64,
    pub(super) exploited: i64,
    /// Of all its names.
    pub(super) names_hash: i64,
}

/// What became of a batch of matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Kept,
    /// Another database took the place of the one that was matched by; nothing was kept.
    Overtaken,
}

/// Matches a component.
pub(super) fn matched<B: AsRef<[u8]>>(
    database: &Database<B>,
    component: i64,
    subject: &Subject,
) -> Result<Matched, Corrupt> {
    let distribution = subject.distribution.as_ref();
    let packages = matching::identities(&subject.component, distribution)
        .iter()
        .map(|identity| number_of_package(package_hash(&identity.ecosystem, &identity.name)))
        .collect();
    let mut findings = BTreeMap::new();
    for finding in matching::match_component(database, &subject.component, distribution)? {
        let name = database.vulnerability(finding.vulnerability)?.name.to_owned();
        findings.insert(name, kept(database, &finding)?);
    }
    Ok(Matched { component, packages, findings })
}

/// Returns a package's hash as a number of the database.
pub(crate) fn number_of_package(hash: [u8; 8]) -> i64 {
    i64::from_be_bytes(hash)
}

fn kept<B: AsRef<[u8]>>(database: &Database<B>, finding: &Finding) -> Result<Kept, Corrupt> {
    let fix = finding.hits.iter().map(|hit| hit.fix).find(|fix| *fix != Fix::AsStated).unwrap_or_default();
    Ok(Kept {
        level: number_of_level(matching::severity(database, finding)?.level),
        certain: i64::from(finding.certainty == Certainty::Affected),
        nature: match finding.nature {
            Nature::Malware => 0,
            Nature::Vulnerability => 1,
            Nature::Unmaintained => 2,
            Nature::Unsound => 3,
            Nature::Notice => 4,
        },
        fix: match fix {
            Fix::AsStated => 0,
            Fix::WontFix => 1,
            Fix::Deferred => 2,
            Fix::EndOfLife => 3,
        },
        fixed: matching::upgrade(finding).map(|version| version.replace('\0', "?")),
        suppressed: match finding.suppression {
            None => COUNTS,
            Some(Suppression::NoCode) => NO_CODE,
            Some(_) => NOT_AFFECTED,
        },
    })
}

pub(super) fn number_of_level(level: Option<Level>) -> i64 {
    match level {
        None => 0,
        Some(Level::Negligible) => 1,
        Some(Level::Low) => 2,
        Some(Level::Medium) => 3,
        Some(Level::High) => 4,
        Some(Level::Critical) => 5,
    }
}

/// Returns what a database says of a vulnerability by itself, whatever has it.
pub(super) fn about<B: AsRef<[u8]>>(database: &Database<B>, name: &str) -> Result<About, Corrupt> {
    let (rated, names) = match database.find_vulnerability(name)? {
        Some(index) => (matching::severity(database, &nobodys(index))?, findings::names(database, index)?),
        None => (matching::Rated::default(), Vec::new()),
    };
    let probability = database.find_probability(name)?.map_or(0.0, |found| found.probability);
    Ok(About {
        level: number_of_level(rated.level),
        score_tenths: rated.score.map_or(0, |score| i64::from(score.tenths())),
        #[expect(clippy::cast_possible_truncation, reason = "a probability is at most one")]
        probability_millionths: (f64::from(probability.clamp(0.0, 1.0)) * 1e6).round() as i64,
        exploited: i64::from(database.find_exploited(name)?.is_some()),
        names_hash: hash_of(&names),
    })
}

/// Returns a number that other names do not have.
fn hash_of(names: &[String]) -> i64 {
    let hash = digest(&SHA256, names.join("\n").as_bytes());
    hash.as_ref().first_chunk::<8>().map_or(0, |first| i64::from_be_bytes(*first))
}

/// Returns a finding that nobody has: what is said of the vulnerability then is what all records say.
fn nobodys(vulnerability: VulnerabilityIndex) -> Finding {
    Finding {
        vulnerability,
        nature: Nature::Vulnerability,
        certainty: Certainty::Affected,
        hits: Vec::new(),
        suppression: None,
    }
}

/// A batch of matches, with what is said of the vulnerabilities that they name.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) database_sha256: String,
    /// Since when what was never matched has what is found now; since now where none is known.
    pub(super) first_at_us: Option<i64>,
    pub(super) matches: Vec<Matched>,
    pub(super) about: BTreeMap<String, About>,
    /// Why components do not have what they had.
    pub(super) gone: BTreeMap<(i64, String), Gone>,
}

/// The vulnerabilities that components have before they are matched again.
pub(super) type Before = BTreeMap<i64, Vec<String>>;

impl Batch {
    /// Matches components.
    pub(super) fn of<B: AsRef<[u8]>>(
        database: &Database<B>,
        database_sha256: &str,
        subjects: &[(i64, Option<Subject>)],
        before: &Before,
    ) -> Result<Self, Corrupt> {
        let mut batch = Self::empty(database_sha256, None);
        for (component, subject) in subjects {
            let matched = match subject {
                Some(subject) => matched(database, *component, subject)?,
                None => Matched { component: *component, packages: Vec::new(), findings: BTreeMap::new() },
            };
            for name in before.get(component).into_iter().flatten() {
                if !matched.findings.contains_key(name) {
                    let gone = why_gone(database, subject.as_ref(), &matched, name)?;
                    batch.gone.insert((*component, name.clone()), gone);
                }
            }
            for name in matched.findings.keys() {
                if !batch.about.contains_key(name) {
                    batch.about.insert(name.clone(), about(database, name)?);
                }
            }
            batch.matches.push(matched);
        }
        Ok(batch)
    }

    fn empty(database_sha256: &str, first_at_us: Option<i64>) -> Self {
        Self {
            database_sha256: database_sha256.to_owned(),
            first_at_us,
            matches: Vec::new(),
            about: BTreeMap::new(),
            gone: BTreeMap::new(),
        }
    }

    /// Says since when what was never matched has what is found, where that is known.
    pub(super) fn first_at(self, first_at_us: Option<i64>) -> Self {
        Self { first_at_us, ..self }
    }

    /// Returns parts that one write each keeps.
    pub(super) fn split(self) -> Vec<Self> {
        let mut parts: Vec<Self> = Vec::new();
        let mut rows = usize::MAX;
        for matched in self.matches {
            rows = rows.saturating_add(matched.findings.len() + 1);
            if rows > ROWS_IN_WRITE_MAX {
                rows = matched.findings.len() + 1;
                parts.push(Self::empty(&self.database_sha256, self.first_at_us));
            }
            let Some(part) = parts.last_mut() else { continue };
            let own = (matched.component, String::new())..(matched.component + 1, String::new());
            part.gone.extend(self.gone.range(own).map(|(pair, gone)| (pair.clone(), *gone)));
            for name in matched.findings.keys() {
                part.about.extend(self.about.get(name).map(|about| (name.clone(), *about)));
            }
            part.matches.push(matched);
        }
        parts
    }
}

/// Returns why a component that is matched anew does not have what it had.
fn why_gone<B: AsRef<[u8]>>(
    database: &Database<B>,
    subject: Option<&Subject>,
    matched: &Matched,
    vulnerability: &str,
) -> Result<Gone, Corrupt> {
    for index in database.find_vulnerabilities(vulnerability)? {
        if matched.findings.contains_key(database.vulnerability(index)?.name) {
            return Ok(Gone::Renamed);
        }
    }
    let Some(index) = database.find_vulnerability(vulnerability)? else { return Ok(Gone::Withdrawn) };
    let mut standing = BTreeSet::new();
    for advisory in database.vulnerability(index)?.advisories {
        if database.advisory(advisory)?.withdrawn.is_none() {
            standing.insert(advisory);
        }
    }
    let identities = subject
        .map(|subject| matching::identities(&subject.component, subject.distribution.as_ref()))
        .unwrap_or_default();
    for identity in identities {
        if let Some(package) = database.find_package(&identity.ecosystem, &identity.name)?
            && database.is_spoken_of(&package, &standing)?
        {
            return Ok(Gone::NotAffected);
        }
    }
    Ok(Gone::Withdrawn)
}

/// Findings that one write keeps: some ten milliseconds.
const ROWS_IN_WRITE_MAX: usize = 500;

/// Returns what components have that wait to be matched again.
pub(super) async fn load_before(index: &Db, components: Vec<i64>) -> Result<Before, db::Error> {
    let components: Vec<Value> = list(components.into_iter());
    let rows = index.read(move |tx| Box::pin(async move { tx.query_list(&LIST_BEFORE, &[], &components).await }));
    let mut before = Before::new();
    for row in rows.await? {
        before.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(before)
}

/// Keeps a batch, of those of its components that still wait.
pub(super) async fn keep(index: &Db, batch: Arc<Batch>) -> Result<Outcome, db::Error> {
    index
        .write(move |tx| {
            let batch = Arc::clone(&batch);
            Box::pin(async move {
                let is_by = |state: state::MatchState| state.is_by(&batch.database_sha256);
                if !state::find(tx).await?.is_some_and(is_by) {
                    return Ok(Outcome::Overtaken);
                }
                Write::new(tx, &batch).await?.run().await?;
                Ok::<_, db::Error>(Outcome::Kept)
            })
        })
        .await
}

/// A component that waits.
struct Waiting {
    identity: String,
    is_again: bool,
}

/// One write of a batch.
struct Write<'w> {
    tx: &'w mut Tx,
    batch: &'w Batch,
    waiting: BTreeMap<i64, Waiting>,
    /// By component and name.
    known: BTreeMap<(i64, String), (i64, Kept)>,
    numbers: BTreeMap<String, i64>,
    /// By component and vulnerability, what counts somewhere by the word of VEX.
    counted: BTreeSet<(i64, i64)>,
    now_us: i64,
}

/// What changed of a vulnerability's sums.
#[derive(Default)]
struct Change {
    /// Since when what has it now has it at the earliest.
    since_us: Option<i64>,
    open: i64,
    mendable: i64,
    level: i64,
    /// Something went or became less, so that the worst that is left is not known.
    is_less: bool,
}

/// An event that is noted next.
struct NewEvent {
    identity: String,
    name: String,
    row: Vec<Value>,
}

fn list(ids: impl Iterator<Item = i64>) -> Vec<Value> {
    ids.map(Value::from).collect()
}

impl<'w> Write<'w> {
    async fn new(tx: &'w mut Tx, batch: &'w Batch) -> Result<Self, db::Error> {
        let ids = list(batch.matches.iter().map(|matched| matched.component));
        let mut waiting = BTreeMap::new();
        for row in tx.query_list(&LIST_WAITING, &[], &ids).await? {
            let identity: String = row.get(2)?;
            waiting.insert(
                row.get(0)?,
                Waiting { identity: shown(&identity).to_owned(), is_again: row.get::<i64>(1)? == 2 },
            );
        }
        let ids = list(waiting.keys().copied());
        let mut known = BTreeMap::new();
        let mut numbers = BTreeMap::new();
        for row in tx.query_list(&LIST_FINDINGS, &[], &ids).await? {
            let (component, vulnerability, name): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            numbers.insert(name.clone(), vulnerability);
            known.insert((component, name), (vulnerability, kept_row(&row)?));
        }
        let mut counted = BTreeSet::new();
        for row in tx.query_list(&LIST_COUNTED_OF, &[], &ids).await? {
            counted.insert((row.get(0)?, row.get(1)?));
        }
        let now_us = tx.now_us().await?;
        Ok(Self { tx, batch, waiting, known, numbers, counted, now_us })
    }

    async fn run(mut self) -> Result<(), db::Error> {
        self.number_vulnerabilities().await?;
        let (mut rows, mut changes) = (Vec::new(), BTreeMap::<i64, Change>::new());
        let (mut touched, mut events, mut packages) = (BTreeSet::new(), Vec::new(), Vec::new());
        for matched in &self.batch.matches {
            let Some(waiting) = self.waiting.get(&matched.component) else { continue };
            let component = matched.component;
            packages.extend(matched.packages.iter().map(|hash| vec![(*hash).into(), component.into()]));
            for (name, kept) in &matched.findings {
                let Some(vulnerability) = self.numbers.get(name).copied() else { continue };
                let before = self.known.remove(&(component, name.clone())).map(|(_, kept)| kept);
                if before.as_ref() == Some(kept) {
                    continue;
                }
                touched.insert(component);
                let is_counted = self.counted.contains(&(component, vulnerability));
                let since_us =
                    if waiting.is_again { self.now_us } else { self.batch.first_at_us.unwrap_or(self.now_us) };
                let change = changes.entry(vulnerability).or_default();
                change.since_us = Some(change.since_us.map_or(since_us, |earlier| since_us.min(earlier)));
                change.add([before.as_ref(), Some(kept)], is_counted);
                rows.push(kept.row(component, vulnerability, since_us));
                if waiting.is_again {
                    let kind = EventKind::between(before.as_ref().is_some_and(Kept::counts), kept.counts());
                    let gone = Some(Gone::NotAffected);
                    events.extend(kind.map(|kind| self.event((kind, gone), component, &waiting.identity, name, kept)));
                }
            }
        }
        // What is left is had no more.
        for ((component, name), (vulnerability, kept)) in std::mem::take(&mut self.known) {
            touched.insert(component);
            let is_counted = self.counted.contains(&(component, vulnerability));
            changes.entry(vulnerability).or_default().add([Some(&kept), None], is_counted);
            self.tx.execute(&DELETE_FINDING, &[component.into(), vulnerability.into()]).await?;
            if let Some(waiting) = self.waiting.get(&component).filter(|waiting| waiting.is_again && kept.counts()) {
                let gone = self.batch.gone.get(&(component, name.clone())).copied();
                // What nobody speaks of has no version that mends it.
                let fixed = kept.fixed.clone().filter(|_| gone != Some(Gone::Withdrawn));
                let kept = Kept { fixed, ..kept };
                events.push(self.event((EventKind::Fixed, gone), component, &waiting.identity, &name, &kept));
            }
        }
        self.tx.execute_rows(&UPSERT_FINDINGS, &[], &rows).await?;
        self.tx.execute_rows(&INSERT_PACKAGES, &[], &packages).await?;
        self.sum(changes).await?;
        // What says the same of what is called the same comes together, so that it is told together.
        events.sort_by(|one, other| (&one.identity, &one.name).cmp(&(&other.identity, &other.name)));
        let events: Vec<Vec<Value>> = events.into_iter().map(|event| event.row).collect();
        events::insert(self.tx, &events).await?;
        let ids = list(self.waiting.keys().copied());
        self.tx.execute_list(&SET_MATCHED, &[], &ids).await?;
        self.tx.execute_list(&STALE_PAIRS, &[], &ids).await?;
        self.tx.execute_list(&STALE_PAIRS_OF_OWNER, &[], &ids).await?;
        self.tx.execute_list(&STALE_TOTALS, &[], &list(touched.into_iter())).await?;
        Ok(())
    }

    fn event(
        &self,
        (kind, gone): (EventKind, Option<Gone>),
        component: i64,
        identity: &str,
        name: &str,
        kept: &Kept,
    ) -> NewEvent {
        let row = vec![
            kind.number(gone).into(),
            component.into(),
            identity.into(),
            name.into(),
            kept.level.into(),
            kept.fixed.as_ref().into(),
            (&self.batch.database_sha256).into(),
            self.now_us.into(),
        ];
        NewEvent { identity: identity.to_owned(), name: name.to_owned(), row }
    }

    /// Gives the vulnerabilities that the batch names their numbers.
    async fn number_vulnerabilities(&mut self) -> Result<(), db::Error> {
        for is_last in [false, true] {
            let missing: Vec<&String> =
                self.batch.about.keys().filter(|name| !self.numbers.contains_key(*name)).collect();
            let names: Vec<Value> = missing.iter().map(|name| (*name).into()).collect();
            for row in self.tx.query_list(&LIST_VULNERABILITY_IDS, &[], &names).await? {
                self.numbers.insert(row.get(0)?, row.get(1)?);
            }
            let new: Vec<Vec<Value>> = self
                .batch
                .about
                .iter()
                .filter(|(name, _)| !self.numbers.contains_key(*name))
                .map(|(name, about)| about.row(name, self.now_us))
                .collect();
            if is_last || new.is_empty() {
                break;
            }
            self.tx.execute_rows(&INSERT_VULNERABILITIES, &[], &new).await?;
        }
        Ok(())
    }

    /// Brings the sums of vulnerabilities up to date.
    async fn sum(&mut self, changes: BTreeMap<i64, Change>) -> Result<(), db::Error> {
        for (vulnerability, change) in &changes {
            if change.is_less {
                recount(self.tx, *vulnerability).await?;
            } else {
                let parameters = [
                    (*vulnerability).into(),
                    change.open.into(),
                    change.mendable.into(),
                    change.level.into(),
                    change.since_us.unwrap_or(self.now_us).into(),
                ];
                self.tx.execute(&ADD_TO_VULNERABILITY, &parameters).await?;
            }
        }
        self.tx.execute_list(&ORDER_VULNERABILITIES, &[], &list(changes.into_keys())).await?;
        Ok(())
    }
}

/// Counts the findings of vulnerabilities of which some are gone, or are decided otherwise.
pub(crate) async fn recount_all(tx: &mut Tx, vulnerabilities: BTreeSet<i64>) -> Result<(), db::Error> {
    for vulnerability in &vulnerabilities {
        recount(tx, *vulnerability).await?;
    }
    tx.execute_list(&ORDER_VULNERABILITIES, &[], &list(vulnerabilities.into_iter())).await?;
    Ok(())
}

/// Counts the findings of a vulnerability.
async fn recount(tx: &mut Tx, vulnerability: i64) -> Result<(), db::Error> {
    let Some(row) = tx.find(&SUM_VULNERABILITY, &[vulnerability.into()]).await? else { return Ok(()) };
    let sums: [i64; 4] = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
    let parameters = [vulnerability.into(), sums[0].into(), sums[1].into(), sums[2].into(), sums[3].into()];
    tx.execute(&SET_VULNERABILITY, &parameters).await?;
    Ok(())
}

impl Change {
    /// Adds what a finding was before and is after, that counts somewhere by the word of VEX or not.
    fn add(&mut self, [before, after]: [Option<&Kept>; 2], is_counted: bool) {
        for (kept, sign) in [(before, -1), (after, 1)] {
            let Some(kept) = kept.filter(|kept| is_counted || kept.counts()) else { continue };
            self.open += sign;
            self.mendable += if kept.fixed.is_some() { sign } else { 0 };
            if sign > 0 {
                self.level = self.level.max(kept.level);
            } else {
                self.is_less = true;
            }
        }
    }
}

impl Kept {
    fn counts(&self) -> bool {
        self.suppressed == COUNTS
    }

    fn row(&self, component: i64, vulnerability: i64, since_us: i64) -> Vec<Value> {
        vec![
            component.into(),
            vulnerability.into(),
            self.level.into(),
            self.certain.into(),
            self.nature.into(),
            self.fix.into(),
            self.fixed.as_ref().into(),
            self.suppressed.into(),
            since_us.into(),
        ]
    }
}

fn kept_row(row: &Row) -> Result<Kept, db::Error> {
    Ok(Kept {
        level: row.get(3)?,
        certain: row.get(4)?,
        nature: row.get(5)?,
        fix: row.get(6)?,
        fixed: row.get(7)?,
        suppressed: row.get(8)?,
    })
}

impl About {
    fn row(&self, name: &str, now_us: i64) -> Vec<Value> {
        vec![
            name.into(),
            self.level.into(),
            self.score_tenths.into(),
            self.probability_millionths.into(),
            self.exploited.into(),
            0_i64.into(),
            0_i64.into(),
            0_i64.into(),
            (-1_i64).into(),
            now_us.into(),
            self.names_hash.into(),
        ]
    }
}
