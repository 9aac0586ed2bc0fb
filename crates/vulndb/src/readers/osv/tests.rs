use std::fmt::Write as _;

use insta::assert_snapshot;
use serde_json::json;

use super::*;

fn read_text(path: &str, text: &str) -> Records {
    let mut records = Records::default();
    READER.read(&Document { path, bytes: text.as_bytes() }, &mut records);
    records
}

fn read_value(value: &Value) -> Records {
    read_text("a.json", &value.to_string())
}

/// A record about one package.
fn record(affected: &Value) -> Value {
    json!({"id": "X-1", "affected": [affected]})
}

fn package(ecosystem: &str, events: &Value) -> Value {
    json!({"package": {"ecosystem": ecosystem, "name": "p"}, "ranges": [{"type": "ECOSYSTEM", "events": events}]})
}

/// What was read, a line each.
fn show(records: &Records) -> String {
    let mut text = String::new();
    for advisory in &records.advisories {
        writeln!(text, "{} {:?} {:?}", advisory.id, advisory.nature, advisory.severities).unwrap();
        writeln!(text, "  aliases {:?} upstream {:?}", advisory.aliases, advisory.upstream).unwrap();
        writeln!(text, "  weaknesses {:?}", advisory.weaknesses).unwrap();
        writeln!(text, "  {:?} {:?} {:?}", advisory.published, advisory.modified, advisory.withdrawn).unwrap();
        for one in &advisory.affected {
            let name = (one.ecosystem.to_string(), &one.package);
            writeln!(text, "  {name:?} {:?} {:?} {:?}", one.named, one.verdict, one.severities).unwrap();
            writeln!(text, "    {:?} {:?}", one.intervals, one.versions).unwrap();
            if one.qualifiers != Qualifiers::default() {
                writeln!(text, "    {:?}", one.qualifiers).unwrap();
            }
        }
    }
    for (problem, (count, example)) in &records.problems {
        writeln!(text, "{count} {problem}: {example}").unwrap();
    }
    text
}

#[test]
fn what_is_no_record_is_refused() {
    for text in [
        "",
        "{",
        "[",
        "null",
        "7",
        "{}",
        r#"{"id": ""}"#,
        r#"{"id": 7}"#,
        r#"{"id": "X", "affected": {}}"#,
        r#"{"id": "X", "severity": "LOW"}"#,
        "\u{feff}",
        "a: &b 1\nid: *b\n",
        "id: [",
    ] {
        let records = read_text("x", text);
        assert_eq!(records.problems.keys().collect::<Vec<_>>(), [&Problem::Format], "{text}");
        assert_eq!(records.advisories, [], "{text}");
    }
}

