//! When the releases of distributions end: after that nobody mends what is found in them, and a database that says nothing
//! against a package says nothing for it either.
//!
//! Facts as their publishers state them, named above each list. A release that is missing here is one of which no date is known
//! for certain; that is not to say that it has no end.

use component::Distribution;
use jiff::civil::{Date, date};

use crate::{Ecosystem, Family};

/// Until when a release of a distribution is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    /// The last day on which everybody gets what mends it.
    pub until: Date,
    /// The last day on which those get it who pay for it: Ubuntu's ESM, SUSE's LTSS, Red Hat's ELS.
    pub extended_until: Option<Date>,
}

/// `CentOS` takes Red Hat's advisories, and ends when its own project says: <https://www.centos.org/centos-linux-eol/>, and the cards of the
/// streams at <https://www.centos.org/cl-vs-cs/>.
const CENTOS: &[(&str, Date)] = &[
    ("CentOS Linux:5", date(2017, 3, 31)),
    ("CentOS Linux:6", date(2020, 11, 30)),
    ("CentOS Linux:7", date(2024, 6, 30)),
    ("CentOS Linux:8", date(2021, 12, 31)),
    ("CentOS Stream:8", date(2024, 5, 31)),
    ("CentOS Stream:9", date(2027, 5, 31)),
    ("CentOS Stream:10", date(2030, 1, 1)),
];

/// The first release of `CentOS` of which there is a stream alone.
const CENTOS_STREAM_ALONE: u32 = 9;

