//! Every yes and every no with what it rests on.

use component::{Distribution, Inventory, PackageType, SourcePackage};
use findings::{Answer, Deciders, ELSEWHERE_MAX, Explanation, explanation_table};
use vulndb::{Advisory, Affected, Channel, Ecosystem, Family, Named, Qualifiers, Records, Symbols, Verdict};

use crate::fixture::{advisory, affected, component, database, database_of, feed, inventory, said};

fn told(name: &str, component: Option<&str>) -> String {
    let explanation = Explanation::of(&database(), &inventory(), &Deciders::default(), name, component).unwrap();
    explanation_table(&explanation)
}

#[test]
fn a_finding_is_explained_by_its_record_and_range() {
    insta::assert_snapshot!("affected_distribution", told("CVE-2023-0286", None));
    insta::assert_snapshot!("affected_language", told("GHSA-jfh8-c2jp-5v3q", None));
    insta::assert_snapshot!("affected_named", told("MAL-2024-0001", None));
}

#[test]
fn what_does_not_count_says_who_says_so() {
    insta::assert_snapshot!("suppressed_by_the_distribution", told("CVE-2023-32681", None));
    insta::assert_snapshot!("suppressed_without_code", told("CVE-2024-9999", None));
}

#[test]
fn a_vulnerability_is_told_in_the_words_of_a_record_about_what_is_here() {
    let about = |id: &str, package: &str| {
        let npm = Ecosystem::new(Family::Npm);
        said(
            &format!("A flaw of {package}"),
            advisory(id, &["CVE-2024-7777"], vec![affected(&npm, package, &["..9!"])]),
        )
    };
    let check = |packages: [&str; 2], expected: &str| {
        let advisories = vec![about("GHSA-1111-1111-1111", packages[0]), about("GHSA-2222-2222-2222", packages[1])];
        let database = database_of(vec![(feed("github", "osv", 0), Records { advisories, ..Records::default() })]);
        let mut here = inventory();
        here.components = vec![component(PackageType::Npm, "here", "1.0.0")];
        here.edges.clear();
        let told = Explanation::of(&database, &here, &Deciders::default(), "CVE-2024-7777", None).unwrap();
        assert_eq!(told.summary.as_deref(), Some(expected));
    };
    check(["elsewhere", "anywhere"], "A flaw of elsewhere");
    check(["here", "elsewhere"], "A flaw of here");
    check(["elsewhere", "here"], "A flaw of here");
}

#[test]
fn what_is_not_here_is_told_with_what_it_is_about() {
    let mut fixed = inventory();
    for component in &mut fixed.components {
        if component.name.contains("ssl") {
            component.version = Some("3.0.11-1~deb12u3".to_owned());
        }
    }
    let explanation = Explanation::of(&database(), &fixed, &Deciders::default(), "CVE-2023-0286", None).unwrap();
    insta::assert_snapshot!("not_affected", explanation_table(&explanation));
    let mut empty = inventory();
    empty.components.retain(|component| component.package_type == PackageType::Deb && !component.name.contains("ssl"));
    empty.edges.clear();
    assert!(!empty.components.is_empty());
    let explanation = Explanation::of(&database(), &empty, &Deciders::default(), "CVE-2023-0286", None).unwrap();
    insta::assert_snapshot!("not_here", explanation_table(&explanation));
    insta::assert_snapshot!("unknown", told("CVE-2021-4428", None));
    insta::assert_snapshot!("no_such_component", told("CVE-2023-0286", Some("pkg:deb/debian/zlib1g")));
}

