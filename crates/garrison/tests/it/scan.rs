//! Findings from the command line, from a database to the exit code.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::Home;
use crate::build::{self, Built, Packing, file};
use crate::feeds::{BUILD, date, feeds, record};
use crate::hub::{Hub, login};
use crate::sbom::{image, push, refer};

/// What is there: a package of Debian and two of npm, one of which the other brings.
fn tree(home: &Home) {
    let lock = r#"{"name":"app","lockfileVersion":3,"packages":{"":{"name":"app","dependencies":{"a":"^1"}},"node_modules/a":{"version":"1.2.3","dependencies":{"b":"^2"}},"node_modules/b":{"version":"2.0.1"}}}"#;
    let status = "Package: libssl3\nStatus: install ok installed\nVersion: 3.0.11-1~deb12u1\nArchitecture: amd64\nSource: openssl\n\n";
    write(home, "tree/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    write(home, "tree/var/lib/dpkg/status", status);
    write(home, "tree/app/package-lock.json", lock);
}

pub(crate) fn write(home: &Home, path: &str, contents: &str) {
    let path = home.path().join(path);
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
    std::fs::write(path, contents).unwrap();
}

pub(crate) fn ready() -> Home {
    let home = Home::new();
    tree(&home);
    feeds(&home);
    home.run(&BUILD);
    home
}

#[test]
fn findings_are_worst_first_with_the_way_to_mend_them() {
    let run = ready().run(&["scan", "--quiet", "tree"]);
    insta::with_settings!({filters => [(r"\d+ ms", "N ms"), (r"\d+ (days|h|min) old", "N $1 old")]}, { insta::assert_snapshot!(run) });
}

#[test]
fn the_exit_code_is_one_from_a_severity_on() {
    let home = ready();
    let check = |arguments: &[&str], expected: &str| {
        let run = home.run(&[&["scan", "--quiet", "tree"], arguments].concat());
        assert_eq!(run.lines().next(), Some(expected), "{arguments:?}");
    };
    check(&[], "exit 0");
    check(&["--fail-on", "critical"], "exit 0");
    check(&["--fail-on", "high"], "exit 1");
    check(&["--fail-on", "severe"], "exit 2");
    check(&["--fail-on", "high,kev"], "exit 0");
    check(&["--fail-on", "critical", "--fail-on", "low,kev,fixable"], "exit 1");
    check(&["--fail-on", "kev", "--only-fixed"], "exit 1");
    check(&["--fail-on", "epss>=0.1"], "exit 0");
    check(&["--fail-on", "epss>=2"], "exit 2");
}

#[test]
fn the_last_line_says_why_it_failed() {
    let home = ready();
    let check = |arguments: &[&str], expected: &str| {
        let run = home.run(&[&["scan", "tree"], arguments].concat());
        assert_eq!(run.lines().last(), Some(expected), "{arguments:?}");
    };
    check(&[], "hint: `garrison scan --explain CVE-2024-0002 tree` says why it matches");
    check(&["--fail-on", "high"], "exit 1 (1 finding at or above --fail-on high)");
    check(&["--fail-on", "negligible"], "exit 1 (2 findings at or above --fail-on negligible)");
    check(
        &["--fail-on", "high", "--fail-on", "kev,fixable"],
        "exit 1 (2 findings by --fail-on high or --fail-on kev,fixable)",
    );
}

#[test]
fn a_report_goes_to_several_places_at_once() {
    let home = ready();
    let outputs = ["table", "json=a.json", "sarif=a.sarif", "grype-json=b.json", "cyclonedx@1.5=c.json"];
    let arguments: Vec<&str> =
        ["scan", "--quiet", "tree"].into_iter().chain(outputs.iter().flat_map(|output| ["-o", output])).collect();
    let run = home.run(&arguments);
    assert!(run.starts_with("exit 0\n--- stdout\ntree: 2 findings to act on\n"), "{run}");
    let read =
        |file: &str| -> Value { serde_json::from_slice(&std::fs::read(home.path().join(file)).unwrap()).unwrap() };
    assert_eq!(read("a.json")["schema"], "garrison/scan/1");
    assert_eq!(read("a.json")["findings"].as_array().unwrap().len(), 2);
    assert_eq!(read("a.sarif")["runs"][0]["results"].as_array().unwrap().len(), 2);
    assert_eq!(read("b.json")["matches"].as_array().unwrap().len(), 2);
    assert_eq!(read("c.json")["specVersion"], "1.5");
    assert_eq!(read("c.json")["vulnerabilities"].as_array().unwrap().len(), 2);
    insta::assert_snapshot!("two_to_one_place", home.run(&["scan", "tree", "-o", "json", "-o", "sarif"]));
    insta::assert_snapshot!("no_such_output", home.run(&["scan", "tree", "-o", "sariv"]));
}

#[test]
fn owners_and_authors_decide_what_counts() {
    let home = ready();
    // Exceptions go by the clock of the machine.
    let day = |days: i64| {
        let second = jiff::Timestamp::now().as_second() + days * 24 * 60 * 60;
        jiff::Timestamp::from_second(second).unwrap().strftime("%Y-%m-%d").to_string()
    };
    let (created, expires) = (day(-1), day(30));
    let exceptions = format!("apiVersion: garrison.dev/v1
kind: Exceptions
exceptions:
- {{id: openssl, vulnerabilities: [CVE-2024-0002], purls: ['pkg:deb/**'], owner: ada@example.org, reason: not served, created: {created}, expires: {expires}}}
- {{id: gone, vulnerabilities: [CVE-2024-0009], owner: ada@example.org, reason: was here, created: {created}, expires: {expires}}}
- {{id: old, vulnerabilities: ['**'], owner: ada@example.org, reason: for a while, created: 2020-01-01, expires: 2020-02-01}}
");
    write(&home, "exceptions.yaml", &exceptions);
    let vex = |purl: &str| {
        json!({
            "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://vex.example/1", "author": "team", "version": 1,
            "timestamp": "2026-01-02T00:00:00Z", "statements": [{
                "vulnerability": {"name": "CVE-2024-0001"}, "products": [{"@id": purl}], "status": "not_affected",
                "justification": "vulnerable_code_not_in_execute_path",
            }],
        })
    };
    write(&home, "team.json", &vex("pkg:npm/b@2.0.1").to_string());
    write(&home, "other.json", &vex("pkg:npm/c").to_string().replace("vex.example/1", "vex.example/2"));
    let filters = [(r"\d+ ms", "N ms"), (r"\d+ (days|h|min) old", "N $1 old")];
    let decided = [
        "scan",
        "tree",
        "--exceptions",
        "exceptions.yaml",
        "--vex",
        "team.json",
        "--vex",
        "other.json",
        "--fail-on",
        "any",
    ];
    insta::with_settings!({filters => filters}, { insta::assert_snapshot!("decided", home.run(&decided)) });
    let explained = ["scan", "-q", "--explain", "CVE-2024-0002", "tree", "--exceptions", "exceptions.yaml"];
    insta::with_settings!({filters => [(r"until \d{4}-\d\d-\d\d", "until DAY")]}, {
        insta::assert_snapshot!("excepted", home.run(&explained));
    });
    write(&home, "wrong.yaml", &exceptions.replace("owner: ada@example.org, reason: not served", "ownr: ada"));
    insta::assert_snapshot!("wrong_exceptions", home.run(&["scan", "tree", "--exceptions", "wrong.yaml"]));
    insta::assert_snapshot!("no_vex", home.run(&["scan", "tree", "--vex", "exceptions.yaml"]));
    insta::assert_snapshot!("no_referrers", home.run(&["scan", "-q", "tree", "--vex", "referrers"]));
}

/// `OpenVEX` about a product.
fn cleared_by_openvex(product: &Value) -> String {
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://vex.example/1", "author": "team", "version": 1,
        "timestamp": "2026-01-02T00:00:00Z", "statements": [{
            "vulnerability": {"name": "CVE-2024-0001"}, "products": [product], "status": "not_affected",
            "justification": "vulnerable_code_not_in_execute_path",
        }],
    })
    .to_string()
}

