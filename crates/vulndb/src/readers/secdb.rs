//! The security database of Alpine and of those who build packages as it does: which version of a source package mended what.
//!
//! The format has no document but the files themselves (<https://secdb.alpinelinux.org>): JSON, and until 2020 YAML of the same
//! form. A file is of one repository of one release; `secfixes` come from the comments of the packages' recipes, written by hand.
//! The version `0` says that no version was ever affected.
//!
//! An entry is a vulnerability, or more: `CVE-2017-2620 XSA-209`, `CVE-2017-2616 (+ regression fix)`. Where it names CVEs, those are
//! meant, and another name (`XSA-209`, which may be the notice of many CVEs) is left out, except GitHub's, which is an alias of a
//! CVE that stands alone with it. What else is written there is counted as a remark.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    Advisory, Affected, Document, Ecosystem, End, Family, Fix, Interval, Named, Problem, Qualifiers, Reader, Records,
    Start, Verdict, slip,
};

/// The largest file; Chainguard's has 10 MB.
const DOCUMENT_BYTES_MAX: u64 = 128 << 20;

/// The most statements of one file about a vulnerability and a version; Chainguard's has some 200,000.
const STATEMENTS_MAX: usize = 2_000_000;

/// The most nodes of a YAML document, which takes more to read than JSON. The largest has 6,000.
const YAML_NODES_MAX: usize = 200_000;

/// The deepest nesting of a YAML document, which needs seven levels.
const YAML_DEPTH_MAX: usize = 16;

pub(crate) const READER: Reader = Reader {
    name: "secdb",
    summary: "the security databases of Alpine, Wolfi and Chainguard",
    claims: |path| path.rsplit_once('.').is_some_and(|(_, extension)| matches!(extension, "json" | "yaml" | "yml")),
    document_bytes_max: DOCUMENT_BYTES_MAX,
    read: |document, records| read(document, records, STATEMENTS_MAX),
};

/// A file. One of a single package has the package's fields at its top.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    distroversion: String,
    #[serde(default)]
    reponame: String,
    #[serde(default)]
    urlprefix: String,
    packages: Option<Vec<Value>>,
    name: Option<Value>,
    secfixes: Option<Value>,
}

fn read(document: &Document<'_>, records: &mut Records, statements_max: usize) {
    let is_one = |file: &File| !file.distroversion.is_empty() || !file.urlprefix.is_empty();
    let Some(file) = parse(document.bytes).filter(is_one) else {
        return records.refuse(Problem::Format, document.path);
    };
    let Some(ecosystem) = file.ecosystem() else {
        return records.refuse(Problem::Ecosystem("secdb".to_owned()), document.path);
    };
    if file.packages.is_none() && file.secfixes.is_none() {
        return records.refuse(Problem::NoPackage, document.path);
    }
    let mut gathered = Gathered { ecosystem, advisories: BTreeMap::new(), statements: 0, statements_max };
    for package in file.packages.iter().flatten() {
        gathered.add_package(package.get("pkg").unwrap_or(package), document.path, records);
    }
    if let (Some(name), Some(fixes)) = (file.name, file.secfixes) {
        let package = Map::from_iter([("name".to_owned(), name), ("secfixes".to_owned(), fixes)]);
        gathered.add_package(&Value::Object(package), document.path, records);
    }
    records.advisories.extend(gathered.advisories.into_values());
}

fn parse(bytes: &[u8]) -> Option<File> {
    if bytes.trim_ascii_start().starts_with(b"{") {
        return serde_json::from_slice(bytes).ok();
    }
    // No aliases: no file has any, and they are how a small document becomes a large one.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: YAML_NODES_MAX * 2,
            max_nodes: YAML_NODES_MAX,
            max_depth: YAML_DEPTH_MAX,
            max_documents: 1,
            max_aliases: 0,
            max_anchors: 0,
        },
    };
    serde_saphyr::from_str_with_options(std::str::from_utf8(bytes).ok()?, options).ok()
}

