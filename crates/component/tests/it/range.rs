use component::range::{RANGE_LENGTH_MAX, RANGE_TERMS_MAX};
use component::{Range, RangeError, Scheme};

#[track_caller]
fn check(scheme: Scheme, range: &str, inside: &[&str], outside: &[&str]) {
    let parsed = Range::parse(scheme, range).unwrap_or_else(|error| panic!("{range}: {error}"));
    for (versions, expected) in [(inside, true), (outside, false)] {
        for version in versions {
            assert_eq!(parsed.contains(version), Ok(expected), "{scheme}: {version} in {range}, read as {parsed}");
        }
    }
    let again = Range::parse(scheme, &parsed.to_string()).unwrap();
    for version in inside.iter().chain(outside) {
        assert_eq!(again.contains(version), parsed.contains(version), "{scheme}: {version} in {parsed}");
    }
}

#[test]
fn what_is_no_range_is_refused() {
    use Scheme::{Apk, Deb, Gem, Go, Maven, Npm, Pep440, Rpm, Semver};
    for (scheme, texts) in [
        (Deb, &["=>1", ">", "><1", ">=1_2", "~1", ">= a:1", "<>1"][..]),
        (Rpm, &["=>1", ">>1", ">", "~1", ">= =1", "= <1"]),
        (Apk, &["~~1", ">=a", "!~1"]),
        (Pep440, &["~=1", ">=1.*", "==1.*.2", "==1a.*", ">=1+x", "~>1", "<", ">=french toast", "==1.dev1.*"]),
        (Gem, &["~1", "^1", ">=a", "~>"]),
        (Go, &["^1.2.3", ">=go1.2", ">=(devel)"]),
        (Npm, &["1.x.5", "x.1", ">=a", "1.2.3.4", "^", "<>1", "!=1", "^9007199254740991.0.0", "1 - ", "1.2-a"]),
        (Semver, &["!=1", "a", "1.2.3-01"]),
        (Maven, &["[1,2", "(1)", "[1,2]x", "[1,2][3]", "[]", "[1,2,3]", "[1,2),", "]1,2[", "[>1,2]", "[1||2]", "[=1]"]),
    ] {
        for text in texts {
            assert!(Range::parse(scheme, text).is_err(), "{scheme}: {text}");
        }
    }
}

#[test]
fn comparisons_are_ranges_of_every_scheme() {
    for scheme in Scheme::ALL {
        check(scheme, ">=1.2.0,<2.0.0", &["1.2.0", "1.9.9", "1.10.0"], &["1.1.9", "2.0.0", "10.0.0"]);
        check(scheme, ">= 1.2.0 < 2.0.0", &["1.2.0"], &["2.0.0"]);
        check(scheme, "<1.0.0||>2.0.0", &["0.9.0", "2.0.1"], &["1.0.0", "2.0.0"]);
        check(scheme, "=1.2.3", &["1.2.3"], &["1.2.4"]);
        check(scheme, "1.2.3", &["1.2.3"], &["1.2.4"]);
        check(scheme, "<=1.2.3", &["1.2.3", "1.2.2"], &["1.2.4"]);
        check(scheme, "", &["0.0.0", "99.0.0"], &[]);
        check(scheme, "*", &["0.0.0", "99.0.0"], &[]);
        assert!(Range::parse(scheme, ">=1.2.0").unwrap().contains("\u{1}").is_err());
    }
}

