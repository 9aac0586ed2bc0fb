use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ::findings::MatchedState;
use db::Row;
use ledger::jobs::NewJob;
use oci::Digest;
use pipeline::{Advisories, Filter, ImageMatch, Order, Pipeline, Progress, Query, Readable, Tagged, Totals, VexTold};
use testkit::Database;
use vulndb::file::{Builder, Feed};
use vulndb::{
    Advisory, Affected, Ecosystem, End, Exploited, Family, Fix, Interval, Level, Named, Probability, Qualifiers,
    Rating, Records, Severity, Start, Verdict,
};

use crate::support::{self, DEBIAN, Hub, STATUS, dpkg, name, query, run};

mod built_of;
mod costs;
mod doubted;
mod since;
mod walk;

db::statements! {
    LIST_EVENTS = "SELECT kind, component, vulnerability FROM finding_events ORDER BY id";
    DUMP_FINDINGS = "SELECT c.identity, v.name, f.level, f.certain, f.nature, f.fix, COALESCE(f.fixed, '-'), f.suppressed \
        FROM findings f JOIN inventory_components c ON c.id = f.component_id \
        JOIN finding_vulnerabilities v ON v.id = f.vulnerability_id ORDER BY c.identity, v.name";
    DUMP_VULNERABILITIES = "SELECT name, level, score_tenths, probability_millionths, exploited, open_findings, \
        mendable_findings, worst_level, worst FROM finding_vulnerabilities WHERE open_findings > 0 ORDER BY name";
    DUMP_OWNED = "SELECT c.identity, o.identity, v.name FROM finding_owned f JOIN inventory_components c ON c.id = f.component_id \
        JOIN inventory_components o ON o.id = f.owner_id JOIN finding_vulnerabilities v ON v.id = f.vulnerability_id \
        ORDER BY c.identity, o.identity, v.name";
    DUMP_TOTALS = "SELECT t.repository_id, i.digest, t.fresh, t.critical, t.high, t.medium, t.low, t.unknown, t.exploited, \
        t.mendable, t.suppressed, t.tagged FROM finding_totals t JOIN inventory_images i ON i.id = t.image_id \
        ORDER BY t.repository_id, i.digest";
    DUMP_DECISIONS = "SELECT d.repository_id, i.digest, c.identity, v.name, d.verdict FROM finding_decisions d \
        JOIN inventory_images i ON i.id = d.image_id JOIN inventory_components c ON c.id = d.component_id \
        JOIN finding_vulnerabilities v ON v.id = d.vulnerability_id ORDER BY d.repository_id, i.digest, c.identity, v.name";
    LIST_PLACED = "SELECT p.repository_id, i.digest FROM inventory_placements p JOIN inventory_images i ON i.id = p.image_id \
        ORDER BY p.repository_id, i.digest";
    LIST_COUNTED_OR_PLACED = "SELECT p.repository_id, i.digest FROM inventory_placements p \
        JOIN inventory_images i ON i.id = p.image_id UNION SELECT t.repository_id, i.digest FROM finding_totals t \
        JOIN inventory_images i ON i.id = t.image_id";
    LIST_TAGGED = "SELECT p.repository_id, i.digest, p.tagged, COALESCE(t.tagged, p.tagged), i.tagged FROM inventory_placements p \
        JOIN inventory_images i ON i.id = p.image_id LEFT JOIN finding_totals t ON t.repository_id = p.repository_id \
        AND t.image_id = p.image_id ORDER BY p.repository_id, i.digest";
    COUNT_TAGGED_OTHERWISE = "SELECT COUNT(*) FROM inventory_image_components h JOIN inventory_images i ON i.id = h.image_id \
        WHERE h.tagged <> i.tagged AND EXISTS (SELECT 1 FROM inventory_placements p WHERE p.image_id = i.id)";
    FORGET_PLACEMENTS_TAGGED = "UPDATE inventory_placements SET tagged = 2";
    FORGET_TOTALS_TAGGED = "UPDATE finding_totals SET tagged = 2";
    FORGET_IMAGES_TAGGED = "UPDATE inventory_images SET tagged = 2";
    FORGET_COMPONENTS_TAGGED = "UPDATE inventory_image_components SET tagged = 2";
    LIST_REPOSITORIES = "SELECT DISTINCT repository_id FROM inventory_placements";
    LIST_SCANS = "SELECT subject, body FROM facts WHERE claim = 'scan' ORDER BY observed_at_us, id";
    LIST_NOTED = "SELECT i.digest, s.findings_sha256 FROM finding_scans s JOIN inventory_images i ON i.id = s.image_id";
    FORGET_DECIDERS = "DELETE FROM finding_deciders";
    FORGET_CLOCK = "DELETE FROM finding_clock";
    FORGET_DECISIONS = "DELETE FROM finding_decisions";
    FORGET_REFERRERS = "DELETE FROM vex_referrers";
    FORGET_BESIDE = "DELETE FROM finding_beside";
    DUMP_BESIDE = "SELECT repository_id, image, subject FROM finding_beside ORDER BY repository_id, image, subject";
    COUNT_LEFT_OVER = "SELECT (SELECT COUNT(*) FROM inventory_components c WHERE NOT EXISTS \
        (SELECT 1 FROM inventory_image_components h WHERE h.component_id = c.id)), \
        (SELECT COUNT(*) FROM inventory_image_components h WHERE NOT EXISTS (SELECT 1 FROM inventory_components c WHERE c.id = h.component_id)), \
        (SELECT COUNT(*) FROM findings f WHERE NOT EXISTS (SELECT 1 FROM inventory_components c WHERE c.id = f.component_id)), \
        (SELECT COUNT(*) FROM finding_packages f WHERE NOT EXISTS (SELECT 1 FROM inventory_components c WHERE c.id = f.component_id)), \
        (SELECT COUNT(*) FROM finding_pairs f WHERE NOT EXISTS (SELECT 1 FROM inventory_components c WHERE c.id = f.component_id) \
        OR NOT EXISTS (SELECT 1 FROM inventory_components c WHERE c.id = f.owner_id)), \
        (SELECT COUNT(*) FROM finding_owned f WHERE NOT EXISTS (SELECT 1 FROM inventory_components c WHERE c.id = f.component_id) \
        OR NOT EXISTS (SELECT 1 FROM inventory_components c WHERE c.id = f.owner_id)), \
        (SELECT COUNT(*) FROM finding_decisions f WHERE NOT EXISTS (SELECT 1 FROM inventory_components c WHERE c.id = f.component_id))";
    SWEEP_NOW = "UPDATE jobs SET not_before_us = 0 WHERE kind = 'inventory.sweep' AND state = 'pending'";
    FORGET_STATE = "DELETE FROM finding_state";
    FORGET_FINDINGS = "DELETE FROM findings";
    FORGET_OWNED = "DELETE FROM finding_owned";
    FORGET_VULNERABILITIES = "DELETE FROM finding_vulnerabilities";
    FORGET_PACKAGES = "DELETE FROM finding_packages";
    FORGET_MATCHES = "UPDATE inventory_components SET matched = 0";
    SPOIL_FINDINGS = "UPDATE findings SET level = 1";
    BACK_TO_EARLIER_MATCHER = "UPDATE finding_state SET matcher = matcher - 1";
    FORGET_PAIRS = "UPDATE finding_pairs SET fresh = 0";
    FORGET_TOTALS = "UPDATE finding_totals SET fresh = 0, critical = 0, high = 0";
}

