//! The vectors of the package-url specification, all of them.

use std::fs;

use component::{Purl, PurlBuilder};
use serde_json::Value;

use crate::bundle;

/// Vectors that the specification itself contradicts: file, what is done, input, and why.
const CONTRADICTED: [(&str, &str, &str, &str); 1] = [(
    "rpm-test.json",
    "parse",
    "pkg:Rpm/fedora/curl@7.50.3-1.fc25?Arch=i386&Distro=fedora-25",
    "refused for its keys in upper case, which \"How to parse a PURL\" lowers, as the vectors of maven and the very next one of rpm have it",
)];

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn build(input: &Value) -> Result<Purl, String> {
    let mut builder: PurlBuilder = Purl::builder(text(input, "type"), text(input, "name"))
        .namespace(text(input, "namespace"))
        .version(text(input, "version"))
        .subpath(text(input, "subpath"));
    for (key, value) in input["qualifiers"].as_object().into_iter().flatten() {
        builder = builder.qualifier(key, value.as_str().unwrap());
    }
    let purl = builder.build().map_err(|error| error.to_string())?;
    purl.check_type().map_err(|error| error.to_string())?;
    Ok(purl)
}

fn parse(input: &Value) -> Result<Purl, String> {
    Purl::parse_strict(input.as_str().unwrap()).map_err(|error| error.to_string())
}

fn components(purl: &Purl) -> Value {
    let qualifiers: serde_json::Map<String, Value> =
        purl.qualifiers().map(|(key, value)| (key.to_owned(), value.into())).collect();
    serde_json::json!({
        "type": purl.ty(),
        "namespace": purl.namespace(),
        "name": purl.name(),
        "version": purl.version(),
        "qualifiers": if qualifiers.is_empty() { Value::Null } else { qualifiers.into() },
        "subpath": purl.subpath(),
    })
}

fn outcome(vector: &Value) -> Result<Value, String> {
    let input = &vector["input"];
    match text(vector, "test_type") {
        "build" => build(input).map(|purl| purl.to_string().into()),
        "parse" => parse(input).map(|purl| components(&purl)),
        "validate" => parse(input).map(|purl| purl.to_string().into()),
        other => panic!("an unknown kind of vector: {other}"),
    }
}

fn without_empty(value: &Value) -> Value {
    match value {
        Value::Object(map) if map.is_empty() => Value::Null,
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), without_empty(value))).collect(),
        Value::String(text) if text.is_empty() => Value::Null,
        other => other.clone(),
    }
}

#[test]
fn every_vector_of_the_specification_holds() {
    let Some((_directory, root)) = bundle("purl/purl-spec.tar.zst") else { return };
    let mut failures = Vec::new();
    let mut contradicted = 0;
    let mut total = 0;
    for folder in ["types", "spec"] {
        let mut files: Vec<_> =
            fs::read_dir(root.join("tests").join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for path in files {
            let file = path.file_name().unwrap().to_str().unwrap();
            let document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            for vector in document["tests"].as_array().unwrap() {
                total += 1;
                let outcome = outcome(vector);
                let holds = if vector["expected_failure"] == true {
                    outcome.is_err()
                } else {
                    outcome.as_ref().is_ok_and(|found| *found == without_empty(&vector["expected_output"]))
                };
                let excuse = CONTRADICTED.iter().any(|(in_file, done, input, _)| {
                    *in_file == file && *done == text(vector, "test_type") && vector["input"] == **input
                });
                if excuse {
                    contradicted += 1;
                }
                if holds == excuse {
                    failures.push(format!("{file}: {vector}\n  found {outcome:?}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} of {total}:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(contradicted, CONTRADICTED.len(), "a contradiction that is no more leaves the table");
    assert!(total >= 400, "{total}");
}