/// CSAF about `b` in a product.
fn cleared_by_csaf(purl: &str) -> String {
    json!({
        "document": {
            "category": "csaf_vex", "csaf_version": "2.0", "title": "t", "publisher": {"name": "p", "category": "vendor", "namespace": "https://p.example"},
            "tracking": {"id": "1", "status": "final", "version": "1", "initial_release_date": "2026-01-02T00:00:00Z",
                "current_release_date": "2026-01-02T00:00:00Z",
                "revision_history": [{"number": "1", "date": "2026-01-02T00:00:00Z", "summary": "s"}]},
        },
        "product_tree": {
            "full_product_names": [
                {"product_id": "A", "name": "app", "product_identification_helper": {"purl": purl}},
                {"product_id": "B", "name": "b", "product_identification_helper": {"purl": "pkg:npm/b@2.0.1"}},
            ],
            "relationships": [{"category": "default_component_of", "product_reference": "B", "relates_to_product_reference": "A",
                "full_product_name": {"product_id": "AB", "name": "b in app"}}],
        },
        "vulnerabilities": [{"cve": "CVE-2024-0001", "product_status": {"known_not_affected": ["AB"]},
            "flags": [{"label": "vulnerable_code_not_in_execute_path", "product_ids": ["AB"]}]}],
    })
    .to_string()
}

#[test]
fn vex_about_what_a_document_describes_holds_for_what_it_lists() {
    let home = ready();
    let root =
        |purl: &str| json!({"type": "application", "bom-ref": "app", "name": "app", "version": "1", "purl": purl});
    let serial = "3e671687-395b-41f5-a30f-a58921a69b79";
    let b = json!({"type": "library", "bom-ref": "b1", "name": "b", "version": "2.0.1", "purl": "pkg:npm/b@2.0.1"});
    let bom = |root: &Value, affected: &str| {
        json!({
            "bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": format!("urn:uuid:{serial}"), "version": 1,
            "metadata": {"component": root}, "components": [b],
            "vulnerabilities": [{"id": "CVE-2024-0001", "analysis": {"state": "not_affected"}, "affects": [{"ref": affected}]}],
        })
        .to_string()
    };
    let link = |reference: &str| {
        json!({
            "bomFormat": "CycloneDX", "specVersion": "1.5",
            "vulnerabilities": [{"id": "CVE-2024-0001", "analysis": {"state": "not_affected"}, "affects": [{"ref": reference}]}],
        })
        .to_string()
    };
    let check = |sbom: &str, vex: &str, code: &str| {
        write(&home, "app.cdx.json", sbom);
        write(&home, "vex.json", vex);
        let run = home.run(&["scan", "app.cdx.json", "--vex", "vex.json", "--fail-on", "any", "--accept-unread"]);
        assert_eq!(run.lines().next(), Some(code), "{sbom}\n{vex}\n{run}");
    };
    for purl in ["pkg:npm/app@1", "pkg:generic/app@1", "pkg:maven/com.acme/app@1?type=jar"] {
        let own = bom(&root(purl), "b1");
        check(&own, &own, "exit 0");
        check(&own, &bom(&root(purl), "app"), "exit 0");
        check(&own, &bom(&root("pkg:npm/other@1"), "b1"), "exit 1");
        check(&own, &cleared_by_openvex(&json!({"@id": purl})), "exit 0");
        check(
            &own,
            &cleared_by_openvex(&json!({"@id": purl, "subcomponents": [{"@id": "pkg:npm/b@2.0.1"}]})),
            "exit 0",
        );
        check(&own, &cleared_by_openvex(&json!({"@id": purl, "subcomponents": [{"@id": "pkg:npm/c"}]})), "exit 1");
        check(
            &own,
            &cleared_by_openvex(&json!({"@id": "pkg:npm/other@1", "subcomponents": [{"@id": "pkg:npm/b"}]})),
            "exit 1",
        );
        check(&own, &cleared_by_csaf(purl), "exit 0");
        check(&own, &cleared_by_csaf("pkg:npm/other@1"), "exit 1");
    }
    let own = bom(&root("pkg:npm/app@1"), "b1");
    for (reference, code) in [
        (format!("urn:cdx:{serial}/1#b1"), "exit 0"),
        (format!("urn:cdx:{serial}/1#app"), "exit 0"),
        (format!("urn:cdx:{serial}/1#pkg%3Anpm%2Fb%402.0.1"), "exit 0"),
        (format!("urn:cdx:{serial}/1"), "exit 0"),
        (format!("urn:cdx:{serial}/2#b1"), "exit 1"),
        (format!("urn:cdx:{serial}/1#b2"), "exit 1"),
        (format!("urn:cdx:{}/1#b1", serial.replace('3', "4")), "exit 1"),
    ] {
        check(&own, &link(&reference), code);
    }
    // What a document of another tool was converted to describes the same.
    home.run(&[
        "sbom",
        "convert",
        "app.cdx.json",
        "-o",
        "spdx-json=app.spdx.json",
        "-o",
        "cyclonedx-json=again.cdx.json",
        "-o",
        "syft-json=app.syft.json",
    ]);
    write(&home, "vex.json", &cleared_by_csaf("pkg:npm/app@1"));
    for converted in ["app.spdx.json", "again.cdx.json", "app.syft.json"] {
        let run = home.run(&["scan", converted, "--vex", "vex.json", "--fail-on", "any", "--accept-unread"]);
        assert_eq!(run.lines().next(), Some("exit 0"), "{converted}\n{run}");
    }
}

#[test]
fn vex_about_the_project_of_a_directory_holds_for_what_it_needs() {
    let home = ready();
    let lock = |name: &str, package: &str| {
        json!({
            "name": name, "version": "1.0.0", "lockfileVersion": 3, "packages": {
                "": {"name": name, "version": "1.0.0", "dependencies": {package: "*"}},
                format!("node_modules/{package}"): {"version": "2.0.1", "dependencies": {"b": "*"}},
                "node_modules/b": {"version": "2.0.1"},
            },
        })
        .to_string()
    };
    std::fs::create_dir_all(home.path().join("own/inner")).unwrap();
    write(&home, "own/package-lock.json", &lock("app", "a"));
    let check = |vex: &str, code: &str| {
        write(&home, "vex.json", vex);
        let run = home.run(&["scan", "own", "--vex", "vex.json", "--fail-on", "any", "--accept-unread"]);
        assert_eq!(run.lines().next(), Some(code), "{vex}\n{run}");
    };
    let within =
        |product: &str, inner: &str| cleared_by_openvex(&json!({"@id": product, "subcomponents": [{"@id": inner}]}));
    check(&cleared_by_openvex(&json!({"@id": "pkg:npm/app@1.0.0"})), "exit 0");
    check(&cleared_by_openvex(&json!({"@id": "pkg:npm/app"})), "exit 0");
    check(&cleared_by_openvex(&json!({"@id": "pkg:npm/app@2.0.0"})), "exit 1");
    check(&cleared_by_openvex(&json!({"@id": "pkg:npm/a@2.0.1"})), "exit 1");
    check(&within("pkg:npm/app@1.0.0", "pkg:npm/b@2.0.1"), "exit 0");
    check(&within("pkg:npm/app@1.0.0", "pkg:npm/a"), "exit 1");
    check(&within("pkg:npm/other@1.0.0", "pkg:npm/b"), "exit 1");
    check(&cleared_by_csaf("pkg:npm/app@1.0.0"), "exit 0");
    check(&cleared_by_csaf("pkg:npm/other@1.0.0"), "exit 1");
    // The same of a document that tells of the directory.
    write(&home, "vex.json", &cleared_by_csaf("pkg:npm/app@1.0.0"));
    home.run(&["sbom", "-q", "own", "-o", "cyclonedx-json=own.cdx.json"]);
    let run = home.run(&["scan", "own.cdx.json", "--vex", "vex.json", "--fail-on", "any", "--accept-unread"]);
    assert_eq!(run.lines().next(), Some("exit 0"), "{run}");
    // Another project in the directory needs it too, of which nobody says anything.
    write(&home, "own/inner/package-lock.json", &lock("inner", "c"));
    check(&within("pkg:npm/app@1.0.0", "pkg:npm/b@2.0.1"), "exit 1");
    check(&cleared_by_csaf("pkg:npm/app@1.0.0"), "exit 1");
}