/// An advisory about a Debian source package or a Python one: vulnerable below a version, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Says {
    id: &'static str,
    package: &'static str,
    below: Option<&'static str>,
    level: Level,
    withdrawn: bool,
    /// Whether it says that those versions are not affected.
    denies: bool,
    /// How many packages of Python it speaks of besides: `other-0` and so on.
    others: usize,
    /// Other names of the same.
    aliases: &'static [&'static str],
    /// What it is about, where that is not itself.
    upstream: &'static [&'static str],
}

pub(crate) const fn says(id: &'static str, package: &'static str, below: &'static str, level: Level) -> Says {
    Says {
        id,
        package,
        below: Some(below),
        level,
        withdrawn: false,
        denies: false,
        others: 0,
        aliases: &[],
        upstream: &[],
    }
}

impl Says {
    pub(crate) fn denied(self) -> Self {
        Self { denies: true, ..self }
    }

    const fn also(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn about(self, upstream: &'static [&'static str]) -> Self {
        Self { upstream, ..self }
    }

    fn and_others(self, others: usize) -> Self {
        Self { others, ..self }
    }

    fn advisory(self) -> Advisory {
        let (ecosystem, package, named) = match self.package.strip_prefix("pypi/") {
            Some(package) => (Ecosystem::new(Family::PyPi), package, Named::Binary),
            None if self.package.starts_with("npm/") => {
                (Ecosystem::new(Family::Npm), &self.package[4..], Named::Binary)
            }
            None if self.package.starts_with("gem/") => {
                (Ecosystem::new(Family::RubyGems), &self.package[4..], Named::Binary)
            }
            None => (Ecosystem { family: Family::Debian, release: Some("12".to_owned()) }, self.package, Named::Source),
        };
        let end = self.below.map_or(End::Unbounded, |version| End::Fixed(version.to_owned()));
        let affected = |package: String| Affected {
            ecosystem: ecosystem.clone(),
            package,
            named,
            verdict: if self.denies { Verdict::NotAffected } else { Verdict::Affected(Fix::AsStated) },
            intervals: vec![Interval { start: Start::Unbounded, end: end.clone() }],
            versions: Vec::new(),
            qualifiers: Qualifiers::default(),
            severities: Vec::new(),
        };
        let others = (0..self.others).map(|other| format!("other-{other}"));
        Advisory {
            id: self.id.to_owned(),
            aliases: self.aliases.iter().map(ToString::to_string).collect(),
            upstream: self.upstream.iter().map(ToString::to_string).collect(),
            withdrawn: self.withdrawn.then_some(1),
            severities: vec![Severity { source: None, rating: Rating::Level(self.level) }],
            affected: std::iter::once(package.to_owned()).chain(others).map(affected).collect(),
            ..Advisory::default()
        }
    }
}

/// What a database holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    says: Vec<Says>,
    probabilities: Vec<(&'static str, f32)>,
    exploited: Vec<&'static str>,
}

impl Known {
    pub(crate) fn of(says: &[Says]) -> Self {
        Self { says: says.to_vec(), ..Self::default() }
    }

    fn advisories(&self) -> Arc<Advisories> {
        let probability = |(id, probability): &(&str, f32)| Probability {
            id: (*id).to_owned(),
            probability: *probability,
            percentile: 0.5,
        };
        let exploited = |id: &&str| Exploited { id: (*id).to_owned(), added: None, due: None, is_in_ransomware: false };
        let records = Records {
            advisories: self.says.iter().map(|says| says.advisory()).collect(),
            probabilities: self.probabilities.iter().map(probability).collect(),
            exploited: self.exploited.iter().map(exploited).collect(),
            ..Records::default()
        };
        let feed = Feed {
            name: "test".to_owned(),
            reader: "osv".to_owned(),
            address: String::new(),
            fetched: None,
            advisories: 0,
            problems: Vec::new(),
        };
        let mut builder = Builder::new();
        builder.add(feed, records);
        let bytes = builder.finish().unwrap();
        let sha256 = blobs::digest(oci::Algorithm::Sha256, &bytes).hex();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        Arc::new(Advisories { database: feeds::Store::open_file(file.path()).unwrap(), sha256 })
    }
}

impl Hub {
    pub(crate) async fn advise(&self, known: &Known) {
        self.order(known).await;
        self.settle().await;
    }

    async fn order(&self, known: &Known) {
        let advisories = known.advisories();
        let sha256 = advisories.sha256.clone();
        self.pipeline.use_advisories(advisories);
        let ordered = self.db.write(move |tx| {
            let job = Pipeline::match_order(&sha256).unwrap();
            Box::pin(async move { ledger::jobs::enqueue(tx, &job).await.map(drop) })
        });
        ordered.await.unwrap();
    }

    pub(crate) async fn affected(&self, vulnerability: &str, readable: &Readable) -> Vec<String> {
        let query = Query::parse(vulnerability, None).unwrap();
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.pipeline.find(&query, (readable, Tagged::Any), after.as_deref(), 2).await.unwrap();
            for one in page.items {
                let finding = one.finding.unwrap();
                let tags: Vec<&str> = one.tags.iter().map(oci::Tag::as_str).collect();
                let fixed = finding.fixed.unwrap_or_default();
                found.push(format!("{}:{} {} {} -> {fixed}", one.repository, tags.join(","), one.name, one.version));
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        found.sort();
        found
    }

    pub(crate) async fn events(&self) -> Vec<String> {
        let mut told = Vec::new();
        for row in query(&self.index, &LIST_EVENTS, Vec::new()).await {
            let kinds = ["", "new", "fixed", "changed", "withdrawn", "not-affected", "renamed"];
            let kind = kinds[usize::try_from(row.get::<i64>(0).unwrap()).unwrap()];
            let component: String = row.get(1).unwrap();
            let purl = component.split('?').next().unwrap().to_owned();
            told.push(format!("{kind} {} {purl}", row.get::<String>(2).unwrap()));
        }
        told
    }

    pub(crate) async fn listed(&self, filter: Filter, order: Order, readable: &Readable) -> Vec<String> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.pipeline.list_vulnerabilities(filter, order, readable, after.as_deref(), 2).await.unwrap();
            assert!(page.items.len() <= 2);
            for one in page.items {
                let level = one.level.map_or("unknown".to_owned(), |level| format!("{level:?}").to_lowercase());
                found.push(format!("{} {level} in {} images: {}", one.name, one.images, one.named.join(", ")));
            }
            after = page.next;
            if after.is_none() {
                return found;
            }
        }
    }

    pub(crate) async fn only(&self, repositories: &[&str]) -> Readable {
        let mut ids = BTreeSet::new();
        for repository in repositories {
            ids.insert(self.registry.repository_id(&name(repository)).await.unwrap());
        }
        Readable::Repositories(ids)
    }

    pub(crate) async fn push(&self, repository: &str, tag: &str, packages: &[(&str, &str)]) -> Digest {
        self.image(repository, tag, &[&[DEBIAN], &[(STATUS, &dpkg(packages))]]).await
    }

    /// Pushes an image with a Python package, which the distribution's package installed or someone else did.
    async fn push_python(&self, repository: &str, tag: &str, version: &str, is_owned: bool) -> Digest {
        let metadata = "usr/lib/python3/dist-packages/requests-1.dist-info/METADATA";
        let status = dpkg(&[("python3-requests", version)]);
        let text = format!("Metadata-Version: 2.1\nName: requests\nVersion: {version}\n");
        let list = if is_owned { format!("/{metadata}\n") } else { "/usr/share/doc/x\n".to_owned() };
        let files = [DEBIAN, (STATUS, &status), (metadata, &text), ("var/lib/dpkg/info/python3-requests.list", &list)];
        self.image(repository, tag, &[&files]).await
    }

    /// Everything that matching keeps, but for numbers and times.
    async fn dump(&self) -> Vec<Row> {
        let mut all = Vec::new();
        for statement in
            [&DUMP_FINDINGS, &DUMP_VULNERABILITIES, &DUMP_OWNED, &DUMP_TOTALS, &DUMP_DECISIONS, &DUMP_BESIDE]
        {
            all.extend(query(&self.index, statement, Vec::new()).await);
        }
        all
    }

    /// Forgets everything that was matched and matches it from the beginning.
    async fn match_anew(&self, known: &Known) {
        for statement in [
            &FORGET_STATE,
            &FORGET_FINDINGS,
            &FORGET_OWNED,
            &FORGET_VULNERABILITIES,
            &FORGET_PACKAGES,
            &FORGET_MATCHES,
            &FORGET_PAIRS,
            &FORGET_TOTALS,
            &FORGET_DECIDERS,
            &FORGET_CLOCK,
            &FORGET_DECISIONS,
            &FORGET_BESIDE,
        ] {
            run(&self.index, statement, Vec::new()).await;
        }
        run(&self.db, &FORGET_REFERRERS, Vec::new()).await;
        run(&self.db, &SWEEP_NOW, Vec::new()).await;
        self.decide().await;
        self.advise(known).await;
    }
}

