use std::collections::BTreeMap;

use component::{Component, Distribution};
use vulndb::Verdict;
use vulndb::file::{Corrupt, Database, Statement, VulnerabilityIndex};
use vulndb::matching::{self, Hit, Identity, Outcome};

/// All that is said of a component's package, of whatever version: read once, so that several versions can be held against it.
pub(crate) struct Spoken<'a> {
    component: &'a Component,
    distribution: Option<&'a Distribution>,
    pub(crate) identities: Vec<Identity>,
    pub(crate) entries: Vec<Entry<'a>>,
    /// The statements about each vulnerability, withdrawn ones left out.
    pub(crate) about: BTreeMap<VulnerabilityIndex, Vec<usize>>,
}

/// A statement, and the place of the identity that it is held against.
pub(crate) struct Entry<'a> {
    pub(crate) identity: usize,
    pub(crate) statement: Statement<'a>,
}

impl<'a> Spoken<'a> {
    pub(crate) fn of<B: AsRef<[u8]>>(
        database: &'a Database<B>,
        component: &'a Component,
        distribution: Option<&'a Distribution>,
    ) -> Result<Self, Corrupt> {
        let identities = matching::identities(component, distribution);
        let (mut entries, mut about) = (Vec::new(), BTreeMap::<_, Vec<usize>>::new());
        for (place, identity) in identities.iter().enumerate() {
            let Some(package) = database.find_package(&identity.ecosystem, &identity.name)? else { continue };
            for statement in database.statements(&package)? {
                let statement = statement?;
                let head = database.advisory(statement.advisory)?;
                if statement.named != identity.named || head.withdrawn.is_some() {
                    continue;
                }
                for vulnerability in &head.vulnerabilities {
                    about.entry(*vulnerability).or_default().push(entries.len());
                }
                entries.push(Entry { identity: place, statement });
            }
        }
        Ok(Self { component, distribution, identities, entries, about })
    }

    /// Tells whether a component that goes by these identities would have what these statements speak of.
    pub(crate) fn is_open(&self, statements: &[usize], identities: &[Identity]) -> bool {
        let (mut is_hit, mut is_hit_elsewhere, mut is_mended) = (false, false, false);
        for Entry { identity, statement } in statements.iter().map(|at| &self.entries[*at]) {
            let identity = &identities[*identity];
            let outcome = matching::judge(statement, self.component, self.distribution, identity);
            let is_meant = matches!(outcome, Outcome::Meant(_));
            if matching::is_mended_in_channel(statement, identity, &outcome) {
                return false;
            }
            is_mended |= matching::is_mended_for_all(statement, identity, &outcome);
            match statement.verdict {
                Verdict::NotAffected if is_meant => return false,
                Verdict::Affected(_) | Verdict::UnderInvestigation
                    if matching::is_about_other_builds(statement, identity) =>
                {
                    is_hit_elsewhere |= is_meant;
                }
                Verdict::Affected(_) | Verdict::UnderInvestigation => is_hit |= is_meant,
                Verdict::NotAffected => {}
            }
        }
        is_hit || is_hit_elsewhere && !is_mended
    }

    /// Returns the range of a hit, in words.
    pub(crate) fn range(&self, hit: &Hit) -> Option<String> {
        // An advisory makes few statements about a package that many speak of.
        let own = self.entries.iter().filter(|Entry { identity, statement }| {
            statement.advisory == hit.advisory && self.identities[*identity] == hit.identity
        });
        own.map(|Entry { statement, .. }| statement).find_map(|statement| {
            let Outcome::Meant(interval) = matching::judge(statement, self.component, self.distribution, &hit.identity)
            else {
                return None;
            };
            Some(match interval.and_then(|at| statement.intervals.get(at)) {
                Some(interval) => interval.to_string(),
                None if statement.versions.is_empty() => "all versions".to_owned(),
                None => format!("= {}", hit.identity.version),
            })
        })
    }
}