#[test]
fn vex_without_a_name_is_told_by_its_file() {
    let home = ready();
    let nameless = |vulnerability: &str| {
        json!({
            "bomFormat": "CycloneDX", "specVersion": "1.5",
            "components": [{"type": "library", "bom-ref": "b", "name": "b", "version": "2.0.1", "purl": "pkg:npm/b@2.0.1"}],
            "vulnerabilities": [{"id": vulnerability, "analysis": {"state": "not_affected"}, "affects": [{"ref": "b"}]}],
        })
        .to_string()
    };
    write(&home, "clears.cdx.json", &nameless("CVE-2024-0001"));
    write(&home, "idle.cdx.json", &nameless("CVE-2024-0009"));
    let scan = ["scan", "tree", "--vex", "clears.cdx.json", "--vex", "idle.cdx.json", "-o", "json"];
    let run = home.run(&scan);
    let told = "The VEX document `idle.cdx.json` says nothing about what was found.";
    assert!(run.lines().any(|line| line == told), "{run}");
    let report = run.split("--- stdout\n").nth(1).and_then(|rest| rest.split("--- stderr\n").next()).unwrap();
    let report: Value = serde_json::from_str(report).unwrap();
    let names = ["/vex/0/document", "/vex/1/document"].map(|place| report.pointer(place).cloned().unwrap());
    assert_eq!(names, ["clears.cdx.json", "idle.cdx.json"]);
    let suppressions =
        report["findings"].as_array().unwrap().iter().filter_map(|finding| finding["suppressions"].as_array());
    let who: Vec<_> =
        suppressions.flatten().map(|suppression| (&suppression["who"], &suppression["reference"])).collect();
    assert_eq!(who, [(&json!("the document `clears.cdx.json`"), &json!("clears.cdx.json"))]);
}