impl Hub {
    /// Has images counted by what was set, and as of now.
    pub(crate) async fn decide(&self) {
        let ordered = self.db.write(|tx| {
            Box::pin(async move { ledger::jobs::enqueue(tx, &NewJob::single(pipeline::DECIDE)).await.map(drop) })
        });
        ordered.await.unwrap();
    }

    /// Returns the facts of scans, oldest first, as what was found.
    async fn scans(&self) -> Vec<(Digest, evidence::Scan)> {
        let rows = query(&self.db, &LIST_SCANS, Vec::new()).await;
        let scan = |row: &Row| {
            let fact = evidence::Fact::decode(&row.get::<Vec<u8>>(1).unwrap()).unwrap();
            let evidence::Claim::Scan(scan) = fact.claim else { panic!("{fact:?}") };
            (fact.subject, scan)
        };
        rows.iter().map(scan).collect()
    }

    async fn holds(&self, repository: &str, image: Digest) -> bool {
        self.registry.find_manifest(&name(repository), &oci::Reference::Digest(image)).await.is_ok()
    }

    /// Deletes the blob in which a referrer has its document, if both are there.
    async fn delete_document(&self, repository: &str, referrer: Digest) {
        let name = name(repository);
        let Ok(entry) = self.registry.find_manifest(&name, &oci::Reference::Digest(referrer)).await else { return };
        let manifest = oci::Manifest::parse(Some(&entry.media_type), &entry.body).unwrap();
        let _gone = self.registry.delete_blob(&name, &manifest.layers[0].digest, "user:ann").await;
    }

    /// Holds the newest fact about each image against what is noted of it.
    async fn check_scans(&self, told: &str) {
        let newest: BTreeMap<Digest, evidence::Scan> = self.scans().await.into_iter().collect();
        for row in query(&self.index, &LIST_NOTED, Vec::new()).await {
            let image = Digest::from_bytes(&row.get::<Vec<u8>>(0).unwrap()).unwrap();
            let noted: String = row.get(1).unwrap();
            assert_eq!(newest.get(&image).map(|scan| &scan.findings_sha256), Some(&noted), "{image}: {told}");
        }
    }

    /// Holds the totals of every image against a report of it.
    async fn check_reports(&self, told: &str) {
        for row in query(&self.index, &LIST_PLACED, Vec::new()).await {
            let repository = registry::RepositoryId::from_number(row.get(0).unwrap());
            let image = Digest::from_bytes(&row.get::<Vec<u8>>(1).unwrap()).unwrap();
            let name = self.registry.repository_name(repository).await.unwrap().expect(told);
            let Some(report) = self.pipeline.report(&name, image, (false, VexTold::All)).await.unwrap() else {
                continue;
            };
            let mut standing: BTreeMap<(String, &str), (bool, Option<Level>)> = BTreeMap::new();
            for finding in &report.findings {
                let component = finding.component.purl.as_ref().unwrap().to_string();
                let entry = standing.entry((component, &finding.vulnerability)).or_default();
                entry.0 |= finding.counts();
                entry.1 = finding.severity;
            }
            let of = |level| standing.values().filter(|(counts, of)| *counts && *of == Some(level)).count() as u64;
            let expected = [
                of(Level::Critical),
                of(Level::High),
                of(Level::Medium),
                of(Level::Low),
                standing.values().filter(|(counts, _)| !counts).count() as u64,
            ];
            let totals = self.pipeline.totals_of(repository, image).await.unwrap().unwrap();
            let counted = [totals.critical, totals.high, totals.medium, totals.low, totals.suppressed];
            assert_eq!(counted, expected, "{name} {image}: {told}");
        }
    }
}

