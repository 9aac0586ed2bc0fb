//! Every document whole, and against its schema.

use std::fs;
use std::path::Path;
use std::process::Command;

use component::{Inventory, Layer, Location, PackageType, Subject};
use findings::sarif::{LOCATIONS_MAX, RESULTS_MAX, TAGS_MAX};
use findings::{Options, Report, TableOptions, cyclonedx, grype, json, sarif, table};
use jiff::Timestamp;
use jsonschema::{Registry, Validator};
use sbom::formats::{CycloneDxVersion, Format, Layout, WriteOptions, read};
use serde_json::Value;
use vulndb::{Ecosystem, Family, Records};

use crate::fixture::{advisory, affected, component, database, database_of, feed, inventory};

fn report_of(inventory: &Inventory) -> Report {
    let options = Options { with_summaries: true, ..Options::default() };
    Report::of(&database(), inventory, &options).unwrap()
}

fn at(width: usize, now: &str) -> TableOptions {
    TableOptions { width, now: Some(now.parse::<Timestamp>().unwrap()), milliseconds: Some(19) }
}

fn told(report: &Report, width: usize) -> String {
    let text = table(report, &at(width, "2025-11-24T09:30:00Z"));
    // The first two lines are sentences; what is below them is a table.
    for line in text.lines().skip(3) {
        assert!(line.chars().count() <= width, "{width}: {line}");
    }
    text
}

#[test]
fn a_table_answers_first_and_fits_its_terminal() {
    let report = report_of(&inventory());
    insta::assert_snapshot!("table_80", told(&report, 80));
    insta::assert_snapshot!("table_140", told(&report, 140));
    insta::assert_snapshot!("table_56", told(&report, 56));
}

