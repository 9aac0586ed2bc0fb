use std::collections::BTreeSet;

use crate::file::{AdvisoryIndex, Corrupt, Database, VulnerabilityIndex};
use crate::matching::Finding;

/// What somebody means who asks for a name: the vulnerability that goes by it, or, where a record is called so that is about several, what that record says
/// of them. Nothing that others say of one of several is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The vulnerabilities, in order: one or more.
    pub vulnerabilities: Vec<VulnerabilityIndex>,
    /// The records that are meant.
    pub records: BTreeSet<AdvisoryIndex>,
}

impl Asked {
    /// Finds what is meant by a name, however the letters of a CVE or of GitHub's names are written. None where no record knows it.
    ///
    /// # Errors
    /// When the database is damaged.
    pub fn find<B: AsRef<[u8]>>(database: &Database<B>, name: &str) -> Result<Option<Self>, Corrupt> {
        let tail = name.get(..5).filter(|head| head.eq_ignore_ascii_case("GHSA-")).map(|_| &name[5..]);
        let advisory_of_github = tail.map(|tail| format!("GHSA-{}", tail.to_ascii_lowercase()));
        let spellings = [Some(name.to_owned()), Some(name.to_ascii_uppercase()), advisory_of_github];
        for spelling in spellings.into_iter().flatten() {
            let vulnerabilities = database.find_vulnerabilities(&spelling)?;
            if !vulnerabilities.is_empty() {
                let records = records(database, &spelling, &vulnerabilities)?;
                return Ok(Some(Self { vulnerabilities, records }));
            }
        }
        Ok(None)
    }

    /// Tells whether one record is meant that is about several vulnerabilities, and not a vulnerability.
    pub fn is_of_several(&self) -> bool {
        self.vulnerabilities.len() > 1
    }

    /// Tells whether a finding is one that is meant.
    pub fn means(&self, finding: &Finding) -> bool {
        self.vulnerabilities.contains(&finding.vulnerability)
            && finding.hits.iter().any(|hit| self.records.contains(&hit.advisory))
    }
}

fn records<B: AsRef<[u8]>>(
    database: &Database<B>,
    name: &str,
    vulnerabilities: &[VulnerabilityIndex],
) -> Result<BTreeSet<AdvisoryIndex>, Corrupt> {
    let mut all = BTreeSet::new();
    for index in vulnerabilities {
        all.extend(database.vulnerability(*index)?.advisories);
    }
    if vulnerabilities.len() == 1 {
        return Ok(all);
    }
    let (mut called, mut naming) = (BTreeSet::new(), BTreeSet::new());
    for index in all {
        let head = database.advisory(index)?;
        if head.id == name {
            called.insert(index);
        } else if head.aliases.contains(&name) {
            naming.insert(index);
        }
    }
    // Records that only know another one by its name are meant where that one is not here.
    Ok(if called.is_empty() { naming } else { called })
}
