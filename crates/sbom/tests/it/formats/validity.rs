//! Documents of ours against the official schemas, and the sample documents of CycloneDX against strict reading.

use std::fs;
use std::path::{Path, PathBuf};

use component::{License, PackageType, Technique};
use jsonschema::{Registry, Validator};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sbom::Matcher;
use sbom::formats::{CycloneDxVersion, Format, Limits, Strictness, WriteOptions, read_with, write};
use serde_json::Value;

use super::generate::inventory;
use crate::inventory::inventories;

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Returns the official schema of a version.
fn validator(directory: &Path, version: &str) -> Validator {
    let schemas = directory.join("cyclonedx/schema");
    let mut registry = Registry::new();
    for name in ["spdx.schema.json", "jsf-0.82.schema.json", "cryptography-defs.schema.json"] {
        registry = registry.add(format!("http://cyclonedx.org/schema/{name}"), json(&schemas.join(name))).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let schema = json(&schemas.join(format!("bom-{version}.schema.json")));
    jsonschema::options().should_validate_formats(true).with_registry(&registry).build(&schema).unwrap()
}

/// The same inventories each time.
fn samples() -> Vec<component::Inventory> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..150).map(|_| inventory().new_tree(&mut runner).unwrap().current()).collect()
}

#[test]
fn cyclonedx_of_ours_is_valid() {
    let Some(bundle) = testkit::bundle("schemas/schemas") else { return };
    for version in CycloneDxVersion::ALL {
        let validator = validator(bundle.path(), version.name());
        for inventory in samples_and_fixtures() {
            let bytes = write(&inventory, &WriteOptions::new(Format::CycloneDx(version)));
            assert_valid(&validator, &bytes);
            read_with(&bytes, &Limits::default(), Strictness::Strict).unwrap();
        }
    }
}

