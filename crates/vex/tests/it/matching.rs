//! Which components a product is.

use component::{Component, Distribution, Hash, HashAlgorithm, Inventory, PackageType, SourcePackage, Technique};
use vex::{Document, Element, Place, Present, Statements, Subject, Trust};

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

pub(crate) fn component(package_type: PackageType, purl: &str) -> Component {
    let purl: component::Purl = purl.parse().unwrap();
    let mut component = Component::new(package_type, purl.name().to_owned(), "test", Technique::PackageDatabase);
    component.version = purl.version().map(str::to_owned);
    component.architecture = purl.qualifier("arch").map(str::to_owned);
    component.purl = Some(purl);
    component
}

pub(crate) fn curl() -> Component {
    let mut curl = component(
        PackageType::Rpm,
        "pkg:rpm/redhat/libcurl@7.76.1-29.el9?arch=x86_64&distro=rhel-9.4&upstream=curl-7.76.1-29.el9.src.rpm",
    );
    curl.source = Some(SourcePackage { name: "curl".to_owned(), version: None });
    curl
}

fn jar() -> Component {
    let mut jar = component(PackageType::JavaArchive, "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1");
    jar.hashes = vec![Hash { algorithm: HashAlgorithm::Sha1, hex: "b".repeat(40) }];
    jar.cpes = vec!["cpe:2.3:a:apache:log4j:2.14.1:*:*:*:*:*:*:*".to_owned()];
    jar
}

pub(crate) fn image() -> Subject {
    let distribution = Distribution {
        id: "rhel".to_owned(),
        version_id: Some("9.4".to_owned()),
        cpe: Some("cpe:/o:redhat:enterprise_linux:9::baseos".to_owned()),
        ..Distribution::default()
    };
    let subject = component::Subject::Image {
        name: "registry.example/team/api:1.4".to_owned(),
        digest: DIGEST.to_owned(),
        platform: Some("linux/amd64".to_owned()),
    };
    Subject::of(&Inventory {
        subject,
        distribution: Some(distribution),
        layers: Vec::new(),
        components: Vec::new(),
        edges: Vec::new(),
        unknowns: Vec::new(),
        created: None,
    })
}

fn of(subject: component::Subject) -> Subject {
    Subject::of(&Inventory {
        subject,
        distribution: None,
        layers: Vec::new(),
        components: Vec::new(),
        edges: Vec::new(),
        unknowns: Vec::new(),
        created: None,
    })
}

fn is_about(document: &str, place: &Place<'_>) -> bool {
    let document = vex::read(document.as_bytes()).unwrap();
    // What concerns what there is decides alike where it is handed on to.
    let components: Vec<Component> =
        std::iter::once(&place.component).chain(place.containers).copied().cloned().collect();
    let handed_on = document.about(&Present::new(place.subject, &components));
    let handed_on: Document = serde_json::from_slice(&serde_json::to_vec(&handed_on).unwrap()).unwrap();
    let statements = Statements::new(vec![document], &Trust::in_all());
    let found = statements.about(place, &["GHSA-1", "CVE-1"]);
    assert_eq!(found.is_some(), !statements.all_about(place, &["CVE-1"]).is_empty());
    let there = Statements::new(vec![handed_on], &Trust::in_all());
    assert_eq!(
        found.map(|found| found.statement.status.clone()),
        there.about(place, &["GHSA-1", "CVE-1"]).map(|found| found.statement.status.clone())
    );
    found.is_some()
}

/// Holds a product of `OpenVEX` against a component of an image.
fn check_in(subject: &Subject, component: &Component, containers: &[&Component], product: &str, expected: bool) {
    let document = format!(
        r#"{{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "d", "author": "a", "timestamp": "2024-01-01T00:00:00Z",
            "statements": [{{"vulnerability": {{"name": "CVE-1"}}, "products": [{product}], "status": "fixed"}}]}}"#
    );
    assert_eq!(is_about(&document, &Place { subject, component, containers }), expected, "{product}");
}

fn check(component: &Component, product: &str, expected: bool) {
    check_in(&image(), component, &[], product, expected);
}