impl File {
    /// Alpine's files name their release; the others name where their packages are.
    fn ecosystem(&self) -> Option<Ecosystem> {
        let host = self.urlprefix.split("://").nth(1).unwrap_or(&self.urlprefix);
        let host = host.split('/').next().unwrap_or(host);
        match host {
            "packages.cgr.dev" => Some(Ecosystem::new(Family::Chainguard)),
            "packages.wolfi.dev" if self.reponame == "chainguard" => Some(Ecosystem::new(Family::Chainguard)),
            "packages.wolfi.dev" => Some(Ecosystem::new(Family::Wolfi)),
            _ if self.distroversion == "edge" => Some(Ecosystem::release(Family::Alpine, "edge")),
            _ => {
                let release = self.distroversion.strip_prefix('v')?;
                release.starts_with(|first: char| first.is_ascii_digit()).then_some(())?;
                Some(Ecosystem::release(Family::Alpine, release))
            }
        }
    }
}

/// The advisories of a file, of which a vulnerability of many packages is one.
struct Gathered {
    ecosystem: Ecosystem,
    advisories: BTreeMap<String, Advisory>,
    statements: usize,
    statements_max: usize,
}

impl Gathered {
    fn add_package(&mut self, package: &Value, path: &str, records: &mut Records) {
        let name = package.get("name").and_then(Value::as_str).unwrap_or_default();
        let fixes = package.get("secfixes").unwrap_or(&Value::Null);
        match fixes {
            _ if name.is_empty() => records.refuse(Problem::NoPackage, path),
            Value::Object(fixes) => {
                for (version, entries) in fixes {
                    self.add_version(name, version, entries, records);
                }
            }
            Value::Null => {}
            _ => records.refuse(Problem::Format, name),
        }
    }

    fn add_version(&mut self, package: &str, version: &str, entries: &Value, records: &mut Records) {
        let example = || format!("{package} {version}");
        let entries = match entries {
            Value::Array(entries) => entries,
            Value::Null => return,
            _ => return records.refuse(Problem::Format, &example()),
        };
        let (verdict, interval) = if version == "0" {
            (Verdict::NotAffected, None)
        } else if let Some(version) = slip::apk_version(version) {
            let before = Interval { start: Start::Unbounded, end: End::Fixed(version.into_owned()) };
            (Verdict::Affected(Fix::AsStated), Some(before))
        } else {
            return records.refuse(Problem::Version, &example());
        };
        for entry in entries {
            let Some(text) = entry.as_str() else {
                records.refuse(Problem::Format, &example());
                continue;
            };
            let entry = Entry::parse(text);
            if entry.ids.is_empty() {
                records.refuse(Problem::Word("identifier"), &format!("{package} {version}: {text}"));
                continue;
            }
            if entry.has_remark {
                records.refuse(Problem::Word("remark"), &format!("{package} {version}: {text}"));
            }
            for id in &entry.ids {
                if self.statements == self.statements_max {
                    return records.refuse(Problem::TooMany("statements"), &example());
                }
                self.statements += 1;
                self.add(package, id, entry.alias.as_deref(), verdict, interval.clone());
            }
        }
    }

    fn add(&mut self, package: &str, id: &str, alias: Option<&str>, verdict: Verdict, interval: Option<Interval>) {
        let named = |id: &String| Advisory { id: id.clone(), ..Advisory::default() };
        let advisory = self.advisories.entry(id.to_owned()).or_insert_with_key(named);
        if let Some(alias) = alias.filter(|alias| advisory.aliases.iter().all(|known| known != alias)) {
            advisory.aliases.push(alias.to_owned());
        }
        // A package follows on itself, so that what is said of it already is at the end.
        let said = advisory.affected.last_mut();
        if let Some(said) = said.filter(|said| said.package == package && said.verdict == verdict) {
            // Mended twice: until the later one, it was not mended.
            said.intervals.extend(interval.filter(|interval| !said.intervals.contains(interval)));
            return;
        }
        advisory.affected.push(Affected {
            ecosystem: self.ecosystem.clone(),
            package: package.to_owned(),
            named: Named::Source,
            verdict,
            intervals: interval.into_iter().collect(),
            versions: Vec::new(),
            qualifiers: Qualifiers::default(),
            severities: Vec::new(),
        });
    }
}

