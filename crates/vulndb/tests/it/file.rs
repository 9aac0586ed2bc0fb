//! The database file: what was put in comes out, the same in any order, and nothing damaged is believed.

use proptest::prelude::*;
use vulndb::file::{AdvisoryIndex, Builder, Corrupt, Database, FORMAT_VERSION, Feed, PackageEntry, Section};
use vulndb::{
    Advisory, Affected, Asked, Channel, Ecosystem, End, Exploited, Family, Fix, Interval, Level, Nature, Probability,
    Qualifiers, Rating, Records, Reference, Severity, Start, Symbols, Verdict,
};

pub(crate) fn feed(name: &str) -> Feed {
    Feed {
        name: name.to_owned(),
        reader: "osv".to_owned(),
        address: format!("https://feeds.example/{name}.zip"),
        fetched: Some(1_700_000_000),
        advisories: 0,
        problems: Vec::new(),
    }
}

pub(crate) fn affected(ecosystem: &Ecosystem, package: &str, fixed: &str) -> Affected {
    Affected {
        ecosystem: ecosystem.clone(),
        package: package.to_owned(),
        named: ecosystem.family.named(),
        verdict: Verdict::Affected(Fix::AsStated),
        intervals: vec![Interval { start: Start::Unbounded, end: End::Fixed(fixed.to_owned()) }],
        versions: Vec::new(),
        qualifiers: Qualifiers::default(),
        severities: Vec::new(),
    }
}

pub(crate) fn advisory(id: &str, aliases: &[&str], affected: Vec<Affected>) -> Advisory {
    Advisory {
        id: id.to_owned(),
        aliases: aliases.iter().map(ToString::to_string).collect(),
        summary: format!("what is wrong: {id}"),
        details: "Lorem ipsum ".repeat(50),
        affected,
        ..Advisory::default()
    }
}

pub(crate) fn npm() -> Ecosystem {
    Ecosystem::new(Family::Npm)
}

pub(crate) fn sample() -> Builder {
    let debian = Ecosystem::release(Family::Debian, "12");
    let mut full = advisory("GHSA-aaaa", &["CVE-2024-0001"], vec![affected(&npm(), "lodash", "4.17.21")]);
    full.nature = Nature::Malware;
    full.published = Some(1);
    full.modified = Some(-2);
    full.withdrawn = Some(i64::MAX);
    full.severities = vec![Severity { source: Some("nvd".to_owned()), rating: Rating::Level(Level::High) }];
    full.references = vec![Reference { kind: "FIX".to_owned(), url: "https://fix.example/".to_owned() }];
    full.weaknesses = vec![79, 1321];
    full.affected[0].qualifiers = Qualifiers {
        architectures: vec!["amd64".to_owned()],
        module: Some(String::new()),
        channel: Channel::EsmApps,
        symbols: vec![Symbols { path: "a/b".to_owned(), names: vec!["F".to_owned()] }],
        target_software: Some("node.js".to_owned()),
        runs_on: vec!["o:linux:linux_kernel".to_owned()],
    };
    full.affected[0].versions = vec!["4.99".to_owned()];
    let mut builder = Builder::new();
    let records = Records { advisories: vec![full, advisory("GHSA-bbbb", &[], Vec::new())], ..Records::default() };
    builder.add(feed("github"), records);
    let erratum = Advisory {
        upstream: vec!["CVE-2024-0001".to_owned(), "CVE-2024-0002".to_owned()],
        ..advisory(
            "DSA-1-1",
            &[],
            vec![affected(&debian, "node-lodash", "4.17.21+dfsg-1"), affected(&debian, "zlib", "1.3")],
        )
    };
    builder.add(feed("debian"), Records { advisories: vec![erratum], ..Records::default() });
    let scores = Records {
        probabilities: vec![
            Probability { id: "CVE-2024-0002".to_owned(), probability: 0.97565, percentile: 0.99999 },
            Probability { id: "cve-1999-0001".to_owned(), probability: 0.0, percentile: 1.0 },
            Probability { id: "not-a-cve".to_owned(), probability: 0.5, percentile: 0.5 },
        ],
        exploited: vec![Exploited {
            id: "CVE-2024-0002".to_owned(),
            added: Some(5),
            due: None,
            is_in_ransomware: true,
        }],
        ..Records::default()
    };
    builder.add(feed("scores"), scores);
    builder
}

