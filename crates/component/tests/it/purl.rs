use component::purl::{PURL_LENGTH_MAX, PURL_QUALIFIERS_MAX};
use component::{Purl, PurlError, TypeViolation};
use proptest::prelude::*;

#[track_caller]
fn check(text: &str, expected: Result<&str, PurlError>) {
    let found = text.parse::<Purl>();
    assert_eq!(
        found.as_ref().map(ToString::to_string).map_err(Clone::clone),
        expected.map(ToOwned::to_owned),
        "{text:?}"
    );
    if let Ok(purl) = found {
        assert_eq!(purl.to_string().parse(), Ok(purl));
    }
}

#[test]
fn what_is_no_purl_is_refused() {
    for text in ["", "pkg", "npm/a", "http:npm/a", "pk:npm/a", "pkg%3Anpm/a", ":npm/a", " pkg:npm/a", "ｐkg:npm/a"] {
        check(text, Err(PurlError::Scheme));
    }
    for text in
        ["pkg:", "pkg:/", "pkg:3d/a", "pkg:-a/b", "pkg:.a/b", "pkg:a_b/c", "pkg:a+b/c", "pkg:n%70m/a", "pkg:é/a"]
    {
        check(text, Err(PurlError::Type));
    }
    for text in ["pkg:npm", "pkg:npm/", "pkg:npm//", "pkg:npm/@1", "pkg:npm/a/@1", "pkg:npm?a=b", "pkg:npm/%2F"] {
        check(text, Err(PurlError::NoName));
    }
    for text in
        ["pkg:npm/%", "pkg:npm/%2", "pkg:npm/%zz", "pkg:npm/a@%", "pkg:npm/a?b=%4", "pkg:npm/a#%", "pkg:npm/%+1"]
    {
        check(text, Err(PurlError::Escape));
    }
    for text in ["pkg:npm/%ff", "pkg:npm/a@%c3", "pkg:npm/%ed%a0%80"] {
        check(text, Err(PurlError::Utf8));
    }
    for text in ["pkg:npm/a%2fb/c", "pkg:npm/a#b%2Fc"] {
        check(text, Err(PurlError::Segment));
    }
    for text in ["pkg:npm/a?b", "pkg:npm/a?=b", "pkg:npm/a?1=b", "pkg:npm/a?b c=d", "pkg:npm/a?%62=c", "pkg:npm/a?é=b"]
    {
        check(text, Err(PurlError::Qualifier));
    }
    for text in ["pkg:npm/a?b=1&b=2", "pkg:npm/a?b=1&B=1"] {
        check(text, Err(PurlError::DuplicateQualifier));
    }
}

#[test]
fn spellings_of_one_package_are_one_purl() {
    for (text, canonical) in [
        ("PKG:NPM/a@1", "pkg:npm/a@1"),
        ("pkg:///npm//a//", "pkg:npm/a"),
        ("pkg:npm/a@", "pkg:npm/a"),
        ("pkg:npm/a?", "pkg:npm/a"),
        ("pkg:npm/a#", "pkg:npm/a"),
        ("pkg:npm/a?b=", "pkg:npm/a"),
        ("pkg:npm/a?&b=1&&a=2", "pkg:npm/a?a=2&b=1"),
        ("pkg:npm/a?B=1", "pkg:npm/a?b=1"),
        ("pkg:npm/a?b=c=d", "pkg:npm/a?b=c%3Dd"),
        ("pkg:npm/a#../b/./c//d", "pkg:npm/a#b/c/d"),
        ("pkg:npm/@babel/core", "pkg:npm/%40babel/core"),
        ("pkg:npm/@babel/core@7.0.0", "pkg:npm/%40babel/core@7.0.0"),
        ("pkg:deb/Debian/CURL@1:2~a+b", "pkg:deb/debian/curl@1:2~a%2Bb"),
        ("pkg:rpm/Fedora/CURL", "pkg:rpm/fedora/CURL"),
        ("pkg:pypi/Zope.Interface_X", "pkg:pypi/zope.interface-x"),
        ("pkg:golang/github.com/BurntSushi/toml", "pkg:golang/github.com/burntsushi/toml"),
        ("pkg:golang/stdlib@1.24.0", "pkg:golang/stdlib@1.24.0"),
        ("pkg:cpan/drolsky/DateTime", "pkg:cpan/DROLSKY/DateTime"),
        ("pkg:pub/Two-Words", "pkg:pub/two_words"),
        ("pkg:generic/a b/ü%20c@d e", "pkg:generic/a%20b/%C3%BC%20c@d%20e"),
        ("pkg:generic/a%2Fb", "pkg:generic/a%2Fb"),
        ("pkg:generic/a@b@c", "pkg:generic/a%40b@c"),
        ("pkg:generic/a@b/c", "pkg:generic/a@b%2Fc"),
        ("pkg:git/host/owner/repo", "pkg:git/host/owner/repo"),
        ("pkg:x.y-z/a", "pkg:x.y-z/a"),
    ] {
        check(text, Ok(canonical));
    }
}

