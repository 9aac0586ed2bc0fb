use std::cmp::Ordering::{self, Equal, Greater, Less};

use component::version::{Reason, VERSION_LENGTH_MAX};
use component::{Scheme, Version};
use proptest::prelude::*;

#[test]
fn what_has_no_order_is_said_to_have_none() {
    use Scheme::{Apk, Composer, Deb, Gem, Go, Hex, Maven, Npm, Nuget, Pacman, Pep440, Pub, Rpm, Semver};
    for (scheme, texts) in [
        (Deb, &["", ":1", "a:1", "-1:2", "1:", "1-", "-1", "1_2", "1 2", "é", "2147483648:1", "1-2:3", "+1:1"][..]),
        (Rpm, &["", "-1", "1:", "1 2", "1\t", "1\0"]),
        (Apk, &["", "a", ".1", "1.", "1_", "1_x", "1-1", "1-r", "1~", "1.a", "1A", "1-r1-r2", "1_rc.1", "1bc", "é"]),
        (
            Pep440,
            &["", "a", "1.", ".1", "1..2", "1.0.x", "1!", "!1", "1+", "1+a..b", "v", "1.0-", "٣", "1.0rc1.dev1.post1"],
        ),
        (
            Semver,
            &["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3+", "1.2.3-01", "1.2.3-a..b", "1.2.3-é", "vv1.2.3"],
        ),
        (Npm, &["", "1", "1.2", "1.2.3.4", "x", "1.2.9007199254740992", "1.2.3-a.", "1.2.3-a..b", "1.2.33.", "latest"]),
        (Maven, &["", "1 2", "é", "${project.version}", "1\n", "@version@"]),
        (Gem, &["", "a", ".1", "1.", "1..2", "1_2", "1-", "1 2", "-1"]),
        (Go, &["", "v", "(devel)", "1.2.3.4", "v01.2.3", "1.2-rc1", "go1.2", "v1.2.3-", "1.2+x"]),
        (Pacman, &["", "1:", "a:1", ":1", "1-", "-1", "1-2-3", "1:2:3", "1/2", "1 2", "é", "${pkgver}"]),
        (
            Nuget,
            &[
                "",
                "v1.0",
                "1.",
                ".1",
                "1..2",
                "1.2.3.4.5",
                "1.0-",
                "1.0-a..b",
                "1.0-01",
                "1.0+",
                "1.0-a_b",
                "x",
                "1.*",
                "é",
            ],
        ),
        (
            Composer,
            &[
                "",
                "a",
                "vv1",
                "1.0-1",
                "1.0-foo",
                "1.2.3.4.5",
                "1.2.3.#",
                "4.3-2RC1",
                "x-dev",
                "2010-1-2",
                "1 2",
                "1.0-rc1a",
                "é",
            ],
        ),
        (Hex, &["", "v1.2.3", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+", "1.2.3-a_b", " 1.2.3"]),
        (Pub, &["", "v1.2.3", "1", "1.2", "1.2.3.4", "1.2.3-", "1.2.3-a..b", "1.2.3+", "1.2.3-a_b", "1.2.x", "any"]),
    ] {
        for text in texts {
            assert!(Version::parse(scheme, text).is_err(), "{scheme}: {text:?}");
            assert!(scheme.compare(text, text).is_err(), "{scheme}: {text:?}");
        }
    }
    assert_eq!(Version::parse(Go, "(devel)").unwrap_err().reason, Reason::Placeholder);
    assert_eq!(Version::parse(Maven, "${x}").unwrap_err().reason, Reason::Placeholder);
    assert_eq!(
        Version::parse(Deb, "1\u{1b}[2J").unwrap_err().to_string(),
        "deb cannot order `1\u{fffd}[2J`: no version holds '\\u{1b}'"
    );
}

#[test]
fn what_is_stated_may_hold_more_than_a_version() {
    use Scheme::{Gem, Go, Npm, Semver};
    for (scheme, package, stated, expected) in [
        // Other modules' versions are their own.
        (Go, "example.com/a", "v1.19.4-bigcorp", "v1.19.4-bigcorp"),
        (Go, "example.com/a", "1.22rc1", "1.22rc1"),
        (Go, "example.com/a", "gopher", "gopher"),
        (Go, "stdlib", "", ""),
        (Go, "stdlib", "devel", "devel"),
        (Go, "stdlib", "1.22", "1.22"),
        (Go, "stdlib", "1.22.1", "1.22.1"),
        (Go, "stdlib", "v1.22.1", "v1.22.1"),
        (Go, "stdlib", "1.22.0-0", "1.22.0-0"),
        (Go, "stdlib", "1.22.0-rc.1", "1.22.0-rc.1"),
        // A release that is mended has no candidates, and a word without a number is none.
        (Go, "stdlib", "go1.22.1rc1", "1.22.1rc1"),
        (Go, "stdlib", "go1.22rc", "1.22rc"),
        (Go, "stdlib", "go1.18.2b7", "1.18.2b7"),
        (Go, "stdlib", "go1.22.1", "1.22.1"),
        (Go, "stdlib", "go1.22rc1", "1.22.0-rc.1"),
        (Go, "std", "1.22rc1", "1.22.0-rc.1"),
        (Go, "toolchain", "go1.18beta2", "1.18.0-beta.2"),
        (Go, "stdlib", "1.19.4-bigcorp", "1.19.4"),
        (Go, "stdlib", "go1.19.4-bigcorp", "1.19.4"),
        (Go, "stdlib", "go1.25.0-X:nodwarf5", "1.25.0"),
        (Go, "stdlib", "go1.22rc1-bigcorp", "1.22.0-rc.1"),
        (Go, "stdlib", "go1.20.1 X:boringcrypto", "1.20.1"),
        (Gem, "a", "1.0.0", "1.0.0"),
        (Gem, "a", "1.0.0-1", "1.0.0-1"),
        (Gem, "a", "1.0.0-beta1", "1.0.0-beta1"),
        (Gem, "a", "1.0.0-javascript", "1.0.0-javascript"),
        (Gem, "a", "1.13.9-x86_64-linux", "1.13.9"),
        (Gem, "a", "1.13.9-aarch64-linux-musl", "1.13.9"),
        (Gem, "a", "1.13.9-arm64-darwin-22", "1.13.9"),
        (Gem, "a", "1.13.9-x64-mingw-ucrt", "1.13.9"),
        (Gem, "a", "1.13.9-x86-mingw32", "1.13.9"),
        (Gem, "a", "1.13.9-java", "1.13.9"),
        (Gem, "a", "1.13.9-ruby", "1.13.9"),
        (Npm, "a", "1.0.0-linux", "1.0.0-linux"),
        (Semver, "a", "go1.22rc1", "go1.22rc1"),
    ] {
        assert_eq!(scheme.version_of(package, stated), expected, "{scheme} {package} {stated}");
    }
}

#[test]
fn an_epoch_that_nobody_knows_is_not_compared() {
    let check = |scheme: Scheme, version: &str, bound: &str, expected: Ordering| {
        let version = Version::parse(scheme, version).unwrap().without_epoch();
        let bound = Version::parse(scheme, bound).unwrap();
        assert_eq!(version.order_by_bound(&bound), Some(expected), "{version:?} {bound:?}");
        assert_eq!(bound.partial_cmp(&version), Some(expected.reverse()), "{bound:?} {version:?}");
    };
    check(Scheme::Rpm, "2.03-1", "8:2.02-1", Ordering::Greater);
    check(Scheme::Rpm, "2.03-1", "8:2.03-1", Ordering::Equal);
    check(Scheme::Rpm, "2.03-1", "8:2.03-2", Ordering::Less);
    check(Scheme::Rpm, "2.03-1", "2.02-1", Ordering::Greater);
    check(Scheme::Rpm, "9:2.03-1", "8:2.04-1", Ordering::Less);
    // Other packages' versions are stated with the epoch that they have.
    check(Scheme::Deb, "2.03-1", "8:2.02-1", Ordering::Less);
}

#[test]
fn a_local_part_counts_for_a_bound_that_has_one() {
    use Scheme::{Composer, Pep440, Semver};
    for (scheme, version, bound, expected) in [
        (Composer, "dev-main", "dev-other", None),
        (Pep440, "2.0.0+cu118", "2.0.0", Some(Equal)),
        (Pep440, "2.0.0+cu118", "2.0.1", Some(Less)),
        (Pep440, "2.0.1+cu118", "2.0.0", Some(Greater)),
        (Pep440, "2.0.0", "2.0.0+cu118", Some(Less)),
        (Pep440, "2.0.0+cu118", "2.0.0+cu117", Some(Greater)),
        (Semver, "1.0.0-a", "1.0.0", Some(Less)),
    ] {
        let [version, bound] = [version, bound].map(|text| Version::parse(scheme, text).unwrap());
        assert_eq!(version.order_by_bound(&bound), expected, "{version:?} {bound:?}");
    }
}

#[test]
fn a_version_has_at_most_1024_bytes() {
    for scheme in Scheme::ALL.into_iter().filter(|scheme| !matches!(scheme, Scheme::Npm | Scheme::Datetime)) {
        for (length, expected) in
            [(VERSION_LENGTH_MAX - 1, true), (VERSION_LENGTH_MAX, true), (VERSION_LENGTH_MAX + 1, false)]
        {
            let version = format!("1.{}.3", "2".repeat(length - 4));
            assert_eq!(Version::parse(scheme, &version).is_ok(), expected, "{scheme}: {length}");
        }
    }
    let error = Version::parse(Scheme::Npm, &"1".repeat(1_000_000)).unwrap_err();
    assert_eq!(error.reason, Reason::TooLong { actual: 1_000_000 });
    assert!(error.to_string().len() < 300);
}

#[test]
fn each_scheme_has_its_own_order() {
    use Scheme::{Apk, Composer, Deb, Gem, Go, Hex, Maven, Npm, Nuget, Pacman, Pep440, Pub, Rpm, Semver};
    for (scheme, left, order, right) in [
        (Deb, "1.0~rc1", Less, "1.0"),
        (Deb, "1.0", Equal, "1.0-0"),
        (Deb, "0:1", Equal, "1"),
        (Deb, "1:0", Greater, "9"),
        (Deb, "1.0a", Less, "1.0+"),
        (Rpm, "1.0^git1", Greater, "1.0"),
        (Rpm, "1.0^git1", Less, "1.0.1"),
        (Rpm, "1.0~rc1", Less, "1.0"),
        (Rpm, "1.0", Less, "1.0-1"),
        (Rpm, "1:1", Greater, "2-1"),
        (Apk, "1.0_rc1", Less, "1.0"),
        (Apk, "1.0_p1", Greater, "1.0"),
        (Apk, "6.6.2p1-r0", Less, "6.6.2p2-r0"),
        (Apk, "1.0-r9", Less, "1.0-r10"),
        (Pep440, "1.0.dev1", Less, "1.0a1"),
        (Pep440, "1.0.post1", Greater, "1.0+local"),
        (Pep440, "1!0", Greater, "2024.1"),
        (Semver, "1.0.0-rc.2", Less, "1.0.0-rc.10"),
        (Semver, "v1.0.0+a", Equal, "1.0.0+b"),
        (Npm, "v1.2.3beta", Equal, "1.2.3-beta"),
        (Npm, "1.2.34.5", Equal, "1.2.3-4.5"),
        (Npm, "1.2.3-", Equal, "1.2.3--"),
        (Npm, "1.2.3-.1", Greater, "1.2.3-1"),
        (Maven, "1.0-SNAPSHOT", Less, "1.0"),
        (Maven, "1.0.Final", Equal, "1"),
        (Maven, "2.17.0", Greater, "2.9.1"),
        (Gem, "1.0.a", Less, "1"),
        (Gem, "1.0-1", Less, "1.0"),
        (Go, "v1.2.3-0.20200101000000-abcdefabcdef", Less, "1.2.3"),
        (Go, "v2.0.0+incompatible", Equal, "2.0.0"),
        (Go, "v1.2", Equal, "v1.2.0"),
        (Pacman, "1.0-1", Less, "1.0-2"),
        (Pacman, "1.0", Equal, "1.0-2"),
        (Pacman, "1:0.1-1", Greater, "2.0-1"),
        (Pacman, "1.0rc", Less, "1.0"),
        (Pacman, "1.0.r5.gabc", Greater, "1.0"),
        (Pacman, "1..0", Greater, "1.5"),
        (Nuget, "1.0", Equal, "1.0.0.0"),
        (Nuget, "1.0.0-BETA", Equal, "1.0.0-beta+x"),
        (Nuget, "1.0.0.1-a", Greater, "1.0.0"),
        (Nuget, "1.0.0-beta.9", Less, "1.0.0-beta.10"),
        (Nuget, "1.0.0-a.3000000000", Greater, "1.0.0-a.2-"),
        (Nuget, "1.0.0--1", Less, "1.0.0-0"),
        (Nuget, "01.2", Equal, "1.2"),
        (Composer, "v1.0", Equal, "1.0.0.0"),
        (Composer, "1.0-dev", Less, "1.0-alpha1"),
        (Composer, "1.0a2", Less, "1.0.0-beta"),
        (Composer, "1.0.0-RC1-dev", Less, "1.0.0-rc1"),
        (Composer, "1.0", Less, "1.0-p1"),
        (Composer, "1.0.x-dev", Greater, "1.0.99"),
        (Composer, "1.x-dev", Less, "2.0-dev"),
        (Composer, "dev-main", Less, "0.0.1-dev"),
        (Composer, "dev-master", Equal, "master"),
        (Composer, "1.0-stable", Equal, "1.0@beta"),
        (Composer, "2010-01-02", Less, "2010.01.02"),
        (Composer, "20240101", Less, "20240102-beta"),
        (Composer, "1.0+a", Equal, "1.0+b"),
        (Hex, "1.0.0-rc.2", Less, "1.0.0-rc.10"),
        (Hex, "1.0.0+a", Equal, "1.0.0+b"),
        (Pub, "1.0.0", Less, "1.0.0+1"),
        (Pub, "1.0.0-a+1", Less, "1.0.0"),
        (Pub, "1.0.0+2", Less, "1.0.0+10"),
        (Pub, "01.0.0-01", Equal, "1.0.0-1"),
    ] {
        assert_eq!(scheme.compare(left, right), Ok(order), "{scheme}: {left} {right}");
        assert_eq!(scheme.compare(right, left), Ok(order.reverse()), "{scheme}: {right} {left}");
    }
    let (deb, rpm) = (Version::parse(Deb, "1").unwrap(), Version::parse(Rpm, "1").unwrap());
    assert_eq!(deb.partial_cmp(&rpm), None);
    assert_ne!(deb, rpm);
}

#[test]
fn each_scheme_of_others_has_its_own_order() {
    use Scheme::{Conan, Cran, Datetime, Gentoo, Hackage, Intdot, Lexicographic, Nginx, Opam, Openssl};
    for (scheme, left, order, right) in [
        (Conan, "1.0", Equal, "1"),
        (Conan, "1.0-rc1+b", Less, "1.0"),
        (Conan, "1.0-0", Less, "1.0-"),
        (Conan, "cci.20200203", Less, "cci.20200204"),
        (Conan, "1.0_1", Equal, "1.01"),
        (Conan, "1.+2+b", Equal, "1.2+b"),
        (Conan, "1.0+b", Greater, "1.0"),
        (Conan, "1.0+b+c", Greater, "1.0+c"),
        (Gentoo, "1.0", Less, "1.00.1"),
        (Gentoo, "1.01", Less, "1.1"),
        (Gentoo, "1.0_rc1_p1", Greater, "1.0_rc1"),
        (Gentoo, "1.0_p_alpha", Less, "1.0_p"),
        (Gentoo, "010", Equal, "10"),
        (Openssl, "1.0.2z", Less, "1.0.2za"),
        (Openssl, "1.0.2k-fips", Equal, "1.0.2k"),
        (Openssl, "1.0.2", Less, "1.0.2a"),
        (Openssl, "3.0.0-alpha9", Less, "3.0.0-alpha17"),
        (Openssl, "3.0.0-alpha17", Less, "3.0.0-beta1"),
        (Openssl, "3.0.0-beta2-dev", Less, "3.0.0-beta2"),
        (Openssl, "3.0.0-dev", Less, "3.0.0-alpha1"),
        (Openssl, "1.1.1-pre9", Less, "1.1.1"),
        (Openssl, "3.1.4+quic", Equal, "3.1.4"),
        (Cran, "1.0-1", Equal, "1.0.1"),
        (Cran, "1.0", Less, "1.0.0"),
        (Hackage, "1.9", Less, "1.10"),
        (Hackage, "1.0", Less, "1.0.0"),
        (Opam, "113.33.00", Less, "v0.9.0"),
        (Opam, "1.0~beta1", Less, "1.0"),
        (Opam, "1.0_a", Greater, "1.0"),
        (Nginx, "1.9.15", Less, "1.10.0"),
        (Intdot, "01.2-beta", Equal, "1.2"),
        (Intdot, "1.2", Less, "1.10rc1"),
        (Datetime, "2016-12-31T23:59:60Z", Greater, "2016-12-31T23:59:59.9Z"),
        (Datetime, "2024-02-29t23:00:00-01:00", Equal, "2024-03-01T00:00:00z"),
        (Datetime, "0000-12-31T23:59:59Z", Less, "0001-01-01T00:00:00Z"),
        (Lexicographic, "10", Less, "9"),
    ] {
        assert_eq!(scheme.compare(left, right), Ok(order), "{scheme}: {left} {right}");
        assert_eq!(scheme.compare(right, left), Ok(order.reverse()), "{scheme}: {right} {left}");
    }
}

#[test]
fn what_has_no_order_in_others_is_said_to_have_none() {
    use Scheme::{Conan, Cran, Datetime, Gentoo, Hackage, Intdot, Lexicographic, Nginx, Opam, Openssl};
    for (scheme, texts) in [
        (Conan, &["", "1 2", "é", "${version}"][..]),
        (
            Gentoo,
            &["", "a", ".1", "1.", "1..2", "1_x", "1_rc1a", "1_", "1-1", "1-r", "1-r1-r2", "1ab", "1A", "1.a", "é"],
        ),
        (Openssl, &["", "1", "1.0", "1.0.2.3", "1.0.2K", "3.0.0a", "1.0.2-", "3.0.0-1", "3.0.0-a.1", "1.0.2k-xdev1x"]),
        (Cran, &["", "a", "1.", "1.0-", "1..2", "1.0a", "-1"]),
        (Hackage, &["", "a", "1.", "1.0-1", "1..2", "1.0-rc1"]),
        (Opam, &["", "1:2", "1 2", "é"]),
        (Nginx, &["", "1", "1.2", "1.2.3.4", "1.2.3-1", "v1.2.3"]),
        (Intdot, &["", "a", ".1", "1..2", "v1"]),
        (
            Datetime,
            &[
                "",
                "2024-01-01",
                "2024-01-01T00:00:00",
                "2024-02-30T00:00:00Z",
                "2023-02-29T00:00:00Z",
                "2024-13-01T00:00:00Z",
                "2024-01-01T24:00:00Z",
                "2024-01-01T00:00:61Z",
                "2024-01-01T00:00:00.Z",
                "2024-01-01T00:00:00+24:00",
                "2024-01-01T00:00:00Zx",
                "2024-1-01T00:00:00Z",
                "2024-01-01T00:00:00:00Z",
                "2024-01-01T00:00:00é",
            ],
        ),
        (Lexicographic, &["", "1 2", "1\n", "\u{85}"]),
    ] {
        for text in texts {
            assert!(scheme.compare(text, text).is_err(), "{scheme}: {text:?}");
        }
    }
}

#[test]
fn a_package_url_says_its_scheme() {
    for scheme in Scheme::ALL {
        let types = [
            "deb", "rpm", "apk", "pypi", "cargo", "npm", "maven", "gem", "golang", "alpm", "nuget", "composer", "hex",
            "pub", "conan", "ebuild", "cran", "hackage", "opam",
        ];
        // These are of a project or of no package.
        let is_of_none = matches!(
            scheme,
            Scheme::Openssl | Scheme::Nginx | Scheme::Intdot | Scheme::Datetime | Scheme::Lexicographic
        );
        let found = types.into_iter().filter(|ty| Scheme::of_purl_type(ty) == Some(scheme)).count();
        assert_eq!(found, usize::from(!is_of_none), "{scheme}");
    }
    assert_eq!(Scheme::of_purl_type("bioconductor"), Some(Scheme::Cran));
    assert_eq!(Scheme::of_purl_type("julia"), Some(Scheme::Pub));
    assert_eq!(Scheme::of_purl_type("generic"), None);
}

#[test]
fn a_scheme_is_named_by_its_ecosystem_too() {
    for scheme in Scheme::ALL {
        for name in scheme.aliases().iter().chain([&scheme.as_str()]) {
            assert_eq!(name.to_uppercase().parse(), Ok(scheme));
        }
    }
    for (name, nearest) in [
        ("debain", Some("debian")),
        ("mavn", Some("maven")),
        ("", None),
        ("nonsense", None),
        ("pep-440", Some("pep440")),
    ] {
        let error = name.parse::<Scheme>().unwrap_err();
        assert_eq!(error.nearest(), nearest, "{name}");
    }
    assert!("x".repeat(1_000_000).parse::<Scheme>().unwrap_err().to_string().len() < 200);
}

/// Maven 3.9.9 says just this. Who sorts versions of Maven must not rely on transitivity.
#[test]
fn the_order_of_maven_has_circles() {
    let order = |left, right| Scheme::Maven.compare(left, right);
    assert_eq!([order("1", "1+"), order("1+", "1-00rc"), order("1-00rc", "1")], [Ok(Less), Ok(Less), Ok(Less)]);
}

/// Conan 2 says just these: of a number and a word both are compared as words.
#[test]
fn the_order_of_conan_has_circles() {
    let order = |left, right| Scheme::Conan.compare(left, right);
    assert_eq!([order("2", "10"), order("10", "1a"), order("1a", "2")], [Ok(Less), Ok(Less), Ok(Less)]);
}

/// libalpm 6.0.2 says just these, the first by its documentation: a version without a release stands for any.
#[test]
fn the_order_of_pacman_has_circles() {
    let order = |left, right| Scheme::Pacman.compare(left, right);
    assert_eq!([order("1-1", "1"), order("1", "1-2"), order("1-1", "1-2")], [Ok(Equal), Ok(Equal), Ok(Less)]);
    assert_eq!([order("1.", "1.0"), order("1.0", "1..a"), order("1..a", "1.")], [Ok(Less), Ok(Less), Ok(Less)]);
}

#[test]
fn of_two_branches_of_composer_none_comes_first() {
    let error = Scheme::Composer.compare("dev-a", "dev-b").unwrap_err();
    assert_eq!(error.to_string(), "composer cannot order `dev-b`: of two branches none comes first");
    let branches = ["dev-a", "dev-b"].map(|name| Version::parse(Scheme::Composer, name).unwrap());
    assert_eq!(branches[0].partial_cmp(&branches[1]), None);
    assert_ne!(branches[0], branches[1]);
    assert_eq!(branches[0], branches[0].clone());
}

fn scheme() -> impl Strategy<Value = Scheme> {
    prop::sample::select(Scheme::ALL.to_vec())
}

fn transitive_scheme() -> impl Strategy<Value = Scheme> {
    scheme()
        .prop_filter("these have circles", |scheme| !matches!(scheme, Scheme::Maven | Scheme::Pacman | Scheme::Conan))
}

/// Text whose parts are what the schemes have rules for, few enough that two versions are often nearly the same.
fn shape() -> impl Strategy<Value = String> {
    let parts = vec![
        "0",
        "1",
        "2",
        "10",
        "01",
        "00",
        ".",
        ".",
        ".",
        "-",
        "-",
        "+",
        "~",
        "^",
        "_",
        ":",
        "!",
        "a",
        "b",
        "rc",
        "alpha",
        "p",
        "pre",
        "post",
        "dev",
        "ga",
        "sp",
        "final",
        "snapshot",
        "-r1",
        "_rc",
        "_p1",
        "x",
        "A",
        "1.0.0",
        "1.2",
        "-0",
        "git",
        "9999999999",
        "-RC",
        "-dev",
        ".x-dev",
        "-beta.",
        "_alpha",
        "-pre1",
        "_0",
    ];
    prop::collection::vec(prop::sample::select(parts), 0..7).prop_map(|parts| format!("1{}", parts.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn any_text_is_ordered_or_refused(scheme in scheme(), left in "\\PC{0,12}", right in "[0-9a-zA-Z.+~^_:!-]{0,12}") {
        let orders = [scheme.compare(&left, &right).map(Ordering::reverse), scheme.compare(&right, &left)];
        prop_assert_eq!(orders[0].as_ref().ok(), orders[1].as_ref().ok());
    }

    #[test]
    fn the_order_is_antisymmetric_and_total(scheme in scheme(), left in shape(), right in shape()) {
        let (Ok(one), Ok(other)) = (Version::parse(scheme, &left), Version::parse(scheme, &right)) else { return Ok(()) };
        let order = one.partial_cmp(&other);
        prop_assert!(order.is_some());
        prop_assert_eq!(other.partial_cmp(&one), order.map(Ordering::reverse));
        prop_assert_eq!(one.partial_cmp(&one), Some(Equal));
        prop_assert_eq!(scheme.compare(&left, &right).ok(), order);
    }

    #[test]
    fn the_order_is_transitive(scheme in transitive_scheme(), texts in prop::array::uniform3(shape())) {
        let mut versions: Vec<_> = texts.iter().filter_map(|text| Version::parse(scheme, text).ok()).collect();
        if versions.len() < 3 {
            return Ok(());
        }
        let order = |left: &Version<'_>, right: &Version<'_>| left.partial_cmp(right).unwrap();
        // Sorted by hand: a sort of an order that is none may panic.
        for (left, right) in [(0, 1), (1, 2), (0, 1)] {
            if order(&versions[left], &versions[right]) == Greater {
                versions.swap(left, right);
            }
        }
        let (lower, upper) = (order(&versions[0], &versions[1]), order(&versions[1], &versions[2]));
        prop_assert_eq!(order(&versions[0], &versions[2]), lower.then(upper), "{}: {:?}", scheme, versions);
    }
}
