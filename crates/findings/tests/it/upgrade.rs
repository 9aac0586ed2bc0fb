//! The smallest version that clears all findings of a component.

use component::{Distribution, Inventory, PackageType, SourcePackage, Subject};
use findings::{Options, Report};
use vulndb::{Advisory, Affected, Channel, Ecosystem, Family, Named, Qualifiers, Records, Verdict};

use crate::fixture::{advisory, affected, component, database_of, feed};

/// The answer in words, for a component and what records say of it.
fn upgrade(component: component::Component, distribution: Option<Distribution>, advisories: Vec<Advisory>) -> String {
    let database = database_of(vec![(feed("test", "osv", 0), Records { advisories, ..Records::default() })]);
    let inventory = Inventory {
        subject: Subject::Directory { name: ".".to_owned() },
        distribution,
        layers: Vec::new(),
        components: vec![component],
        edges: Vec::new(),
        unknowns: Vec::new(),
        created: None,
    };
    let report = Report::of(&database, &inventory, &Options::default()).unwrap();
    let Some(component) = report.components.first() else { return "nothing found".to_owned() };
    match &component.upgrade {
        None => "none".to_owned(),
        Some(upgrade) => {
            let channel = if upgrade.channel == Channel::Main { "" } else { upgrade.channel.as_str() };
            let text = format!(
                "{} {channel} clears {} leaves {}",
                upgrade.version,
                upgrade.clears.join(" "),
                upgrade.remaining.join(" ")
            );
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        }
    }
}

fn check(version: &str, records: &[(&str, &[&str])], expected: &str) {
    let npm = Ecosystem::new(Family::Npm);
    let records =
        records.iter().map(|(id, intervals)| advisory(id, &[], vec![affected(&npm, "a", intervals)])).collect();
    assert_eq!(upgrade(component(PackageType::Npm, "a", version), None, records), expected, "{version}");
}

#[test]
fn what_no_version_mends_has_no_upgrade() {
    check("1.0.0", &[], "nothing found");
    check("1.0.0", &[("A", &[".."])], "none");
    check("1.0.0", &[("A", &["..2.0.0]"])], "none");
    check("1.0.0", &[("A", &["[1.0.0.."]), ("B", &[".."])], "none");
}

#[test]
fn one_version_clears_all_at_once() {
    check("1.0.0", &[("A", &["..1.0.1!"])], "1.0.1 clears A leaves");
    check("1.0.0", &[("A", &["..1.0.1!"]), ("B", &["..1.2.0!"])], "1.2.0 clears A B leaves");
    // By the order of versions, not by that of texts.
    check("1.9.0", &[("A", &["..1.10.0!"]), ("B", &["..1.9.1!"])], "1.10.0 clears A B leaves");
    // The fix of one branch is vulnerable to what another branch brought.
    check("1.0.0", &[("A", &["..1.0.1!", "[2.0.0..2.0.5!"]), ("B", &["..2.0.1!"])], "2.0.5 clears A B leaves");
    // A smaller version would clear it, but has something new.
    check("1.0.0", &[("A", &["..1.1.0!"]), ("B", &["[1.1.0..1.2.0!"])], "1.2.0 clears A leaves");
}

#[test]
fn what_remains_is_named() {
    check("1.0.0", &[("A", &["..1.0.1!"]), ("B", &[".."])], "1.0.1 clears A leaves B");
    check("1.0.0", &[("A", &["..1.0.1!"]), ("B", &["[0.5.0.."])], "1.0.1 clears A leaves B");
    check("1.0.0", &[("A", &["..1.1.0!"]), ("B", &["[1.1.0.."])], "1.1.0 clears A leaves B");
}

#[test]
fn the_channel_of_everybody_is_preferred() {
    let ubuntu = Ecosystem::release(Family::Ubuntu, "20.04");
    let focal = || {
        Some(Distribution { id: "ubuntu".to_owned(), version_id: Some("20.04".to_owned()), ..Distribution::default() })
    };
    let in_channel = |channel, interval: &str| Affected {
        qualifiers: Qualifiers { channel, ..Qualifiers::default() },
        ..affected(&ubuntu, "a", &[interval])
    };
    let deb = || component(PackageType::Deb, "a", "1.0-1");
    let main = advisory("A", &[], vec![in_channel(Channel::Main, "..1.0-2!")]);
    let extended = advisory("B", &[], vec![in_channel(Channel::EsmApps, "..1.0-1+esm1!")]);
    let all =
        advisory("C", &[], vec![in_channel(Channel::Main, "..1.0-3!"), in_channel(Channel::EsmApps, "..1.0-2+esm1!")]);
    assert_eq!(upgrade(deb(), focal(), vec![extended.clone()]), "1.0-1+esm1 esm-apps clears B leaves");
    assert_eq!(upgrade(deb(), focal(), vec![main, extended]), "1.0-2 clears A B leaves");
    assert_eq!(upgrade(deb(), focal(), vec![all]), "1.0-3 clears C leaves");
}

#[test]
fn a_version_that_its_publisher_clears_is_clear() {
    let npm = Ecosystem::new(Family::Npm);
    let records = vec![
        advisory(
            "A",
            &[],
            vec![
                affected(&npm, "a", &["..3.0.0!"]),
                Affected { verdict: Verdict::NotAffected, ..affected(&npm, "a", &["[2.0.0..2.1.0!"]) },
            ],
        ),
        advisory("B", &[], vec![affected(&npm, "a", &["..2.0.0!"])]),
    ];
    assert_eq!(upgrade(component(PackageType::Npm, "a", "1.0.0"), None, records), "2.0.0 clears A B leaves");
}

#[test]
fn a_binary_package_with_a_version_of_its_own_moves_by_what_is_said_of_it() {
    let debian = Ecosystem::release(Family::Debian, "12");
    let release =
        Some(Distribution { id: "debian".to_owned(), version_id: Some("12".to_owned()), ..Distribution::default() });
    let mut deb = component(PackageType::Deb, "liba1", "4:9");
    deb.source = Some(SourcePackage { name: "a".to_owned(), version: Some("1.0-1".to_owned()) });
    let records = vec![advisory("A", &[], vec![affected(&debian, "a", &["..1.0-2!"])])];
    assert_eq!(upgrade(deb, release, records), "1.0-2 clears A leaves");
}

/// What is older than the source that is here mends nothing, whatever its epoch.
#[test]
fn the_version_of_a_source_rpm_is_mended_by_what_is_newer() {
    let rocky = Ecosystem::release(Family::RockyLinux, "8");
    let release =
        Some(Distribution { id: "rocky".to_owned(), version_id: Some("8.9".to_owned()), ..Distribution::default() });
    let mut errno = component(PackageType::Rpm, "perl-Errno", "1.28-416.el8");
    errno.source = Some(SourcePackage { name: "perl".to_owned(), version: Some("5.26.3-416.el8".to_owned()) });
    let of = |bound: &str| Affected { named: Named::Source, ..affected(&rocky, "perl", &[bound]) };
    let records = vec![
        advisory("A", &[], vec![of("..4:5.20.0-1.el8!")]),
        advisory("B", &[], vec![of("..4:5.26.3-420.el8!")]),
        advisory("C", &[], vec![of("..4:5.26.3-430.el8!")]),
    ];
    assert_eq!(upgrade(errno, release, records), "4:5.26.3-430.el8 clears B C leaves");
}
