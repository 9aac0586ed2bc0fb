//! People's labels of what a scanner found in images: whether a package of a version really has a vulnerability.
//!
//! The images are not at hand, and a label has neither the kind of its package nor its source package. The inputs are rebuilt from
//! the labels: the release from the version of the image's C library, the source of a binary package as the one that Ubuntu names
//! for most of its labels, the kind of any other package as the one whose publishers know it. So what is measured is matching
//! alone, and only where the publishers at hand speak of the package. What a distribution built of a language's package is owned by the
//! distribution's: `python3-urllib3 1.24.2-4.el8` is `urllib3 1.24.2`, in every image of such versions. Where the distribution's records are
//! not at hand nothing can be said of those.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use component::{ComponentIndex, Edge, Inventory, Node, Relation, Subject};
use serde_json::Value;
use vulndb::matching::{Outcome, explain, match_component, match_inventory};
use vulndb::{Ecosystem, Family, Records};

use super::{Advisories, database_of, package};
use crate::feeds::{files, read_bundle};

/// Ubuntu's releases by the version of the C library that they began with.
const LIBRARIES: &[(&str, &str)] = &[
    ("2.15-0ubuntu10", "12.04"),
    ("2.15-0ubuntu20", "12.10"),
    ("2.19-", "14.04"),
    ("2.21-0ubuntu4.3", "15.10"),
    ("2.21-0ubuntu4", "15.04"),
    ("2.23-", "16.04"),
    ("2.24-3", "16.10"),
    ("2.24-9", "17.04"),
    ("2.26-", "17.10"),
    ("2.27-", "18.04"),
    ("2.29-", "19.04"),
    ("2.31-", "20.04"),
    ("2.32-", "20.10"),
    ("2.34-", "21.10"),
];

/// The publishers of languages' packages at hand.
const LANGUAGES: &[Family] =
    &[Family::Go, Family::PyPi, Family::RubyGems, Family::CratesIo, Family::Packagist, Family::Npm, Family::Maven];

struct Label {
    package: String,
    version: String,
    id: String,
    is_true: bool,
}

#[derive(Default, Clone, Copy)]
struct Score {
    found_true: usize,
    found_false: usize,
    missed: usize,
    passed_over: usize,
}

fn read_labels(path: &Path) -> Vec<Label> {
    let text = std::fs::read_to_string(path).unwrap();
    let read = |line: &str| {
        let label: Value = serde_json::from_str(line).unwrap();
        let is_true = match label["label"].as_str()? {
            "TP" => true,
            "FP" => false,
            _ => return None,
        };
        let id = label["effective_cve"].as_str().or(label["vulnerability_id"].as_str())?;
        Some(Label {
            package: label["package"]["name"].as_str()?.to_owned(),
            version: label["package"]["version"].as_str()?.to_owned(),
            id: id.to_owned(),
            is_true,
        })
    };
    text.lines().filter_map(read).collect()
}

fn ubuntu_release(labels: &[Label]) -> Option<&'static str> {
    let library = labels.iter().find(|label| matches!(label.package.as_str(), "libc6" | "libc-bin"))?;
    if !library.version.contains("ubuntu") {
        return None;
    }
    LIBRARIES.iter().find(|(version, _)| library.version.starts_with(version)).map(|(_, release)| *release)
}

/// The packages that a release's publisher names for each vulnerability.
fn sources(records: &Records) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut all: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for advisory in &records.advisories {
        for affected in &advisory.affected {
            let release = affected.ecosystem.release.clone().unwrap_or_default();
            all.entry((release, advisory.id.clone())).or_default().insert(affected.package.clone());
        }
    }
    all
}

