//! The conformance suites of the OCI distribution specification: the rewrite at 1.1 and at the current draft, and the one
//! of the tag v1.1.1. They are run when found on `PATH` or in `GARRISON_REFEREES`.

use std::path::Path;
use std::process::Command;

use testkit::Database;

use crate::hub::{Installation, PASSWORD};
use crate::process::{Ended, run};

testkit::on_both_databases! {
    async fn version_1_1(database: Database) { rewrite(database, "1.1"); }
    async fn draft(database: Database) { rewrite(database, "dev"); }
    async fn tag_1_1_1(database: Database) { old(database); }
}

/// What a suite counts in its report.
#[derive(Debug)]
struct Counts {
    total: u64,
    failed: u64,
    errors: u64,
    skipped: u64,
    disabled: u64,
}

fn rewrite(database: Database, version: &str) {
    let Some(program) = crate::program("oci-conformance") else { return };
    let installation = Installation::new(database);
    let hub = installation.start(&[]);
    let results = tempfile::tempdir().unwrap();
    let mut suite = Command::new(program);
    suite.current_dir(results.path()).envs([
        ("OCI_RESULTS_DIR", "."),
        ("OCI_VERSION", version),
        ("OCI_REGISTRY", hub.address()),
        ("OCI_TLS", "disabled"),
        ("OCI_REPO1", "conformance/first"),
        ("OCI_REPO2", "conformance/second"),
    ]);
    let ended = run(login(&mut suite));
    check(&format!("rewrite at {version} on {}", installation.database()), results.path(), ended);
    hub.stop();
}

fn old(database: Database) {
    let Some(program) = crate::program("oci-conformance-1.1.1") else { return };
    let installation = Installation::new(database);
    let hub = installation.start(&[]);
    let results = tempfile::tempdir().unwrap();
    let mut suite = Command::new(program);
    suite.current_dir(results.path()).env("OCI_REPORT_DIR", results.path()).envs([
        ("OCI_ROOT_URL", format!("http://{}", hub.address()).as_str()),
        ("OCI_NAMESPACE", "conformance/first"),
        ("OCI_CROSSMOUNT_NAMESPACE", "conformance/second"),
        ("OCI_TEST_PULL", "1"),
        ("OCI_TEST_PUSH", "1"),
        ("OCI_TEST_CONTENT_DISCOVERY", "1"),
        ("OCI_TEST_CONTENT_MANAGEMENT", "1"),
        ("OCI_HIDE_SKIPPED_WORKFLOWS", "1"),
    ]);
    let ended = run(login(&mut suite));
    check(&format!("tag v1.1.1 on {}", installation.database()), results.path(), ended);
    hub.stop();
}

fn login(suite: &mut Command) -> &mut Command {
    suite.env("OCI_USERNAME", "admin").env("OCI_PASSWORD", PASSWORD)
}

fn check(name: &str, results: &Path, ended: Ended) {
    let succeeded = ended.is_success();
    let report = std::fs::read_to_string(results.join("junit.xml"));
    let Ok(report) = report else { panic!("{name}: no report: {}", ended.output()) };
    let counts = Counts::read(&report);
    let passed = counts.total - counts.failed - counts.errors - counts.skipped - counts.disabled;
    eprintln!("conformance, {name}: {passed} passed, {counts:?}");
    let failures: Vec<&str> = report.lines().filter(|line| line.contains("<failure")).collect();
    assert!(succeeded && counts.failed == 0 && counts.errors == 0, "{name}: {failures:#?}\n{}", ended.output());
    assert!(passed >= 70, "{name}: the suite checked hardly anything");
}

impl Counts {
    /// Reads the attributes of the only suite of a `JUnit` report.
    fn read(report: &str) -> Self {
        let (_, suite) = report.split_once("<testsuite ").unwrap();
        let (attributes, _) = suite.split_once('>').unwrap();
        let count = |name: &str| {
            // What is zero is left out.
            let value = attributes.split_once(&format!("{name}=\"")).map_or("0", |(_, value)| value);
            value.split('"').next().unwrap().parse().unwrap()
        };
        Self {
            total: count("tests"),
            failed: count("failures"),
            errors: count("errors"),
            skipped: count("skipped"),
            disabled: count("disabled"),
        }
    }
}
