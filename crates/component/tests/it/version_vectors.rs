//! The vectors of others for every scheme: each holds, or stands in a table with the reason.

use std::cmp::Ordering;
use std::fs;
use std::path::Path;

use component::{Scheme, Version};
use serde_json::Value;

use crate::bundle;

/// Vectors that the scheme's own document contradicts, and why: file, the two versions, reason.
const CONTRADICTED: &[(&str, &str, &str, &str)] = &[
    ("version.data", "23_foo", "4_beta", SUFFIX),
    ("version.data", "1.0", "1.0bc", LETTERS),
    ("pypi-versions.txt", "0.1-bulbasaur", "0.1-charmander", LEGACY_PYTHON),
    ("pypi-versions.txt", "0.1-charmander", "0.9-doduo", LEGACY_PYTHON),
    ("pypi-versions.txt", "0.9-doduo", "0.9-eevee", LEGACY_PYTHON),
    ("pypi-versions.txt", "0.9-eevee", "0.9-fearow", LEGACY_PYTHON),
    ("pypi-versions.txt", "0.9-fearow", "0.9-gyarados", LEGACY_PYTHON),
    ("pypi-versions.txt", "0.9-gyarados", "0.9-horsea", LEGACY_PYTHON),
    ("pypi-versions.txt", "0.9-horsea", "0.9-ivysaur", LEGACY_PYTHON),
    ("pypi-versions.txt", "0.9-ivysaur", "1.0", LEGACY_PYTHON),
    ("pypi-versions.txt", "-class.-jw.util.version.version-pre", "1.0", LEGACY_PYTHON),
    ("pypi-versions.txt", "-class.-jw.util.version.version-preview", "1.0", LEGACY_PYTHON),
    ("pypi-versions.txt", "-class.-jw.util.version.version-dev", "1.0", LEGACY_PYTHON),
    ("alpine-versions.txt", "1-r", "1-r0", APK_INVALID),
    ("alpine-versions.txt", "1-r-0", "1-r0", APK_INVALID),
    ("alpine-versions.txt", "1-r-1", "1-r0", APK_INVALID),
    ("alpine-versions.txt", "0.r1", "0r2", APK_INVALID),
    ("alpine-versions.txt", "0..1..0", "0..1..1", APK_INVALID),
    ("alpine-versions.txt", "0...1...0", "0...1...1", APK_INVALID),
    ("alpine-versions.txt", "0...1...0.r1", "0...1...0.r2", APK_INVALID),
    ("alpine-versions.txt", "0...1...0r1", "0...1...0r2", APK_INVALID),
    ("alpine-versions.txt", "0..8", "0..8", APK_INVALID),
    ("alpine-versions.txt", "0..8", "0...8", APK_INVALID),
    ("alpine-versions.txt", "0.8.21.r2", "0.8.21.r1", APK_INVALID),
    ("alpine-versions.txt", "10.2.24.r0", "10.2.22.r0", APK_INVALID),
    ("alpine-versions.txt", "0.8.21.r2", "0.8.21r2", APK_INVALID),
    ("alpine-versions.txt", "1.2.0A", "1.2.0d", APK_INVALID),
    ("alpine-versions.txt", "1.2.0D", "1.2.0d", APK_INVALID),
    ("alpine-versions.txt", "1-r2", "1-r-1", APK_INVALID),
    ("alpine-versions.txt", "1", "1-ruff", APK_INVALID),
    ("alpine-versions.txt", "1-r0-1", "1-r-2", APK_INVALID),
    ("alpine-versions.txt", "1-r0-1", "1-r0-2", APK_INVALID),
    ("alpine-versions.txt", "1-ruff2", "1-ruff1", APK_INVALID),
    ("alpine-versions.txt", "1-ruff2", "1--ruff1", APK_INVALID),
    ("alpine-versions.txt", "1-r0-ruff2", "1-r0-ruff1", APK_INVALID),
    ("alpine-versions.txt", "1.2", "1.2_blah", APK_INVALID),
    ("alpine-versions.txt", "1.2_svn1", "1.2_csv2", APK_INVALID),
    ("alpine-versions.txt", "1.2_cvs1", "1.2_blah", APK_INVALID),
    ("alpine-versions.txt", ".1", "1", APK_INVALID),
    ("alpine-versions.txt", "1", ".1", APK_INVALID),
    ("alpine-versions.txt", ".2", ".1", APK_INVALID),
    ("alpine-versions.txt", "a", "b", APK_INVALID),
    ("alpine-versions.txt", "c", "b", APK_INVALID),
    ("alpine-versions.txt", "c", "c", APK_INVALID),
    ("alpine-versions.txt", "23_foo", "4_beta", APK_INVALID),
    ("alpine-versions.txt", "1.0", "1.0bc", APK_INVALID),
    ("pypi-versions-generated.txt", "0.1-charmander", "0.9-doduo", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.9-eevee", "0.9-fearow", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.9-fearow", "0.9-gyarados", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.9-gyarados", "0.9-horsea", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.9-horsea", "0.9-ivysaur", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.9-ivysaur", "1.0", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "2.0.1rc2-git", "0.8", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.7.1.fix1", "0.7.4.svn.r2010", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.7.4.svn.r2010", "0.6.4", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "2013-01-21T20:33:09+0100", "2013-01-23T17:11:52+0100", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "2013-02-02T19:59:03+0100", "2013-02-02T20:23:17+0100", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "2013-02-02T20:23:17+0100", "2013-02-08T17:40:57+0000", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "2013-03-27T16:32:26+0100", "2013-05-09T12:47:53+0200", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "2013-05-10T17:55:56+0200", "2013-05-14T20:16:05+0200", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "2013-07-19T09:11:08+0000", "2013-08-12T21:48:56+0200", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "2013-09-11T19-27-10", "2013-12-23T17-51-15", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "2013-12-23T17-51-15", "2014-01-12T15-52-10", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.0.1-test1", "3.0.0a4", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.7.10p1", "0.7.11p1", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.7.11p1", "0.7.11p2", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.7.11p2", "0.7.11p3", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.7.11p3", "0.8.1p1", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.8.1p1", "0.8.3p1", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.8.7p1", "0.7.3", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "trunk", "3.2.3", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.3m1", "0.3m2", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.3m2", "0.3m3", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.3m3", "0.3m4", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.3m4", "0.3m5", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.3m5", "0.4m1", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.4m1", "0.4m2", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.4m3", "0.4m4", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.4m4", "0.4m5", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.4m5", "0.5m1", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.5m1", "0.5m2", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.5m4", "0.5m5", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.6m1", "0.6m2", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.6m2", "0.6m3", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.6m3", "0.6m4", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.6m5", "0.6m6", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.6m6", "0.2rc0", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "1.3.1-STAGING", "0.0.1", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "4.11-final", "5.0-final", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "5.0-final", "5.1", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "a3", "2.0b1", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "2.0.0-final", "0.10", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "1.0beta6.1", "1.0b6", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.3.1-p1", "0.4.0-p1", LEGACY_PYTHON),
    ("pypi-versions-generated.txt", "0.4.0-p1", "0.0.1", LEGACY_PYTHON),
    ("maven-versions-generated.txt", "1.0.0-gradle-rework-beta3", "1.0.0.RC7-3", MAVEN_DOTS),
    ("maven-versions-generated.txt", "6.1.12.rc5", "6.1.12rc1", MAVEN_DOTS),
    ("maven-versions-generated.txt", "1.1.34.sec10", "1.1.34_noneautotype", MAVEN_DOTS),
    ("maven-versions-generated.txt", "1.2.48.sec10", "1.2.48_noneautotype", MAVEN_DOTS),
    ("maven-versions-generated.txt", "1.2.50.sec10", "1.2.50_noneautotype", MAVEN_DOTS),
    ("maven-versions-generated.txt", "1.2.54.sec10", "1.2.54_noneautotype", MAVEN_DOTS),
    ("maven-versions-generated.txt", "1.2.57.sec10", "1.2.57_noneautotype", MAVEN_DOTS),
    ("maven-versions-generated.txt", "1.2.60.sec10", "1.2.60_noneautotype", MAVEN_DOTS),
    ("maven-versions-generated.txt", "1.5.9.RC1", "1.5.9-RC0", MAVEN_DOTS),
    ("maven-versions-generated.txt", "1.1.0-01-glassfish", "1.1.0.Beta1", MAVEN_DOTS),
    ("maven-versions.txt", "1-1", "1-ga-1", MAVEN_LISTS),
    ("maven_version_cmp_test.json", "2-1", "2.0.a", MAVEN_ZEROS),
    ("maven_version_cmp_test.json", "2-1", "2.0.0.a", MAVEN_ZEROS),
    ("maven_version_cmp_test.json", "2.0.a", "2.0.0.a", MAVEN_ZEROS),
    ("rubygems-versions.txt", "1", "1beta", GEM_FORM),
    ("rubygems-versions.txt", "1", "1gamma", GEM_FORM),
    ("semver-versions.txt", "999999999999999999999999999991", "999999999999999999999999999999", SEMVER_FORM),
    ("semver-versions.txt", "1.1.3.4.5", "1.1.3.4.5", SEMVER_FORM),
    ("packagist-versions.txt", "4.3-2RC1", "4.3-2RC2", COMPOSER_FORM),
    ("packagist-versions.txt", "4.3-2RC2", "4.3-2beta5", COMPOSER_FORM),
    ("packagist-versions.txt", "4.3-2", "4.3-2beta1", COMPOSER_FORM),
    ("packagist-versions.txt", "1.0.0", "1.0", COMPOSER_EQUAL),
    ("packagist-versions.txt", "1.2.3.#", "1.2.3", COMPOSER_FORM),
    ("packagist-versions.txt", "1.2.3.#", "1.2.3.#", COMPOSER_FORM),
    ("packagist-versions.txt", "1.2.3.#", "1.2.3.1", COMPOSER_FORM),
    ("packagist-versions.txt", "1.2.3.#.1", "1.2.3", COMPOSER_FORM),
    ("packagist-versions.txt", "1.2.3.#.p3", "1.2.3", COMPOSER_FORM),
    ("packagist-versions.txt", "1.2.3.#.beta", "1.2.3", COMPOSER_FORM),
    ("packagist-versions.txt", "999999999999999999999999999991", "999999999999999999999999999999", COMPOSER_FORM),
    (
        "packagist-versions.txt",
        "999999999999999999999999999991.999999999999999999999999999991.999999999999999999999999999991",
        "999999999999999999999999999999.999999999999999999999999999991.999999999999999999999999999991",
        COMPOSER_FORM,
    ),
    ("pub-versions.txt", "v0.0.0", "0.0.0-foo", PUB_FORM),
    ("pub-versions.txt", "v0.0.1", "0.0.0", PUB_FORM),
    ("pub-versions.txt", "v1.0.0", "0.9.9", PUB_FORM),
    ("pub-versions.txt", "v0.10.0", "0.9.0", PUB_FORM),
    ("pub-versions.txt", "v0.99.0", "0.10.0", PUB_FORM),
    ("pub-versions.txt", "v2.0.0", "1.2.3", PUB_FORM),
    ("pub-versions.txt", "0.0.0", "v0.0.0-foo", PUB_FORM),
    ("pub-versions.txt", "0.0.1", "v0.0.0", PUB_FORM),
    ("pub-versions.txt", "1.0.0", "v0.9.9", PUB_FORM),
    ("pub-versions.txt", "0.10.0", "v0.9.0", PUB_FORM),
    ("pub-versions.txt", "0.99.0", "v0.10.0", PUB_FORM),
    ("pub-versions.txt", "2.0.0", "v1.2.3", PUB_FORM),
    ("pub-versions.txt", "0.0.0-foo", "v0.0.0", PUB_FORM),
    ("pub-versions.txt", "0.0.0", "v0.0.1", PUB_FORM),
    ("pub-versions.txt", "0.9.9", "v1.0.0", PUB_FORM),
    ("pub-versions.txt", "0.9.0", "v0.10.0", PUB_FORM),
    ("pub-versions.txt", "0.10.0", "v0.99.0", PUB_FORM),
    ("pub-versions.txt", "1.2.3", "v2.0.0", PUB_FORM),
    ("pub-versions.txt", "v0.0.0-foo", "0.0.0", PUB_FORM),
    ("pub-versions.txt", "v0.0.0", "0.0.1", PUB_FORM),
    ("pub-versions.txt", "v0.9.9", "1.0.0", PUB_FORM),
    ("pub-versions.txt", "v0.9.0", "0.10.0", PUB_FORM),
    ("pub-versions.txt", "v0.10.0", "0.99.0", PUB_FORM),
    ("pub-versions.txt", "v1.2.3", "2.0.0", PUB_FORM),
    ("pub-versions.txt", "1.2.3", "v1.2.3", PUB_FORM),
    ("pub-versions.txt", "1.2.3-0", "v1.2.3-0", PUB_FORM),
    ("pub-versions.txt", "1.2.3-1", "v1.2.3-1", PUB_FORM),
    ("pub-versions.txt", "1.2.3-beta", "v1.2.3-beta", PUB_FORM),
    ("pub-versions.txt", "v1.2.3+build", "1.2.3+otherbuild", PUB_FORM),
    ("pub-versions.txt", "999999999999999999999999999991", "999999999999999999999999999999", PUB_FORM),
    ("pub-versions.txt", "1.1.3.4.5", "1.1.3.4.5", PUB_FORM),
    ("packagist-versions-generated.txt", "v3.4", "v3.4.0-alpha", COMPOSER_GREATER),
    ("packagist-versions-generated.txt", "v4-beta4", "v4.0-alpha", COMPOSER_GREATER),
    ("packagist-versions-generated.txt", "v1.9.0-ALPHA.1", "v1.9.0-BETA.1", COMPOSER_LESS),
    ("packagist-versions-generated.txt", "v1.9.0-BETA.1", "v1.9.0-ALPHA.2", COMPOSER_GREATER),
    ("packagist-versions-generated.txt", "v1.9.0-ALPHA.2", "v1.9.0-BETA.2", COMPOSER_LESS),
    ("packagist-versions-generated.txt", "5.1.0-stable", "5.1.0-beta2", COMPOSER_GREATER),
    ("packagist-versions-generated.txt", "0.0.1-test1", "3.0.0-alpha4", COMPOSER_FORM),
    ("packagist-versions-generated.txt", "3.0.0b1", "3.0.0b1.post1", COMPOSER_FORM),
    ("packagist-versions-generated.txt", "3.0.0b1.post2", "3.0.0b2", COMPOSER_FORM),
    ("packagist-versions-generated.txt", "3.0.0b2.post1", "3.0.0b2.post2", COMPOSER_FORM),
    ("packagist-versions-generated.txt", "3.0.0b2.post2", "3.0.0b3", COMPOSER_FORM),
    ("packagist-versions-generated.txt", "3.1.0", "3.1.0.post1", COMPOSER_FORM),
    ("packagist-versions-generated.txt", "3.1.0.post1", "3.2.0rc1", COMPOSER_FORM),
    ("packagist-versions-generated.txt", "3.2.0rc1", "3.2.0rc1.post1", COMPOSER_FORM),
    ("packagist-versions-generated.txt", "3.2.0rc1.post1", "3.2.0rc2", COMPOSER_FORM),
    ("packagist-versions-generated.txt", "3.4.0", "3.5.0.post1", COMPOSER_FORM),
    ("packagist-versions-generated.txt", "3.5.0.post1", "3.5.1", COMPOSER_FORM),
    ("packagist-versions-generated.txt", "3.5.2", "3.5.2.post1", COMPOSER_FORM),
    ("packagist-versions-generated.txt", "v4.4", "v4.4.0-beta", COMPOSER_GREATER),
    ("packagist-versions-generated.txt", "v6.6", "v6.6.0-beta", COMPOSER_GREATER),
];

const SUFFIX: &str = "the same list has `_foo` as no suffix: `!0.1_foobar`";
/// Refused by apk-tools 3 alone: apk-tools 2 ordered it, and Alpine released `opensmtpd-6.6.2p1-r0` and others.
const APK_2_LETTER: &str = "0.1a1";

const APK_INVALID: &str =
    "one of the two is no version: apk-tools' own list refuses its form (`!0.1-r`, `!.1`, `!0.1_foobar`)";
const LEGACY_PYTHON: &str = "older than PEP 440, which has no order for it; packaging refuses it since release 22";
const LETTERS: &str = "the list itself notes: invalid; and has `!0.1bc`";
const GEM_FORM: &str =
    "`Gem::Version` refuses it: `Malformed version number string 1beta`; only a dot begins a segment with letters";
const SEMVER_FORM: &str = "Semantic Versioning 2.0.0 has three numbers, no more and no fewer";
const COMPOSER_FORM: &str =
    "the `VersionParser` of composer/semver 3.4 refuses it: `Invalid version string \"4.3-2RC1\"`";
/// The rows of Packagist are what PHP's `version_compare` says of the texts as they are. Composer fills up numbers, writes
/// words in full and in lower case, and takes `-stable` off.
const COMPOSER_EQUAL: &str = "composer/semver 3.4, which normalises both before it compares them, says `==`";
const COMPOSER_GREATER: &str = "composer/semver 3.4, which normalises both before it compares them, says `>`";
const COMPOSER_LESS: &str = "composer/semver 3.4, which normalises both before it compares them, says `<`";
const PUB_FORM: &str = "`Version.parse` of pub_semver 2 refuses it: `Could not parse \"v1.0.0\".`; its `completeVersion` \
                        has three numbers at the beginning and no `v`";
const MAVEN_DOTS: &str = "before Maven 3.9; 3.9.9 reads `.X` as `-X` for any word X (MNG-7644), and says `>`";
const MAVEN_LISTS: &str =
    "the `ComparableVersion` of 3.9.9 says `>`: what a dropped qualifier stood in stays, as a list of its own";
const MAVEN_ZEROS: &str =
    "before Maven 3.9; the `ComparableVersion` of 3.9.9 drops zeros before a qualifier (MNG-7644)";

struct Judge {
    failures: Vec<String>,
    excused: Vec<usize>,
    total: usize,
}

impl Judge {
    fn new() -> Self {
        Self { failures: Vec::new(), excused: Vec::new(), total: 0 }
    }

    fn check(&mut self, file: &str, scheme: Scheme, left: &str, right: &str, expected: Ordering) {
        self.total += 1;
        let found = scheme.compare(left, right);
        let holds = found == Ok(expected) && scheme.compare(right, left) == Ok(expected.reverse());
        let excuse = CONTRADICTED.iter().position(|row| row.0 == file && row.1 == left && row.2 == right);
        self.excused.extend(excuse);
        if holds == excuse.is_some() {
            self.failures.push(format!("{file}: {scheme}: {left} {expected:?} {right}: found {found:?}"));
        }
    }

    fn check_symbol(&mut self, file: &str, scheme: Scheme, left: &str, symbol: &str, right: &str) {
        let expected = match symbol {
            "<" => Ordering::Less,
            "=" => Ordering::Equal,
            ">" => Ordering::Greater,
            other => panic!("{file}: an unknown relation {other}"),
        };
        self.check(file, scheme, left, right, expected);
    }

    fn check_unequal(&mut self, file: &str, scheme: Scheme, left: &str, right: &str) {
        self.total += 1;
        let found = scheme.compare(left, right);
        if !found.as_ref().is_ok_and(|order| order.is_ne()) {
            self.failures.push(format!("{file}: {scheme}: {left} is not {right}: found {found:?}"));
        }
    }

    #[track_caller]
    fn finish(self, file: &str, total_min: usize) {
        let shown = self.failures.iter().take(400).cloned().collect::<Vec<_>>().join("\n");
        assert!(self.failures.is_empty(), "{} of {}:\n{shown}", self.failures.len(), self.total);
        assert!(self.total >= total_min, "{file}: only {}", self.total);
        for (index, row) in CONTRADICTED.iter().enumerate() {
            assert!(row.0 != file || self.excused.contains(&index), "{row:?} is no vector any more");
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&read(path)).unwrap()
}

#[test]
fn osv_scalibr() {
    let Some((_directory, root)) = bundle("versions/osv-scalibr-semantic.tar.zst") else { return };
    for (file, scheme, total_min) in [
        ("debian-versions.txt", Scheme::Deb, 20),
        ("debian-versions-generated.txt", Scheme::Deb, 9000),
        ("redhat-versions.txt", Scheme::Rpm, 100),
        ("alpine-versions.txt", Scheme::Apk, 700),
        ("alpine-versions-generated.txt", Scheme::Apk, 9000),
        ("pypi-versions.txt", Scheme::Pep440, 30),
        ("pypi-versions-generated.txt", Scheme::Pep440, 8000),
        ("maven-versions.txt", Scheme::Maven, 80),
        ("maven-versions-generated.txt", Scheme::Maven, 9000),
        ("rubygems-versions.txt", Scheme::Gem, 20),
        ("rubygems-versions-generated.txt", Scheme::Gem, 2000),
        ("semver-versions.txt", Scheme::Semver, 70),
        ("nuget-versions.txt", Scheme::Nuget, 35),
        ("packagist-versions.txt", Scheme::Composer, 80),
        ("packagist-versions-generated.txt", Scheme::Composer, 7000),
        ("pub-versions.txt", Scheme::Pub, 90),
        ("cran-versions.txt", Scheme::Cran, 20),
        ("cran-versions-generated.txt", Scheme::Cran, 40),
        ("hackage-versions.txt", Scheme::Hackage, 11),
    ] {
        let mut judge = Judge::new();
        for line in read(&root.join(file)).lines() {
            let line = line.split(" #").next().unwrap_or_default().trim();
            if line.is_empty() || line.starts_with("//") || line.starts_with('#') {
                continue;
            }
            let [left, symbol, right] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{file}: {line}") };
            judge.check_symbol(file, scheme, left, symbol, right);
        }
        judge.finish(file, total_min);
    }
}

#[test]
fn vers_specification() {
    let Some((_directory, root)) = bundle("versions/vers-spec.tar.zst") else { return };
    for (file, scheme, total_min) in [
        ("maven_version_cmp_test.json", Scheme::Maven, 600),
        ("alpine_version_cmp_test.json", Scheme::Apk, 400),
        ("alpm_version_cmp_test.json", Scheme::Pacman, 30),
        ("nuget_version_cmp_test.json", Scheme::Nuget, 22),
        ("conan_version_cmp_test.json", Scheme::Conan, 33),
        ("gentoo_version_cmp_test.json", Scheme::Gentoo, 30),
        ("openssl_version_cmp_test.json", Scheme::Openssl, 28),
        ("datetime_version_cmp_test.json", Scheme::Datetime, 5),
        ("lexicographic-test.json", Scheme::Lexicographic, 6),
    ] {
        let mut judge = Judge::new();
        for vector in json(&root.join("tests").join(file))["tests"].as_array().unwrap() {
            let versions = |value: &Value| -> Vec<String> {
                value.as_array().unwrap().iter().map(|version| version.as_str().unwrap().to_owned()).collect()
            };
            let given = versions(&vector["input"]["versions"]);
            if vector["test_type"] == "equality" {
                if vector["expected_output"] == true {
                    judge.check(file, scheme, &given[0], &given[1], Ordering::Equal);
                } else {
                    judge.check_unequal(file, scheme, &given[0], &given[1]);
                }
            } else {
                let sorted = versions(&vector["expected_output"]);
                for pair in sorted.windows(2) {
                    judge.check(file, scheme, &pair[0], &pair[1], Ordering::Less);
                }
            }
        }
        judge.finish(file, total_min);
    }
}

#[test]
fn rpm_rpmvercmp() {
    let Some((_directory, root)) = bundle("versions/rpm-rpmvercmp.tar.zst") else { return };
    let file = "rpmvercmp.tsv";
    let mut judge = Judge::new();
    for line in read(&root.join(file)).lines().filter(|line| !line.starts_with('#')) {
        let [left, right, expected] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let expected = expected.trim().parse::<i32>().unwrap().cmp(&0);
        judge.check(file, Scheme::Rpm, left, right, expected);
    }
    judge.finish(file, 90);
}

#[test]
fn pypa_packaging() {
    let Some((_directory, root)) = bundle("versions/pypa-packaging.tar.zst") else { return };
    let mut judge = Judge::new();
    let file = "versions-in-order.json";
    let versions = json(&root.join(file));
    let versions: Vec<&str> = versions.as_array().unwrap().iter().map(|version| version.as_str().unwrap()).collect();
    for (index, left) in versions.iter().enumerate() {
        for (other, right) in versions.iter().enumerate() {
            judge.check(file, Scheme::Pep440, left, right, index.cmp(&other));
        }
    }
    judge.finish(file, 1000);
    let file = "normalised.json";
    let mut judge = Judge::new();
    for pair in json(&root.join(file)).as_array().unwrap() {
        judge.check(file, Scheme::Pep440, pair[0].as_str().unwrap(), pair[1].as_str().unwrap(), Ordering::Equal);
    }
    judge.finish(file, 50);
    for version in json(&root.join("invalid-versions.json")).as_array().unwrap() {
        let version = version.as_str().unwrap();
        assert!(Version::parse(Scheme::Pep440, version).is_err(), "{version}");
    }
}

#[test]
fn node_semver() {
    let Some((_directory, root)) = bundle("versions/node-semver.tar.zst") else { return };
    for (file, expected) in [("comparisons.json", Ordering::Greater), ("equality.json", Ordering::Equal)] {
        let mut judge = Judge::new();
        for row in json(&root.join(file)).as_array().unwrap() {
            judge.check(file, Scheme::Npm, row[0].as_str().unwrap(), row[1].as_str().unwrap(), expected);
        }
        judge.finish(file, 30);
    }
    for row in json(&root.join("valid-versions.json")).as_array().unwrap() {
        let version = row[0].as_str().unwrap();
        assert!(Version::parse(Scheme::Npm, version).is_ok(), "{version}");
    }
    let mut refused = 0;
    for row in json(&root.join("invalid-versions.json")).as_array().unwrap() {
        // Some rows are JavaScript values that are no text, which cannot be asked here.
        if let Some(version) = row[0].as_str() {
            assert!(Version::parse(Scheme::Npm, version).is_err(), "{version}");
            refused += 1;
        }
    }
    assert!(refused >= 6, "{refused}");
}

#[test]
fn apk_tools() {
    let Some((_directory, root)) = bundle("versions/apk-tools-version-data.tar.zst") else { return };
    let file = "version.data";
    let mut judge = Judge::new();
    for line in read(&root.join(file)).lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [version] => match version.strip_prefix('!') {
                Some(version) => {
                    assert_eq!(Version::parse(Scheme::Apk, version).is_err(), version != APK_2_LETTER, "{version}");
                }
                None => assert!(Version::parse(Scheme::Apk, version).is_ok(), "{version}"),
            },
            [left, symbol @ ("<" | "=" | ">"), right] => judge.check_symbol(file, Scheme::Apk, left, symbol, right),
            [] | [_, "~" | "!~" | "<~" | ">~", _] => {}
            _ => panic!("{line}"),
        }
    }
    judge.finish(file, 700);
}