/// The releases: when what everybody gets ends, and when what is paid for does, where the publisher offers that.
const RELEASES: &[(Family, &str, Date, Option<Date>)] = &[
    // Debian, package `distro-info-data`, `debian.csv`: the end of long-term support, or of support where there was none.
    (Family::Debian, "6", date(2016, 2, 29), None),
    (Family::Debian, "7", date(2018, 5, 31), None),
    (Family::Debian, "8", date(2020, 6, 30), None),
    (Family::Debian, "9", date(2022, 6, 30), None),
    (Family::Debian, "10", date(2024, 6, 30), None),
    (Family::Debian, "11", date(2026, 8, 31), None),
    (Family::Debian, "12", date(2028, 6, 30), None),
    (Family::Debian, "13", date(2030, 6, 30), None),
    // Ubuntu, package `distro-info-data`, `ubuntu.csv`: `eol` or `eol-server`, whichever is later, and `eol-esm`.
    (Family::Ubuntu, "4.10", date(2006, 4, 30), None),
    (Family::Ubuntu, "5.04", date(2006, 10, 31), None),
    (Family::Ubuntu, "5.10", date(2007, 4, 13), None),
    (Family::Ubuntu, "6.06", date(2011, 6, 1), None),
    (Family::Ubuntu, "6.10", date(2008, 4, 25), None),
    (Family::Ubuntu, "7.04", date(2008, 10, 19), None),
    (Family::Ubuntu, "7.10", date(2009, 4, 18), None),
    (Family::Ubuntu, "8.04", date(2013, 5, 9), None),
    (Family::Ubuntu, "8.10", date(2010, 4, 30), None),
    (Family::Ubuntu, "9.04", date(2010, 10, 23), None),
    (Family::Ubuntu, "9.10", date(2011, 4, 30), None),
    (Family::Ubuntu, "10.04", date(2015, 4, 30), None),
    (Family::Ubuntu, "10.10", date(2012, 4, 10), None),
    (Family::Ubuntu, "11.04", date(2012, 10, 28), None),
    (Family::Ubuntu, "11.10", date(2013, 5, 9), None),
    (Family::Ubuntu, "12.04", date(2017, 4, 28), Some(date(2019, 4, 26))),
    (Family::Ubuntu, "12.10", date(2014, 5, 16), None),
    (Family::Ubuntu, "13.04", date(2014, 1, 27), None),
    (Family::Ubuntu, "13.10", date(2014, 7, 17), None),
    (Family::Ubuntu, "14.04", date(2019, 4, 25), Some(date(2024, 4, 25))),
    (Family::Ubuntu, "14.10", date(2015, 7, 23), None),
    (Family::Ubuntu, "15.04", date(2016, 2, 4), None),
    (Family::Ubuntu, "15.10", date(2016, 7, 28), None),
    (Family::Ubuntu, "16.04", date(2021, 4, 30), Some(date(2026, 4, 23))),
    (Family::Ubuntu, "16.10", date(2017, 7, 20), None),
    (Family::Ubuntu, "17.04", date(2018, 1, 13), None),
    (Family::Ubuntu, "17.10", date(2018, 7, 19), None),
    (Family::Ubuntu, "18.04", date(2023, 5, 31), Some(date(2028, 4, 26))),
    (Family::Ubuntu, "18.10", date(2019, 7, 18), None),
    (Family::Ubuntu, "19.04", date(2020, 1, 23), None),
    (Family::Ubuntu, "19.10", date(2020, 7, 17), None),
    (Family::Ubuntu, "20.04", date(2025, 5, 29), Some(date(2030, 4, 23))),
    (Family::Ubuntu, "20.10", date(2021, 7, 22), None),
    (Family::Ubuntu, "21.04", date(2022, 1, 20), None),
    (Family::Ubuntu, "21.10", date(2022, 7, 14), None),
    (Family::Ubuntu, "22.04", date(2027, 6, 1), Some(date(2032, 4, 21))),
    (Family::Ubuntu, "22.10", date(2023, 7, 20), None),
    (Family::Ubuntu, "23.04", date(2024, 1, 25), None),
    (Family::Ubuntu, "23.10", date(2024, 7, 11), None),
    (Family::Ubuntu, "24.04", date(2029, 5, 31), Some(date(2034, 4, 25))),
    (Family::Ubuntu, "24.10", date(2025, 7, 10), None),
    (Family::Ubuntu, "25.04", date(2026, 1, 15), None),
    (Family::Ubuntu, "25.10", date(2026, 7, 9), None),
    (Family::Ubuntu, "26.04", date(2031, 5, 29), Some(date(2036, 4, 23))),
    // Alpine, <https://alpinelinux.org/releases/>.
    (Family::Alpine, "3.0", date(2016, 5, 1), None),
    (Family::Alpine, "3.1", date(2016, 11, 1), None),
    (Family::Alpine, "3.2", date(2017, 5, 1), None),
    (Family::Alpine, "3.3", date(2017, 11, 1), None),
    (Family::Alpine, "3.4", date(2018, 5, 1), None),
    (Family::Alpine, "3.5", date(2018, 11, 1), None),
    (Family::Alpine, "3.6", date(2019, 5, 1), None),
    (Family::Alpine, "3.7", date(2019, 11, 1), None),
    (Family::Alpine, "3.8", date(2020, 5, 1), None),
    (Family::Alpine, "3.9", date(2020, 11, 1), None),
    (Family::Alpine, "3.10", date(2021, 5, 1), None),
    (Family::Alpine, "3.11", date(2021, 11, 1), None),
    (Family::Alpine, "3.12", date(2022, 5, 1), None),
    (Family::Alpine, "3.13", date(2022, 11, 1), None),
    (Family::Alpine, "3.14", date(2023, 5, 1), None),
    (Family::Alpine, "3.15", date(2023, 11, 1), None),
    (Family::Alpine, "3.16", date(2024, 5, 23), None),
    (Family::Alpine, "3.17", date(2024, 11, 22), None),
    (Family::Alpine, "3.18", date(2025, 5, 9), None),
    (Family::Alpine, "3.19", date(2025, 11, 1), None),
    (Family::Alpine, "3.20", date(2026, 4, 1), None),
    (Family::Alpine, "3.21", date(2026, 11, 1), None),
    (Family::Alpine, "3.22", date(2027, 5, 1), None),
    (Family::Alpine, "3.23", date(2027, 11, 1), None),
    // AlmaLinux, <https://wiki.almalinux.org/release-notes/>: the end of security support.
    (Family::AlmaLinux, "8", date(2029, 3, 1), None),
    (Family::AlmaLinux, "9", date(2032, 5, 31), None),
    (Family::AlmaLinux, "10", date(2035, 5, 31), None),
    // Rocky Linux, <https://wiki.rockylinux.org/rocky/version/>.
    (Family::RockyLinux, "8", date(2029, 5, 31), None),
    (Family::RockyLinux, "9", date(2032, 5, 31), None),
    (Family::RockyLinux, "10", date(2035, 5, 31), None),
    // Red Hat, <https://access.redhat.com/support/policy/updates/errata>: the end of maintenance support, and the add-on after it
    // where its end is settled.
    (Family::RedHat, "4", date(2012, 2, 29), Some(date(2017, 3, 31))),
    (Family::RedHat, "5", date(2017, 3, 31), Some(date(2020, 11, 30))),
    (Family::RedHat, "6", date(2020, 11, 30), None),
    (Family::RedHat, "7", date(2024, 6, 30), None),
    (Family::RedHat, "8", date(2029, 5, 31), Some(date(2032, 5, 31))),
    (Family::RedHat, "9", date(2032, 5, 31), Some(date(2035, 5, 31))),
    (Family::RedHat, "10", date(2035, 5, 31), None),
    // SUSE, <https://www.suse.com/lifecycle>: the end of general support of a service pack, and of its long-term support.
    (Family::Suse, "11", date(2010, 12, 31), None),
    (Family::Suse, "11.1", date(2012, 8, 31), Some(date(2015, 8, 30))),
    (Family::Suse, "11.2", date(2014, 1, 31), Some(date(2017, 1, 30))),
    (Family::Suse, "11.3", date(2016, 1, 31), Some(date(2019, 1, 30))),
    (Family::Suse, "11.4", date(2019, 3, 31), Some(date(2022, 3, 31))),
    (Family::Suse, "12", date(2016, 6, 30), Some(date(2019, 7, 1))),
    (Family::Suse, "12.1", date(2017, 5, 31), Some(date(2020, 5, 31))),
    (Family::Suse, "12.2", date(2018, 3, 31), Some(date(2021, 3, 31))),
    (Family::Suse, "12.3", date(2019, 6, 30), Some(date(2022, 6, 30))),
    (Family::Suse, "12.4", date(2020, 6, 30), Some(date(2023, 6, 30))),
    (Family::Suse, "12.5", date(2024, 10, 31), Some(date(2027, 10, 31))),
    (Family::Suse, "15", date(2019, 12, 31), Some(date(2022, 12, 31))),
    (Family::Suse, "15.1", date(2021, 1, 31), Some(date(2024, 1, 31))),
    (Family::Suse, "15.2", date(2021, 12, 31), Some(date(2024, 12, 31))),
    (Family::Suse, "15.3", date(2022, 12, 31), Some(date(2025, 12, 31))),
    (Family::Suse, "15.4", date(2023, 12, 31), Some(date(2026, 12, 31))),
    (Family::Suse, "15.5", date(2024, 12, 31), Some(date(2027, 12, 31))),
    (Family::Suse, "15.6", date(2025, 12, 31), Some(date(2028, 12, 31))),
    (Family::Suse, "15.7", date(2031, 7, 31), Some(date(2034, 7, 31))),
    // Azure Linux, <https://learn.microsoft.com/azure/azure-linux/release-cadence-lifecycle>.
    (Family::AzureLinux, "1.0", date(2023, 8, 31), None),
    (Family::AzureLinux, "2.0", date(2025, 7, 31), None),
    (Family::AzureLinux, "3.0", date(2027, 8, 31), None),
    // openSUSE Leap, <https://en.opensuse.org/Lifetime>.
    (Family::OpenSuse, "42.1", date(2017, 5, 17), None),
    (Family::OpenSuse, "42.2", date(2018, 1, 26), None),
    (Family::OpenSuse, "42.3", date(2019, 7, 1), None),
    (Family::OpenSuse, "15.0", date(2019, 12, 3), None),
    (Family::OpenSuse, "15.1", date(2021, 2, 2), None),
    (Family::OpenSuse, "15.2", date(2022, 1, 4), None),
    (Family::OpenSuse, "15.3", date(2022, 12, 31), None),
    (Family::OpenSuse, "15.4", date(2023, 12, 7), None),
    (Family::OpenSuse, "15.5", date(2024, 12, 31), None),
    (Family::OpenSuse, "15.6", date(2026, 4, 30), None),
    (Family::OpenSuse, "16.0", date(2027, 10, 31), None),
    // Photon OS: 1.0 and 2.0 by VMware's announcement of January 2022, 3.0 and 4.0 by what its makers stated in November 2025. For 5.0 none
    // is announced.
    (Family::Photon, "1.0", date(2022, 2, 28), None),
    (Family::Photon, "2.0", date(2022, 12, 31), None),
    (Family::Photon, "3.0", date(2025, 10, 2), None),
    (Family::Photon, "4.0", date(2027, 10, 11), None),
    // openEuler, <https://www.openeuler.org/en/download/archive/>: the planned end of each service pack, the last day of its month.
    (Family::OpenEuler, "20.03-LTS", date(2021, 3, 31), None),
    (Family::OpenEuler, "20.03-LTS-SP1", date(2022, 12, 31), None),
    (Family::OpenEuler, "20.03-LTS-SP2", date(2022, 4, 30), None),
    (Family::OpenEuler, "20.03-LTS-SP3", date(2023, 12, 31), None),
    (Family::OpenEuler, "20.03-LTS-SP4", date(2025, 11, 30), None),
    (Family::OpenEuler, "22.03-LTS", date(2024, 3, 31), None),
    (Family::OpenEuler, "22.03-LTS-SP1", date(2024, 12, 31), None),
    (Family::OpenEuler, "22.03-LTS-SP2", date(2024, 3, 31), None),
    (Family::OpenEuler, "22.03-LTS-SP3", date(2025, 12, 31), None),
    (Family::OpenEuler, "22.03-LTS-SP4", date(2026, 6, 30), None),
    (Family::OpenEuler, "23.03", date(2023, 9, 30), None),
    (Family::OpenEuler, "23.09", date(2024, 3, 31), None),
    (Family::OpenEuler, "24.03-LTS", date(2026, 5, 31), None),
    (Family::OpenEuler, "24.03-LTS-SP1", date(2026, 12, 31), None),
    (Family::OpenEuler, "24.03-LTS-SP2", date(2026, 3, 31), None),
    (Family::OpenEuler, "24.03-LTS-SP3", date(2027, 12, 31), None),
    (Family::OpenEuler, "24.03-LTS-SP4", date(2027, 3, 31), None),
    (Family::OpenEuler, "24.09", date(2025, 3, 31), None),
    (Family::OpenEuler, "25.03", date(2025, 9, 30), None),
    (Family::OpenEuler, "25.09", date(2026, 3, 31), None),
    (Family::OpenEuler, "26.09", date(2027, 3, 31), None),
    // Mageia, <https://www.mageia.org/en/support/>. The end of 9 waits for what follows it, and is left out.
    (Family::Mageia, "1", date(2012, 12, 1), None),
    (Family::Mageia, "2", date(2013, 11, 22), None),
    (Family::Mageia, "3", date(2014, 11, 26), None),
    (Family::Mageia, "4", date(2015, 9, 19), None),
    (Family::Mageia, "5", date(2017, 12, 31), None),
    (Family::Mageia, "6", date(2019, 9, 30), None),
    (Family::Mageia, "7", date(2021, 6, 30), None),
    (Family::Mageia, "8", date(2023, 11, 30), None),
];