/// The source package that is named for most labels of a binary one; that of its own name where that is one.
fn vote<'a>(
    sources: &'a BTreeMap<(String, String), BTreeSet<String>>,
    release: &str,
    binary: &str,
    labels: &[Label],
) -> Option<&'a str> {
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for label in labels.iter().filter(|label| label.package == binary) {
        for source in sources.get(&(release.to_owned(), label.id.clone())).into_iter().flatten() {
            *votes.entry(source).or_default() += 1;
        }
    }
    let most = votes.values().max()?;
    let best: Vec<&str> = votes.iter().filter(|(_, count)| *count == most).map(|(source, _)| *source).collect();
    best.iter().copied().find(|source| *source == binary).or_else(|| {
        // Of several, the one with the longest beginning in common.
        let common =
            |source: &str| source.bytes().zip(binary.bytes()).take_while(|(left, right)| left == right).count();
        best.into_iter().max_by_key(|source| common(source))
    })
}

fn speaks_of(database: &Advisories, ecosystem: &Ecosystem, name: &str, id: &str) -> bool {
    let Some(package) = database.find_package(ecosystem, &ecosystem.canonical_name(name)).unwrap() else {
        return false;
    };
    let known = database.find_vulnerabilities(id).unwrap();
    let advisories = database.statements(&package).unwrap().map(|statement| statement.unwrap().advisory);
    advisories
        .into_iter()
        .any(|advisory| database.advisory(advisory).unwrap().vulnerabilities.iter().any(|found| known.contains(found)))
}

fn is_found(database: &Advisories, ecosystem: &Ecosystem, name: &str, label: &Label, binary: Option<&str>) -> bool {
    let (mut component, distribution) = package(ecosystem, name, &label.version);
    if let Some(binary) = binary {
        binary.clone_into(&mut component.name);
    }
    let known = database.find_vulnerabilities(&label.id).unwrap();
    let findings = match_component(database, &component, distribution.as_ref()).unwrap();
    findings.iter().any(|finding| finding.suppression.is_none() && known.contains(&finding.vulnerability))
}

/// A version that says whose build it is, and so is none of a language's package.
fn says_whose_it_is(version: &str) -> bool {
    let marks = ["ubuntu", "+deb", ".el", ".fc", ".amzn", ".module", ".cm"];
    let is_of_alpine = || {
        let build = version.rsplit_once("-r").map(|(_, build)| build);
        build.is_some_and(|build| !build.is_empty() && build.bytes().all(|byte| byte.is_ascii_digit()))
    };
    marks.iter().any(|mark| version.contains(mark)) || is_of_alpine()
}

/// Which enterprise release a build is of: `.el8`.
fn enterprise_release(version: &str) -> Option<&str> {
    let start = version.find(".el")?;
    version.get(start..start + ".el8".len())
}

/// Returns the distribution's package that a language's package was built as: one of the image, or of another of the same release.
fn owner<'a>(label: &Label, image: &'a [Label], all: &'a [&'a Label]) -> Option<&'a Label> {
    let name = label.package.to_ascii_lowercase();
    let bare = name.trim_start_matches("py");
    let release = image.iter().find_map(|label| enterprise_release(&label.version));
    let is_own = |other: &&Label| {
        let of_language = ["python-", "python2-", "python3-", "rubygem-", "ruby-", "php-"];
        let mut own = of_language.iter().filter_map(|prefix| other.package.strip_prefix(prefix));
        own.any(|own| own == name || own == bare)
            && other.version.strip_prefix(label.version.as_str()).is_some_and(|rest| rest.starts_with('-'))
    };
    let of_release = |other: &&Label| release.is_some() && enterprise_release(&other.version) == release;
    image.iter().find(is_own).or_else(|| all.iter().copied().find(|other| is_own(other) && of_release(other)))
}

