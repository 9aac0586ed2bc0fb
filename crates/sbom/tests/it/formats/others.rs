//! Documents that others wrote.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use component::{Node, Relation, Subject};
use insta::assert_snapshot;
use sbom::formats::{CycloneDxVersion, Document, Format, ReadError, WriteOptions, read, write};

/// Renders a document in full.
fn render(found: Result<Document, ReadError>) -> String {
    let document = match found {
        Ok(document) => document,
        Err(error) => return format!("error: {error}"),
    };
    let inventory = &document.inventory;
    let mut text = format!("{} {}\n", document.format, document.version.as_deref().unwrap_or("-"));
    writeln!(text, "subject: {:?}", inventory.subject).unwrap();
    if let Some(distribution) = &inventory.distribution {
        writeln!(text, "on {} {}", distribution.id, distribution.version_id.as_deref().unwrap_or("-")).unwrap();
    }
    let name = |index: component::ComponentIndex| inventory.components[index.0 as usize].name.as_str();
    for component in &inventory.components {
        let version = component.version.as_deref().unwrap_or("-");
        write!(text, "{} {} {version}", component.package_type, component.name).unwrap();
        if let Some(purl) = &component.purl {
            write!(text, " {purl}").unwrap();
        }
        if let Some(source) = &component.source {
            write!(text, " from {} {}", source.name, source.version.as_deref().unwrap_or("-")).unwrap();
        }
        for license in &component.licenses {
            write!(text, " [{}]", license.text()).unwrap();
        }
        for hash in &component.hashes {
            write!(text, " {:?}:{}", hash.algorithm, &hash.hex[..8]).unwrap();
        }
        text.push('\n');
    }
    for edge in &inventory.edges {
        let from = match edge.from {
            Node::Root => "subject",
            Node::Component(index) => name(index),
        };
        writeln!(text, "{from} -> {} {:?}", name(edge.to), edge.relation).unwrap();
    }
    for repair in &document.repairs.listed {
        writeln!(text, "! {repair}").unwrap();
    }
    text
}

#[track_caller]
fn check(document: &str, expected: &str) {
    assert_eq!(render(read(document.as_bytes())).trim_end(), expected.trim_end());
}

