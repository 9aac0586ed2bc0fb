//! What makes a scan fail.

use findings::{Condition, Options, Report};

use crate::fixture::{database, inventory};

/// The findings that meet a condition, or why it is none.
fn check(condition: &str, expected: &[&str]) {
    let report = Report::of(&database(), &inventory(), &Options::default()).unwrap();
    let found: Vec<String> = match condition.parse::<Condition>() {
        Ok(condition) => {
            let meets = report.findings.iter().filter(|finding| condition.holds(finding));
            meets.map(|finding| format!("{} {}", finding.vulnerability, finding.component.name)).collect()
        }
        Err(error) => vec![error.to_string().split(':').next().unwrap_or_default().to_owned()],
    };
    assert_eq!(found, expected, "{condition}");
}

#[test]
fn what_is_no_condition_is_refused() {
    check("", &["`` is no condition"]);
    check("severe", &["`severe` is no condition"]);
    check("high,", &["`` is no condition"]);
    check("epss", &["`epss` stands with a probability, as in `epss=0.1`; a shell takes `>` for itself"]);
    check("epss>0.1", &["`epss>0.1` is no condition"]);
    check("epss>=1.1", &["`1.1` is no probability"]);
    check("epss=-0.1", &["`-0.1` is no probability"]);
    check("epss=NaN", &["`nan` is no probability"]);
    check("epss=", &["`` is no probability"]);
}

#[test]
fn a_condition_is_all_of_its_words() {
    let critical = ["CVE-2021-44228 log4j-core", "CVE-2021-45046 log4j-core", "MAL-2024-0001 evil"];
    check("critical", &critical);
    check("CRITICAL", &critical);
    check("critical,fixable", &critical[..2]);
    check("critical, fixable, kev", &critical[..1]);
    check("kev", &critical[..1]);
    check("epss>=0.5", &critical[..1]);
    check("epss=0.975", &critical[..1]);
    check("epss>=0.976", &[]);
    check("epss>=0.01,high", &["CVE-2021-44228 log4j-core", "CVE-2023-0286 libssl3", "CVE-2023-0286 openssl"]);
}

#[test]
fn a_severity_is_of_attacks_and_any_is_of_all_that_counts() {
    let report = Report::of(&database(), &inventory(), &Options::default()).unwrap();
    let count = |condition: &str| {
        let condition: Condition = condition.parse().unwrap();
        report.findings.iter().filter(|finding| condition.holds(finding)).count()
    };
    let counted = report.findings.iter().filter(|finding| finding.counts()).count();
    assert!(counted < report.findings.len(), "the fixture has findings that do not count");
    assert_eq!(count("any"), counted);
    assert_eq!(count("negligible"), counted - 1, "all but what is only unmaintained");
}

#[test]
fn a_condition_is_told_as_it_is_given() {
    for text in ["any", "high", "critical,kev", "epss=0.1,fixable"] {
        assert_eq!(text.parse::<Condition>().unwrap().to_string(), text);
    }
    assert_eq!("EPSS=0.10, High".parse::<Condition>().unwrap().to_string(), "epss=0.1,high");
    assert!("high".parse::<Condition>().unwrap().is_severity());
    assert!(!"high,kev".parse::<Condition>().unwrap().is_severity());
}
