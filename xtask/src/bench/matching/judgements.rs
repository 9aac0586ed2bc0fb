//! What decides each difference between the tools. One that none of these decides is not judged yet, and the bench fails.

use std::collections::BTreeSet;

use super::advisories::{Said, canonical};
use super::distributions::is_of_alpine;
use super::made::{QUESTIONS, Question};

/// A vulnerability that some tools find and others do not.
pub(super) struct Difference {
    pub(super) ecosystem: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) id: String,
    /// The tools that find it.
    pub(super) by: Vec<&'static str>,
    /// How the document spells the name.
    pub(super) spelled: BTreeSet<String>,
    /// The streams of a module that records name which bring this very build.
    pub(super) built_for: BTreeSet<String>,
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

    fn in_force(&self) -> impl Iterator<Item = &Said> {
        self.said.iter().filter(|said| !said.is_withdrawn)
    }

    /// Whether each record spells the name otherwise than the document, of PyPI's packages otherwise than all are brought to.
    fn is_spelled_otherwise(&self) -> bool {
        let is_asked = |said: &Said| match self.ecosystem.as_str() {
            "PyPI" => said.package == canonical("PyPI", &said.package),
            _ => self.spelled.contains(&said.package),
        };
        !self.spelled.is_empty() && !self.in_force().any(is_asked)
    }

    /// Whether in each record a range of commits stands before that of versions, and it does not list this version besides.
    fn is_behind_commits(&self) -> bool {
        let is_behind = |said: &Said| said.has_commits_first && !said.versions.contains(&self.version);
        self.in_force().next().is_some() && self.in_force().all(is_behind)
    }

    /// Whether a run of versions begins where another ends, and is written before it.
    fn is_begun_before_the_end(&self) -> bool {
        self.in_force().flat_map(|said| &said.ranges).any(|range| {
            let is_ended_after = |at: usize| {
                let mut after = range[at + 1..].iter();
                after.any(|(kind, version)| kind != "introduced" && *version == range[at].1)
            };
            (0..range.len()).any(|at| range[at].0 == "introduced" && is_ended_after(at))
        })
    }

    /// Whether a record names this very version as what mends.
    fn is_a_fix(&self) -> bool {
        let mut events = self.in_force().flat_map(|said| said.ranges.iter().flatten());
        events.any(|(kind, version)| kind == "fixed" && *version == self.version)
    }

    /// Whether a record has a version that cannot be read as one of its ecosystem's.
    fn has_unreadable(&self) -> bool {
        let is_readable = |version: &str| match self.ecosystem.as_str() {
            "PyPI" => is_of_pypi(version),
            // Composer's own reader takes it; the order for all that has none of its own does not.
            "Packagist" => {
                !version.split('.').skip(1).any(|part| part.starts_with(|first: char| first.is_alphabetic()))
            }
            _ => true,
        };
        let versions = self
            .in_force()
            .flat_map(|said| said.versions.iter().chain(said.ranges.iter().flatten().map(|(_, version)| version)));
        versions.chain([&self.version]).any(|version| !is_readable(version))
    }

    fn is_of_several_records(&self) -> bool {
        let records: BTreeSet<&str> = self.in_force().map(|said| said.record.as_str()).collect();
        records.len() > 1
    }

    /// Whether GitHub says besides which versions are affected.
    fn has_last(&self) -> bool {
        self.said.iter().any(Said::names_last)
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

    /// Whether an erratum is about builds of a stream that this build was brought for.
    fn is_built_for(&self) -> bool {
        let mut meant = self.told.split(" | ").filter_map(|one| one.rsplit_once(" of ").map(|(_, stream)| stream));
        meant.any(|stream| self.built_for.contains(stream))
    }

    /// Whether the version that mends is none of Alpine's.
    fn is_of_slip(&self) -> bool {
        self.fixes().any(|(_, fixed)| !is_of_alpine(fixed))
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
        holds: |one| !one.is_open() && one.has_custom_ranges(),
        is_affected: Some(false),
        reason: "the version lies outside of the ranges; Grype takes the bounds that Go's record has besides (`custom_ranges`)",
    },
    Rule {
        ecosystems: GO,
        by: ALL_BUT_GRYPE,
        holds: Difference::is_of_several_records,
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
        ecosystems: &["PyPI", "NuGet"],
        by: ALL_BUT_OSV_SCANNER,
        holds: Difference::is_spelled_otherwise,
        is_affected: Some(true),
        reason: "the record spells the name otherwise than the document, where the ecosystem makes no difference: osv-scanner does",
    },
    Rule {
        ecosystems: &["PyPI"],
        by: ALL_BUT_OSV_SCANNER,
        holds: Difference::is_behind_commits,
        is_affected: Some(true),
        reason: "a range of commits stands before that of versions: osv-scanner reads no range after it, and the version is not listed besides",
    },
    Rule {
        ecosystems: &["PyPI"],
        by: ALL_BUT_OSV_SCANNER,
        holds: Difference::is_begun_before_the_end,
        is_affected: Some(true),
        reason: "a run of versions begins where another ends and is written first: osv-scanner ends both there",
    },
    Rule {
        ecosystems: &["Maven"],
        by: &["osv-scanner"],
        holds: Difference::has_last,
        is_affected: Some(false),
        reason: "GitHub names the versions that are affected besides a range without an end (`last_known_affected_version_range`)",
    },
    Rule {
        ecosystems: GO,
        by: &["garrison", "grype"],
        holds: Difference::is_spelled_otherwise,
        is_affected: Some(true),
        reason: "the record spells the module otherwise than the document, in capital letters: Trivy and osv-scanner find none by it",
    },
    Rule {
        ecosystems: GO,
        by: &["garrison", "osv-scanner"],
        holds: |one| one.is_open() && one.is_a_fix(),
        is_affected: Some(true),
        reason: "the record has a range that nothing ends, and another that ends at this version: Grype keeps none of it, for Trivy the version mends",
    },
    Rule {
        ecosystems: GO,
        by: &["garrison", "osv-scanner"],
        holds: |one| one.is_a_fix() && one.is_of_several_records(),
        is_affected: Some(true),
        reason: "mended in this version by one record, in a later one by another: Grype believes GitHub's, for Trivy what ends any of them mends",
    },
    Rule {
        ecosystems: &["PyPI", "Packagist"],
        by: ALL_BUT_TRIVY,
        holds: Difference::has_unreadable,
        is_affected: Some(true),
        reason: "the record lists a version that is none of the ecosystem's (`0.1-bulbasaur`), and Trivy then reads none of its bounds",
    },
    Rule {
        ecosystems: &["Go", "PyPI"],
        by: ALL_BUT_TRIVY,
        holds: Difference::is_a_fix,
        is_affected: Some(true),
        reason: "one statement about the package ends at this version and another holds it: for Trivy it mends",
    },
    Rule {
        ecosystems: &["Go", "PyPI"],
        by: ALL_BUT_TRIVY,
        holds: Difference::is_of_several_records,
        is_affected: Some(true),
        reason: "of several records of one CVE about one package Trivy's database keeps the last that was read",
    },
    Rule {
        ecosystems: &["apk"],
        by: ALL_BUT_TRIVY,
        holds: Difference::is_said_often,
        is_affected: Some(true),
        reason: "of several statements of one CVE about one package Trivy's database keeps the last that was read",
    },
    Rule {
        ecosystems: &["PyPI"],
        by: &["garrison", "grype"],
        holds: |one| one.is_behind_commits() && one.has_unreadable(),
        is_affected: Some(true),
        reason: "the version lies in the range; a range of commits stands before it, and the record lists what Trivy cannot read",
    },
    Rule {
        ecosystems: &["PyPI"],
        by: &["garrison", "osv-scanner"],
        holds: |one| one.is_listed() && one.is_a_fix(),
        is_affected: Some(true),
        reason: "the record lists the version by itself, at which its range ends: Grype reads no list, and for Trivy it mends",
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
        by: ALL_BUT_OSV_SCANNER,
        holds: Difference::is_of_slip,
        is_affected: Some(true),
        reason: "the version that mends is a slip of the pen, which osv-scanner does not read: `2.7.16-33`, in a later list `2.7.16-r3`",
    },
    Rule {
        ecosystems: &["apk"],
        by: &["garrison"],
        holds: Difference::is_of_slip,
        is_affected: Some(true),
        reason: "the version that mends is a slip of the pen, `4.10-1-r1` for `4.10.1-r1`: for the others it mends what is older than 4.10",
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
        is_affected: Some(false),
        reason: "the erratum names several builds of one version as what mends, and this is one of them: by the schema alone it is before the last",
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
        holds: |one| one.version.contains(".module") && one.is_built_for(),
        is_affected: Some(true),
        reason: "the document does not say which stream of the module this build is of, but the erratum that brought it does; Trivy asks none",
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

/// Whether a version is one of PEP 440, "Version specifiers": `epoch!numbers`, then what is before and after a release, in the spellings that
/// are read, then a local part.
fn is_of_pypi(version: &str) -> bool {
    let lowercase = version.trim().to_ascii_lowercase();
    let (public, local) =
        lowercase.split_once('+').map_or((lowercase.as_str(), None), |(public, local)| (public, Some(local)));
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !local.is_none_or(|local| local.split(['-', '_', '.']).all(is_word)) {
        return false;
    }
    let public = public.strip_prefix('v').unwrap_or(public);
    let Some(mut rest) = after_digits(public) else { return false };
    if let Some(numbers) = rest.strip_prefix('!') {
        let Some(after) = after_digits(numbers) else { return false };
        rest = after;
    }
    while let Some(after) = rest.strip_prefix('.').and_then(after_digits) {
        rest = after;
    }
    rest = after_word(rest, &["alpha", "beta", "preview", "pre", "rc", "a", "b", "c"]);
    rest = rest.strip_prefix('-').and_then(after_digits).unwrap_or_else(|| after_word(rest, &["post", "rev", "r"]));
    after_word(rest, &["dev"]).is_empty()
}

fn after_digits(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    (rest.len() < text.len()).then_some(rest)
}

/// What follows one of some words, with a number or without, and with a mark before either; all where none of them is there.
fn after_word<'a>(text: &'a str, words: &[&str]) -> &'a str {
    const MARKS: [char; 3] = ['-', '_', '.'];
    let stated = text.strip_prefix(MARKS).unwrap_or(text);
    let Some(rest) = words.iter().find_map(|word| stated.strip_prefix(word)) else { return text };
    let number = rest.strip_prefix(MARKS).unwrap_or(rest);
    after_digits(number).unwrap_or(rest)
}

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
            spelled: BTreeSet::new(),
            built_for: BTreeSet::new(),
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
        check("1-1", &both, "ALSA-1 p fixed 1-1 | ALSA-1 p fixed 1-2", Some(Some(false)));
        check("1-1.module_el8", &both, "ALSA-1 p fixed 2-1.module_el8 of m:2", None);
        check("1-1", &both, "ALSA-1 p fixed 1-1 | ALSA-2 p fixed 1-2", Some(Some(true)));
    }

    fn said(package: &str, has_commits_first: bool, ranges: &[&[(&str, &str)]], versions: &[&str]) -> Said {
        let events = |range: &&[(&str, &str)]| {
            range.iter().map(|(kind, version)| ((*kind).to_owned(), (*version).to_owned())).collect()
        };
        let versions = versions.iter().map(|version| (*version).to_owned()).collect();
        Said::alone(package, has_commits_first, ranges.iter().map(events).collect(), versions)
    }

    #[test]
    fn what_decides_is_told_by_the_record_and_the_package() {
        let check = |ecosystem: &str, version: &str, by: &[&'static str], said: Said, expected: Option<&str>| {
            let spelled = BTreeSet::from(["P".to_owned()]);
            let one = Difference { said: vec![said], spelled, ..difference(ecosystem, version, by, "") };
            let reason = judge(&one).map(|judgement| judgement.reason);
            let is_so = match (reason, expected) {
                (Some(reason), Some(expected)) => reason.contains(expected),
                (reason, expected) => reason == expected,
            };
            assert!(is_so, "{ecosystem} {version} {by:?}: {reason:?}");
        };
        let range: &[&[(&str, &str)]] = &[&[("introduced", "0"), ("fixed", "2")]];
        let (others, other) = (ALL_BUT_OSV_SCANNER, ALL_BUT_TRIVY);
        check("PyPI", "1", others, said("p", true, range, &[]), Some("range of commits"));
        check("PyPI", "1", others, said("p", true, range, &["1"]), None);
        check("PyPI", "1", others, said("p", false, range, &[]), None);
        check("PyPI", "1", others, said("p.p", false, range, &[]), Some("spells the name"));
        check("NuGet", "1", others, said("p", false, range, &[]), Some("spells the name"));
        check("NuGet", "1", others, said("P", false, range, &[]), None);
        let touching: &[&[(&str, &str)]] =
            &[&[("introduced", "1"), ("fixed", "2"), ("introduced", "0"), ("fixed", "1")]];
        check("PyPI", "1.5", others, said("p", false, touching, &[]), Some("written first"));
        check("PyPI", "1", other, said("p", false, range, &["0.1-bulbasaur"]), Some("none of the ecosystem's"));
        check("PyPI", "1", other, said("p", false, range, &["0.1"]), None);
        check("PyPI", "2", other, said("p", false, range, &[]), Some("for Trivy it mends"));
        check("Packagist", "1", other, said("P", false, range, &["2.10.RC1"]), Some("none of the ecosystem's"));
        check("Packagist", "1", other, said("P", false, range, &["2.10.0-RC1"]), None);
    }

    #[test]
    fn versions_of_pypi_are_told_from_others() {
        let check = |version: &str, expected: bool| assert_eq!(is_of_pypi(version), expected, "{version}");
        for version in [
            "1",
            "v1.0",
            " 1.0 ",
            "1!2.0",
            "1.0a",
            "1.0.RC-1",
            "1.0b2.post3.dev4",
            "1.0-1",
            "1.0.rev",
            "1.0+a.1",
            "1.0pre_2",
        ] {
            check(version, true);
        }
        for version in [
            "",
            "a3",
            "trunk",
            "0.7.1.fix1",
            "0.7.4.svn.r2010",
            "2.0.0-final",
            "0.3m1",
            "3.0.0b3-",
            "1.0+",
            "1..0",
            "0.2.0-n653",
        ] {
            check(version, false);
        }
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
