//! What a report says that it says nothing about.

use component::{Distribution, Inventory, Location, PackageType, Subject, Unknown};
use findings::{
    Answer, Deciders, Explanation, Options, Report, SYSTEMS_TOLD_MAX, TableOptions, UNCHECKED_TOLD_MAX, sarif, table,
};
use sbom::formats::{CycloneDxVersion, Format, WriteOptions, read, write};
use vulndb::{Ecosystem, Family, Records};

use crate::fixture::{advisory, affected, component, database, database_of, feed, inventory};

fn report(inventory: &Inventory) -> Report {
    Report::of(&database(), inventory, &Options::default()).unwrap()
}

/// A tree with one component.
fn tree(distribution: Option<(&str, &str)>, component: component::Component) -> Inventory {
    Inventory {
        subject: Subject::Directory { name: "tree".to_owned() },
        distribution: distribution.map(|(id, version)| Distribution {
            id: id.to_owned(),
            version_id: Some(version.to_owned()),
            ..Distribution::default()
        }),
        layers: Vec::new(),
        components: vec![component],
        edges: Vec::new(),
        ..inventory()
    }
}

#[track_caller]
fn check(inventory: &Inventory, warnings: &[&str], is_blind: bool) {
    let report = report(inventory);
    assert_eq!(report.warnings(), warnings);
    assert_eq!(report.blind().is_some(), is_blind, "{warnings:?}");
}

#[test]
fn what_everybody_speaks_of_or_nobody_is_no_warning() {
    check(&inventory(), &[], false);
    let root = component(PackageType::Unknown, "app", "1");
    check(&tree(None, root), &[], false);
}

#[test]
fn a_distribution_whose_packages_nothing_lists_is_told() {
    let told = "nothing lists the packages of Debian:12: no package of it was found";
    let bookworm = Some(("debian", "12"));
    let mut gone = tree(bookworm, component(PackageType::Python, "idna", "3.10"));
    check(&gone, &[told], true);
    let asked = |inventory: &Inventory, component| {
        Explanation::of(&database(), inventory, &Deciders::default(), "CVE-2023-0286", component).unwrap()
    };
    assert_eq!(asked(&gone, None).answer, Answer::NotCovered);
    assert_eq!(serde_json::to_value(report(&gone)).unwrap()["unchecked"]["packages"][0]["because"], "no-packages");
    // A document lists what its maker looked for.
    gone.subject = Subject::Document { name: "gone".to_owned(), version: None, purl: None };
    check(&gone, &[], false);
    check(&tree(bookworm, component(PackageType::Deb, "base-files", "12.4")), &[], false);
}

