//! What decides each difference between the tools. One that none of these decides is not judged yet, and the bench fails.

use super::advisories::Said;
use super::made::{QUESTIONS, Question};

/// A vulnerability that some tools find and others do not.
pub(super) struct Difference {
    pub(super) ecosystem: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) id: String,
    /// The tools that find it.
    pub(super) by: Vec<&'static str>,
    /// What languages' records say.
    pub(super) said: Vec<Said>,
    /// What a record that was made for the purpose asks, and whether the package is affected.
    pub(super) question: Option<(Question, bool)>,
    /// What the records say, in words.
    pub(super) told: String,
}

/// What was found out about a kind of difference.
pub(super) struct Judgement {
    /// Whether the package is affected by what its publisher says; nothing where that cannot be told.
    pub(super) is_affected: Option<bool>,
    pub(super) reason: &'static str,
}

/// Returns what decides a difference.
pub(super) fn judge(difference: &Difference) -> Option<Judgement> {
    if let Some((question, is_affected)) = difference.question {
        let (_, reason, _) = QUESTIONS.iter().find(|(known, _, _)| *known == question)?;
        return Some(Judgement { is_affected: Some(is_affected), reason });
    }
    let rule = RULES.iter().find(|rule| {
        rule.ecosystems.contains(&difference.ecosystem.as_str()) && rule.by == difference.by && (rule.holds)(difference)
    })?;
    Some(Judgement { is_affected: rule.is_affected, reason: rule.reason })
}

/// A kind of difference: the ecosystems, exactly who finds it, and what is so of the records or the version.
struct Rule {
    ecosystems: &'static [&'static str],
    by: &'static [&'static str],
    holds: fn(&Difference) -> bool,
    is_affected: Option<bool>,
    reason: &'static str,
}

impl Difference {
    fn is_open(&self) -> bool {
        self.said.iter().any(Said::is_open)
    }

    /// Whether a record lists versions besides its ranges, and this is none of them.
    fn is_unlisted(&self) -> bool {
        self.said.iter().any(|said| !said.versions.is_empty()) && !self.is_listed()
    }

    fn is_listed(&self) -> bool {
        self.said.iter().any(|said| said.versions.contains(&self.version))
    }

    fn has_custom_ranges(&self) -> bool {
        self.said.iter().any(|said| said.has_custom_ranges)
    }

    /// Go's name of a commit without a version before it, which is a version before every other.
    fn is_commit(&self) -> bool {
        self.version.starts_with("0.0.0-")
    }

    /// Whether the version or a bound has more than three numbers: a commit, a build, a candidate.
    fn is_beside_numbers(&self) -> bool {
        let bounds = self.said.iter().flat_map(|said| said.ranges.iter().flatten()).map(|(_, version)| version);
        bounds.chain([&self.version]).any(|version| version.contains(['-', '+']))
    }

    /// Whether the records hold several statements about the package, of one CVE or of one record.
    fn is_said_often(&self) -> bool {
        self.said.len() > 1 || self.told.contains(" | ")
    }

    /// What each erratum says, as its name and the version that mends.
    fn fixes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.told.split(" | ").filter_map(|one| {
            let fixed = one.split(" fixed ").nth(1)?.split(' ').next()?;
            Some((one.split(' ').next()?, fixed))
        })
    }

    /// Whether an erratum names this very build as the fix, and others besides.
    fn is_among_fixes(&self) -> bool {
        let mut own = self.fixes().filter(|(_, fixed)| *fixed == self.version);
        own.any(|(erratum, _)| self.fixes().any(|(other, fixed)| other == erratum && fixed != self.version))
    }

    /// Whether an erratum is about a module's builds, and its title names no stream of it, or two.
    fn is_of_unnamed_stream(&self) -> bool {
        self.told.split(" | ").any(|one| one.contains(".module") && !one.contains(" of "))
    }

    fn is_of_module_alone(&self) -> bool {
        !self.version.contains("module") && self.told.contains("module")
    }
}

const GO: &[&str] = &["Go"];
const ALL_BUT_GRYPE: &[&str] = &["garrison", "trivy", "osv-scanner"];
const ALL_BUT_TRIVY: &[&str] = &["garrison", "grype", "osv-scanner"];
const ALL_BUT_OSV_SCANNER: &[&str] = &["garrison", "grype", "trivy"];

