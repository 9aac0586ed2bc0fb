//! The documents with which OASIS tests validators of CSAF: what is named valid is read; what is named invalid is refused where the rule that it
//! breaks decides what is said about which product. Each of the other rules is listed with the reason for leaving it to validators.

use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use vex::Refusal;

#[derive(Deserialize)]
struct Suite {
    tests: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    id: String,
    #[serde(default)]
    failures: Vec<Case>,
    #[serde(default)]
    valid: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    valid: bool,
}

/// The rules that are not enforced, each with the reason.
const NOT_ENFORCED: &[(&str, &str)] = &[
    ("6.1.7", "about scores, which are not read"),
    ("6.1.9", "about scores, which are not read"),
    ("6.1.10", "about scores, which are not read"),
    ("6.1.11", "about weaknesses, which are not read"),
    ("6.1.12", "about the language of texts"),
    (
        "6.1.13",
        "a purl that is none matches nothing and is counted; the vendor's other products need not suffer for it",
    ),
    ("6.1.14", "about the history of the document, which is not read"),
    ("6.1.15", "about translators"),
    ("6.1.16", "about the history of the document, which is not read"),
    ("6.1.17", "about the history of the document, which is not read"),
    ("6.1.18", "about the history of the document, which is not read"),
    ("6.1.19", "about the history of the document, which is not read"),
    ("6.1.20", "about the history of the document, which is not read"),
    ("6.1.21", "about the history of the document, which is not read"),
    ("6.1.22", "about the history of the document, which is not read"),
    ("6.1.24", "about who was involved"),
    ("6.1.26", "a misspelt category makes no profile, whose rules then do not hold; the statuses say the same"),
    ("6.1.27.1", "about notes"),
    ("6.1.27.2", "about references to other documents"),
    ("6.1.27.5", "about notes"),
    ("6.1.27.10", "that something is affected is true without advice on it"),
    ("6.1.27.12", "what is not listed as affected is not said to be"),
    ("6.1.27.13", "what is not listed as affected is not said to be"),
    ("6.1.27.14", "about notes"),
    ("6.1.27.15", "a product tree without vulnerabilities says nothing"),
    ("6.1.27.16", "about the history of the document, which is not read"),
    ("6.1.27.17", "about notes"),
    ("6.1.27.18", "about notes"),
    ("6.1.27.19", "about references to other documents"),
    ("6.1.28", "about the language of texts"),
    ("6.1.30", "about the form of the document's versions: those that cannot be compared replace none"),
    ("6.1.35", "about remediations: one of them is told as advice"),
    ("6.1.37", "a time that cannot be read is counted, and the statement is as old as can be"),
    ("6.1.38", "about who may have the document"),
    ("6.1.41", "about who may have the document"),
    ("6.1.43", "about model numbers, which components do not have"),
    ("6.1.44", "about serial numbers, which components do not have"),
    ("6.1.46", "about priorities (SSVC), which are not read"),
    ("6.1.47", "about priorities (SSVC), which are not read"),
    ("6.1.50", "a range that cannot be read matches nothing and is counted"),
    ("6.1.52", "about exploitation, which is not read"),
    ("6.1.56", "about scores, which are not read"),
    ("6.1.59", "a range of one version is that version"),
    ("6.1.61", "about stock keeping units, which components do not have"),
];

/// Documents that break another rule than the one that they are for: each with the rule that refuses it. Those that end in `-11` and above are
/// named valid nevertheless, and the one of 6.2.
const BREAK_ANOTHER: &[(&str, &str)] = &[
    ("mandatory/oasis_csaf_tc-csaf_2_1-2024-6-1-27-08-01.json", "6.1.27.4"),
    ("mandatory/oasis_csaf_tc-csaf_2_1-2024-6-1-27-13-16.json", "6.1.2"),
    ("mandatory/oasis_csaf_tc-csaf_2_1-2024-6-1-50-04.json", "6.1.2"),
    ("mandatory/oasis_csaf_tc-csaf_2_1-2024-6-1-50-05.json", "6.1.2"),
    ("mandatory/oasis_csaf_tc-csaf_2_1-2024-6-1-50-14.json", "6.1.2"),
    ("mandatory/oasis_csaf_tc-csaf_2_1-2024-6-1-50-15.json", "6.1.2"),
    ("recommended/oasis_csaf_tc-csaf_2_1-2024-6-2-54-03-01.json", "6.1.1"),
];

#[test]
fn of_csaf_2_0() {
    if let Some(bundle) = testkit::bundle("vex-csaf/csaf-2.0-validator") {
        insta::assert_snapshot!("csaf_2_0", judge(&bundle.path().join("csaf_2.0/test/validator/data")));
    }
}

#[test]
fn of_csaf_2_1() {
    if let Some(bundle) = testkit::bundle("vex-csaf/csaf-2.1-validator") {
        insta::assert_snapshot!("csaf_2_1", judge(&bundle.path().join("csaf_2.1/test/validator/data")));
    }
}

fn judge(folder: &Path) -> String {
    let suite: Suite = serde_json::from_slice(&std::fs::read(folder.join("testcases.json")).unwrap()).unwrap();
    let mut text = String::new();
    let (mut valid, mut wrong) = (0, Vec::new());
    for rule in &suite.tests {
        let reason = NOT_ENFORCED.iter().find(|(id, _)| *id == rule.id).map(|(_, reason)| *reason);
        let mut invalid = 0;
        for case in rule.failures.iter().chain(&rule.valid) {
            let expected = match (case.valid, BREAK_ANOTHER.iter().find(|(name, _)| *name == case.name)) {
                (_, Some((_, broken))) => Some(*broken),
                (false, None) if reason.is_none() => Some(&*rule.id),
                _ => None,
            };
            let found = match vex::read(&std::fs::read(folder.join(&case.name)).unwrap()) {
                Ok(_) => None,
                Err(Refusal::Rule { rule: number, .. }) => Some(number.to_owned()),
                Err(refusal) => Some(refusal.to_string()),
            };
            if found.as_deref() != expected {
                wrong.push(format!("{}: {found:?} instead of {expected:?}", case.name));
            }
            valid += usize::from(case.valid && expected.is_none());
            invalid += usize::from(!case.valid);
        }
        match reason {
            _ if invalid == 0 => {}
            None => writeln!(text, "{}: {invalid} refused", rule.id).unwrap(),
            Some(reason) => writeln!(text, "{}: {invalid} left to validators: {reason}", rule.id).unwrap(),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    writeln!(text, "{valid} valid documents were read").unwrap();
    text
}
