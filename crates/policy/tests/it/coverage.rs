//! Which findings an exception covers.

use component::{Component, Location, PackageType, Technique};
use policy::{Exceptions, Fix, Question, Time, parse_moment};

fn component(purl: &str) -> Component {
    let purl: component::Purl = purl.parse().unwrap();
    let mut component = Component::new(PackageType::JavaArchive, purl.name().to_owned(), "test", Technique::Archive);
    component.version = purl.version().map(str::to_owned);
    component.purl = Some(purl);
    component
}

fn at(paths: &[&str]) -> Vec<Location> {
    paths.iter().map(|path| Location::new(*path, None)).collect()
}

fn now() -> Time {
    parse_moment("2026-12-01").unwrap()
}

fn exceptions(fields: &str) -> Exceptions {
    let text = format!(
        "apiVersion: garrison.dev/v1\nkind: Exceptions\nexceptions:\n- {{id: e, {fields}, owner: o, reason: r, created: 2026-11-01, expires: 2027-01-01}}\n"
    );
    Exceptions::read(text.as_bytes()).unwrap()
}

struct Asked {
    repository: Option<&'static str>,
    purl: &'static str,
    names: &'static [&'static str],
    paths: &'static [&'static str],
    fix: Fix,
}

const ASKED: Asked = Asked {
    repository: Some("team/api"),
    purl: "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1?type=jar",
    names: &["CVE-2021-44228", "GHSA-jfh8-c2jp-5v3q"],
    paths: &["/app/test/a.jar"],
    fix: Fix::Available,
};

fn covers(exceptions: &Exceptions, asked: &Asked, now: Time) -> bool {
    let (component, locations) = (component(asked.purl), at(asked.paths));
    let question = Question {
        repository: asked.repository,
        component: &component,
        vulnerabilities: asked.names,
        locations: &locations,
        fix: asked.fix,
    };
    let covering = exceptions.covering(&question, now);
    assert_eq!(exceptions.covers(&question, now), covering.first().copied());
    !covering.is_empty()
}

#[test]
fn a_purl_means_the_package_that_its_canonical_form_does() {
    for (pattern, purl, expected) in [
        ("pkg:pypi/Django", "pkg:pypi/django@3.2", true),
        ("pkg:PyPI/Django", "pkg:pypi/django@3.2", true),
        ("pkg:pypi/Zope_Interface", "pkg:pypi/zope-interface@1", true),
        ("pkg:pypi/Django@3.2", "pkg:pypi/django@3.2", true),
        ("pkg:pypi/Django@3.2", "pkg:pypi/django@3.3", false),
        ("pkg:pypi/Django@3.2", "pkg:pypi/django", false),
        ("pkg:pypi/Django@3.2?a=b", "pkg:pypi/django@3.2?a=b", true),
        ("pkg:pypi/Django@3.2?a=b", "pkg:pypi/django@3.2", false),
        ("pkg:composer/Symfony/Yaml", "pkg:composer/symfony/yaml@6", true),
        ("pkg:npm/@scope/name", "pkg:npm/%40scope/name@1", true),
        ("pkg:npm/%40scope/name", "pkg:npm/%40scope/name@1", true),
        ("pkg:maven/org.Example/A", "pkg:maven/org.example/a@1", false),
        ("pkg:pypi/Djan*", "pkg:pypi/django@3.2", true),
        ("pkg:pypi/Djang?", "pkg:pypi/django@3.2", true),
        ("pkg:PyPI/*", "pkg:pypi/django@3.2", true),
        ("pkg:pypi/Djan*@3.*", "pkg:pypi/django@3.2", true),
        ("pkg:pypi/Djan*@3.*", "pkg:pypi/django@4.0", false),
        ("pkg:pypi/Zope_*", "pkg:pypi/zope-interface@1", true),
        ("pkg:pub/Flutter-*", "pkg:pub/flutter_test@1", true),
        ("pkg:composer/Symfony/**", "pkg:composer/symfony/yaml@6", true),
        ("pkg:rpm/RedHat/Bind*", "pkg:rpm/redhat/Bind9@6", true),
        ("pkg:rpm/RedHat/Bind*", "pkg:rpm/redhat/bind9@6", false),
        ("pkg:deb/debian/LibStdC%2b%2b*", "pkg:deb/debian/libstdc%2B%2B6@1", true),
        ("pkg:npm/*@1", "pkg:npm/A@1", true),
        ("pkg:npm/a*", "pkg:npm/A@1", false),
        ("pkg:npm/%40scope/*", "pkg:npm/%40scope/name@1", true),
        ("pkg:n*/a", "pkg:npm/a@1", true),
        ("**", "pkg:npm/a@1", true),
    ] {
        let exceptions = exceptions(&format!("vulnerabilities: ['*'], purls: ['{pattern}']"));
        assert_eq!(covers(&exceptions, &Asked { purl, ..ASKED }, now()), expected, "{pattern} {purl}");
    }
}

