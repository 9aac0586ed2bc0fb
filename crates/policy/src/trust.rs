//! The document `apiVersion: garrison.dev/v1`, `kind: VexTrust`: whose VEX counts, and who may state it by pushing it beside an image.

use component::Pattern;
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::document::{API_VERSION, Mistake, ReadError, at, expect, patterns};
use crate::yaml;

/// The kind of document.
const KIND: &str = "VexTrust";

/// The largest document that is read, in bytes.
pub const TRUST_BYTES_MAX: usize = 256 * 1024;

/// The most levels of authors.
pub const TRUST_LEVELS_MAX: usize = 32;

/// What becomes of authors that nobody named: the words of the document.
const OTHERS: [(&str, bool); 2] = [("count", true), ("ignore", false)];

/// Whose VEX counts, who goes before whom, and whose pushes are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VexTrust {
    /// Levels of authors, as documents name them, the most trusted first.
    pub authors: Vec<Vec<Pattern>>,
    /// Whether the word of others counts, after that of all who are named.
    pub others_count: bool,
    /// Who may have VEX count by pushing it beside an image: `user:ann`, `robot:ci-web`. Their names are proved, an author's is not.
    pub pushers: Vec<Pattern>,
}

impl Default for VexTrust {
    /// Returns the trust of one who makes no difference between authors, and believes nobody's pushes.
    fn default() -> Self {
        Self { authors: Vec::new(), others_count: true, pushers: Vec::new() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Stated {
    api_version: Spanned<String>,
    kind: Spanned<String>,
    #[serde(default)]
    authors: Vec<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    others: Option<Spanned<String>>,
    #[serde(default)]
    pushers: Vec<Spanned<String>>,
}

impl VexTrust {
    /// Reads a document, as YAML or JSON.
    ///
    /// # Errors
    /// When anything in it is not understood.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        if bytes.len() > TRUST_BYTES_MAX {
            return Err(ReadError::TooLarge { actual: bytes.len(), limit: TRUST_BYTES_MAX });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ReadError::Utf8)?;
        let stated: Stated = yaml::read(text)?;
        expect(&stated.api_version, API_VERSION, "version of this document")?;
        expect(&stated.kind, KIND, "kind of this document")?;
        if let Some(first) = stated.authors.get(TRUST_LEVELS_MAX) {
            return Err(at(first, Mistake::TooMany { what: "authors", limit: TRUST_LEVELS_MAX }));
        }
        let mut authors = Vec::with_capacity(stated.authors.len());
        for level in &stated.authors {
            if level.value.is_empty() {
                return Err(at(level, Mistake::Empty("authors")));
            }
            authors.push(patterns(&level.value, "authors")?);
        }
        Ok(Self {
            authors,
            others_count: stated.others.as_ref().map_or(Ok(true), read_others)?,
            pushers: patterns(&stated.pushers, "pushers")?,
        })
    }

    /// Says in words which authors count.
    pub fn authors_in_words(&self) -> String {
        let levels: Vec<String> = self.authors.iter().map(|level| named(level)).collect();
        match (levels.is_empty(), self.others_count) {
            (true, true) => "All authors count alike.".to_owned(),
            (true, false) => "No author counts.".to_owned(),
            (false, true) => format!("Of authors count {}, then all others.", levels.join("; then ")),
            (false, false) => format!("Of authors count {}, and no others.", levels.join("; then ")),
        }
    }

    /// Says in words whose pushes are believed.
    pub fn pushers_in_words(&self) -> String {
        match self.pushers.as_slice() {
            [] => "No VEX counts for being pushed beside an image.".to_owned(),
            pushers => format!("VEX beside images counts that was pushed by {}.", named(pushers)),
        }
    }

    /// Tells whether who pushed VEX beside an image is believed.
    pub fn believes(&self, pusher: &str) -> bool {
        self.pushers.iter().any(|pattern| pattern.matches(pusher))
    }
}

fn named(patterns: &[Pattern]) -> String {
    patterns.iter().map(Pattern::as_str).collect::<Vec<_>>().join(", ")
}

fn read_others(stated: &Spanned<String>) -> Result<bool, ReadError> {
    let word = stated.value.trim();
    if let Some((_, counts)) = OTHERS.iter().find(|(known, _)| *known == word) {
        return Ok(*counts);
    }
    Err(at(stated, Mistake::unknown_word(word, "word for other authors", &OTHERS.map(|(known, _)| known))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PATTERNS_MAX;

    const HEAD: &str = "apiVersion: garrison.dev/v1\nkind: VexTrust\n";

    #[track_caller]
    fn check(document: &str, expected: &str) {
        let found = match VexTrust::read(document.as_bytes()) {
            Ok(VexTrust { authors, others_count, pushers }) => {
                let words = |patterns: &[Pattern]| patterns.iter().map(Pattern::as_str).collect::<Vec<_>>().join(",");
                let authors: Vec<String> = authors.iter().map(|level| words(level)).collect();
                format!("{} | {others_count} | {}", authors.join(" > "), words(&pushers))
            }
            Err(error) => match error.nearest() {
                Some(nearest) => format!("{error} ({nearest}?)"),
                None => error.to_string(),
            },
        };
        assert_eq!(found, expected, "{document}");
    }

    #[test]
    fn a_document_says_who_is_trusted_before_whom() {
        check(HEAD, " | true | ");
        check(
            &format!(
                "{HEAD}authors:\n  - [\"Red Hat*\", Team]\n  - [\"*@example.com\"]\nothers: ignore\npushers: [\"robot:vex-*\"]\n"
            ),
            "Red Hat*,Team > *@example.com | false | robot:vex-*",
        );
        check(r#"{"apiVersion": "garrison.dev/v1", "kind": "VexTrust", "others": "count"}"#, " | true | ");
    }

    #[test]
    fn a_document_is_understood_whole_or_refused() {
        check("kind: VexTrust\n", "line 1, column 1: the field `apiVersion` is missing");
        check(
            "apiVersion: garrison.dev/v2\nkind: VexTrust\n",
            "line 1, column 13: `garrison.dev/v2` is no version of this document (garrison.dev/v1?)",
        );
        check(
            "apiVersion: garrison.dev/v1\nkind: Exceptions\n",
            "line 2, column 7: `Exceptions` is no kind of this document (VexTrust?)",
        );
        check(&format!("{HEAD}pusher: [a]\n"), "line 3, column 1: there is no field `pusher` here (pushers?)");
        check(
            &format!("{HEAD}others: ignored\n"),
            "line 3, column 9: `ignored` is no word for other authors (ignore?)",
        );
        check(&format!("{HEAD}authors: [[]]\n"), "line 3, column 11: `authors` is empty");
        check(&format!("{HEAD}authors: [a]\n"), "line 3, column 11: a list stands here, as in `[a, b]`");
        check(
            &format!("{HEAD}pushers: [\"***\"]\n"),
            "line 3, column 11: a pattern has `*` or `**`, never more stars in a row",
        );
        check(&format!("{HEAD}pushers: [\"\"]\n"), "line 3, column 11: a pattern is not empty");
    }

    #[test]
    fn a_document_is_read_up_to_its_limits() {
        for (levels, patterns, is_read) in [
            (TRUST_LEVELS_MAX - 1, PATTERNS_MAX - 1, true),
            (TRUST_LEVELS_MAX, PATTERNS_MAX, true),
            (TRUST_LEVELS_MAX + 1, 1, false),
            (1, PATTERNS_MAX + 1, false),
        ] {
            let document =
                format!("{HEAD}authors: [{}]\npushers: [{}]\n", "[a],".repeat(levels), "a,".repeat(patterns));
            assert_eq!(VexTrust::read(document.as_bytes()).is_ok(), is_read, "{levels} {patterns}");
        }
        for (bytes, is_read) in [(TRUST_BYTES_MAX - 1, true), (TRUST_BYTES_MAX, true), (TRUST_BYTES_MAX + 1, false)] {
            let document = format!("{HEAD}{}", "\n".repeat(bytes - HEAD.len()));
            assert_eq!(VexTrust::read(document.as_bytes()).is_ok(), is_read, "{bytes}");
        }
    }

    #[test]
    fn whose_vex_counts_is_told_in_words() {
        for (text, expected) in [
            ("", "All authors count alike. No VEX counts for being pushed beside an image."),
            ("others: ignore\n", "No author counts. No VEX counts for being pushed beside an image."),
            (
                "authors: [[\"Red Hat*\", Team], [\"*@example.com\"]]\npushers: [\"robot:vex-*\"]\n",
                "Of authors count Red Hat*, Team; then *@example.com, then all others. VEX beside images counts that was pushed by robot:vex-*.",
            ),
            (
                "authors: [[Team], [B]]\nothers: ignore\n",
                "Of authors count Team; then B, and no others. No VEX counts for being pushed beside an image.",
            ),
        ] {
            let trust = VexTrust::read(format!("{HEAD}{text}").as_bytes()).unwrap();
            assert_eq!(format!("{} {}", trust.authors_in_words(), trust.pushers_in_words()), expected);
        }
    }

    #[test]
    fn who_pushes_is_believed_by_name_alone() {
        let document = format!("{HEAD}pushers: [\"robot:vex-*\", \"user:ann\"]\n");
        let trust = VexTrust::read(document.as_bytes()).unwrap();
        for (pusher, expected) in [
            ("robot:vex-ci", true),
            ("user:ann", true),
            ("user:Ann", false),
            ("robot:ann", false),
            ("user:vex-ci", false),
            ("ann", false),
            ("system", false),
            ("anonymous", false),
            ("", false),
        ] {
            assert_eq!(trust.believes(pusher), expected, "{pusher}");
        }
        assert!(!VexTrust::default().believes("user:ann"));
    }
}