#[test]
fn a_package_in_the_place_of_a_vulnerability_is_told() {
    let home = ready();
    insta::assert_snapshot!(home.run(&["scan", "--explain", "pkg:npm/b", "tree", "CVE-2024-0001"]), @"
    exit 2
    --- stdout
    --- stderr
    error: `pkg:npm/b` is a package, no vulnerability
    hint:  `--explain` takes the vulnerability, and the package comes after the source: `garrison scan --explain CVE-2024-0001 tree pkg:npm/b`
    ");
    insta::assert_snapshot!(home.run(&["scan", "--explain", "pkg:npm/b", "tree"]), @"
    exit 2
    --- stdout
    --- stderr
    error: `pkg:npm/b` is a package, no vulnerability
    hint:  `--explain` takes the vulnerability, and the package comes after the source: `garrison scan --explain VULNERABILITY tree pkg:npm/b`
    ");
}

#[test]
fn every_yes_and_every_no_is_explained() {
    let home = ready();
    insta::assert_snapshot!("found", home.run(&["scan", "--quiet", "--explain", "CVE-2024-0002", "tree"]));
    insta::assert_snapshot!("outside", home.run(&["scan", "--quiet", "--explain", "GHSA-bbbb-bbbb-bbbb", "tree"]));
    insta::assert_snapshot!("not_here", home.run(&["scan", "--quiet", "--explain", "CVE-2024-0002", "github"]));
    insta::assert_snapshot!("unknown", home.run(&["scan", "--quiet", "--explain", "CVE-2024-0009", "tree"]));
    insta::assert_snapshot!(
        "one",
        home.run(&["scan", "-q", "--explain", "CVE-2024-0002", "tree", "pkg:deb/debian/libssl3"])
    );
    insta::assert_snapshot!(
        "none",
        home.run(&["scan", "-q", "--explain", "CVE-2024-0002", "tree", "pkg:deb/debian/libc6"])
    );
    insta::assert_snapshot!("as_sarif", home.run(&["scan", "-q", "--explain", "CVE-2024-0002", "tree", "-o", "sarif"]));
    insta::assert_snapshot!("component_alone", home.run(&["scan", "-q", "tree", "libssl3"]));
}

#[test]
fn what_a_scan_does_not_count_is_explained_as_not_affected() {
    let home = Home::new();
    tree(&home);
    feeds(&home);
    let release = json!({"status": "resolved", "fixed_version": "0", "urgency": "low"});
    let tracker = json!({"openssl": {"CVE-2024-0002": {"description": "x", "releases": {"bookworm": release}}}});
    write(&home, "tracker.json", &tracker.to_string());
    date(&home, "tracker.json", 1_706_745_600);
    let other = record("DEBIAN-CVE-2024-0002", &["CVE-2024-0002"], "openssl", "9", "HIGH");
    write(&home, "github/d.json", &other.replace("\"npm\"", "\"Debian:12\"").replace("SEMVER", "ECOSYSTEM"));
    home.run(&BUILD);
    insta::assert_snapshot!(home.run(&["scan", "--quiet", "--explain", "CVE-2024-0002", "tree"]));
}

/// What a run prints first on standard error as an error, and its exit code.
fn refused(run: &str) -> (&str, &str) {
    let error = run.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or_default();
    (run.lines().next().unwrap_or_default(), error)
}

#[test]
fn a_scan_that_could_not_look_does_not_pass() {
    let home = ready();
    let os_release = |folder: &str, release: &str| write(&home, &format!("{folder}/etc/os-release"), release);
    os_release("amazon", "ID=amzn\nPRETTY_NAME=\"Amazon Linux 2023\"\nVERSION_ID=\"2023\"\n");
    os_release("old", "ID=debian\nVERSION_ID=\"9\"\n");
    write(
        &home,
        "old/var/lib/dpkg/status",
        "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n",
    );
    os_release("large", "ID=debian\nVERSION_ID=\"12\"\n");
    write(&home, "large/var/lib/dpkg/status", "");
    let status = std::fs::OpenOptions::new().write(true).open(home.path().join("large/var/lib/dpkg/status")).unwrap();
    status.set_len((64 << 20) + 1).unwrap();
    os_release("broken", "ID=debian\nVERSION_ID=\"12\"\n");
    write(&home, "broken/var/lib/rpm/rpmdb.sqlite", "SQLite format 3\0 and then nothing that is one");
    let rule = "nothing was found that --fail-on means, and not all could be looked at: ";
    for (folder, expected) in [
        ("amazon", "no feed that is read here speaks of Amazon Linux 2023: no package of it was found"),
        ("old", "no feed in the database speaks of Debian:9: 1 package not checked"),
        (
            "large",
            "not read, or not to its end: /var/lib/dpkg/status (67108865 bytes, the limit for such a file is 67108864)",
        ),
        ("broken", "not read, or not to its end: /var/lib/rpm/rpmdb.sqlite ("),
    ] {
        let run = |arguments: &[&str]| home.run(&[&["scan", "--quiet", folder], arguments].concat());
        let failed = run(&["--fail-on", "any"]);
        let (exit, error) = refused(&failed);
        assert_eq!(exit, "exit 3", "{folder}: {failed}");
        assert!(error.starts_with(&format!("{rule}{expected}")), "{folder}: {error}");
        assert!(failed.contains(&format!("{folder}: no findings in what could be checked\n")), "{failed}");
        assert!(run(&["--fail-on", "any", "--accept-unread"]).starts_with("exit 0\n"), "{folder}");
        assert!(run(&[]).starts_with("exit 0\n"), "{folder}");
        let json = home.run(&["scan", folder, "-o", "json"]);
        let told = json.split("--- stderr\n").nth(1).unwrap();
        assert!(told.contains(expected), "{folder}: {told}");
    }
    assert!(home.run(&["scan", "tree", "--accept-unread"]).starts_with("exit 2\n"));
    assert!(home.run(&["scan", "tree", "--fail-on", "critical"]).starts_with("exit 0\n"));
}

#[test]
fn a_file_that_lists_nothing_is_no_source() {
    let home = ready();
    for (name, contents, cause) in [
        ("empty", "", "the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls"),
        ("object", "{}", "the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls"),
        ("text", "some text\n", "the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls"),
        ("bom.xml", "<?xml version=\"1.0\"?><bom/>", "XML is not read; convert the document to JSON first"),
        ("tags", "SPDXVersion: SPDX-2.3\n", "SPDX tag-value is not read; convert the document to JSON first"),
    ] {
        write(&home, name, contents);
        let run = home.run(&["scan", "--quiet", name, "--fail-on", "any"]);
        let error = format!("failed to understand the document `{name}`");
        assert_eq!(refused(&run), ("exit 3", error.as_str()), "{run}");
        assert!(run.contains(&format!("cause: {cause}\n")), "{run}");
        assert!(home.run(&["scan", "--quiet", &format!("file:{name}")]).starts_with("exit 0\n"), "{name}");
    }
}

#[test]
fn an_sbom_that_lists_nothing_does_not_pass() {
    let home = ready();
    let bom = r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": []}"#;
    let some =
        bom.replace("[]", r#"[{"type": "library", "name": "b", "version": "3.0.0", "purl": "pkg:npm/b@3.0.0"}]"#);
    write(&home, "nothing.json", bom);
    write(&home, "some.json", &some);
    let told = "the document lists 0 components";
    let run = home.run(&["scan", "nothing.json", "--fail-on", "any"]);
    let error = format!("nothing was found that --fail-on means, and not all could be looked at: {told}");
    assert_eq!(refused(&run), ("exit 3", error.as_str()), "{run}");
    assert!(
        run.contains("`--accept-unread` lets what could be looked at decide") && !run.contains("db update"),
        "{run}"
    );
    for (arguments, starts) in [
        (&["scan", "nothing.json", "--fail-on", "any", "--accept-unread"][..], "exit 0\n"),
        (&["scan", "nothing.json"], "exit 0\n"),
        (&["scan", "some.json", "--fail-on", "any"], "exit 0\n"),
    ] {
        let run = home.run(arguments);
        assert!(run.starts_with(starts) && run.contains(told) == (arguments[1] == "nothing.json"), "{run}");
    }
}

#[test]
fn a_tree_of_which_nothing_is_locked_does_not_pass() {
    let home = ready();
    write(&home, "empty/README", "nothing");
    write(
        &home,
        "asks/package.json",
        r#"{"name": "app", "version": "1.0.0", "dependencies": {"b": "2.0.1", "c": "^1"}}"#,
    );
    write(&home, "pinned/requirements.txt", "d==1.0\n");
    let nothing = "nothing in it names a package: 0 components";
    let asks =
        "/package.json (asks for c: nothing here says which versions these get and what they and 1 more need in turn)";
    let pinned = "/requirements.txt (asks for d 1.0: nothing here says what these need in turn)";
    for (tree, told, fail_on, code) in [
        ("empty", nothing, "any", "exit 3\n"),
        ("asks", asks, "kev", "exit 3\n"),
        ("pinned", pinned, "any", "exit 3\n"),
        // What is asked for by a version that alone will do is held against the advisories.
        ("asks", asks, "any", "exit 1\n"),
    ] {
        let run = home.run(&["scan", "--quiet", tree, "--fail-on", fail_on]);
        assert!(run.starts_with(code) && run.contains(told), "{run}");
        let run = home.run(&["scan", "--quiet", tree]);
        assert!(run.starts_with("exit 0\n") && run.contains(told), "{run}");
    }
    let accepted = home.run(&["scan", "--quiet", "empty", "--fail-on", "any", "--accept-unread"]);
    assert!(accepted.starts_with("exit 0\n"), "{accepted}");
}

#[test]
fn a_folder_of_installed_packages_is_one_wherever_it_is_named_from() {
    let home = ready();
    let manifest = r#"{"name": "x", "version": "1.0.0", "devDependencies": {"b": "2.0.1"}}"#;
    write(&home, "app/node_modules/x/package.json", manifest);
    for (directory, source) in
        [("", "dir:app/node_modules"), ("app/node_modules", "dir:."), ("app/node_modules/x", "dir:.")]
    {
        let mut command = home.garrison(&["sbom", "--quiet", source, "-o", "purls"]);
        let output = command.current_dir(home.path().join(directory)).output().unwrap();
        assert_eq!(home.told(&output).matches("pkg:").count(), 1, "{directory} {source}");
    }
}

#[test]
fn a_document_is_known_by_all_of_it() {
    let home = ready();
    let package = r#"{"id":"1","name":"b","version":"2.0.1","type":"npm","purl":"pkg:npm/b@2.0.1"}"#;
    let list =
        format!(r#"{{"descriptor":{{"name":"{}"}},"source":{{}},"artifacts":[{package}]}}"#, "x".repeat(70 << 10));
    write(&home, "syft.json", &list);
    let from_file = home.run(&["scan", "--quiet", "syft.json", "-o", "json"]);
    assert!(from_file.contains("CVE-2024-0001"), "{from_file}");
    assert_eq!(piped(&home, &["scan", "--quiet", "-", "-o", "json"], list.as_bytes()), from_file);
}

#[test]
fn purls_of_a_code_name_are_of_its_release() {
    let home = ready();
    let purl = "pkg:deb/debian/libssl3@3.0.11-1~deb12u1?upstream=openssl";
    write(&home, "named", &format!("{purl}&distro=bookworm\n"));
    assert!(home.run(&["scan", "--quiet", "named"]).contains("CVE-2024-0002"));
    write(&home, "unnamed", &format!("{purl}\nnone\n"));
    insta::with_settings!({filters => [(r"\d+ ms", "N ms"), (r"\d+ (days|h|min) old", "N $1 old")]}, {
        insta::assert_snapshot!("of_no_release", home.run(&["scan", "unnamed", "--fail-on", "any"]));
    });
}

#[test]
fn a_flag_that_means_nothing_is_refused() {
    let home = ready();
    home.run(&["sbom", "--quiet", "tree", "-o", "syft-json=list.json"]);
    for flag in [["--select", "dpkg"], ["--exclude", "/app"], ["--platform", "linux/amd64"], ["--scope", "all-layers"]]
    {
        let run = home.run(&["scan", "list.json", flag[0], flag[1]]);
        let error = format!("`{}` is for what is looked into, and this is an SBOM", flag[0]);
        assert_eq!(refused(&run), ("exit 2", error.as_str()), "{run}");
    }
    for flag in [&["--fail-on", "any"][..], &["--only-fixed"]] {
        let run = home.run(&[&["scan", "tree", "--explain", "CVE-2024-0002"], flag].concat());
        assert!(run.starts_with("exit 2\n"), "{run}");
    }
}

#[test]
fn a_document_has_the_findings_of_what_it_lists() {
    let home = ready();
    let findings = |source: &str| -> Vec<(String, String)> {
        let run = home.run(&["scan", "--quiet", source, "-o", "json"]);
        let json = run.split("--- stdout\n").nth(1).and_then(|rest| rest.split("--- stderr").next()).unwrap();
        let document: Value = serde_json::from_str(json).unwrap();
        let findings = document["findings"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        findings.iter().map(|finding| (text(&finding["vulnerability"]), text(&finding["component"]["purl"]))).collect()
    };
    let expected = findings("tree");
    assert_eq!(expected.len(), 2);
    for format in ["cyclonedx-json", "cyclonedx-json@1.4", "spdx-json", "syft-json"] {
        home.run(&["sbom", "--quiet", "tree", "-o", &format!("{format}=list.json")]);
        assert_eq!(findings("list.json"), expected, "{format}");
    }
}

#[test]
fn the_end_of_a_distribution_is_told_by_its_own_project() {
    let home = ready();
    let check = |release: &str, version: &str, expected: Option<&str>| {
        write(&home, "tree/etc/os-release", release);
        let scanned = home.run(&["scan", "--quiet", "tree"]);
        let told = scanned.lines().find(|line| line.contains("mended"));
        assert_eq!(told, expected.map(|expected| format!("{version} {expected}")).as_deref(), "{scanned}");
    };
    let named = |name: &str, version: &str| {
        format!("ID=centos\nNAME=\"{name}\"\nPRETTY_NAME=\"{name} {version}\"\nVERSION_ID=\"{version}\"\n")
    };
    check("ID=debian\nVERSION_ID=\"12\"\n", "", None);
    check(
        &named("CentOS Linux", "8"),
        "CentOS Linux 8",
        Some("has had no fixes since 2021-12-31: what is found later is not mended there"),
    );
    check(
        &named("CentOS Stream", "8"),
        "CentOS Stream 8",
        Some("has had no fixes since 2024-05-31: what is found later is not mended there"),
    );
    check(
        "ID=\"opensuse-leap\"\nPRETTY_NAME=\"openSUSE Leap 15.5\"\nVERSION_ID=\"15.5\"\n",
        "openSUSE Leap 15.5",
        Some("has had no fixes since 2024-12-31: what is found later is not mended there"),
    );
    // What was met on this machine is told with the database; what is not of it is not.
    let status = home.run(&["db", "status"]);
    let warnings: Vec<&str> = status.lines().filter(|line| line.contains("was mended until")).collect();
    insta::assert_snapshot!(warnings.join("\n"), @"
    warning: CentOS Linux:8 was mended until 2021-12-31: what is not known against it says nothing for it
    warning: CentOS Stream:8 was mended until 2024-05-31: what is not known against it says nothing for it
    warning: openSUSE:15.5 was mended until 2024-12-31: what is not known against it says nothing for it
    ");
    assert!(home.run(&["db", "export", "one.vulndb"]).starts_with("exit 0\n"));
    assert!(!home.run(&["db", "status", "--database", "one.vulndb"]).contains("was mended until"));
}

/// A hub with an image and its inventory and without advisories, and who is logged in to it as its administrator with a database of them.
struct AtHub {
    hub: Hub,
    user: Home,
    _home: Home,
}

/// The database of whoever is logged in, which is not in use.
const DATABASE: &str = "advisories.vulndb";

fn at_hub(built: &Built, repository: &str, tag: &str) -> AtHub {
    let (author, home, user) = (ready(), Home::new(), Home::new());
    let hub = Hub::start(&home, &[]);
    push(&hub, built, repository, tag);
    assert!(login(&user, &hub, "admin", &hub.password()).starts_with("exit 0\n"));
    // Whoever asks at once waits for the inventory.
    let told = user.run(&["sbom", &format!("{repository}:{tag}")]);
    assert!(told.contains("Taken from the hub's inventory"), "{told}");
    let database = user.path().join(DATABASE);
    assert!(author.run(&["db", "export", database.to_str().unwrap()]).starts_with("exit 0\n"));
    AtHub { hub, user, _home: home }
}

#[test]
fn a_hub_tells_that_its_images_are_past_their_end() {
    let release = "ID=centos\nNAME=\"CentOS Linux\"\nPRETTY_NAME=\"CentOS Linux 8\"\nVERSION_ID=\"8\"\n";
    let built = build::image(&[vec![file("etc/os-release", release)]], Packing::Plain, "linux/amd64");
    let AtHub { user, .. } = &at_hub(&built, "team/old", "1");
    let brought = user.run(&["db", "import", "--hub", DATABASE]);
    let warning = "warning: images of the hub are of CentOS Linux:8, which was mended until 2021-12-31\n";
    assert!(brought.ends_with(warning), "{brought}");
    let state = user.run(&["db", "import", "--hub", DATABASE, "-o", "json"]);
    let state = state.split("--- stdout\n").nth(1).and_then(|rest| rest.split("--- stderr").next()).unwrap();
    let state: Value = serde_json::from_str(state).unwrap();
    let ended = json!([{"release": "CentOS Linux:8", "until": "2021-12-31", "extended_until": null}]);
    assert_eq!((&state["ended"], &state["old"]), (&ended, &json!(true)), "{state}");
    let scanned = user.run(&["scan", "team/old:1"]);
    let told = "CentOS Linux 8 has had no fixes since 2021-12-31: what is found later is not mended there\n";
    assert!(scanned.contains("Matched by the hub") && scanned.contains(told), "{scanned}");
}

#[test]
fn a_hub_is_asked_as_the_context_that_is_named() {
    let built = build::image(&[vec![file("a.txt", "a")]], Packing::Plain, "linux/amd64");
    let AtHub { hub, user, .. } = &at_hub(&built, "team/api", "1");
    let with_password = |arguments: &[&str]| {
        let secret = user.path().join("secret");
        std::fs::write(&secret, "a password of low").unwrap();
        let mut command = user.garrison(arguments);
        let told = user.told(&command.stdin(std::fs::File::open(secret).unwrap()).output().unwrap());
        assert!(told.starts_with("exit 0\n"), "{told}");
    };
    with_password(&["user", "create", "low", "--password-stdin"]);
    with_password(&["login", &hub.address, "--user", "low", "--password-stdin", "--name", "low"]);
    // The one who came last is the current one.
    for (context, may_read) in [(&[][..], false), (&["--context", "low"], false), (&["--context", "here"], true)] {
        for command in [&["sbom"][..], &["sbom", "--no-cache"]] {
            for image in ["team/api:1", &format!("{}/team/api:1", hub.address)] {
                let told = user.run(&[context, command, &[image]].concat());
                assert_eq!(told.starts_with("exit 0\n"), may_read, "{context:?} {command:?} {image}: {told}");
            }
        }
    }
    assert!(user.run(&["--context", "nobody", "sbom", "team/api:1"]).contains("there is no context `nobody`"));
}

#[test]
fn a_hub_says_what_it_could_not_look_at() {
    let lock = r#"{"name":"app","lockfileVersion":3,"packages":{"":{"name":"app"},"node_modules/b":{"version":"2.0"},"node_modules/c":{"version":"2.0.1"}}}"#;
    let release = "ID=rocky\nPRETTY_NAME=\"Rocky Linux 9\"\nVERSION_ID=\"9.3\"\n";
    let files = [("etc/os-release", release), ("app/package-lock.json", lock)];
    let built = build::image(&[files.map(|(path, text)| file(path, text)).to_vec()], Packing::Plain, "linux/amd64");
    let AtHub { user, .. } = &at_hub(&built, "team/rocky", "1");
    user.run(&["db", "import", "--hub", DATABASE]);
    let failed = user.run(&["scan", "team/rocky:1", "--fail-on", "any"]);
    assert!(failed.starts_with("exit 3\n") && failed.contains("Matched by the hub"), "{failed}");
    let told = "no feed in the database speaks of Rocky Linux:9: no package of it was found";
    assert!(failed.contains("no findings in what could be checked\n") && failed.contains(told), "{failed}");
    let explained = user.run(&["scan", "team/rocky:1", "--explain", "CVE-2024-0001"]);
    assert!(explained.starts_with("exit 1\n--- stdout\nNot known: "), "{explained}");

    let told = user.run(&["db", "status", "--hub"]);
    assert!(told.starts_with("exit 0\n--- stdout\nThe hub has advisories of ") && told.contains("FEED "), "{told}");
    assert!(told.contains("`garrison db update --hub` has the hub fetch it"), "{told}");
    assert!(told.contains("2026-01-02 03:04 (old)"), "{told}");
    insta::assert_snapshot!("no_such_project", user.run(&["findings", "totals", "--project", "taem"]));
    assert!(user.run(&["findings", "list", "--project", "taem"]).starts_with("exit 1\n"));
    assert!(user.run(&["findings", "totals", "--project", "team"]).starts_with("exit 0\n"));
    insta::assert_snapshot!("out_of_range", user.run(&["find", "pkg:npm/c", "<2"]));
    let told = "exit 1\n--- stdout\nNo image that you may pull is known to have CVE-2024-0001.\n\
        1 image holds b 2.0, whose version has no order: not known (team/rocky:1)\n";
    let found = user.run(&["find", "CVE-2024-0001"]);
    assert!(found.starts_with(told), "{found}");
    let found = user.run(&["find", "CVE-2024-0001", "-o", "json"]);
    let found = found.split("--- stdout\n").nth(1).and_then(|rest| rest.split("--- stderr").next()).unwrap();
    let found: Value = serde_json::from_str(found).unwrap();
    let (not_known, item) = (&found["not_known"], &found["not_known"]["items"][0]);
    assert_eq!(
        (&found["items"], &not_known["images"], &not_known["more"]),
        (&json!([]), &json!(1), &json!(false)),
        "{found}"
    );
    assert_eq!(
        (&item["name"], &item["version"], &item["in_range"]),
        (&json!("b"), &json!("2.0"), &Value::Null),
        "{found}"
    );
}

/// Runs a command with bytes that come through a pipe.
fn piped(home: &Home, arguments: &[&str], bytes: &[u8]) -> String {
    let mut command = home.garrison(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Who refuses what comes may not read all of it.
    let _refused = child.stdin.take().unwrap().write_all(bytes);
    home.told(&child.wait_with_output().unwrap())
}

#[test]
fn what_comes_through_no_pipe_is_told_how_it_is_read() {
    let home = Home::new();
    for source in ["-", "/dev/stdin"] {
        for bytes in ["jinja2==2.0\n".to_owned(), "jinja2==2.0\n".repeat(100)] {
            let run = piped(&home, &["scan", source], bytes.as_bytes());
            let told = "hint:  archives of images and SBOMs come through pipes; any other file is read by its path";
            assert!(run.starts_with("exit 3\n") && run.lines().any(|line| line == told), "{source}: {run}");
        }
    }
}

#[test]
fn a_document_may_come_through_a_pipe() {
    let home = ready();
    for format in ["cyclonedx-json", "spdx-json", "syft-json", "purls"] {
        home.run(&["sbom", "--quiet", "tree", "-o", &format!("{format}=list")]);
        let from_file = home.run(&["scan", "--quiet", "list", "-o", "json"]);
        assert!(from_file.contains("CVE-2024-0001"), "{format}: {from_file}");
        let bytes = std::fs::read(home.path().join("list")).unwrap();
        for source in ["-", "stdin:", "/dev/stdin"] {
            assert_eq!(
                piped(&home, &["scan", "--quiet", source, "-o", "json"], &bytes),
                from_file,
                "{format} {source}"
            );
        }
        let marked = [b"\xef\xbb\xbf \n", bytes.as_slice()].concat();
        assert_eq!(piped(&home, &["scan", "--quiet", "-", "-o", "json"], &marked), from_file, "{format}");
    }
    image(&home);
    let archive = std::fs::read(home.path().join("docker.tar.gz")).unwrap();
    let told = piped(&home, &["scan", "--quiet", "-"], &archive);
    assert!(told.starts_with("exit 0\n--- stdout\n- (sha256:1d92...b715, linux/amd64)"), "{told}");
    let listed = home.run(&["sbom", "--quiet", "docker.tar.gz", "-o", "purls"]);
    for source in ["-", "/dev/stdin", "docker-archive:/dev/stdin"] {
        assert_eq!(piped(&home, &["sbom", "--quiet", source, "-o", "purls"], &archive), listed, "{source}");
    }
    home.run(&["sbom", "--quiet", "docker.tar.gz", "-o", "cyclonedx-json=image.json"]);
    let document = std::fs::read(home.path().join("image.json")).unwrap();
    for bytes in [&archive, &document] {
        let told = piped(&home, &["sbom", "diff", "--quiet", "/dev/stdin", "image.json"], bytes);
        assert_eq!(told, "exit 0\n--- stdout\n--- stderr\n");
    }
    for (name, bytes) in [("nothing", &b""[..]), ("text", b"text"), ("cut_off", br#"{"bomFormat": "CycloneDX","#)] {
        insta::assert_snapshot!(format!("piped_{name}"), piped(&home, &["scan", "-"], bytes));
    }
}

#[test]
fn what_is_given_here_counts_beside_what_the_hub_has() {
    let AtHub { user, hub, .. } = &at_hub(&image(&Home::new()), "team/api", "1.4");
    let run = |arguments: &[&str]| user.run(arguments).replace(&hub.address, "HUB");
    let done = |arguments: &[&str]| {
        let told = run(arguments);
        assert!(told.starts_with("exit 0\n"), "{arguments:?}: {told}");
    };
    let second = |days: i64| jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + days * 86_400).unwrap();
    let exceptions = |id: &str, what: &str| {
        let (created, expires) = (second(-1).strftime("%Y-%m-%d"), second(30).strftime("%Y-%m-%d"));
        format!(
            "apiVersion: garrison.dev/v1\nkind: Exceptions\nexceptions:\n- {{id: {id}, {what}, owner: ada@example.org, reason: not served, created: {created}, expires: {expires}}}\n"
        )
    };
    let vex = json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://vex.example/1", "author": "team", "version": 1,
        "timestamp": "2026-01-02T00:00:00Z", "statements": [{
            "vulnerability": {"name": "CVE-2024-0001"}, "products": [{"@id": "pkg:npm/b@2.0.1"}],
            "status": "not_affected", "justification": "vulnerable_code_not_in_execute_path",
        }],
    });
    write(user, "hub.yaml", &exceptions("same", "vulnerabilities: [GHSA-bbbb-bbbb-bbbb]"));
    write(user, "team.json", &vex.to_string());
    write(user, "here.yaml", &exceptions("same", "vulnerabilities: [CVE-2024-0001], paths: ['/app/old/**']"));
    done(&["exceptions", "push", "hub.yaml"]);
    done(&["vex", "push", "team.json", "--project", "team"]);
    let scan = ["scan", "team/api:1.4", "--database", DATABASE];
    let told = |name: &str, arguments: &[&str]| {
        let filters = [(r"\d+ ms", "N ms"), (r"\(\d+ [a-z]+ old\)", "(AGE)"), (r"until \d{4}-\d\d-\d\d", "until DAY")];
        insta::with_settings!({filters => filters}, { insta::assert_snapshot!(name, run(&[&scan, arguments].concat())) });
    };
    told("of_the_hub_alone", &["--fail-on", "any"]);
    told("of_the_hub_and_given", &["--exceptions", "here.yaml", "--fail-on", "any"]);
    told("of_the_hub_explained", &["--exceptions", "here.yaml", "--explain", "GHSA-bbbb-bbbb-bbbb"]);
    // Whoever may pull the image has what concerns it, whatever else of the hub one may not know.
    become_ada(user, hub);
    assert_eq!(user.run(&["exceptions", "show"]).lines().next(), Some("exit 1"));
    told("of_the_hub_for_a_reader", &["--exceptions", "here.yaml"]);
}

#[test]
fn find_says_in_how_many_images_it_is_decided_not_to_count() {
    let AtHub { user, .. } = &at_hub(&image(&Home::new()), "team/api", "1.4");
    let find = |arguments: &[&str]| user.run(&[&["find", "CVE-2024-0001"], arguments].concat());
    assert!(find(&[]).starts_with("exit 3\n--- stdout\nNot known: the hub has no advisories"), "{}", find(&[]));
    assert!(user.run(&["findings", "list"]).contains("Nothing was matched yet: the hub has no advisories"));
    let told = user.run(&["db", "status", "--hub"]);
    assert!(
        told.starts_with("exit 0\n--- stdout\nThe hub has no advisories yet.\n--- stderr\nAn administrator brings"),
        "{told}"
    );
    user.run(&["db", "import", "--hub", DATABASE]);
    let told = user.run(&["find", "CVE-2024-9999"]);
    assert!(
        told.starts_with("exit 3\n--- stdout\nNot known: no advisory in the hub speaks of CVE-2024-9999;"),
        "{told}"
    );
    let eventually = |is_told: &dyn Fn(&str) -> bool| (0..1000).map(|_| find(&[])).find(|told| is_told(told)).unwrap();
    let told = eventually(&|told| told.starts_with("exit 0\n"));
    assert!(told.contains("1 image in 1 project has CVE-2024-0001") && !told.contains("not count"), "{told}");
    let now = jiff::Timestamp::now().as_second();
    let day = |days: i64| jiff::Timestamp::from_second(now + days * 86_400).unwrap().strftime("%Y-%m-%d").to_string();
    let entry = format!(
        "{{id: one, vulnerabilities: [CVE-2024-0001], owner: ada@example.org, reason: not served, created: {}, expires: {}}}",
        day(-1),
        day(30)
    );
    write(user, "hub.yaml", &format!("apiVersion: garrison.dev/v1\nkind: Exceptions\nexceptions:\n- {entry}\n"));
    assert!(user.run(&["exceptions", "push", "hub.yaml"]).starts_with("exit 0\n"));
    let told = eventually(&|told| told.starts_with("exit 1\n"));
    let expected = "exit 1\n--- stdout\nNo image that you may pull has CVE-2024-0001 where it counts.\n\
        1 image holds it where an exception or VEX has it not count\n";
    assert!(told.starts_with(expected), "{told}");
    assert!(find(&["--tagged", "no"]).contains("has CVE-2024-0001.\n"));
    let told = find(&["-o", "json"]);
    assert!(told.contains("\"not_counted\": {\n    \"images\": 1,\n    \"more\": false\n  }"), "{told}");
}

/// Makes a user who may read a project and nothing else, and logs in as her.
fn become_ada(user: &Home, hub: &Hub) {
    write(user, "password", "a long password\n");
    let mut create = user.garrison(&["user", "create", "ada", "--password-stdin"]);
    assert!(create.stdin(std::fs::File::open(user.path().join("password")).unwrap()).status().unwrap().success());
    assert!(user.run(&["project", "grant", "team", "ada", "reader"]).starts_with("exit 0\n"));
    assert!(login(user, hub, "ada", "a long password").starts_with("exit 0\n"));
}

fn openvex(author: &str, time: &str, product: &str, status: &Value) -> String {
    let mut statement = json!({"vulnerability": {"name": "CVE-2024-0001"}, "products": [{"@id": product}]});
    statement.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": format!("https://vex.example/{author}"), "author": author,
        "version": 1, "timestamp": time, "statements": [statement],
    })
    .to_string()
}

/// Returns what is decided about each finding of a report that was printed as JSON.
fn verdicts(told: &str) -> Vec<Value> {
    let json = told.split("--- stdout\n").nth(1).and_then(|rest| rest.split("--- stderr").next()).unwrap();
    let report: Value = serde_json::from_str(json).unwrap();
    report["findings"].as_array().unwrap().clone()
}

#[test]
fn a_scan_here_decides_as_the_hub_does() {
    let built = image(&Home::new());
    let AtHub { user, hub, .. } = &at_hub(&built, "team/api", "1.4");
    let done = |arguments: &[&str]| {
        let told = user.run(arguments);
        assert!(told.starts_with("exit 0\n"), "{arguments:?}: {told}");
    };
    done(&["db", "import", "--hub", DATABASE]);
    // Each finding counts but for one thing that the hub alone has: an exception, whom it trusts, what lies beside the image.
    let day = |days: i64| {
        let second = jiff::Timestamp::now().as_second() + days * 86_400;
        jiff::Timestamp::from_second(second).unwrap().strftime("%Y-%m-%d").to_string()
    };
    let entry = |id: &str, what: &str| {
        let (created, expires) = (day(-1), day(30));
        format!("- {{id: {id}, {what}, owner: ada@example.org, reason: r, created: {created}, expires: {expires}}}\n")
    };
    let head = "apiVersion: garrison.dev/v1\nkind: Exceptions\nexceptions:\n";
    let here = entry("here", "vulnerabilities: [GHSA-bbbb-bbbb-bbbb], scope: ['team/**']");
    let elsewhere = entry("elsewhere", "vulnerabilities: ['*'], scope: ['other/**']");
    write(user, "hub.yaml", &format!("{head}{here}{elsewhere}"));
    let own = entry("own", "vulnerabilities: [GHSA-bbbb-bbbb-bbbb], paths: ['/nowhere']");
    write(user, "own.yaml", &format!("{head}{own}"));
    let trust = "apiVersion: garrison.dev/v1\nkind: VexTrust\nauthors: [[Trusted]]\npushers: ['user:admin']\n";
    write(user, "trust.yaml", trust);
    let cleared = json!({"status": "not_affected", "justification": "vulnerable_code_not_in_execute_path"});
    let affected = json!({"status": "affected", "action_statement": "upgrade"});
    write(user, "trusted.json", &openvex("Trusted", "2026-01-02T00:00:00Z", "pkg:npm/b@2.0.1", &cleared));
    write(user, "stranger.json", &openvex("Stranger", "2026-02-02T00:00:00Z", "pkg:npm/b", &affected));
    done(&["exceptions", "push", "hub.yaml"]);
    done(&["exceptions", "push", "own.yaml", "--project", "team"]);
    done(&["vex", "trust", "push", "trust.yaml"]);
    done(&["vex", "push", "trusted.json", "--project", "team"]);
    done(&["vex", "push", "stranger.json"]);
    let beside = openvex("Trusted", "2026-01-02T00:00:00Z", "pkg:npm/b@1.9.9", &cleared).replace("/Trusted", "/beside");
    refer(hub, &built, "team/api", "application/vnd.openvex+json", beside.as_bytes());
    become_ada(user, hub);
    let scan = |arguments: &[&str]| user.run(&[&["scan", "team/api:1.4", "-o", "json"], arguments].concat());
    let is_decided = |told: &String| told.starts_with("exit 0\n") && told.contains("Matched by the hub");
    let of_hub = (0..1000).map(|_| scan(&["--fail-on", "any"])).find(is_decided).unwrap();
    let expected = verdicts(&of_hub);
    assert_eq!(expected.len(), 3, "{of_hub}");
    // Nothing of it is about anything here.
    write(
        user,
        "unrelated.json",
        &openvex("Trusted", "2026-03-02T00:00:00Z", "pkg:npm/other", &affected).replace("/Trusted", "/unrelated"),
    );
    write(user, "none.yaml", &head.replace("exceptions:\n", "exceptions: []\n"));
    done(&["db", "import", DATABASE]);
    for given in [
        &["--database", DATABASE][..],
        &["--vex", "unrelated.json"],
        &["--exceptions", "none.yaml"],
        &["--vex", "referrers"],
    ] {
        let told = scan(given);
        assert!(!told.contains("Matched by the hub") && !told.contains("Without"), "{told}");
        assert_eq!(verdicts(&told), expected, "{given:?}");
    }
    // Who says here whose VEX counts means that of the hub too.
    let told = scan(&["--vex", "unrelated.json", "--vex-author", "Stranger", "--fail-on", "any"]);
    assert!(told.starts_with("exit 1\n"), "{told}");
}

#[test]
fn without_an_inventory_a_hub_gives_what_it_can_decide() {
    let (author, at_hub, user) = (ready(), Home::new(), Home::new());
    let built = image(&at_hub);
    let hub = Hub::start(&at_hub, &["--inventory-memory", "off"]);
    push(&hub, &built, "team/api", "1.4");
    assert!(login(&user, &hub, "admin", &hub.password()).starts_with("exit 0\n"));
    let file = user.path().join("advisories.vulndb");
    assert!(author.run(&["db", "export", file.to_str().unwrap()]).starts_with("exit 0\n"));
    let cleared = json!({"status": "fixed"});
    write(
        &user,
        "image.json",
        &openvex("a", "2026-01-02T00:00:00Z", &format!("pkg:oci/api@{}", built.digest()), &cleared),
    );
    write(&user, "package.json", &openvex("b", "2026-01-02T00:00:00Z", "pkg:npm/b", &cleared));
    for document in ["image.json", "package.json"] {
        assert!(user.run(&["vex", "push", document, "--project", "team"]).starts_with("exit 0\n"));
    }
    let told = user.run(&["scan", "team/api:1.4", "--database", "advisories.vulndb", "-o", "json"]);
    let missing = "Without the hub's VEX about what is in the image: the hub has no inventory of it yet.\n";
    assert!(told.contains(missing), "{told}");
    let json = told.split("--- stdout\n").nth(1).and_then(|rest| rest.split("--- stderr").next()).unwrap();
    let report: Value = serde_json::from_str(json).unwrap();
    let counted: Vec<(&str, u64)> = report["vex"]
        .as_array()
        .unwrap()
        .iter()
        .map(|document| (document["author"].as_str().unwrap(), document["findings"].as_u64().unwrap()))
        .collect();
    assert_eq!(counted, [("a", 2), ("b", 0)]);
}

#[test]
fn mistakes_are_told_before_anything_is_read() {
    let home = Home::new();
    insta::assert_snapshot!("no_database", home.run(&["scan", "."]));
    insta::assert_snapshot!("no_format", home.run(&["db", "build", "--feed", "a=ovs:b"]));
    for (word, meant) in [("ruby", "ruby-advisory-db"), ("oval", "azure-oval"), ("debian", "debian-tracker")] {
        let run = home.run(&["db", "build", "--feed", &format!("a={word}:b")]);
        assert!(run.contains(&format!("did you mean `{meant}`?")), "{run}");
    }
    insta::assert_snapshot!("no_path", home.run(&["db", "build", "--feed", "a=osv"]));
    insta::assert_snapshot!("twice", home.run(&["db", "build", "--feed", "a=osv:b", "--feed", "a=kev:c"]));
    insta::assert_snapshot!("absent", home.run(&["db", "build", "--feed", "a=osv:b"]));
}

#[test]
fn without_a_database_a_scan_says_what_it_needs() {
    let home = Home::new();
    tree(&home);
    insta::assert_snapshot!(home.run(&["scan", "dir:tree", "--quiet"]));
    // The next update knows.
    let met = std::fs::read_to_string(home.path().join(".local/share/garrison/advisories/ecosystems")).unwrap();
    assert_eq!(met, "npm\nDebian:12\n");
}

#[test]
fn a_hub_answers_with_what_it_matched() {
    let AtHub { user, hub, .. } = &at_hub(&image(&Home::new()), "team/api", "1.4");
    let run = |arguments: &[&str]| user.run(arguments).replace(&hub.address, "HUB");
    insta::assert_snapshot!("hub_and_user_without_a_database", run(&["scan", "team/api:1.4"]));

    let brought = run(&["db", "import", "--hub", DATABASE]);
    assert!(brought.starts_with("exit 0\n"), "{brought}");
    let answered = |name: &str, arguments: &[&str]| {
        let told = run(&[&["scan", "team/api:1.4"], arguments].concat());
        insta::with_settings!({filters => [(r"\d+ ms", "N ms"), (r"\(\d+ [a-z]+ old\)", "(AGE)")]}, {
            insta::assert_snapshot!(name, told);
        });
    };
    answered("hub_answers", &[]);
    answered("hub_answers_in_part", &["--fail-on", "high", "--only-fixed"]);
    answered("hub_explains", &["--explain", "CVE-2024-0001"]);
    answered("hub_explains_one", &["--explain", "CVE-2024-0001", "pkg:npm/a"]);
    // Lists and totals are of what is matched and counted by then, which goes on beside.
    let counted = |_: &u32| run(&["findings", "totals", "--project", "team"]).contains("3 findings count");
    (0..1000).find(counted).unwrap();
    for (name, arguments) in [
        ("hub_lists_findings", &["findings", "list", "--fixable", "--severity", "high"][..]),
        ("hub_counts_findings", &["findings", "totals", "--project", "team"]),
        ("hub_has_no_events", &["findings", "events"]),
        ("hub_refuses_a_severity", &["findings", "list", "--severity", "bad"]),
    ] {
        insta::with_settings!({filters => [(r"20\d\d-\d\d-\d\d[T ][0-9:.]+Z?", "[TIME]"), ("Matched by [0-9a-f]{12}", "Matched by [DIGEST]")]}, {
            insta::assert_snapshot!(name, run(arguments));
        });
    }
    // Here is none, and what is given here the hub knows nothing of.
    for arguments in [&["--no-cache"][..], &["--vex", "referrers"]] {
        let told = run(&[&["scan", "team/api:1.4"], arguments].concat());
        assert!(told.starts_with("exit 3\n") && told.contains("there is no vulnerability database"), "{told}");
    }
    let given = run(&["scan", "team/api:1.4", "--database", DATABASE, "-o", "json"]);
    assert!(given.starts_with("exit 0\n") && !given.contains("Matched by the hub"), "{given}");
}

/// Statements in each of the formats: the older one of `OpenVEX`, the newer one of CSAF that denies it, and the newest of `CycloneDX`.
fn vex_of_each_format(home: &Home) -> [&'static str; 3] {
    let product = json!({"@id": "pkg:npm/b@2.0.1"});
    let openvex = json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://vex.example/1", "author": "Ann", "version": 1,
        "timestamp": "2026-01-01T00:00:00Z", "statements": [
            {"vulnerability": {"name": "CVE-2024-0001"}, "products": [product], "status": "fixed"},
            {"vulnerability": {"name": "CVE-2024-0002"}, "products": [{"@id": "pkg:deb/debian/libssl3"}], "status": "fixed"},
        ],
    });
    let time = "2026-02-01T00:00:00Z";
    let csaf = json!({
        "document": {
            "category": "csaf_vex", "csaf_version": "2.0", "title": "x",
            "publisher": {"category": "vendor", "name": "Bob", "namespace": "https://vex.example"},
            "tracking": {
                "id": "B-1", "version": "1", "status": "final", "initial_release_date": time, "current_release_date": time,
                "revision_history": [{"date": time, "number": "1", "summary": "x"}],
            },
        },
        "product_tree": {"full_product_names": [
            {"product_id": "P", "name": "b", "product_identification_helper": {"purl": "pkg:npm/b@2.0.1"}},
        ]},
        "vulnerabilities": [{
            "cve": "CVE-2024-0001", "product_status": {"known_affected": ["P"]}, "notes": [{"category": "general", "text": "x"}],
            "remediations": [{"category": "vendor_fix", "details": "upgrade", "product_ids": ["P"]}],
        }],
    });
    let cyclonedx = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "serialNumber": "urn:uuid:11111111-1111-1111-1111-111111111111",
        "metadata": {"timestamp": "2026-03-01T00:00:00Z", "authors": [{"name": "Cyd"}]},
        "components": [{"type": "library", "bom-ref": "b", "name": "b", "version": "2.0.1", "purl": "pkg:npm/b@2.0.1"}],
        "vulnerabilities": [{
            "id": "CVE-2024-0001", "affects": [{"ref": "b"}],
            "analysis": {"state": "not_affected", "justification": "code_not_reachable", "detail": "never called"},
        }],
    });
    let names = ["a.openvex.json", "b.csaf.json", "c.cdx.json"];
    for (name, document) in names.iter().zip([openvex, csaf, cyclonedx]) {
        write(home, name, &document.to_string());
    }
    names
}

