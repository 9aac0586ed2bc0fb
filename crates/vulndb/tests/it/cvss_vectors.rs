//! Claircore's vectors, of which FIRST's own examples are a part.

use std::fs;

use vulndb::cvss::{Version, assess};

/// The lines of a list without remarks; whether a remark says that the line is good.
fn lines(list: &str) -> Vec<(String, bool)> {
    let lines = list.lines().map(|line| line.split_once('#').unwrap_or((line, "")));
    let lines = lines.map(|(line, remark)| (line.trim().to_owned(), remark.contains("OK")));
    lines.filter(|(line, _)| !line.is_empty()).collect()
}

#[test]
fn every_vector_has_the_score_of_the_list() {
    let Some(bundle) = testkit::bundle("cvss/claircore-cvss") else { return };
    let read = |name: &str| fs::read_to_string(bundle.path().join(name)).unwrap();
    let mut count = 0;
    for (name, version) in [
        ("v2_score.list", Version::V2_0),
        ("v30_score.list", Version::V3_0),
        ("v31_score.list", Version::V3_1),
        ("v4_score.list", Version::V4_0),
    ] {
        for (line, _) in lines(&read(name)) {
            let (vector, score) = line.rsplit_once(' ').unwrap();
            let found = assess(vector.trim()).unwrap();
            assert_eq!((found.version, found.score.to_string().as_str()), (version, score), "{line}");
            count += 1;
        }
    }
    for name in ["v2_roundtrip.list", "v3_roundtrip.list", "v4_roundtrip.list"] {
        for (vector, _) in lines(&read(name)) {
            assert!(assess(&vector).is_ok(), "{vector}");
            count += 1;
        }
    }
    for (name, is_of_version) in [
        ("v2_error.list", [Version::V2_0].as_slice()),
        ("v3_error.list", [Version::V3_0, Version::V3_1].as_slice()),
        ("v4_error.list", [Version::V4_0].as_slice()),
    ] {
        for (vector, is_good) in lines(&read(name)) {
            // A good vector of another version is in the list of 4.0, because it is none of 4.0.
            let found = assess(&vector).is_ok_and(|found| is_of_version.contains(&found.version));
            assert_eq!(found, is_good, "{vector}");
            count += 1;
        }
    }
    assert_eq!(count, 155);
}