#[test]
fn each_scheme_has_its_own_ranges() {
    use Scheme::{Apk, Deb, Gem, Go, Maven, Npm, Pep440, Rpm, Semver};
    check(Deb, "(>= 1:1.2-1~)", &["1:1.2-1~deb1", "2:0"], &["1.2-1", "1:1.2"]);
    check(Deb, "<< 2.0, >> 1.0", &["1.5"], &["1.0", "2.0"]);
    check(Deb, "= 1.2", &["1.2", "1.2-0"], &["1.2-1"]);
    check(Rpm, "= 1.2", &["1.2", "1.2-1", "1.2-99.fc40"], &["1.3-1", "1:1.2"]);
    check(Rpm, "< 1.2-3", &["1.2-2", "1.2~rc1-9"], &["1.2-3", "1.2.1-1"]);
    check(Apk, "~1.2", &["1.2", "1.2.3-r4", "1.2_rc1"], &["1.3", "1.20", "1.1"]);
    check(Apk, ">~1.2", &["1.2_rc1", "1.3"], &["1.1"]);
    check(Pep440, ">=1,<2,!=1.5,~=1.4", &["1.4", "1.5.1", "1.9"], &["1.5", "1.3", "2.0", "1.5.0"]);
    check(Pep440, "==1.5.*", &["1.5", "1.5.9", "1.5a1", "1.5.post1", "1.5.dev0"], &["1.4", "1.50", "1!1.5"]);
    check(Pep440, "!=1.5.*", &["1.4"], &["1.5.3"]);
    check(Pep440, "~=2.2.post3", &["2.2.post3", "2.9"], &["2.2", "3.0"]);
    check(Pep440, "<2.0", &["1.9", "1.0rc1"], &["2.0rc1", "2.0.dev1"]);
    check(Pep440, "<2.0rc2", &["2.0rc1"], &["2.0rc2"]);
    check(Pep440, ">1.7", &["1.7.1", "1.8a1"], &["1.7.0.post1", "1.7+local"]);
    check(Pep440, ">1.7.post1", &["1.7.post2"], &["1.7.post1"]);
    check(Pep440, "==1.0", &["1.0", "1", "1.0+local"], &["1.0.1"]);
    check(Pep440, "==1.0+local", &["1.0+LOCAL"], &["1.0"]);
    check(Pep440, "===1.0+x", &["1.0+x", "1.0+X"], &["1.0"]);
    check(Gem, "~> 1.2, != 1.3", &["1.2", "1.9", "1.3.1"], &["1.1", "1.3", "2.0", "2.0.a", "1.2.a"]);
    check(Gem, "~> 1.2.9", &["1.2.9", "1.2.10"], &["1.3", "1.2.8"]);
    check(Gem, "~> 9", &["9.9"], &["10", "8"]);
    check(Gem, "~> 1.99.1", &["1.99.2"], &["1.100"]);
    check(
        Go,
        ">=v1.2.0, <v1.4.0",
        &["v1.3.0", "1.3.0", "v1.4.0-0.20200101000000-abcdefabcdef"],
        &["v1.4.0+incompatible"],
    );
    check(Maven, "[1.2,2.0)", &["1.2", "1.9", "2.0-rc1"], &["2.0", "1.1"]);
    check(Maven, "(,1.0],[1.2,)", &["0.9", "1.0", "1.2", "5"], &["1.1"]);
    check(Maven, "[1.5]", &["1.5", "1.5.0"], &["1.5.1"]);
    check(Maven, "(,)", &["1"], &[]);
    check(Npm, "^1.2 || ~2", &["1.2.0", "1.9.9", "2.9.0", "1.3.0-rc.1"], &["1.1.0", "3.0.0", "3.0.0-0"]);
    check(Npm, "1.2 - 1.4", &["1.2.0", "1.4.9"], &["1.5.0"]);
    check(Npm, "1.x", &["1.0.0", "1.99.0"], &["2.0.0-rc.1", "0.9.0"]);
    check(Npm, "<1.0.0", &["1.0.0-rc.1"], &["1.0.0"]);
    check(Semver, "^0.2.3", &["0.2.3", "0.2.9"], &["0.3.0", "0.2.2", "0.3.0-alpha"]);
    check(Semver, "~1.2", &["1.2.9"], &["1.3.0"]);
    check(Semver, "1.*", &["1.0.0", "1.9.0"], &["2.0.0"]);
}

#[test]
fn a_range_is_bounded() {
    let long = |length: usize| format!(">=1{}", " ".repeat(length - 3));
    assert!(Range::parse(Scheme::Deb, &long(RANGE_LENGTH_MAX - 1)).is_ok());
    assert!(Range::parse(Scheme::Deb, &long(RANGE_LENGTH_MAX)).is_ok());
    assert_eq!(
        Range::parse(Scheme::Deb, &long(RANGE_LENGTH_MAX + 1)),
        Err(RangeError::TooLong { actual: RANGE_LENGTH_MAX + 1 })
    );
    for (scheme, term) in [(Scheme::Deb, ">=1,"), (Scheme::Npm, "2.0.0||"), (Scheme::Maven, "[1],")] {
        for (count, expected) in [
            (RANGE_TERMS_MAX - 1, true),
            (RANGE_TERMS_MAX, true),
            (RANGE_TERMS_MAX + 1, false),
            ((RANGE_LENGTH_MAX - 9) / term.len(), false),
        ] {
            let text = term.repeat(count);
            let found = Range::parse(scheme, text.trim_end_matches([',', '|']));
            assert_eq!(found.is_ok(), expected, "{scheme}: {count}");
            assert!(expected || found == Err(RangeError::TooManyTerms), "{found:?}");
        }
    }
}
