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
    use Scheme::{Apk, Composer, Deb, Gem, Go, Hex, Maven, Npm, Nuget, Pacman, Pep440, Pub, Rpm, Semver};
    for (scheme, texts) in [
        (Deb, &["=>1", ">", "><1", ">=1_2", "~1", ">= a:1", "<>1"][..]),
        (Rpm, &["=>1", ">>1", ">", "~1", ">= =1", "= <1", "nonsense<<", ">=1<2", ">=1,<=2=", "1>2"]),
        (Apk, &["~~1", ">=a", "!~1"]),
        (Pep440, &["~=1", ">=1.*", "==1.*.2", "==1a.*", ">=1+x", "~>1", "<", ">=french toast", "==1.dev1.*"]),
        (Gem, &["~1", "^1", ">=a", "~>"]),
        (Go, &["^1.2.3", ">=go1.2", ">=(devel)"]),
        (Npm, &["1.x.5", "x.1", ">=a", "1.2.3.4", "^", "<>1", "!=1", "^9007199254740991.0.0", "1 - ", "1.2-a"]),
        (Semver, &["!=1", "a", "1.2.3-01"]),
        (
            Maven,
            &[
                "[1,2", "(1)", "[1,2]x", "[1,2][3]", "[]", "[1,2,3]", "[1,2),", "]1,2[", "[>1,2]", "[1||2]", "[=1]",
                ">=1<2",
            ],
        ),
        (Pacman, &["=>1", ">", "~1", ">=1:2:3", ">= a/b", "^1"]),
        (
            Nuget,
            &[
                "[1,2",
                "(1)",
                "(1,2",
                "[1,2]x",
                "[1],[2]",
                "[]",
                "(,)",
                "[1,2,3]",
                "[2,1]",
                "[1,1)",
                "(1,1]",
                "[1,2.*]",
                "1.*.0",
                "*.1",
                "1.0-beta*",
                "1*",
                "^1.0",
                "[>1,2]",
                ">=1.x",
            ],
        ),
        (
            Composer,
            &[
                "~>1.0",
                "1.0 -2.0",
                "||",
                "1.0||",
                "|",
                ">=",
                "=>1",
                "^a",
                "~",
                "1.0 - ",
                "1.0 as",
                "^dev-main",
                "1.2.3.4.*",
                ">=1.0-foo",
                "1.2.3.4.5",
                "!1",
                ">=1.0-p1@beta",
                "a",
            ],
        ),
        (
            Hex,
            &[
                "~> 1",
                "~> 1.2.3.4",
                ">= 1.0",
                "^1.0.0",
                "~1.0.0",
                "1.0",
                "~> a.b",
                ">= v1.0.0",
                "~> 01.2",
                ">= 1.0.0 nand < 2.0.0",
            ],
        ),
        (Scheme::Conan, &["^0.0", "~a.b", "^", "!1.0 <>2", "~=1.2"]),
        (Scheme::Nginx, &["1.2", "1.2.0-", "1.2.0-1.3.0-1.4.0", "none", "1.2.0,", "+"]),
        (Scheme::Openssl, &["1.0.2a,", "3.0.0a", "1.0.2a-1.0.2b,x"]),
        (Pub, &["^1.2", "^1.2.3 <2.0.0", ">=1.0", "~1.2.3", "~>1.2.3", "any any", "^", ">=v1.0.0", "1.x"]),
    ] {
        for text in texts {
            assert!(Range::parse(scheme, text).is_err(), "{scheme}: {text}");
        }
    }
}

#[test]
fn comparisons_are_ranges_of_every_scheme() {
    // A point in time is written in another way.
    for scheme in Scheme::ALL.into_iter().filter(|scheme| *scheme != Scheme::Datetime) {
        check(scheme, ">=1.2.0,<2.0.0", &["1.2.0", "1.9.9"], &["1.1.9", "2.0.0"]);
        // What is ordered as text has both on the other side.
        if scheme != Scheme::Lexicographic {
            check(scheme, ">=1.2.0,<2.0.0", &["1.10.0"], &["10.0.0"]);
        }
        check(scheme, ">= 1.2.0 < 2.0.0", &["1.2.0"], &["2.0.0"]);
        check(scheme, "<1.0.0||>2.0.0", &["0.9.0", "2.0.1"], &["1.0.0", "2.0.0"]);
        check(scheme, "=1.2.3", &["1.2.3"], &["1.2.4"]);
        // NuGet has no other notation for a lower bound, and what Cargo's begin with is one.
        let beyond = if matches!(scheme, Scheme::Nuget | Scheme::Semver) { "1.2.2" } else { "1.2.4" };
        check(scheme, "1.2.3", &["1.2.3"], &[beyond]);
        check(scheme, "<=1.2.3", &["1.2.3", "1.2.2"], &["1.2.4"]);
        check(scheme, "", &["0.0.0", "99.0.0"], &[]);
        check(scheme, "*", &["0.0.0", "99.0.0"], &[]);
        assert!(Range::parse(scheme, ">=1.2.0").unwrap().contains("\u{1}").is_err());
    }
}

