use insta::assert_snapshot;

use super::{read_bundle, summarize};

#[test]
fn alma() {
    let Some(records) = read_bundle("vulndb/almalinux-osv", "", "osv") else { return };
    assert_snapshot!(summarize(&records), @r"
    5680 advisories
    1197 advisories that are Notice
    71329 packages of AlmaLinux
    16896 packages of a module
    ");
}

/// One advisory begins at a version `nightly.2026-03-10.0`.
#[test]
fn bitnami() {
    let Some(records) = read_bundle("vulndb/bitnami-vulndb-osv", "", "osv") else { return };
    assert_snapshot!(summarize(&records), @r"
    7443 advisories
    7443 packages of Bitnami
    refused: 1, a version in it has no place in the order of its ecosystem: BIT-mastodon-2026-47777
    ");
}

#[test]
fn go() {
    let Some(records) = read_bundle("vulndb/go-vulndb-osv", "", "osv") else { return };
    assert_snapshot!(summarize(&records), @r"
    4291 advisories
    17 advisories withdrawn
    6125 packages of Go
    1110 packages with symbols
    ");
}

#[test]
fn kubernetes() {
    let Some(records) = read_bundle("vulndb/kubernetes-cve-feed-osv", "", "osv") else { return };
    assert_snapshot!(summarize(&records), @r"
    47 advisories
    50 packages of Kubernetes
    ");
}

#[test]
fn kubernetes_of_another_collector() {
    let Some(records) = read_bundle("vulndb/kubernetes-vuln-list-osv", "", "osv") else { return };
    assert_snapshot!(summarize(&records), @r"
    44 advisories
    47 packages of Kubernetes
    ");
}

/// Two name versions outside PEP 440 (`0.2.0-n653`); one was taken back and names no version any more.
#[test]
fn pypa() {
    let Some(records) = read_bundle("vulndb/pypa-advisory-database", "", "osv") else { return };
    assert_snapshot!(summarize(&records), @r"
    2658 advisories
    9 advisories withdrawn
    2658 packages of PyPI
    32 packages with versions besides
    refused: 2, a version in it has no place in the order of its ecosystem: PYSEC-2021-371
    refused: 1, it names no package and version: PYSEC-2022-15
    ");
}

/// The catalogue of exploited vulnerabilities lies beside the records; the kernel's vulnerabilities are of no component; and 104
/// statements of Erlang's records are of commits alone.
#[test]
fn osv_dev() {
    let Some(records) = read_bundle("vulndb/osv-dev-sample", "", "osv") else { return };
    assert_snapshot!(summarize(&records), @r"
    1905 advisories
    73 advisories that are Malware
    2 advisories that are Unmaintained
    2 advisories that are Unsound
    74 advisories withdrawn
    5567 packages of AlmaLinux
    610 packages of Alpine
    340 packages of Debian
    315 packages of Go
    63 packages of Hex
    100 packages of Linux
    362 packages of Maven
    1196 packages of NuGet
    314 packages of Packagist
    11 packages of Pub
    205 packages of PyPI
    101 packages of Rocky Linux
    265 packages of RubyGems
    1 packages of SwiftURL
    1068 packages of Ubuntu
    22 packages of a module
    239 packages of crates.io
    232 packages of npm
    27 packages with symbols
    60 packages with versions besides
    refused: 1, it is not in the feed's format: data/cisa-kev.json
    refused: 1, a version in it has no place in the order of its ecosystem: GHSA-76rh-xv36-9mrc
    refused: 104, it names no package and version: EEF-CVE-2025-48044
    ");
}