#[test]
fn a_name_that_nobody_knows_may_be_near_to_one_that_is_known() {
    let check = |asked: &str, expected: Option<&str>| {
        let names =
            ["CVE-2003-0001", "CVE-2021-44228", "CVE-2021-9981", "CVE-2021-9982", "GHSA-jfh8-c2jp-5v3q", "DSA-5417-1"];
        let npm = Ecosystem::new(Family::Npm);
        let advisories = names.map(|name| advisory(name, &[], vec![affected(&npm, "a", &[".."])])).to_vec();
        let database = database_of(vec![(feed("test", "osv", 0), Records { advisories, ..Records::default() })]);
        let told = Explanation::of(&database, &inventory(), &Deciders::default(), asked, None).unwrap();
        assert_eq!((told.answer, told.nearest.as_deref()), (Answer::Unknown, expected), "{asked}");
    };
    check("CVE-2021-4428", Some("CVE-2021-44228"));
    check("cve-2021-44282", Some("CVE-2021-44228"));
    check("CVE-2021-44337", None);
    check("CVE-2021-44229", Some("CVE-2021-44228"));
    check("CVE2021-44228", Some("CVE-2021-44228"));
    check("GHSA-jfh8-c2pj-5v3q", Some("GHSA-jfh8-c2jp-5v3q"));
    check("DSA-5471-1", Some("DSA-5417-1"));
    // Of another year it is another vulnerability.
    check("CVE-2099-0001", None);
    check("CVE-2004-0001", None);
    check("CVE-2012-44228", None);
    // Of two that are as near nobody knows which was meant.
    check("CVE-2021-9980", None);
    check("CVE-2021-9998", None);
}

#[test]
fn one_component_can_be_asked_for() {
    let check = |asked: &str, expected: (Answer, &[&str])| {
        let explanation =
            Explanation::of(&database(), &inventory(), &Deciders::default(), "CVE-2023-0286", Some(asked)).unwrap();
        let names: Vec<_> = explanation
            .records
            .iter()
            .flat_map(|held| held.present.iter().map(|present| present.component.name.as_str()))
            .collect();
        assert_eq!((explanation.answer, names.as_slice()), expected, "{asked}");
    };
    check("pkg:deb/debian/openssl@9", (Answer::NoSuchComponent, &[]));
    check("pkg:deb/ubuntu/openssl", (Answer::NoSuchComponent, &[]));
    check("pkg:deb/debian/openssl?arch=arm64", (Answer::NoSuchComponent, &[]));
    check("nobody", (Answer::NoSuchComponent, &[]));
    check("left", (Answer::NotHere, &[]));
    // PyPI's names have no letter case, Debian's do.
    check("Requests", (Answer::NotHere, &[]));
    check("LibSSL3", (Answer::NoSuchComponent, &[]));
    check("pkg:deb/debian/openssl", (Answer::Affected, &["openssl"]));
    check("pkg:deb/debian/libssl3@3.0.11-1~deb12u1?arch=amd64", (Answer::Affected, &["libssl3"]));
    check("libssl3", (Answer::Affected, &["libssl3"]));
}

#[test]
fn an_explanation_is_read_back_as_it_was_written() {
    for name in ["CVE-2023-0286", "CVE-2023-32681", "CVE-2021-44228", "nobody"] {
        let explanation = Explanation::of(&database(), &inventory(), &Deciders::default(), name, None).unwrap();
        let bytes = serde_json::to_vec(&explanation).unwrap();
        assert_eq!(serde_json::from_slice::<Explanation>(&bytes).unwrap(), explanation);
    }
}

/// The lines about the first record, for statements about a package of Ubuntu's and the version that is there.
fn record(statement: Affected, version: &str) -> String {
    told_of(vec![advisory("CVE-2024-0001", &[], vec![statement])], version)
}

