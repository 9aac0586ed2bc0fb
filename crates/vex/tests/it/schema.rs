//! What is read of the sets, held against the schemas of its formats: what is read though a schema refuses it is listed, with the first reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use jsonschema::{Registry, Validator};
use serde_json::Value;
use vex::Format;

use crate::documents::files;

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Returns the validator of a version of CSAF. Its schemas and those of CVSS 4.0 name dialects of their own, which add annotations to 2020-12 and no
/// rule.
fn csaf(schemas: &Path, version: &str, name: &str) -> Validator {
    let folder = schemas.join("csaf").join(version);
    let plain = |path: &Path| {
        let mut schema = json(path);
        if !schema["$schema"].as_str().unwrap().contains("json-schema.org") {
            schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
        }
        schema
    };
    let extensions =
        files(&folder.join("json_schema")).into_iter().filter(|path| named(path).starts_with("extension-"));
    let mut registry = Registry::new();
    for path in files(&folder.join("referenced_schema")).into_iter().chain(extensions) {
        let schema = plain(&path);
        let id = schema["$id"].as_str().or(schema["id"].as_str()).unwrap();
        // They are referred to without the day.
        let id = id.split('?').next().unwrap().to_owned();
        registry = registry.add(id, schema).unwrap();
    }
    let registry = registry.prepare().unwrap();
    jsonschema::options()
        .should_validate_formats(true)
        .with_registry(&registry)
        .build(&plain(&folder.join("json_schema").join(name)))
        .unwrap()
}

fn named(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Counts the documents of a folder that are read, and lists those that their schema refuses.
fn held<'v>(folder: &Path, validator: impl Fn(&Value) -> Option<&'v Validator>) -> String {
    let (mut count, mut text) = (BTreeMap::<&str, usize>::new(), String::new());
    for path in files(folder) {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let Ok(document) = serde_json::from_slice::<Value>(&bytes) else { continue };
        let Some(validator) = validator(&document).filter(|_| vex::read(&bytes).is_ok()) else { continue };
        let first = validator.iter_errors(&document).next();
        *count.entry(if first.is_none() { "valid" } else { "invalid" }).or_default() += 1;
        if let Some(error) = first {
            let shown = path.strip_prefix(folder).unwrap().display();
            let reason: String =
                error.to_string().chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
            writeln!(text, "{shown}: {} ..{reason}", error.instance_path()).unwrap();
        }
    }
    format!("{count:?}\n{text}")
}

#[test]
fn of_csaf() {
    let Some(schemas) = testkit::bundle("schemas/schemas") else { return };
    let validators = [
        ("2.0", csaf(schemas.path(), "csaf_2.0", "csaf_json_schema.json")),
        ("2.1", csaf(schemas.path(), "csaf_2.1", "csaf.json")),
    ];
    let validator = |document: &Value| {
        let version = document["document"]["csaf_version"].as_str()?;
        validators.iter().find(|(known, _)| *known == version).map(|(_, validator)| validator)
    };
    for set in ["csaf-2.0-validator", "csaf-2.1-validator", "claircore-rhel-vex", "trustify-advisories"] {
        if let Some(bundle) = testkit::bundle(&format!("vex-csaf/{set}")) {
            insta::assert_snapshot!(format!("schema_{set}"), held(bundle.path(), validator));
        }
    }
}

/// The schema of OpenVEX (`openvex_json_schema.json` of its specification) is not among the test data; it lies under this name in
/// `GARRISON_PEERS/schemas`.
#[test]
fn of_openvex() {
    let Some(schemas) = testkit::peer_directory("schemas") else { return };
    let schema = json(&schemas.join("openvex-0.2.0.schema.json"));
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let is_of = |document: &Value| {
        let bytes = serde_json::to_vec(document).unwrap();
        let is_current = document["@context"] == "https://openvex.dev/ns/v0.2.0";
        (is_current && vex::recognize(&bytes) == Some(Format::OpenVex)).then_some(&validator)
    };
    if let Some(bundle) = testkit::bundle("vex-csaf/openvex-go-vex") {
        insta::assert_snapshot!("schema_openvex", held(bundle.path(), is_of));
    }
}
