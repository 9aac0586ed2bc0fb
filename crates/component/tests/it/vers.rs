use component::range::{RANGE_LENGTH_MAX, RANGE_TERMS_MAX};
use component::{Scheme, Vers, VersError};

#[track_caller]
fn check(text: &str, canonical: &str, inside: &[&str], outside: &[&str]) {
    let vers = Vers::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(vers.to_string(), canonical, "{text}");
    assert_eq!(Vers::parse_canonical(canonical).as_ref(), Ok(&vers), "{text}");
    assert_eq!(Vers::parse_canonical(text).is_ok(), text == canonical, "{text}");
    for (versions, expected) in [(inside, true), (outside, false)] {
        for version in versions {
            assert_eq!(vers.contains(version), Ok(expected), "{version} in {text}");
        }
    }
}

#[test]
fn what_is_no_vers_is_refused() {
    for (text, expected) in [
        ("", "the range is not written as vers:TYPE/CONSTRAINT|CONSTRAINT: it begins with `vers:`"),
        ("VERS:npm/1.0.0", "the range is not written as vers:TYPE/CONSTRAINT|CONSTRAINT: it begins with `vers:`"),
        ("vers:npm", "the range is not written as vers:TYPE/CONSTRAINT|CONSTRAINT: a slash follows the type"),
        ("vers:/1", "there is no vers type `` here"),
        ("vers:generic/1", "there is no vers type `generic` here"),
        ("vers:example/1.0.2k", "there is no vers type `example` here"),
        (
            "vers:all/1.0",
            "the range is not written as vers:TYPE/CONSTRAINT|CONSTRAINT: after `vers:all/` and `vers:none/` stands `*`",
        ),
        (
            "vers:lexicographic/%C3",
            "the range is not written as vers:TYPE/CONSTRAINT|CONSTRAINT: two digits of a printing character follow `%`",
        ),
        ("vers:lexicographic/%C2%85", "a version of the range has no order"),
        ("vers:npm/1.0.%C3%A9", "a version of the range has no order"),
        ("vers:openssl/3.0.2k", "a version of the range has no order"),
        ("vers:npm/ 1.0.0", "no range of vers holds ' '"),
        ("vers:npm/1.0.0\n", "no range of vers holds '\\n'"),
        ("vers:npm/é", "no range of vers holds 'é'"),
        (
            "vers:npm/",
            "the range is not written as vers:TYPE/CONSTRAINT|CONSTRAINT: a constraint stands on each side of `|`",
        ),
        (
            "vers:npm/1.0.0|",
            "the range is not written as vers:TYPE/CONSTRAINT|CONSTRAINT: a constraint stands on each side of `|`",
        ),
        (
            "vers:npm/1.0.0||2.0.0",
            "the range is not written as vers:TYPE/CONSTRAINT|CONSTRAINT: a constraint stands on each side of `|`",
        ),
        (
            "vers:npm/>=",
            "the range is not written as vers:TYPE/CONSTRAINT|CONSTRAINT: a version follows the comparison",
        ),
        (
            "vers:npm/=1.0.0",
            "the range is not written as vers:TYPE/CONSTRAINT|CONSTRAINT: in a version, each of > < = ! * | % is percent-encoded",
        ),
        (
            "vers:npm/*|1.0.0",
            "the range is not written as vers:TYPE/CONSTRAINT|CONSTRAINT: in a version, each of > < = ! * | % is percent-encoded",
        ),
        (
            "vers:pypi/1!2.0",
            "the range is not written as vers:TYPE/CONSTRAINT|CONSTRAINT: in a version, each of > < = ! * | % is percent-encoded",
        ),
        (
            "vers:npm/1.0%2G0",
            "the range is not written as vers:TYPE/CONSTRAINT|CONSTRAINT: two digits of a printing character follow `%`",
        ),
        (
            "vers:npm/1.0%2",
            "the range is not written as vers:TYPE/CONSTRAINT|CONSTRAINT: two digits of a printing character follow `%`",
        ),
        (
            "vers:npm/1.0.0%20",
            "the range is not written as vers:TYPE/CONSTRAINT|CONSTRAINT: two digits of a printing character follow `%`",
        ),
        ("vers:npm/latest", "a version of the range has no order"),
        ("vers:composer/dev-a|dev-b", "a version of the range has no order"),
        ("vers:npm/1.0.0|!=1.0.0", "`1.0.0` stands in two constraints"),
        ("vers:pypi/1.0|1.0.0", "`1.0.0` stands in two constraints"),
        ("vers:npm/>=1.0.0|>=2.0.0", "`>=2.0.0` has no meaning after `>=1.0.0`"),
        ("vers:npm/<1.0.0|<=2.0.0", "`<=2.0.0` has no meaning after `<1.0.0`"),
        ("vers:npm/1.0.0|<2.0.0", "`<2.0.0` has no meaning after `1.0.0`"),
        ("vers:npm/>1.0.0|!=1.5.0|2.0.0", "`2.0.0` has no meaning after `>1.0.0`"),
    ] {
        assert_eq!(Vers::parse(text).unwrap_err().to_string(), expected, "{text}");
    }
    assert_eq!(
        Vers::parse_canonical("vers:npm/2.0.0|1.0.0").unwrap_err().to_string(),
        "the range is written `vers:npm/1.0.0|2.0.0`"
    );
}

