//! Which vulnerabilities a component has: the publishers' rules, no before yes.

use component::{
    Code, Component, ComponentIndex, Distribution, Edge, Inventory, Location, Node, PackageType, Relation,
    SourcePackage, Subject, Technique,
};
use vulndb::file::{Builder, Database};
use vulndb::matching::{
    Certainty, Epoch, Identity, Outcome, Reason, Suppression, explain, judge, match_component, match_inventory,
    needed_of, severity, undecided, upgrade,
};
use vulndb::{
    Advisory, Affected, Channel, Ecosystem, End, Family, Fix, Interval, Level, Named, Qualifiers, Rating, Records,
    Severity, Start, Verdict,
};

use crate::file::{advisory, affected, feed};

fn component(package_type: PackageType, name: &str, version: &str) -> Component {
    let mut component = Component::new(package_type, name, "test", Technique::PackageDatabase);
    component.version = Some(version.to_owned());
    component
}

fn deb(name: &str, version: &str, source: Option<(&str, Option<&str>)>) -> Component {
    let mut component = component(PackageType::Deb, name, version);
    component.source =
        source.map(|(name, version)| SourcePackage { name: name.to_owned(), version: version.map(str::to_owned) });
    component
}

fn distribution(id: &str, version: &str) -> Distribution {
    Distribution { id: id.to_owned(), version_id: Some(version.to_owned()), ..Distribution::default() }
}

fn database(advisories: Vec<Advisory>) -> Database<Vec<u8>> {
    let mut builder = Builder::new();
    builder.add(feed("test"), Records { advisories, ..Records::default() });
    Database::open(builder.finish().unwrap()).unwrap()
}

fn debian(affected: Affected) -> Vec<Advisory> {
    vec![advisory("CVE-2024-0001", &[], vec![affected])]
}

fn openssl(fixed: &str) -> Affected {
    affected(&Ecosystem::release(Family::Debian, "12"), "openssl", fixed)
}

/// What is found: name, fix, and a mark when it does not count.
fn found(advisories: Vec<Advisory>, component: &Component, distribution: Option<&Distribution>) -> Vec<String> {
    let database = database(advisories);
    let findings = match_component(&database, component, distribution).unwrap();
    findings
        .iter()
        .map(|finding| {
            let name = database.vulnerability(finding.vulnerability).unwrap().name;
            let fixed = upgrade(finding).map(|fixed| format!(" -> {fixed}")).unwrap_or_default();
            let certainty = if finding.certainty == Certainty::UnderInvestigation { " ?" } else { "" };
            let suppression = match finding.suppression {
                None => "",
                Some(Suppression::NoCode) => " (no code)",
                Some(Suppression::NotAffected(_)) => " (not affected)",
                Some(Suppression::Owned { .. }) => " (owned)",
            };
            format!("{name}{fixed}{certainty}{suppression}")
        })
        .collect()
}

#[test]
fn a_debian_record_is_about_source_packages() {
    let bookworm = distribution("debian", "12");
    let check = |component: &Component, expected: &[&str]| {
        assert_eq!(found(debian(openssl("3.0.11-1~deb12u2")), component, Some(&bookworm)), expected, "{component:?}");
    };
    check(&deb("zlib1g", "1.2", None), &[]);
    check(&deb("libssl3", "3.0.11-1~deb12u1", None), &[]);
    check(&deb("libssl3", "3.0.11-1~deb12u1", Some(("openssl", None))), &["CVE-2024-0001 -> 3.0.11-1~deb12u2"]);
    check(&deb("libssl3", "3.0.11-1~deb12u2", Some(("openssl", None))), &[]);
    // The source's version counts, where it has one of its own.
    check(&deb("libssl3", "99", Some(("openssl", Some("3.0.1")))), &["CVE-2024-0001 -> 3.0.11-1~deb12u2"]);
    check(&deb("libssl3", "1:3.0.1-1", Some(("openssl", Some("3.0.1-1")))), &["CVE-2024-0001 -> 3.0.11-1~deb12u2"]);
    check(&deb("openssl", "3.0.1-1", None), &["CVE-2024-0001 -> 3.0.11-1~deb12u2"]);
    // Another name's binary package of the same name as a source is not it.
    check(&deb("openssl", "3.0.1-1", Some(("openssl-defaults", None))), &[]);
    check(&component(PackageType::Npm, "openssl", "1.0.0"), &[]);
}

#[test]
fn a_record_of_another_release_says_nothing() {
    let component = deb("openssl", "3.0.1-1", None);
    let check = |release: Option<Distribution>, expected: usize| {
        assert_eq!(found(debian(openssl("3.1")), &component, release.as_ref()).len(), expected, "{release:?}");
    };
    check(None, 0);
    check(Some(distribution("debian", "11")), 0);
    check(Some(distribution("ubuntu", "12")), 0);
    check(Some(distribution("debian", "12.5")), 1);
}

#[test]
fn a_package_is_of_the_release_that_its_purl_names() {
    let check = |purl: &str, around: Option<(&str, &str)>, expected: &[&str]| {
        let of = |release: &str, fixed: &str| affected(&Ecosystem::release(Family::Debian, release), "openssl", fixed);
        let records = vec![
            advisory("OLD", &[], vec![of("11", "1.1.1n-0+deb11u5")]),
            advisory("NEW", &[], vec![of("12", "3.0.11-1~deb12u2")]),
            advisory(
                "OTHER",
                &[],
                vec![affected(&Ecosystem::release(Family::Ubuntu, "22.04"), "openssl", "3.0.2-0ubuntu1.15")],
            ),
        ];
        let mut component = deb("openssl", "1.0.0-1", None);
        component.purl = (!purl.is_empty()).then(|| purl.parse().unwrap());
        let around = around.map(|(id, version)| distribution(id, version));
        let found = found(records, &component, around.as_ref());
        let found: Vec<&str> = found.iter().filter_map(|told| told.split(' ').next()).collect();
        assert_eq!(found, expected, "{purl} in {around:?}");
    };
    let bookworm = Some(("debian", "12"));
    // Nothing names a release.
    check("", None, &[]);
    check("pkg:deb/debian/openssl@1.0.0-1", None, &[]);
    check("pkg:deb/debian/openssl@1.0.0-1?distro=debian", None, &[]);
    // What contradicts itself names none.
    check("pkg:deb/debian/openssl@1.0.0-1?distro=ubuntu-22.04", None, &[]);
    check("pkg:deb/debian/openssl@1.0.0-1?distro=ubuntu-22.04", bookworm, &["NEW"]);
    // One that nobody publishes for, and one of another kind of package.
    check("pkg:deb/kali/openssl@1.0.0-1?distro=kali-2024.1", bookworm, &[]);
    check("pkg:deb/openssl@1.0.0-1?distro=fedora-40", bookworm, &["NEW"]);
    check("pkg:deb/debian/openssl@1.0.0-1", bookworm, &["NEW"]);
    check("pkg:deb/debian/openssl@1.0.0-1?distro=stable", bookworm, &["NEW"]);
    check("pkg:deb/debian/openssl@1.0.0-1?distro=debian-12", bookworm, &["NEW"]);
    check("pkg:deb/debian/openssl@1.0.0-1?distro=debian-12.5", bookworm, &["NEW"]);
    check("pkg:deb/debian/openssl@1.0.0-1?distro=bookworm", bookworm, &["NEW"]);
    check("pkg:deb/debian/openssl@1.0.0-1?distro=debian-11", bookworm, &["OLD"]);
    check("pkg:deb/debian/openssl@1.0.0-1?distro=bullseye", bookworm, &["OLD"]);
    check("pkg:deb/ubuntu/openssl@1.0.0-1?distro=ubuntu-22.04", bookworm, &["OTHER"]);
    check("pkg:deb/ubuntu/openssl@1.0.0-1?distro=jammy", None, &["OTHER"]);
    check("pkg:deb/debian/openssl@1.0.0-1?distro=debian-11", None, &["OLD"]);
    check("pkg:deb/debian/openssl@1.0.0-1?distro=debian-11", Some(("linux", "")), &["OLD"]);
}