/// Whether a language's package counts that a package of Ubuntu installed.
fn is_found_owned(
    database: &Advisories,
    ecosystem: &Ecosystem,
    label: &Label,
    of_ubuntu: &Ecosystem,
    owner: (&str, &str, &str),
) -> bool {
    let (binary, version, source) = owner;
    let (mut owner, distribution) = package(of_ubuntu, source, version);
    binary.clone_into(&mut owner.name);
    let (component, _) = package(ecosystem, &label.package, &label.version);
    let inventory = Inventory {
        components: vec![owner, component],
        edges: vec![Edge { from: Node::Component(ComponentIndex(0)), to: ComponentIndex(1), relation: Relation::Owns }],
        distribution,
        subject: Subject::Directory { name: String::new() },
        layers: Vec::new(),
        unknowns: Vec::new(),
        created: None,
    };
    let known = database.find_vulnerabilities(&label.id).unwrap();
    let all = match_inventory(database, &inventory).unwrap();
    let own = all.iter().filter(|(index, _)| *index == ComponentIndex(1)).flat_map(|(_, findings)| findings);
    own.into_iter().any(|finding| finding.suppression.is_none() && known.contains(&finding.vulnerability))
}

/// What the records say of the version, which is what decides.
fn because(database: &Advisories, ecosystem: &Ecosystem, name: &str, label: &Label) -> String {
    let (component, distribution) = package(ecosystem, name, &label.version);
    let known = database.find_vulnerabilities(&label.id).unwrap();
    let told = explain(database, &component, distribution.as_ref(), &known).unwrap();
    let one = |told: &vulndb::matching::Told| {
        let id = database.advisory(told.advisory).unwrap().id;
        let outcome = match &told.outcome {
            Outcome::Meant(_) => "meant".to_owned(),
            Outcome::NotMeant(reason) => reason.to_string(),
        };
        format!("{id} {} {}, {outcome}", told.verdict, told.ranges)
    };
    told.iter().map(one).collect::<Vec<_>>().join("; ")
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
fn labels_of_people_are_met_where_the_publishers_at_hand_speak_of_the_package() {
    let Some(bundle) = testkit::bundle("matching/anchore-match-labels") else { return };
    let mut images = BTreeMap::new();
    for path in files(&bundle.path().join("labels")) {
        images.insert(path.file_name().unwrap().to_str().unwrap().to_owned(), read_labels(&path));
    }
    let Some(languages) = languages() else { return };
    let Some(ubuntu) = ubuntu(&images) else { return };
    let sources = sources(&ubuntu);
    let database = database_of(languages.into_iter().chain([("ubuntu", ubuntu)]));
    let mut scores: BTreeMap<String, Score> = BTreeMap::new();
    let (mut all, mut elsewhere, mut distributed, mut differences) = (0, 0, 0, BTreeSet::new());
    let every: Vec<&Label> = images.values().flatten().collect();
    for (image, labels) in &images {
        let release = ubuntu_release(labels);
        for label in labels {
            all += 1;
            // Else it is a program or a language's package: Debian's versions have a revision, or say whose they are.
            let is_program = label.package.contains('/') || label.version.ends_with("DEVELOPMENT");
            let is_packaged = !is_program && (label.version.contains('-') || label.version.contains("ubuntu"));
            let of_ubuntu = release.filter(|_| is_packaged).and_then(|release| {
                let source = vote(&sources, release, &label.package, labels)?;
                let ecosystem = Ecosystem::release(Family::Ubuntu, release);
                speaks_of(&database, &ecosystem, source, &label.id).then_some((
                    ecosystem,
                    source,
                    Some(label.package.as_str()),
                ))
            });
            let of_language = || {
                let known = LANGUAGES.iter().map(|family| Ecosystem::new(*family));
                let mut speaking = known.filter(|ecosystem| speaks_of(&database, ecosystem, &label.package, &label.id));
                let is_possible = !says_whose_it_is(&label.version);
                let ecosystem = speaking.next().filter(|_| is_possible)?;
                Some((ecosystem, label.package.as_str(), None))
            };
            let Some((ecosystem, name, binary)) = of_ubuntu.or_else(of_language) else {
                elsewhere += 1;
                continue;
            };
            let owner = if binary.is_none() { owner(label, labels, &every) } else { None };
            let source = owner.zip(release).and_then(|(owner, release)| {
                Some((Ecosystem::release(Family::Ubuntu, release), vote(&sources, release, &owner.package, labels)?))
            });
            let is_found = match (owner, source) {
                (None, _) => is_found(&database, &ecosystem, name, label, binary),
                (Some(owner), Some((of_ubuntu, source))) => {
                    let owner = (owner.package.as_str(), owner.version.as_str(), source);
                    is_found_owned(&database, &ecosystem, label, &of_ubuntu, owner)
                }
                (Some(_), None) => {
                    distributed += 1;
                    continue;
                }
            };
            let score = scores.entry(ecosystem.family.as_str().to_owned()).or_default();
            match (label.is_true, is_found) {
                (true, true) => score.found_true += 1,
                (false, true) => score.found_false += 1,
                (true, false) => score.missed += 1,
                (false, false) => score.passed_over += 1,
            }
            if label.is_true != is_found {
                let kind = if is_found { "labelled false, found" } else { "labelled true, not found" };
                let image = image.split_once("sha256_").map_or("", |(_, digest)| digest);
                let image: String = image.chars().take(8).collect();
                let because = because(&database, &ecosystem, name, label);
                let Label { package, version, id, .. } = label;
                differences.insert(format!("{image} {ecosystem} {name} {package} {version} {id} {kind}: {because}"));
            }
        }
    }
    let mut text = format!(
        "{all} labels, {elsewhere} of packages that no publisher at hand speaks of, {distributed} of languages' packages that distributions \
         built whose records are not at hand\n"
    );
    for (ecosystem, score) in &scores {
        let Score { found_true, found_false, missed, passed_over } = *score;
        let share = |part: usize, whole: usize| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
        let (precision, recall) = (share(found_true, found_true + found_false), share(found_true, found_true + missed));
        let f1 = if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 };
        writeln!(
            text,
            "{ecosystem}: {} labels, {found_true} true found, {missed} true not found, {found_false} false found, {passed_over} \
             false not found, precision {precision:.3}, recall {recall:.3}, F1 {f1:.3}",
            found_true + found_false + missed + passed_over,
        )
        .unwrap();
    }
    for difference in &differences {
        writeln!(text, "{difference}").unwrap();
    }
    assert!(scores.len() > 3 && all > elsewhere, "nothing was checked");
    insta::assert_snapshot!(text);
}

