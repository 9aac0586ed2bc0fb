use insta::assert_snapshot;

use super::{read_bundle, summarize};

/// What comes with the compiler is no component of its own.
#[test]
fn rustsec() {
    let Some(records) = read_bundle("vulndb/rustsec-advisory-db", "", "rustsec") else { return };
    assert_snapshot!(summarize(&records), @r"
    1205 advisories
    6 advisories that are Notice
    267 advisories that are Unmaintained
    203 advisories that are Unsound
    13 advisories withdrawn
    1205 packages of crates.io
    256 packages with symbols
    refused: 20, nothing is known of the ecosystem `Rust`: CVE-2019-16760
    ");
}

/// Interpreters are in no package of the ecosystem; two advisories say that no version is affected (`< 5.1.2` was not, and
/// `>= 5.1.2` mends it).
#[test]
fn ruby_advisory_db() {
    let Some(records) = read_bundle("vulndb/ruby-advisory-db", "", "ruby-advisory-db") else { return };
    assert_snapshot!(summarize(&records), @r"
    1232 advisories
    1232 packages of RubyGems
    refused: 147, nothing is known of the ecosystem `Ruby interpreters`: rubies/jruby/CVE-2010-1330.yml
    refused: 2, it names no package and version: gems/ckeditor/CVE-2021-32808.yml
    ");
}

#[test]
fn friendsofphp() {
    let Some(records) = read_bundle("vulndb/friendsofphp-advisories", "", "friendsofphp") else { return };
    assert_snapshot!(summarize(&records), @r"
    1592 advisories
    1592 packages of Packagist
    ");
}
