//! Copyright files of Debian packages: the machine-readable format 1.0 (DEP-5), and free text that names `/usr/share/common-licenses`.

#![expect(clippy::cast_possible_truncation, reason = "the file is at most as long as the extractor's limit")]

use std::collections::BTreeSet;

use component::License;
use serde::{Deserialize, Serialize};

use crate::control_file::paragraphs;
use crate::{Content, Extractor, Refusal};

/// The extractor of what a copyright file says about licences.
pub(crate) static EXTRACTOR: Extractor =
    Extractor { name: "debian-copyright", version: 1, limit_bytes: COPYRIGHT_BYTES_MAX, extract };

/// The largest copyright file. Those of browsers, with a list of all that is bundled, have 2 MB.
const COPYRIGHT_BYTES_MAX: u64 = 8 << 20;

/// The most licence names that are kept of one file. The Linux kernel's firmware names 120.
const NAMES_MAX: usize = 512;

/// The longest name that is kept; longer ones are the licence's text.
const NAME_BYTES_MAX: usize = 256;

/// The licences that a copyright file names.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Names {
    /// From `License:` fields: short names in the words of DEP-5.
    declared: BTreeSet<String>,
    /// The files of `/usr/share/common-licenses` that free text names.
    referenced: BTreeSet<String>,
}

fn extract(content: &Content) -> Result<Option<Vec<u8>>, Refusal> {
    let bytes = content
        .bytes_at(0, content.len() as usize)
        .map_err(|error| Refusal::new(format!("failed to read the copyright file: {error}")))?;
    let names = names(&String::from_utf8_lossy(&bytes));
    if names == Names::default() {
        return Ok(None);
    }
    postcard::to_allocvec(&names).map(Some).map_err(|error| Refusal::new(format!("failed to keep licences: {error}")))
}

/// Returns the licences of a record that the extractor made.
pub(crate) fn licenses(record: &[u8]) -> Vec<License> {
    let Ok(names) = postcard::from_bytes::<Names>(record) else { return Vec::new() };
    let declared = names.declared.iter().filter_map(|name| license(name));
    let referenced = names.referenced.iter().filter_map(|name| common_license(name));
    declared.chain(referenced).collect::<BTreeSet<_>>().into_iter().collect()
}

fn names(text: &str) -> Names {
    let mut names = Names::default();
    let mut paragraphs = paragraphs(text).peekable();
    if paragraphs.peek().is_some_and(|header| header.get("Format").or(header.get("Format-Specification")).is_some()) {
        for name in paragraphs.filter_map(|paragraph| paragraph.line("License")) {
            if name.len() <= NAME_BYTES_MAX && names.declared.len() < NAMES_MAX {
                names.declared.insert(name.to_owned());
            }
        }
    }
    if names.declared.is_empty() {
        names.referenced = references(text);
    }
    names
}

fn references(text: &str) -> BTreeSet<String> {
    let after = text.split("/common-licenses/").skip(1);
    let names = after.map(|rest| {
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '.' | '_'));
        rest[..end.unwrap_or(rest.len())].trim_end_matches(['.', '-', '_'])
    });
    names.filter(|name| (1..=NAME_BYTES_MAX).contains(&name.len())).take(NAMES_MAX).map(str::to_owned).collect()
}

/// A file of `common-licenses` as a licence. Text that names the file of a GNU licence does not tell whether later versions are allowed too,
/// so its name stays as it is.
fn common_license(name: &str) -> Option<License> {
    let is_precise = ["Apache-2.0", "CC0-1.0", "MPL-1.1", "MPL-2.0"].contains(&name);
    if is_precise { License::parse(name) } else { Some(License::Named(name.to_owned())) }
}

/// Reads a licence in the words of DEP-5: short names joined by `or` and `and`, which binds more tightly unless a comma stands before it.
pub(crate) fn license(text: &str) -> Option<License> {
    if text.eq_ignore_ascii_case("none") {
        return None;
    }
    match expression(text).as_deref().and_then(License::parse) {
        Some(License::Expression(expression)) => Some(License::Expression(expression)),
        _ => Some(License::Named(text.to_owned())),
    }
}

fn expression(text: &str) -> Option<String> {
    let Some((first, rest)) = text.split_once(',') else { return simple_expression(text) };
    // One kind of joint at the outer level; with two, what binds first would be a guess.
    let part = |text: &str| {
        let words = simple_expression(text)?;
        Some(if words.contains(' ') { format!("({words})") } else { words })
    };
    let mut whole = part(first)?;
    let mut outer = None;
    for next in rest.split(',') {
        let (joint, next) = next.trim().split_once(' ')?;
        if !matches!(joint, "and" | "or") || outer.is_some_and(|outer| outer != joint) {
            return None;
        }
        outer = Some(joint);
        whole = format!("{whole} {} {}", joint.to_ascii_uppercase(), part(next)?);
    }
    Some(whole)
}

fn simple_expression(text: &str) -> Option<String> {
    let words = text.split_whitespace().enumerate();
    let words: Option<Vec<String>> = words
        .map(|(position, word)| match (position % 2, word) {
            (0, word) => identifier(word),
            (_, "or") => Some("OR".to_owned()),
            (_, "and") => Some("AND".to_owned()),
            _ => None,
        })
        .collect();
    Some(words?.join(" "))
}

