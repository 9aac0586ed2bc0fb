//! Other scanners' rules as exceptions.

use std::fmt::Write as _;

use policy::import::{Defaults, Imported, Source, import};
use policy::{Exceptions, ReadError, parse_moment};

fn defaults() -> Defaults {
    Defaults {
        owner: "team-a@example.com".to_owned(),
        created: parse_moment("2026-11-01").unwrap(),
        expires: parse_moment("2027-02-01").unwrap(),
    }
}

fn imported(source: Source, text: &str) -> String {
    let Imported { exceptions, remarks } = import(source, text.as_bytes(), &defaults()).unwrap();
    let mut shown = exceptions.to_yaml();
    assert_eq!(Exceptions::read(shown.as_bytes()), Ok(exceptions));
    for remark in remarks {
        let outcome = if remark.is_left_out { "left out" } else { "changed" };
        writeln!(shown, "line {}, {}: {outcome}: {}", remark.line, remark.rule, remark.what).unwrap();
    }
    shown
}

#[test]
fn sources_are_known_by_name_and_content() {
    for (name, text, expected) in [
        (".trivyignore", "CVE-2024-1\n", Source::TrivyIgnore),
        ("ignored", "# ignore: nothing\n", Source::TrivyIgnore),
        (".trivyignore.yaml", "", Source::TrivyIgnoreYaml),
        ("rules", "vulnerabilities:\n- id: x\n", Source::TrivyIgnoreYaml),
        ("/etc/.grype.yaml", "", Source::Grype),
        ("config.yaml", "ignore:\n", Source::Grype),
    ] {
        assert_eq!(Source::recognize(name, text.as_bytes()), expected, "{name}");
    }
}

#[test]
fn of_trivys_lines() {
    let shown = imported(
        Source::TrivyIgnore,
        "# Accept the risk\n# until the vendor moves\nCVE-2018-14618\n\nCVE-2018-14619 exp:2027-01-15\nCVE-2018-14620 exp:2026-10-01\n\
         CVE-2018-14621 exp:2030-01-01 # for ever\nCVE-2018-14622 exp:soon\nCVE-2018-14623 exp:2027-01-01 more\n# No impact in our settings\n\
         GHSA-jfh8-c2jp-5v3q # behind a\u{7f}proxy\nAVD-DS-0002\ngeneric-unwanted-rule\nCVE-2018-14618\nCVE-2018-14624,CVE-2018-14625\n",
    );
    insta::assert_snapshot!(shown);
}

#[test]
fn of_trivys_yaml() {
    let shown = imported(
        Source::TrivyIgnoreYaml,
        r#"vulnerabilities:
  - id: CVE-2022-40897
    paths:
      - "usr/local/lib/python3.9/site-packages/setuptools-58.1.0.dist-info/METADATA"
      - "**/a.jar"
    statement: Accept the risk
  - id: CVE-2023-2650
    purls: ["pkg:deb/debian/libssl1.1", "pkg:npm/@scope/a@1.0"]
    expired_at: 2027-01-01
  - id: CVE-2023-3446
    paths: ["a/{b,c}"]
  - id: "*"
  - id: ""
  - id: CVE-2023-3817
    purls: ["libssl"]
misconfigurations:
  - id: AVD-DS-0001
    paths: ["docs/Dockerfile"]
secrets:
  - id: aws-access-key-id
licenses:
  - id: GPL-3.0
"#,
    );
    insta::assert_snapshot!(shown);
}

#[test]
fn of_grypes_rules() {
    let shown = imported(
        Source::Grype,
        r#"output: table
fail-on-severity: high
ignore:
  - vulnerability: CVE-2008-4318
    fix-state: unknown
  - vulnerability: CVE-2008-4319
    include-aliases: true
    reason: "checked by us"
  - vulnerability: CVE-2008-4320
    fix-state: not-fixed
    package:
      name: libcurl
      version: 1.5.1
      type: npm
      location: "/usr/local/lib/node_modules/**"
  - package:
      type: gem
  - package:
      name: "@scope/name"
      type: npm
  - package:
      name: "linux(-.*)?-headers-.*"
  - package:
      name: "linux-.*"
      type: deb
  - package:
      name: github.com/a/b
      language: go
  - package:
      name: a
      version: 1.0+b
  - package:
      name: log4j-.*
      type: java-archive
  - package:
      type: cobol
  - package:
      upstream-name: linux
  - vulnerability: CVE-2020-1
    namespace: nvd
  - vulnerability: CVE-2020-2
    match-type: cpe-match
  - vulnerability: CVE-2020-*
  - vex-status: not_affected
  - fix-state: wont-fix
  - package:
      name: "/usr.*"
  - package:
      name: "^/usr/local/bin/node$"
      type: binary
  - package:
      name: "@scope/"
      type: npm
"#,
    );
    insta::assert_snapshot!(shown);
}

#[test]
fn what_cannot_be_read_is_refused() {
    let check = |source: Source, text: &str, expected: &str| {
        let error = import(source, text.as_bytes(), &defaults()).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{text}: {error}");
    };
    check(Source::Grype, "ignore:\n- vulnerabilty: CVE-1\n", "line 2, column 3: there is no field `vulnerabilty` here");
    check(Source::Grype, "ignore: [\n", "line");
    check(Source::TrivyIgnoreYaml, "vulnerabilities:\n- paths: []\n", "line 2, column 3: the field `id` is missing");
    check(Source::TrivyIgnoreYaml, "vulnerabilites: []\n", "line 1, column 1: there is no field `vulnerabilites` here");
    let error = import(Source::TrivyIgnore, b"\xff", &defaults()).unwrap_err();
    assert_eq!(error, ReadError::Utf8);
    let forever = Defaults { expires: parse_moment("2030-01-01").unwrap(), ..defaults() };
    let error = import(Source::TrivyIgnore, b"", &forever).unwrap_err();
    assert!(error.to_string().contains("the limit is 366"), "{error}");
}