#[test]
fn what_is_needed_of_a_system_is_the_packages_own() {
    let check = |purl: &str, around: (&str, &str), expected: (&str, Option<&str>)| {
        let mut component = deb("openssl", "1", None);
        component.purl = Some(purl.parse().unwrap());
        let around = distribution(around.0, around.1);
        let needed = needed_of(&around, &component);
        assert_eq!((needed.id.as_str(), needed.version_id.as_deref()), expected, "{purl}");
        assert_eq!(needed_of(&needed, &component), needed, "{purl}");
    };
    check("pkg:deb/debian/openssl@1", ("debian", "12"), ("debian", Some("12")));
    check("pkg:deb/debian/openssl@1?distro=debian-12", ("debian", "12"), ("debian", Some("12")));
    check("pkg:deb/debian/openssl@1?distro=debian-11", ("debian", "12"), ("debian", Some("11")));
    check("pkg:deb/debian/openssl@1?distro=bullseye", ("debian", "12"), ("debian", None));
    check("pkg:deb/debian/openssl@1?distro=debian-11", ("linux", ""), ("debian", Some("11")));
}

#[test]
fn verdicts_are_told_apart() {
    let bookworm = distribution("debian", "12");
    let component = deb("openssl", "3.0.1-1", None);
    let said = |verdict| Affected { verdict, intervals: vec![Interval::ALL], ..openssl("") };
    let check = |statements: Vec<Affected>, expected: &[&str]| {
        let records = vec![advisory("CVE-2024-0001", &[], statements)];
        assert_eq!(found(records, &component, Some(&bookworm)), expected);
    };
    check(vec![said(Verdict::NotAffected)], &[]);
    check(vec![said(Verdict::Affected(Fix::WontFix))], &["CVE-2024-0001"]);
    check(vec![said(Verdict::UnderInvestigation)], &["CVE-2024-0001 ?"]);
    check(vec![said(Verdict::Affected(Fix::AsStated)), said(Verdict::UnderInvestigation)], &["CVE-2024-0001"]);
    check(vec![said(Verdict::Affected(Fix::AsStated)), said(Verdict::NotAffected)], &["CVE-2024-0001 (not affected)"]);
    // Without an interval and without a version, every version is meant; with a version alone, only that.
    let named = |versions: &[&str]| Affected {
        intervals: Vec::new(),
        versions: versions.iter().map(ToString::to_string).collect(),
        ..openssl("")
    };
    check(vec![named(&[])], &["CVE-2024-0001"]);
    check(vec![named(&["3.0.1-1"])], &["CVE-2024-0001"]);
    check(vec![named(&["3.0.2-1"])], &[]);
}

#[test]
fn a_withdrawn_record_matches_nothing() {
    let mut records = debian(openssl("3.1"));
    records[0].withdrawn = Some(1);
    assert!(found(records, &deb("openssl", "3.0.1-1", None), Some(&distribution("debian", "12"))).is_empty());
}

#[test]
fn a_package_without_code_does_not_count() {
    let mut component = deb("openssl-doc", "3.0.1-1", Some(("openssl", None)));
    component.code = Code::Absent;
    let found = found(debian(openssl("3.1")), &component, Some(&distribution("debian", "12")));
    assert_eq!(found, ["CVE-2024-0001 -> 3.1 (no code)"]);
}

#[test]
fn records_of_one_vulnerability_are_one_finding_with_the_smallest_upgrade() {
    let npm = Ecosystem::new(Family::Npm);
    let records = vec![
        advisory("GHSA-a", &["CVE-2024-0001"], vec![affected(&npm, "left-pad", "1.10.0")]),
        advisory("SNYK-1", &["GHSA-a"], vec![affected(&npm, "left-pad", "1.9.0")]),
        advisory("GHSA-b", &[], vec![affected(&npm, "left-pad", "2.0.0")]),
    ];
    let component = component(PackageType::Npm, "left-pad", "1.0.0");
    assert_eq!(found(records, &component, None), ["CVE-2024-0001 -> 1.9.0", "GHSA-b -> 2.0.0"]);
}

#[test]
fn a_version_that_cannot_be_ordered_is_no_finding_and_says_so() {
    let npm = Ecosystem::new(Family::Npm);
    let records = vec![advisory("GHSA-a", &[], vec![affected(&npm, "left-pad", "2.0.0")])];
    let component = component(PackageType::Npm, "left-pad", "workspace:*");
    assert!(found(records.clone(), &component, None).is_empty());
    let database = database(records);
    let vulnerabilities = database.find_vulnerabilities("GHSA-a").unwrap();
    let told = explain(&database, &component, None, &vulnerabilities).unwrap();
    assert_eq!(told.len(), 1);
    let vulndb::matching::Outcome::NotMeant(reason) = &told[0].outcome else { panic!("{told:?}") };
    assert_eq!(reason.to_string(), "the version `workspace:*` cannot be ordered");
}

#[test]
fn epochs_count_also_when_only_the_purl_has_them() {
    let alma = Ecosystem::release(Family::AlmaLinux, "9");
    let fixed = |version: &str| vec![advisory("CVE-2024-0001", &[], vec![affected(&alma, "openssl", version)])];
    let nine = distribution("almalinux", "9.3");
    let check = |version: &str, purl: Option<&str>, bound: &str, expected: usize| {
        let mut component = component(PackageType::Rpm, "openssl", version);
        component.purl = purl.map(|purl| purl.parse().unwrap());
        assert_eq!(found(fixed(bound), &component, Some(&nine)).len(), expected, "{version} {purl:?} {bound}");
    };
    check("3.0.7-1.el9", None, "1:3.0.1-1.el9", 1);
    check("1:3.0.7-1.el9", None, "1:3.0.1-1.el9", 0);
    check("3.0.7-1.el9", Some("pkg:rpm/almalinux/openssl@3.0.7-1.el9?epoch=1"), "1:3.0.1-1.el9", 0);
    check("3.0.7-1.el9", None, "3.0.7-2.el9", 1);
}

/// Notes in programs are written without an epoch.
#[test]
fn the_epoch_that_a_note_leaves_out_is_not_compared() {
    let alma = Ecosystem::release(Family::AlmaLinux, "10");
    let ten = distribution("almalinux", "10.0");
    let check = |version: &str, purl: Option<&str>, bound: &str, expected: usize| {
        for (technique, expected) in [(Technique::Binary, expected), (Technique::PackageDatabase, 1)] {
            let mut component = component(PackageType::Rpm, "openssl", version);
            component.technique = technique;
            component.purl = purl.map(|purl| purl.parse().unwrap());
            let records = vec![advisory("CVE-2024-0001", &[], vec![affected(&alma, "openssl", bound)])];
            assert_eq!(
                found(records, &component, Some(&ten)).len(),
                expected,
                "{version} {purl:?} {bound} {technique:?}"
            );
        }
    };
    check("3.9.9-9.el10", None, "1:3.5.1-7.el10_1", 0);
    check("3.5.0-1.el10", None, "1:3.5.1-7.el10_1", 1);
    check("0:3.9.9-9.el10", None, "1:3.5.1-7.el10_1", 1);
    check("3.9.9-9.el10", Some("pkg:rpm/almalinux/openssl@3.9.9-9.el10?epoch=0"), "1:3.5.1-7.el10_1", 1);
}