#[test]
fn ranges_of_conan_nginx_and_openssl_are_their_own() {
    use Scheme::{Conan, Datetime, Nginx, Openssl};
    check(Conan, ">1 <2.0 || ^3.2", &["1.5", "3.2", "3.9", "3.2-rc1"], &["1", "2.0", "2.0-rc1", "4-rc1", "4"]);
    check(Conan, "~2.5", &["2.5", "2.5.9"], &["2.6-rc1", "2.6"]);
    check(Conan, "^0.1.2", &["0.1.9"], &["0.2", "0.1.1"]);
    check(Conan, "<=2.0, include_prerelease", &["2.0", "2.0-rc1"], &["2.0.1"]);
    check(Conan, "=cci.20200203", &["cci.20200203"], &["cci.20200204"]);
    check(Nginx, "0.7.52-0.8.39", &["0.7.52", "0.8.0", "0.8.39"], &["0.7.51", "0.8.40"]);
    check(Nginx, "1.5.0+, 1.4.1+", &["1.4.1", "1.4.9", "1.5.0", "2.0.0"], &["1.4.0"]);
    check(Nginx, "0.8.33+, 0.7.65+", &["0.7.65", "0.7.99", "0.8.33"], &["0.8.0", "0.8.32"]);
    check(Nginx, "1.4.1+", &["1.5.0"], &["1.4.0"]);
    check(Nginx, "all", &["0.1.0"], &[]);
    check(Openssl, "1.0.2ck, 3.1.2", &["1.0.2ck", "3.1.2"], &["1.0.2cl", "3.1.1"]);
    check(Datetime, "<2024-01-01T00:00:00Z", &["2024-01-01T00:00:00+01:00"], &["2024-01-01T00:00:00-01:00"]);
}