#[test]
fn vex_of_several_formats_is_one_body_of_statements_in_any_order() {
    let home = ready();
    let [a, b, c] = vex_of_each_format(&home);
    let decided = |given: &[&str], arguments: &[&str]| -> Vec<(String, Vec<String>)> {
        let vex = given.iter().flat_map(|name| ["--vex", *name]);
        let all: Vec<&str> =
            ["scan", "-q", "tree", "-o", "json"].into_iter().chain(vex).chain(arguments.iter().copied()).collect();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let by =
            |finding: &Value| finding["suppressions"].as_array().unwrap().iter().map(|one| text(&one["who"])).collect();
        let mut decided: Vec<_> =
            verdicts(&home.run(&all)).iter().map(|finding| (text(&finding["vulnerability"]), by(finding))).collect();
        decided.sort();
        decided
    };
    let expected = |npm: &[&str], deb: &[&str]| {
        let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        vec![("CVE-2024-0001".to_owned(), owned(npm)), ("CVE-2024-0002".to_owned(), owned(deb))]
    };
    assert_eq!(decided(&[], &[]), expected(&[], &[]));
    assert_eq!(decided(&[a], &[]), expected(&["Ann"], &["Ann"]));
    for order in [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]] {
        // The newest word holds, unless somebody is trusted more.
        assert_eq!(decided(&order, &[]), expected(&["Cyd"], &["Ann"]), "{order:?}");
        assert_eq!(decided(&order, &["--vex-author", "Bob"]), expected(&[], &["Ann"]), "{order:?}");
        assert_eq!(decided(&order, &["--vex-author", "Ann"]), expected(&["Ann"], &["Ann"]), "{order:?}");
    }
    for order in [[a, b], [b, a]] {
        assert_eq!(decided(&order, &[]), expected(&[], &["Ann"]), "{order:?}");
    }
}