/// Errata of Rocky Linux and SUSE are of source packages, and the file name of a source RPM has no epoch.
#[test]
fn an_epoch_that_nothing_states_is_not_compared() {
    let rocky = Ecosystem::release(Family::RockyLinux, "8");
    let eight = distribution("rocky", "8.9");
    let check = |(name, version): (&str, &str), source: (&str, Option<&str>), bound: &str, expected: usize| {
        let record = Affected { named: Named::Source, ..affected(&rocky, source.0, bound) };
        let mut component = component(PackageType::Rpm, name, version);
        let (source, stated) = source;
        component.source = Some(SourcePackage { name: source.to_owned(), version: stated.map(str::to_owned) });
        let found = found(vec![advisory("CVE-2024-0001", &[], vec![record])], &component, Some(&eight));
        assert_eq!(found.len(), expected, "{component:?} {bound}");
    };
    let mapper = ("device-mapper", "8:1.02.169-3.el8");
    let lvm2 = |version| ("lvm2", Some(version));
    check(mapper, lvm2("2.03.08-3.el8"), "8:2.02.0-1.el8", 0);
    check(mapper, lvm2("2.03.08-3.el8"), "8:2.03.08-3.el8", 0);
    check(mapper, lvm2("2.03.08-3.el8"), "8:2.03.09-1.el8", 1);
    check(mapper, lvm2("2.03.08-3.el8"), "2.03.09-1.el8", 1);
    check(mapper, lvm2("2.03.08-3.el8"), "2.02.0-1.el8", 0);
    let errno = ("perl-Errno", "1.28-416.el8");
    check(errno, ("perl", Some("5.26.3-416.el8")), "4:5.20.0-1.el8", 0);
    check(errno, ("perl", Some("5.26.3-416.el8")), "4:5.26.3-420.el8", 1);
    // A document may know it.
    check(errno, ("perl", Some("4:5.26.3-416.el8")), "4:5.20.0-1.el8", 0);
    check(errno, ("perl", Some("3:5.26.3-416.el8")), "4:5.20.0-1.el8", 1);
    check(errno, ("perl", Some("0:5.26.3-416.el8")), "4:5.20.0-1.el8", 1);
    // What has the version and release of its source has its epoch.
    for stated in [None, Some("9.11.36-1.el8")] {
        check(("bind-utils", "32:9.11.36-1.el8"), ("bind", stated), "32:9.11.4-1.el8", 0);
        check(("bind-utils", "32:9.11.36-1.el8"), ("bind", stated), "33:9.11.4-1.el8", 1);
        check(("bind-utils", "9.11.36-1.el8"), ("bind", stated), "32:9.11.4-1.el8", 1);
    }
}

#[test]
fn builds_of_modules_are_held_against_their_own() {
    let alma = Ecosystem::release(Family::AlmaLinux, "8");
    let eight = distribution("almalinux", "8.9");
    let check = |version: &str, label: Option<&str>, module: Option<&str>, bound: &str, expected: usize| {
        let mut component = component(PackageType::Rpm, "nodejs", version);
        component.module = label.map(str::to_owned);
        let mut statement = affected(&alma, "nodejs", bound);
        statement.qualifiers.module = module.map(str::to_owned);
        let records = vec![advisory("CVE-2024-0001", &[], vec![statement])];
        assert_eq!(found(records, &component, Some(&eight)).len(), expected, "{version} {label:?} {module:?} {bound}");
    };
    let (plain, build) = ("1:10.0-1.el8", "1:18.1-1.module_el8.8.0+1");
    check(plain, None, None, "1:20.0-1.module_el8.9.0+2", 0);
    check(plain, None, None, "1:20.0-1.el8", 1);
    check(build, None, None, "1:20.0-1.module_el8.9.0+2", 1);
    check(build, Some("nodejs:18:80:abc"), Some("nodejs:18"), "1:18.2-1.module_el8.9.0+2", 1);
    check(build, Some("nodejs:18:80:abc"), Some("nodejs:1"), "1:18.2-1.module_el8.9.0+2", 0);
    check(build, Some("nodejs:18:80:abc"), Some("nodejs:20"), "1:20.2-1.module_el8.9.0+2", 0);
    check(plain, None, Some("nodejs:18"), "1:18.2-1.module_el8.9.0+2", 0);
    check(plain, None, Some(""), "1:18.2-1.el8", 1);
    check(build, None, Some(""), "1:18.2-1.el8", 0);
}

#[test]
fn a_fix_of_extended_maintenance_clears_only_builds_of_it() {
    let xenial = Ecosystem::release(Family::Ubuntu, "16.04");
    let sixteen = distribution("ubuntu", "16.04");
    let main = Affected {
        verdict: Verdict::Affected(Fix::EndOfLife),
        intervals: vec![Interval::ALL],
        ..affected(&xenial, "openssl", "")
    };
    let extended = Affected {
        qualifiers: Qualifiers { channel: Channel::EsmInfra, ..Qualifiers::default() },
        ..affected(&xenial, "openssl", "1.0.2g-1ubuntu4.20+esm3")
    };
    let check = |version: &str, expected: &[&str]| {
        let records = vec![advisory("CVE-2024-0001", &[], vec![main.clone(), extended.clone()])];
        assert_eq!(found(records, &deb("openssl", version, None), Some(&sixteen)), expected, "{version}");
    };
    check("1.0.2g-1ubuntu4.20", &["CVE-2024-0001 -> 1.0.2g-1ubuntu4.20+esm3"]);
    check("1.0.2g-1ubuntu4.20+esm2", &["CVE-2024-0001 -> 1.0.2g-1ubuntu4.20+esm3"]);
    check("1.0.2g-1ubuntu4.20+esm3", &["CVE-2024-0001 (not affected)"]);
    check("1.0.2g-1ubuntu4.21", &["CVE-2024-0001"]);
}

#[test]
fn what_is_clean_from_a_version_on_is_not_clean_before_it() {
    let trusty = Ecosystem::release(Family::Ubuntu, "14.04");
    let fourteen = distribution("ubuntu", "14.04");
    let main = Affected {
        verdict: Verdict::Affected(Fix::EndOfLife),
        intervals: vec![Interval::ALL],
        ..affected(&trusty, "curl", "")
    };
    let clean = Affected {
        verdict: Verdict::NotAffected,
        intervals: vec![Interval { start: Start::At("7.35.0-1ubuntu2.20+esm7".to_owned()), end: End::Unbounded }],
        qualifiers: Qualifiers { channel: Channel::EsmInfra, ..Qualifiers::default() },
        ..affected(&trusty, "curl", "")
    };
    let check = |version: &str, expected: &[&str]| {
        let records = vec![advisory("CVE-2021-22945", &[], vec![main.clone(), clean.clone()])];
        assert_eq!(found(records, &deb("curl", version, None), Some(&fourteen)), expected, "{version}");
    };
    check("7.35.0-1ubuntu2.20", &["CVE-2021-22945"]);
    check("7.35.0-1ubuntu2.20+esm2", &["CVE-2021-22945"]);
    check("7.35.0-1ubuntu2.20+esm7", &["CVE-2021-22945 (not affected)"]);
}

#[test]
fn what_is_mended_for_everybody_is_not_held_against_a_later_fix_of_extended_maintenance() {
    let precise = Ecosystem::release(Family::Ubuntu, "12.04");
    let twelve = distribution("ubuntu", "12.04");
    let extended = Affected {
        qualifiers: Qualifiers { channel: Channel::Esm, ..Qualifiers::default() },
        ..affected(&precise, "linux", "3.2.0-150.197")
    };
    let check = |main_fixed: &str, version: &str, expected: &[&str]| {
        // In one record or in two, in either order.
        let main = affected(&precise, "linux", main_fixed);
        let together = vec![advisory("CVE-2012-2372", &[], vec![extended.clone(), main.clone()])];
        let apart = vec![
            advisory("USN-2", &["CVE-2012-2372"], vec![extended.clone()]),
            advisory("USN-1", &["CVE-2012-2372"], vec![main]),
        ];
        for records in [together, apart] {
            assert_eq!(found(records, &deb("linux", version, None), Some(&twelve)), expected, "{version}");
        }
    };
    check("3.2.0-24.39", "3.2.0-24.38", &["CVE-2012-2372 -> 3.2.0-24.39"]);
    check("3.2.0-24.39", "3.2.0-24.39", &[]);
    check("3.2.0-24.39", "3.2.0-150.196", &[]);
    // A build of the channel is judged by the channel.
    check("3.2.0-24.39", "3.2.0-140.1+esm1", &["CVE-2012-2372 -> 3.2.0-150.197"]);
    check("3.2.0-24.39", "3.2.0-150.197+esm1", &[]);
}

