//! Which operating system packages are of: what an image's `os-release` says (os-release(5)), and what purls say of themselves.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Purl;
use crate::codename::{debian_number, ubuntu_number};

/// The operating system that an image holds, from its `os-release` (the file's specification: os-release(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Distribution {
    /// `ID`: `debian`.
    pub id: String,
    /// `ID_LIKE`, split at spaces.
    pub id_like: Vec<String>,
    /// `VERSION_ID`: `12`.
    pub version_id: Option<String>,
    /// `VERSION_CODENAME`: `bookworm`.
    pub codename: Option<String>,
    /// `PRETTY_NAME`.
    pub pretty_name: Option<String>,
    /// `CPE_NAME`.
    pub cpe: Option<String>,
    /// `NAME`.
    pub name: Option<String>,
    /// `VERSION`.
    pub version: Option<String>,
    /// `SUPPORT_END`: a date.
    pub support_end: Option<String>,
}

/// Whose packages go by a type of purl, with the names by which tools and purls have them.
struct Vendor {
    purl_type: &'static str,
    names: &'static [&'static str],
}

/// The vendors. Those who rebuild another's packages are vendors of their own, unless they take its advisories.
const VENDORS: &[Vendor] = &[
    Vendor { purl_type: "deb", names: &["debian", "raspbian"] },
    Vendor { purl_type: "deb", names: &["ubuntu"] },
    Vendor { purl_type: "apk", names: &["alpine"] },
    Vendor { purl_type: "apk", names: &["wolfi"] },
    Vendor { purl_type: "apk", names: &["chainguard"] },
    Vendor { purl_type: "apk", names: &["alpaquita"] },
    Vendor { purl_type: "apk", names: &["bellsoft-hardened-containers"] },
    Vendor { purl_type: "apk", names: &["minimos"] },
    Vendor { purl_type: "apk", names: &["cleanstart"] },
    Vendor { purl_type: "deb", names: &["echo"] },
    Vendor { purl_type: "rpm", names: &["redhat", "rhel", "centos"] },
    Vendor { purl_type: "rpm", names: &["fedora"] },
    Vendor { purl_type: "rpm", names: &["alma", "almalinux"] },
    Vendor { purl_type: "rpm", names: &["rocky", "rockylinux"] },
    Vendor { purl_type: "rpm", names: &["oracle", "oraclelinux", "ol"] },
    Vendor { purl_type: "rpm", names: &["amazon", "amazonlinux", "amzn"] },
    Vendor { purl_type: "rpm", names: &["azurelinux", "mariner", "cbl-mariner"] },
    Vendor { purl_type: "rpm", names: &["photon"] },
    Vendor { purl_type: "rpm", names: &["openeuler"] },
    Vendor { purl_type: "rpm", names: &["mageia"] },
    Vendor {
        purl_type: "rpm",
        names: &[
            "suse",
            "opensuse",
            "opensuse.leap",
            "opensuse-leap",
            "opensuse.tumbleweed",
            "opensuse-tumbleweed",
            "sles",
            "sled",
            "sles_sap",
            "sle_hpc",
            "suse linux enterprise server",
        ],
    },
];

/// Names of distributions without releases, which alone say which they are.
const ROLLING: [&str; 7] =
    ["wolfi", "chainguard", "minimos", "cleanstart", "echo", "opensuse-tumbleweed", "opensuse.tumbleweed"];

/// Distributions of `BellSoft` that have a release of this name beside those with numbers.
const STREAMS: [&str; 2] = ["alpaquita", "bellsoft-hardened-containers"];
const STREAM: &str = "stream";