#[test]
fn every_licence_that_is_written_as_an_identifier_is_one_in_the_schema() {
    let Some(bundle) = testkit::bundle("schemas/schemas") else { return };
    let schema = json(&bundle.path().join("cyclonedx/schema/spdx.schema.json"));
    let known: Vec<String> = serde_json::from_value(schema["enum"].clone()).unwrap();
    let mut inventory = samples().remove(0);
    let mut component = component::Component::new(PackageType::Npm, "a", "test", Technique::Lockfile);
    let candidates = known.iter().map(String::as_str).chain(spdx_ids());
    component.licenses = candidates.filter_map(License::parse).collect();
    inventory.edges.clear();
    inventory.components = vec![component];
    let bytes = write(&inventory, &WriteOptions::new(Format::default()));
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    let components = document["components"].as_array().unwrap();
    let written = components.last().unwrap()["licenses"].as_array().unwrap();
    let ids: Vec<_> = written.iter().filter_map(|license| license["license"]["id"].as_str()).collect();
    assert!(ids.len() > 500, "{}", ids.len());
    let unknown: Vec<_> = ids.into_iter().filter(|id| !known.iter().any(|known| known == id)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// Identifiers that lists newer than the schemas have.
fn spdx_ids<'a>() -> impl Iterator<Item = &'a str> {
    spdx::identifiers::LICENSES.iter().map(|license| license.name)
}

/// Returns samples of every field, and the inventories of the fixtures where they are.
fn samples_and_fixtures() -> Vec<component::Inventory> {
    let mut all = samples();
    if let Some(bundle) = testkit::bundle("inventory/syft-cataloger-inputs") {
        let matcher = Matcher::new(sbom::catalogers().iter().collect());
        all.extend(inventories(bundle.path(), &matcher).into_iter().map(|(_, _, inventory)| inventory));
        assert!(all.len() > 200, "{}", all.len());
    }
    all
}

/// The schemas of SPDX 2.3 (`schemas/spdx-schema.json` of the specification) and of Syft's JSON (`schema/json/schema-16.0.0.json` of Syft) are not
/// among the test data; they lie under these names in `GARRISON_PEERS/schemas`.
#[test]
fn spdx_and_syft_json_of_ours_are_valid() {
    let Some(schemas) = testkit::peer_directory("schemas") else { return };
    for (format, name) in [(Format::Spdx, "spdx-2.3.schema.json"), (Format::Syft, "syft-16.0.0.schema.json")] {
        let validator = jsonschema::options().should_validate_formats(true).build(&json(&schemas.join(name))).unwrap();
        for inventory in samples_and_fixtures() {
            let bytes = write(&inventory, &WriteOptions::new(format));
            assert_valid(&validator, &bytes);
            read_with(&bytes, &Limits::default(), Strictness::Strict).unwrap();
        }
    }
}

fn assert_valid(validator: &Validator, bytes: &[u8]) {
    let document: Value = serde_json::from_slice(bytes).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{}", String::from_utf8_lossy(bytes));
}

/// What the specification 2.3 demands (clauses 6 to 13), checked by hand: it says more than its schema.
#[test]
fn spdx_of_ours_has_what_the_specification_demands() {
    for inventory in samples_and_fixtures() {
        let bytes = write(&inventory, &WriteOptions::new(Format::Spdx));
        let document: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(document["spdxVersion"], "SPDX-2.3");
        assert_eq!(document["dataLicense"], "CC0-1.0");
        assert_eq!(document["SPDXID"], "SPDXRef-DOCUMENT");
        assert!(document["documentNamespace"].as_str().unwrap().starts_with("urn:uuid:"));
        assert!(!document["name"].as_str().unwrap().is_empty());
        assert_time(&document["creationInfo"]["created"]);
        assert!(document["creationInfo"]["creators"][0].as_str().unwrap().starts_with("Tool: garrison-"));

        let mut ids = vec!["SPDXRef-DOCUMENT"];
        let texts: Vec<_> =
            list(&document["hasExtractedLicensingInfos"]).map(|info| info["licenseId"].as_str().unwrap()).collect();
        for package in list(&document["packages"]) {
            let id = package["SPDXID"].as_str().unwrap();
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
            assert!(id.starts_with("SPDXRef-") && id.bytes().all(plain), "{id}");
            assert!(!ids.contains(&id), "{id}");
            ids.push(id);
            assert!(!package["name"].as_str().unwrap().is_empty());
            assert_eq!(package["downloadLocation"], "NOASSERTION");
            assert_eq!(package["filesAnalyzed"], false);
            assert!(package.get("packageVerificationCode").is_none());
            let supplier = package["supplier"].as_str().unwrap();
            assert!(
                supplier == "NOASSERTION" || supplier.starts_with("Person: ") || supplier.starts_with("Organization: ")
            );
            for checksum in list(&package["checksums"]) {
                assert!(checksum["checksumValue"].as_str().unwrap().bytes().all(|byte| byte.is_ascii_hexdigit()));
            }
            for annotation in list(&package["annotations"]) {
                assert_time(&annotation["annotationDate"]);
                assert_eq!(annotation["annotationType"], "OTHER");
            }
            let declared = package["licenseDeclared"].as_str().unwrap();
            if declared != "NOASSERTION" {
                assert!(spdx::Expression::parse(declared).is_ok(), "{declared}");
                let words = declared.split(|character: char| character.is_whitespace() || "()".contains(character));
                for reference in words.filter(|word| word.starts_with("LicenseRef-")) {
                    assert!(texts.contains(&reference), "{reference}");
                }
            }
        }
        for relationship in list(&document["relationships"]) {
            for end in ["spdxElementId", "relatedSpdxElement"] {
                assert!(ids.contains(&relationship[end].as_str().unwrap()), "{relationship}");
            }
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn assert_time(value: &Value) {
    let text = value.as_str().unwrap();
    assert!(text.len() == 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T', "{text}");
}

/// The sample documents of the format's own tools, accepted and refused as their names say.
#[test]
fn samples_are_taken_and_refused_as_they_are_named() {
    let Some(bundle) = testkit::bundle("sbom/cyclonedx-valid-invalid") else { return };
    let root = bundle.path().join("tools/src/test/resources");
    let mut differences = Vec::new();
    let mut count = 0;
    for path in json_files(&root) {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let is_valid = path.file_name().unwrap().to_string_lossy().starts_with("valid");
        let found = read_with(&fs::read(&path).unwrap(), &Limits::default(), Strictness::Strict);
        count += 1;
        match (is_valid, found) {
            (true, Err(error)) => differences.push(format!("{name}: refused: {error}")),
            (false, Ok(_)) => differences.push(format!("{name}: taken")),
            _ => {}
        }
    }
    assert!(count > 240, "{count}");
    assert!(differences.is_empty(), "{differences:#?}");
}

fn json_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