#[test]
fn a_vers_contains_what_lies_in_its_intervals() {
    check(
        "vers:npm/1.2.3|>=2.0.0|<5.0.0",
        "vers:npm/1.2.3|>=2.0.0|<5.0.0",
        &["1.2.3", "2.0.0", "4.9.9", "5.0.0-rc.1"],
        &["1.2.4", "0.1.0", "5.0.0", "6.0.0"],
    );
    check("vers:deb/>=1:2|<1.0~rc1", "vers:deb/<1.0~rc1|>=1:2", &["0.9", "1.0~beta", "1:2"], &["1.0", "1:1"]);
    check("vers:npm/*", "vers:npm/*", &["0.0.0-0", "99.0.0"], &[]);
    check("vers:pypi/!=1.5", "vers:pypi/!=1.5", &["1.4", "2"], &["1.5.0"]);
    check("vers:pypi/!=1.5|1.0", "vers:pypi/1.0|!=1.5", &["1.0.0"], &["1.5", "2"]);
    check("vers:pypi/>=1.0|!=1.5|<2.0", "vers:pypi/>=1.0|!=1.5|<2.0", &["1.0", "1.6"], &["1.5.0", "2.0"]);
    check("vers:pypi/1%212.0", "vers:pypi/1%212.0", &["1!2"], &["2.0"]);
    check("vers:pypi/%31.0", "vers:pypi/1.0", &["1"], &["2"]);
    check("vers:alpine/<1.2-r1", "vers:apk/<1.2-r1", &["1.2-r0"], &["1.2-r1"]);
    check("vers:dart/>1.0.0", "vers:pub/>1.0.0", &["1.0.0+1"], &["1.0.0"]);
    check("vers:NuGet/1.0-BETA", "vers:nuget/1.0-BETA", &["1.0.0-beta"], &["1.0"]);
    check("vers:composer/>=2.0|dev-main", "vers:composer/dev-main|>=2.0", &["dev-main", "2.0"], &["dev-a", "1.0"]);
    check("vers:all/*", "vers:all/*", &["1.0", "anything"], &[]);
    check("vers:none/*", "vers:none/*", &[], &["1.0", "anything"]);
    check("vers:openssl/>=1.0.2|<1.0.2k", "vers:openssl/>=1.0.2|<1.0.2k", &["1.0.2j"], &["1.0.2k", "1.0.2za"]);
    check("vers:ebuild/<1.0-r1", "vers:gentoo/<1.0-r1", &["1.0", "1.0_rc1"], &["1.0-r1", "1.0a"]);
    check("vers:conan/>=1.2|<2-", "vers:conan/>=1.2|<2-", &["1.2.0", "1.9"], &["1.2-rc1", "2.0-rc1", "2"]);
    check("vers:lexicographic/<%C3%A9", "vers:lexicographic/<%C3%A9", &["e", "z"], &["é", "€"]);
    check(
        "vers:datetime/>=2024-01-01T00:00:00Z",
        "vers:datetime/>=2024-01-01T00:00:00Z",
        &["2024-01-01T01:00:00+01:00", "2024-01-01T00:00:00.1Z"],
        &["2024-01-01T00:00:00+00:01"],
    );
    check("vers:composer/<2.0", "vers:composer/<2.0", &["1.0"], &["dev-main", "2.0"]);
}

#[test]
fn a_vers_is_bounded() {
    let of_length = |length: usize| format!("vers:deb/{}", "1".repeat(length - 9));
    let of_constraints = |count: usize| {
        let versions: Vec<String> = (0..count).map(|number| number.to_string()).collect();
        format!("vers:deb/{}", versions.join("|"))
    };
    assert_eq!(Vers::parse(&of_length(RANGE_LENGTH_MAX + 1)), Err(VersError::TooLong { actual: RANGE_LENGTH_MAX + 1 }));
    for length in [RANGE_LENGTH_MAX - 1, RANGE_LENGTH_MAX] {
        assert!(matches!(Vers::parse(&of_length(length)), Err(VersError::Bound(_))), "a version has its own limit");
    }
    for (count, expected) in [(RANGE_TERMS_MAX - 1, true), (RANGE_TERMS_MAX, true), (RANGE_TERMS_MAX + 1, false)] {
        let found = Vers::parse(&of_constraints(count));
        assert_eq!(found.is_ok(), expected, "{count}");
        assert!(expected || found == Err(VersError::TooManyConstraints), "{found:?}");
    }
    assert!(Vers::parse(&format!("vers:{}/1", "x".repeat(4000))).unwrap_err().to_string().len() < 120);
}

#[test]
fn each_type_has_its_order() {
    for (ty, scheme) in [
        ("alpm", Scheme::Pacman),
        ("apk", Scheme::Apk),
        ("cargo", Scheme::Semver),
        ("composer", Scheme::Composer),
        ("conan", Scheme::Conan),
        ("cran", Scheme::Cran),
        ("deb", Scheme::Deb),
        ("gem", Scheme::Gem),
        ("gentoo", Scheme::Gentoo),
        ("golang", Scheme::Go),
        ("hackage", Scheme::Hackage),
        ("hex", Scheme::Hex),
        ("intdot", Scheme::Intdot),
        ("lexicographic", Scheme::Lexicographic),
        ("maven", Scheme::Maven),
        ("nginx", Scheme::Nginx),
        ("npm", Scheme::Npm),
        ("nuget", Scheme::Nuget),
        ("opam", Scheme::Opam),
        ("openssl", Scheme::Openssl),
        ("pub", Scheme::Pub),
        ("pypi", Scheme::Pep440),
        ("rpm", Scheme::Rpm),
        ("semver", Scheme::Semver),
    ] {
        let text = format!("vers:{ty}/>=1.0.0|<2.0.0");
        check(&text, &text, &["1.0.0", "1.9.9"], &["0.9.0", "2.0.0"]);
        let vers = Vers::parse(&text).unwrap();
        assert_eq!((vers.ty(), vers.scheme()), (ty, scheme));
        assert!(vers.contains("\u{1}").is_err(), "{ty}");
    }
}