fn rebuilt<B: AsRef<[u8]>>(database: &Database<B>) -> Vec<u8> {
    let mut builder = Builder::new();
    let feeds = database.feeds().unwrap();
    let mut advisories = database.advisories().unwrap();
    // The other way around: order must not count.
    advisories.reverse();
    for (index, feed) in feeds.iter().enumerate().rev() {
        let own =
            advisories.iter().filter(|(from, _)| usize::from(from.0) == index).map(|(_, advisory)| advisory.clone());
        let is_first = index == 0;
        builder.add(
            feed.clone(),
            Records {
                advisories: own.collect(),
                probabilities: if is_first { database.probabilities().unwrap() } else { Vec::new() },
                exploited: if is_first { database.exploited().unwrap() } else { Vec::new() },
                ..Records::default()
            },
        );
    }
    builder.finish().unwrap()
}

/// Also of those between the sections and behind the header.
#[test]
fn no_changed_byte_passes_an_import() {
    let good = sample().finish().unwrap();
    let verified = |bytes: &[u8]| Database::open(bytes).and_then(|database| database.verify());
    assert_eq!(verified(&good), Ok(()));
    let mut bytes = good.clone();
    for at in 0..bytes.len() {
        bytes[at] ^= 0x10;
        assert!(verified(&bytes).is_err(), "the byte at {at}");
        bytes[at] = good[at];
    }
}

#[test]
fn what_was_put_in_is_found() {
    let file = sample().finish().unwrap();
    let database = Database::open(&file).unwrap();
    database.verify().unwrap();
    assert_eq!(
        database.feeds().unwrap().iter().map(|feed| (feed.name.as_str(), feed.advisories)).collect::<Vec<_>>(),
        [("debian", 1), ("github", 2), ("scores", 0)]
    );
    let feed = |reader: &str| Feed { reader: reader.to_owned(), ..database.feeds().unwrap()[2].clone() };
    let records = |reader: &str| database.records_of(&feed(reader)).unwrap();
    assert_eq!((records("osv"), records("epss"), records("kev")), (0, 2, 1));
    let lodash = database.find_package(&npm(), "lodash").unwrap().unwrap();
    let statements: Vec<_> = database.statements(&lodash).unwrap().map(Result::unwrap).collect();
    assert_eq!(statements.len(), 1);
    assert_eq!(statements[0].versions, ["4.99"]);
    let head = database.advisory(statements[0].advisory).unwrap();
    assert_eq!(
        (head.id, head.aliases.as_slice(), head.weaknesses.as_slice()),
        ("GHSA-aaaa", &["CVE-2024-0001"][..], &[79, 1321][..])
    );
    let text = database.text(statements[0].advisory).unwrap();
    assert_eq!((text.summary.as_str(), text.references.len()), ("what is wrong: GHSA-aaaa", 1));
    assert_eq!(text.details, "Lorem ipsum ".repeat(50));
    assert_eq!(database.find_package(&npm(), "Lodash").unwrap(), None);
    assert_eq!(database.find_package(&Ecosystem::release(Family::Debian, "11"), "zlib").unwrap(), None);
}

#[test]
fn a_vulnerability_is_found_by_all_its_names() {
    let file = sample().finish().unwrap();
    let database = Database::open(&file).unwrap();
    let check = |name: &str, expected: &[&str]| {
        let found = database.find_vulnerabilities(name).unwrap();
        let names: Vec<_> = found.iter().map(|index| database.vulnerability(*index).unwrap().name).collect();
        assert_eq!(names, expected, "{name}");
    };
    check("cve-2024-0001", &["CVE-2024-0001"]);
    check("GHSA-aaaa", &["CVE-2024-0001"]);
    check("GHSA-bbbb", &["GHSA-bbbb"]);
    check("DSA-1-1", &["CVE-2024-0001", "CVE-2024-0002"]);
    check("CVE-2024-9999", &[]);
    check("", &[]);
    let first = database.find_vulnerabilities("CVE-2024-0001").unwrap()[0];
    let about: Vec<_> = database.vulnerability(first).unwrap().advisories;
    let ids: Vec<_> = about.iter().map(|index| database.advisory(*index).unwrap().id).collect();
    assert_eq!(ids, ["DSA-1-1", "GHSA-aaaa"]);
    let names: Vec<_> = database.names().unwrap().map(Result::unwrap).collect();
    assert_eq!(names, ["CVE-2024-0001", "CVE-2024-0002", "DSA-1-1", "GHSA-aaaa", "GHSA-bbbb"]);
}

