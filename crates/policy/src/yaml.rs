//! YAML 1.2 (and JSON, which is YAML): one document, no anchors.

use serde::Deserialize;
use serde_saphyr::options::DuplicateKeyPolicy;

use crate::document::{Mistake, ReadError};

/// The most mappings, sequences and scalars.
const NODES_MAX: usize = 1_000_000;

/// The deepest nesting; exceptions need four levels, other scanners' configurations some more.
const DEPTH_MAX: usize = 32;

/// Reads a document. Aliases are refused: they are how a small document becomes a large one.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, ReadError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: NODES_MAX * 2,
            max_nodes: NODES_MAX,
            max_depth: DEPTH_MAX,
            max_documents: 1,
            max_aliases: 0,
            max_anchors: 0,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| refuse(&error))
}

fn refuse(error: &serde_saphyr::Error) -> ReadError {
    let error = error.without_snippet();
    let (line, column) = error.location().map_or((0, 0), |location| (location.line(), location.column()));
    let mistake = match error {
        serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => Mistake::unknown_field(field, expected),
        serde_saphyr::Error::SerdeMissingField { field, .. } => Mistake::Missing(field),
        serde_saphyr::Error::DuplicateMappingKey { key, .. } => {
            Mistake::Form(format!("the field `{}` stands twice", key.as_deref().unwrap_or_default()))
        }
        serde_saphyr::Error::Budget { .. } => Mistake::Form(
            "it has anchors or aliases, or more than is read: those are how a small document becomes a large one"
                .to_owned(),
        ),
        other => Mistake::Form(plain(&first_line(&other.to_string()))),
    };
    ReadError::At { line, column, mistake }
}

/// The library speaks of events where a reader thinks of lists and texts.
fn plain(text: &str) -> String {
    match text {
        "expected string scalar" => "a text stands here".to_owned(),
        "expected sequence start" => "a list stands here, as in `[a, b]`".to_owned(),
        "expected mapping start" => "fields stand here, as in `name: value`".to_owned(),
        other => other.to_owned(),
    }
}

/// The library ends a text with the place, which stands before ours already.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let end = line.find(" at line ").unwrap_or(line.len());
    line[..end].to_owned()
}