/// One entry of a version.
#[derive(Debug, Default, PartialEq)]
struct Entry {
    ids: Vec<String>,
    alias: Option<String>,
    /// Whether there is something besides names.
    has_remark: bool,
}

impl Entry {
    fn parse(text: &str) -> Self {
        let mut entry = Self::default();
        let mut others = Vec::new();
        for word in text.split_whitespace() {
            if let Some((id, rest)) = find_cve(word) {
                entry.has_remark |= !rest.is_empty();
                if !entry.ids.contains(&id) {
                    entry.ids.push(id);
                }
            } else if is_other_id(word) {
                others.push(word.to_owned());
            } else {
                entry.has_remark = true;
            }
        }
        if entry.ids.is_empty() {
            entry.ids = others;
        } else if entry.ids.len() == 1 {
            entry.alias = others.into_iter().find(|other| other.starts_with("GHSA-"));
        }
        entry
    }
}

/// Returns the CVE that a word begins with, and what follows: `CVE-2017-8073.patch`. One is known to be written `CVE_2019-2426`.
fn find_cve(word: &str) -> Option<(String, &str)> {
    let (cve, rest) = word.split_at_checked(3)?;
    let rest = rest.strip_prefix(['-', '_'])?;
    let (year, rest) = rest.split_at_checked(4)?;
    let rest = rest.strip_prefix('-')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = rest.split_at(digits);
    let is_cve = cve == "CVE" && year.bytes().all(|byte| byte.is_ascii_digit()) && (4..=19).contains(&digits);
    is_cve.then(|| (format!("CVE-{year}-{number}"), rest))
}