/// SUSE's builds for those who pay for them are marked by nothing: they are later versions than those of everybody.
#[test]
fn long_term_support_of_suse_is_a_channel_of_later_versions() {
    let release = Ecosystem::release(Family::Suse, "15.4");
    let fifteen = distribution("sles", "15.4");
    let extended = Affected {
        named: Named::Binary,
        qualifiers: Qualifiers { channel: Channel::Ltss, ..Qualifiers::default() },
        ..affected(&release, "openssl", "1.1.1l-150400.7.90.1")
    };
    let check = |statements: &[&Affected], version: &str, expected: &[&str]| {
        let statements = statements.iter().map(|one| (*one).clone()).collect();
        let records = vec![advisory("CVE-2026-0001", &[], statements)];
        let rpm = component(PackageType::Rpm, "openssl", version);
        assert_eq!(found(records, &rpm, Some(&fifteen)), expected, "{version}");
    };
    let told = "CVE-2026-0001 -> 1.1.1l-150400.7.90.1";
    check(&[&extended], "1.1.1l-150400.7.90.1", &[]);
    check(&[&extended], "1.1.1l-150400.7.66.2", &[told]);
    // One says nothing against the other.
    let main = Affected { named: Named::Binary, ..affected(&release, "openssl", "1.1.1l-150400.7.66.2") };
    check(&[&extended, &main], "1.1.1l-150400.7.66.2", &[told]);
    check(&[&extended, &main], "1.1.1l-150400.7.90.1", &[]);
}

#[test]
fn architectures_that_are_not_meant_are_passed_over() {
    let mut statement = openssl("3.1");
    statement.qualifiers.architectures = vec!["x86_64".to_owned()];
    let check = |architecture: Option<&str>, expected: usize| {
        let mut component = deb("openssl", "3.0.1-1", None);
        component.architecture = architecture.map(str::to_owned);
        let found = found(debian(statement.clone()), &component, Some(&distribution("debian", "12")));
        assert_eq!(found.len(), expected, "{architecture:?}");
    };
    check(Some("arm64"), 0);
    check(Some("amd64"), 1);
    check(Some("all"), 1);
    check(None, 1);
}

#[test]
fn go_names_its_own_versions_in_two_ways() {
    let go = Ecosystem::new(Family::Go);
    let records = vec![advisory("GO-1", &[], vec![affected(&go, "stdlib", "1.21.4")])];
    let check = |version: &str, expected: usize| {
        let mut component = component(PackageType::GoModule, "stdlib", version);
        component.purl = Some("pkg:golang/stdlib".parse().unwrap());
        assert_eq!(found(records.clone(), &component, None).len(), expected, "{version}");
    };
    check("go1.21.4", 0);
    check("go1.21.4-bigcorp", 0);
    check("go1.22rc1", 0);
    check("go1.21.3", 1);
    check("1.21.3", 1);
    check("go1.21.3-bigcorp", 1);
    check("go1.21rc2", 1);
    check("1.21rc2", 1);
}

#[test]
fn gos_library_has_two_names() {
    let go = Ecosystem::new(Family::Go);
    let records = vec![advisory("GO-1", &[], vec![affected(&go, "stdlib", "1.21.4")])];
    let check = |purl: &str, expected: usize| {
        let mut component = component(PackageType::GoModule, "std", "go1.19.1");
        component.purl = Some(purl.parse().unwrap());
        assert_eq!(found(records.clone(), &component, None).len(), expected, "{purl}");
    };
    check("pkg:golang/example.com/std@go1.19.1", 0);
    check("pkg:golang/stdlib@go1.19.1", 1);
    check("pkg:golang/std@go1.19.1", 1);
}

#[test]
fn a_gems_platform_is_no_part_of_its_version() {
    let records = vec![advisory("CVE-1", &[], vec![affected(&Ecosystem::new(Family::RubyGems), "nokogiri", "1.13.9")])];
    let check = |version: &str, expected: usize| {
        let component = component(PackageType::Gem, "nokogiri", version);
        assert_eq!(found(records.clone(), &component, None).len(), expected, "{version}");
    };
    check("1.13.9-x86_64-linux", 0);
    // Read as a word it would be older than what it is a build of.
    check("1.13.9-java", 0);
    check("1.13.8-x86_64-linux", 1);
}

#[test]
fn a_packages_kind_is_its_distributions() {
    let check = |package_type: PackageType, id: &str, version: &str, expected: usize| {
        let own = distribution(id, version);
        let ecosystem = Ecosystem::of_distribution(&own).unwrap();
        let mut record = affected(&ecosystem, "openssl", "9");
        record.named = Named::Binary;
        let component = component(package_type, "openssl", "1.0");
        let found = found(vec![advisory("CVE-1", &[], vec![record])], &component, Some(&own));
        assert_eq!(found.len(), expected, "{package_type:?} {id}");
    };
    check(PackageType::Rpm, "debian", "12", 0);
    check(PackageType::Apk, "ubuntu", "22.04", 0);
    check(PackageType::Deb, "rocky", "9.3", 0);
    check(PackageType::Apk, "almalinux", "9", 0);
    check(PackageType::Deb, "alpine", "3.20.1", 0);
    check(PackageType::Deb, "debian", "12", 1);
    check(PackageType::Rpm, "rocky", "9.3", 1);
    check(PackageType::Apk, "alpine", "3.20.1", 1);
}

/// A statement about versions that are listed.
fn listed(family: Family, name: &str, versions: &[&str]) -> Affected {
    Affected {
        intervals: Vec::new(),
        versions: versions.iter().map(ToString::to_string).collect(),
        ..affected(&Ecosystem::new(family), name, "")
    }
}

#[test]
fn versions_that_are_listed_are_compared_as_their_ecosystem_does() {
    let check = |package_type: PackageType, own: &str, listing: &str, expected: usize| {
        let family = Ecosystem::of_package_type(package_type).unwrap().family;
        let records = vec![advisory("MAL-1", &[], vec![listed(family, "a", &["no version", listing])])];
        let component = component(package_type, "a", own);
        assert_eq!(found(records, &component, None).len(), expected, "{package_type:?} {own} {listing}");
    };
    check(PackageType::Python, "1.0", "1.0.1", 0);
    check(PackageType::Python, "2.0.0", "2.0.0+cu118", 0);
    check(PackageType::Npm, "1.0.0-a", "1.0.0", 0);
    check(PackageType::PhpComposer, "dev-main", "2.4.2", 0);
    check(PackageType::PhpComposer, "dev-main", "dev-other", 0);
    check(PackageType::Npm, "workspace:*", "1.0.0", 0);
    check(PackageType::Python, "no version", "1.0", 1);
    check(PackageType::Python, "1.0", "1.0.0", 1);
    check(PackageType::Python, "2.0.0+cu118", "2.0.0", 1);
    check(PackageType::GoModule, "v1.2.3", "1.2.3", 1);
    check(PackageType::Gem, "1.0", "1.0.0", 1);
    check(PackageType::Dotnet, "1.0.0", "1.0.0.0", 1);
    check(PackageType::PhpComposer, "v2.4.2", "2.4.2", 1);
    check(PackageType::PhpComposer, "dev-main", "dev-main", 1);
}