impl Hub {
    /// Holds what lists and `find` tell against totals, for who may read all and for who may read one repository.
    async fn check_lists(&self, told: &str) {
        let mut readable = vec![Readable::All];
        for row in query(&self.index, &LIST_REPOSITORIES, Vec::new()).await {
            readable.push(Readable::Repositories(BTreeSet::from([registry::RepositoryId::from_number(
                row.get(0).unwrap(),
            )])));
        }
        let images = [Tagged::Any, Tagged::Yes, Tagged::No];
        for (readable, tagged) in readable.iter().flat_map(|readable| images.map(|tagged| (readable, tagged))) {
            let told = format!("{readable:?}, {tagged:?}: {told}");
            let (mut listed, mut counted) = (Vec::new(), Totals::default());
            let mut after = None;
            loop {
                let (filter, order) = (Filter { tagged, ..Filter::default() }, Order::Worst);
                let page = self.pipeline.list_vulnerabilities(filter, order, readable, after.as_deref(), 3).await;
                let page = page.unwrap();
                listed.extend(page.items);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            for one in &listed {
                let query = Query::parse(&one.name, None).unwrap();
                let page = self.pipeline.find(&query, (readable, tagged), None, 10_000).await.unwrap();
                let is_meant = |tags: u64| tagged == Tagged::Any || (tagged == Tagged::Yes) == (tags > 0);
                assert!(page.items.iter().all(|found| is_meant(found.tags_total)), "{}: {told}", one.name);
                let images: BTreeSet<_> = page.items.iter().map(|found| (&found.repository, found.image)).collect();
                assert_eq!(images.len() as u64, one.images, "{}: {told}", one.name);
                for found in page.items {
                    let finding = found.finding.unwrap();
                    match finding.level {
                        Some(Level::Critical) => counted.critical += 1,
                        Some(Level::High) => counted.high += 1,
                        Some(Level::Medium) => counted.medium += 1,
                        Some(Level::Low) => counted.low += 1,
                        _ => counted.unknown += 1,
                    }
                    counted.mendable += u64::from(finding.fixed.is_some());
                    counted.exploited += u64::from(one.exploited);
                }
            }
            let totals = self.pipeline.totals(readable, tagged).await.unwrap();
            assert_eq!(counted, Totals { suppressed: 0, ..totals }, "{told}");
            let levels: Vec<_> = listed.iter().map(|one| (one.exploited, one.level)).collect();
            assert!(levels.is_sorted_by(|one, next| one >= next), "{listed:?}: {told}");
        }
    }
}

/// Of an image in a repository: whether a tag holds it, and its vulnerabilities, each with whether exceptions or VEX have all of it not count.
type NotCounted = BTreeMap<(registry::RepositoryId, Digest), (bool, BTreeMap<String, bool>)>;

impl Hub {
    /// Holds in how many images it is decided that vulnerabilities do not count, as `find` tells it, against the reports.
    async fn check_not_counted(&self, told: &str) {
        let mut reported = NotCounted::new();
        for row in query(&self.index, &LIST_PLACED, Vec::new()).await {
            let repository = registry::RepositoryId::from_number(row.get(0).unwrap());
            let image = Digest::from_bytes(&row.get::<Vec<u8>>(1).unwrap()).unwrap();
            let held = self.registry.find_held_manifests(&[(repository, image)]).await.unwrap();
            let held = held.into_values().next().expect(told);
            let Some(report) = self.pipeline.report(&held.repository, image, (false, VexTold::All)).await.unwrap()
            else {
                continue;
            };
            let vulnerabilities = decided_not_to_count(&report);
            reported.insert((repository, image), (held.tags_total > 0, vulnerabilities));
        }
        let mut readable = vec![Readable::All];
        let repositories: BTreeSet<registry::RepositoryId> =
            reported.keys().map(|(repository, _)| *repository).collect();
        readable.extend(repositories.into_iter().map(|one| Readable::Repositories(BTreeSet::from([one]))));
        let names: BTreeSet<&String> =
            reported.values().flat_map(|(_, vulnerabilities)| vulnerabilities.keys()).collect();
        let images = [Tagged::Any, Tagged::Yes, Tagged::No];
        for (readable, tagged) in readable.iter().flat_map(|readable| images.map(|tagged| (readable, tagged))) {
            let is_meant = |repository: &registry::RepositoryId, is_tagged: bool| {
                let is_readable = match readable {
                    Readable::All => true,
                    Readable::Repositories(repositories) => repositories.contains(repository),
                };
                is_readable && (tagged == Tagged::Any || (tagged == Tagged::Yes) == is_tagged)
            };
            let meant: Vec<_> = reported
                .iter()
                .filter(|((repository, _), (is_tagged, _))| is_meant(repository, *is_tagged))
                .map(|(_, (_, vulnerabilities))| vulnerabilities)
                .collect();
            for name in &names {
                let expected = meant.iter().filter(|one| one.get(*name) == Some(&true)).count() as u64;
                let query = Query::parse(name, None).unwrap();
                let page = self.pipeline.find(&query, (readable, tagged), None, 1).await.unwrap();
                let counted = page.not_counted.map_or(0, |counted| counted.images);
                assert_eq!(counted, expected, "{name}, {readable:?}, {tagged:?}: {told}");
            }
        }
    }
}

/// Returns a report's vulnerabilities, each with whether nothing of it counts and exceptions or VEX have something not count that its publisher
/// does not deny.
fn decided_not_to_count(report: &::findings::Report) -> BTreeMap<String, bool> {
    use ::findings::Suppressor;
    let is_denial = |by| matches!(by, Suppressor::Publisher | Suppressor::NoCode);
    // By the version of a package, all places of which stand together.
    let mut together: BTreeMap<(&str, String), (bool, bool, bool)> = BTreeMap::new();
    for finding in &report.findings {
        let component = finding.component.purl.as_ref().unwrap().to_string();
        let (counts, is_decided, is_denied) = together.entry((&finding.vulnerability, component)).or_default();
        *counts |= finding.counts();
        let first = finding.suppressions.first().map(|first| first.by);
        *is_decided |= matches!(first, Some(Suppressor::Exception | Suppressor::Vex));
        *is_denied |= finding.suppressions.iter().chain(&finding.overruled).any(|one| is_denial(one.by));
    }
    let mut vulnerabilities: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for ((vulnerability, _), (counts, is_decided, is_denied)) in together {
        let (any_counts, any_decided) = vulnerabilities.entry(vulnerability.to_owned()).or_default();
        *any_counts |= counts;
        *any_decided |= !counts && is_decided && !is_denied;
    }
    vulnerabilities.into_iter().map(|(name, (counts, is_decided))| (name, !counts && is_decided)).collect()
}

impl Hub {
    /// Puts a tag on an image that is here.
    async fn tag(&self, repository: &str, image: Digest, tag: &str) {
        let entry = self.registry.find_manifest(&name(repository), &oci::Reference::Digest(image)).await.unwrap();
        let document = serde_json::from_slice(&entry.body).unwrap();
        assert_eq!(self.manifest(repository, tag, &document).await, image);
    }

    async fn untag(&self, repository: &str, tag: &str) -> Result<(), registry::Error> {
        self.registry.delete_tag(&name(repository), &tag.parse().unwrap(), "user:ann").await
    }

    /// Holds what is noted of tags against what the registry holds.
    async fn check_tagged(&self, told: &str) {
        let mut repositories: BTreeMap<Digest, Vec<bool>> = BTreeMap::new();
        let mut noted: BTreeMap<Digest, i64> = BTreeMap::new();
        for row in query(&self.index, &LIST_TAGGED, Vec::new()).await {
            let repository = registry::RepositoryId::from_number(row.get(0).unwrap());
            let image = Digest::from_bytes(&row.get::<Vec<u8>>(1).unwrap()).unwrap();
            let held = self.registry.find_held_manifests(&[(repository, image)]).await.unwrap();
            let is_tagged = held.values().any(|manifest| manifest.tags_total > 0);
            let [placement, totals, of_image] = [2, 3, 4].map(|at| row.get::<i64>(at).unwrap());
            assert_eq!([placement, totals], [i64::from(is_tagged); 2], "{repository:?} {image}: {told}");
            repositories.entry(image).or_default().push(is_tagged);
            noted.insert(image, of_image);
        }
        for (image, tagged) in repositories {
            let expected = if tagged.iter().all(|tagged| *tagged) { 2 } else { i64::from(tagged.contains(&true)) };
            assert_eq!(noted[&image], expected, "{image}: {told}");
        }
        assert_eq!(support::count(&self.index, &COUNT_TAGGED_OTHERWISE, Vec::new()).await, 0, "{told}");
    }

    /// Holds what is noted of which repositories hold which images against what they hold.
    async fn check_placed(&self, told: &str) {
        for row in query(&self.index, &LIST_COUNTED_OR_PLACED, Vec::new()).await {
            let repository = registry::RepositoryId::from_number(row.get(0).unwrap());
            let image = Digest::from_bytes(&row.get::<Vec<u8>>(1).unwrap()).unwrap();
            let held = self.registry.find_held_manifests(&[(repository, image)]).await.unwrap();
            assert_eq!(held.len(), 1, "{repository:?} {image} is gone: {told}");
        }
    }