#[test]
fn vex_beside_an_image_counts_where_it_is_asked_for() {
    let built = image(&Home::new());
    let AtHub { user, hub, .. } = &at_hub(&built, "team/api", "1.4");
    let fixed = json!({"status": "fixed"});
    let bare = openvex("Ann", "2026-01-02T00:00:00Z", "pkg:npm/b@2.0.1", &fixed);
    let stated = json!({
        "_type": "https://in-toto.io/Statement/v1", "subject": [], "predicateType": "https://openvex.dev/ns/v0.2.0",
        "predicate": serde_json::from_str::<Value>(&openvex("Bob", "2026-01-02T00:00:00Z", "pkg:npm/b@1.9.9", &fixed)).unwrap(),
    });
    let sbom = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []});
    for (media_type, document) in [
        ("application/vnd.openvex+json", bare),
        ("application/vnd.in-toto+json", stated.to_string()),
        // No VEX, and none that is understood: neither keeps the others from counting.
        ("application/vnd.cyclonedx+json", sbom.to_string()),
        ("application/vnd.openvex+json", "{}".to_owned()),
    ] {
        refer(hub, &built, "team/api", media_type, document.as_bytes());
    }
    let scan = |arguments: &[&str]| {
        user.run(&[&["scan", "team/api:1.4", "--database", DATABASE, "-o", "json"], arguments].concat())
    };
    let who = |told: &str| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut who: Vec<_> = verdicts(told)
            .iter()
            .filter(|finding| finding["vulnerability"] == "CVE-2024-0001")
            .map(|finding| (text(&finding["component"]["version"]), text(&finding["suppressions"][0]["who"])))
            .collect();
        who.sort();
        who
    };
    let pairs = |pairs: [(&str, &str); 2]| pairs.map(|(one, other)| (one.to_owned(), other.to_owned())).to_vec();
    // The hub believes nobody, so that it is whoever scans that does.
    assert_eq!(who(&scan(&[])), pairs([("1.9.9", ""), ("2.0.1", "")]));
    for with_hub in [&[][..], &["--no-cache"]] {
        let told = scan(&[&["--vex", "referrers"], with_hub].concat());
        assert_eq!(who(&told), pairs([("1.9.9", "Bob"), ("2.0.1", "Ann")]), "{told}");
        let left_out = "is left out: it is no VEX document: neither OpenVEX nor CSAF nor CycloneDX, as JSON\n";
        assert_eq!(told.matches(left_out).count(), 1, "{told}");
    }
    let told = scan(&["--vex", "referrers", "--fail-on", "high,fixable"]);
    assert!(told.starts_with("exit 1\n") && told.contains("exit 1 (1 finding "), "{told}");
}