#[test]
fn a_local_part_of_a_python_version_counts_for_no_bound_without_one() {
    let check = |interval: Interval, version: &str, expected: usize| {
        let torch = affected(&Ecosystem::new(Family::PyPi), "torch", "");
        let records = vec![advisory("CVE-1", &[], vec![Affected { intervals: vec![interval.clone()], ..torch }])];
        let component = component(PackageType::Python, "torch", version);
        assert_eq!(found(records, &component, None).len(), expected, "{version} {interval}");
    };
    let till = |end| Interval { start: Start::Unbounded, end };
    let from = |start| Interval { start, end: End::Unbounded };
    let text = str::to_owned;
    check(till(End::Through(text("2.0.0"))), "2.0.1+cu118", 0);
    check(till(End::Fixed(text("2.0.0"))), "2.0.0+cu118", 0);
    check(from(Start::After(text("2.0.0"))), "2.0.0+cu118", 0);
    check(till(End::Through(text("2.0.0+cu117"))), "2.0.0+cu118", 0);
    check(till(End::Through(text("2.0.0"))), "2.0.0+cu118", 1);
    check(from(Start::At(text("2.0.0"))), "2.0.0+cu118", 1);
    check(till(End::Fixed(text("2.0.0+cu119"))), "2.0.0+cu118", 1);
}

#[test]
fn a_branch_of_composers_lies_in_no_range() {
    let check = |interval: Interval, version: &str, expected: usize| {
        let kernel = affected(&Ecosystem::new(Family::Packagist), "symfony/http-kernel", "");
        let records = vec![advisory("CVE-1", &[], vec![Affected { intervals: vec![interval.clone()], ..kernel }])];
        let component = component(PackageType::PhpComposer, "symfony/http-kernel", version);
        assert_eq!(found(records, &component, None).len(), expected, "{version} {interval}");
    };
    let text = str::to_owned;
    let mended = Interval { start: Start::Unbounded, end: End::Fixed(text("5.4.20")) };
    let only = |branch: &str| Interval { start: Start::At(text(branch)), end: End::Through(text(branch)) };
    check(mended.clone(), "dev-master", 0);
    check(Interval { start: Start::At(text("0")), end: End::Unbounded }, "dev-master", 0);
    check(only("dev-main"), "dev-master", 0);
    check(mended.clone(), "6.0.x-dev", 0);
    check(mended, "5.3.x-dev", 1);
    check(only("dev-master"), "dev-master", 1);
    check(Interval::ALL, "dev-master", 1);
}

#[test]
fn crates_of_other_registries_are_not_those_of_crates_io() {
    let records =
        vec![advisory("RUSTSEC-1", &[], vec![affected(&Ecosystem::new(Family::CratesIo), "openssl", "1.0.0")])];
    let check = |qualifiers: &str, expected: usize| {
        let mut component = component(PackageType::RustCrate, "openssl", "0.10.0");
        component.purl = Some(format!("pkg:cargo/openssl@0.10.0{qualifiers}").parse().unwrap());
        assert_eq!(found(records.clone(), &component, None).len(), expected, "{qualifiers}");
    };
    check("?repository_url=https://mycorp.example/", 0);
    check("?repository_url=https://mycorp.example/crates.io", 0);
    check("?repository_url=https://crates.io.mycorp.example", 0);
    check("?vcs_url=git%2Bhttps://mycorp.example/openssl", 0);
    check("", 1);
    check("?repository_url=https://crates.io", 1);
    check("?repository_url=sparse%2Bhttps://index.crates.io/", 1);
    check("?repository_url=https://github.com/rust-lang/crates.io-index", 1);
}

#[test]
fn what_cannot_be_held_against_a_version_is_undecided() {
    let npm = Ecosystem::new(Family::Npm);
    let statement = affected(&npm, "lodash", "4.17.21");
    let undecided_by = |statement: &Affected, withdrawn: Option<i64>, name: &str, version: &str| {
        let mut record = advisory("GHSA-a", &[], vec![statement.clone()]);
        record.withdrawn = withdrawn;
        let component = component(PackageType::Npm, name, version);
        undecided(&database(vec![record]), &component, None).unwrap().map(|identity| identity.ecosystem)
    };
    let all = Affected { intervals: vec![Interval::ALL], ..statement.clone() };
    assert_eq!(undecided_by(&statement, None, "lodash", "4.17.20"), None);
    assert_eq!(undecided_by(&statement, None, "underscore", "4.17"), None);
    assert_eq!(undecided_by(&statement, Some(1), "lodash", "4.17"), None);
    assert_eq!(undecided_by(&listed(Family::Npm, "lodash", &["4.17"]), None, "lodash", "4.17"), None);
    assert_eq!(undecided_by(&listed(Family::Npm, "lodash", &[]), None, "lodash", "4.17"), None);
    assert_eq!(undecided_by(&all, None, "lodash", "4.17"), None);
    assert_eq!(undecided_by(&all, None, "lodash", ""), None);
    assert_eq!(undecided_by(&statement, None, "underscore", ""), None);
    assert_eq!(undecided_by(&statement, None, "lodash", "4.17"), Some(npm.clone()));
    assert_eq!(undecided_by(&statement, None, "lodash", ""), Some(npm.clone()));
    assert_eq!(undecided_by(&listed(Family::Npm, "lodash", &["4.17.20"]), None, "lodash", "4.17"), Some(npm));
}

#[test]
fn what_has_no_version_is_meant_by_what_is_said_of_all_versions_alone() {
    let npm = Ecosystem::new(Family::Npm);
    let fixed = affected(&npm, "lodash", "4.17.21");
    let all = Affected { intervals: vec![Interval::ALL], ..fixed.clone() };
    let cases = [
        (fixed, 0),
        (listed(Family::Npm, "lodash", &["4.17.20"]), 0),
        (all, 1),
        (listed(Family::Npm, "lodash", &[]), 1),
    ];
    for (statement, expected) in cases {
        for version in [None, Some(String::new())] {
            let mut component = component(PackageType::Npm, "lodash", "");
            component.version = version;
            let records = vec![advisory("GHSA-a", &[], vec![statement.clone()])];
            assert_eq!(found(records, &component, None).len(), expected, "{statement:?}");
        }
    }
}

#[test]
fn a_signed_kernel_is_what_was_signed() {
    let (debian, ubuntu) = (distribution("debian", "12"), distribution("ubuntu", "22.04"));
    let check = |system: &Distribution, source: (&str, &str), binary: &str, about: &str, expected: usize| {
        let ecosystem = Ecosystem::of_distribution(system).unwrap();
        let statement = Affected { named: Named::Source, ..affected(&ecosystem, about, "5.15.0-70.77") };
        let image = deb("linux-image-generic", binary, Some((source.0, Some(source.1))));
        let found = found(vec![advisory("CVE-2023-0386", &[], vec![statement])], &image, Some(system));
        assert_eq!(found.len(), expected, "{source:?}");
    };
    check(&ubuntu, ("linux-meta", "5.15.0.25.27"), "5.15.0.25.27", "linux", 0);
    check(&ubuntu, ("linux-signedness", "5.15.0-25.25"), "5.15.0-25.25", "linuxness", 0);
    check(&ubuntu, ("linux-signed", "5.15.0-70.77"), "5.15.0-70.77", "linux", 0);
    check(&ubuntu, ("linux-signed-hwe-5.15", "5.15.0-25.25"), "5.15.0-25.25", "linux", 0);
    check(&debian, ("linux-signed-amd64", "5.10.1+1"), "5.15.0-71", "linux", 0);
    check(&ubuntu, ("linux-signed", "5.15.0-25.25"), "5.15.0-25.25", "linux", 1);
    check(&ubuntu, ("linux-signed-hwe-5.15", "5.15.0-25.25"), "5.15.0-25.25", "linux-hwe-5.15", 1);
    check(&debian, ("linux-signed-amd64", "6.1.38+1"), "5.14.38-1", "linux", 1);
    check(&debian, ("linux-signed-6.1-arm64", "6.1.38+1"), "5.14.38-1", "linux-6.1", 1);
}