/// Names of others: `XSA-209`, `GHSA-h5c8-rqwp-cp95`, `TALOS-2018-0600`, `wnpa-sec-2018-55`, `ZBX-16789`.
fn is_other_id(word: &str) -> bool {
    let Some((publisher, rest)) = word.split_once('-') else { return false };
    let is_name = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_numbered = rest.bytes().any(|byte| byte.is_ascii_digit());
    publisher != "CVE" && publisher.bytes().all(|byte| byte.is_ascii_alphabetic()) && is_name(rest) && is_numbered
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn read_text(text: &str) -> Records {
        let mut records = Records::default();
        READER.read(&Document { path: "main.json", bytes: text.as_bytes() }, &mut records);
        records
    }

    fn show(records: &Records) -> String {
        let advisories = records.advisories.iter().map(|advisory| {
            let affected = advisory.affected.iter().map(|affected| {
                let bounds = affected.intervals.iter().map(|interval| match interval {
                    Interval { start: Start::Unbounded, end: End::Fixed(version) } => format!(" before {version}"),
                    other => format!(" {other:?}"),
                });
                let bounds: String = bounds.collect();
                format!(" {} {} {:?}{bounds}", affected.ecosystem, affected.package, affected.verdict)
            });
            let aliases: Vec<_> = advisory.aliases.iter().map(|alias| format!("={alias}")).collect();
            format!("{}{}:{}", advisory.id, aliases.concat(), affected.collect::<Vec<_>>().join(","))
        });
        let problems =
            records.problems.iter().map(|(problem, (count, example))| format!("{count} {problem}: {example}"));
        advisories.chain(problems).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn an_entry_is_taken_apart() {
        let check = |text: &str, ids: &[&str], alias: Option<&str>, has_remark: bool| {
            let entry = Entry::parse(text);
            let found: Vec<_> = entry.ids.iter().map(String::as_str).collect();
            assert_eq!((found.as_slice(), entry.alias.as_deref(), entry.has_remark), (ids, alias, has_remark), "{text}");
        };
        check("", &[], None, false);
        check("CVE-????-?????", &[], None, true);
        check("CVE-2017", &[], None, true);
        check("CVE-2017-123", &[], None, true);
        check("CVE 2018-16859", &[], None, true);
        check("CVÉ-2018-16859", &[], None, true);
        check("regression-fix", &[], None, true);
        check("CVE-2017-1234", &["CVE-2017-1234"], None, false);
        check("CVE_2019-2426", &["CVE-2019-2426"], None, false);
        check("CVE-2017-2616 (+ regression fix)", &["CVE-2017-2616"], None, true);
        check("CVE-2017-8073.patch", &["CVE-2017-8073"], None, true);
        check("CVE-2017-17434-1", &["CVE-2017-17434"], None, true);
        check("CVE-2017-8904   XSA-214", &["CVE-2017-8904"], None, false);
        check("CVE-????-?????  XSA-151", &["XSA-151"], None, true);
        check("CVE-2017-5753 CVE-2017-5715 XSA-254 XPTI", &["CVE-2017-5753", "CVE-2017-5715"], None, true);
        check("CVE-2024-22195 GHSA-h5c8-rqwp-cp95", &["CVE-2024-22195"], Some("GHSA-h5c8-rqwp-cp95"), false);
        check("CVE-2024-1111 CVE-2024-2222 GHSA-h5c8-rqwp-cp95", &["CVE-2024-1111", "CVE-2024-2222"], None, false);
        check("GHSA-h6cc-rc6q-23j4 (+regression fix)", &["GHSA-h6cc-rc6q-23j4"], None, true);
        check("wnpa-sec-2018-55", &["wnpa-sec-2018-55"], None, false);
    }

    #[test]
    fn a_file_is_read_by_vulnerability() {
        let records = read_text(
            r#"{"distroversion": "v3.18", "reponame": "main", "packages": [
                {"pkg": {"name": "a", "secfixes": {"1.0-r0": ["CVE-2024-0001"], "1.0-r1": ["CVE-2024-0001", "CVE-2024-0002"]}}},
                {"pkg": {"name": "b", "secfixes": {"0": ["CVE-2024-0001"], "2.0_rc1-r0": ["XSA-1 CVE-2024-0002"]}}}
            ]}"#,
        );
        let expected = "CVE-2024-0001: Alpine:3.18 a Affected(AsStated) before 1.0-r0 before 1.0-r1, Alpine:3.18 b NotAffected\n\
             CVE-2024-0002: Alpine:3.18 a Affected(AsStated) before 1.0-r1, Alpine:3.18 b Affected(AsStated) before 2.0_rc1-r0";
        assert_eq!(show(&records), expected);
        assert!(records.advisories.iter().flat_map(|found| &found.affected).all(|found| found.named == Named::Source));
    }

    #[test]
    fn what_cannot_be_read_is_counted() {
        let check = |text: &str, expected: &str| assert_eq!(show(&read_text(text)), expected, "{text}");
        let format = "1 it is not in the feed's format: main.json";
        check("", format);
        check("[]", format);
        check("{", format);
        check("a: &a [*a]", format);
        check("{}", format);
        check(r#"{"distroversion": "v"}"#, "1 nothing is known of the ecosystem `secdb`: main.json");
        let host = r#"{"urlprefix": "https://packages.example.org", "name": "x", "secfixes": {}}"#;
        check(host, "1 nothing is known of the ecosystem `secdb`: main.json");
        check(r#"{"distroversion": "edge"}"#, "1 it names no package and version: main.json");
        check(r#"{"distroversion": "edge", "packages": [1]}"#, "1 it names no package and version: main.json");
        let check = |package: &str, expected: &str| {
            let text = format!(r#"{{"distroversion": "edge", "packages": [{{"pkg": {package}}}]}}"#);
            assert_eq!(show(&read_text(&text)), expected, "{package}");
        };
        check(r#"{"name": "x"}"#, "");
        check(r#"{"name": "x", "secfixes": {"1-r0": null}}"#, "");
        check(r#"{"name": "x", "secfixes": []}"#, "1 it is not in the feed's format: x");
        check(r#"{"name": "x", "secfixes": {"1-r0": {}}}"#, "1 it is not in the feed's format: x 1-r0");
        check(r#"{"name": "x", "secfixes": {"1-r0": [7]}}"#, "1 it is not in the feed's format: x 1-r0");
        let version = "1 a version in it has no place in the order of its ecosystem: x one";
        check(r#"{"name": "x", "secfixes": {"one": ["CVE-2024-0001"]}}"#, version);
        check(r#"{"name": "x", "secfixes": {"1-r0": ["oops"]}}"#, "1 it has an unknown identifier: x 1-r0: oops");
        let remark = "CVE-2024-0001: Alpine:edge x Affected(AsStated) before 1-r0\n\
             1 it has an unknown remark: x 1-r0: CVE-2024-0001 (A)";
        check(r#"{"name": "x", "secfixes": {"1-r0": ["CVE-2024-0001 (A)"]}}"#, remark);
    }

    #[test]
    fn whose_file_it_is_stands_in_it() {
        let check = |fields: &str, expected: &str| {
            let records = read_text(&format!(r#"{{{fields}, "name": "x", "secfixes": {{"0": ["CVE-2024-0001"]}}}}"#));
            assert_eq!(records.advisories[0].affected[0].ecosystem.to_string(), expected, "{fields}");
        };
        check(r#""distroversion": "v3.18", "urlprefix": "https://dl-cdn.alpinelinux.org/alpine""#, "Alpine:3.18");
        check(r#""distroversion": "edge""#, "Alpine:edge");
        check(r#""urlprefix": "https://packages.wolfi.dev", "reponame": "os""#, "Wolfi");
        check(r#""urlprefix": "https://packages.wolfi.dev", "reponame": "chainguard""#, "Chainguard");
        check(r#""urlprefix": "https://packages.cgr.dev/chainguard", "reponame": "extra-packages""#, "Chainguard");
    }

    #[test]
    fn limits_hold_on_both_sides() {
        let text = r#"{"distroversion": "edge", "name": "x", "secfixes": {"0": ["A-1", "A-2", "A-3"]}}"#;
        for limit in [2, 3, 4] {
            let mut records = Records::default();
            read(&Document { path: "main.json", bytes: text.as_bytes() }, &mut records, limit);
            assert_eq!(records.advisories.len(), limit.min(3));
            assert_eq!(records.problems.contains_key(&Problem::TooMany("statements")), limit < 3);
        }
        // Beside the lists there are three levels.
        for depth in [YAML_DEPTH_MAX - 1, YAML_DEPTH_MAX, YAML_DEPTH_MAX + 1] {
            let text = format!("packages: {}{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
            assert_eq!(parse(text.as_bytes()).is_some(), depth <= YAML_DEPTH_MAX, "{depth}");
        }
        for nodes in [YAML_NODES_MAX - 1, YAML_NODES_MAX, YAML_NODES_MAX + 1] {
            // A mapping, its key and its sequence are nodes themselves.
            let text = format!("packages: [{}]", "a,".repeat(nodes - 3));
            assert_eq!(parse(text.as_bytes()).is_some(), nodes <= YAML_NODES_MAX, "{nodes}");
        }
    }

    fn read_files(root: &Path, paths: impl IntoIterator<Item = String>) -> Records {
        let mut records = Records::default();
        for path in paths {
            let bytes = fs::read(root.join(&path)).expect("the bundle has the file");
            READER.read(&Document { path: &path, bytes: &bytes }, &mut records);
        }
        records
    }

    #[test]
    fn the_whole_of_alpines_yaml_is_read() {
        let Some(bundle) = testkit::bundle("vulndb/alpine-secdb") else { return };
        let paths = (3..=11).flat_map(|release| {
            ["main", "community"].map(|repository| format!("v3.{release}/{repository}.yaml"))
        });
        let records = read_files(bundle.path(), paths);
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for affected in records.advisories.iter().flat_map(|advisory| &advisory.affected) {
            *found.entry(format!("{:?}", affected.verdict)).or_default() += 1;
        }
        found.insert("advisories".to_owned(), records.advisories.len());
        // `v3.3/community` has no packages. A version that is `2.7.16-33`, `0.8.21.r2` or the like counts as it was meant.
        let counts = found.iter().map(|(what, count)| format!("{count} {what}"));
        let problems = records.problems.iter().map(|(what, (count, example))| format!("{count} {what}: {example}"));
        insta::assert_snapshot!(counts.chain(problems).collect::<Vec<_>>().join("\n"), @r#"
        11875 Affected(AsStated)
        5 NotAffected
        11453 advisories
        1 it names no package and version: v3.3/community.yaml
        1 it has an unknown identifier: ansible 2.7.3-r0: CVE 2018-16859
        88 it has an unknown remark: weechat 1.3-r4: CVE-2017-8073.patch
        "#);
    }

    #[test]
    fn samples_of_wolfi_and_chainguard_are_read() {
        let Some(bundle) = testkit::bundle("feed-samples/trivy-db-vulnsrc") else { return };
        let sample = |whose: &str, kind: &str, name: &str| {
            let path = format!("pkg/vulnsrc/{whose}/testdata/{kind}/vuln-list/{whose}/{name}.json");
            show(&read_files(bundle.path(), [path]))
        };
        let samples = [
            sample("wolfi", "happy", "binutils"),
            sample("chainguard", "happy", "binutils"),
            sample("alpine", "happy", "ansible"),
            sample("wolfi", "sad", "binutils"),
            sample("chainguard", "sad", "binutils"),
        ];
        insta::assert_snapshot!(samples.join("\n\n"), @r#"
        CVE-2022-38126: Wolfi binutils Affected(AsStated) before 2.39-r1
        CVE-2022-38533: Wolfi binutils Affected(AsStated) before 2.39-r2
        
        CVE-2022-38126: Chainguard binutils Affected(AsStated) before 2.39-r1
        CVE-2022-38533: Chainguard binutils Affected(AsStated) before 2.39-r2
        
        CVE-2017-2616: Alpine:3.12 ansible Affected(AsStated) before 2.9.3-r0
        CVE-2019-14904: Alpine:3.12 ansible Affected(AsStated) before 2.9.3-r0
        CVE-2019-14905: Alpine:3.12 ansible Affected(AsStated) before 2.9.3-r0
        CVE-2020-1737: Alpine:3.12 ansible Affected(AsStated) before 2.9.6-r0
        CVE-2024-22195=GHSA-h5c8-rqwp-cp95: Alpine:3.12 ansible Affected(AsStated) before 2.9.3-r0
        GHSA-f7r5-w49x-gxm3: Alpine:3.12 ansible Affected(AsStated) before 2.9.3-r0
        GHSA-h6cc-rc6q-23j4: Alpine:3.12 ansible Affected(AsStated) before 2.9.3-r0
        2 it has an unknown remark: ansible 2.9.3-r0: CVE-2017-2616 (+ regression fix)
        
        1 it is not in the feed's format: pkg/vulnsrc/wolfi/testdata/sad/vuln-list/wolfi/binutils.json
        
        1 it is not in the feed's format: binutils 2.39-r1
        "#);
    }
}