#[test]
fn records_without_a_package_that_is_known_are_refused_with_the_reason() {
    let check = |record: &Value, expected: Problem| {
        let records = read_value(record);
        assert_eq!(records.problems.keys().collect::<Vec<_>>(), [&expected], "{record}");
        assert_eq!(records.advisories, [], "{record}");
    };
    check(&json!({"id": "X-1"}), Problem::NoPackage);
    check(&json!({"id": "X-1", "affected": null}), Problem::NoPackage);
    check(&record(&json!({})), Problem::NoPackage);
    check(&record(&json!({"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]})), Problem::NoPackage);
    check(&record(&json!({"package": {"ecosystem": "npm", "name": "p"}})), Problem::NoPackage);
    check(&record(&json!({"package": {"ecosystem": "npm", "name": ""}, "versions": ["1"]})), Problem::NoPackage);
    check(&record(&package("npm", &json!([{"fixed": "1.0.0"}]))), Problem::NoPackage);
    check(&record(&package("npm", &json!([]))), Problem::NoPackage);
    check(&record(&package("npm", &json!([{"introduced": "0"}, {"fixed": "0"}]))), Problem::NoPackage);
    check(&record(&package("Fruit", &json!([{"introduced": "0"}]))), Problem::Ecosystem("Fruit".to_owned()));
    check(&record(&package("npm", &json!([{"introduced": "one"}]))), Problem::Version);
    check(&record(&package("npm", &json!([{"begun": "1.0.0"}]))), Problem::Word("event of a range"));
    let range = json!({"type": "SVN", "events": [{"introduced": "0"}]});
    let unknown = json!({"package": {"ecosystem": "npm", "name": "p"}, "ranges": [range]});
    check(&record(&unknown), Problem::Word("type of range"));
}

/// What no component belongs to, and what has no order here.
#[test]
fn what_has_no_order_is_read_as_it_is_stated() {
    let check = |affected: &Value, intervals: usize, versions: &[&str]| {
        let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
        let records = read_value(&record(affected));
        assert_eq!(records.problems.keys().collect::<Vec<_>>(), Vec::<&Problem>::new(), "{affected}");
        let found = &records.advisories[0].affected[0];
        assert_eq!((found.intervals.len(), &found.versions[..]), (intervals, &versions[..]), "{affected}");
    };
    let events = json!([{"introduced": "6.5.0"}, {"fixed": "6.6.17"}, {"introduced": "0"}, {"fixed": "5.15.1"}]);
    check(&package("Linux", &events), 2, &[]);
    check(&package("Root:Alpine:3.18", &json!([{"introduced": "0"}, {"fixed": "1.2-r1"}])), 1, &[]);
    let mut tags = package("OSS-Fuzz", &json!([{"introduced": "0"}]));
    tags["ranges"][0]["type"] = json!("GIT");
    tags["versions"] = json!(["v1.0", "v1.1"]);
    check(&tags, 0, &["v1.0", "v1.1"]);
}

#[test]
fn one_bad_record_costs_no_other() {
    let good = record(&package("npm", &json!([{"introduced": "0"}])));
    for text in [
        format!("[{good},{{\"id\": 7}},{good}]"),
        format!("{good}\n{{\"id\": 7}}\n\n{good}\r\n"),
        format!("{good}\n{{\"id\":\n{good}"),
    ] {
        let records = read_text("all.json", &text);
        assert_eq!((records.advisories.len(), records.problems.len()), (2, 1), "{text}");
    }
}

#[test]
fn a_record_is_read_from_json_and_yaml_alike() {
    let value = json!({
        "schema_version": "1.7.0", "id": "GHSA-1", "aliases": ["CVE-2", "CVE-1", "CVE-1", "GHSA-1"], "related": ["CVE-3"],
        "published": "1970-01-01T00:00:01Z", "modified": "1970-01-01T00:00:02Z", "withdrawn": "0001-01-01T00:00:00Z",
        "summary": "a summary", "details": "details",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "references": [{"type": "WEB", "url": "https://example.org/"}],
        "affected": [{
            "package": {"ecosystem": "PyPI", "name": "Some_Package"},
            "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "2.0"}, {"fixed": "2.1"}, {"introduced": "0"}, {"fixed": "1.5"}]},
                {"type": "GIT", "repo": "r", "events": [{"introduced": "0"}]}
            ],
            "versions": ["1.0", "1.5", "2.0.1", "1.x"]
        }],
        "database_specific": {"cwe_ids": ["CWE-79", "CWE-20", "CWE-79"], "severity": "MODERATE"}
    });
    let json = read_value(&value);
    assert_snapshot!(show(&json), @r#"
    GHSA-1 Vulnerability [Severity { source: None, rating: Cvss("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H") }, Severity { source: None, rating: Level(Medium) }]
      aliases ["CVE-1", "CVE-2"] upstream []
      weaknesses [20, 79]
      Some(1) Some(2) None
      ("PyPI", "some-package") Binary Affected(AsStated) []
        [Interval { start: Unbounded, end: Fixed("1.5") }, Interval { start: At("2.0"), end: Fixed("2.1") }] ["1.5", "1.x"]
    "#);
    // Block style, so that it is no JSON.
    let mut yaml = String::new();
    for (key, value) in value.as_object().unwrap() {
        writeln!(yaml, "{key}: {value}").unwrap();
    }
    assert_eq!(read_text("a.yaml", &yaml), json);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_distributions_state_is_kept() {
    let erratum = |id: &str, summary: &str, related: &Value, ecosystem: &str, fixed: &str| {
        let affected = package(ecosystem, &json!([{"introduced": "0"}, {"fixed": fixed}]));
        json!({"id": id, "summary": summary, "related": related, "affected": [affected]})
    };
    let specific = |ecosystem: &str, purl: &str, ecosystem_specific: Value| {
        let mut affected = package(ecosystem, &json!([{"introduced": "0"}]));
        affected["package"]["purl"] = json!(purl);
        affected["ecosystem_specific"] = ecosystem_specific;
        record(&affected)
    };
    let module = "2:1.0-38.module_el8.9.0+3627+db8ec155";
    let all = [
        erratum("ALSA-1", "Moderate: t:4.0 security update", &json!(["CVE-1", "X-2"]), "AlmaLinux:8", module),
        erratum("ALSA-2", "Important: t:1 and t-devel:1 security update", &json!(["CVE-1"]), "AlmaLinux:8", module),
        erratum("ALSA-3", "Low: t:4.0 security update", &json!(["CVE-1"]), "AlmaLinux:8", "4.0-1.el8"),
        erratum("ALBA-4", "t:4.0 bug fix update", &json!([]), "AlmaLinux:8", module),
        erratum("ALBA-5", "t bug fix update", &json!(["CVE-1"]), "AlmaLinux:8", "1-1"),
        erratum("RLSA-6", "Critical: t security update", &Value::Null, "Rocky Linux:9", "1-1"),
        erratum("GHSA-7", "Low: t", &json!(["CVE-1"]), "PyPI", "1"),
        specific("Debian:12", "pkg:deb/debian/p?arch=source", json!({"urgency": "unimportant"})),
        specific("Debian:12", "", json!({"urgency": "not yet assigned"})),
        specific("Debian:11", "", json!({"urgency": "end-of-life"})),
        specific("Debian:11", "", json!({"urgency": "sometime"})),
        specific("Ubuntu:Pro:22.04:LTS", "pkg:deb/ubuntu/p?arch=source&distro=esm-apps/jammy", Value::Null),
        specific("Ubuntu:Pro:16.04:LTS", "pkg:deb/ubuntu/p?distro=esm-infra/xenial", json!({"ubuntu_priority": "low"})),
        specific("Ubuntu:Pro:20.04:LTS", "pkg:deb/ubuntu/p?distro=focal", Value::Null),
        specific("SUSE:Linux Enterprise Server 15 SP4", "", json!({"binaries": [{"p-devel": "1-1"}]})),
        specific("openEuler:22.03-LTS", "", json!({"src": ["p-1-1.src.rpm"]})),
        specific("kubernetes", "", Value::Null),
        record(&package("Alpine:v3.21", &json!([{"introduced": "0"}, {"fixed": "0"}]))),
    ];
    assert_snapshot!(show(&read_value(&json!(all))), @r#"
    ALSA-1 Vulnerability [Severity { source: None, rating: Level(Medium) }]
      aliases [] upstream ["CVE-1"]
      weaknesses []
      None None None
      ("AlmaLinux:8", "p") Binary Affected(AsStated) []
        [Interval { start: Unbounded, end: Fixed("2:1.0-38.module_el8.9.0+3627+db8ec155") }] []
        Qualifiers { architectures: [], module: Some("t:4.0"), channel: Main, symbols: [], target_software: None, runs_on: [] }
    ALSA-2 Vulnerability [Severity { source: None, rating: Level(High) }]
      aliases [] upstream ["CVE-1"]
      weaknesses []
      None None None
      ("AlmaLinux:8", "p") Binary Affected(AsStated) []
        [Interval { start: Unbounded, end: Fixed("2:1.0-38.module_el8.9.0+3627+db8ec155") }] []
    ALSA-3 Vulnerability [Severity { source: None, rating: Level(Low) }]
      aliases [] upstream ["CVE-1"]
      weaknesses []
      None None None
      ("AlmaLinux:8", "p") Binary Affected(AsStated) []
        [Interval { start: Unbounded, end: Fixed("4.0-1.el8") }] []
    ALBA-4 Notice []
      aliases [] upstream []
      weaknesses []
      None None None
      ("AlmaLinux:8", "p") Binary Affected(AsStated) []
        [Interval { start: Unbounded, end: Fixed("2:1.0-38.module_el8.9.0+3627+db8ec155") }] []
        Qualifiers { architectures: [], module: Some("t:4.0"), channel: Main, symbols: [], target_software: None, runs_on: [] }
    ALBA-5 Vulnerability []
      aliases [] upstream ["CVE-1"]
      weaknesses []
      None None None
      ("AlmaLinux:8", "p") Binary Affected(AsStated) []
        [Interval { start: Unbounded, end: Fixed("1-1") }] []
    RLSA-6 Vulnerability [Severity { source: None, rating: Level(Critical) }]
      aliases [] upstream []
      weaknesses []
      None None None
      ("Rocky Linux:9", "p") Source Affected(AsStated) []
        [Interval { start: Unbounded, end: Fixed("1-1") }] []
    GHSA-7 Vulnerability []
      aliases [] upstream []
      weaknesses []
      None None None
      ("PyPI", "p") Binary Affected(AsStated) []
        [Interval { start: Unbounded, end: Fixed("1") }] []
    X-1 Vulnerability []
      aliases [] upstream []
      weaknesses []
      None None None
      ("Debian:12", "p") Source Affected(AsStated) [Severity { source: None, rating: Level(Negligible) }]
        [Interval { start: Unbounded, end: Unbounded }] []
    X-1 Vulnerability []
      aliases [] upstream []
      weaknesses []
      None None None
      ("Debian:12", "p") Source Affected(AsStated) []
        [Interval { start: Unbounded, end: Unbounded }] []
    X-1 Vulnerability []
      aliases [] upstream []
      weaknesses []
      None None None
      ("Debian:11", "p") Source Affected(EndOfLife) []
        [Interval { start: Unbounded, end: Unbounded }] []
    X-1 Vulnerability []
      aliases [] upstream []
      weaknesses []
      None None None
      ("Debian:11", "p") Source Affected(AsStated) []
        [Interval { start: Unbounded, end: Unbounded }] []
    X-1 Vulnerability []
      aliases [] upstream []
      weaknesses []
      None None None
      ("Ubuntu:22.04", "p") Source Affected(AsStated) []
        [Interval { start: Unbounded, end: Unbounded }] []
        Qualifiers { architectures: [], module: None, channel: EsmApps, symbols: [], target_software: None, runs_on: [] }
    X-1 Vulnerability []
      aliases [] upstream []
      weaknesses []
      None None None
      ("Ubuntu:16.04", "p") Source Affected(AsStated) [Severity { source: None, rating: Level(Low) }]
        [Interval { start: Unbounded, end: Unbounded }] []
        Qualifiers { architectures: [], module: None, channel: EsmInfra, symbols: [], target_software: None, runs_on: [] }
    X-1 Vulnerability []
      aliases [] upstream []
      weaknesses []
      None None None
      ("Ubuntu:20.04", "p") Source Affected(AsStated) []
        [Interval { start: Unbounded, end: Unbounded }] []
        Qualifiers { architectures: [], module: None, channel: Esm, symbols: [], target_software: None, runs_on: [] }
    X-1 Vulnerability []
      aliases [] upstream []
      weaknesses []
      None None None
      ("SUSE:15.4", "p") Source Affected(AsStated) []
        [Interval { start: Unbounded, end: Unbounded }] []
    X-1 Vulnerability []
      aliases [] upstream []
      weaknesses []
      None None None
      ("openEuler:22.03-LTS", "p") Source Affected(AsStated) []
        [Interval { start: Unbounded, end: Unbounded }] []
    X-1 Vulnerability []
      aliases [] upstream []
      weaknesses []
      None None None
      ("Kubernetes", "p") Binary Affected(AsStated) []
        [Interval { start: Unbounded, end: Unbounded }] []
    X-1 Vulnerability []
      aliases [] upstream []
      weaknesses []
      None None None
      ("Alpine:3.21", "p") Source NotAffected []
        [Interval { start: Unbounded, end: Unbounded }] []
    1 it has an unknown level of severity: X-1
    "#);
}

#[test]
fn what_languages_state_is_kept() {
    let mut go = package("Go", &json!([{"introduced": "0"}, {"fixed": "1.21.8"}, {"introduced": "1.22.0-0"}]));
    go["package"]["name"] = json!("stdlib");
    go["ecosystem_specific"] = json!({"imports": [{"path": "net/http", "symbols": ["Get", "Client.Do"]}, {"path": "b"}, {}]});
    let mut rust = package("crates.io", &json!([{"introduced": "0.0.0-0"}]));
    rust["database_specific"] = json!({"informational": "unsound", "cwes": [{"cweId": "CWE-1"}]});
    rust["severity"] = json!([{"type": "CVSS_V4", "score": "CVSS:4.0/X"}, {"type": "Own", "score": "9"}]);
    let php = json!({"package": {"ecosystem": "Packagist", "name": "Some/Package"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.0"}, {"last_affected": "1.9"}]}], "versions": ["v1.1"]});
    let npm = json!({"package": {"ecosystem": "npm", "name": "@a/B"}, "versions": ["1.0.0", "one"]});
    let all = json!([record(&go), record(&rust), record(&php), {"id": "MAL-1", "affected": [npm]}]);
    assert_snapshot!(show(&read_value(&all)), @r#"
    X-1 Vulnerability []
      aliases [] upstream []
      weaknesses []
      None None None
      ("Go", "stdlib") Binary Affected(AsStated) []
        [Interval { start: Unbounded, end: Fixed("1.21.8") }, Interval { start: At("1.22.0-0"), end: Unbounded }] []
        Qualifiers { architectures: [], module: None, channel: Main, symbols: [Symbols { path: "net/http", names: ["Get", "Client.Do"] }, Symbols { path: "b", names: [] }], target_software: None, runs_on: [] }
    X-1 Unsound []
      aliases [] upstream []
      weaknesses [1]
      None None None
      ("crates.io", "p") Binary Affected(AsStated) [Severity { source: None, rating: Cvss("CVSS:4.0/X") }]
        [Interval { start: At("0.0.0-0"), end: Unbounded }] []
    X-1 Vulnerability []
      aliases [] upstream []
      weaknesses []
      None None None
      ("Packagist", "some/package") Binary Affected(AsStated) []
        [Interval { start: At("1.0"), end: Through("1.9") }] []
    MAL-1 Malware []
      aliases [] upstream []
      weaknesses []
      None None None
      ("npm", "@a/B") Binary Affected(AsStated) []
        [] ["1.0.0", "one"]
    1 it has an unknown type of severity: X-1
    "#);
}

#[test]
fn limits_are_kept_on_both_sides() {
    let ok = |value: &Value, expected: Option<Problem>, advisories: usize| {
        let records = read_value(value);
        assert_eq!(records.problems.keys().next().cloned(), expected);
        assert_eq!(records.advisories.len(), advisories);
        records
    };
    let all = package("npm", &json!([{"introduced": "0"}]));
    let affected = |count: usize| json!({"id": "X-1", "affected": vec![all.clone(); count]});
    ok(&affected(AFFECTED_MAX), None, 1);
    ok(&affected(AFFECTED_MAX + 1), Some(Problem::TooMany("affected packages")), 0);

    let events = |count: usize| record(&package("npm", &json!(vec![json!({"introduced": "0"}); count])));
    ok(&events(EVENTS_MAX), None, 1);
    ok(&events(EVENTS_MAX + 1), Some(Problem::TooMany("events")), 0);

    let versions =
        |count: usize| record(&json!({"package": {"ecosystem": "npm", "name": "p"}, "versions": vec!["1.0.0"; count]}));
    ok(&versions(VERSIONS_MAX), None, 1);
    ok(&versions(VERSIONS_MAX + 1), Some(Problem::TooMany("versions")), 0);

    let with = |key: &str, value: Value| {
        let mut record = record(&all);
        record[key] = value;
        record
    };
    let aliases = |count: usize| with("aliases", json!((0..count).map(|at| format!("CVE-{at}")).collect::<Vec<_>>()));
    ok(&aliases(NAMES_MAX), None, 1);
    let cut = ok(&aliases(NAMES_MAX + 1), Some(Problem::TooMany("names")), 1);
    assert_eq!(cut.advisories[0].aliases.len(), NAMES_MAX);

    let references = |count: usize| with("references", json!(vec![json!({"type": "WEB", "url": "u"}); count]));
    ok(&references(REFERENCES_MAX), None, 1);
    let cut = ok(&references(REFERENCES_MAX + 1), Some(Problem::TooMany("references")), 1);
    assert_eq!(cut.advisories[0].references.len(), REFERENCES_MAX);

    for (key, max) in [("summary", SUMMARY_BYTES_MAX), ("details", DETAILS_BYTES_MAX)] {
        ok(&with(key, json!("a".repeat(max))), None, 1);
        let text = format!("{}\u{e9}", "a".repeat(max - 1));
        let cut = ok(&with(key, json!(text)), Some(Problem::TooMany("bytes of text")), 1);
        assert_eq!(cut.advisories[0].summary.len() + cut.advisories[0].details.len(), max - 1);
    }

    let name = |count: usize| {
        let mut affected = all.clone();
        affected["package"]["name"] = json!("n".repeat(count));
        record(&affected)
    };
    ok(&name(NAME_BYTES_MAX), None, 1);
    ok(&name(NAME_BYTES_MAX + 1), Some(Problem::TooMany("bytes of a name")), 0);

    let version = |count: usize| {
        record(&json!({"package": {"ecosystem": "NuGet", "name": "p"}, "versions": ["1".repeat(count)]}))
    };
    ok(&version(NAME_BYTES_MAX), None, 1);
    ok(&version(NAME_BYTES_MAX + 1), Some(Problem::Version), 0);
}

#[test]
fn a_package_is_kept_for_what_can_be_read_of_it() {
    let bad = json!({"type": "ECOSYSTEM", "events": [{"introduced": "one"}]});
    let good = json!({"type": "SEMVER", "events": [{"introduced": "1.0.0"}, {"last_affected": "1.2.0"}]});
    let records = read_value(&record(&json!({"package": {"ecosystem": "npm", "name": "p"}, "ranges": [bad, good]})));
    assert_eq!(records.problems.keys().collect::<Vec<_>>(), [&Problem::Version]);
    let expected = Interval { start: Start::At("1.0.0".to_owned()), end: End::Through("1.2.0".to_owned()) };
    assert_eq!(records.advisories[0].affected[0].intervals, [expected]);
}

#[test]
fn claims_are_what_publishers_archives_hold() {
    for (path, expected) in [
        ("LICENSE", false),
        ("README.md", false),
        ("last_updated.json", false),
        ("a/last_updated.json", false),
        ("modified_id.csv", false),
        ("GHSA-1.json", true),
        ("vulns/p/PYSEC-1.yaml", true),
        ("all.jsonl", true),
    ] {
        assert_eq!((READER.claims)(path), expected, "{path}");
    }
}

#[test]
fn a_range_that_nothing_ends_ends_at_what_github_knew_last() {
    let check = |last_known: Option<&str>, events: &Value, versions: &[&str], expected: &str| {
        let mut affected = package("PyPI", events);
        affected["versions"] = json!(versions);
        affected["database_specific"] = json!({"last_known_affected_version_range": last_known});
        let records = read_value(&record(&affected));
        let one = &records.advisories[0].affected[0];
        let intervals: Vec<_> = one.intervals.iter().map(crate::interval::show).collect();
        assert_eq!(format!("{} {:?}", intervals.join(" "), one.versions), expected, "{last_known:?} {events}");
    };
    let open = json!([{"introduced": "0"}]);
    check(None, &open, &["0.9.2"], ".. []");
    check(Some(""), &open, &[], ".. []");
    check(Some("0.7.3"), &open, &[], ".. []");
    check(Some("<= later"), &open, &[], ".. []");
    check(Some("> 0.7.3"), &open, &[], ".. []");
    check(Some("< 0.7.3"), &open, &["0.7.2", "0.9.2"], "..0.7.3) []");
    check(Some("<= 0.7.3"), &open, &["of-its-own"], r#"..0.7.3] ["of-its-own"]"#);
    let later = json!([{"introduced": "1.0"}]);
    check(Some("<= 0.7.3"), &later, &[], "[1.0.. []");
    let mended = json!([{"introduced": "0"}, {"fixed": "0.8"}]);
    check(Some("<= 0.7.3"), &mended, &["0.7.2"], "..0.8! []");
    let both = json!([{"introduced": "0"}, {"fixed": "0.8"}, {"introduced": "1.0"}]);
    check(Some("<= 1.4"), &both, &["1.5"], "..0.8! [1.0..1.4] []");
}

#[test]
fn systems_and_architectures_are_those_that_every_import_names() {
    let check = |specific: &Value, runs_on: &[&str], architectures: &[&str]| {
        let mut affected = package("Go", &json!([{"introduced": "0"}]));
        affected["ecosystem_specific"] = specific.clone();
        let records = read_value(&record(&affected));
        let qualifiers = &records.advisories[0].affected[0].qualifiers;
        assert_eq!(qualifiers.runs_on, runs_on, "{specific}");
        assert_eq!(qualifiers.architectures, architectures, "{specific}");
    };
    check(&json!({}), &[], &[]);
    check(&json!({"imports": [{"path": "a", "goos": ["windows"]}, {"path": "b"}]}), &[], &[]);
    let imports = json!([{"path": "a", "goos": ["windows"]}, {"path": "b", "goos": ["darwin", "windows"], "goarch": ["amd64"]}]);
    check(&json!({"imports": imports}), &["o:apple:macos", "o:microsoft:windows"], &[]);
    check(&json!({"imports": [{"path": "a", "goarch": ["ppc64le"]}]}), &[], &["ppc64le"]);
    check(&json!({"affects": {"os": ["linux"], "arch": ["x86"], "functions": []}}), &["o:linux:linux_kernel"], &["x86"]);
}

/// The reports that a record of malicious packages was made of have sums, which are of no use without them.
#[test]
fn sums_of_reports_are_left_out_of_what_is_said_of_malicious_packages() {
    let sum = "0123456789abcdef".repeat(4);
    let check = |id: &str, details: &str, expected: &str| {
        let npm = json!({"package": {"ecosystem": "npm", "name": "a"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]});
        let records = read_value(&json!({"id": id, "details": details, "affected": [npm]}));
        assert_eq!(records.advisories[0].details, expected);
    };
    let said = |sum: &str| format!("\n## Source: one{sum}\nIt is bad.\n\n## Source: other{sum}\n## Source: ");
    check("MAL-2026-1", &said(&format!(" ({sum})")), &said(""));
    check("MAL-2026-1", &said(""), &said(""));
    check("MAL-2026-1", "", "");
    // Whatever else is said stays.
    for other in [
        format!("## Source: one ({})", &sum[1..]),
        format!("## Source: one ({sum}0)"),
        format!("## Source: one ({sum}) or two"),
        format!("## Source: one {sum}"),
        format!("## Source: one ({}g)", &sum[1..]),
        format!("It is ({sum})"),
    ] {
        check("MAL-2026-1", &other, &other);
    }
    check("GHSA-1", &said(&format!(" ({sum})")), &said(&format!(" ({sum})")));
}

#[test]
fn what_suse_mends_after_the_general_support_is_told_apart() {
    let check = |products: &[&str], expected: &[&str]| {
        let affected: Vec<Value> = products
            .iter()
            .map(|product| package(&format!("SUSE:Linux Enterprise {product}"), &json!([{"introduced": "0"}, {"fixed": "2"}])))
            .collect();
        let records = read_value(&json!({"id": "SUSE-SU-2026:1-1", "affected": affected}));
        let told = records.advisories[0].affected.iter();
        let told = told.map(|one| format!("{} {}", one.ecosystem, one.qualifiers.channel.as_str()));
        assert_eq!(told.collect::<Vec<_>>(), expected, "{products:?}");
    };
    check(&["Server 15 SP4"], &["SUSE:15.4 main"]);
    check(&["Server for SAP Applications 15 SP4"], &["SUSE:15.4 main"]);
    check(&["Server 15 SP4", "Server for SAP Applications 15 SP4"], &["SUSE:15.4 main"; 2]);
    check(&["Server 15 SP4-LTSS"], &["SUSE:15.4 ltss"]);
    check(&["Server 15 SP4-LTSS", "Server for SAP Applications 15 SP4"], &["SUSE:15.4 ltss"; 2]);
    check(
        &["Server 15 SP4-LTSS", "Server for SAP Applications 15 SP5", "Module for Basesystem 15 SP5"],
        &["SUSE:15.4 ltss", "SUSE:15.5 main", "SUSE:15.5 main"],
    );
    check(
        &["High Performance Computing 15 SP4-ESPOS", "Server for SAP Applications 15 SP4", "Server 15 SP4"],
        &["SUSE:15.4 ltss", "SUSE:15.4 main", "SUSE:15.4 main"],
    );
    // What is of no service pack is of all that there were.
    check(
        &["Module for Web and Scripting 12"],
        &["SUSE:12.1 main", "SUSE:12.2 main", "SUSE:12.3 main", "SUSE:12.4 main", "SUSE:12.5 main", "SUSE:12 main"],
    );
    check(&["Server 12"], &["SUSE:12 main"]);
    check(&["Server 12-LTSS", "Server for SAP applications 12"], &["SUSE:12 ltss"; 2]);
}

#[test]
fn what_is_of_a_distribution_names_the_release() {
    let check = |ecosystem: &str, expected: &str| {
        let affected = [package(ecosystem, &json!([{"introduced": "0"}, {"fixed": "2"}]))];
        let records = read_value(&json!({"id": "OWN-1", "affected": affected}));
        let told = records.problems.keys().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!((records.advisories.is_empty(), told.as_str()), (!expected.is_empty(), expected), "{ecosystem}");
    };
    check("Debian:12", "");
    check("Wolfi", "");
    check("npm", "");
    check("Debian", "it does not say which release of Debian it is about, as `Debian:RELEASE` would");
    check("Rocky Linux", "it does not say which release of Rocky Linux it is about, as `Rocky Linux:RELEASE` would");
}