/// Returns what a distribution's release is called here: by its ecosystem, as in `Debian:12`, where it has no end of its own. None for one
/// that nobody publishes advisories for.
pub fn release_of(distribution: &Distribution) -> Option<String> {
    let version = distribution.version_id.as_deref().unwrap_or_default();
    match distribution.id.as_str() {
        "centos" => {
            let major = version.split('.').next().filter(|major| !major.is_empty())?;
            let names = [&distribution.name, &distribution.pretty_name];
            let is_stream = names.into_iter().flatten().any(|name| name.contains("Stream"))
                || major.parse::<u32>().is_ok_and(|major| major >= CENTOS_STREAM_ALONE);
            Some(format!("CentOS {}:{major}", if is_stream { "Stream" } else { "Linux" }))
        }
        _ => Ecosystem::of_distribution(distribution).map(|ecosystem| ecosystem.to_string()),
    }
}

/// Returns until when a release is mended, by its name of [`release_of`]. None for what has no releases, for one that has no end (`edge`,
/// `sid`), and where no date is known.
pub fn support(release: &str) -> Option<Support> {
    if let Some((_, until)) = CENTOS.iter().find(|(known, _)| *known == release) {
        return Some(Support { until: *until, extended_until: None });
    }
    let (family, own) = release.split_once(':')?;
    let known = RELEASES.iter().find(|(known, release, ..)| known.as_str() == family && *release == own);
    known.map(|(_, _, until, extended_until)| Support { until: *until, extended_until: *extended_until })
}