#[test]
fn a_document_that_githubs_interface_answers_with_is_read() {
    let inner = r#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"d","packages":[]}"#;
    let check = |text: &str, is_read: bool| {
        assert_eq!(read(text.as_bytes()).is_ok(), is_read, "{text}");
        assert_eq!(sbom::formats::is_document(text.as_bytes()), is_read, "{text}");
    };
    check(&format!(r#"{{"sbom":{inner}}}"#), true);
    assert_eq!(
        read(format!(r#"{{"sbom":{inner}}}"#).as_bytes()).unwrap().inventory,
        read(inner.as_bytes()).unwrap().inventory
    );
    check(r#"{"sbom":{}}"#, false);
    check(r#"{"sbom":1}"#, false);
    check(r#"{"sbom":"x"}"#, false);
    check(&format!(r#"{{"sbom":{{"sbom":{inner}}}}}"#), false);
}

#[test]
fn an_image_of_which_only_the_purl_says_which_it_is_has_that_version() {
    let subject = |component: &str| {
        let document =
            format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{{"component":{component}}}}}"#);
        read(document.as_bytes()).unwrap().inventory.subject
    };
    let document = |version: Option<&str>, purl: Option<&str>| Subject::Document {
        name: "reg.example/app:1.0".to_owned(),
        version: version.map(str::to_owned),
        purl: purl.map(|purl| purl.parse().unwrap()),
    };
    let image = "pkg:oci/app@sha256%3Aab01?arch=amd64&repository_url=reg.example%2Fapp";
    let purl = format!(r#""purl":"{image}""#);
    let name = r#""type":"container","name":"reg.example/app:1.0""#;
    assert_eq!(subject(&format!("{{{name},{purl}}}")), document(Some("sha256:ab01"), Some(image)));
    assert_eq!(
        subject(&format!(r#"{{{name},{purl},"version":"sha256:cd"}}"#)),
        document(Some("sha256:cd"), Some(image))
    );
    assert_eq!(
        subject(&format!(r#"{{{name},"purl":"pkg:generic/app@1"}}"#)),
        document(None, Some("pkg:generic/app@1"))
    );
    assert_eq!(subject(&format!("{{{name}}}")), document(None, None));
}

/// Syft names the repository of what a workflow uses, and says beside it what it is.
#[test]
fn what_workflows_use_is_that_and_no_repository() {
    let check = |document: &str, expected: &str| {
        let components = read(document.as_bytes()).unwrap().inventory.components;
        let found = components.iter().map(|found| format!("{} {}", found.name, found.purl.as_ref().unwrap()));
        assert_eq!(found.collect::<Vec<_>>(), [expected], "{document}");
    };
    let purl = "pkg:github/tj-actions/changed-files@v35.7.0";
    let action = "tj-actions/changed-files pkg:githubactions/tj-actions/changed-files@v35.7.0";
    let repository = format!("tj-actions/changed-files {purl}");
    let syft = |kind: &str, name: &str, purl: &str| {
        format!(
            r#"{{"schema":{{"version":"16.0.0","url":"x"}},"artifacts":[{{"id":"1","name":"{name}","type":"{kind}","purl":"{purl}"}}]}}"#
        )
    };
    check(&syft("github-action", "tj-actions/changed-files", purl), action);
    check(&syft("github", "tj-actions/changed-files", purl), &repository);
    check(
        &syft("github-action-workflow", "o/r/.github/workflows/w.yml", "pkg:github/o/r@v1#.github/workflows/w.yml"),
        "o/r/.github/workflows/w.yml pkg:githubactions/o/r@v1#.github/workflows/w.yml",
    );
    check(&syft("github-action", "x", "pkg:npm/x@1"), "x pkg:npm/x@1");
    let cyclonedx = |properties: &str| {
        format!(
            r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{{"type":"library","name":"tj-actions/changed-files","purl":"{purl}","properties":[{properties}]}}]}}"#
        )
    };
    check(&cyclonedx(r#"{"name":"syft:package:type","value":"github-action"}"#), action);
    check(&cyclonedx(r#"{"name":"syft:package:type","value":"go-module"}"#), &repository);
    check(&cyclonedx(""), &repository);
    let spdx = |info: &str| {
        format!(
            r#"{{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"d","packages":[{{"SPDXID":"SPDXRef-a","name":"tj-actions/changed-files","sourceInfo":"{info}","externalRefs":[{{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"{purl}"}}]}}]}}"#
        )
    };
    let words =
        "acquired package info from GitHub Actions workflow file or composite action file: /.github/workflows/ci.yml";
    check(&spdx(words), action);
    check(&spdx("acquired package info from the following paths: /a"), &repository);
    // As they are written again.
    let inventory = read(syft("github-action", "tj-actions/changed-files", purl).as_bytes()).unwrap().inventory;
    let written = String::from_utf8(write(&inventory, &WriteOptions::new(Format::Syft))).unwrap();
    assert!(written.replace("\": \"", "\":\"").contains(r#""type":"github-action""#));
    check(&written, action);
}

#[test]
fn what_is_no_document_is_refused() {
    let cases = [
        ("", "the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls"),
        ("bogus\n", "the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls"),
        ("{}", "the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls"),
        (
            r#"{"total_count":1,"artifacts":[{"id":11,"name":"build","size_in_bytes":556}]}"#,
            "the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls",
        ),
        (r#"{"artifacts":{},"schema":1}"#, "the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls"),
        (r#"{"specVersion":"1.5"}"#, "the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls"),
        ("[]", "the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls"),
        ("{", "failed to read the document as JSON"),
        ("<bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\"/>", "XML is not read; convert the document to JSON first"),
        ("SPDXVersion: SPDX-2.3", "SPDX tag-value is not read; convert the document to JSON first"),
        (
            "{\"@context\":\"https://spdx.org/rdf/3.0.1/spdx-context.jsonld\"}",
            "spdx-json `3` is not read; versions 2.2 and 2.3 are",
        ),
        ("{\"spdxVersion\":\"SPDX-2.1\"}", "spdx-json `2.1` is not read; versions 2.2 and 2.3 are"),
        (
            "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.8\"}",
            "cyclonedx-json `1.8` is not read; versions 1.2 to 1.7 are",
        ),
        ("{\"bomFormat\":\"CycloneDX\"}", "cyclonedx-json `` is not read; versions 1.2 to 1.7 are"),
    ];
    for (document, expected) in cases {
        check(document, &format!("error: {expected}"));
    }
    assert!(matches!(read(b"\xff\xfe{\0"), Err(ReadError::NotUtf8)));
}

#[test]
fn a_document_in_a_statement_is_that_document() {
    let document = serde_json::json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5",
        "components": [{"type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1"}],
    });
    let statement = |predicate_type: &str| serde_json::json!({"_type": "https://in-toto.io/Statement/v1", "predicateType": predicate_type, "predicate": document});
    let envelope = |statement: &serde_json::Value| serde_json::json!({"payloadType": "application/vnd.in-toto+json", "payload": STANDARD.encode(statement.to_string()), "signatures": []});
    let told = statement("https://cyclonedx.org/bom/v1.5");
    let bundle = serde_json::json!({"dsseEnvelope": envelope(&told)});
    let expected = read(document.to_string().as_bytes()).unwrap();
    for text in [&told, &envelope(&told), &bundle].map(ToString::to_string) {
        assert!(sbom::formats::is_document(text.as_bytes()), "{text}");
        assert_eq!(read(text.as_bytes()).unwrap(), expected, "{text}");
    }
    for other in [statement("https://slsa.dev/provenance/v1"), serde_json::json!({"payload": "no base64!"})] {
        let text = other.to_string();
        assert!(!sbom::formats::is_document(text.as_bytes()), "{text}");
        check(&text, "error: failed to take the document out of its statement");
    }
    let twice = envelope(&envelope(&told)).to_string();
    check(&twice, "error: failed to take the document out of its statement");
}

#[test]
fn a_list_of_purls_begins_with_one() {
    for text in ["pkg:npm/a@1", "PKG:npm/a@1", "# made by hand\n\n  pkg:npm/a@1\n", "\u{feff}#\npkg:npm/a@1"] {
        assert!(sbom::formats::may_be_document(text.as_bytes()), "{text}");
        let found = read(text.as_bytes()).unwrap();
        assert_eq!((found.format, found.inventory.components.len()), ("purls", 1), "{text}");
    }
    for text in ["# pkg:npm/a@1", "a\npkg:npm/a@1", "pk", "#", "#\npkg"] {
        assert!(!sbom::formats::may_be_document(text.as_bytes()), "{text}");
        check(text, "error: the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls");
    }
}

#[test]
fn wrong_cyclonedx_is_repaired() {
    let document = r#"{"bomFormat":"CycloneDX","specVersion":1.6,"metadata":{"timestamp":"today","component":{"name":"app","version":2,"bom-ref":"root"}},
      "components":[
        {"type":"library","bom-ref":"a","name":"a","version":1.0,"purl":"not a purl","licenses":{"license":{"id":"MIT"}}},
        {"type":"library","bom-ref":"a","name":"b","purl":"pkg:npm/%40x/b@2","scope":"sometimes","hashes":[{"alg":"SHA-1","content":"xyz"},{"alg":"SHA3-256","content":"00"}]},
        {"type":"library","bom-ref":"n"}, 7,
        {"type":"file","name":"README","bom-ref":"f"},
        {"type":"library","bom-ref":"c","name":"c","components":[{"type":"library","bom-ref":"d","name":"d","licenses":[{"expression":"mit OR Apache-2.0"},{"license":{"name":"Our own"}}]}]},
        {"type":"operating-system","name":"Debian","version":"12"},{"type":"operating-system","name":"alpine"}
      ],
      "dependencies":[{"ref":"root","dependsOn":["a","pkg:npm/@x/b@2","nowhere","f"]},{"ref":"c","dependsOn":["c","d",5]},{"dependsOn":[]}]}"#;
    assert_snapshot!(render(read(document.as_bytes())), @r##"
    cyclonedx-json 1.6
    subject: Document { name: "app", version: Some("2"), purl: None }
    on debian 12
    npm b 2 pkg:npm/%40x/b@2
    UnknownPackage a 1.0
    UnknownPackage c -
    UnknownPackage d - [MIT OR Apache-2.0] [Our own]
    subject -> b DependsOn(Runtime)
    subject -> a DependsOn(Runtime)
    c -> d DependsOn(Runtime)
    c -> d Contains
    ! specVersion: not a text, taken as one: 1.6
    ! metadata.timestamp: not a time, dropped: today
    ! metadata.component.version: not a text, taken as one: 2
    ! components[0].purl: not a purl, dropped: not a purl
    ! components[0].version: not a text, taken as one: 1.0
    ! components[0].licenses: of the wrong JSON type, dropped: {\"license\":{\"id\":\"MIT\"}}
    ! components[1].scope: not a word of the format, ignored: sometimes
    ! components[1].hashes[0]: not a digest of its algorithm, dropped: xyz
    ! components[1].hashes[1]: nothing that an inventory holds, dropped: SHA3-256
    ! components[1]: a reference that is taken, later mentions mean the first: a
    ! components[2]: a component without a name, dropped
    ! components[3]: of the wrong JSON type, dropped: 7
    ! components[4]: a file and no package, dropped: README
    ! components[7]: a second operating system, dropped: alpine
    ! dependencies[0].dependsOn[1]: refers by purl or name, taken as that component: pkg:npm/@x/b@2
    ! dependencies[0].dependsOn[2]: refers to nothing in the document, dropped: nowhere
    ! dependencies[1].dependsOn[0]: refers to itself, dropped
    ! dependencies[1].dependsOn[2]: not a text, taken as one: 5
    ! dependencies[1].dependsOn[2]: refers to nothing in the document, dropped: 5
    "##);
}

#[test]
fn wrong_spdx_is_repaired() {
    let document = r#"{"spdxVersion":"SPDX-2.2","name":"doc","creationInfo":{"created":"2020-01-01","creators":["Person: J","Tool: t-1"]},"documentDescribes":["SPDXRef-A"],
      "hasExtractedLicensingInfos":[{"licenseId":"LicenseRef-1","extractedText":"Do what you like","name":"Liberal"}],
      "packages":[
        {"SPDXID":"SPDXRef-A","name":"app","versionInfo":"1"},
        {"SPDXID":"SPDXRef-B","name":"openssl","versionInfo":"3.0-1","licenseDeclared":"LicenseRef-1","supplier":"Organization: Red Hat ()","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:rpm/redhat/openssl@3.0-1?arch=x86_64&epoch=1&distro=rhel-9.2&upstream=openssl-src-3.0-1.src.rpm"}],"checksums":[{"algorithm":"SHA1","checksumValue":"DA39A3EE5E6B4B0D3255BFEF95601890AFD80709"}]},
        {"SPDXID":"SPDXRef-C","name":"c","versionInfo":"NOASSERTION","licenseDeclared":"NOASSERTION","licenseConcluded":"MIT","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:"}]},
        {"SPDXID":"SPDXRef-D"}],
      "relationships":[
        {"spdxElementId":"SPDXRef-B","relationshipType":"CONTAINED_BY","relatedSpdxElement":"SPDXRef-A"},
        {"spdxElementId":"SPDXRef-C","relationshipType":"DEV_DEPENDENCY_OF","relatedSpdxElement":"SPDXRef-B"},
        {"spdxElementId":"SPDXRef-C","relationshipType":"GENERATED_FROM","relatedSpdxElement":"SPDXRef-B"},
        {"spdxElementId":"SPDXRef-C","relationshipType":"DEPENDS_ON","relatedSpdxElement":"SPDXRef-X"},
        {"spdxElementId":"SPDXRef-C","relationshipType":"DEPENDS_ON","relatedSpdxElement":"NONE"},
        {"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-DOCUMENT"},
        {"spdxElementId":"SPDXRef-C"}]}"#;
    assert_snapshot!(render(read(document.as_bytes())), @r##"
    spdx-json 2.2
    subject: Document { name: "app", version: Some("1"), purl: None }
    on rhel 9.2
    rpm openssl 1:3.0-1 pkg:rpm/redhat/openssl@3.0-1?arch=x86_64&distro=rhel-9.2&epoch=1&upstream=openssl-src-3.0-1.src.rpm from openssl-src - [Liberal] Sha1:da39a3ee
    UnknownPackage c - [MIT]
    openssl -> c DependsOn(Development)
    ! creationInfo.created: not a time, dropped: 2020-01-01
    ! relationships[6]: refers to nothing in the document, dropped
    ! packages[2].externalRefs[0].referenceLocator: not a purl, dropped: pkg:
    ! packages[3]: a component without a name, dropped
    ! relationships[2]: nothing that an inventory holds, dropped: GENERATED_FROM
    ! relationships[3]: refers to nothing in the document, dropped: SPDXRef-X
    ! relationships[5]: refers to itself, dropped: SPDXRef-DOCUMENT
    "##);
}

/// SPDX 2.3, "External reference": a package may have any number of purls. Those of other channels name the same package.
#[test]
fn a_package_of_spdx_is_each_package_that_its_purls_name() {
    let purl = |purl: &str| format!(r#"{{"referenceType":"purl","referenceLocator":"{purl}"}}"#);
    let package = |id: &str, purls: &[&str]| {
        let references: Vec<String> = purls.iter().map(|one| purl(one)).collect();
        format!(r#"{{"SPDXID":"SPDXRef-{id}","name":"n","versionInfo":"1","externalRefs":[{}]}}"#, references.join(","))
    };
    let packages = [
        package("A", &["pkg:pypi/app@1", "pkg:oci/app@1", "pkg:npm/app@1"]),
        package("B", &["pkg:pypi/idna@3.10", "pkg:pypi/django@3.2", "pkg:pypi/Django@3.2", "pkg:pypi/django@4.0"]),
        package("C", &["pkg:rpm/redhat/a@1-1?repository_id=x", "pkg:rpm/redhat/a@1-1?repository_id=y"]),
        package(
            "D",
            &["pkg:deb/debian/b@1?distro=debian-11", "pkg:deb/debian/b@1?distro=debian-12", "pkg:deb/debian/c"],
        ),
    ];
    let document = format!(
        r#"{{"spdxVersion":"SPDX-2.3","name":"d","documentDescribes":["SPDXRef-A"],"packages":[{}]}}"#,
        packages.join(",")
    );
    assert_snapshot!(render(read(document.as_bytes())), @r#"
    spdx-json 2.3
    subject: Document { name: "n", version: Some("1"), purl: Some(Purl { ty: "pypi", namespace: None, name: "app", version: Some("1"), qualifiers: [], subpath: None }) }
    deb b 1 pkg:deb/debian/b@1?distro=debian-12
    deb c 1 pkg:deb/debian/c
    deb n 1 pkg:deb/debian/b@1?distro=debian-11
    rpm n 1-1 pkg:rpm/redhat/a@1-1?repository_id=x
    python django 3.2 pkg:pypi/django@3.2
    python django 4.0 pkg:pypi/django@4.0
    python n 1 pkg:pypi/app@1
    python n 3.10 pkg:pypi/idna@3.10
    npm app 1 pkg:npm/app@1
    ! packages[0].externalRefs: nothing that an inventory holds, dropped: pkg:oci/app@1
    ! packages[1].externalRefs[2].referenceLocator: nothing that an inventory holds, dropped: pkg:pypi/Django@3.2
    ! packages[1].versionInfo: not the version of the purl, which is taken: 1
    ! packages[2].externalRefs[1].referenceLocator: nothing that an inventory holds, dropped: pkg:rpm/redhat/a@1-1?repository_id=y
    ! packages[2].versionInfo: not the version of the purl, which is taken: 1
    "#);
}

#[test]
fn trivys_spdx_is_read_with_sources_and_system() {
    let package = |name: &str, version: &str, purl: &str, info: &str| {
        format!(
            r#"{{"SPDXID":"SPDXRef-{name}","name":"{name}","versionInfo":"{version}","sourceInfo":"built package from: {info}",
            "externalRefs":[{{"referenceType":"purl","referenceLocator":"{purl}"}}]}}"#
        )
    };
    let packages = [
        r#"{"SPDXID":"SPDXRef-OS","name":"alma","versionInfo":"9.2","primaryPackagePurpose":"OPERATING-SYSTEM"}"#
            .to_owned(),
        package(
            "bash",
            "5.1.8-6.el9_1",
            "pkg:rpm/alma/bash@5.1.8-6.el9_1?arch=x86_64&distro=alma-9.2",
            "bash 5.1.8-6.el9_1",
        ),
        package(
            "openssl-libs",
            "3.0.7-24.el9",
            "pkg:rpm/alma/openssl-libs@3.0.7-24.el9?epoch=1",
            "openssl 1:3.0.7-24.el9",
        ),
        package("libcurl4", "7.88.1-10+b1", "pkg:deb/debian/libcurl4@7.88.1-10%2Bb1", "curl 7.88.1-10"),
        // Only packages of distributions are built from others.
        package("left-pad", "1.0.0", "pkg:npm/left-pad@1.0.0", "other 1"),
    ];
    let document = format!(r#"{{"spdxVersion":"SPDX-2.3","name":"doc","packages":[{}]}}"#, packages.join(","));
    let document = read(document.as_bytes()).expect("the document is whole").inventory;
    let system = document.distribution.map(|system| (system.id, system.version_id));
    assert_eq!(system, Some(("almalinux".to_owned(), Some("9.2".to_owned()))));
    let sources = document.components.iter().map(|component| {
        let source = component.source.as_ref().map(|source| (source.name.as_str(), source.version.as_deref()));
        (component.name.as_str(), source)
    });
    let expected = [
        ("bash", None),
        ("left-pad", None),
        ("libcurl4", Some(("curl", Some("7.88.1-10")))),
        ("openssl-libs", Some(("openssl", None))),
    ];
    let mut sources: Vec<_> = sources.collect();
    sources.sort_unstable();
    assert_eq!(sources, expected);
}

#[test]
fn old_and_odd_syft_json_is_read() {
    let document = r#"{"artifacts":[
        {"id":"1","name":"libssl3","version":"3.0-1+b1","type":"deb","foundBy":"dpkg","licenses":["OpenSSL"],"cpes":["cpe:2.3:a:b:c:1:*:*:*:*:*:*:*"],"purl":"pkg:deb/debian/libssl3@3.0-1+b1","metadata":{"source":"openssl","sourceVersion":"3.0-1","architecture":"amd64","maintainer":"M <m@x.org>","files":[{"path":"/a","digest":{"algorithm":"md5","value":"d41d8cd98f00b204e9800998ecf8427e"}}]},"locations":[{"path":"/var/lib/dpkg/status","layerID":"sha256:bb"}]},
        {"id":"2","name":"left-pad","version":"1","type":"npm","licenses":[{"value":"WTFPL","spdxExpression":"WTFPL"}],"cpes":[{"cpe":"cpe:2.3:a:d:e:1:*:*:*:*:*:*:*"}],"purl":""},
        {"id":"3","version":"1"}],
      "artifactRelationships":[{"parent":"2","child":"1","type":"dependency-of"},{"parent":"1","child":"2","type":"ownership-by-file-overlap"},{"parent":"1","child":"some-file","type":"contains"},{"parent":"1","child":"gone","type":"dependency-of"},{"parent":"1","child":"2","type":"likes"}],
      "source":{"type":"image","target":{"userInput":"app:1","manifestDigest":"sha256:aa","layers":[{"digest":"sha256:00","size":1},{"digest":"sha256:bb","size":2}]}},
      "distro":{"name":"debian","version":"12","idLike":""},"descriptor":{"name":"syft","version":"0.1"},"schema":{"version":"1.1.0"}}"#;
    let found = read(document.as_bytes());
    let inventory = &found.as_ref().unwrap().inventory;
    assert_eq!(inventory.components[0].locations[0].layer, Some(1));
    assert_eq!(inventory.components[0].files.len(), 1);
    assert_snapshot!(render(found), @r##"
    syft-json 1.1.0
    subject: Image { name: "app:1", digest: "sha256:aa", platform: None }
    on debian 12
    deb libssl3 3.0-1+b1 pkg:deb/debian/libssl3@3.0-1%2Bb1 from openssl 3.0-1 [OpenSSL]
    npm left-pad 1 [WTFPL]
    libssl3 -> left-pad DependsOn(Runtime)
    libssl3 -> left-pad Owns
    ! artifacts[2]: a component without a name, dropped
    ! artifactRelationships[3]: refers to nothing in the document, dropped: gone
    ! artifactRelationships[4]: nothing that an inventory holds, dropped: likes
    "##);
}

#[test]
fn lists_of_purls_are_read() {
    check(
        "pkg:npm/%40babel/core@7\n\n# comment\nrubbish\n  pkg:deb/debian/a@1?arch=amd64\n",
        "purls -\nsubject: Document { name: \"\", version: None, purl: None }\ndeb a 1 pkg:deb/debian/a@1?arch=amd64\n\
         npm @babel/core 7 pkg:npm/%40babel/core@7\n! line[4]: a line that is no purl, dropped: rubbish",
    );
}

/// A source's version without an epoch, beside a binary's with one, is that of the source: `bsdutils` of every Debian 12.
#[test]
fn a_source_version_is_taken_as_it_stands() {
    let purl = "pkg:deb/debian/bsdutils@1%3A2.38.1-5%2Bdeb12u3?arch=amd64";
    let upstream = "&upstream=util-linux%402.38.1-5%2Bdeb12u3";
    let trivys = "pkg:deb/debian/bsdutils@2.38.1-5%2Bdeb12u3?arch=amd64&epoch=1";
    let named = r#""name":"bsdutils","version":"1:2.38.1-5+deb12u3""#;
    let cyclonedx = |purl: &str, properties: &str| {
        format!(
            r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{{"type":"library",{named},"purl":"{purl}","properties":[{properties}]}}]}}"#
        )
    };
    let spdx = |purl: &str, info: &str| {
        format!(
            r#"{{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[{{"SPDXID":"SPDXRef-a","name":"bsdutils","versionInfo":"1:2.38.1-5+deb12u3","sourceInfo":"{info}","externalRefs":[{{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"{purl}"}}]}}]}}"#
        )
    };
    let syft = |metadata: &str| {
        format!(
            r#"{{"artifacts":[{{"id":"a","type":"deb",{named},"purl":"{purl}","metadata":{metadata}}}],"schema":{{}}}}"#
        )
    };
    let documents = [
        format!("{purl}{upstream}"),
        format!("{trivys}{upstream}"),
        cyclonedx(&format!("{purl}{upstream}"), ""),
        cyclonedx(
            purl,
            r#"{"name":"syft:metadata:source","value":"util-linux"},{"name":"syft:metadata:sourceVersion","value":"2.38.1-5+deb12u3"}"#,
        ),
        cyclonedx(
            trivys,
            r#"{"name":"aquasecurity:trivy:SrcName","value":"util-linux"},{"name":"aquasecurity:trivy:SrcVersion","value":"2.38.1"},{"name":"aquasecurity:trivy:SrcRelease","value":"5+deb12u3"}"#,
        ),
        spdx(&format!("{purl}{upstream}"), "acquired package info from DPKG DB: /var/lib/dpkg/status"),
        spdx(trivys, "built package from: util-linux 2.38.1-5+deb12u3"),
        syft(r#"{"package":"bsdutils","source":"util-linux","sourceVersion":"2.38.1-5+deb12u3"}"#),
    ];
    let check = |document: &str| {
        let inventory = read(document.as_bytes()).unwrap().inventory;
        let source = inventory.components[0].source.as_ref().unwrap();
        let stated = (source.name.as_str(), source.version.as_deref());
        assert_eq!(stated, ("util-linux", Some("2.38.1-5+deb12u3")), "{document}");
        inventory
    };
    for document in documents {
        let inventory = check(&document);
        let cyclonedx = CycloneDxVersion::ALL.map(Format::CycloneDx);
        for format in cyclonedx.into_iter().chain([Format::Spdx, Format::Syft, Format::Purls]) {
            let written = String::from_utf8(write(&inventory, &WriteOptions::new(format))).unwrap();
            check(&written);
            let is_kept = format != Format::Syft || written.contains(r#""sourceVersion":"2.38.1-5+deb12u3""#);
            assert!(is_kept, "{written}");
        }
    }
}

/// That a source package has a package's own name is something else than that nothing says which it is.
#[test]
fn a_source_of_the_packages_own_name_is_told_from_none() {
    let check = |document: &str, is_stated: bool| {
        let inventory = read(document.as_bytes()).unwrap().inventory;
        let source = inventory.components[0].source.as_ref();
        let expected = is_stated.then_some(("a", None));
        assert_eq!(source.map(|source| (source.name.as_str(), source.version.as_deref())), expected, "{document}");
        inventory
    };
    let again = |document: &str, is_stated: bool| {
        let inventory = check(document, is_stated);
        let cyclonedx = CycloneDxVersion::ALL.map(Format::CycloneDx);
        for format in cyclonedx.into_iter().chain([Format::Spdx, Format::Syft, Format::Purls]) {
            check(&String::from_utf8(write(&inventory, &WriteOptions::new(format))).unwrap(), is_stated);
        }
    };
    again("pkg:deb/debian/a@1", false);
    again("pkg:deb/debian/a@1?upstream=a", true);
    again("pkg:apk/alpine/a@1?upstream=a", true);
    check("pkg:rpm/rocky/a@1-1?upstream=a-1-1.src.rpm", false);
    let cyclonedx = |ty: &str, properties: &[(&str, &str)]| {
        let property = |(name, value): &(&str, &str)| format!(r#"{{"name":"{name}","value":"{value}"}}"#);
        let properties: Vec<String> = properties.iter().map(property).collect();
        format!(
            r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{{"type":"library","name":"a","purl":"pkg:{ty}/x/a@1","properties":[{}]}}]}}"#,
            properties.join(",")
        )
    };
    again(&cyclonedx("deb", &[]), false);
    again(&cyclonedx("deb", &[("syft:package:type", "deb")]), true);
    again(&cyclonedx("apk", &[("syft:metadata:originPackage", "a")]), true);
    again(&cyclonedx("deb", &[("aquasecurity:trivy:SrcName", "a"), ("aquasecurity:trivy:SrcVersion", "1")]), true);
    again(&cyclonedx("deb", &[("aquasecurity:trivy:PkgType", "debian")]), false);
    check(&cyclonedx("rpm", &[("syft:package:type", "rpm")]), false);
    check(&cyclonedx("npm", &[("syft:package:type", "npm")]), false);
    let spdx = |info: &str| {
        let purl =
            r#"{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:deb/x/a@1"}"#;
        format!(
            r#"{{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[{{"SPDXID":"SPDXRef-a","name":"a","versionInfo":"1","sourceInfo":"{info}","externalRefs":[{purl}]}}]}}"#
        )
    };
    again(&spdx(""), false);
    again(&spdx("acquired package info from DPKG DB: /var/lib/dpkg/status"), true);
    again(&spdx("built package from: a 1"), true);
    let syft = |source: &str, metadata: &str| {
        format!(
            r#"{{"artifacts":[{{"id":"a","type":"deb","name":"a","version":"1","purl":"pkg:deb/x/a@1","metadata":{metadata}}}],"source":{source},"schema":{{}}}}"#
        )
    };
    again(&syft("{}", r#"{"architecture":"amd64"}"#), false);
    again(&syft("{}", r#"{"source":""}"#), true);
    again(&syft("{}", r#"{"originPackage":"a"}"#), true);
    // Nothing is left out of what its tool looked at itself.
    let image = r#"{"type":"directory","metadata":{"path":"/"}}"#;
    check(&syft(image, r#"{"source":""}"#), false);
    let of_image = read(syft(image, r#"{"source":""}"#).as_bytes()).unwrap().inventory;
    let listed = write(&of_image, &WriteOptions::new(Format::Purls));
    assert_eq!(String::from_utf8(listed).unwrap(), "pkg:deb/x/a@1?upstream=a\n");
}

/// A purl's `upstream` is where a list states the source.
#[test]
fn a_list_of_purls_names_sources_that_purls_do_not() {
    let check = |properties: &str, purl: &str, expected: &str| {
        let document = format!(
            r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{{"type":"library","name":"a","purl":"{purl}","properties":[{properties}]}}]}}"#
        );
        let inventory = read(document.as_bytes()).unwrap().inventory;
        let written = String::from_utf8(write(&inventory, &WriteOptions::new(Format::Purls))).unwrap();
        assert_eq!(written, format!("{expected}\n"));
        let sources = |inventory: &component::Inventory| inventory.components[0].source.clone();
        assert_eq!(sources(&read(written.as_bytes()).unwrap().inventory), sources(&inventory), "{written}");
    };
    let of_trivy = |name: &str, epoch: &str, version: &str, release: &str| {
        let fields = [("Name", name), ("Version", version), ("Release", release), ("Epoch", epoch)];
        let property = |(field, value)| format!(r#"{{"name":"aquasecurity:trivy:Src{field}","value":"{value}"}}"#);
        fields.map(property).join(",")
    };
    check(&of_trivy("glibc", "0", "2.36", "9"), "pkg:deb/debian/a@2.36-9", "pkg:deb/debian/a@2.36-9?upstream=glibc");
    check(
        &of_trivy("glibc", "0", "2.36", "9"),
        "pkg:deb/debian/a@2.36-9%2Bb1",
        "pkg:deb/debian/a@2.36-9%2Bb1?upstream=glibc%402.36-9",
    );
    // The epoch that Trivy states of an RPM's source is the package's own.
    check(
        &of_trivy("perl", "1", "5.26.3", "416.el8"),
        "pkg:rpm/rocky/a@1.28-416.el8?epoch=1",
        "pkg:rpm/rocky/a@1.28-416.el8?epoch=1&upstream=perl-5.26.3-416.el8.src.rpm",
    );
    check(
        &of_trivy("bind", "32", "9.11", "1.el8"),
        "pkg:rpm/rocky/a@9.11-1.el8?epoch=32",
        "pkg:rpm/rocky/a@9.11-1.el8?epoch=32&upstream=bind-9.11-1.el8.src.rpm",
    );
    check(
        &of_trivy("glibc", "0", "2.36", "9"),
        "pkg:deb/debian/a@2.36-9?upstream=glibc",
        "pkg:deb/debian/a@2.36-9?upstream=glibc",
    );
    check("", "pkg:npm/a@1", "pkg:npm/a@1");
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let is_document = path.extension().is_some_and(|extension| extension == "json" || extension == "golden");
            if path.is_dir() {
                directories.push(path);
            } else if is_document {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// One line for each document: what was found in it, and what was repaired. What is read is written and read again in each format without loss.
#[test]
fn real_documents_are_read() {
    let mut summary = String::new();
    for set in ["sbom/trustify-real-sboms", "sbom/syft-format-fixtures"] {
        let Some(bundle) = testkit::bundle(set) else { return };
        for path in files(bundle.path()) {
            let name = path.strip_prefix(bundle.path()).unwrap().display().to_string();
            let line = summarise(read(&fs::read(&path).unwrap()));
            writeln!(summary, "{name}: {line}").unwrap();
        }
    }
    insta::assert_snapshot!("real_documents", summary);
}

fn summarise(found: Result<Document, ReadError>) -> String {
    let document = match found {
        Ok(document) => document,
        Err(error) => return format!("error: {error}"),
    };
    let mut inventory = document.inventory;
    let count =
        |relation: fn(&Relation) -> bool| inventory.edges.iter().filter(|edge| relation(&edge.relation)).count();
    let mut repairs: BTreeMap<_, usize> = BTreeMap::new();
    for repair in &document.repairs.listed {
        *repairs.entry(repair.kind).or_default() += 1;
    }
    let repairs: String = repairs.iter().fold(String::new(), |text, (kind, count)| format!("{text}, {kind:?} {count}"));
    let line = format!(
        "{} components, {} with purl, {} licensed, {} needs, {} contains, {} owns, {:?}, on {}{repairs}",
        inventory.components.len(),
        inventory.components.iter().filter(|component| component.purl.is_some()).count(),
        inventory.components.iter().filter(|component| !component.licenses.is_empty()).count(),
        count(|relation| matches!(relation, Relation::DependsOn(_))),
        count(|relation| matches!(relation, Relation::Contains)),
        count(|relation| matches!(relation, Relation::Owns)),
        inventory.subject.name(),
        inventory.distribution.as_ref().map_or("-", |distribution| distribution.id.as_str()),
    );
    for format in [Format::Syft, Format::default(), Format::Spdx] {
        if format != Format::Syft {
            inventory.components.iter_mut().for_each(|component| component.files.clear());
        }
        let again = read(&write(&inventory, &WriteOptions::new(format))).unwrap();
        assert_eq!(again.inventory, inventory, "{format} {line}");
    }
    line
}

#[test]
fn documents_are_told_from_other_files_by_their_marks() {
    for (text, expected) in [
        ("", false),
        ("{", false),
        ("{}", false),
        ("<bom/>", false),
        ("SPDXVersion: SPDX-2.3", false),
        (r#"{"lockfileVersion":3,"packages":{}}"#, false),
        (r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}"#, false),
        (r#"{"components":[],"bomFormat":"CycloneDX"}"#, true),
        ("\u{feff}\n{\"spdxVersion\":1}", true),
        (r#"{"artifacts":null}"#, false),
        (r#"{"artifacts":[]}"#, false),
        (r#"{"artifacts":null,"schema":{}}"#, false),
        (r#"{"artifacts":[],"schema":{}}"#, true),
        (r#"{"source":{},"artifacts":[]}"#, true),
        (r#"{"descriptor":null,"artifacts":[]}"#, false),
        (r#"{"specVersion":"1.5"}"#, false),
        (r#"{"specVersion":"1.5","components":[]}"#, true),
        ("pkg:npm/a@1", true),
    ] {
        assert_eq!(sbom::formats::is_document(text.as_bytes()), expected, "{text}");
        assert!(!expected || sbom::formats::may_be_document(text.as_bytes()), "{text}");
    }
    assert!(!sbom::formats::is_document(b"\xff{\"bomFormat\":1}"));
    for text in ["", "[]", "<bom/>", "\u{feff}x{", "# pkg:npm/a@1"] {
        assert!(!sbom::formats::may_be_document(text.as_bytes()), "{text}");
    }
}