#[test]
fn a_purl_has_at_most_4096_bytes_as_given_and_as_written() {
    let given = |length: usize| format!("pkg:npm/{}", "a".repeat(length - "pkg:npm/".len()));
    for length in [PURL_LENGTH_MAX - 1, PURL_LENGTH_MAX] {
        check(&given(length), Ok(&given(length)));
    }
    for length in [PURL_LENGTH_MAX + 1, 10_000_000] {
        check(&given(length), Err(PurlError::TooLong { actual: length }));
    }
    let name = "+".repeat((PURL_LENGTH_MAX - "pkg:npm/".len()) / 3);
    check(&format!("pkg:npm/{name}"), Ok(&format!("pkg:npm/{}", "%2B".repeat(name.len()))));
    check(&format!("pkg:npm/{name}+"), Err(PurlError::TooLong { actual: "pkg:npm/".len() + 3 * (name.len() + 1) }));
}

#[test]
fn a_purl_has_at_most_64_qualifiers() {
    let with = |count: usize| {
        let qualifiers: Vec<String> = (100..100 + count).map(|number| format!("q{number}=1")).collect();
        format!("pkg:npm/a?{}", qualifiers.join("&"))
    };
    for count in [PURL_QUALIFIERS_MAX - 1, PURL_QUALIFIERS_MAX] {
        check(&with(count), Ok(&with(count)));
    }
    check(&with(PURL_QUALIFIERS_MAX + 1), Err(PurlError::TooManyQualifiers));
}

#[test]
fn a_type_says_what_its_purls_must_have() {
    for (text, expected) in [
        ("pkg:deb/curl", Err(TypeViolation::NamespaceRequired { ty: "deb" })),
        ("pkg:golang/stdlib@1.24.0", Err(TypeViolation::NamespaceRequired { ty: "golang" })),
        ("pkg:cargo/a/b", Err(TypeViolation::NamespaceProhibited { ty: "cargo" })),
        ("pkg:julia/Dates", Err(TypeViolation::QualifierRequired { ty: "julia", key: "uuid" })),
        ("pkg:swid/a", Err(TypeViolation::QualifierRequired { ty: "swid", key: "tag_id" })),
        ("pkg:cpan/A::B", Err(TypeViolation::Name { ty: "cpan" })),
        ("pkg:cocoapods/.a", Err(TypeViolation::Name { ty: "cocoapods" })),
        ("pkg:chrome-extension/dogs", Err(TypeViolation::Name { ty: "chrome-extension" })),
        (
            "pkg:chrome-extension/dlpngalgnefjeiefhmpklpfiohadpglk@1.2.3.4.5",
            Err(TypeViolation::Version { ty: "chrome-extension" }),
        ),
        ("pkg:chrome-extension/DLPNGALGNEFJEIEFHMPKLPFIOHADPGLK@1.2", Ok(())),
        ("pkg:deb/debian/curl", Ok(())),
        ("pkg:npm/a", Ok(())),
        ("pkg:nothing-known/a", Ok(())),
    ] {
        let purl: Purl = text.parse().unwrap();
        assert_eq!(purl.check_type(), expected, "{text}");
        assert_eq!(Purl::parse_strict(text).is_ok(), expected.is_ok(), "{text}");
    }
}

#[test]
fn registered_types_are_known() {
    for (text, expected) in
        [("pkg:alpm/a", true), ("pkg:Yocto/a", true), ("pkg:npm/a", true), ("pkg:zzz/a", false), ("pkg:a/a", false)]
    {
        assert_eq!(text.parse::<Purl>().unwrap().purl_type().is_registered(), expected, "{text}");
    }
}

#[test]
fn a_type_that_is_not_registered_may_mean_one_that_is() {
    for (ty, expected) in [
        ("rubygems", Some("gem")),
        ("RubyGems", Some("gem")),
        ("pip", Some("pypi")),
        ("crates.io", Some("cargo")),
        ("go", Some("golang")),
        ("packagist", Some("composer")),
        ("debian", Some("deb")),
        ("carg", Some("cargo")),
        ("mavne", Some("maven")),
        ("car", None),
        ("hub", None),
        ("gems", Some("gem")),
        ("gem", None),
        ("generic", None),
        ("nix", None),
    ] {
        let purl: Purl = format!("pkg:{ty}/a").parse().unwrap();
        assert_eq!(purl.purl_type().intended(), expected, "{ty}");
    }
}