/// Returns the releases of a distribution whose end is known, in their order.
pub fn releases(family: Family) -> impl Iterator<Item = &'static str> {
    RELEASES.iter().filter(move |(known, ..)| *known == family).map(|(_, release, ..)| *release)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ecosystem::{debian_number, ubuntu_number};

    #[test]
    fn a_release_ends_when_its_publisher_says() {
        let check = |release: &str, expected: Option<(&str, Option<&str>)>| {
            let day = |day: &str| day.parse::<Date>().expect("the table's dates are valid");
            let expected =
                expected.map(|(until, extended)| Support { until: day(until), extended_until: extended.map(day) });
            assert_eq!(support(release), expected, "{release}");
        };
        for unknown in [
            "Debian:sid",
            "Debian:99",
            "Debian:2.04",
            "Ubuntu:12",
            "Alpine:edge",
            "Photon OS:5.0",
            "npm:12",
            "Wolfi",
            "",
            ":",
            "CentOS:8",
        ] {
            check(unknown, None);
        }
        check("Debian:12", Some(("2028-06-30", None)));
        check("Ubuntu:16.04", Some(("2021-04-30", Some("2026-04-23"))));
        check("Ubuntu:23.10", Some(("2024-07-11", None)));
        check("Alpine:3.18", Some(("2025-05-09", None)));
        check("Red Hat:7", Some(("2024-06-30", None)));
        check("AlmaLinux:8", Some(("2029-03-01", None)));
        check("Rocky Linux:8", Some(("2029-05-31", None)));
        check("SUSE:15.4", Some(("2023-12-31", Some("2026-12-31"))));
        check("openSUSE:15.6", Some(("2026-04-30", None)));
        check("Azure Linux:2.0", Some(("2025-07-31", None)));
        check("Photon OS:3.0", Some(("2025-10-02", None)));
        check("openEuler:22.03-LTS-SP4", Some(("2026-06-30", None)));
        check("Mageia:8", Some(("2023-11-30", None)));
    }

    #[test]
    fn a_distribution_has_the_end_of_its_own_project() {
        let check = |id: &str, version_id: &str, name: &str, version: &str, expected: Option<&str>| {
            let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            let distribution = Distribution {
                id: id.to_owned(),
                version_id: text(version_id),
                name: text(name),
                version: text(version),
                ..Distribution::default()
            };
            assert_eq!(release_of(&distribution).as_deref(), expected, "{id} {version_id} {name} {version}");
        };
        check("slackware", "15.0", "", "", None);
        check("centos", "", "CentOS Linux", "", None);
        check("openEuler", "", "openEuler", "", None);
        check("debian", "12", "", "", Some("Debian:12"));
        check("rhel", "8.10", "", "", Some("Red Hat:8"));
        check("centos", "7", "CentOS Linux", "7 (Core)", Some("CentOS Linux:7"));
        check("centos", "8", "CentOS Linux", "8", Some("CentOS Linux:8"));
        check("centos", "8", "CentOS Stream", "8", Some("CentOS Stream:8"));
        check("centos", "9", "", "", Some("CentOS Stream:9"));
        check("openEuler", "22.03", "openEuler", "22.03 (LTS-SP4)", Some("openEuler:22.03-LTS-SP4"));
        check("openEuler", "24.09", "openEuler", "24.09", Some("openEuler:24.09"));
        check("openEuler", "24.09", "openEuler", "24.09 (of", Some("openEuler:24.09"));
        check("opensuse-leap", "15.5", "openSUSE Leap", "", Some("openSUSE:15.5"));
    }

    #[test]
    fn every_release_is_there_once_and_what_is_paid_for_ends_later() {
        let names: BTreeSet<_> = RELEASES.iter().map(|(family, release, ..)| (family, release)).collect();
        assert_eq!(names.len(), RELEASES.len());
        for (family, release, end, extended) in RELEASES {
            assert!(extended.is_none_or(|extended| *end < extended), "{family:?} {release}");
        }
    }

    #[test]
    fn releases_that_have_a_name_have_an_end() {
        for name in ["squeeze", "wheezy", "jessie", "stretch", "buster", "bullseye", "bookworm", "trixie"] {
            let number = debian_number(name).expect("the release has a number");
            assert!(support(&format!("Debian:{number}")).is_some(), "{name}");
        }
        for name in ["dapper", "precise", "trusty", "xenial", "bionic", "focal", "jammy", "noble", "resolute"] {
            let number = ubuntu_number(name).expect("the release has a number");
            assert!(support(&format!("Ubuntu:{number}")).is_some(), "{name}");
        }
    }
}