#[test]
fn a_package_is_matched_by_what_its_purl_says() {
    let jar = jar();
    for (purl, expected) in [
        ("pkg:maven/org.apache.logging.log4j/log4j-api", false),
        ("pkg:maven/log4j-core", false),
        ("pkg:npm/org.apache.logging.log4j/log4j-core", false),
        ("pkg:maven/org.apache.logging.log4j/log4j-core@2.14.2", false),
        ("pkg:maven/org.apache.logging.log4j/log4j-core?classifier=sources", false),
        ("pkg:maven/org.apache.logging.log4j/log4j-core?type=war", false),
        ("pkg:maven/org.apache.logging.log4j/log4j-core?repository_url=repo.example", false),
        ("pkg:maven/org.apache.logging.log4j/log4j-core#sub", false),
        ("pkg:maven/org.apache.logging.log4j/log4j-core", true),
        ("pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1", true),
        ("pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1.0", true),
        ("pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1?type=jar", true),
    ] {
        check(&jar, &format!(r#"{{"@id": "{purl}"}}"#), expected);
        check(&jar, &format!(r#"{{"@id": "https://example.com/p", "identifiers": {{"purl": "{purl}"}}}}"#), expected);
        check(&jar, &format!(r#""{purl}""#), expected);
    }
}

#[test]
fn a_distributions_package_is_matched_as_binary_and_as_source() {
    let curl = curl();
    for (purl, expected) in [
        ("pkg:rpm/redhat/libcurl@7.76.1-29.el9?arch=aarch64", false),
        ("pkg:rpm/redhat/libcurl?arch=src", false),
        ("pkg:rpm/redhat/curl?arch=x86_64", false),
        ("pkg:rpm/redhat/curl", false),
        ("pkg:rpm/redhat/curl@7.76.1-28.el9?arch=src", false),
        ("pkg:rpm/fedora/libcurl", false),
        ("pkg:rpm/redhat/libcurl@7.76.1-29.el9?epoch=1", false),
        ("pkg:rpm/redhat/libcurl?distro=rhel-8", false),
        ("pkg:rpm/redhat/libcurl?distro=rhel-9.40", false),
        ("pkg:rpm/redhat/libcurl?distro=rhel-9", true),
        ("pkg:rpm/redhat/libcurl?distro=rhel-9.4", true),
        ("pkg:rpm/redhat/libcurl@7.76.1-29.el9?arch=x86_64&epoch=0", true),
        ("pkg:rpm/redhat/curl@7.76.1-29.el9?arch=src", true),
        ("pkg:rpm/redhat/curl?arch=src", true),
    ] {
        check(&curl, &format!(r#"{{"@id": "{purl}"}}"#), expected);
    }
    let mut older = curl.clone();
    older.purl = Some("pkg:rpm/redhat/libcurl@7.76.1-29.el9?arch=x86_64&distro=rhel-8.10".parse().unwrap());
    for (purl, expected) in [
        ("pkg:rpm/redhat/libcurl?distro=rhel-9", false),
        ("pkg:rpm/redhat/libcurl?distro=rhel-9.4", false),
        ("pkg:rpm/redhat/libcurl?distro=rhel-8", true),
    ] {
        check(&older, &format!(r#"{{"@id": "{purl}"}}"#), expected);
    }
    let mut with_epoch = curl.clone();
    with_epoch.version = Some("1:7.76.1-29.el9".to_owned());
    for (purl, expected) in [
        ("pkg:rpm/redhat/libcurl@7.76.1-29.el9?epoch=0", false),
        ("pkg:rpm/redhat/libcurl@2:7.76.1-29.el9", false),
        ("pkg:rpm/redhat/libcurl@7.76.1-29.el9?epoch=1", true),
        ("pkg:rpm/redhat/libcurl@1:7.76.1-29.el9", true),
        ("pkg:rpm/redhat/libcurl@7.76.1-29.el9", true),
    ] {
        check(&with_epoch, &format!(r#"{{"@id": "{purl}"}}"#), expected);
    }
}

#[test]
fn versions_are_equal_by_their_ecosystem() {
    for (purl, product, expected) in [
        ("pkg:pypi/a@1.0", "pkg:pypi/a@1.0.0", true),
        ("pkg:pypi/a@1.0+local", "pkg:pypi/a@1.0", false),
        ("pkg:npm/a@1.0.0", "pkg:npm/a@1.0.0-1", false),
        ("pkg:cargo/a@1.0.0+b", "pkg:cargo/a@1.0.0", false),
        ("pkg:golang/example.com/a@v1.0.0", "pkg:golang/example.com/a@1.0.0", true),
        ("pkg:deb/debian/a@1.0-1", "pkg:deb/debian/a@0:1.0-1", true),
        ("pkg:deb/debian/a@1:1.0-1", "pkg:deb/debian/a@1.0-1", false),
        ("pkg:npm/a", "pkg:npm/a@1.0.0", false),
    ] {
        check(&component(PackageType::Unknown, purl), &format!(r#"{{"@id": "{product}"}}"#), expected);
    }
}

#[test]
fn other_names_match_too() {
    let (jar, image) = (jar(), image());
    let sha1 = "b".repeat(40);
    for (product, expected) in [
        (r#"{"@id": "https://example.com/log4j"}"#.to_owned(), false),
        (r#"{"identifiers": {"cpe23": "cpe:2.3:a:apache:log4j:2.15.0:*:*:*:*:*:*:*"}}"#.to_owned(), false),
        (r#"{"identifiers": {"cpe22": "cpe:/a:apache:log4j"}}"#.to_owned(), true),
        (r#"{"identifiers": {"cpe23": "cpe:2.3:a:apache:*:2.14.1:*:*:*:*:*:*:*"}}"#.to_owned(), true),
        (format!(r#"{{"@id": "x", "hashes": {{"sha-1": "{}"}}}}"#, "c".repeat(40)), false),
        (format!(r#"{{"@id": "x", "hashes": {{"sha-1": "{}"}}}}"#, sha1.to_uppercase()), true),
    ] {
        check_in(&image, &jar, &[], &product, expected);
    }
}

#[test]
fn an_image_is_its_digest_or_its_name() {
    let jar = jar();
    let escaped = DIGEST.replace(':', "%3A");
    let other = escaped.replace('a', "b");
    for (id, expected) in [
        (format!("pkg:oci/api@{other}"), false),
        (format!("pkg:oci/api@{escaped}?arch=arm64"), false),
        ("pkg:oci/web".to_owned(), false),
        ("pkg:oci/api?tag=1.5".to_owned(), false),
        ("pkg:oci/api?repository_url=other.example/team/api".to_owned(), false),
        ("pkg:oci/api@1.4".to_owned(), false),
        ("pkg:docker/team/api@1.4".to_owned(), false),
        (format!("registry.example/team/api@{}", DIGEST.replace('a', "b")), false),
        (format!("pkg:oci/api@{escaped}"), true),
        (format!("pkg:oci/copied@{escaped}?repository_url=mirror.example/x/copied"), true),
        (format!("pkg:oci/api@{escaped}?arch=amd64"), true),
        ("pkg:oci/api".to_owned(), true),
        ("pkg:oci/api?tag=1.4".to_owned(), true),
        ("pkg:oci/api?repository_url=registry.example/team/api".to_owned(), true),
        ("pkg:oci/api?repository_url=registry.example/team".to_owned(), true),
        ("pkg:docker/team/api@1.4?repository_url=registry.example".to_owned(), true),
        (DIGEST.to_owned(), true),
        (format!("registry.example/team/api@{DIGEST}"), true),
    ] {
        // A product without subcomponents is all that is in it.
        check(&jar, &format!(r#"{{"@id": "{id}"}}"#), expected);
        let with = |subcomponent: &str| format!(r#"{{"@id": "{id}", "subcomponents": [{{"@id": "{subcomponent}"}}]}}"#);
        check(&jar, &with("pkg:maven/org.apache.logging.log4j/log4j-core"), expected);
        check(&jar, &with("pkg:maven/org.apache.logging.log4j/log4j-api"), false);
    }
}

#[test]
fn a_file_stands_for_what_is_in_it() {
    let (jar, image) = (jar(), image());
    let app = component(PackageType::JavaArchive, "pkg:maven/com.example/app@1.0");
    let whole = r#"{"@id": "pkg:maven/com.example/app@1.0"}"#;
    let part = r#"{"@id": "pkg:maven/com.example/app", "subcomponents": [{"@id": "pkg:maven/org.apache.logging.log4j/log4j-core"}]}"#;
    for product in [whole, part] {
        check_in(&image, &jar, &[], product, false);
        check_in(&image, &jar, &[&app], product, true);
    }
    check_in(&image, &app, &[], whole, true);
    check_in(&image, &app, &[], part, false);
}

fn csaf(product_tree: &str) -> String {
    format!(
        r#"{{"document": {{"category": "csaf_vex", "csaf_version": "2.0", "publisher": {{"name": "Red Hat"}},
            "tracking": {{"id": "x", "version": "1", "initial_release_date": "2024-01-01T00:00:00Z",
            "current_release_date": "2024-01-01T00:00:00Z"}}}}, "product_tree": {product_tree},
            "vulnerabilities": [{{"cve": "CVE-1", "product_status": {{"fixed": ["P"]}}}}]}}"#
    )
}

#[test]
fn a_component_of_a_distribution_is_none_elsewhere() {
    let check = |component: &Component, subject: &Subject, platform: &str, purl: &str, expected: bool| {
        let document = csaf(&format!(
            r#"{{"full_product_names": [{{"product_id": "os", "name": "os", "product_identification_helper": {{"cpe": "{platform}"}}}},
                {{"product_id": "c", "name": "c", "product_identification_helper": {{"purl": "{purl}"}}}}],
                "relationships": [{{"category": "default_component_of", "product_reference": "c", "relates_to_product_reference": "os",
                "full_product_name": {{"product_id": "P", "name": "c of os"}}}}]}}"#
        ));
        assert_eq!(is_about(&document, &Place { subject, component, containers: &[] }), expected, "{platform} {purl}");
    };
    let appstream = "cpe:/a:redhat:enterprise_linux:9::appstream";
    check(&curl(), &image(), appstream, "pkg:rpm/redhat/curl?arch=src", true);
    check(&curl(), &image(), appstream, "pkg:rpm/redhat/bash?arch=src", false);
    check(&curl(), &image(), "cpe:/a:redhat:enterprise_linux:8::appstream", "pkg:rpm/redhat/curl?arch=src", false);
    check(&curl(), &image(), "cpe:/a:redhat:openshift:4.16::el9", "pkg:rpm/redhat/curl?arch=src", false);
    check(&curl(), &Subject::default(), appstream, "pkg:rpm/redhat/curl?arch=src", false);
    // What others brought is none of the distribution's.
    check(&jar(), &image(), appstream, "pkg:maven/org.apache.logging.log4j/log4j-core", false);
    // An image that is named by its digest is itself, whatever product delivers it.
    let itself = format!("pkg:oci/api@{}", DIGEST.replace(':', "%3A"));
    check(&jar(), &image(), "cpe:/a:redhat:openshift:4.16::el9", &itself, true);
}

#[test]
fn a_component_of_a_module_is_none_of_another() {
    let check = |component: &Component, module: &str, expected: bool| {
        let document = csaf(&format!(
            r#"{{"full_product_names": [
                {{"product_id": "os", "name": "os", "product_identification_helper": {{"cpe": "cpe:/o:redhat:enterprise_linux:9"}}}},
                {{"product_id": "m", "name": "m", "product_identification_helper": {{"purl": "{module}"}}}},
                {{"product_id": "c", "name": "c", "product_identification_helper": {{"purl": "pkg:rpm/redhat/libcurl"}}}}],
                "relationships": [
                {{"category": "default_component_of", "product_reference": "c", "relates_to_product_reference": "m:os",
                "full_product_name": {{"product_id": "P", "name": "c of m of os"}}}},
                {{"category": "default_component_of", "product_reference": "m", "relates_to_product_reference": "os",
                "full_product_name": {{"product_id": "m:os", "name": "m of os"}}}}]}}"#
        ));
        assert_eq!(is_about(&document, &Place { subject: &image(), component, containers: &[] }), expected, "{module}");
    };
    let mut curl = curl();
    check(&curl, "pkg:rpmmod/redhat/tools@1.0", false);
    curl.module = Some("tools:1.0:8090020231201:26eb71ac".to_owned());
    check(&curl, "pkg:rpmmod/redhat/tools@1.0:8090020231201:26eb71ac", true);
    check(&curl, "pkg:rpmmod/redhat/tools@1.0", true);
    check(&curl, "pkg:rpmmod/redhat/tools", true);
    check(&curl, "pkg:rpmmod/redhat/tools@1", false);
    check(&curl, "pkg:rpmmod/redhat/other", false);
}

#[test]
fn a_branch_of_a_range_bounds_the_purl_below_it() {
    let check = |range: &str, purl: &str, expected: bool| {
        let document = csaf(&format!(
            r#"{{"branches": [{{"category": "product_version_range", "name": "{range}", "product": {{"product_id": "P", "name": "p",
                "product_identification_helper": {{"purl": "{purl}"}}}}}}]}}"#
        ));
        let (subject, component) = (image(), component(PackageType::Npm, "pkg:npm/a@1.5.0"));
        assert_eq!(
            is_about(&document, &Place { subject: &subject, component: &component, containers: &[] }),
            expected,
            "{range}"
        );
    };
    check("vers:npm/<1.5.0", "pkg:npm/a", false);
    check("vers:npm/<2.0.0", "pkg:npm/a", true);
    check("vers:all/*", "pkg:npm/a", true);
    // A range of a general type says itself how versions are compared.
    check("vers:intdot/<2.0.0", "pkg:npm/a", true);
    check("vers:intdot/<1.5", "pkg:npm/a", false);
    check("vers:none/*", "pkg:npm/a", false);
    // Nobody knows which versions are meant.
    check("<2.0.0", "pkg:npm/a", false);
    check("vers:generic/<2.0.0", "pkg:npm/a", false);
    check("<2.0.0", "pkg:npm/a@1.5.0", true);
}

#[test]
fn a_branch_of_a_version_names_that_of_the_purl_below_it() {
    let check = |version: &str, inner: &str, purl: &str, expected: bool| {
        let product = format!(
            r#""product": {{"product_id": "P", "name": "p", "product_identification_helper": {{"purl": "{purl}"}}}}"#
        );
        let inner = if inner.is_empty() { product } else { format!(r#""branches": [{{{inner}, {product}}}]"#) };
        let document =
            csaf(&format!(r#"{{"branches": [{{"category": "product_version", "name": "{version}", {inner}}}]}}"#));
        let (subject, component) = (image(), component(PackageType::Npm, "pkg:npm/a-b@1.5.0"));
        let place = Place { subject: &subject, component: &component, containers: &[] };
        assert_eq!(is_about(&document, &place), expected, "{version} {inner}");
    };
    check("1.5.0", "", "pkg:npm/a-b", true);
    check("9.9", "", "pkg:npm/a-b", false);
    check("v9.9", "", "pkg:npm/a-b", false);
    check("9.9", "", "pkg:npm/a-b@1.5.0", true);
    check("1.5.0", r#""category": "architecture", "name": "x86""#, "pkg:npm/a-b", true);
    check("9.9", r#""category": "architecture", "name": "x86""#, "pkg:npm/a-b", false);
    check("9.9", r#""category": "product_version", "name": "1.5.0""#, "pkg:npm/a-b", true);
    check("9.9", r#""category": "product_version_range", "name": "vers:npm/<2.0.0""#, "pkg:npm/a-b", true);
    // Names of packages are no versions.
    for name in ["kernel", "a-b", "a-b-9.9", "3a-b", "9-a-b:1", "389-ds:1.4/389-ds-base", "3scale", "9.9 or so"] {
        check(name, "", "pkg:npm/a-b", true);
    }
}

#[test]
fn a_component_of_a_cyclonedx_document_is_of_its_version() {
    let check = |stated: &str, expected: bool| {
        let components = format!(
            r#"[{{"type": "library", "bom-ref": "l", "name": "l", "purl": "pkg:maven/org.apache.logging.log4j/log4j-core"{stated}}}]"#
        );
        let jar = jar();
        let place = Place { subject: &image(), component: &jar, containers: &[] };
        assert_eq!(is_about(&cyclonedx("{}", &components, r#"{"ref": "l"}"#), &place), expected, "{stated}");
    };
    check("", true);
    check(r#", "version": """#, true);
    check(r#", "version": "2.14.1""#, true);
    check(r#", "version": "9.9""#, false);
}

fn cyclonedx(metadata: &str, components: &str, affects: &str) -> String {
    format!(
        r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": "urn:uuid:11111111-1111-1111-1111-111111111111", "version": 1,
            "metadata": {metadata}, "components": {components},
            "vulnerabilities": [{{"id": "CVE-1", "analysis": {{"state": "not_affected", "justification": "code_not_present"}},
            "affects": [{affects}]}}]}}"#
    )
}

#[test]
fn what_a_cyclonedx_document_says_it_says_of_its_product() {
    let check = |subject: &Subject, metadata: &str, affects: &str, expected: bool| {
        let components = r#"[{"type": "library", "bom-ref": "l", "name": "l", "purl": "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"}]"#;
        let document = cyclonedx(metadata, components, affects);
        let jar = jar();
        let place = Place { subject, component: &jar, containers: &[] };
        assert_eq!(is_about(&document, &place), expected, "{metadata} {affects}");
    };
    let image = image();
    let itself =
        format!(r#"{{"component": {{"type": "container", "bom-ref": "root", "name": "api", "version": "{DIGEST}"}}}}"#);
    let other = itself.replace(DIGEST, &DIGEST.replace('a', "b"));
    let named = r#"{"component": {"type": "application", "bom-ref": "root", "name": "api", "version": "1"}}"#;
    check(&image, "{}", r#"{"ref": "l"}"#, true);
    check(&image, "{}", r#"{"ref": "m"}"#, false);
    check(&image, &itself, r#"{"ref": "l"}"#, true);
    check(&image, &itself, r#"{"ref": "root"}"#, true);
    check(&image, &other, r#"{"ref": "l"}"#, false);
    check(&image, &other, r#"{"ref": "root"}"#, false);
    check(&image, named, r#"{"ref": "l"}"#, false);
    let document = |version: &str| component::Subject::Document {
        name: "api".to_owned(),
        version: Some(version.to_owned()),
        purl: None,
    };
    check(&of(document("1")), named, r#"{"ref": "l"}"#, true);
    check(&of(document("2")), named, r#"{"ref": "l"}"#, false);
    check(&of(document(DIGEST)), &itself, r#"{"ref": "l"}"#, true);
}

#[test]
fn a_link_leads_into_the_document_that_it_names() {
    let check = |subject: &Subject, reference: &str, expected: bool| {
        let components = r#"[{"type": "library", "bom-ref": "l", "name": "l", "purl": "pkg:maven/org.apache.logging.log4j/log4j-core"}]"#;
        let document = cyclonedx("{}", components, &format!(r#"{{"ref": "{reference}"}}"#));
        let jar = jar();
        let place = Place { subject, component: &jar, containers: &[] };
        assert_eq!(is_about(&document, &place), expected, "{reference}");
    };
    let other = "22222222-2222-2222-2222-222222222222";
    let known = image().with_serial(&format!("urn:uuid:{}", other.to_uppercase()));
    let purl = "pkg:maven/org.apache.logging.log4j/log4j-core%402.14.1";
    check(&image(), "urn:cdx:11111111-1111-1111-1111-111111111111/1#l", true);
    check(&image(), &format!("urn:cdx:{other}/1#{purl}"), false);
    check(&known, &format!("urn:cdx:{other}/1#{purl}"), true);
    check(&known, &format!("urn:cdx:{other}/1#l"), false);
    check(&known, &format!("urn:cdx:{other}/1"), true);
    check(&known, "urn:cdx:1/1#l", false);
}

#[test]
fn a_link_leads_to_an_element_of_the_document_that_is_looked_at() {
    let serial = "urn:uuid:22222222-2222-2222-2222-222222222222";
    let element = |reference: &str| Element { serial: serial.to_owned(), version: 2, reference: reference.to_owned() };
    let subject = Subject::default()
        .with_serial(serial)
        .with_element(element("root"), None)
        .with_element(element("jar 1"), Some(jar()))
        .with_element(element("curl"), Some(curl()));
    let check = |reference: &str, expected: bool| {
        let document = cyclonedx("{}", "[]", &format!(r#"{{"ref": "urn:cdx:{reference}"}}"#));
        let jar = jar();
        let place = Place { subject: &subject, component: &jar, containers: &[] };
        assert_eq!(is_about(&document, &place), expected, "{reference}");
    };
    let link = serial.trim_start_matches("urn:uuid:");
    check(&format!("{link}/2#curl"), false);
    check(&format!("{link}/2#other"), false);
    // Of another version of the document, whose references may mean something else, and of another document.
    check(&format!("{link}/1#jar%201"), false);
    check("33333333-3333-3333-3333-333333333333/2#root", false);
    check(&format!("{link}/x#jar%201"), false);
    check(&format!("{link}/2#jar%201"), true);
    check(&format!("{link}/2#root"), true);
    check(&format!("{link}/2"), true);
}

#[test]
fn what_a_document_describes_is_meant_by_its_purl() {
    let check = |root: &str, version: Option<&str>, product: &str, expected: bool| {
        let described = component::Subject::Document {
            name: "app".to_owned(),
            version: version.map(str::to_owned),
            purl: Some(root.parse().unwrap()),
        };
        let subject = of(described);
        let (jar, inner) = (jar(), "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1");
        check_in(&subject, &jar, &[], &format!(r#"{{"@id": "{product}"}}"#), expected);
        let within = format!(r#"{{"@id": "{product}", "subcomponents": [{{"@id": "{inner}"}}]}}"#);
        check_in(&subject, &jar, &[], &within, expected);
        let other = format!(r#"{{"@id": "{product}", "subcomponents": [{{"@id": "pkg:npm/other"}}]}}"#);
        check_in(&subject, &jar, &[], &other, false);
        let metadata = format!(
            r#"{{"component": {{"type": "application", "bom-ref": "root", "name": "other", "purl": "{product}"}}}}"#
        );
        let components = format!(r#"[{{"type": "library", "bom-ref": "l", "name": "l", "purl": "{inner}"}}]"#);
        for reference in ["root", "l"] {
            let document = cyclonedx(&metadata, &components, &format!(r#"{{"ref": "{reference}"}}"#));
            let place = Place { subject: &subject, component: &jar, containers: &[] };
            assert_eq!(is_about(&document, &place), expected, "{product} {reference}");
        }
    };
    check("pkg:npm/app@1", Some("1"), "pkg:npm/app@2", false);
    check("pkg:npm/app@1", Some("1"), "pkg:generic/app@1", false);
    check("pkg:npm/app", None, "pkg:npm/app@1", false);
    check("pkg:oci/app@sha256:ab", None, "pkg:oci/app@sha256:cd", false);
    check("pkg:npm/app@1", Some("1"), "pkg:npm/app@1", true);
    check("pkg:npm/app@1", None, "pkg:npm/app", true);
    check("pkg:npm/app", Some("1"), "pkg:npm/app@1", true);
    check("pkg:generic/app@1", None, "pkg:generic/app@1", true);
    check("pkg:maven/com.acme/app@1?type=jar", None, "pkg:maven/com.acme/app@1?type=jar", true);
    check("pkg:oci/app@1?repository_url=x.example", None, "pkg:oci/app@1?repository_url=x.example", true);
}

#[test]
fn versions_of_a_cyclonedx_product_have_a_status_each() {
    let status = |versions: &str| {
        let components = r#"[{"type": "library", "bom-ref": "l", "name": "l", "purl": "pkg:maven/org.apache.logging.log4j/log4j-core@9"}]"#;
        let document = cyclonedx("{}", components, &format!(r#"{{"ref": "l", "versions": [{versions}]}}"#));
        let document = document.replace("not_affected", "exploitable");
        let statements = Statements::new(vec![vex::read(document.as_bytes()).unwrap()], &Trust::in_all());
        let (subject, jar) = (image(), jar());
        let place = Place { subject: &subject, component: &jar, containers: &[] };
        statements.about(&place, &["CVE-1"]).map(|found| found.statement.status.name())
    };
    assert_eq!(status(r#"{"version": "2.14.0"}"#), None);
    assert_eq!(status(r#"{"version": "2.14.1"}"#), Some("affected"));
    assert_eq!(status(r#"{"range": "vers:maven/<2.15", "status": "affected"}"#), Some("affected"));
    assert_eq!(status(r#"{"range": "vers:maven/<2.14"}"#), None);
    assert_eq!(status(r#"{"range": "nonsense"}"#), None);
    assert_eq!(status(r#"{"range": "vers:maven/<2.15", "status": "unaffected"}"#), Some("not_affected"));
    assert_eq!(status(r#"{"version": "2.14.1", "status": "unknown"}"#), None);
}
