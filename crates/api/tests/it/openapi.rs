//! The `OpenAPI` document: well-formed, complete, and as it was.

use std::collections::BTreeSet;

use api::{Surface, endpoints, openapi};
use serde_json::Value;

fn document() -> Value {
    openapi(&endpoints(), "0.0.0")
}

fn each(value: &Value, look: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                look(key, field);
                each(field, look);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| each(item, look)),
        _ => {}
    }
}

#[test]
fn operations_are_the_rows() {
    let document = document();
    let mut operations = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(operations.insert(id.to_owned()), "`{id}` twice");
            let row = endpoints().into_iter().find(|endpoint| endpoint.name == id).unwrap();
            assert_eq!((row.path, row.method.as_str().to_lowercase()), (path.as_str(), method.clone()));
            let in_path: BTreeSet<&str> = operation["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let in_template: BTreeSet<&str> =
                path.split(['{', '}']).enumerate().filter(|(index, _)| index % 2 == 1).map(|(_, name)| name).collect();
            assert_eq!(in_path, in_template, "{id}");
            assert!(operation["responses"].as_object().unwrap().len() >= 2, "{id}");
        }
    }
    let rows: BTreeSet<String> = endpoints()
        .into_iter()
        .filter(|endpoint| endpoint.surface != Surface::Page)
        .map(|endpoint| endpoint.name.to_owned())
        .collect();
    assert_eq!(operations, rows);
}

#[test]
fn every_reference_resolves_and_every_schema_is_used() {
    let document = document();
    let mut used = BTreeSet::new();
    each(&document, &mut |key, value| {
        if key == "$ref" {
            let pointer = value.as_str().unwrap().strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "`{pointer}` is not there");
            used.insert(pointer.rsplit('/').next().unwrap().to_owned());
        }
    });
    let schemas: BTreeSet<String> = document["components"]["schemas"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(used, schemas);
}

#[test]
fn the_document_is_as_it_was() {
    insta::assert_json_snapshot!(document());
}
