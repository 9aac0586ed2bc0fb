//! Patterns over repository names.

use access::{GLOB_BYTES_MAX, Glob};
use proptest::prelude::*;

fn check(pattern: &str, name: &str, expected: bool) {
    assert_eq!(Glob::parse(pattern).unwrap().matches(name), expected, "{pattern} on {name}");
}

fn check_refused(pattern: &str, expected: &str) {
    assert_eq!(Glob::parse(pattern).unwrap_err().to_string(), expected, "{pattern:?}");
}

#[test]
fn matching() {
    for (pattern, name, expected) in [
        ("team/api", "team/api2", false),
        ("team/api", "team/ap", false),
        ("team/api", "team/api", true),
        ("team/*", "team/a/b", false),
        ("team/*", "team", false),
        ("team/*", "teams/a", false),
        ("team/*", "other/a", false),
        ("team/*", "team/a", true),
        ("team/**", "team", false),
        ("team/**", "team2/a", false),
        ("team/**", "team/a", true),
        ("team/**", "team/a/b/c", true),
        ("team/**/api", "team/api", false),
        ("team/**/api", "team/a/b/api", true),
        ("team/*/api", "team/a/b/api", false),
        ("team/*/api", "team/a/api", true),
        ("team/web-*", "team/web-", true),
        ("team/web-*", "team/web-a/b", false),
        ("*/base", "a/b/base", false),
        ("*/base", "team/base", true),
        ("**", "a/b/c", true),
        ("**/base", "a/b/base", true),
        ("**base", "team/database", true),
        ("te*m/a*b*c", "team/axbyc", true),
        ("te*m/a*b*c", "team/axbyd", false),
        ("team/a.b", "team/aXb", false),
    ] {
        check(pattern, name, expected);
    }
}

#[test]
fn malformed_patterns_are_refused() {
    check_refused("", "a repository pattern is not empty");
    let character = |c: char| {
        format!("a repository pattern does not hold {c:?}; it has `a-z`, `0-9`, `.`, `_`, `-`, `/`, `*` and `**`")
    };
    for (pattern, refused) in
        [("team/A", 'A'), ("team/?", '?'), ("team/[a]", '['), ("team/a b", ' '), ("team/\\a", '\\'), ("t/\0", '\0')]
    {
        check_refused(pattern, &character(refused));
    }
    for pattern in ["/team", "team/", "team//a", "/", "**/"] {
        check_refused(pattern, "a repository pattern has no empty segment");
    }
    check_refused("team/***", "a repository pattern has `*` or `**`, never more stars in a row");
    check_refused("alpine", "`alpine` matches no repository: write `PROJECT/alpine`");
    check_refused("*", "`*` matches no repository: write `PROJECT/*`");
}

#[test]
fn length_limit() {
    let pattern = |bytes: usize| format!("t/{}", "a".repeat(bytes - 2));
    Glob::parse(&pattern(GLOB_BYTES_MAX - 1)).unwrap();
    let longest = Glob::parse(&pattern(GLOB_BYTES_MAX)).unwrap();
    assert!(longest.matches(longest.as_str()));
    check_refused(&pattern(GLOB_BYTES_MAX + 1), "a repository pattern has at most 255 characters, not 256");
}

#[test]
fn many_stars_stay_cheap() {
    // A backtracking matcher needs more steps for this than there are atoms.
    let pattern = format!("t/{}b", "*a".repeat(120));
    check(&pattern, &format!("t/{}", "a".repeat(253)), false);
}

#[test]
fn reaching_projects() {
    for (pattern, project, reaches, within) in [
        ("team/**", "team", true, true),
        ("team/a", "team", true, true),
        ("team/**", "tea", false, false),
        ("team/**", "teams", false, false),
        ("te*/a", "team", true, false),
        ("te*/a", "other", false, false),
        ("**", "team", true, false),
        ("**/api", "team", true, false),
        ("team**", "team", true, false),
        ("team**", "teamwork", true, false),
    ] {
        let glob = Glob::parse(pattern).unwrap();
        assert_eq!(
            (glob.reaches_project(project), glob.is_within_project(project)),
            (reaches, within),
            "{pattern} {project}"
        );
    }
}

// The definition, spelled out: every way in which each star can be read.
fn oracle(pattern: &[u8], name: &[u8]) -> bool {
    match pattern {
        [] => name.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=name.len()).any(|taken| oracle(rest, &name[taken..])),
        [b'*', rest @ ..] => (0..=name.len())
            .take_while(|taken| !name[..*taken].contains(&b'/'))
            .any(|taken| oracle(rest, &name[taken..])),
        [byte, rest @ ..] => name.first() == Some(byte) && oracle(rest, &name[1..]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn agrees_with_the_definition(pattern in "[ab/*]{1,9}", name in "[ab/]{0,9}") {
        if let Ok(glob) = Glob::parse(&pattern) {
            prop_assert_eq!(glob.matches(&name), oracle(pattern.as_bytes(), name.as_bytes()), "{} on {}", pattern, name);
        }
    }
}

proptest! {
    #[test]
    fn reaches_every_project_in_which_it_matches(pattern in "[ab/*]{1,8}", name in "[ab]{1,3}/[ab/]{0,4}[ab]") {
        if let Ok(glob) = Glob::parse(&pattern) {
            let project = name.split('/').next().unwrap();
            prop_assert!(!glob.matches(&name) || glob.reaches_project(project), "{} on {}", pattern, name);
            prop_assert!(!glob.matches(&name) || !glob.is_within_project("b") || project == "b");
        }
    }

    #[test]
    fn parsing_never_panics(pattern in ".{0,300}", name in ".{0,300}") {
        if let Ok(glob) = Glob::parse(&pattern) {
            prop_assert_eq!(glob.to_string(), pattern);
            let _ = glob.matches(&name);
        }
    }
}