fn languages() -> Option<Vec<(&'static str, Records)>> {
    Some(vec![
        ("go", read_bundle("vulndb/go-vulndb-osv", "", "osv")?),
        ("pypa", read_bundle("vulndb/pypa-advisory-database", "", "osv")?),
        ("ruby", read_bundle("vulndb/ruby-advisory-db", "", "ruby-advisory-db")?),
        ("rustsec", read_bundle("vulndb/rustsec-advisory-db", "", "rustsec")?),
        ("php", read_bundle("vulndb/friendsofphp-advisories", "", "friendsofphp")?),
        ("sample", read_bundle("vulndb/osv-dev-sample", "", "osv")?),
    ])
}

/// Ubuntu's records about what is labelled: few of many.
fn ubuntu(images: &BTreeMap<String, Vec<Label>>) -> Option<Records> {
    let labelled: BTreeSet<&str> = images.values().flatten().map(|label| label.id.as_str()).collect();
    let bundle = testkit::bundle("vulndb/ubuntu-cve-tracker")?;
    let reader = crate::feeds::find_reader("ubuntu-tracker");
    let mut records = Records::default();
    for path in files(bundle.path()) {
        let shown = path.strip_prefix(bundle.path()).unwrap().to_str().unwrap();
        if (reader.claims)(shown) && labelled.contains(path.file_name().unwrap().to_str().unwrap()) {
            reader.read(&vulndb::Document { path: shown, bytes: &std::fs::read(&path).unwrap() }, &mut records);
        }
    }
    Some(records)
}