/// As `RustSec`, Go and GitHub tell of brotli: two publishers each of one CVE, one of both.
pub(crate) fn two_in_one() -> Builder {
    let crates = Ecosystem::new(Family::CratesIo);
    let both = ["CVE-2020-0001", "CVE-2020-0002", "GO-2025-0001", "RUSTSEC-2021-0001"];
    let advisories = vec![
        advisory("GHSA-both", &both, vec![affected(&crates, "brotli-sys", "9")]),
        advisory("RUSTSEC-2021-0001", &["CVE-2020-0002", "GHSA-both"], vec![affected(&crates, "brotli-sys", "9")]),
        advisory("GO-2025-0001", &["CVE-2020-0001", "GHSA-both"], vec![affected(&npm(), "brotli", "9")]),
        advisory("GHSA-more", &["CVE-2020-0003", "CVE-2020-0004", "SNYK-1"], vec![affected(&npm(), "more", "9")]),
        Advisory {
            upstream: vec!["CVE-2020-0001".to_owned(), "DEBIAN-CVE-2020-0001".to_owned()],
            ..advisory("DSA-1-1", &[], vec![affected(&Ecosystem::release(Family::Debian, "12"), "brotli", "9")])
        },
    ];
    let mut builder = Builder::new();
    builder.add(feed("all"), Records { advisories, ..Records::default() });
    builder
}

#[test]
fn a_name_is_that_of_what_its_own_record_is_about_and_a_cve_of_no_other() {
    let file = two_in_one().finish().unwrap();
    let database = Database::open(&file).unwrap();
    let check = |name: &str, expected: &[&str], records: &[&str]| {
        let asked = Asked::find(&database, name).unwrap().unwrap();
        let names = asked.vulnerabilities.iter().map(|index| database.vulnerability(*index).unwrap().name);
        assert_eq!(names.collect::<Vec<_>>(), expected, "{name}");
        let told: Vec<_> = asked.records.iter().map(|index| database.advisory(*index).unwrap().id).collect();
        assert_eq!(told, records, "{name}");
        assert_eq!(asked.is_of_several(), expected.len() > 1, "{name}");
    };
    check("CVE-2020-0001", &["CVE-2020-0001"], &["DSA-1-1", "GHSA-both", "GO-2025-0001"]);
    check("cve-2020-0002", &["CVE-2020-0002"], &["GHSA-both", "RUSTSEC-2021-0001"]);
    check("GO-2025-0001", &["CVE-2020-0001"], &["DSA-1-1", "GHSA-both", "GO-2025-0001"]);
    check("rustsec-2021-0001", &["CVE-2020-0002"], &["GHSA-both", "RUSTSEC-2021-0001"]);
    check("DSA-1-1", &["CVE-2020-0001"], &["DSA-1-1", "GHSA-both", "GO-2025-0001"]);
    // A record about two is what is meant by its name, and not what others say of one of them.
    check("ghsa-BOTH", &["CVE-2020-0001", "CVE-2020-0002"], &["GHSA-both"]);
    // Whose record is not here goes by those that know it.
    check("SNYK-1", &["CVE-2020-0003", "CVE-2020-0004"], &["GHSA-more"]);
    for unknown in ["CVE-2020-0009", "GHSA-none", "ghs", "", "G\u{e4}SA-both"] {
        assert_eq!(Asked::find(&database, unknown).unwrap(), None, "{unknown}");
    }
    assert!(database.find_vulnerability("GHSA-both").unwrap().is_none());
    assert!(database.find_vulnerability("CVE-2020-0001").unwrap().is_some());
}

