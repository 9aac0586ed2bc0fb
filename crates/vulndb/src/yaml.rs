//! YAML 1.2, as advisories use it: one document of block mappings, no anchors.

use serde::Deserialize;
use serde_saphyr::options::DuplicateKeyPolicy;

/// The most mappings, sequences and scalars. The largest advisory seen has about 1,500.
const NODES_MAX: usize = 1_000_000;

/// The deepest nesting; advisories need seven levels.
const DEPTH_MAX: usize = 32;

/// Reads one document; none when it is not of the expected form. Aliases are refused: no advisory has any, and they are how a
/// small document becomes a large one.
pub(crate) fn document<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(bytes).ok()?;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: NODES_MAX * 2,
            max_nodes: NODES_MAX,
            max_depth: DEPTH_MAX,
            max_documents: 1,
            max_aliases: 0,
            max_anchors: 0,
        },
        duplicate_keys: DuplicateKeyPolicy::LastWins,
    };
    serde_saphyr::from_str_with_options(text, options).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_and_depth_are_refused() {
        let read = |text: &str| document::<serde_json::Value>(text.as_bytes());
        assert!(read("a: &x 1\nb: *x\n").is_none());
        assert!(read("a: [").is_none());
        assert!(document::<serde_json::Value>(b"\xff").is_none());
        let nested = |depth: usize| format!("a: {}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(DEPTH_MAX - 1)).is_some());
        assert!(read(&nested(DEPTH_MAX)).is_none());
        assert!(read(&nested(100_000)).is_none());
        assert_eq!(read("---\na: '1'\n"), Some(serde_json::json!({"a": "1"})));
    }
}