/// The same, for what advisories say of it.
fn told_of(advisories: Vec<Advisory>, version: &str) -> String {
    let database = database_of(vec![(feed("test", "osv", 0), Records { advisories, ..Records::default() })]);
    let inventory = Inventory {
        distribution: Some(Distribution {
            id: "ubuntu".to_owned(),
            version_id: Some("20.04".to_owned()),
            ..Distribution::default()
        }),
        components: vec![{
            let mut deb = component(PackageType::Deb, "a", version);
            deb.architecture = Some("arm64".to_owned());
            deb
        }],
        edges: Vec::new(),
        ..inventory()
    };
    let explanation = Explanation::of(&database, &inventory, &Deciders::default(), "CVE-2024-0001", None).unwrap();
    let text = explanation_table(&explanation);
    text.lines().skip(3).take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_else_must_hold_is_told() {
    let focal = Ecosystem::release(Family::Ubuntu, "20.04");
    let with = |qualifiers| Affected { qualifiers, ..affected(&focal, "a", &["..2.0-1!"]) };
    insta::assert_snapshot!(
        "another_architecture",
        record(with(Qualifiers { architectures: vec!["amd64".to_owned()], ..Qualifiers::default() }), "1.0-1",)
    );
    insta::assert_snapshot!(
        "a_channel",
        record(with(Qualifiers { channel: Channel::EsmApps, ..Qualifiers::default() }), "1.0-1",)
    );
    insta::assert_snapshot!(
        "a_channel_that_mended_it",
        record(with(Qualifiers { channel: Channel::EsmApps, ..Qualifiers::default() }), "2.0-1+esm1",)
    );
    insta::assert_snapshot!(
        "symbols",
        record(
            with(Qualifiers {
                symbols: vec![Symbols { path: "net/http".to_owned(), names: Vec::new() }],
                ..Qualifiers::default()
            }),
            "3.0-1",
        )
    );
    insta::assert_snapshot!("no_order", record(with(Qualifiers::default()), "no version"));
    insta::assert_snapshot!(
        "not_affected_at_all",
        record(Affected { verdict: Verdict::NotAffected, ..affected(&focal, "a", &[".."]) }, "1.0-1",)
    );
}

#[test]
fn a_build_of_a_module_that_nothing_states_is_told() {
    let told = |label: Option<&str>| {
        let rocky = Ecosystem::release(Family::RockyLinux, "8");
        let qualifiers = Qualifiers { module: Some("container-tools:2.0".to_owned()), ..Qualifiers::default() };
        let record = Affected { qualifiers, ..affected(&rocky, "podman", &["..2.0-1.module+el8!"]) };
        let advisories = vec![advisory("CVE-2024-0001", &[], vec![record])];
        let database = database_of(vec![(feed("test", "osv", 0), Records { advisories, ..Records::default() })]);
        let mut here = inventory();
        here.distribution.as_mut().unwrap().id = "rocky".to_owned();
        here.distribution.as_mut().unwrap().version_id = Some("8.9".to_owned());
        here.components = vec![component(PackageType::Rpm, "podman", "1.0-1.module+el8")];
        here.components[0].module = label.map(str::to_owned);
        here.edges.clear();
        let explanation = Explanation::of(&database, &here, &Deciders::default(), "CVE-2024-0001", None).unwrap();
        explanation.records[0].because.clone()
    };
    let lies = "1.0-1.module+el8 lies in < 2.0-1.module+el8";
    assert_eq!(told(Some("container-tools:2.0:1:2")), lies);
    assert_eq!(told(None), format!("{lies}, and nothing says of which module this build is"));
    assert_eq!(told(Some("container-tools:rhel8:1:2")), "it is about another module");
}

#[test]
fn epochs_that_are_not_compared_are_told() {
    let told = |bound: &str, source: &str| {
        let rocky = Ecosystem::release(Family::RockyLinux, "8");
        let record = Affected { named: Named::Source, ..affected(&rocky, "perl", &[bound]) };
        let advisories = vec![advisory("CVE-2024-0001", &[], vec![record])];
        let database = database_of(vec![(feed("test", "osv", 0), Records { advisories, ..Records::default() })]);
        let mut here = inventory();
        here.distribution.as_mut().unwrap().id = "rocky".to_owned();
        here.distribution.as_mut().unwrap().version_id = Some("8.9".to_owned());
        here.components = vec![component(PackageType::Rpm, "perl-Errno", "1.28-416.el8")];
        here.components[0].source = Some(SourcePackage { name: "perl".to_owned(), version: Some(source.to_owned()) });
        here.edges.clear();
        let explanation = Explanation::of(&database, &here, &Deciders::default(), "CVE-2024-0001", None).unwrap();
        let text = explanation_table(&explanation);
        let compared = text.lines().find_map(|line| line.trim_start().strip_prefix("compared ")).unwrap();
        compared.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let not_compared = "; the source package's epoch is not stated: epochs are not compared";
    assert_eq!(
        told("..4:5.20.0-1.el8!", "5.26.3-416.el8"),
        format!("5.26.3-416.el8 > 4:5.20.0-1.el8 (rpm order: version `5.26.3` > `5.20.0`{not_compared})")
    );
    assert_eq!(
        told("..4:5.26.3-420.el8!", "5.26.3-416.el8"),
        format!("5.26.3-416.el8 < 4:5.26.3-420.el8 (rpm order: release `416.el8` < `420.el8`{not_compared})")
    );
    assert_eq!(
        told("..5.20.0-1.el8!", "5.26.3-416.el8"),
        "5.26.3-416.el8 > 5.20.0-1.el8 (rpm order: version `5.26.3` > `5.20.0`)"
    );
    assert_eq!(
        told("..4:5.20.0-1.el8!", "4:5.26.3-416.el8"),
        "4:5.26.3-416.el8 > 4:5.20.0-1.el8 (rpm order: version `5.26.3` > `5.20.0`)"
    );
}

#[test]
fn a_component_of_which_a_record_says_the_same_twice_is_told_once() {
    let focal = Ecosystem::release(Family::Ubuntu, "20.04");
    let all = |channel| Affected {
        verdict: Verdict::UnderInvestigation,
        qualifiers: Qualifiers { channel, ..Qualifiers::default() },
        ..affected(&focal, "a", &[".."])
    };
    let advisories = vec![advisory("CVE-2024-0001", &[], vec![all(Channel::Main), all(Channel::EsmApps)])];
    insta::assert_snapshot!(told_of(advisories, "1.0-1"), @r"
    not known of all versions
    present     a 1.0-1
    because     it is under investigation
    ");
}

#[test]
fn what_is_told_of_other_packages_begins_with_what_is_nearest_to_what_is_here() {
    let npm = Ecosystem::new(Family::Npm);
    let packages = [
        affected(&Ecosystem::release(Family::AlmaLinux, "8"), "bpftool", &[".."]),
        affected(&Ecosystem::release(Family::Debian, "11"), "a", &[".."]),
        affected(&Ecosystem::release(Family::Debian, "12"), "linux", &[".."]),
        affected(&npm, "z", &[".."]),
        affected(&Ecosystem::new(Family::PyPi), "a", &[".."]),
        affected(&Ecosystem::release(Family::Ubuntu, "22.04"), "linux", &[".."]),
    ];
    let check = |asked: Option<&str>, expected: &[&str]| {
        let many = (0..ELSEWHERE_MAX)
            .map(|number| affected(&Ecosystem::release(Family::AlmaLinux, "9"), &format!("p{number}"), &[".."]));
        let of_packages = many.chain(packages.iter().cloned()).collect();
        let advisories = vec![advisory("CVE-2024-0001", &[], of_packages)];
        let database = database_of(vec![(feed("test", "osv", 0), Records { advisories, ..Records::default() })]);
        let told = Explanation::of(&database, &inventory(), &Deciders::default(), "CVE-2024-0001", asked).unwrap();
        let first = told.elsewhere.iter().take(expected.len());
        let first: Vec<String> = first.map(|one| format!("{} {}", one.ecosystem, one.package)).collect();
        assert_eq!(first, expected, "{asked:?}");
        assert_eq!((told.elsewhere.len(), told.elsewhere_untold), (ELSEWHERE_MAX, packages.len()));
    };
    check(None, &["Debian:12 linux", "PyPI a", "npm z", "AlmaLinux:8 bpftool"]);
    check(Some("minimist"), &["npm z", "Debian:12 linux", "PyPI a", "AlmaLinux:8 bpftool"]);
    check(Some("nobody"), &["Debian:12 linux", "PyPI a", "npm z", "AlmaLinux:8 bpftool"]);
}

#[test]
fn what_is_told_of_other_packages_is_bounded() {
    let npm = Ecosystem::new(Family::Npm);
    let check = |count: usize, told: usize, untold: usize| {
        let packages = (0..count).map(|number| affected(&npm, &format!("p{number}"), &[".."])).collect();
        let advisories: Vec<Advisory> = vec![advisory("CVE-2024-0001", &[], packages)];
        let database = database_of(vec![(feed("test", "osv", 0), Records { advisories, ..Records::default() })]);
        let explanation =
            Explanation::of(&database, &inventory(), &Deciders::default(), "CVE-2024-0001", None).unwrap();
        assert_eq!((explanation.elsewhere.len(), explanation.elsewhere_untold), (told, untold));
    };
    check(ELSEWHERE_MAX, ELSEWHERE_MAX, 0);
    check(ELSEWHERE_MAX + 1, ELSEWHERE_MAX, 1);
}