#[test]
fn scores_are_found_by_name() {
    let file = sample().finish().unwrap();
    let database = Database::open(&file).unwrap();
    let check = |name: &str, expected: Option<(f32, f32)>| {
        let found = database.find_probability(name).unwrap();
        assert_eq!(found.map(|found| (found.probability, found.percentile)), expected, "{name}");
    };
    check("CVE-2024-0002", Some((0.97565, 0.99999)));
    check("CVE-1999-0001", Some((0.0, 1.0)));
    check("CVE-1999-0002", None);
    check("not-a-cve", None);
    assert!(database.find_exploited("cve-2024-0002").unwrap().unwrap().is_in_ransomware);
    assert_eq!(database.find_exploited("CVE-2024-0001").unwrap(), None);
}

#[test]
fn an_empty_database_answers_too() {
    let file = Builder::new().finish().unwrap();
    let database = Database::open(&file).unwrap();
    database.verify().unwrap();
    assert_eq!(database.find_package(&npm(), "lodash").unwrap(), None);
    assert_eq!(database.find_vulnerabilities("CVE-2024-0001").unwrap(), []);
    assert_eq!(database.packages().count(), 0);
}

#[test]
fn what_is_said_of_a_package_has_the_same_content_wherever_it_stands() {
    let contents = |builder: Builder| -> Vec<PackageEntry> {
        let file = builder.finish().unwrap();
        let database = Database::open(&file).unwrap();
        database.packages().map(Result::unwrap).collect()
    };
    let before = contents(sample());
    let mut builder = sample();
    let more = advisory("AAA-1", &[], vec![affected(&npm(), "left-pad", "2.0.0")]);
    builder.add(feed("another"), Records { advisories: vec![more], ..Records::default() });
    let after = contents(builder);
    let is_known =
        |entry: &&PackageEntry| before.iter().any(|known| known.hash == entry.hash && known.content == entry.content);
    assert_eq!((before.len(), after.len(), after.iter().filter(is_known).count()), (3, 4, 3));

    // Another name of a vulnerability changes what is found, and so does a withdrawal.
    let mut builder = sample();
    let alias = advisory("GHSA-bbbb", &["CVE-2024-0007"], Vec::new());
    let mut changed = advisory("GHSA-aaaa", &["CVE-2024-0001"], vec![affected(&npm(), "lodash", "4.17.21")]);
    changed.withdrawn = Some(7);
    builder.add(feed("github"), Records { advisories: vec![changed, alias], ..Records::default() });
    let after = contents(builder);
    assert_eq!(after.iter().filter(is_known).count(), 2);
}

#[test]
fn no_damaged_byte_is_believed() {
    let file = sample().finish().unwrap();
    let first_section = 4096;
    let whole = Database::open(file.clone()).unwrap().advisories().unwrap();
    for at in (0..file.len()).filter(|at| *at < 300 || *at >= first_section) {
        let mut damaged = file.clone();
        damaged[at] ^= 0x10;
        // What stands between two sections has no meaning, but a sum.
        match Database::open(damaged) {
            Err(_) => {}
            Ok(database) => match database.verify() {
                Err(_) => {}
                Ok(()) => assert_eq!(database.advisories().unwrap(), whole, "byte {at}"),
            },
        }
    }
    for length in (0..file.len()).step_by(97) {
        let error = Database::open(&file[..length]).unwrap_err();
        assert!(
            matches!(error, Corrupt::NotADatabase | Corrupt::Version { .. } | Corrupt::Truncated { .. }),
            "{error}"
        );
    }
    let mut newer = file.clone();
    newer[8] = 9;
    let error = Database::open(newer).unwrap_err();
    assert_eq!(error.to_string(), "it has format 9, this program reads 5");
}