/// The first that holds decides.
const RULES: &[Rule] = &[
    Rule {
        ecosystems: GO,
        by: ALL_BUT_GRYPE,
        holds: Difference::is_open,
        is_affected: Some(true),
        reason: "the record has a beginning and nothing that ends it; Grype keeps no range of such a record of Go's",
    },
    Rule {
        ecosystems: GO,
        by: ALL_BUT_GRYPE,
        holds: Difference::has_custom_ranges,
        is_affected: Some(true),
        reason: "by the schema; Grype takes the bounds that Go's record has besides (`custom_ranges`)",
    },
    Rule {
        ecosystems: GO,
        by: &["grype"],
        holds: Difference::is_beside_numbers,
        is_affected: Some(false),
        reason: "the version lies outside of the ranges: a commit after the fix, a build at its fix, a candidate before the first",
    },
    Rule {
        ecosystems: GO,
        by: &["grype"],
        holds: |one| !one.is_open(),
        is_affected: Some(false),
        reason: "the version lies outside of the ranges, at a fix or after the last one; why Grype finds it was not found out",
    },
    Rule {
        ecosystems: GO,
        by: ALL_BUT_GRYPE,
        holds: Difference::is_said_often,
        is_affected: Some(true),
        reason: "mended in this version by one record, in a later one by another: Grype believes GitHub's",
    },
    Rule {
        ecosystems: GO,
        by: &["osv-scanner"],
        holds: |one| one.name == "stdlib",
        is_affected: Some(false),
        reason: "the document writes the version as programs have it, `go1.26.8`, which osv-scanner takes to be before every fix",
    },
    Rule {
        ecosystems: GO,
        by: ALL_BUT_TRIVY,
        holds: Difference::is_commit,
        is_affected: Some(true),
        reason: "commits without a version are before 0.0.0, and not within Trivy's `>=0`",
    },
    Rule {
        ecosystems: GO,
        by: &["garrison", "osv-scanner"],
        holds: |one| one.is_commit() && one.is_open(),
        is_affected: Some(true),
        reason: "a commit without a version, of a record that nothing ends: Grype keeps no range of it, Trivy's begins after it",
    },
    Rule {
        ecosystems: &["PyPI", "NuGet", "Maven"],
        by: ALL_BUT_OSV_SCANNER,
        holds: Difference::is_unlisted,
        is_affected: Some(true),
        reason: "the version lies in the range, and is not among those that the record lists besides: osv-scanner asks the list alone",
    },
    Rule {
        ecosystems: &["PyPI", "NuGet", "Maven"],
        by: ALL_BUT_OSV_SCANNER,
        holds: |_| true,
        is_affected: Some(true),
        reason: "the version lies in the range and is listed, or there is no list; why osv-scanner finds none was not found out",
    },
    Rule {
        ecosystems: GO,
        by: &["garrison", "osv-scanner"],
        holds: |one| one.is_said_often(),
        is_affected: Some(true),
        reason: "one of several statements about the module, and without an end: Trivy keeps the last, Grype none that nothing ends",
    },
    Rule {
        ecosystems: GO,
        by: &["garrison", "grype"],
        holds: |one| one.is_open() && one.is_beside_numbers(),
        is_affected: Some(true),
        reason: "a commit within a range that begins at 0 and does not end",
    },
    Rule {
        ecosystems: &["Go", "PyPI", "Packagist", "apk"],
        by: ALL_BUT_TRIVY,
        holds: Difference::is_said_often,
        is_affected: Some(true),
        reason: "of several statements of one CVE about one package Trivy's database keeps the last that was read",
    },
    Rule {
        ecosystems: &["PyPI"],
        by: ALL_BUT_TRIVY,
        holds: |_| true,
        is_affected: Some(true),
        reason: "the version lies in the range; why Trivy does not find it was not found out",
    },
    Rule {
        ecosystems: &["PyPI"],
        by: &["garrison", "grype"],
        holds: Difference::is_unlisted,
        is_affected: Some(true),
        reason: "the record lists the version in another spelling, 3.1.0 for 3.1",
    },
    Rule {
        ecosystems: &["PyPI"],
        by: &["garrison", "osv-scanner"],
        holds: Difference::is_listed,
        is_affected: Some(true),
        reason: "the record lists the version by itself, though its range ends before it",
    },
    Rule {
        ecosystems: &["npm"],
        by: &["grype", "osv-scanner"],
        holds: |one| one.version.split('.').count() < 3,
        is_affected: None,
        reason: "the version is none that npm could publish or order",
    },
    Rule {
        ecosystems: &["npm"],
        by: &["garrison", "osv-scanner"],
        holds: Difference::is_beside_numbers,
        is_affected: Some(true),
        reason: "the version comes after the range's beginning in the order of versions, as its parts are numbers and words",
    },
    Rule {
        ecosystems: &["apk"],
        by: &["grype", "trivy"],
        holds: |one| one.told.ends_with("2.7.16-33"),
        is_affected: None,
        reason: "the version that mends is none of Alpine's: it counts as far as it can be read, 2.7.16",
    },
    Rule {
        ecosystems: &["apk"],
        by: &["grype", "trivy"],
        holds: |one| one.told.ends_with(".-r2"),
        is_affected: Some(false),
        reason: "the version that mends has a stray point, `1.18.-r2`, and this is a later build",
    },
    Rule {
        ecosystems: &["rpm"],
        by: &["garrison"],
        holds: Difference::is_of_unnamed_stream,
        is_affected: Some(true),
        reason: "the erratum's title names no stream of the module, or two: any of its builds is meant; the others' forms take it for one of no module",
    },
    Rule {
        ecosystems: &["rpm"],
        by: &["garrison", "grype"],
        holds: Difference::is_among_fixes,
        is_affected: None,
        reason: "the erratum names several builds of one version as the fix, of which this is one: by the schema it is before the last",
    },
    Rule {
        ecosystems: &["rpm"],
        by: &["garrison", "grype"],
        holds: Difference::is_of_unnamed_stream,
        is_affected: Some(true),
        reason: "the erratum's title names no stream of the module, or two, and Trivy's builder leaves its builds out",
    },
    Rule {
        ecosystems: &["rpm"],
        by: &["garrison", "grype"],
        holds: |one| one.version.contains(".module"),
        is_affected: None,
        reason: "the document does not say which stream of the module this build is of, so that it may be the erratum's; Trivy asks none",
    },
    Rule {
        ecosystems: &["rpm"],
        by: &["garrison", "grype"],
        holds: Difference::is_said_often,
        is_affected: Some(true),
        reason: "of several errata about one CVE and package Trivy's database keeps the last that was read",
    },
    Rule {
        ecosystems: &["rpm"],
        by: &["grype"],
        holds: Difference::is_of_module_alone,
        is_affected: Some(false),
        reason: "the fix is of a module's builds, and this is none of them",
    },
    Rule {
        ecosystems: &["rpm"],
        by: &["grype", "trivy"],
        holds: Difference::is_of_module_alone,
        is_affected: Some(false),
        reason: "the fix is of a module's builds, and this is none of them",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(ecosystem: &str, version: &str, by: &[&'static str], told: &str) -> Difference {
        Difference {
            ecosystem: ecosystem.to_owned(),
            name: "p".to_owned(),
            version: version.to_owned(),
            id: "CVE-2024-0001".to_owned(),
            by: by.to_vec(),
            said: Vec::new(),
            question: None,
            told: told.to_owned(),
        }
    }

    #[test]
    fn the_first_rule_that_holds_decides_and_what_none_holds_for_is_not_judged() {
        let check = |version: &str, by: &[&'static str], told: &str, expected: Option<Option<bool>>| {
            let judged = judge(&difference("rpm", version, by, told)).map(|judgement| judgement.is_affected);
            assert_eq!(judged, expected, "{version} {by:?} {told}");
        };
        let both = ["garrison", "grype"];
        check("1-1", &["garrison"], "", None);
        check("1-1", &["trivy"], "ALSA-1 p fixed 2-1", None);
        check("1-1", &["grype"], "ALSA-1 p fixed 2-1.module_el8 of m:2", Some(Some(false)));
        check("1-1.module_el8", &["grype"], "ALSA-1 p fixed 2-1.module_el8 of m:2", None);
        check("1-1.module_el8", &["garrison"], "ALSA-1 p fixed 2-1.module_el8 of m:2", None);
        check("1-1.module_el8", &["garrison"], "ALSA-1 p fixed 2-1.module_el8", Some(Some(true)));
        check("1-1", &both, "ALSA-1 p fixed 1-1 | ALSA-1 p fixed 1-2", Some(None));
        check("1-1.module_el8", &both, "ALSA-1 p fixed 2-1.module_el8 of m:2", Some(None));
        check("1-1", &both, "ALSA-1 p fixed 1-1 | ALSA-2 p fixed 1-2", Some(Some(true)));
    }

    #[test]
    fn what_a_record_was_made_for_is_its_judgement() {
        for (question, _, is_affected) in QUESTIONS {
            let asked =
                Difference { question: Some((*question, *is_affected)), ..difference("deb", "1", &["grype"], "") };
            assert_eq!(judge(&asked).map(|judgement| judgement.is_affected), Some(Some(*is_affected)));
        }
    }
}
