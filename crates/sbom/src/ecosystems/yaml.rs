//! YAML, as lockfiles use it: block mappings, no anchors.

use serde::Deserialize;
use serde_saphyr::options::DuplicateKeyPolicy;

use crate::Refusal;
use crate::ecosystems::documents::begin;

/// The most mappings, sequences and scalars. The largest lockfiles of public monorepos have about a million.
const NODES_MAX: usize = 8_000_000;

/// The most documents in one file; pnpm writes two.
const DOCUMENTS_MAX: usize = 16;

/// The deepest nesting; lockfiles need six levels.
const DEPTH_MAX: usize = 32;

/// Reads the documents of a file. Aliases are refused: no lockfile has any, and they are how a small document becomes a large one.
pub(crate) fn documents<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<Vec<T>, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::new("the file is not UTF-8"))?;
    // Equal keys come through, of which our mappings keep the last: to choose among them the reader would put whole mappings aside, at some hundred bytes
    // a line.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: NODES_MAX * 2,
            max_nodes: NODES_MAX,
            max_depth: DEPTH_MAX,
            max_documents: DOCUMENTS_MAX,
            max_aliases: 0,
            max_anchors: 0,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
    };
    begin();
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let location = error.location().map(|location| format!(", line {}", location.line())).unwrap_or_default();
        Refusal::new(format!("the file is not YAML of the expected form{location}"))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(text: &str) -> Result<Vec<BTreeMap<String, serde_json::Value>>, Refusal> {
        documents(text.as_bytes())
    }

    #[test]
    fn aliases_and_depth_are_refused() {
        assert_eq!(read("a: 1\n---\nb: 2\n").unwrap().len(), 2);
        assert!(read("a: &x 1\nb: *x\n").is_err());
        assert!(read("a: *x\n").is_err());
        assert!(read("a: [").is_err());
        let nested = |depth: usize| format!("a: {}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(DEPTH_MAX - 1)).is_ok());
        assert!(read(&nested(DEPTH_MAX)).is_err());
        assert!(read(&nested(100_000)).is_err());
        let many = |count: usize| "--- {a: 1}\n".repeat(count);
        assert!(read(&many(DOCUMENTS_MAX)).is_ok());
        assert!(read(&many(DOCUMENTS_MAX + 1)).is_err());
        assert!(documents::<BTreeMap<String, String>>(b"\xff").is_err());
    }
}