    /// Returns how many images have a vulnerability by the lists, by `find` and by the totals, of all, of tagged ones and of the others.
    async fn images_with(&self, vulnerability: &str) -> [[u64; 3]; 3] {
        let mut all = Vec::new();
        for tagged in [Tagged::Any, Tagged::Yes, Tagged::No] {
            let filter = Filter { tagged, ..Filter::default() };
            let page =
                self.pipeline.list_vulnerabilities(filter, Order::Worst, &Readable::All, None, 10).await.unwrap();
            let listed = page.items.iter().find(|one| one.name == vulnerability).map_or(0, |one| one.images);
            let query = Query::parse(vulnerability, None).unwrap();
            let found = self.pipeline.find(&query, (&Readable::All, tagged), None, 10).await.unwrap().items;
            let totals = self.pipeline.totals(&Readable::All, tagged).await.unwrap();
            all.push([listed, found.len() as u64, totals.open()]);
        }
        all.try_into().unwrap()
    }
}

pub(crate) async fn fleet(database: Database) -> Hub {
    let hub = Hub::open(database).await;
    hub.push("team/api", "1", &[("openssl", "3.0.11-1"), ("zlib1g", "1.2")]).await;
    hub.push("team/api", "2", &[("openssl", "3.0.15-1"), ("zlib1g", "1.2")]).await;
    hub.push("team/web", "1", &[("openssl", "3.0.11-1"), ("opensc", "0.1")]).await;
    hub.push("other/job", "1", &[("openssl", "1.1.1w-1")]).await;
    hub
}

pub(crate) fn first() -> Known {
    Known {
        says: vec![
            says("CVE-2023-0001", "openssl", "3.0.12-1", Level::High),
            says("CVE-2023-0002", "zlib1g", "1.3", Level::Critical),
            says("CVE-2023-0003", "nothing", "9", Level::Critical),
        ],
        probabilities: vec![("CVE-2023-0001", 0.9)],
        exploited: Vec::new(),
    }
}

testkit::on_both_databases! {
    async fn a_vulnerability_is_found_by_whatever_name_its_publisher_gave_it(database: Database) {
        let hub = fleet(database).await;
        let names = ["TEMP-0000000-4FB12F", "DEBIAN-CVE-2023-0286", "openSUSE-SU-2024:0001-1", "BIT-openssl-2023-0286", "ELSA-2023-1405"];
        hub.advise(&Known::of(&names.map(|name| says(name, "openssl", "3.0.12-1", Level::High)))).await;
        for name in names {
            assert_eq!(hub.affected(name, &Readable::All).await.len(), 3, "{name}");
            assert!(hub.pipeline.is_vulnerability(name).await.unwrap(), "{name}");
        }
        assert_eq!(hub.affected("temp-0000000-4fb12f", &Readable::All).await.len(), 3);
        // What is no vulnerability is a package.
        assert!(!hub.pipeline.is_vulnerability("openssl").await.unwrap());
        for (pattern, range, expected) in
            [("openssl", None, 4), ("openssl", Some("<3"), 1), ("TEMP-0000000-000000", None, 0), ("TEMP-*", None, 0)]
        {
            let query = Query::parse(pattern, range).unwrap();
            let page = hub.pipeline.find(&query, (&Readable::All, Tagged::Any), None, 10).await.unwrap();
            assert_eq!(page.items.len(), expected, "{pattern}");
            assert!(page.items.iter().all(|found| found.finding.is_none()), "{pattern}");
        }
    }

    async fn a_record_about_two_cves_makes_them_no_one(database: Database) {
        let hub = Hub::open(database).await;
        hub.push("team/deb", "1", &[("openssl", "1"), ("zlib1g", "1")]).await;
        hub.push("team/web", "1", &[("opensc", "1")]).await;
        hub.settle().await;
        hub.advise(&Known::of(&[
            // GitHub tells of both in one record, of which two others tell apart.
            says("GHSA-both", "brotli", "2", Level::Low).also(&["CVE-2020-0001", "CVE-2020-0002", "GO-1", "RUSTSEC-1"]),
            says("RUSTSEC-1", "zlib1g", "2", Level::Low).also(&["CVE-2020-0002", "GHSA-both"]),
            says("GO-1", "opensc", "2", Level::Low).also(&["CVE-2020-0001", "GHSA-both"]),
            // An erratum is about several, of which another record tells too.
            says("DSA-1-1", "openssl", "2", Level::High).about(&["CVE-2021-0001", "CVE-2021-0002"]),
            says("CVE-2021-0001", "opensc", "2", Level::High),
        ])).await;
        let openssl = "team/deb:1 openssl 1 -> 2";
        let (zlib, opensc) = ("team/deb:1 zlib1g 1 -> 2", "team/web:1 opensc 1 -> 2");
        for (asked, expected) in [
            ("CVE-2020-0001", vec![opensc]),
            ("CVE-2020-0002", vec![zlib]),
            ("GO-1", vec![opensc]),
            ("RUSTSEC-1", vec![zlib]),
            ("GHSA-both", vec![]),
            ("CVE-2021-0001", vec![openssl, opensc]),
            ("CVE-2021-0002", vec![openssl]),
            // Of each of both, and nothing of what others say.
            ("DSA-1-1", vec![openssl, openssl]),
        ] {
            assert_eq!(hub.affected(asked, &Readable::All).await, expected, "{asked}");
            let few = hub.only(&["team/deb", "team/web"]).await;
            assert_eq!(hub.affected(asked, &few).await, expected, "{asked}");
        }
        // A page may end between both.
        let query = Query::parse("DSA-1-1", None).unwrap();
        let page = async |after: Option<&str>| {
            let page = hub.pipeline.find(&query, (&Readable::All, Tagged::Any), after, 1).await.unwrap();
            let names: Vec<_> = page.items.iter().map(|one| one.finding.clone().unwrap().vulnerability).collect();
            (names, page.next)
        };
        let (first, next) = page(None).await;
        let (second, end) = page(next.as_deref()).await;
        assert_eq!((first, second, end), (vec!["CVE-2021-0001".to_owned()], vec!["CVE-2021-0002".to_owned()], None));
    }

    async fn an_image_is_matched_as_it_lands_and_a_new_database_by_its_difference(database: Database) {
        let hub = fleet(database).await;
        hub.settle().await;
        assert_eq!(hub.pipeline.match_state().await.unwrap(), None);
        assert_eq!(hub.affected("CVE-2023-0001", &Readable::All).await, Vec::<String>::new());
        hub.advise(&first()).await;
        let state = hub.pipeline.match_state().await.unwrap().unwrap();
        assert_eq!((state.progress, &state.database_sha256), (Progress::Done, &first().advisories().sha256));
        assert_eq!(hub.affected("cve-2023-0001", &Readable::All).await, [
            "other/job:1 openssl 1.1.1w-1 -> 3.0.12-1",
            "team/api:1 openssl 3.0.11-1 -> 3.0.12-1",
            "team/web:1 openssl 3.0.11-1 -> 3.0.12-1",
        ]);
        // What is matched for the first time is nobody's news.
        assert_eq!(hub.events().await, Vec::<String>::new());

        let later = hub.push("team/api", "3", &[("zlib1g", "1.2"), ("openssl", "1.0-1")]).await;
        hub.settle().await;
        let of_later = hub.pipeline.match_state_of(later).await.unwrap();
        assert_eq!(of_later, Some(ImageMatch { state, is_done: true }));
        let report = hub.pipeline.report(&name("team/api"), later, (false, VexTold::All)).await.unwrap().unwrap();
        let matched = report.matched.unwrap();
        assert_eq!((matched.state, matched.database), (MatchedState::Done, format!("sha256:{}", first().advisories().sha256)));
        assert!(hub.affected("CVE-2023-0001", &Readable::All).await.contains(&"team/api:3 openssl 1.0-1 -> 3.0.12-1".to_owned()));
        let team = hub.registry.repository_id(&name("team/api")).await.unwrap();
        let totals = hub.pipeline.totals_of(team, later).await.unwrap().unwrap();
        assert_eq!((totals.critical, totals.high, totals.mendable, totals.exploited), (1, 1, 2, 0));

        let second = Known {
            says: vec![
                says("CVE-2023-0001", "openssl", "3.0.12-1", Level::Critical),
                says("CVE-2024-0009", "opensc", "0.2", Level::Low),
            ],
            probabilities: vec![("CVE-2023-0001", 0.8)],
            exploited: vec!["CVE-2023-0001"],
        };
        hub.advise(&second).await;
        assert_eq!(hub.affected("CVE-2023-0002", &Readable::All).await, Vec::<String>::new());
        assert_eq!(hub.affected("CVE-2024-0009", &Readable::All).await, ["team/web:1 opensc 0.1 -> 0.2"]);
        let mut events = hub.events().await;
        events.sort();
        assert_eq!(events, [
            "changed CVE-2023-0001 pkg:deb/debian/openssl@1.0-1",
            "changed CVE-2023-0001 pkg:deb/debian/openssl@1.1.1w-1",
            "changed CVE-2023-0001 pkg:deb/debian/openssl@3.0.11-1",
            "new CVE-2024-0009 pkg:deb/debian/opensc@0.1",
            "withdrawn CVE-2023-0002 pkg:deb/debian/zlib1g@1.2",
        ]);
        let totals = hub.pipeline.totals_of(team, later).await.unwrap().unwrap();
        assert_eq!((totals.critical, totals.high, totals.exploited, totals.open()), (1, 0, 1, 1));
        // Events and lists tell only of what the caller may read.
        let other = hub.only(&["other/job"]).await;
        let told = hub.pipeline.list_events(&other, None, 10).await.unwrap();
        assert_eq!(told.items.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["finding.changed"]);
        let before = hub.dump().await;
        hub.match_anew(&second).await;
        assert_eq!(hub.dump().await, before);
    }

    async fn what_is_had_no_more_says_why(database: Database) {
        let hub = fleet(database).await;
        hub.settle().await;
        let of = |below, level| says("CVE-2024-0009", "opensc", below, level);
        let (low, withdrawn) = (of("0.2", Level::Low), Says { withdrawn: true, ..of("0.2", Level::Low) });
        let upstream = says("GHSA-aaaa-bbbb-cccc", "opensc", "0.2", Level::Low);
        hub.push("team/api", "9", &[("opensc", "0.1")]).await;
        hub.settle().await;
        hub.advise(&Known::of(&[says("CVE-2023-0001", "openssl", "1", Level::High)])).await;
        let cve = |kind: &str| format!("{kind} CVE-2024-0009");
        let ghsa = |kind: &str| format!("{kind} GHSA-aaaa-bbbb-cccc");
        for (records, expected) in [
            (vec![low], vec![cve("finding.new")]),
            (vec![of("0.1", Level::Low)], vec![cve("finding.fixed not-affected")]),
            (vec![low], vec![cve("finding.new")]),
            (vec![low.denied()], vec![cve("finding.fixed not-affected")]),
            (vec![low], vec![cve("finding.new")]),
            (vec![of("0.2", Level::High)], vec![cve("finding.changed")]),
            (vec![withdrawn], vec![cve("finding.fixed withdrawn")]),
            (vec![low], vec![cve("finding.new")]),
            // As where its feed is left out, or the database is taken back.
            (vec![], vec![cve("finding.fixed withdrawn")]),
            (vec![upstream], vec![ghsa("finding.new")]),
            (vec![upstream.also(&["CVE-2024-0009"])], vec![cve("finding.new"), ghsa("finding.fixed renamed")]),
        ] {
            let before = hub.pipeline.list_events(&Readable::All, None, 1).await.unwrap();
            let before = before.items.first().map_or(0, |event| event.id);
            let other = says("CVE-2023-0001", "openssl", "1", Level::High);
            hub.advise(&Known::of(&[vec![other], records.clone()].concat())).await;
            let events = hub.pipeline.list_events(&Readable::All, None, 10).await.unwrap().items;
            let told = |event: &pipeline::Event| {
                let gone = event.gone.map(|gone| format!(" {}", gone.as_str())).unwrap_or_default();
                assert!(event.gone != Some(pipeline::Gone::Withdrawn) || event.fixed.is_none());
                format!("{}{gone} {}", event.kind.as_str(), event.vulnerability)
            };
            let mut told: Vec<String> = events.iter().filter(|event| event.id > before).map(told).collect();
            told.sort();
            let mut expected = expected;
            expected.sort();
            assert_eq!(told, expected, "{records:?}");
        }
    }

    async fn what_is_called_the_same_is_one_event(database: Database) {
        let hub = Hub::open(database).await;
        // One purl, and two of it, which matching tells apart: one lies in JRuby.
        let gem = "Gem::Specification.new do |s|\n  s.name = \"nokogiri\"\n  s.version = \"1\"\nend\n";
        for (repository, place) in [("team/api", "opt/jruby-9.4/lib/ruby/gems/shared"), ("other/job", "usr/lib/ruby/gems/3.1.0")] {
            let path = format!("{place}/specifications/nokogiri-1.gemspec");
            hub.image(repository, "1", &[&[DEBIAN], &[(&path, gem)]]).await;
        }
        hub.settle().await;
        let also = ("CVE-2024-0001", "CVE-2024-0002");
        hub.advise(&Known::of(&[says("CVE-2023-0001", "nothing", "1", Level::High)])).await;
        hub.advise(&Known::of(&[says(also.0, "gem/nokogiri", "2", Level::High), says(also.1, "gem/nokogiri", "2", Level::High)])).await;
        assert_eq!(hub.events().await.len(), 4);
        for readable in [Readable::All, hub.only(&["team/api"]).await, hub.only(&["other/job"]).await] {
            for limit in [1, 2, 10] {
                let (mut told, mut before) = (Vec::new(), None);
                loop {
                    let page = hub.pipeline.list_events(&readable, before, limit).await.unwrap();
                    told.extend(page.items.into_iter().map(|event| event.vulnerability));
                    before = page.next;
                    if before.is_none() {
                        break;
                    }
                }
                told.sort();
                assert_eq!(told, [also.0, also.1], "{limit}");
            }
        }
    }

    async fn what_an_image_has_is_a_fact_for_each_change_of_it(database: Database) {
        let hub = fleet(database).await;
        hub.settle().await;
        hub.advise(&first()).await;
        let scans = hub.scans().await;
        assert_eq!(scans.len(), 4);
        let counted: Vec<u64> = scans.iter().map(|(_, scan)| scan.critical + scan.high).collect();
        assert_eq!(counted.iter().sum::<u64>(), 5);
        assert!(scans.iter().all(|(_, scan)| scan.database_sha256 == first().advisories().sha256));
        // A score that moves is no change of what is there, nor is what is decided about it.
        let mut moved = first();
        moved.probabilities = vec![("CVE-2023-0001", 0.2)];
        moved.says[0].level = Level::Critical;
        moved.exploited = vec!["CVE-2023-0002"];
        hub.advise(&moved).await;
        assert_eq!(hub.scans().await.len(), 4);
        moved.says.remove(1);
        hub.advise(&moved).await;
        let scans = hub.scans().await;
        assert_eq!(scans.len(), 6);
        assert!(scans[4..].iter().all(|(_, scan)| scan.database_sha256 == moved.advisories().sha256 && scan.high == 0));
        hub.check_scans("").await;
    }

    async fn vulnerabilities_are_listed_worst_first_of_what_may_be_read(database: Database) {
        let hub = fleet(database).await;
        hub.settle().await;
        hub.advise(&Known { exploited: vec!["CVE-2023-0001"], ..first() }).await;
        let all = &Readable::All;
        let (api, job) = (hub.only(&["team/api"]).await, hub.only(&["other/job"]).await);
        let any = Filter::default();
        assert_eq!(hub.listed(any, Order::Worst, all).await, [
            "CVE-2023-0001 high in 3 images: openssl 3.0.11-1, openssl 1.1.1w-1",
            "CVE-2023-0002 critical in 2 images: zlib1g 1.2",
        ]);
        assert_eq!(hub.listed(any, Order::Worst, &api).await, [
            "CVE-2023-0001 high in 1 images: openssl 3.0.11-1",
            "CVE-2023-0002 critical in 2 images: zlib1g 1.2",
        ]);
        assert_eq!(hub.listed(any, Order::Worst, &job).await, ["CVE-2023-0001 high in 1 images: openssl 1.1.1w-1"]);
        assert_eq!(hub.listed(any, Order::Worst, &hub.only(&[]).await).await, Vec::<String>::new());
        let critical = Filter { level: Some(Level::Critical), ..any };
        assert_eq!(hub.listed(critical, Order::Worst, all).await, ["CVE-2023-0002 critical in 2 images: zlib1g 1.2"]);
        let probable = Filter { probability: 0.5, ..any };
        assert_eq!(hub.listed(probable, Order::Probability, &job).await.len(), 1);
        let exploited = Filter { exploited: true, mendable: true, ..any };
        assert_eq!(hub.listed(exploited, Order::Age, &api).await.len(), 1);
        let totals = hub.pipeline.totals(all, Tagged::Any).await.unwrap();
        assert_eq!((totals.critical, totals.high, totals.exploited, totals.mendable), (2, 3, 3, 5));
        let totals = hub.pipeline.totals(&job, Tagged::Any).await.unwrap();
        assert_eq!((totals.critical, totals.high), (0, 1));
        assert_eq!(hub.affected("CVE-2023-0001", &job).await, ["other/job:1 openssl 1.1.1w-1 -> 3.0.12-1"]);
        let unknown = hex::encode(br#"{"key":1,"name":"CVE-2000-0001"}"#);
        for after in ["x", "1.1", &unknown] {
            let error = hub.pipeline.list_vulnerabilities(any, Order::Worst, all, Some(after), 2).await.unwrap_err();
            assert!(matches!(error, pipeline::Error::Cursor), "{after}");
        }
    }

    async fn what_a_rebuild_left_without_a_tag_is_told_apart(database: Database) {
        let hub = Hub::open(database).await;
        hub.advise(&Known::of(&[says("CVE-2024-0001", "openssl", "2", Level::High)])).await;
        let id = "CVE-2024-0001";
        let old = hub.push("team/api", "latest", &[("openssl", "1"), ("tar", "1")]).await;
        hub.settle().await;
        let [none, one] = [[0; 3], [1; 3]];
        assert_eq!(hub.images_with(id).await, [one, one, none]);
        hub.push("team/api", "latest", &[("openssl", "2"), ("tar", "1")]).await;
        hub.settle().await;
        assert_eq!(hub.images_with(id).await, [one, none, one], "rebuilt");
        hub.tag("team/api", old, "old").await;
        hub.settle().await;
        assert_eq!(hub.images_with(id).await, [one, one, none], "tagged again");
        assert_eq!(hub.push("other/job", "copied", &[("openssl", "1"), ("tar", "1")]).await, old);
        hub.untag("team/api", "old").await.unwrap();
        hub.settle().await;
        assert_eq!(hub.images_with(id).await, [[2; 3], one, one], "tagged in another repository alone");
        hub.untag("other/job", "copied").await.unwrap();
        hub.settle().await;
        assert_eq!(hub.images_with(id).await, [[2; 3], none, [2; 3]], "tagged nowhere");
        let index = hub.index_of("team/api", "all", &[old]).await;
        hub.settle().await;
        assert_eq!(hub.images_with(id).await, [[2; 3], one, one], "listed by an index with a tag");
        let outer = hub.index_of("team/api", "outer", &[index]).await;
        hub.untag("team/api", "all").await.unwrap();
        hub.settle().await;
        assert_eq!(hub.images_with(id).await, [[2; 3], one, one], "listed by an index that an index with a tag lists");
        hub.check_tagged("before the index goes").await;
        hub.registry.delete_manifest(&name("team/api"), &outer, "user:ann").await.unwrap();
        hub.settle().await;
        assert_eq!(hub.images_with(id).await, [[2; 3], none, [2; 3]], "the index went");
        hub.check_tagged("at the end").await;
        assert!(matches!(hub.untag("team/api", "old").await, Err(registry::Error::ManifestUnknown { .. })));
    }

    /// No sweep runs here: what is gone is taken away by the jobs that its deletion ordered.
    async fn what_was_deleted_counts_no_more(database: Database) {
        let hub = Hub::open(database).await;
        hub.advise(&Known::of(&[says("CVE-2024-0001", "openssl", "2", Level::High)])).await;
        let id = "CVE-2024-0001";
        let [none, one, two] = [[0; 3], [1; 3], [2; 3]];
        let image = hub.push("team/api", "1", &[("openssl", "1"), ("tar", "1")]).await;
        hub.push("other/job", "1", &[("openssl", "1"), ("tar", "1")]).await;
        hub.settle().await;
        assert_eq!(hub.images_with(id).await, [two, two, none]);
        hub.registry.delete_repository(&name("other/job"), "user:ann").await.unwrap();
        hub.settle().await;
        assert_eq!(hub.images_with(id).await, [one, one, none], "the repository went");
        hub.untag("team/api", "1").await.unwrap();
        hub.settle().await;
        assert_eq!(hub.images_with(id).await, [one, none, one], "the tag went");
        hub.registry.delete_manifest(&name("team/api"), &image, "user:ann").await.unwrap();
        hub.settle().await;
        assert_eq!(hub.images_with(id).await, [none; 3], "the image went");
        hub.check_placed("at the end").await;
        assert_eq!(hub.push("team/api", "1", &[("openssl", "1"), ("tar", "1")]).await, image);
        hub.settle().await;
        assert_eq!(hub.images_with(id).await, [one, one, none], "it is pushed again");
        hub.registry.delete_manifest(&name("team/api"), &image, "user:ann").await.unwrap();
        assert_eq!(hub.push("team/api", "1", &[("openssl", "1"), ("tar", "1")]).await, image);
        hub.settle().await;
        assert_eq!(hub.images_with(id).await, [one, one, none], "it went and came before anybody looked");
    }

    /// An upgrade knows of no tag: what it finds counts as tagged until the sweep looked, which begins at once.
    async fn images_from_before_an_upgrade_are_looked_at_at_once(database: Database) {
        let hub = Hub::open(database).await;
        hub.advise(&Known::of(&[says("CVE-2024-0001", "openssl", "2", Level::High)])).await;
        hub.push("team/api", "latest", &[("openssl", "1")]).await;
        hub.push("team/api", "latest", &[("openssl", "2")]).await;
        hub.settle().await;
        let apart = [[1; 3], [0; 3], [1; 3]];
        assert_eq!(hub.images_with("CVE-2024-0001").await, apart);
        for statement in
            [&FORGET_PLACEMENTS_TAGGED, &FORGET_TOTALS_TAGGED, &FORGET_IMAGES_TAGGED, &FORGET_COMPONENTS_TAGGED]
        {
            run(&hub.index, statement, Vec::new()).await;
        }
        // The registry is asked about each that `find` tells of: what has no tag is not told as tagged.
        assert_eq!(hub.images_with("CVE-2024-0001").await, [[1; 3], [1, 0, 1], [0; 3]]);
        hub.pipeline.order_renewal().await.unwrap();
        hub.settle().await;
        assert_eq!(hub.images_with("CVE-2024-0001").await, apart);
        hub.check_tagged("after the sweep").await;
    }

    async fn the_distribution_answers_for_what_its_packages_installed(database: Database) {
        let hub = Hub::open(database).await;
        hub.push_python("team/api", "owned", "2.0", true).await;
        hub.push_python("team/api", "other", "2.0", false).await;
        hub.settle().await;
        let upstream = says("CVE-2024-0001", "pypi/requests", "3.0", Level::High);
        hub.advise(&Known::of(&[upstream])).await;
        let both = ["team/api:other requests 2.0 -> 3.0", "team/api:owned requests 2.0 -> 3.0"];
        assert_eq!(hub.affected("CVE-2024-0001", &Readable::All).await, both);
        // It was mended there before.
        let mended = says("CVE-2024-0001", "python3-requests", "1.9", Level::High);
        hub.advise(&Known::of(&[upstream, mended])).await;
        assert_eq!(hub.affected("CVE-2024-0001", &Readable::All).await, both[..1]);
        let totals = hub.pipeline.totals(&Readable::All, Tagged::Any).await.unwrap();
        assert_eq!((totals.high, totals.suppressed), (1, 1));
        hub.advise(&Known::of(&[upstream])).await;
        assert_eq!(hub.affected("CVE-2024-0001", &Readable::All).await, both);
        assert_eq!(hub.pipeline.totals(&Readable::All, Tagged::Any).await.unwrap().high, 2);
    }
    /// What an earlier matcher found is found out again, though the database is the same.
    async fn a_new_matcher_matches_everything_again(database: Database) {
        let hub = fleet(database).await;
        hub.advise(&first()).await;
        let (whole, before) = (hub.dump().await, hub.pipeline.match_state().await.unwrap().unwrap());
        for statement in [&SPOIL_FINDINGS, &BACK_TO_EARLIER_MATCHER] {
            run(&hub.index, statement, Vec::new()).await;
        }
        assert_ne!(hub.dump().await, whole);
        hub.advise(&first()).await;
        assert_eq!(hub.dump().await, whole);
        let state = hub.pipeline.match_state().await.unwrap().unwrap();
        assert_eq!((state.matcher, state.progress), (before.matcher, Progress::Done));
        hub.check_reports("by a new matcher").await;
    }

    /// What a vulnerability is elsewhere shows neither in the order nor in the cursor.
    async fn a_list_is_in_the_order_of_what_its_reader_may_see(database: Database) {
        let hub = Hub::open(database).await;
        hub.push("team/api", "1", &[("openssl", "1"), ("curl", "1"), ("bash", "1"), ("tar", "1")]).await;
        hub.push("other/job", "1", &[("zlib1g", "1")]).await;
        hub.settle().await;
        hub.advise(&Known::of(&[
            says("CVE-2024-0001", "openssl", "2", Level::Low),
            says("CVE-2024-0001", "zlib1g", "2", Level::Critical),
            says("CVE-2024-0002", "curl", "2", Level::Medium),
            says("CVE-2024-0003", "bash", "2", Level::High),
            says("CVE-2024-0004", "tar", "2", Level::Low),
        ]))
        .await;
        let (team, any) = (hub.only(&["team/api"]).await, Filter::default());
        let [low, medium, high, other] = [
            "CVE-2024-0001 low in 1 images: openssl 1",
            "CVE-2024-0002 medium in 1 images: curl 1",
            "CVE-2024-0003 high in 1 images: bash 1",
            "CVE-2024-0004 low in 1 images: tar 1",
        ];
        let listed = hub.listed(any, Order::Worst, &team).await;
        assert_eq!(listed[..2], [high, medium]);
        assert_eq!(BTreeSet::from([&*listed[2], &*listed[3]]), BTreeSet::from([low, other]));
        assert_eq!(listed.len(), 4);
        assert!(hub.listed(any, Order::Worst, &Readable::All).await[0].starts_with("CVE-2024-0001 critical in 2 images"));
        // The cursor behind the third is the same whatever the vulnerability is elsewhere.
        let page = hub.pipeline.list_vulnerabilities(any, Order::Worst, &team, None, 3).await.unwrap();
        let behind = hex::decode(page.next.unwrap()).unwrap();
        assert!(behind.starts_with(br#"{"key":20000000,"name":"CVE-2024-000"#), "{behind:?}");
    }

    /// Until the versions of its packages are matched, an image is not.
    async fn an_image_of_which_something_waits_is_not_matched(database: Database) {
        let hub = fleet(database).await;
        hub.advise(&first()).await;
        let image = hub.push("team/api", "4", &[("openssl", "3.0.11-1")]).await;
        hub.settle().await;
        let is_done = || async { hub.pipeline.match_state_of(image).await.unwrap().unwrap().is_done };
        assert!(is_done().await);
        run(&hub.index, &FORGET_MATCHES, Vec::new()).await;
        assert!(!is_done().await);
        let report = hub.pipeline.report(&name("team/api"), image, (false, VexTold::All)).await.unwrap().unwrap();
        assert_eq!(report.matched.unwrap().state, MatchedState::Pending);
        hub.advise(&first()).await;
        assert!(is_done().await);
        assert_eq!(hub.pipeline.releases().await.unwrap(), BTreeSet::from(["Debian:12".to_owned()]));
    }


    async fn an_update_that_is_cut_off_anywhere_goes_on(database: Database) {
        let hub = fleet(database).await;
        hub.push_python("team/api", "owned", "2.0", true).await;
        hub.settle().await;
        let one = first();
        let two = Known {
            says: vec![
                says("CVE-2023-0001", "openssl", "3.0.14-1", Level::Low),
                says("CVE-2024-0001", "pypi/requests", "3.0", Level::High),
                says("CVE-2024-0001", "python3-requests", "1.9", Level::High),
            ],
            probabilities: vec![("CVE-2023-0001", 0.4)],
            exploited: vec!["CVE-2024-0001"],
        };
        hub.advise(&one).await;
        hub.faults.count();
        hub.advise(&two).await;
        let operations = hub.faults.operations();
        let two_dump = hub.dump().await;
        hub.advise(&one).await;
        let one_dump = hub.dump().await;
        let asked = std::env::var("GARRISON_CALLS_STEP").ok().and_then(|text| text.parse::<usize>().ok());
        for call in (1..operations).step_by(asked.unwrap_or(CALLS_STEP)) {
            let (known, dump) = if call % 2 == 1 { (&two, &two_dump) } else { (&one, &one_dump) };
            hub.order(known).await;
            hub.settle_through_failure(call).await;
            assert_eq!(&hub.dump().await, dump, "call {call}");
        }
    }
}

/// Each so many operations one fails; both databases' numbers have no common part with it. `GARRISON_CALLS_STEP=1` asks for each of the some 200,
/// which takes minutes.
const CALLS_STEP: usize = 11;