/// A file that is opened is not read: what is damaged is told when it is touched, and what is told before is right.
#[test]
fn a_damaged_block_is_told_when_it_is_touched() {
    let mut builder = sample();
    // So many that each part has blocks of its own.
    let many = (0..2000).map(|number| {
        let name = format!("package-{number}");
        advisory(&format!("MANY-{number}"), &[&format!("CVE-2025-{number}")], vec![affected(&npm(), &name, "1.0.0")])
    });
    let scores =
        (0..2000).map(|number| Probability { id: format!("CVE-2025-{number}"), probability: 0.5, percentile: 0.5 });
    let many = Records { advisories: many.collect(), probabilities: scores.collect(), ..Records::default() };
    builder.add(feed("many"), many);
    let file = builder.finish().unwrap();
    let read = |database: &Database<Vec<u8>>| -> Vec<Result<String, Corrupt>> {
        let shown = |value: &dyn std::fmt::Debug| format!("{value:?}");
        vec![
            database.feeds().map(|value| shown(&value)),
            database.advisories().map(|value| shown(&value)),
            database.coverage().map(|value| shown(&value)),
            database.find_package(&npm(), "lodash").map(|value| shown(&value)),
            database.find_vulnerabilities("CVE-2024-0001").map(|value| shown(&value)),
            database.probabilities().map(|value| shown(&value)),
            database.exploited().map(|value| shown(&value)),
        ]
    };
    let whole: Vec<String> =
        read(&Database::open(file.clone()).unwrap()).into_iter().map(|part| part.unwrap()).collect();
    let mut told = vec![0; whole.len()];
    // A byte of each block.
    for at in (4096..file.len()).step_by(4096) {
        let mut damaged = file.clone();
        damaged[at] ^= 0x10;
        // What is damaged may be what is looked at to open it.
        let Ok(database) = Database::open(damaged) else { continue };
        for ((part, right), told) in read(&database).into_iter().zip(&whole).zip(&mut told) {
            match part {
                Ok(part) => assert_eq!(part, *right, "byte {at}"),
                Err(Corrupt::Sum { .. }) => *told += 1,
                Err(error) => panic!("byte {at}: {error}"),
            }
        }
    }
    // All records are in most blocks, and one of them in few.
    assert!(told[1] > 10 && told[3] > 0 && told[3] < told[1] && told[5] > 0, "{told:?}");
}

#[test]
fn every_section_has_its_size() {
    let file = sample().finish().unwrap();
    let database = Database::open(&file).unwrap();
    let sizes: Vec<_> = database.sizes().collect();
    assert!(sizes.iter().all(|(_, bytes)| *bytes > 0), "{sizes:?}");
    assert_eq!(sizes.len(), Section::ALL.len());
}

/// A change of this digest without one of [`FORMAT_VERSION`] would make old files mean something else.
#[test]
fn the_form_is_that_of_its_version() {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &sample().finish().unwrap());
    insta::assert_snapshot!(format!("{FORMAT_VERSION} {digest:?}"));
}

fn any_text() -> impl Strategy<Value = String> {
    "[a-z0-9.+~-]{0,12}"
}

prop_compose! {
    fn any_affected()(
        family in prop::sample::select(Family::ALL),
        release in prop::option::of(any_text()),
        package in any_text(),
        from in prop::option::of((any_text(), any::<bool>())),
        to in prop::option::of((any_text(), 0..3)),
        versions in prop::collection::vec(any_text(), 0..3),
    ) -> Affected {
        let start = match from {
            None => Start::Unbounded,
            Some((version, true)) => Start::At(version),
            Some((version, false)) => Start::After(version),
        };
        let end = match to {
            None => End::Unbounded,
            Some((version, 0)) => End::Fixed(version),
            Some((version, 1)) => End::Before(version),
            Some((version, _)) => End::Through(version),
        };
        let ecosystem = Ecosystem { family, release };
        Affected { intervals: vec![Interval { start, end }], versions, ..affected(&ecosystem, &package, "") }
    }
}

prop_compose! {
    pub(crate) fn any_advisory()(
        id in "(CVE-2024-000[0-9]|GHSA-[a-f]|X-[0-9])",
        aliases in prop::collection::vec("(CVE-2024-000[0-9]|GHSA-[a-f])", 0..3),
        upstream in prop::collection::vec("(CVE-2024-000[0-9]|GHSA-[a-f])", 0..2),
        withdrawn in prop::option::of(any::<i64>()),
        details in ".{0,40}",
        affected in prop::collection::vec(any_affected(), 0..4),
    ) -> Advisory {
        Advisory { id, aliases, upstream, withdrawn, details, affected, ..Advisory::default() }
    }
}

pub(crate) fn of_two_feeds(first: Vec<Advisory>, second: Vec<Advisory>) -> Vec<u8> {
    let mut builder = Builder::new();
    builder.add(feed("one"), Records { advisories: first, ..Records::default() });
    builder.add(feed("two"), Records { advisories: second, ..Records::default() });
    builder.finish().unwrap()
}