/// Returns the place of a vendor that has this name.
fn vendor(name: &str) -> Option<usize> {
    VENDORS.iter().position(|vendor| vendor.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

impl Distribution {
    /// Returns the `ID` that a distribution has in its own os-release, of the name that a tool has for it: Trivy calls `AlmaLinux` `alma`.
    pub fn id_of(name: &str) -> String {
        let name = name.to_ascii_lowercase();
        let id = match name.as_str() {
            "alma" => "almalinux",
            "amazon" => "amzn",
            "cbl-mariner" => "mariner",
            "opensuse.leap" => "opensuse-leap",
            "opensuse.tumbleweed" => "opensuse-tumbleweed",
            "oracle" => "ol",
            "redhat" => "rhel",
            "suse linux enterprise server" => "sles",
            _ => return name,
        };
        id.to_owned()
    }

    /// Reads the qualifier `distro` of a purl, by the namespace that says whose package it is: `debian-12`; of Debian and Ubuntu `bookworm` too, and
    /// `3.20.1` of those whose namespace is their name; `wolfi` of those that have no releases. `None` for what names no release, as a code name of
    /// nobody.
    pub fn of_qualifier(namespace: Option<&str>, stated: &str) -> Option<Self> {
        let with_codename = |id: &str, codename: &str| Self {
            id: id.to_owned(),
            codename: Some(codename.to_owned()),
            ..Self::default()
        };
        let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase());
        let with_version = |id: &str, version: &str| Self {
            id: Self::id_of(id),
            version_id: Some(version.to_owned()),
            ..Self::default()
        };
        let is_number = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
        if let Some(id @ ("debian" | "ubuntu")) = namespace {
            let word = stated.strip_prefix(id).and_then(|rest| rest.strip_prefix('-')).unwrap_or(stated);
            if is_word(word) {
                let found = with_codename(id, word);
                return found.number().is_some().then_some(found);
            }
        }
        let stream = STREAMS.into_iter().find(|id| match stated.strip_suffix(STREAM) {
            Some("") => namespace == Some(*id),
            Some(name) => name.strip_suffix('-') == Some(*id),
            None => false,
        });
        if let Some(id) = stream {
            return Some(with_version(id, STREAM));
        }
        if let Some(
            id @ ("debian"
            | "ubuntu"
            | "alpine"
            | "wolfi"
            | "chainguard"
            | "minimos"
            | "alpaquita"
            | "bellsoft-hardened-containers"),
        ) = namespace
            && is_number(stated)
        {
            return Some(with_version(id, stated));
        }
        if let Some(found) = Self::rolling(stated) {
            return Some(found);
        }
        // A code name whose distribution is not known, or a bare version, names no system.
        let (at, _) = stated.match_indices('-').find(|(at, _)| is_number(&stated[at + 1..]))?;
        let (id, version) = (&stated[..at], &stated[at + 1..]);
        id.starts_with(|first: char| first.is_ascii_lowercase()).then(|| with_version(id, version))
    }

    /// Returns the distribution without releases that goes by a name.
    fn rolling(name: &str) -> Option<Self> {
        let is_known = ROLLING.iter().any(|known| known.eq_ignore_ascii_case(name));
        is_known.then(|| Self { id: Self::id_of(name), ..Self::default() })
    }

    /// Returns the distribution that the purl of a package says it is of: by its qualifier `distro`, or by its namespace alone where that has no
    /// releases. `None` for one that says none, and for one that contradicts itself: whose namespace or type is another distribution's.
    pub fn of_purl(purl: &Purl) -> Option<Self> {
        if !matches!(purl.ty(), "deb" | "apk" | "rpm") {
            return None;
        }
        let found = match purl.qualifier("distro") {
            Some(stated) => Self::of_qualifier(purl.namespace(), stated)?,
            None => Self::rolling(purl.namespace()?)?,
        };
        let whose = vendor(&found.id);
        let is_its_kind = whose.is_none_or(|at| VENDORS[at].purl_type == purl.ty());
        let is_its_namespace = match (whose, purl.namespace().and_then(vendor)) {
            (Some(own), Some(namespace)) => own == namespace,
            _ => true,
        };
        (is_its_kind && is_its_namespace).then_some(found)
    }

    /// Returns the distribution that a package is of: the one that its own purl names, which is nearer than that of what it was found in; else that one,
    /// which also holds where it says the same and more.
    pub fn of_package<'a>(purl: Option<&Purl>, around: Option<&'a Self>) -> Option<Cow<'a, Self>> {
        let is_given = |purl: &Purl| match (purl.qualifier("distro"), around) {
            (Some(stated), Some(around)) => around.gives(stated),
            (Some(_), None) => false,
            (None, _) => purl.namespace().is_none_or(|namespace| Self::rolling(namespace).is_none()),
        };
        let own = purl.filter(|purl| !is_given(purl)).and_then(Self::of_purl);
        match (own, around) {
            (Some(own), Some(around)) if !around.tells(&own) => Some(Cow::Owned(own)),
            (Some(own), None) => Some(Cow::Owned(own)),
            (_, around) => around.map(Cow::Borrowed),
        }
    }

    /// Tells whether a purl's qualifier is the one that this gives to purls.
    fn gives(&self, qualifier: &str) -> bool {
        let rest = qualifier.strip_prefix(&*self.id);
        rest.is_some_and(|rest| {
            rest.strip_prefix('-') == self.version_id.as_deref() && (rest.is_empty() || rest.starts_with('-'))
        })
    }

    /// Tells whether this says all that another says of which distribution and release it is, and perhaps more.
    pub fn tells(&self, other: &Self) -> bool {
        let is_within = |own: &str, theirs: &str| {
            own.strip_prefix(theirs).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '_']))
        };
        self.id.eq_ignore_ascii_case(&other.id)
            && other.number().is_none_or(|theirs| self.number().is_some_and(|own| is_within(own, theirs)))
    }

    /// Returns the release: the number, also where only its name is stated.
    fn number(&self) -> Option<&str> {
        let by_name = || match (self.id.as_str(), self.codename.as_deref()) {
            ("debian", Some(name)) => debian_number(name),
            ("ubuntu", Some(name)) => ubuntu_number(name),
            _ => None,
        };
        self.version_id.as_deref().filter(|version| !version.is_empty()).or_else(by_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(found: &Distribution) -> String {
        format!("{} {}", found.id, found.version_id.as_deref().or(found.codename.as_deref()).unwrap_or_default())
    }

    #[test]
    fn distributions_have_the_names_that_they_have_themselves() {
        let check = |names: &[&str], expected: &str| {
            for name in names {
                assert_eq!(Distribution::id_of(name), expected, "{name}");
            }
        };
        check(&["alma", "almalinux", "AlmaLinux"], "almalinux");
        check(&["cbl-mariner", "mariner"], "mariner");
        check(&["opensuse.leap", "opensuse-leap"], "opensuse-leap");
        check(&["opensuse.tumbleweed"], "opensuse-tumbleweed");
        check(&["suse linux enterprise server", "SUSE Linux Enterprise Server", "sles"], "sles");
        check(&["amazon", "amzn"], "amzn");
        check(&["oracle", "ol"], "ol");
        check(&["redhat", "rhel"], "rhel");
        check(&["debian"], "debian");
        check(&[""], "");
    }

    #[test]
    fn purls_name_the_release_that_they_are_of() {
        let check = |purl: &str, expected: Option<&str>| {
            let found = Distribution::of_purl(&purl.parse().expect("the table's purls are valid"));
            assert_eq!(found.as_ref().map(words).as_deref(), expected, "{purl}");
        };
        for purl in [
            "pkg:deb/debian/a@1",
            "pkg:npm/a@1?distro=debian-12",
            "pkg:generic/a@1?distro=debian-12",
            // No release, or nobody's.
            "pkg:deb/debian/a@1?distro=debian",
            "pkg:deb/debian/a@1?distro=stable",
            "pkg:deb/ubuntu/a@1?distro=bookworm",
            "pkg:deb/wolfi/a@1",
            "pkg:rpm/opensuse/a@1",
            "pkg:apk/alpine/a@1?distro=wolfi",
            "pkg:apk/wolfi/a@1?distro=alpine-3.20",
            "pkg:apk/wolfi/a@1?distro=stream",
            "pkg:apk/alpine/a@1?distro=alpaquita-stream",
            "pkg:apk/alpaquita/a@1",
            "pkg:deb/a@1?distro=bookworm",
            "pkg:deb/kali/a@1?distro=bookworm",
            "pkg:deb/a@1?distro=12",
            "pkg:rpm/redhat/a@1?distro=9",
            "pkg:rpm/opensuse/a@1?distro=15.5",
            "pkg:deb/debian/a@1?distro=-12",
            "pkg:deb/debian/a@1?distro=Debian%20GNU",
            // Another's.
            "pkg:deb/debian/a@1?distro=ubuntu-22.04",
            "pkg:deb/ubuntu/a@1?distro=debian-12",
            "pkg:rpm/redhat/a@1?distro=almalinux-9",
            "pkg:rpm/rocky/a@1?distro=rhel-9",
            "pkg:apk/alpine/a@1?distro=wolfi-20230201",
            // Of another kind of package.
            "pkg:rpm/a@1?distro=debian-12",
            "pkg:rpm/debian/a@1?distro=debian-12",
            "pkg:deb/a@1?distro=fedora-40",
            "pkg:rpm/alpine/a@1?distro=3.20",
        ] {
            check(purl, None);
        }
        check("pkg:deb/debian/a@1?distro=debian-12", Some("debian 12"));
        check("pkg:deb/debian/a@1?distro=debian-12.5", Some("debian 12.5"));
        check("pkg:deb/debian/a@1?distro=bookworm", Some("debian bookworm"));
        check("pkg:deb/debian/a@1?distro=debian-sid", Some("debian sid"));
        check("pkg:deb/debian/a@1?distro=12", Some("debian 12"));
        check("pkg:deb/debian/a@1?distro=raspbian-12", Some("raspbian 12"));
        check("pkg:deb/debian/a@1?distro=kali-2024.1", Some("kali 2024.1"));
        check("pkg:deb/a@1?distro=debian-12", Some("debian 12"));
        check("pkg:deb/ubuntu/a@1?distro=jammy", Some("ubuntu jammy"));
        check("pkg:apk/alpine/a@1?distro=alpine-3.20.1", Some("alpine 3.20.1"));
        check("pkg:apk/alpine/a@1?distro=3.20.1", Some("alpine 3.20.1"));
        check("pkg:apk/wolfi/a@1?distro=wolfi", Some("wolfi "));
        check("pkg:apk/wolfi/a@1", Some("wolfi "));
        check("pkg:apk/chainguard/a@1", Some("chainguard "));
        check("pkg:apk/minimos/a@1", Some("minimos "));
        check("pkg:deb/echo/a@1", Some("echo "));
        check("pkg:apk/alpaquita/a@1?distro=alpaquita-stream", Some("alpaquita stream"));
        check("pkg:apk/alpaquita/a@1?distro=stream", Some("alpaquita stream"));
        check("pkg:apk/alpaquita/a@1?distro=23", Some("alpaquita 23"));
        check(
            "pkg:apk/bellsoft-hardened-containers/a@1?distro=bellsoft-hardened-containers-23",
            Some("bellsoft-hardened-containers 23"),
        );
        check("pkg:rpm/opensuse/a@1?distro=opensuse-tumbleweed", Some("opensuse-tumbleweed "));
        check("pkg:rpm/opensuse.tumbleweed/a@1", Some("opensuse-tumbleweed "));
        check("pkg:rpm/redhat/a@1?distro=rhel-9.4", Some("rhel 9.4"));
        check("pkg:rpm/redhat/a@1?distro=redhat-9.4", Some("rhel 9.4"));
        check("pkg:rpm/redhat/a@1?distro=centos-7", Some("centos 7"));
        check("pkg:rpm/alma/a@1?distro=alma-9.2", Some("almalinux 9.2"));
        check("pkg:rpm/oraclelinux/a@1?distro=ol-9.2", Some("ol 9.2"));
        check("pkg:rpm/opensuse/a@1?distro=opensuse-leap-15.5", Some("opensuse-leap 15.5"));
        check("pkg:rpm/opensuse.leap/a@1?distro=opensuse.leap-15.5", Some("opensuse-leap 15.5"));
        check("pkg:rpm/suse/a@1?distro=sles-15.4", Some("sles 15.4"));
        check("pkg:rpm/openeuler/a@1?distro=openEuler-22.03", Some("openeuler 22.03"));
    }

    #[test]
    fn what_a_purl_says_of_itself_is_nearer_than_what_is_around_it() {
        let check = |purl: Option<&str>, around: Option<(&str, &str)>, expected: Option<&str>| {
            let purl = purl.map(|purl| purl.parse::<Purl>().expect("the table's purls are valid"));
            let around = around.map(|(id, version)| Distribution {
                id: id.to_owned(),
                version_id: Some(version.to_owned()).filter(|version| !version.is_empty()),
                pretty_name: Some("around".to_owned()),
                ..Distribution::default()
            });
            let found = Distribution::of_package(purl.as_ref(), around.as_ref());
            let found = found.map(|found| found.pretty_name.clone().unwrap_or_else(|| words(&found)));
            assert_eq!(found.as_deref(), expected, "{purl:?} in {around:?}");
        };
        let purl = |distro: &str| format!("pkg:deb/debian/a@1?distro={distro}");
        check(None, None, None);
        check(None, Some(("debian", "12")), Some("around"));
        check(Some(&purl("ubuntu-22.04")), None, None);
        check(Some(&purl("ubuntu-22.04")), Some(("debian", "12")), Some("around"));
        check(Some("pkg:rpm/redhat/a@1?distro=redhat-6"), Some(("redhat", "6")), Some("around"));
        check(Some("pkg:deb/own-2/a@1?distro=own-2-3"), Some(("own-2", "3")), Some("around"));
        check(Some("pkg:deb/own/a@1?distro=own"), Some(("own", "")), Some("around"));
        // What is around it says the same, and may say more.
        check(Some(&purl("debian")), Some(("debian", "")), Some("around"));
        check(Some(&purl("debian-12")), Some(("debian", "12")), Some("around"));
        check(Some(&purl("debian-12")), Some(("debian", "12.5")), Some("around"));
        check(Some(&purl("debian-1")), Some(("debian", "12")), Some("debian 1"));
        check(Some("pkg:apk/alpine/a@1?distro=3.20"), Some(("alpine", "3.20.1")), Some("around"));
        check(Some("pkg:rpm/suse/a@1?distro=sles-15"), Some(("sles", "15.4")), Some("around"));
        check(Some(&purl("debian-11")), Some(("debian", "12")), Some("debian 11"));
        check(Some(&purl("bookworm")), Some(("debian", "12")), Some("around"));
        check(Some(&purl("bookworm")), Some(("debian", "11")), Some("debian bookworm"));
        check(Some(&purl("stable")), Some(("debian", "11")), Some("around"));
        check(Some(&purl("debian-12.5")), Some(("debian", "12")), Some("debian 12.5"));
        check(Some(&purl("debian-12")), Some(("ubuntu", "22.04")), Some("debian 12"));
        check(Some(&purl("debian-12")), None, Some("debian 12"));
        check(Some("pkg:npm/a@1?distro=debian-11"), Some(("debian", "12")), Some("around"));
        check(Some("pkg:apk/wolfi/a@1"), Some(("wolfi", "20230201")), Some("around"));
        check(Some("pkg:apk/wolfi/a@1?distro=wolfi"), Some(("wolfi", "20230201")), Some("around"));
        check(Some("pkg:apk/wolfi/a@1"), Some(("alpine", "3.20")), Some("wolfi "));
        check(Some("pkg:apk/wolfi/a@1"), None, Some("wolfi "));
    }
}