#[test]
fn a_go_module_is_found_whatever_the_case_of_its_path() {
    let go = Ecosystem::new(Family::Go);
    let name = go.canonical_name("github.com/BurntSushi/toml");
    let records = vec![advisory("GO-1", &[], vec![affected(&go, &name, "1.2.0")])];
    let check = |path: &str| {
        let mut component = component(PackageType::GoModule, path, "v1.1.0");
        assert_eq!(found(records.clone(), &component, None).len(), 1, "{path}");
        component.purl = Some(format!("pkg:golang/{path}@v1.1.0").parse().unwrap());
        assert_eq!(found(records.clone(), &component, None).len(), 1, "{path} by its purl");
    };
    check("github.com/BurntSushi/toml");
    check("github.com/burntsushi/toml");
}

#[test]
fn what_a_distribution_installed_is_the_distributions_to_speak_of() {
    let pypi = Ecosystem::new(Family::PyPi);
    let bookworm = Ecosystem::release(Family::Debian, "12");
    let check = |distribution_says: Vec<Affected>, expected: &[(u32, bool)]| {
        let records = vec![
            advisory("GHSA-a", &["CVE-2024-0001"], vec![affected(&pypi, "urllib3", "2.0.0")]),
            advisory("DSA-1", &["CVE-2024-0001"], distribution_says),
        ];
        let inventory = Inventory {
            subject: Subject::Directory { name: "/".to_owned() },
            distribution: Some(distribution("debian", "12")),
            layers: Vec::new(),
            components: vec![
                deb("python3-urllib3", "1.26.12-1+deb12u1", Some(("python-urllib3", None))),
                component(PackageType::Python, "urllib3", "1.26.12"),
            ],
            edges: vec![Edge {
                from: Node::Component(ComponentIndex(0)),
                to: ComponentIndex(1),
                relation: Relation::Owns,
            }],
            unknowns: Vec::new(),
            created: None,
        };
        let found = match_inventory(&database(records), &inventory).unwrap();
        let found: Vec<(u32, bool)> = found
            .iter()
            .flat_map(|(index, findings)| findings.iter().map(|finding| (index.0, finding.suppression.is_none())))
            .collect();
        assert_eq!(found, expected);
    };
    // The distribution does not know it: the language's record counts.
    check(Vec::new(), &[(1, true)]);
    // It has mended it, or says that it is affected itself: then the finding is its package's, or nobody's.
    check(vec![affected(&bookworm, "python-urllib3", "1.26.12-1+deb12u1")], &[(1, false)]);
    check(vec![affected(&bookworm, "python-urllib3", "1.26.12-1+deb12u2")], &[(0, true), (1, false)]);
    let other = Affected { named: Named::Binary, ..affected(&bookworm, "python-urllib3", "9") };
    check(vec![other], &[(1, true)]);
}

#[test]
fn an_interval_that_does_not_end_has_no_upgrade() {
    let open = Interval { start: Start::At("1.0.0".to_owned()), end: End::Unbounded };
    let npm = Ecosystem::new(Family::Npm);
    let statement = Affected { intervals: vec![open], ..affected(&npm, "left-pad", "") };
    let records = vec![advisory("GHSA-a", &[], vec![statement])];
    assert_eq!(found(records.clone(), &component(PackageType::Npm, "left-pad", "1.5.0"), None), ["GHSA-a"]);
    assert!(found(records, &component(PackageType::Npm, "left-pad", "0.9.0"), None).is_empty());
}

fn program(cpe: &str, version: &str) -> Component {
    let mut component = component(PackageType::Binary, "program", version);
    component.cpes = vec![cpe.to_owned()];
    component
}

fn product(name: &str, bound: &str) -> Affected {
    affected(&Ecosystem::new(Family::Cpe), name, bound)
}

#[test]
fn a_program_is_held_against_the_products_that_its_evidence_names() {
    let check = |component: &Component, name: &str, bound: &str, expected: usize| {
        let records = vec![advisory("CVE-2024-0001", &[], vec![product(name, bound)])];
        assert_eq!(found(records, component, None).len(), expected, "{component:?} {name} < {bound}");
    };
    let (openssh, nginx) = ("a:openbsd:openssh", "cpe:2.3:a:f5:nginx:1.25.3:*:*:*:*:*:*:*");
    check(&component(PackageType::Binary, "openssh", "7.1"), openssh, "7.2", 0);
    check(&program("openssh", "7.1"), openssh, "7.2", 0);
    check(&program("cpe:2.3:o:openbsd:openssh:7.1:*:*:*:*:*:*:*", "7.1"), "o:openbsd:openssh", "7.2", 0);
    check(&program(nginx, "1.25.3"), openssh, "7.2", 0);
    check(&program(nginx, "1.25.3"), "a:f5:nginx", "1.25.3", 0);
    check(&program(nginx, "1.25.3"), "a:f5:nginx", "1.25.4", 1);
    check(&program("cpe:/a:openbsd:openssh", "7.1"), openssh, "7.2", 1);
    check(&program("cpe:/a:openbsd:openssh:7.2:p2", "9"), openssh, "7.2p2", 0);
    check(&program("cpe:/a:openbsd:openssh:7.2:p1", "9"), openssh, "7.2p2", 1);
    check(&program("cpe:/a:openssl:openssl", "1.0.2-beta1"), "a:openssl:openssl", "1.0.2", 1);
    check(&program("cpe:/a:openssl:openssl", "1.0.2k"), "a:openssl:openssl", "1.0.2", 0);
    check(&program("cpe:/a:openssl:openssl", "1.0.2k"), "a:openssl:openssl", "1.0.2l", 1);
    let java = "cpe:2.3:a:oracle:java_se:1.8.0:update400:*:*:*:*:*:*";
    check(&program(java, "1.8.0_400"), "a:oracle:java_se", "1.8.0_400", 0);
    check(&program(java, "1.8.0_400"), "a:oracle:java_se", "1.8.0_401", 1);
    check(&program(java, "1.8.0_400"), "a:oracle:java_se", "1.8.0_50", 0);
    // What `latest` is newer than nobody knows.
    check(&program("cpe:/a:openssl:openssl", "latest"), "a:openssl:openssl", "1.0.2", 0);
    // What has an ecosystem of its own is held against that alone.
    let mut gem = component(PackageType::Gem, "openssl", "1.0.0");
    gem.cpes = vec!["cpe:/a:openssl:openssl:1.0.0".to_owned()];
    check(&gem, "a:openssl:openssl", "1.0.2", 0);
    let mut foreign = program("cpe:/a:openssl:openssl:1.0.0", "1.0.0");
    foreign.package_type = PackageType::Unknown;
    check(&foreign, "a:openssl:openssl", "1.0.2", 1);
    foreign.purl = Some("pkg:generic/openssl@1.0.0".parse().unwrap());
    check(&foreign, "a:openssl:openssl", "1.0.2", 1);
    foreign.purl = Some("pkg:conan/openssl@1.0.0".parse().unwrap());
    check(&foreign, "a:openssl:openssl", "1.0.2", 0);
}