#[test]
fn packages_of_a_document_without_purl_and_cpe_are_told() {
    let check = |text: &str, warnings: &[&str]| {
        let document = read(text.as_bytes()).unwrap().inventory;
        check(&document, warnings, !warnings.is_empty());
        // Nor is it lost where the document is written in another form.
        for format in [Format::CycloneDx(CycloneDxVersion::default()), Format::Spdx, Format::Syft] {
            let again = read(&write(&document, &WriteOptions::new(format))).unwrap().inventory;
            assert_eq!(report(&again).warnings(), warnings, "{format}");
        }
        document
    };
    let cyclonedx =
        |component: &str| format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{component}]}}"#);
    let told = "nothing says of which ecosystem these are, by purl or CPE: 1 package not checked (log4j-core 2.14.1)";
    let library = check(&cyclonedx(r#"{"type":"library","name":"log4j-core","version":"2.14.1"}"#), &[told]);
    let asked = Explanation::of(&database(), &library, &Deciders::default(), "CVE-2023-0286", None).unwrap();
    assert_eq!(asked.answer, Answer::NotCovered);
    let spdx = |more: &str| {
        format!(
            r#"{{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"d","packages":[{{"SPDXID":"SPDXRef-a","name":"log4j-core","versionInfo":"2.14.1"{more}}}]}}"#
        )
    };
    check(&spdx(""), &[told]);
    check(&spdx(r#","primaryPackagePurpose":"LIBRARY""#), &[told]);
    // What packages stand in is none.
    check(&spdx(r#","primaryPackagePurpose":"APPLICATION""#), &[]);
    check(&cyclonedx(r#"{"type":"application","name":"package-lock.json"}"#), &[]);
}

#[test]
fn what_may_hide_packages_is_no_answer_to_why_not() {
    let asked = |inventory: &Inventory, component| {
        let explanation =
            Explanation::of(&database(), inventory, &Deciders::default(), "CVE-2023-0286", component).unwrap();
        (explanation.answer, explanation.unread)
    };
    let other = component(PackageType::Python, "idna", "3.10");
    let mut unread = tree(None, other);
    assert_eq!(asked(&unread, None), (Answer::NotHere, Vec::new()));
    let reason = "a page that is used twice".to_owned();
    unread.unknowns.push(Unknown { location: Location::new("/var/lib/rpm/Packages", None), reason });
    let told = "not read, or not to its end: /var/lib/rpm/Packages (a page that is used twice)";
    assert_eq!(asked(&unread, None), (Answer::NotCovered, vec![told.to_owned()]));
    // Of a package that is here nothing is hidden.
    assert_eq!(asked(&unread, Some("idna")), (Answer::NotHere, Vec::new()));
    unread.unknowns[0].location.path = "/app/tool".to_owned();
    assert_eq!(asked(&unread, None), (Answer::NotHere, Vec::new()));
    unread.components.clear();
    for (subject, told) in [
        (inventory().subject, "nothing in it names a package: 0 components"),
        (Subject::Directory { name: "tree".to_owned() }, "nothing in it names a package: 0 components"),
        (Subject::Document { name: "d".to_owned(), version: None, purl: None }, "the document lists 0 components"),
    ] {
        unread.subject = subject;
        assert_eq!(asked(&unread, None), (Answer::NotCovered, vec![told.to_owned()]));
    }
}

#[test]
fn packages_that_no_feed_speaks_of_are_told() {
    let bash = |package_type| component(package_type, "bash", "5.1-1");
    let check = |distribution, component, warning: &str, is_blind| {
        check(&tree(distribution, component), &[warning], is_blind);
    };
    let mut unversioned = bash(PackageType::Deb);
    unversioned.version = None;
    check(
        None,
        unversioned,
        "nothing says of which distribution and release its deb packages are: 1 package not checked",
        true,
    );
    let rocky = "no feed in the database speaks of Rocky Linux:9: 1 package not checked";
    check(Some(("rocky", "9.3")), bash(PackageType::Rpm), rocky, true);
    let release = "no feed in the database speaks of Debian:11: 1 package not checked";
    check(Some(("debian", "11")), bash(PackageType::Deb), release, true);
    let amazon = "no feed that is read here speaks of amzn 2023: 1 package not checked";
    check(Some(("amzn", "2023")), bash(PackageType::Rpm), amazon, true);
    let nobody = "nothing says of which distribution and release its deb packages are: 1 package not checked";
    check(None, bash(PackageType::Deb), nobody, true);
    let go = "no feed in the database speaks of Go: 1 package not checked";
    check(None, component(PackageType::GoModule, "example.com/a", "v1.0.0"), go, true);
    let mut program = component(PackageType::Binary, "httpd", "2.4.1");
    program.cpes = vec!["cpe:2.3:a:apache:http_server:2.4.1:*:*:*:*:*:*:*".to_owned()];
    let cpe = "no feed in the database names products by CPE: 1 program not checked";
    check(None, program, cpe, false);
}

#[test]
fn packages_of_another_kind_than_the_distributions_are_told() {
    let bookworm = tree(Some(("debian", "12")), component(PackageType::Rpm, "openssl", "3.0.1-1"));
    let nobody = "nothing says of which distribution and release its rpm packages are: 1 package not checked";
    check(&bookworm, &[nobody], true);
    let nothing = Explanation::of(&database(), &bookworm, &Deciders::default(), "CVE-2023-0286", None).unwrap();
    assert_eq!(nothing.answer, Answer::NotCovered);
}

#[test]
fn packages_of_types_that_are_not_known_are_told() {
    let check = |purl: &str, warnings: &[&str]| {
        let read = read(purl.as_bytes()).unwrap();
        assert_eq!(read.inventory.components[0].purl.as_ref().map(ToString::to_string).as_deref(), Some(purl));
        check(&read.inventory, warnings, !warnings.is_empty());
    };
    let unknown = |ty: &str| format!("no package type that is known here is called `{ty}`");
    let meant = format!("{} (did you mean `gem`?): 1 package not checked", unknown("rubygems"));
    check("pkg:rubygems/rack@2.0.1", &[&meant]);
    check("pkg:nix/rack@2.0.1", &[&format!("{}: 1 package not checked", unknown("nix"))]);
    // Somebody publishes advisories of these, or may.
    for ty in [
        "alpm/arch",
        "bazel",
        "brew",
        "cocoapods",
        "conda",
        "cpan",
        "huggingface/a",
        "luarocks",
        "mlflow",
        "otp",
        "qpkg/a",
        "swid",
        "vcpkg",
        "yocto",
    ] {
        let told = format!("no feed that is read here speaks of {}", ty.split('/').next().unwrap());
        check(&format!("pkg:{ty}/rack@2.0.1"), &[&format!("{told}: 1 package not checked")]);
    }
    for (ty, ecosystem) in [
        ("conan", "ConanCenter"),
        ("cran", "CRAN"),
        ("hackage", "Hackage"),
        ("julia", "Julia"),
        ("opam", "opam"),
        ("vscode-extension/a", "VSCode"),
    ] {
        let told = format!("no feed in the database speaks of {ecosystem}: 1 package not checked");
        check(&format!("pkg:{ty}/rack@2.0.1"), &[&told]);
    }
    // Nobody does of what these name.
    for ty in ["generic", "oci", "git/a", "github/a", "gitlab/a", "helm/a", "docker", "bitbucket/a", "rpmmod/a"] {
        check(&format!("pkg:{ty}/rack@2.0.1"), &[]);
    }
    let document = read(b"pkg:rubygems/rack@2.0.1").unwrap().inventory;
    let asked = Explanation::of(&database(), &document, &Deciders::default(), "CVE-2023-0286", None).unwrap();
    assert_eq!(asked.answer, Answer::NotCovered);
    assert_eq!(serde_json::to_value(report(&document)).unwrap()["unchecked"]["packages"][0]["because"], "unknown-type");
}

#[test]
fn a_documents_packages_are_of_the_releases_that_their_purls_name() {
    let bullseye = Ecosystem::release(Family::Debian, "11");
    let bookworm = Ecosystem::release(Family::Debian, "12");
    let of = |id: &str, release: &Ecosystem, fixed: &str| {
        advisory(id, &[], vec![affected(release, "openssl", &[&format!("..{fixed}!")])])
    };
    let records = vec![of("OLD", &bullseye, "1.1.1n-0+deb11u5"), of("NEW", &bookworm, "3.0.11-1~deb12u2")];
    let database =
        database_of(vec![(feed("debian", "debian-tracker", 0), Records { advisories: records, ..Records::default() })]);
    let check = |purls: &[&str], findings: &[&str], warnings: &[&str], distribution: Option<&str>, systems: &[&str]| {
        let document = read(purls.join("\n").as_bytes()).unwrap();
        let report = Report::of(&database, &document.inventory, &Options::default()).unwrap();
        let found = report.findings.iter().map(|finding| {
            let purl = report.component(finding).and_then(|component| component.purl.as_ref());
            let distro = purl.and_then(|purl| purl.qualifier("distro")).unwrap_or_default();
            format!("{} in {distro} -> {}", finding.vulnerability, finding.fix.version.as_deref().unwrap_or_default())
        });
        let mut found: Vec<String> = found.collect();
        found.sort();
        assert_eq!(found, findings, "{purls:?}");
        assert_eq!(report.warnings(), warnings, "{purls:?}");
        let name = |one: &Distribution| {
            format!("{} {}", one.id, one.version_id.as_deref().or(one.codename.as_deref()).unwrap_or_default())
        };
        assert_eq!(report.distribution.as_ref().map(name).as_deref(), distribution, "{purls:?}");
        let told = report.systems.iter().map(|one| format!("{} of {}", one.packages, name(&one.distribution)));
        assert_eq!(told.collect::<Vec<_>>(), systems, "{purls:?}");
        report
    };
    let unnamed = "pkg:deb/debian/openssl@1.0.0-1";
    let (old, new) =
        ("pkg:deb/debian/openssl@1.0.0-1?distro=debian-11", "pkg:deb/debian/openssl@1.0.0-1?distro=debian-12");
    let (in_old, in_new) = ("OLD in debian-11 -> 1.1.1n-0+deb11u5", "NEW in debian-12 -> 3.0.11-1~deb12u2");
    let (of_old, of_new) = ("1 of debian 11", "1 of debian 12");
    let nobody = "nothing says of which distribution and release its deb packages are: 1 package not checked";
    check(&[unnamed], &[], &[nobody], None, &[]);
    check(&[old, new, unnamed], &[in_new, in_old], &[nobody], None, &[of_old, of_new]);
    let fedora = "no feed that is read here speaks of fedora 40: 1 package not checked";
    let bash = "pkg:rpm/fedora/bash@5?distro=fedora-40";
    check(&[bash, new], &[in_new], &[fedora], None, &[of_new, "1 of fedora 40"]);
    let trixie = "no feed in the database speaks of Debian:13: 1 package not checked";
    let newest = "pkg:deb/debian/openssl@1.0.0-1?distro=trixie";
    check(&[newest, new], &[in_new], &[trixie], None, &["1 of debian trixie", of_new]);
    check(&[new], &[in_new], &[], Some("debian 12"), &[]);
    let both = check(&[old, new], &[in_new, in_old], &[], None, &[of_old, of_new]);
    let ended = |now: &str| both.past_its_end(now.parse().unwrap());
    assert_eq!(ended("2026-08-31T00:00:00Z"), Vec::<String>::new());
    assert_eq!(
        ended("2026-11-30T00:00:00Z"),
        ["debian 11 has had no fixes since 2026-08-31: what is found later is not mended there"]
    );
    assert_eq!(ended("2028-11-30T00:00:00Z").len(), 2);
}

#[test]
fn as_many_systems_are_told_as_the_limit_says() {
    for count in [SYSTEMS_TOLD_MAX - 1, SYSTEMS_TOLD_MAX, SYSTEMS_TOLD_MAX + 1] {
        let purls: Vec<String> =
            (0..count).map(|number| format!("pkg:apk/alpine/a@1?distro=alpine-3.{number}")).collect();
        let report = report(&read(purls.join("\n").as_bytes()).unwrap().inventory);
        assert_eq!(report.systems.len(), count.min(SYSTEMS_TOLD_MAX));
    }
}

#[test]
fn packages_whose_versions_cannot_be_ordered_are_told() {
    let npm = |name: &str, version: &str| tree(None, component(PackageType::Npm, name, version));
    check(&npm("jsonwebtoken-next", "4.17"), &[], false);
    let log4j = |version: &str| {
        let mut unordered = component(PackageType::JavaArchive, "log4j-core", version);
        unordered.purl = Some("pkg:maven/org.apache.logging.log4j/log4j-core".parse().unwrap());
        tree(None, unordered)
    };
    let told = "Maven has no order for these versions: 1 package not checked (log4j-core ${log4j.version})";
    check(&log4j("${log4j.version}"), &[told], true);
    for count in [UNCHECKED_TOLD_MAX - 1, UNCHECKED_TOLD_MAX, UNCHECKED_TOLD_MAX + 1] {
        let mut many = log4j("@1@");
        many.components = vec![many.components.remove(0); count];
        let report = report(&many);
        assert_eq!(report.unchecked.packages[0].first.len(), count.min(UNCHECKED_TOLD_MAX));
        let words = report.warnings().remove(0);
        let rest = format!(
            "{count} packages not checked (log4j-core @1@; log4j-core @1@; log4j-core @1@; and {} more)",
            count - 3
        );
        assert!(words.ends_with(&rest), "{words}");
    }
    let asked = Explanation::of(&database(), &log4j("@1@"), &Deciders::default(), "CVE-2021-44228", None).unwrap();
    assert_eq!(asked.answer, Answer::NotOrdered);
    let words = findings::explanation_table(&asked);
    assert!(words.starts_with("Not known: "), "{words}");
    assert!(words.contains("because     the version `@1@` cannot be ordered"), "{words}");
    // What no record speaks of is not here, whatever its version.
    let other = Explanation::of(&database(), &log4j("@1@"), &Deciders::default(), "CVE-2023-32681", None).unwrap();
    assert_eq!(other.answer, Answer::NotHere);
}

#[test]
fn packages_whose_versions_are_not_stated_are_told_where_advisories_speak_of_them() {
    let asked_for = |name: &str| {
        let mut inventory = tree(None, component(PackageType::JavaArchive, "log4j-core", ""));
        inventory.components[0].version = None;
        inventory.components[0].purl = Some(format!("pkg:maven/org.apache.logging.log4j/{name}").parse().unwrap());
        inventory
    };
    check(&asked_for("our-own"), &[], false);
    let told = "nothing states the versions of these packages of Maven: 1 package not checked (log4j-core)";
    check(&asked_for("log4j-core"), &[told], true);
    let explain = |name: &str, vulnerability: &str| {
        Explanation::of(&database(), &asked_for(name), &Deciders::default(), vulnerability, None).unwrap()
    };
    assert_eq!(explain("our-own", "CVE-2021-44228").answer, Answer::NotHere);
    assert_eq!(explain("log4j-core", "CVE-2023-32681").answer, Answer::NotHere);
    let asked = explain("log4j-core", "CVE-2021-44228");
    assert_eq!(asked.answer, Answer::NotOrdered);
    let words = findings::explanation_table(&asked);
    assert!(words.starts_with("Not known: "), "{words}");
    assert!(words.contains("because     the version is not stated"), "{words}");
}

#[test]
fn packages_of_a_document_that_names_no_sources_are_told() {
    let check = |purls: &[&str], expected: &[&str]| {
        let read = read(purls.join("\n").as_bytes()).unwrap();
        assert_eq!(report(&read.inventory).warnings(), expected, "{purls:?}");
        read.inventory
    };
    let libssl = "pkg:deb/debian/libssl3@3.0.11-1?distro=debian-12";
    let told = "nothing says from which source packages these of Debian:12 were built: 1 package not checked (libssl3 3.0.11-1)";
    check(&["pkg:deb/debian/openssl@3.0.11-1?distro=debian-12"], &[]);
    check(&[&format!("{libssl}&upstream=openssl")], &[]);
    check(&[&format!("{libssl}&upstream=libssl3")], &[]);
    // What says it also where the names are the same leaves it out nowhere.
    check(&[libssl, "pkg:deb/debian/libc6@2.36-9?distro=debian-12&upstream=libc6"], &[told]);
    check(&[libssl, "pkg:deb/debian/libc6@2.36-9?distro=debian-12&upstream=glibc"], &[]);
    check(
        &["pkg:rpm/almalinux/a@1?distro=almalinux-9", "pkg:npm/libssl3@3"],
        &["no feed in the database speaks of AlmaLinux:9: 1 package not checked"],
    );
    let document = check(&[libssl, "pkg:deb/debian/openssl@3.0.11-1?distro=debian-12"], &[told]);
    let mut image = document.clone();
    image.subject = inventory().subject;
    assert_eq!(report(&image).warnings(), Vec::<String>::new());
    let document = check(&[libssl], &[told]);
    let asked = Explanation::of(&database(), &document, &Deciders::default(), "CVE-2023-0286", None).unwrap();
    assert_eq!(asked.answer, Answer::NotCovered);
}

/// An image of a few packages that are their own sources, as those without a shell are.
#[test]
fn no_document_of_an_image_tells_more_as_not_checked_than_the_image() {
    let mut image = inventory();
    image.edges.clear();
    image.components = ["base-files", "netbase", "tzdata"].map(|name| component(PackageType::Deb, name, "1")).into();
    for component in &mut image.components {
        component.purl = Some(format!("pkg:deb/debian/{}@1?distro=debian-12", component.name).parse().unwrap());
    }
    let check = |inventory: &Inventory, what: &str| {
        let report = report(inventory);
        assert_eq!((report.warnings(), report.blind()), (Vec::new(), None), "{what}");
    };
    check(&image, "the image");
    let cyclonedx = CycloneDxVersion::ALL.map(Format::CycloneDx);
    let formats: Vec<Format> = cyclonedx.into_iter().chain([Format::Spdx, Format::Syft, Format::Purls]).collect();
    for format in &formats {
        let document = read(&write(&image, &WriteOptions::new(*format))).unwrap();
        check(&document.inventory, &format.to_string());
        for other in &formats {
            let converted = read(&write(&document.inventory, &WriteOptions::new(*other))).unwrap();
            check(&converted.inventory, &format!("{format} as {other}"));
        }
    }
    let of_syft = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[
        {"type":"library","name":"tzdata","version":"1","purl":"pkg:deb/debian/tzdata@1?distro=debian-12","properties":[{"name":"syft:package:foundBy","value":"dpkg-db-cataloger"}]},
        {"type":"operating-system","name":"debian","version":"12"}]}"#;
    check(&read(of_syft.as_bytes()).unwrap().inventory, "a document of Syft");
}

#[test]
fn a_distribution_without_a_package_is_told_unless_a_document_names_it() {
    let mut empty = tree(Some(("amzn", "2023")), component(PackageType::Rpm, "a", "1"));
    empty.components.clear();
    check(
        &empty,
        &[
            "no feed that is read here speaks of amzn 2023: no package of it was found",
            "nothing in it names a package: 0 components",
        ],
        true,
    );
    empty.distribution = inventory().distribution;
    check(&empty, &["nothing in it names a package: 0 components"], true);
    empty.subject = Subject::Image { name: "a".to_owned(), digest: String::new(), platform: None };
    check(&empty, &["nothing in it names a package: 0 components"], true);
    empty.subject = Subject::Document { name: "a".to_owned(), version: None, purl: None };
    empty.distribution.as_mut().unwrap().id = "amzn".to_owned();
    check(&empty, &["the document lists 0 components"], true);
}

#[test]
fn archives_without_a_group_are_told_where_advisories_have_their_name() {
    let archive = |name: &str| tree(None, component(PackageType::JavaArchive, name, "2.14.1"));
    let told = "nothing says of which group these artifacts of Maven are: 1 package not checked (log4j-core 2.14.1)";
    check(&archive("log4j-core"), &[told], true);
    check(&archive("core"), &[], false);
    check(&archive("our-own"), &[], false);
    let purl = |purl: &str| {
        let mut archive = archive("log4j-core");
        archive.components[0].purl = Some(purl.parse().unwrap());
        archive
    };
    check(&purl("pkg:maven/log4j-core@2.14.1"), &[told], true);
    check(&purl("pkg:maven/org.example/log4j-core@2.14.1"), &[], false);
    let explained = |name: &str, asked: Option<&str>| {
        Explanation::of(&database(), &archive(name), &Deciders::default(), "CVE-2021-44228", asked).unwrap()
    };
    assert_eq!(explained("our-own", None).answer, Answer::NotHere);
    for asked in [None, Some("log4j-core")] {
        let explanation = explained("log4j-core", asked);
        assert_eq!(explanation.answer, Answer::NotCovered);
        let words = findings::explanation_table(&explanation);
        assert!(words.contains("not checked nothing says of which group"), "{words}");
    }
    let other = Explanation::of(&database(), &archive("log4j-core"), &Deciders::default(), "CVE-2023-32681", None);
    assert_eq!(other.unwrap().answer, Answer::NotHere);
    let mut unversioned = archive("log4j-core");
    unversioned.components[0].version = None;
    check(&unversioned, &[&told.replace(" 2.14.1", "")], true);
    for count in [UNCHECKED_TOLD_MAX - 1, UNCHECKED_TOLD_MAX, UNCHECKED_TOLD_MAX + 1] {
        let mut many = archive("log4j-core");
        many.components = vec![many.components.remove(0); count];
        let packages = report(&many).unchecked.packages;
        assert_eq!((packages[0].components, packages[0].first.len()), (count, count.min(UNCHECKED_TOLD_MAX)));
    }
}

fn unread(path: &str, reason: &str) -> Unknown {
    Unknown { location: Location::new(path, None), reason: reason.to_owned() }
}

#[test]
fn what_was_not_read_is_told_and_counted() {
    let mut seen = inventory();
    let nothing_names_it = "ELF program, statically linked: no package owns it and nothing in it names it";
    seen.unknowns = vec![unread("/opt/tool", nothing_names_it)];
    check(&seen, &[], false);
    seen.unknowns.push(unread("/app/tool", "damaged"));
    check(&seen, &["not read, or not to its end: /app/tool (damaged)"], false);
    seen.unknowns.push(unread("/var/lib/dpkg/status", "too large"));
    let told = "not read, or not to its end: /var/lib/dpkg/status (too large); /app/tool (damaged)";
    check(&seen, &[told], true);
    // What a manifest asks for nobody knows that cannot read it.
    seen.unknowns = vec![unread("/app/package.json", "not JSON")];
    check(&seen, &["not read, or not to its end: /app/package.json (not JSON)"], true);
    for (count, shown) in [
        (UNCHECKED_TOLD_MAX - 1, UNCHECKED_TOLD_MAX - 1),
        (UNCHECKED_TOLD_MAX, UNCHECKED_TOLD_MAX),
        (UNCHECKED_TOLD_MAX + 1, UNCHECKED_TOLD_MAX),
    ] {
        seen.unknowns = (0..count).map(|index| unread(&format!("/{index}"), "not JSON")).collect();
        let report = report(&seen);
        assert_eq!((report.unchecked.unread.count, report.unchecked.unread.first.len()), (count, shown));
        let words = report.warnings().remove(0);
        assert!(words.ends_with(&format!("/2 (not JSON); and {} more", count - 3)), "{words}");
    }
}

#[test]
fn what_a_document_lost_is_told() {
    let document = read(b"pkg:npm/a@1\nfour\npkg:deb/debian/openssl@99?distro=debian-12\n").unwrap();
    let options = Options { repairs: Some(&document.repairs), ..Options::default() };
    let report = Report::of(&database(), &document.inventory, &options).unwrap();
    assert_eq!(report.warnings(), ["dropped from the document: line[2]: a line that is no purl, dropped: four"]);
    assert_eq!(report.blind(), None);
}

#[test]
fn every_form_for_people_and_code_hosts_has_the_warnings() {
    let report = report(&tree(Some(("rocky", "9.3")), component(PackageType::Rpm, "bash", "5.1-1")));
    insta::assert_snapshot!(table(&report, &TableOptions { width: 80, now: None, milliseconds: None }), @r"
    tree: no findings in what could be checked
    advisories of 2025-11-24 03:10, 1 component
    no feed in the database speaks of Rocky Linux:9: 1 package not checked
    ");
    let told = "no feed in the database speaks of Rocky Linux:9: 1 package not checked";
    assert!(sarif(&report).text.contains(told));
    let json: serde_json::Value = serde_json::from_str(&findings::json(&report)).unwrap();
    assert_eq!(json["unchecked"]["packages"][0]["because"], "no-feed");
}

#[test]
fn groups_of_alerts_have_the_packages_that_were_not_checked() {
    let alerts = |inventory: &Inventory| {
        let document: serde_json::Value =
            serde_json::from_str(&findings::grype(&report(inventory), inventory)).unwrap();
        let told = |entry: &serde_json::Value| {
            let (package, alert) = (&entry["package"], &entry["alerts"][0]);
            let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
            let (name, version) = (&alert["metadata"]["name"], &alert["metadata"]["version"]);
            assert_eq!(entry["alerts"].as_array().unwrap().len(), 1);
            let words = [&package["name"], &package["type"], &alert["type"], &alert["message"], name, version];
            words.map(text).join(", ")
        };
        document.get("alertsByPackage").map(|alerts| alerts.as_array().unwrap().iter().map(told).collect::<Vec<_>>())
    };
    let bash = |package_type| component(package_type, "bash", "5.1-1");
    let told = |reason: &str, distribution: &str, package_type: &str| {
        Some(vec![format!("bash, {package_type}, distro-disabled, {reason}, {distribution}")])
    };
    let rocky = "no feed in the database speaks of Rocky Linux:9";
    assert_eq!(alerts(&tree(Some(("rocky", "9.3")), bash(PackageType::Rpm))), told(rocky, "rocky, 9.3", "rpm"));
    let amazon = "no feed that is read here speaks of amzn 2023";
    assert_eq!(alerts(&tree(Some(("amzn", "2023")), bash(PackageType::Rpm))), told(amazon, "amzn, 2023", "rpm"));
    let nobody = "nothing says of which distribution and release its deb packages are";
    assert_eq!(alerts(&tree(None, bash(PackageType::Deb))), told(nobody, "-, -", "deb"));
    assert_eq!(alerts(&tree(Some(("debian", "12")), bash(PackageType::Deb))), None);
    let other = |words: &str| Some(vec![format!("{words}, -, -")]);
    assert_eq!(
        alerts(&tree(None, component(PackageType::GoModule, "example.com/a", "v1.0.0"))),
        other("example.com/a, go-module, no-feed, no feed in the database speaks of Go")
    );
    let document = |purls: &str| alerts(&read(purls.as_bytes()).unwrap().inventory);
    let log4j = "pkg:maven/org.apache.logging.log4j/log4j-core";
    assert_eq!(
        document(&format!("{log4j}@%401%40\n{log4j}@9999")),
        other("log4j-core, java-archive, no-order, Maven has no order for these versions")
    );
    assert_eq!(
        document(log4j),
        other("log4j-core, java-archive, no-version, nothing states the versions of these packages of Maven")
    );
    assert_eq!(
        document("pkg:maven/log4j-core@2.14.1"),
        other("log4j-core, java-archive, no-group, nothing says of which group these artifacts of Maven are")
    );
    assert_eq!(
        document("pkg:deb/debian/libssl3@3.0.11-1?distro=debian-12"),
        Some(vec![
            "libssl3, deb, no-source, nothing says from which source packages these of Debian:12 were built, debian, 12"
                .to_owned()
        ])
    );
    assert_eq!(
        document("pkg:rubygems/rack@2.0.1"),
        other(
            "rack, UnknownPackage, unknown-type, no package type that is known here is called `rubygems` (did you mean `gem`?)"
        )
    );
    let many = vec![component(PackageType::GoModule, "example.com/a", "v1.0.0"); UNCHECKED_TOLD_MAX + 1];
    let all = Inventory { components: many, ..tree(None, bash(PackageType::Deb)) };
    assert_eq!(alerts(&all).unwrap().len(), UNCHECKED_TOLD_MAX + 1);
}

#[test]
fn nothing_is_denied_of_what_no_feed_speaks_of() {
    let rocky = tree(Some(("rocky", "9.3")), component(PackageType::Rpm, "openssl", "3.0.7-1.el9"));
    for (asked, expected) in [(None, Answer::NotCovered), (Some("openssl"), Answer::NotCovered)] {
        let explanation = Explanation::of(&database(), &rocky, &Deciders::default(), "CVE-2023-0286", asked).unwrap();
        assert_eq!(explanation.answer, expected);
        let words = findings::explanation_table(&explanation);
        assert!(words.starts_with("Not known: "), "{words}");
        assert!(words.contains("not checked no feed in the database speaks of Rocky Linux:9: 1 package"), "{words}");
    }
    let absent = Explanation::of(&database(), &rocky, &Deciders::default(), "CVE-2023-0286", Some("bash")).unwrap();
    assert_eq!(absent.answer, Answer::NoSuchComponent);
}
