use super::*;
use crate::interval::show;

fn read_text(path: &str, text: &str) -> Records {
    let mut records = Records::default();
    READER.read(&Document { path, bytes: text.as_bytes() }, &mut records);
    records
}

fn advisory(rest: &str) -> String {
    format!("```toml\n[advisory]\nid = \"RUSTSEC-2021-0001\"\npackage = \"p\"\ndate = \"1970-01-02\"\n{rest}\n```\n\n# Title\n\ntext\n")
}

#[test]
fn what_is_no_advisory_is_refused() {
    let check = |text: &str, expected: Problem| {
        let records = read_text("crates/p/a.md", text);
        assert_eq!(records.problems.keys().collect::<Vec<_>>(), [&expected], "{text}");
        assert_eq!(records.advisories, [], "{text}");
    };
    let versions = "[versions]\npatched = []";
    check("", Problem::Format);
    check("# Title", Problem::Format);
    check("```toml\n[advisory]\n", Problem::Format);
    check("```toml\n[advisory\n```\n", Problem::Format);
    check(&advisory(""), Problem::Format);
    check(&advisory(&format!("informational = \"rumour\"\n{versions}")), Problem::Word("kind of advisory"));
    for (requirement, problem) in [
        ("", Problem::Version),
        ("one", Problem::Version),
        (">= 1.2.3.4", Problem::Version),
        (">= 1.2-rc.1", Problem::Version),
        ("*", Problem::Version),
        ("^18446744073709551615.0.0", Problem::Version),
        ("!= 1.0.0", Problem::Word("requirement")),
        ("^1.0.0, < 1.5.0", Problem::Word("requirement")),
    ] {
        check(&advisory(&format!("[versions]\npatched = [\"{requirement}\"]")), problem);
    }
    check(&advisory("[versions]\npatched = [\">= 1.0.0\", \"< 1.0.0\"]"), Problem::NoPackage);
    let many = |count: usize| advisory(&format!("[versions]\npatched = {:?}", vec![">= 1.0.0"; count]));
    check(&many(REQUIREMENTS_MAX + 1), Problem::TooMany("requirements"));
    assert_eq!(read_text("crates/p/a.md", &many(REQUIREMENTS_MAX)).advisories.len(), 1);
    let many = |count: usize| advisory(&format!("aliases = {:?}\n{versions}", vec!["CVE-1"; count]));
    check(&many(NAMES_MAX + 1), Problem::TooMany("names"));
    assert_eq!(read_text("crates/p/a.md", &many(NAMES_MAX)).advisories.len(), 1);
}

#[test]
fn what_comes_with_the_compiler_is_refused() {
    let records = read_text("rust/std/CVE-2021-1.md", &advisory("[versions]\npatched = []"));
    assert_eq!(records.problems.keys().collect::<Vec<_>>(), [&Problem::Ecosystem("Rust".to_owned())]);
}

#[test]
fn affected_is_what_no_requirement_holds() {
    let check = |unaffected: &[&str], patched: &[&str], expected: &[&str]| {
        let text = advisory(&format!("[versions]\nunaffected = {unaffected:?}\npatched = {patched:?}"));
        let records = read_text("crates/p/a.md", &text);
        let found: Vec<_> = records.advisories[0].affected[0].intervals.iter().map(show).collect();
        assert_eq!(found, expected, "{unaffected:?} {patched:?}");
    };
    check(&[], &[], &[".."]);
    check(&[], &[">= 1.2.3"], &["..1.2.3!"]);
    check(&[], &[">= 1"], &["..1.0.0!"]);
    check(&[], &[">1.2.3"], &["..1.2.3]"]);
    check(&[], &[">= 1.2.3-rc.1"], &["..1.2.3-rc.1!"]);
    check(&[], &["=1.2.3"], &["..1.2.3!", "(1.2.3.."]);
    check(&[], &["1.2.3", ">= 2.0.1"], &["..1.2.3!", "[2.0.0-0..2.0.1!"]);
    check(&[], &["^0.2.3"], &["..0.2.3!", "[0.3.0-0.."]);
    check(&[], &["^ 0.0.3"], &["..0.0.3!", "[0.0.4-0.."]);
    check(&[], &["^0.0"], &["..0.0.0!", "[0.1.0-0.."]);
    check(&[], &["^0"], &["..0.0.0!", "[1.0.0-0.."]);
    check(&[], &["~1.2.3"], &["..1.2.3!", "[1.3.0-0.."]);
    check(&[], &["~1"], &["..1.0.0!", "[2.0.0-0.."]);
    check(&[], &[">= 1.1.5, < 1.2.0", ">= 1.2.4"], &["..1.1.5!", "[1.2.0..1.2.4!"]);
    check(&[], &["< 1.2.0, >= 1.1.5", ">= 1.2.4"], &["..1.1.5!", "[1.2.0..1.2.4!"]);
    check(&["< 0.5"], &[">= 1.2.3"], &["[0.5.0..1.2.3!"]);
    check(&["<= 0.5.0"], &[], &["(0.5.0.."]);
    check(&["> 2.0.0"], &[], &["..2.0.0]"]);
    check(&[">= 2.0.0"], &[], &["..2.0.0)"]);
}