#[test]
fn a_purl_is_built_of_its_parts() {
    let built = |purl: Result<Purl, PurlError>| purl.map(|purl| purl.to_string());
    let maven = Purl::builder("Maven", "log4j-core").namespace("/org.apache//logging.log4j/").version("2.14 x");
    let maven = maven.qualifier("type", "jar").qualifier("Classifier", "a&b").subpath("/a//b/");
    assert_eq!(
        built(maven.build()),
        Ok("pkg:maven/org.apache/logging.log4j/log4j-core@2.14%20x?classifier=a%26b&type=jar#a/b".to_owned())
    );
    assert_eq!(built(Purl::builder("npm", "/a/").namespace("").version("").build()), Ok("pkg:npm/a".to_owned()));
    assert_eq!(built(Purl::builder("git", "owner/repo").build()), Ok("pkg:git/owner/repo".to_owned()));
    assert_eq!(built(Purl::builder("", "a").build()), Err(PurlError::Type));
    assert_eq!(built(Purl::builder("npm", "//").build()), Err(PurlError::NoName));
    assert_eq!(built(Purl::builder("npm", "a").qualifier("b c", "d").build()), Err(PurlError::Qualifier));
    assert_eq!(built(Purl::builder("npm", "a").subpath("a/../b").build()), Err(PurlError::Segment));
    let twice = Purl::builder("npm", "a").qualifier("b", "1").qualifier("B", "2");
    assert_eq!(built(twice.build()), Err(PurlError::DuplicateQualifier));

    let purl: Purl = "pkg:npm/a@1?b=2#c".parse().unwrap();
    assert_eq!(built(purl.with_version("2")), Ok("pkg:npm/a@2?b=2#c".to_owned()));
    assert_eq!(built(purl.with_version("")), Ok("pkg:npm/a?b=2#c".to_owned()));
    assert_eq!(built(purl.with_qualifier("b", "3")), Ok("pkg:npm/a@1?b=3#c".to_owned()));
    assert_eq!(built(purl.with_qualifier("b", "")), Ok("pkg:npm/a@1#c".to_owned()));
    assert_eq!(purl.package().to_string(), "pkg:npm/a");
    assert_eq!((purl.qualifier("b"), purl.qualifier("c"), purl.qualifiers().len()), (Some("2"), None, 1));
}

#[test]
fn a_purl_is_text_in_json() {
    let purl: Purl = serde_json::from_str(r#""pkg:NPM/%40a/b""#).unwrap();
    assert_eq!(serde_json::to_string(&purl).unwrap(), r#""pkg:npm/%40a/b""#);
    assert!(serde_json::from_str::<Purl>("1").is_err());
    assert!(serde_json::from_str::<Purl>(r#""npm/a""#).is_err());
}

proptest! {
    #[test]
    fn any_text_is_refused_or_reads_back(text in "(pkg:(npm|git|pub|deb|mlflow)/)?[a-zA-Z0-9/@%?&=#:.+_~2fFé İ-]{0,40}") {
        if let Ok(purl) = text.parse::<Purl>() {
            let written = purl.to_string();
            prop_assert_eq!(written.parse::<Purl>(), Ok(purl.clone()));
            prop_assert_eq!(purl.to_builder().build(), Ok(purl));
            prop_assert!(written.is_ascii());
        }
    }

    #[test]
    fn any_parts_are_refused_or_read_back(
        ty in "npm|git|pypi|cpan|x",
        namespace in "\\PC{0,8}",
        name in "\\PC{0,8}",
        version in "\\PC{0,8}",
        value in "\\PC{0,8}",
        subpath in "\\PC{0,8}",
    ) {
        let builder = Purl::builder(&ty, &name).namespace(&namespace).version(&version);
        if let Ok(purl) = builder.qualifier("key", &value).subpath(&subpath).build() {
            prop_assert_eq!(purl.to_string().parse(), Ok(purl));
        }
    }
}

#[test]
fn a_beginning_is_written_as_purls_begin() {
    for (text, canonical) in [
        ("", ""),
        ("pkg:np", "pkg:np"),
        ("PKG:NPM/A", "pkg:npm/A"),
        ("pkg:npm/@babel/c", "pkg:npm/%40babel/c"),
        ("pkg:npm/%40babel/", "pkg:npm/%40babel/"),
        ("pkg:deb/debian/libstdc++", "pkg:deb/debian/libstdc%2B%2B"),
        ("pkg:deb/debian/libstdc%2b", "pkg:deb/debian/libstdc%2B"),
        // The end of an escape is missing.
        ("pkg:deb/debian/libstdc%2", "pkg:deb/debian/libstdc%2"),
        ("pkg:generic/%C3", "pkg:generic/%C3"),
        ("pkg:golang/github.com/a/b", "pkg:golang/github.com/a/b"),
    ] {
        assert_eq!(Purl::canonical_beginning(text), canonical, "{text}");
    }
}

proptest! {
    #[test]
    fn a_purl_begins_as_each_of_its_beginnings_is_written(name in "[^%/@?#]{1,8}", cut in 1_usize..8) {
        let Ok(purl) = Purl::builder("generic", &name).build() else { return Ok(()) };
        let beginning: String = name.chars().take(cut).collect();
        let canonical = Purl::canonical_beginning(&format!("pkg:generic/{beginning}"));
        prop_assert!(purl.to_string().starts_with(&canonical), "{purl} {canonical}");
    }
}