#[test]
fn a_table_without_findings_says_why() {
    let mut empty = inventory();
    empty.subject = Subject::Directory { name: "tree".to_owned() };
    empty.layers = Vec::<Layer>::new();
    empty.components.clear();
    empty.edges.clear();
    insta::assert_snapshot!(table(&report_of(&empty), &at(80, "2025-11-24T09:30:00Z")), @"
    tree: no findings in what could be checked
    advisories of 2025-11-24 03:10 (6 h old), 0 components, 19 ms
    nothing in it names a package: 0 components
    ");
}

#[test]
fn advisories_are_old_after_a_week() {
    let moment = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let newest = moment("2025-11-24T03:10:00Z");
    let old = "the advisories are older than 7 days: what was published since is not found";
    for (newest, now, expected) in [
        (None, "2031-01-01T00:00:00Z", None),
        (Some(newest), "2025-11-23T00:00:00Z", None),
        (Some(newest), "2025-12-01T03:10:00Z", None),
        (Some(newest), "2025-12-01T03:10:01Z", Some(old)),
    ] {
        assert_eq!(findings::are_old(newest, moment(now)).as_deref(), expected, "{now}");
    }
}

#[test]
fn a_release_past_its_end_is_told() {
    let mut old = inventory();
    old.components.clear();
    old.edges.clear();
    let check = |id: &str, version: &str, now: &str, expected: &str| {
        let mut old = old.clone();
        if let Some(release) = &mut old.distribution {
            id.clone_into(&mut release.id);
            release.version_id = Some(version.to_owned());
            release.pretty_name = None;
            release.codename = None;
        }
        let text = table(&report_of(&old), &at(80, now));
        let others = ["the advisories are older than", "no feed ", "nothing in it names a package"];
        let is_other = |line: &&str| others.iter().any(|other| line.starts_with(other));
        let told = text.lines().skip(2).find(|line| !is_other(line));
        assert_eq!(told.unwrap_or_default(), expected, "{id} {version} {now}");
    };
    check("debian", "12", "2025-11-24T09:30:00Z", "");
    check("debian", "12", "2028-06-30T09:30:00Z", "");
    check(
        "debian",
        "12",
        "2028-07-01T00:00:00Z",
        "debian 12 has had no fixes since 2028-06-30: what is found later is not mended there",
    );
    check(
        "ubuntu",
        "20.04",
        "2025-11-24T09:30:00Z",
        "ubuntu 20.04 has been mended since 2025-05-29 only for those who pay for it, until 2030-04-23",
    );
    check(
        "ubuntu",
        "20.04",
        "2031-01-01T09:30:00Z",
        "ubuntu 20.04 has had no fixes since 2025-05-29: what is found later is not mended there",
    );
}

#[test]
fn a_table_tells_nothing_that_a_terminal_obeys() {
    let mut report = report_of(&inventory());
    let evil = "\u{1b}[2Ja\r\n\u{202e}b";
    report.source = Subject::Directory { name: evil.to_owned() };
    for finding in &mut report.findings {
        evil.clone_into(&mut finding.vulnerability);
        finding.fix.version = Some(evil.to_owned());
    }
    for component in &mut report.components {
        evil.clone_into(&mut component.name);
        component.version = Some(evil.to_owned());
        component.locations = vec![Location::new(evil, Some(0))];
    }
    for layer in &mut report.layers {
        layer.created_by = Some(evil.to_owned());
    }
    let text = table(&report, &at(80, "2025-11-24T09:30:00Z"));
    assert!(!text.contains(['\u{1b}', '\r', '\u{202e}']), "{text:?}");
}

#[test]
fn json_is_the_report() {
    let report = report_of(&inventory());
    assert_eq!(serde_json::from_str::<Report>(&json(&report)).unwrap(), report);
}

#[test]
fn grype_json_has_what_its_readers_read() {
    let text = grype(&report_of(&inventory()), &inventory());
    insta::assert_snapshot!("grype", text);
}

#[test]
fn sarif_has_what_code_hosts_read() {
    let written = sarif(&report_of(&inventory()));
    assert_eq!(written.left_out, None);
    check_sarif(&written.text);
    insta::assert_snapshot!("sarif", written.text);
}

/// The required members of SARIF 2.1.0, and of GitHub's "SARIF support for code scanning".
fn check_sarif(text: &str) {
    let document: Value = serde_json::from_str(text).unwrap();
    assert_eq!(document["version"], "2.1.0");
    assert!(document["$schema"].as_str().unwrap().ends_with("sarif-schema-2.1.0.json"));
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(run["tool"]["driver"]["name"].is_string());
    for rule in rules {
        for (member, inner) in
            [("shortDescription", "text"), ("fullDescription", "text"), ("help", "text"), ("help", "markdown")]
        {
            assert!(!rule[member][inner].as_str().unwrap().is_empty(), "{rule}");
        }
        assert!(rule["id"].is_string() && rule["helpUri"].as_str().unwrap().starts_with("https://"), "{rule}");
        assert!(rule["properties"]["tags"].as_array().unwrap().len() <= TAGS_MAX, "{rule}");
        if let Some(severity) = rule["properties"]["security-severity"].as_str() {
            assert!((0.0..=10.0).contains(&severity.parse::<f64>().unwrap()), "{rule}");
        }
    }
    let results = run["results"].as_array().unwrap();
    assert!(results.len() <= RESULTS_MAX);
    for result in results {
        let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(result["ruleId"], rules[rule]["id"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let locations = result["locations"].as_array().unwrap();
        assert!((1..=LOCATIONS_MAX).contains(&locations.len()));
        for location in locations {
            let place = &location["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(!uri.is_empty() && !uri.starts_with('/') && !uri.contains([' ', ':']), "{uri}");
            assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
        }
        assert!(result["partialFingerprints"]["primaryLocationLineHash"].is_string());
    }
}

/// The schema of SARIF 2.1.0 (`sarif-schema-2.1.0.json` of OASIS) is not among the test data; it lies under this name in `GARRISON_PEERS/schemas`.
#[test]
fn sarif_is_valid_by_its_schema() {
    let Some(schemas) = testkit::peer_directory("schemas") else { return };
    let schema = read_json(&schemas.join("sarif-2.1.0.schema.json"));
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let mut empty = inventory();
    empty.components.clear();
    empty.edges.clear();
    for inventory in [inventory(), empty] {
        let document: Value = serde_json::from_str(&sarif(&report_of(&inventory)).text).unwrap();
        let errors: Vec<_> =
            validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn grype_json_relates_no_records_of_other_packages() {
    let (npm, gems) = (Ecosystem::new(Family::Npm), Ecosystem::new(Family::RubyGems));
    let advisories = vec![
        advisory("GHSA-1", &["CVE-2018-1"], vec![affected(&npm, "lodash", &["..4.17.11!"])]),
        advisory("lodash-rails/CVE-2018-1", &["CVE-2018-1"], vec![affected(&gems, "lodash-rails", &["..4.17.11!"])]),
    ];
    let records = Records { advisories, ..Records::default() };
    let database = database_of(vec![(feed("github", "osv", 0), records)]);
    let mut lodash = component(PackageType::Npm, "lodash", "4.17.10");
    lodash.purl = Some("pkg:npm/lodash@4.17.10".parse().unwrap());
    let inventory = Inventory { components: vec![lodash], edges: Vec::new(), ..inventory() };
    let report = Report::of(&database, &inventory, &Options::default()).unwrap();
    let document: Value = serde_json::from_str(&grype(&report, &inventory)).unwrap();
    let found = &document["matches"][0];
    let related = found["relatedVulnerabilities"].as_array().unwrap();
    let names: Vec<_> = std::iter::once(&found["vulnerability"]).chain(related).map(|one| &one["id"]).collect();
    assert_eq!(names, ["GHSA-1", "CVE-2018-1"]);
}

/// Grype reads our document into its own types and renders its own template of it.
#[test]
fn grype_explains_what_is_in_its_format() {
    let Some(program) = testkit::program("grype") else { return };
    let home = tempfile::tempdir().unwrap();
    let text = grype(&report_of(&inventory()), &inventory());
    fs::write(home.path().join("ours.json"), &text).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let matches = document["matches"].as_array().unwrap();
    assert!(matches.len() > 3);
    for found in matches {
        let (vulnerability, artifact) = (&found["vulnerability"], &found["artifact"]);
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        let mut command = Command::new(&program);
        command.args(["explain", "--id", &word(&vulnerability["id"])]).env_clear().env("HOME", home.path());
        command.env("GRYPE_CHECK_FOR_APP_UPDATE", "false").current_dir(home.path());
        let output = command.stdin(fs::File::open(home.path().join("ours.json")).unwrap()).output().unwrap();
        let explained = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let package = format!("Package: {}, version: {}\n", word(&artifact["name"]), word(&artifact["version"]));
        let place = format!("- {}\n", word(&artifact["locations"][0]["path"]));
        let named = format!("{} from {} ", word(&vulnerability["id"]), word(&vulnerability["namespace"]));
        for told in [named, package, place, format!("PURL: {}\n", word(&artifact["purl"]))] {
            assert!(explained.contains(&told), "{told}\n{explained}");
        }
        for other in found["relatedVulnerabilities"].as_array().unwrap() {
            assert!(explained.contains(&word(&other["id"])), "{other}\n{explained}");
        }
    }
}

/// Grype's own templates, by the names that its source gives the fields of its format.
#[test]
fn templates_of_grype_render_what_is_in_its_format() {
    let Some(go) = testkit::program("go") else { return };
    let Some(module) = testkit::go_module("github.com/anchore/grype", "v0.116.0") else { return };
    let home = tempfile::tempdir().unwrap();
    let (program, ours) = (home.path().join("render"), home.path().join("ours.json"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/referees/grype_templates.go");
    let built =
        Command::new(go).args(["build", "-o"]).arg(&program).arg(source).current_dir(home.path()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let text = grype(&report_of(&inventory()), &inventory());
    fs::write(&ours, &text).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut templates = 0;
    for entry in fs::read_dir(module.join("templates")).unwrap() {
        let template = entry.unwrap().path();
        if template.extension().is_none_or(|extension| extension != "tmpl") {
            continue;
        }
        templates += 1;
        let run = Command::new(&program).args([&module, &ours, &template]).output().unwrap();
        assert!(run.status.success(), "{}: {}", template.display(), String::from_utf8_lossy(&run.stderr));
        let rendered = String::from_utf8(run.stdout).unwrap();
        for found in document["matches"].as_array().unwrap() {
            let (vulnerability, artifact) = (&found["vulnerability"], &found["artifact"]);
            for word in [&vulnerability["id"], &vulnerability["severity"], &artifact["name"], &artifact["version"]] {
                assert!(rendered.contains(word.as_str().unwrap()), "{}: {word}\n{rendered}", template.display());
            }
        }
        let name = template.file_stem().unwrap().to_str().unwrap().to_owned();
        if ["csv", "junit", "markdown"].contains(&&*name) {
            insta::assert_snapshot!(format!("grype_template_{name}"), rendered);
        }
    }
    assert!(templates >= 5, "{templates}");
}

fn fingerprints(inventory: &Inventory) -> Vec<String> {
    let document: Value = serde_json::from_str(&sarif(&report_of(inventory)).text).unwrap();
    let results = document["runs"][0]["results"].as_array().unwrap();
    let mut prints: Vec<String> = results
        .iter()
        .map(|result| result["partialFingerprints"]["garrison/v1"].as_str().unwrap().to_owned())
        .collect();
    prints.sort();
    prints
}

#[test]
fn a_fingerprint_is_of_the_component_and_its_place() {
    let before = fingerprints(&inventory());
    assert_eq!(before.iter().collect::<std::collections::BTreeSet<_>>().len(), before.len(), "each has its own");
    let mut moved = inventory();
    moved.layers.insert(0, moved.layers[0].clone());
    for component in &mut moved.components {
        for location in &mut component.locations {
            location.layer = location.layer.map(|layer| layer + 1);
        }
        component.properties.insert("line".into(), "7".to_owned());
    }
    assert_eq!(fingerprints(&moved), before, "another layer is the same place");
    let mut elsewhere = inventory();
    for component in &mut elsewhere.components {
        for location in &mut component.locations {
            location.path.insert_str(0, "/opt");
        }
    }
    assert_ne!(fingerprints(&elsewhere), before, "another file is not");
}

#[test]
fn paths_are_relative_to_what_the_code_host_holds() {
    let uris = |subject: Subject| {
        let mut inventory = inventory();
        inventory.subject = subject;
        let document: Value = serde_json::from_str(&sarif(&report_of(&inventory)).text).unwrap();
        let place = &document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
        place.to_string()
    };
    let directory = |name: &str| uris(Subject::Directory { name: name.to_owned() });
    assert_eq!(directory("."), r#"{"uri":"app/app.jar"}"#);
    assert_eq!(directory("./services/api"), r#"{"uri":"services/api/app/app.jar"}"#);
    assert_eq!(directory("/work/services"), r#"{"uri":"app/app.jar"}"#);
    assert_eq!(directory("../services"), r#"{"uri":"app/app.jar"}"#);
    assert_eq!(uris(Subject::File { name: "dist/app.jar".to_owned(), sha256: None }), r#"{"uri":"dist/app.jar"}"#);
    assert_eq!(uris(inventory().subject), r#"{"uri":"app/app.jar","uriBaseId":"ROOTPATH"}"#);
}

#[test]
fn what_a_code_host_would_refuse_is_left_out_and_said() {
    let mut report = report_of(&inventory());
    let last = report.findings[0].clone();
    let check = |report: &Report, expected: Option<&str>| {
        let written = sarif(report);
        assert_eq!(written.left_out.as_deref(), expected);
        let document: Value = serde_json::from_str(&written.text).unwrap();
        let run = &document["runs"][0];
        assert_eq!(run["results"].as_array().unwrap().len(), RESULTS_MAX);
        assert_eq!(run["invocations"][0]["toolExecutionNotifications"].is_array(), expected.is_some());
    };
    report.findings = vec![last.clone(); RESULTS_MAX];
    check(&report, None);
    report.findings.push(last.clone());
    check(&report, Some("1 of 25001 findings are left out, the least severe: code hosts take 25000"));
    report.findings.truncate(1);
    report.findings[0].weaknesses = (1..100).collect();
    report.components[last.component.index].locations = vec![Location::new("/a", None); LOCATIONS_MAX + 1];
    check_sarif(&sarif(&report).text);
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn validator(directory: &Path, version: &str) -> Validator {
    let schemas = directory.join("cyclonedx/schema");
    let mut registry = Registry::new();
    for name in ["spdx.schema.json", "jsf-0.82.schema.json", "cryptography-defs.schema.json"] {
        registry = registry.add(format!("http://cyclonedx.org/schema/{name}"), read_json(&schemas.join(name))).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let schema = read_json(&schemas.join(format!("bom-{version}.schema.json")));
    jsonschema::options().should_validate_formats(true).with_registry(&registry).build(&schema).unwrap()
}

fn written(report: &Report, version: CycloneDxVersion) -> Vec<u8> {
    let options = WriteOptions { layout: Layout::Indented, ..WriteOptions::new(Format::default()) };
    cyclonedx(report, &inventory(), version, &options)
}

#[test]
fn cyclonedx_names_each_vulnerability_and_what_it_affects() {
    let bytes = written(&report_of(&inventory()), CycloneDxVersion::V1_6);
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    let text = serde_json::to_string_pretty(&document["vulnerabilities"]).unwrap();
    insta::assert_snapshot!("cyclonedx", text);
}

#[test]
fn cyclonedx_with_vulnerabilities_is_valid_and_the_inventory_comes_back() {
    let bundle = testkit::bundle("schemas/schemas");
    let report = report_of(&inventory());
    for version in CycloneDxVersion::ALL {
        let bytes = written(&report, version);
        assert_eq!(read(&bytes).unwrap().inventory, inventory(), "{}", version.name());
        let Some(bundle) = &bundle else { continue };
        let document: Value = serde_json::from_slice(&bytes).unwrap();
        let validator = validator(bundle.path(), version.name());
        let errors: Vec<_> =
            validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{} {errors:#?}", version.name());
    }
}

#[test]
fn every_document_is_the_same_each_time() {
    let report = report_of(&inventory());
    assert_eq!(grype(&report, &inventory()), grype(&report, &inventory()));
    assert_eq!(sarif(&report), sarif(&report));
    for version in CycloneDxVersion::ALL {
        assert_eq!(written(&report, version), written(&report, version));
    }
}