/// The SPDX identifier of a short name.
fn identifier(name: &str) -> Option<String> {
    let (base, or_later) = match name.strip_suffix('+') {
        Some(base) => (base, true),
        None => (name, false),
    };
    for family in ["AGPL", "GPL", "LGPL", "GFDL-NIV", "GFDL"] {
        let Some(version) = base.strip_prefix(family).and_then(|rest| rest.strip_prefix('-')) else { continue };
        let is_version = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if !is_version {
            continue;
        }
        let point = if version.contains('.') { "" } else { ".0" };
        let until = if or_later { "or-later" } else { "only" };
        return Some(match family {
            "GFDL-NIV" => format!("GFDL-{version}{point}-no-invariants-{until}"),
            _ => format!("{family}-{version}{point}-{until}"),
        });
    }
    if or_later {
        return None;
    }
    let identifier = match base.to_ascii_lowercase().as_str() {
        "apache-2" => "Apache-2.0",
        "artistic" | "artistic-1" => "Artistic-1.0",
        "artistic-2" => "Artistic-2.0",
        "bsd-2" | "bsd-2-clause" => "BSD-2-Clause",
        "bsd-3" | "bsd-3-clause" => "BSD-3-Clause",
        "bsd-4-clause" => "BSD-4-Clause",
        "cc0" => "CC0-1.0",
        "expat" | "mit" => "MIT",
        "mpl-2" => "MPL-2.0",
        "zlib" => "Zlib",
        // Only what is an identifier already: `GPL` alone does not say which version.
        _ => match License::parse(base)? {
            License::Expression(expression) if expression.eq_ignore_ascii_case(base) => return Some(expression),
            _ => return None,
        },
    };
    Some(identifier.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        let record = extract(&Content::from_bytes(text.as_bytes().to_vec())).expect("it is not refused");
        let licenses = licenses(&record.unwrap_or_default());
        let found: Vec<_> = licenses.iter().map(|license| format!("{license:?}")).collect();
        assert_eq!(found.join(" "), expected, "{text:?}");
    }

    #[test]
    fn text_that_names_no_licence_gives_none() {
        check("", "");
        check("Copyright 2020 Someone. All rights reserved.\n", "");
        check("See /usr/share/common-licenses/.\n", "");
        check("Format: x\n\nFiles: *\nLicense:\n some text\n", "");
        check("License: MIT\n", "");
    }

    #[test]
    fn fields_of_the_machine_readable_format_are_read() {
        check(
            "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nCopyright: someone\nLicense: GPL-2+\n text\n\n\
             Files: a\nLicense: Expat\n\nLicense: GPL-2+\n See /usr/share/common-licenses/GPL-2.\n",
            r#"Expression("GPL-2.0-or-later") Expression("MIT")"#,
        );
    }

    #[test]
    fn references_are_read_from_free_text() {
        check(
            "see `/usr/share/common-licenses/LGPL-2.1'.\nand /usr/share/common-licenses/Apache-2.0.",
            r#"Expression("Apache-2.0") Named("LGPL-2.1")"#,
        );
    }

    #[test]
    fn names_end_at_the_limit() {
        for (count, expected) in [(511, 511), (512, 512), (513, 512)] {
            let licenses = (0..count).map(|index| format!("License: L{index}\n\n")).collect::<Vec<_>>().concat();
            assert_eq!(names(&format!("Format: x\n\n{licenses}")).declared.len(), expected);
        }
        for (length, expected) in [(255, 1), (256, 1), (257, 0)] {
            let name = "x".repeat(length);
            assert_eq!(names(&format!("Format: x\nLicense: {name}\n")).declared.len(), expected);
        }
    }

    #[test]
    fn short_names_become_expressions_where_they_are_clear() {
        let table = [
            ("GPL-1+ or Artistic", r#"Expression("GPL-1.0-or-later OR Artistic-1.0")"#),
            ("LGPL-2.1", r#"Expression("LGPL-2.1-only")"#),
            ("GPL-2.0+", r#"Expression("GPL-2.0-or-later")"#),
            ("GFDL-NIV-1.3+", r#"Expression("GFDL-1.3-no-invariants-or-later")"#),
            ("BSD-3-clause and Expat", r#"Expression("BSD-3-Clause AND MIT")"#),
            ("GPL-2+ or Artistic, and Expat", r#"Expression("(GPL-2.0-or-later OR Artistic-1.0) AND MIT")"#),
            ("BSL-1.0", r#"Expression("BSL-1.0")"#),
            ("public-domain", r#"Named("public-domain")"#),
            ("GPL-2+ with OpenSSL exception", r#"Named("GPL-2+ with OpenSSL exception")"#),
            ("a, or b, and c", r#"Named("a, or b, and c")"#),
            ("Expat, or ISC, and Zlib", r#"Named("Expat, or ISC, and Zlib")"#),
            ("GPL", r#"Named("GPL")"#),
            ("GPL-", r#"Named("GPL-")"#),
        ];
        for (text, expected) in table {
            assert_eq!(format!("{:?}", license(text).expect("it is a licence")), expected, "{text}");
        }
        assert_eq!(license("none"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in ".{0,80}") {
            let _ = license(&text);
            let _ = names(&text);
        }
    }
}