#[test]
fn every_condition_must_hold() {
    for (fields, expected) in [
        ("vulnerabilities: [CVE-2021-44229]", false),
        ("vulnerabilities: [CVE-2021-4422]", false),
        ("vulnerabilities: [CVE-2021-44228], purls: ['pkg:npm/**']", false),
        ("vulnerabilities: [CVE-2021-44228], purls: ['pkg:maven/*/log4j']", false),
        ("vulnerabilities: [CVE-2021-44228], purls: ['pkg:maven/org.apache.logging.log4j/log4j-core@2.15.0']", false),
        ("vulnerabilities: [CVE-2021-44228], purls: ['pkg:maven/**14.1']", false),
        ("vulnerabilities: [CVE-2021-44228], purls: ['pkg:maven/**@2.14']", false),
        ("vulnerabilities: [CVE-2021-44228], purls: ['pkg:maven/**?type=war']", false),
        ("vulnerabilities: [CVE-2021-44228], versions: 'vers:maven/<2.14.1'", false),
        ("vulnerabilities: [CVE-2021-44228], paths: ['/app/*']", false),
        ("vulnerabilities: [CVE-2021-44228], scope: [team/web]", false),
        ("vulnerabilities: [CVE-2021-44228], condition: only-without-fix", false),
        ("vulnerabilities: [cve-2021-44228]", true),
        ("vulnerabilities: [GHSA-JFH8-C2JP-5V3Q]", true),
        ("vulnerabilities: ['CVE-2021-*']", true),
        ("vulnerabilities: ['*'], purls: ['pkg:maven/org.apache.logging.log4j/*']", true),
        ("vulnerabilities: ['*'], purls: ['pkg:maven/org.apache.logging.log4j/log4j-core']", true),
        ("vulnerabilities: ['*'], purls: ['pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1']", true),
        ("vulnerabilities: ['*'], purls: ['pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1?type=jar']", true),
        ("vulnerabilities: ['*'], purls: ['pkg:maven/**'], versions: '[2.0,2.15)'", true),
        ("vulnerabilities: ['*'], versions: 'vers:maven/<2.15'", true),
        ("vulnerabilities: ['*'], paths: ['/app/**']", true),
        ("vulnerabilities: ['*'], scope: ['team/*']", true),
    ] {
        assert_eq!(covers(&exceptions(fields), &ASKED, now()), expected, "{fields}");
    }
}

#[test]
fn what_is_not_known_is_not_covered() {
    let all = "vulnerabilities: ['*']";
    assert!(covers(&exceptions(all), &Asked { repository: None, paths: &[], ..ASKED }, now()));
    assert!(!covers(&exceptions(&format!("{all}, scope: ['**']")), &Asked { repository: None, ..ASKED }, now()));
    assert!(!covers(&exceptions(&format!("{all}, paths: ['**']")), &Asked { paths: &[], ..ASKED }, now()));
    assert!(!covers(&exceptions(all), &Asked { names: &[], ..ASKED }, now()));
    let unversioned = Asked { purl: "pkg:maven/org.apache.logging.log4j/log4j-core", ..ASKED };
    assert!(!covers(&exceptions(&format!("{all}, versions: 'vers:maven/>=0'")), &unversioned, now()));
    assert!(covers(
        &exceptions(&format!("{all}, condition: only-without-fix")),
        &Asked { fix: Fix::None, ..ASKED },
        now()
    ));
}

