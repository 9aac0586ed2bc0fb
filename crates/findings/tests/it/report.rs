//! What a report tells, whole.

use findings::{Deciders, Options, Report};

use crate::fixture::{database, inventory};

const WITH_SUMMARIES: Options<'_> =
    Options { deciders: NOBODY, only_fixed: false, with_summaries: true, repairs: None };

const NOBODY: Deciders<'_> =
    Deciders { exceptions: None, repository: None, now: None, statements: None, beside: None, subject: None };

#[test]
fn a_report_tells_all_that_is_known() {
    let report = Report::of(&database(), &inventory(), &WITH_SUMMARIES).unwrap();
    insta::assert_snapshot!("report", serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn a_report_is_read_back_as_it_was_written() {
    let report = Report::of(&database(), &inventory(), &WITH_SUMMARIES).unwrap();
    let bytes = serde_json::to_vec(&report).unwrap();
    assert_eq!(serde_json::from_slice::<Report>(&bytes).unwrap(), report);
}

#[test]
fn what_has_no_fix_can_be_left_out() {
    let options = Options { only_fixed: true, ..Options::default() };
    let report = Report::of(&database(), &inventory(), &options).unwrap();
    assert!(!report.findings.is_empty());
    assert!(report.findings.iter().all(|finding| finding.fix.version.is_some()));
    for (place, component) in report.components.iter().enumerate() {
        assert!(report.findings.iter().any(|finding| finding.component.index == place), "{}", component.name);
    }
}

#[test]
fn nothing_is_found_in_what_has_no_components() {
    let mut empty = inventory();
    empty.components.clear();
    empty.edges.clear();
    let report = Report::of(&database(), &empty, &Options::default()).unwrap();
    assert_eq!((report.findings.len(), report.components.len(), report.inventory.components), (0, 0, 0));
}
