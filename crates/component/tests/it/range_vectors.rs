//! The range vectors of node-semver, the vers specification and apk-tools.

use std::fs;

use component::{Prereleases, Range, Scheme, Vers};
use serde_json::Value;

use crate::bundle;

/// Refused by node-semver unless it reads loosely, as npm does and as we always do.
const ONLY_STRICTLY_REFUSED: [&str; 3] = [">01.02.03", "~1.2.3beta", ">=09090"];

#[test]
fn node_semver_reads_ranges_as_we_do() {
    let Some((_directory, root)) = bundle("versions/node-semver.tar.zst") else { return };
    let rows: Value = serde_json::from_slice(&fs::read(root.join("range-parse.json")).unwrap()).unwrap();
    let mut failures = Vec::new();
    for row in rows.as_array().unwrap() {
        let text = row[0].as_str().unwrap();
        let prereleases =
            if row[2]["includePrerelease"] == true { Prereleases::ByOrder } else { Prereleases::OnlyNamed };
        let found = Range::parse_with(Scheme::Npm, text, prereleases).map(|range| range.to_string());
        let holds = match row[1].as_str() {
            Some(expected) => found.as_deref() == Ok(expected),
            None => found.is_err() || ONLY_STRICTLY_REFUSED.contains(&text),
        };
        if !holds {
            failures.push(format!("{row}: {found:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(rows.as_array().unwrap().len() > 100);
}

/// Ranges whose missing numbers vers takes for zeros, where node-semver's documentation takes them for any: `2.1` is
/// `2.1.x`. The last is its reading of `>=1.x`, which in node-semver has no upper end.
const ZEROS_IN_VERS: [&str; 4] = ["<= 1.0", "2.1 || 2.6", "<=2.1 >=1.1", ">= 1.x"];

/// Ranges of Conan that hold every version. Vers writes the bound that Conan's `VersionRange` has for them, which no version comes before, and for
/// nothing no bound, which its own specification calls invalid ("Constraints").
const ALL_OF_CONAN: [&str; 2] = ["*, include_prerelease=True", ""];

fn is_excused(scheme: Scheme, text: &str) -> bool {
    if scheme == Scheme::Conan { ALL_OF_CONAN.contains(&text) } else { ZEROS_IN_VERS.contains(&text) }
}

/// Each native range that vers writes as its bounds has just those bounds.
#[test]
fn vers_reads_native_ranges_as_we_do() {
    let Some((_directory, root)) = bundle("versions/vers-spec.tar.zst") else { return };
    for (file, scheme, total_min) in [
        ("npm_range_from_native_test.json", Scheme::Npm, 300),
        ("pypi_range_from_native_test.json", Scheme::Pep440, 3),
        ("nuget_range_from_native_test.json", Scheme::Nuget, 1),
        ("conan_range_from_native_test.json", Scheme::Conan, 143),
        ("conan_range_from_native_basic_test.json", Scheme::Conan, 13),
        ("nginx_range_from_native_test.json", Scheme::Nginx, 2),
        ("openssl_range_from_native_test.json", Scheme::Openssl, 1),
    ] {
        let vectors: Value = serde_json::from_slice(&fs::read(root.join("tests").join(file)).unwrap()).unwrap();
        let (mut failures, mut total) = (Vec::new(), 0);
        for vector in vectors["tests"].as_array().unwrap() {
            total += 1;
            let text = vector["input"]["native_range"].as_str().unwrap();
            let vers = vector["expected_output"].as_str().unwrap();
            let bounds = |text: &str| -> Vec<String> {
                let mut bounds: Vec<String> =
                    text.split(['|', ' ', ',']).filter(|bound| !bound.is_empty()).map(ToOwned::to_owned).collect();
                bounds.sort();
                bounds.dedup();
                bounds
            };
            // Vers leaves the empty prerelease out that Conan's own bounds have, but where a range does not say it: `>=2.5|<2.6-`.
            let ends_in_prerelease = |last| scheme == Scheme::Conan && last == '-';
            let plain = |bound: &mut String| {
                *bound = bound.trim_start_matches('=').trim_end_matches(ends_in_prerelease).to_owned();
            };
            let mut expected = bounds(vers.split_once('/').unwrap().1);
            expected.iter_mut().for_each(plain);
            expected.sort();
            let found = Range::parse_with(scheme, text, Prereleases::OnlyNamed).map(|range| range.to_string());
            // Vers has no prerelease that only bounds: it writes `<2.0.0` for node-semver's `<2.0.0-0`.
            let found_bounds = found.as_ref().map(|text| {
                let mut bounds = bounds(text);
                for bound in &mut bounds {
                    if bound.starts_with('<') && bound.ends_with("-0") {
                        bound.truncate(bound.len() - 2);
                    }
                    plain(bound);
                }
                bounds.sort();
                bounds
            });
            if (found_bounds.as_ref() == Ok(&expected)) == is_excused(scheme, text) {
                failures.push(format!("{text}: {vers}: {found:?}"));
            }
        }
        assert!(failures.is_empty(), "{} of {total}\n{}", failures.len(), failures.join("\n"));
        assert!(total >= total_min, "{file}: only {total}");
    }
}

/// The list has a version with the suffix `_post`, which itself it refuses elsewhere.
const NO_VERSION: &str = "3.6.9_post1";

#[test]
fn apk_tools_matches_prefixes_as_we_do() {
    let Some((_directory, root)) = bundle("versions/apk-tools-version-data.tar.zst") else { return };
    let mut total = 0;
    for line in fs::read_to_string(root.join("version.data")).unwrap().lines() {
        let [version, operator, bound] = line.split_whitespace().collect::<Vec<_>>()[..] else { continue };
        let (operator, expected) = match operator {
            "~" | "<~" | ">~" => (operator, true),
            "!~" => ("~", false),
            _ => continue,
        };
        let range = Range::parse(Scheme::Apk, &format!("{operator}{bound}")).unwrap();
        let found = range.contains(version);
        assert_eq!(found.clone().ok(), (version != NO_VERSION).then_some(expected), "{line}: {found:?}");
        total += 1;
    }
    assert!(total >= 15, "{total}");
}

/// Ranges that the list calls valid and the text of the specification invalid ("Normalized, canonical representation and
/// validation": `>` and `>=` are followed by `<` or `<=`, and a version stands in one constraint); and of those in the wrong
/// order, which the specification has reported, what the list makes of them.
const INVALID_BY_THE_TEXT: [&str; 3] = [
    "vers:pypi/>0.0.0|>=0.0.1|0.0.2|<0.0.3|0.0.4|<0.0.5|>=0.0.6",
    "vers:pypi/>0.0.0|>=0.0.1|>=0.0.1|0.0.2|0.0.3|0.0.4|<0.0.5|<=0.0.6|!=0.7|8.0|>12|<15.3",
    "vers:pypi/>0.0.0|>=0.0.1|0.0.2|0.0.3|0.0.4|<0.0.5|>=0.0.6|!=0.8",
];

#[test]
fn vers_validates_and_contains_as_we_do() {
    let Some((_directory, root)) = bundle("versions/vers-spec.tar.zst") else { return };
    let (mut failures, mut total) = (Vec::new(), 0);
    for file in ["vers_canonical_parse_test.json", "pypi_range_validate_test.json", "pypi_range_containment_test.json"]
    {
        let vectors: Value = serde_json::from_slice(&fs::read(root.join("tests").join(file)).unwrap()).unwrap();
        for vector in vectors["tests"].as_array().unwrap() {
            total += 1;
            let holds = match (vector["test_type"].as_str().unwrap(), vector["input"].as_str()) {
                ("parse", Some(text)) => vector["expected_failure"] == true && Vers::parse(text).is_err(),
                ("validate", Some(text)) => match Vers::parse(text) {
                    Ok(vers) => {
                        let canonical = vers.to_string();
                        let is_strict = Vers::parse_canonical(text).is_ok() == (canonical == text);
                        vector["expected_output"] == canonical && is_strict
                    }
                    Err(_) => INVALID_BY_THE_TEXT.contains(&text),
                },
                ("containment", None) => {
                    let [vers, version] = ["vers", "version"].map(|name| vector["input"][name].as_str().unwrap());
                    Vers::parse(vers).unwrap().contains(version).unwrap() == vector["expected_output"]
                }
                _ => false,
            };
            if !holds {
                failures.push(vector.to_string());
            }
        }
    }
    assert!(failures.is_empty(), "{} of {total}\n{}", failures.len(), failures.join("\n"));
    assert!(total >= 28, "{total}");
}