#[test]
fn each_scheme_has_its_own_ranges() {
    use Scheme::{Apk, Composer, Deb, Gem, Go, Hex, Maven, Npm, Nuget, Pacman, Pep440, Pub, Rpm, Semver};
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
    check(Pacman, ">=1.2", &["1.2-1", "1.2", "1:0"], &["1.2rc-1", "1.1-9"]);
    check(Pacman, "=1.2", &["1.2-1", "1.2-2"], &["1.2.1-1"]);
    check(Pacman, "<1.2-3", &["1.2-2"], &["1.2", "1.2-3"]);
    check(Nuget, "[1.0,2.0)", &["1.0", "1.0.0.0", "1.9", "2.0-beta"], &["2.0", "0.9", "1.0-beta"]);
    check(Nuget, "(,1.0]", &["0.9", "1.0"], &["1.0.0.1"]);
    check(Nuget, "(1.0,)", &["1.0.0.1"], &["1.0"]);
    check(Nuget, "[1.0]", &["1.0.0"], &["1.0.1"]);
    check(Nuget, "(1.0,1.0)", &[], &["1.0"]);
    check(Nuget, " [ 1.0 , 2.0 ) ", &["1.5"], &["2.0"]);
    check(Nuget, "1.0", &["1.0", "9.9"], &["0.9", "1.0-beta"]);
    check(Nuget, "1.*", &["1.0", "1.99", "1.5-beta"], &["2.0", "2.0-beta", "0.9"]);
    check(Nuget, "1.2.*-*", &["1.2.0-beta", "1.2.9"], &["1.3"]);
    check(Nuget, "1.2.3-*", &["1.2.3-beta", "1.2.3"], &["1.2.4", "1.2.2"]);
    check(Nuget, ">= 1.0, < 2.0 || = 3.0", &["1.5", "3.0.0"], &["2.0"]);
    check(Composer, "^1.2 || ~2.0", &["1.2.0", "1.9", "1.2-dev", "2.5"], &["1.1", "3.0", "3.0-dev"]);
    check(Composer, "^1.2", &["1.2-dev", "1.x-dev"], &["2.0-dev", "dev-main"]);
    check(Composer, "^0.3.1", &["0.3.1", "0.3.9"], &["0.4.0"]);
    check(Composer, "^0.0.3", &["0.0.3.9"], &["0.0.4"]);
    check(Composer, "~1.2.3", &["1.2.9"], &["1.3.0-alpha"]);
    check(Composer, "~1.2.x-dev", &["1.2.x-dev"], &["1.2.3"]);
    check(Composer, "1.0 - 2.0", &["1.0-alpha", "2.0.9"], &["2.1-dev", "0.9"]);
    check(Composer, "1.0 - 2.0.0", &["2.0.0"], &["2.0.1"]);
    check(Composer, "1.0.*", &["1.0.9", "1.0-dev"], &["1.1-dev"]);
    check(Composer, ">=1.0 <1.1,!=1.0.5", &["1.0-alpha", "1.0.6"], &["1.0.5", "1.1-dev"]);
    check(Composer, ">=1.0-RC1", &["1.0-RC1-dev", "1.0"], &["1.0-beta9"]);
    check(Composer, ">=1.0@RC", &["1.0-RC", "1.0"], &["1.0-RC-dev", "1.0-beta9"]);
    check(Composer, "<1.0@RC", &["1.0-RC-dev"], &["1.0-RC", "1.0"]);
    check(Composer, "~1.0-RC1", &["1.0-RC1"], &["1.0-RC1-dev"]);
    check(Composer, "dev-main | 1.0", &["dev-main", "1.0.0"], &["dev-other", "1.1"]);
    check(Composer, "dev-main#a1b2c3", &["dev-main"], &["dev-a1b2c3"]);
    check(Composer, "feature/x-dev", &["dev-feature/x"], &["1.0"]);
    check(Composer, "!=1.0", &["dev-main", "1.1"], &["1.0.0"]);
    check(Composer, ">=dev-main", &[], &["dev-main", "1.0"]);
    check(Composer, "1.0 as 2.0", &["1.0"], &["2.0"]);
    check(Composer, "@dev", &["1.0", "dev-main"], &[]);
    check(Composer, "*.*", &["1.0"], &["dev-main"]);
    check(Hex, "~> 1.2 and != 1.3.0 or == 3.0.0", &["1.2.0", "1.9.9", "3.0.0"], &["1.3.0", "2.0.0-rc.1", "1.2.0-rc.1"]);
    check(Hex, "~> 1.2.3", &["1.2.3", "1.2.99"], &["1.3.0"]);
    check(Hex, "~> 1.2.3-rc.1", &["1.2.3-rc.1", "1.2.3"], &["1.2.3-alpha", "1.3.0-0"]);
    check(Hex, "~> 1.9-dev", &["1.9.0-dev", "1.10.0"], &["2.0.0"]);
    check(Pub, "any", &["1.0.0", "1.0.0-a"], &[]);
    check(Pub, "^1.2.3", &["1.2.3", "1.9.0", "1.2.3+1"], &["2.0.0", "2.0.0-dev", "1.2.3-dev"]);
    check(Pub, "^0.1.2", &["0.1.9"], &["0.2.0", "0.2.0-dev"]);
    check(Pub, "^0.0.1+5", &["0.0.1+5", "0.0.9"], &["0.0.1", "0.1.0"]);
    check(Pub, ">=1.0.0<2.0.0", &["1.0.0", "1.9.9-dev"], &["2.0.0-dev", "2.0.0"]);
    check(Pub, ">=2.0.0-a <2.0.0", &["2.0.0-b"], &["2.0.0"]);
    check(Pub, "<2.0.0-b", &["2.0.0-a"], &["2.0.0-b"]);
    check(Pub, "<2.0.0+1", &["2.0.0", "2.0.0-a"], &["2.0.0+1"]);
    check(Npm, "1.2.34.5", &["1.2.3-4.5"], &["1.2.34"]);
    check(Npm, "^1.2 || ~2", &["1.2.0", "1.9.9", "2.9.0", "1.3.0-rc.1"], &["1.1.0", "3.0.0", "3.0.0-0"]);
    check(Npm, "1.2 - 1.4", &["1.2.0", "1.4.9"], &["1.5.0"]);
    check(Npm, "1.x", &["1.0.0", "1.99.0"], &["2.0.0-rc.1", "0.9.0"]);
    check(Npm, "<1.0.0", &["1.0.0-rc.1"], &["1.0.0"]);
    check(Semver, "^0.2.3", &["0.2.3", "0.2.9"], &["0.3.0", "0.2.2", "0.3.0-alpha"]);
    check(Semver, "~1.2", &["1.2.9"], &["1.3.0"]);
    check(Semver, "1.2", &["1.2.0", "1.35.0"], &["1.1.9", "2.0.0", "2.0.0-alpha"]);
    check(Semver, "1.2.3", &["1.2.3", "1.9.0"], &["1.2.2", "2.0.0"]);
    check(Semver, "0.1.40", &["0.1.40", "0.1.43"], &["0.1.39", "0.2.0"]);
    check(Semver, "=1.2.3", &["1.2.3"], &["1.2.2", "1.2.4"]);
    check(Semver, "=1.2", &["1.2.0", "1.2.9"], &["1.3.0"]);
    check(Semver, "*", &["0.0.1", "1.0.0"], &[]);
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
    for (scheme, term) in [
        (Scheme::Deb, ">=1,"),
        (Scheme::Npm, "2.0.0||"),
        (Scheme::Maven, "[1],"),
        (Scheme::Nuget, ">=1,"),
        (Scheme::Composer, ">=1.0||"),
        (Scheme::Hex, "2.0.0||"),
        (Scheme::Pub, "2.0.0||"),
        (Scheme::Conan, "2.0||"),
        (Scheme::Nginx, "1.2.0,"),
    ] {
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
