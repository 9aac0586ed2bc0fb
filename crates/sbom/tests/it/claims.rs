//! What every cataloger claims is read up to the limit that it declares, and what is larger is reported.

use std::io::{self, Read as _};

use component::Subject;
use sbom::{Allowance, Keep, LayerBuilder, LayerScope, Matcher, Pattern, Source};

/// Larger files than this are not made here: what reads them reads by position, and their limit bounds offsets, not memory.
const MADE_BYTES_MAX: u64 = 128 << 20;

/// Returns a path that a pattern matches.
fn example(pattern: &str) -> String {
    let mut path = String::new();
    let mut rest = pattern.strip_prefix("**/").unwrap_or(pattern);
    while let Some(at) = rest.find(['*', '{']) {
        path.push_str(&rest[..at]);
        if let Some((choices, behind)) = rest[at..].strip_prefix('{').and_then(|choices| choices.split_once('}')) {
            path.push_str(choices.split(',').next().unwrap_or_default());
            rest = behind;
        } else {
            path.push('a');
            rest = rest[at..].trim_start_matches('*');
        }
    }
    path + rest
}

#[test]
fn claims_are_read_to_their_limits() {
    let mut count = 0;
    for cataloger in sbom::catalogers() {
        let matcher = Matcher::new(vec![cataloger]);
        for claim in cataloger.claims {
            let (path, magic) = match claim.pattern {
                Pattern::Path(pattern) => (example(pattern), &b""[..]),
                Pattern::Executable => ("program".to_owned(), &b"\x7fELF"[..]),
            };
            let limit_bytes = match claim.keep {
                Keep::Bytes { limit_bytes } => limit_bytes,
                Keep::Record(extractor) => extractor.limit_bytes,
            };
            // Returns whether the file was read, and what is reported of it.
            let check = |size_bytes: u64| {
                let allowance = Allowance::new(tempfile::tempfile);
                let mut builder = LayerBuilder::new(&matcher, &allowance);
                let mut stream = magic.chain(io::repeat(0)).take(size_bytes);
                let is_read = builder.add_file(&path, 0o755, size_bytes, &mut stream).expect("the file makes a layer");
                let record = builder.finish();
                if is_read {
                    return (true, Vec::new());
                }
                let subject = Subject::Directory { name: String::new() };
                let source = Source { subject, layers: Vec::new(), records: &[&record], created: None };
                let unknowns = sbom::inventory(source, &matcher, LayerScope::Squashed).unknowns;
                (
                    false,
                    unknowns.into_iter().map(|unknown| format!("{}: {}", unknown.location, unknown.reason)).collect(),
                )
            };
            let what = format!("{} {path}", cataloger.name);
            if limit_bytes <= MADE_BYTES_MAX {
                assert!(check(limit_bytes - 1).0, "{what}");
                assert!(check(limit_bytes).0, "{what}");
            }
            let expected = format!("/{path}: {} bytes, the limit for such a file is {limit_bytes}", limit_bytes + 1);
            let (is_read, reported) = check(limit_bytes + 1);
            assert!(!is_read && reported.contains(&expected), "{what}: {reported:?}");
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}