#[test]
fn what_a_product_is_for_and_runs_on_must_be_there() {
    let check = |cpe: &str,
                 target: Option<&str>,
                 runs_on: &[&str],
                 distribution: Option<&Distribution>,
                 expected: usize| {
        let mut statement = product("a:v:p", "2.0");
        statement.qualifiers.target_software = target.map(str::to_owned);
        statement.qualifiers.runs_on = runs_on.iter().map(ToString::to_string).collect();
        let records = vec![advisory("CVE-2024-0001", &[], vec![statement])];
        assert_eq!(found(records, &program(cpe, "1.0"), distribution).len(), expected, "{cpe} {target:?} {runs_on:?}");
    };
    let debian = distribution("debian", "12");
    let (plain, node) = ("cpe:/a:v:p:1.0", "cpe:2.3:a:v:p:1.0:*:*:*:*:node.js:*:*");
    check(plain, Some("node.js"), &[], Some(&debian), 0);
    check(plain, Some("windows"), &[], Some(&debian), 0);
    check(plain, None, &["o:microsoft:windows"], Some(&debian), 0);
    check(node, Some("wordpress"), &[], Some(&debian), 0);
    check(node, Some("node.js"), &["o:microsoft:windows"], Some(&debian), 0);
    check(plain, None, &[], Some(&debian), 1);
    check(plain, Some("linux"), &["o:linux:linux_kernel"], Some(&debian), 1);
    check(node, Some("node.js"), &[], Some(&debian), 1);
    check(node, None, &[], Some(&debian), 1);
    check(plain, Some("windows"), &["o:microsoft:windows"], None, 1);
}

#[test]
fn records_of_other_systems_are_passed_over_also_in_images_without_a_distribution() {
    let mut statement = affected(&Ecosystem::new(Family::CratesIo), "tokio", "1.0.0");
    statement.qualifiers.runs_on = vec!["o:microsoft:windows".to_owned()];
    let database = database(vec![advisory("CVE-2024-0001", &[], vec![statement])]);
    let check = |subject: Subject, expected: usize| {
        let inventory = Inventory {
            subject,
            distribution: None,
            layers: Vec::new(),
            components: vec![component(PackageType::RustCrate, "tokio", "0.9.0")],
            edges: Vec::new(),
            unknowns: Vec::new(),
            created: None,
        };
        assert_eq!(match_inventory(&database, &inventory).unwrap().len(), expected, "{:?}", inventory.subject);
    };
    let image = |platform: &str| Subject::Image {
        name: "x".to_owned(),
        digest: String::new(),
        platform: Some(platform.to_owned()),
    };
    check(image("linux/amd64"), 0);
    check(image("windows/amd64"), 1);
    check(Subject::Directory { name: "x".to_owned() }, 1);
}

#[test]
fn what_is_built_for_jruby_is_no_other_rubys() {
    let check = |purl: &str, path: Option<&str>, expected: usize| {
        let mut statement = affected(&Ecosystem::new(Family::RubyGems), "nokogiri", "2.0");
        statement.qualifiers.target_software = Some("jruby".to_owned());
        let parsed: component::Purl = purl.parse().unwrap();
        let mut component = component(PackageType::Gem, "nokogiri", parsed.version().unwrap());
        component.purl = Some(parsed);
        component.locations = path.map(|path| Location::new(path, None)).into_iter().collect();
        let records = vec![advisory("CVE-2024-0001", &[], vec![statement])];
        assert_eq!(found(records, &component, None).len(), expected, "{purl} {path:?}");
    };
    let (plain, lib) = ("pkg:gem/nokogiri@1.0", "/usr/lib/ruby/gems/3.1.0/specifications/nokogiri-1.0.gemspec");
    check("pkg:gem/nokogiri@1.0?platform=x86_64-linux", None, 0);
    check(plain, Some(lib), 0);
    // A purl without a platform is of `ruby`, wherever it is from.
    check(plain, None, 0);
    check(plain, Some("/opt/jruby/lib/ruby/gems/specifications/nokogiri-1.0.gemspec"), 1);
    check("pkg:gem/nokogiri@1.0?platform=java", Some(lib), 1);
    check("pkg:gem/nokogiri@1.0?platform=java", None, 1);
    check("pkg:gem/nokogiri@1.0-java", None, 1);
}

#[test]
fn a_distribution_that_has_no_releases_is_named_without_one() {
    let check = |purl: &str, around: Option<(&str, &str)>, expected: &[&str]| {
        let of = |ecosystem: &Ecosystem| vec![affected(ecosystem, "libssl3", "3.1-r0")];
        let records = vec![
            advisory("WOLFI", &[], of(&Ecosystem::new(Family::Wolfi))),
            advisory("CHAINGUARD", &[], of(&Ecosystem::new(Family::Chainguard))),
            advisory("ALPINE", &[], of(&Ecosystem::release(Family::Alpine, "3.20"))),
            advisory("MINIMOS", &[], of(&Ecosystem::new(Family::MinimOs))),
            advisory("CLEANSTART", &[], of(&Ecosystem::new(Family::CleanStart))),
            advisory("ALPAQUITA", &[], of(&Ecosystem::release(Family::Alpaquita, "stream"))),
            advisory("BELLSOFT", &[], of(&Ecosystem::release(Family::BellSoft, "23"))),
            advisory("TUMBLEWEED", &[], of(&Ecosystem::release(Family::OpenSuse, "tumbleweed"))),
        ];
        let package_type = if purl.starts_with("pkg:apk") { PackageType::Apk } else { PackageType::Rpm };
        let mut component = component(package_type, "libssl3", "3.0-r0");
        component.purl = Some(purl.parse().unwrap());
        let around = around.map(|(id, version)| distribution(id, version));
        let found = found(records, &component, around.as_ref());
        let found: Vec<&str> = found.iter().filter_map(|told| told.split(' ').next()).collect();
        assert_eq!(found, expected, "{purl} in {around:?}");
    };
    let alpine = Some(("alpine", "3.20.1"));
    check("pkg:apk/libssl3@3.0-r0", None, &[]);
    check("pkg:apk/alpine/libssl3@3.0-r0?distro=wolfi", None, &[]);
    check("pkg:rpm/opensuse/libssl3@3.0-r0", None, &[]);
    check("pkg:apk/alpine/libssl3@3.0-r0", alpine, &["ALPINE"]);
    check("pkg:apk/wolfi/libssl3@3.0-r0", None, &["WOLFI"]);
    check("pkg:apk/wolfi/libssl3@3.0-r0", alpine, &["WOLFI"]);
    check("pkg:apk/wolfi/libssl3@3.0-r0?distro=wolfi", None, &["WOLFI"]);
    check("pkg:apk/wolfi/libssl3@3.0-r0?distro=wolfi-20230201", None, &["WOLFI"]);
    check("pkg:apk/wolfi/libssl3@3.0-r0", Some(("wolfi", "20230201")), &["WOLFI"]);
    check("pkg:apk/chainguard/libssl3@3.0-r0", None, &["CHAINGUARD"]);
    check("pkg:apk/chainguard/libssl3@3.0-r0?distro=chainguard", None, &["CHAINGUARD"]);
    check("pkg:apk/minimos/libssl3@3.0-r0", None, &["MINIMOS"]);
    check("pkg:apk/cleanstart/libssl3@3.0-r0", None, &["CLEANSTART"]);
    check("pkg:apk/alpaquita/libssl3@3.0-r0?distro=alpaquita-stream", None, &["ALPAQUITA"]);
    check("pkg:apk/alpaquita/libssl3@3.0-r0?distro=stream", None, &["ALPAQUITA"]);
    check("pkg:apk/alpaquita/libssl3@3.0-r0?distro=alpaquita-23", None, &[]);
    check("pkg:apk/alpaquita/libssl3@3.0-r0", Some(("alpaquita", "stream")), &["ALPAQUITA"]);
    check(
        "pkg:apk/bellsoft-hardened-containers/libssl3@3.0-r0?distro=bellsoft-hardened-containers-23",
        None,
        &["BELLSOFT"],
    );
    check("pkg:rpm/opensuse/libssl3@3.0-r0?distro=opensuse-tumbleweed", None, &["TUMBLEWEED"]);
    check("pkg:rpm/opensuse.tumbleweed/libssl3@3.0-r0", None, &["TUMBLEWEED"]);
}