#[test]
fn the_rest_of_an_advisory_is_read() {
    let text = advisory(
        "url = \"https://example.org/1\"\nreferences = [\"https://example.org/2\", \"\"]\naliases = [\"CVE-1\"]\n\
         informational = \"unsound\"\nwithdrawn = \"1970-01-03\"\ncvss = \"CVSS:3.1/AV:N\"\n\
         [affected]\nos = [\"windows\"]\nfunctions = { \"p::a\" = [\"< 1.0.0\"], \"p::b\" = [] }\n[versions]\npatched = []",
    );
    let records = read_text("a/crates/p/RUSTSEC-2021-0001.md", &text);
    assert_eq!(records.problems.len(), 0);
    let advisory = &records.advisories[0];
    assert_eq!((advisory.id.as_str(), advisory.nature), ("RUSTSEC-2021-0001", Nature::Unsound));
    assert_eq!((advisory.summary.as_str(), advisory.details.as_str()), ("Title", "text"));
    assert_eq!((advisory.published, advisory.withdrawn), (Some(86_400), Some(172_800)));
    assert_eq!(advisory.references.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>(), ["ADVISORY", "WEB"]);
    assert_eq!(advisory.severities[0].rating, Rating::Cvss("CVSS:3.1/AV:N".to_owned()));
    let symbols = [Symbols { path: "p".to_owned(), names: vec!["p::a".to_owned(), "p::b".to_owned()] }];
    assert_eq!(advisory.affected[0].qualifiers.symbols, symbols);
}

#[test]
fn claims_are_advisories_of_crates_and_of_rust() {
    for (path, expected) in [
        ("README.md", false),
        ("crates/p/a.toml", false),
        ("support.toml", false),
        ("crates/p/RUSTSEC-2021-0001.md", true),
        ("advisory-db-main/crates/p/RUSTSEC-2021-0001.md", true),
        ("rust/std/CVE-2021-29922.md", true),
    ] {
        assert_eq!((READER.claims)(path), expected, "{path}");
    }
}

#[test]
fn systems_and_architectures_are_kept() {
    let text = advisory("[versions]\npatched = []\n[affected]\nos = [\"windows\"]\narch = [\"x86\", \"x86_64\"]");
    let records = read_text("crates/p/a.md", &text);
    let qualifiers = &records.advisories[0].affected[0].qualifiers;
    assert_eq!(qualifiers.runs_on, ["o:microsoft:windows"]);
    assert_eq!(qualifiers.architectures, ["x86", "x86_64"]);
    let many = |count: usize| advisory(&format!("[versions]\npatched = []\n[affected]\nos = {:?}", vec!["a"; count]));
    let refused = read_text("crates/p/a.md", &many(NAMES_MAX + 1));
    assert_eq!(refused.problems.keys().collect::<Vec<_>>(), [&Problem::TooMany("names")]);
    assert_eq!(read_text("crates/p/a.md", &many(NAMES_MAX)).advisories.len(), 1);
}