#[test]
fn one_place_elsewhere_is_enough_to_count() {
    let tests = exceptions("vulnerabilities: ['*'], paths: ['/app/test/**', '/opt/*.jar/lib/*']");
    for (paths, expected) in [
        (&["/app/test/a.jar", "/app/main/a.jar"][..], false),
        (&["/app/main/a.jar"], false),
        (&["/app/test/a.jar", "/app/test/b/a.jar"], true),
    ] {
        assert_eq!(covers(&tests, &Asked { paths, ..ASKED }, now()), expected, "{paths:?}");
    }
    let component = component(ASKED.purl);
    let mut inner = Location::new("/opt/app.jar", None);
    inner.inside = vec!["lib/log4j.jar".to_owned()];
    let question = Question {
        repository: None,
        component: &component,
        vulnerabilities: ASKED.names,
        locations: &[inner],
        fix: Fix::None,
    };
    assert!(tests.covers(&question, now()).is_some());
}

#[test]
fn an_exception_counts_from_its_first_moment_to_its_last() {
    let all = exceptions("vulnerabilities: ['*']");
    for (moment, counts, is_expired) in [
        ("2026-10-31T23:59:59Z", false, false),
        ("2026-11-01", true, false),
        ("2026-12-31T23:59:59Z", true, false),
        ("2027-01-01", false, true),
    ] {
        let now = parse_moment(moment).unwrap();
        assert_eq!(covers(&all, &ASKED, now), counts, "{moment}");
        assert_eq!(all.expired(now).count(), usize::from(is_expired), "{moment}");
        assert_eq!(all.unused(now, |_| false).count(), usize::from(counts), "{moment}");
        assert_eq!(all.unused(now, |id| id == "e").count(), 0, "{moment}");
    }
}

/// What is remembered of a vulnerability is what is found out each time: for each of many wildcards, with and without other names.
#[test]
fn many_wildcards_mean_what_one_does() {
    let entry = |number: usize| {
        let globs: Vec<String> = (0..250).map(|glob| format!("'CVE-20??-{number:02}{glob:03}*'")).collect();
        format!(
            "- {{id: e{number}, vulnerabilities: [{}], owner: o, reason: r, created: 2026-11-01, expires: 2027-01-01}}\n",
            globs.join(", ")
        )
    };
    let entries: String = (0..8).map(entry).collect();
    let text = format!("apiVersion: garrison.dev/v1\nkind: Exceptions\nexceptions:\n{entries}");
    let exceptions = Exceptions::read(text.as_bytes()).unwrap();
    let component = component(ASKED.purl);
    for round in 0..10 {
        for number in (0..100).step_by(7) {
            let name = format!("CVE-2024-{:02}{:03}7", number % 50, number * 3);
            for names in [vec![name.as_str()], vec!["GHSA-jfh8-c2jp-5v3q", &name], vec!["GHSA-jfh8-c2jp-5v3q"]] {
                let question = Question {
                    repository: None,
                    component: &component,
                    vulnerabilities: &names,
                    locations: &[],
                    fix: Fix::None,
                };
                let found: Vec<&str> =
                    exceptions.covering(&question, now()).iter().map(|entry| entry.id.as_str()).collect();
                let is_meant = names.len() + usize::from(names[0] == name) > 1 && number % 50 < 8 && number * 3 < 250;
                let expected = if is_meant { vec![format!("e{}", number % 50)] } else { Vec::new() };
                assert_eq!(found, expected, "{names:?}, round {round}");
            }
        }
    }
}