#[test]
fn packages_that_no_list_of_kinds_names_are_known_by_their_purl() {
    let check = |purl: &str, ecosystem: Family, name: &str, bound: &str, expected: usize| {
        let mut component = component(PackageType::Unknown, "p", purl.rsplit('@').next().unwrap());
        component.purl = Some(purl.parse().unwrap());
        let records = vec![advisory("CVE-2024-0001", &[], vec![affected(&Ecosystem::new(ecosystem), name, bound)])];
        assert_eq!(found(records, &component, None).len(), expected, "{purl}");
    };
    check("pkg:conan/zlib@1.0.0", Family::Hex, "zlib", "2.0.0", 0);
    check("pkg:hex/phoenix@1.0.0", Family::Pub, "phoenix", "2.0.0", 0);
    check("pkg:hex/phoenix@1.0.0", Family::Hex, "phoenix", "2.0.0", 1);
    check("pkg:pub/http@0.12.0", Family::Pub, "http", "0.13.3", 1);
    check("pkg:swift/github.com/apple/swift-nio@1.0.0", Family::SwiftUrl, "github.com/apple/swift-nio", "2.0.0", 1);
    check("pkg:bitnami/redis@7.0.4-9", Family::Bitnami, "redis", "7.0.5", 1);
    // Bitnami's third build of a version is no prerelease of it.
    check("pkg:bitnami/redis@7.0.5-3", Family::Bitnami, "redis", "7.0.5", 0);
    check("pkg:cran/commonmark@1.7", Family::Cran, "commonmark", "1.8", 1);
    check("pkg:cran/commonmark@1.8-0", Family::Cran, "commonmark", "1.8", 0);
    check("pkg:bioconductor/xps@1.60.0", Family::Bioconductor, "xps", "1.62", 1);
    check("pkg:hackage/aeson@1.5.6.0", Family::Hackage, "aeson", "2.0.1.0", 1);
    check("pkg:conan/zlib@1.2.11", Family::ConanCenter, "zlib", "1.2.12", 1);
    check("pkg:conan/org/zlib@1.2.11", Family::ConanCenter, "zlib", "1.2.12", 0);
    // Julia counts the builds of what it wraps.
    check("pkg:julia/OpenSSL_jll@3.0.15+0", Family::Julia, "OpenSSL_jll", "3.0.15+1", 1);
    check("pkg:opam/cohttp@v0.9.0", Family::Opam, "cohttp", "v0.10.0", 1);
    check("pkg:vscode-extension/ms-python/python@2020.4.0", Family::VsCode, "ms-python.python", "2020.5.0", 1);
}

/// Nobody says how versions of these are ordered: what is listed is meant, and what has bounds cannot be told.
#[test]
fn without_an_order_listed_versions_alone_are_meant() {
    let ecosystem = Ecosystem::new(Family::OssFuzz);
    let identity = |version: &str| Identity {
        ecosystem: ecosystem.clone(),
        name: "zlib".to_owned(),
        version: version.to_owned(),
        named: Named::Binary,
        epoch: Epoch::Stated,
    };
    let check = |versions: &[&str], bounds: bool, version: &str, expected: &Outcome| {
        let mut statement = affected(&ecosystem, "zlib", "v2");
        statement.versions = versions.iter().map(ToString::to_string).collect();
        if !bounds {
            statement.intervals.clear();
        }
        let database = database(vec![advisory("OSV-2024-1", &[], vec![statement])]);
        let package = database.find_package(&ecosystem, "zlib").unwrap().unwrap();
        let statement = database.statements(&package).unwrap().next().unwrap().unwrap();
        let outcome = judge(&statement, &component(PackageType::Unknown, "zlib", version), None, &identity(version));
        assert_eq!(&outcome, expected, "{versions:?} {bounds} {version}");
    };
    check(&["v1.0"], false, "v1.0", &Outcome::Meant(None));
    check(&["v1.0"], false, "v1.1", &Outcome::NotMeant(Reason::Outside));
    check(&["v1.0"], true, "v1.0", &Outcome::Meant(None));
    check(&["v1.0"], true, "v1.1", &Outcome::NotMeant(Reason::Version("v1.1".to_owned())));
}

#[test]
fn what_was_taken_back_states_no_severity() {
    let check = |withdrawn: Option<i64>, expected: Option<Level>| {
        let mut other =
            advisory("OTHER-1", &["CVE-2024-0001"], vec![affected(&Ecosystem::new(Family::Npm), "b", "2.0.0")]);
        other.severities = vec![Severity { source: None, rating: Rating::Level(Level::High) }];
        other.withdrawn = withdrawn;
        let own = advisory("GHSA-a", &["CVE-2024-0001"], vec![affected(&Ecosystem::new(Family::Npm), "a", "2.0.0")]);
        let database = database(vec![own, other]);
        let findings = match_component(&database, &component(PackageType::Npm, "a", "1.0.0"), None).unwrap();
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!(severity(&database, finding).unwrap().level, expected, "{withdrawn:?}");
    };
    check(None, Some(Level::High));
    check(Some(1), None);
}

#[test]
fn what_a_distribution_took_back_or_says_of_other_builds_is_not_its_word() {
    let eight = Ecosystem::release(Family::AlmaLinux, "8");
    let check = |package: &str, withdrawn: Option<i64>, change: fn(&mut Affected), expected: Option<Suppression>| {
        let mut statement = affected(&eight, package, "1:20.0-1.el8");
        change(&mut statement);
        let mut erratum = advisory("ALSA-1", &["CVE-2024-0001"], vec![statement]);
        erratum.withdrawn = withdrawn;
        let upstream =
            advisory("GHSA-a", &["CVE-2024-0001"], vec![affected(&Ecosystem::new(Family::Npm), "tar", "6.2.1")]);
        let mut owner = component(PackageType::Rpm, "nodejs", "1:21.0-1.el8");
        owner.architecture = Some("x86_64".to_owned());
        let inventory = Inventory {
            subject: Subject::Directory { name: "/".to_owned() },
            distribution: Some(distribution("almalinux", "8.9")),
            layers: Vec::new(),
            components: vec![owner, component(PackageType::Npm, "tar", "6.1.11")],
            edges: vec![Edge {
                from: Node::Component(ComponentIndex(0)),
                to: ComponentIndex(1),
                relation: Relation::Owns,
            }],
            unknowns: Vec::new(),
            created: None,
        };
        let all = match_inventory(&database(vec![erratum, upstream]), &inventory).unwrap();
        let [(ComponentIndex(1), findings)] = all.as_slice() else { panic!("{package}: {all:?}") };
        assert_eq!(
            findings.iter().map(|finding| finding.suppression.clone()).collect::<Vec<_>>(),
            [expected],
            "{package}"
        );
    };
    let owned = || Some(Suppression::Owned { owner: ComponentIndex(0) });
    check("nodejs", None, |_| (), owned());
    // Of another package, or taken back.
    check("npm", None, |_| (), None);
    check("nodejs", Some(1), |_| (), None);
    // Of other builds of that name.
    check("nodejs", None, |one| one.qualifiers.module = Some("nodejs:18".to_owned()), None);
    check("nodejs", None, |one| one.intervals = vec![interval_to("1:20.0-1.module_el8.9.0+2")], None);
    check("nodejs", None, |one| one.qualifiers.architectures = vec!["aarch64".to_owned()], None);
    check("nodejs", None, |one| one.qualifiers.architectures = vec!["x86_64".to_owned()], owned());
    check("nodejs", None, |one| one.qualifiers.runs_on = vec!["o:microsoft:windows".to_owned()], None);
    // What cannot be decided is said all the same.
    check("nodejs", None, |one| one.verdict = Verdict::UnderInvestigation, owned());
}

fn interval_to(fixed: &str) -> Interval {
    Interval { start: Start::Unbounded, end: End::Fixed(fixed.to_owned()) }
}