proptest! {
    #[test]
    fn the_same_records_are_the_same_file_in_any_order(
        first in prop::collection::vec(any_advisory(), 0..12),
        second in prop::collection::vec(any_advisory(), 0..12),
    ) {
        let file = of_two_feeds(first, second);
        let database = Database::open(&file).unwrap();
        database.verify().unwrap();
        prop_assert!(rebuilt(&database) == file);
        for (_, advisory) in database.advisories().unwrap() {
            for affected in advisory.affected {
                let entry = database.find_package(&affected.ecosystem, &affected.package).unwrap();
                prop_assert!(entry.is_some_and(|entry| database.statements(&entry).unwrap().count() > 0));
            }
        }
    }

    /// What says who speaks of a package is what says what they say.
    #[test]
    fn who_speaks_of_a_package_is_known_without_reading_what_they_say(
        first in prop::collection::vec(any_advisory(), 0..6),
        second in prop::collection::vec(any_advisory(), 0..6),
        some in prop::collection::btree_set((0_u32..12).prop_map(AdvisoryIndex), 0..4),
    ) {
        let database = Database::open(of_two_feeds(first, second)).unwrap();
        for package in database.packages() {
            let package = package.unwrap();
            let mut speakers = database.statements(&package).unwrap().map(|statement| statement.unwrap().advisory);
            let expected = speakers.any(|speaker| some.contains(&speaker));
            prop_assert_eq!(database.is_spoken_of(&package, &some).unwrap(), expected);
        }
    }

    #[test]
    fn hostile_bytes_are_refused_and_harm_nobody(mut bytes in prop::collection::vec(any::<u8>(), 0..6000), at in 0_usize..300) {
        prop_assert!(Database::open(&bytes).is_err());
        let file = sample().finish().unwrap();
        bytes.truncate(file.len() / 2);
        let mut hostile = file;
        let start = (4096 + at * 7).min(hostile.len() - bytes.len());
        hostile[start..start + bytes.len()].copy_from_slice(&bytes);
        if let Ok(database) = Database::open(hostile) {
            let _ = database.verify();
        }
    }
}

/// A feed of one's own with a record says nothing of how old what a publisher says is, nor does one whose successor says all that it said.
#[test]
fn the_feeds_that_say_most_of_an_ecosystem_are_told() {
    let debian = Ecosystem::release(Family::Debian, "12");
    let check = |feeds: &[(&str, std::ops::Range<usize>, &Ecosystem)], expected: &[(&Ecosystem, &[&str])]| {
        let mut builder = Builder::new();
        let mut all: std::collections::BTreeMap<&str, Vec<Advisory>> = std::collections::BTreeMap::new();
        for (name, packages, ecosystem) in feeds {
            let records = all.entry(*name).or_default();
            records.extend(packages.clone().map(|number| {
                let package = format!("package-{number:05}");
                advisory(&format!("{name}-{ecosystem}-{number}"), &[], vec![affected(ecosystem, &package, "1")])
            }));
        }
        for (name, advisories) in all {
            builder.add(feed(name), Records { advisories, ..Records::default() });
        }
        let database = Database::open(builder.finish().unwrap()).unwrap();
        for (ecosystem, expected) in expected {
            assert_eq!(database.main_feeds(ecosystem).unwrap(), *expected, "{feeds:?} {ecosystem}");
        }
    };
    check(&[], &[(&npm(), &[])]);
    check(&[("b", 0..1, &npm())], &[(&npm(), &["b"]), (&debian, &[])]);
    check(&[("a", 0..0, &npm()), ("b", 0..1, &npm()), ("c", 0..0, &npm())], &[(&npm(), &["b"])]);
    check(&[("a", 0..1, &npm()), ("b", 0..2, &npm())], &[(&npm(), &["a", "b"])]);
    check(&[("a", 2..3, &npm()), ("b", 0..3, &npm())], &[(&npm(), &["b"])]);
    // So many that not all are looked at; the other ecosystem's packages lie before and after them.
    check(
        &[
            ("a", 0..9, &npm()),
            ("b", 0..5000, &npm()),
            ("b", 0..3, &debian),
            ("c", 0..200, &debian),
            ("d", 1000..4000, &npm()),
        ],
        &[(&npm(), &["b", "d"]), (&debian, &["c"])],
    );
}
