//! Trivy's `.trivyignore`: a name a line, with `exp:DATE` behind it; lines that begin with `#` are comments (Trivy's documentation,
//! "Filtering", "By Finding IDs").

use super::{Importer, Rule};
use crate::{ReadError, parse_moment};

/// How the names of vulnerabilities begin, and those of errata. A name that begins otherwise is one of a check, a secret or a licence.
const PREFIXES: [&str; 40] = [
    "ALAS", "ALBA", "ALEA", "ALPINE", "ALSA", "ASB", "BIT", "CGA", "CURL", "CVE", "DLA", "DRUPAL", "DSA", "DTSA",
    "ECHO", "ELSA", "GHSA", "GLSA", "GO", "GSD", "HSEC", "JLSEC", "MAL", "MGASA", "MINI", "NSWG", "OESA", "OPENSUSE",
    "OSEC", "OSV", "PSF", "PYSEC", "RHSA", "RLSA", "RSEC", "RUSTSEC", "SNYK", "SUSE", "TEMP", "USN",
];

pub(super) fn is_vulnerability(name: &str) -> bool {
    let begins = |prefix: &str| {
        name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            && name[prefix.len()..].starts_with(['-', '2'])
    };
    let is_word = |character: char| character.is_ascii_alphanumeric() || "-_.:".contains(character);
    PREFIXES.into_iter().any(begins)
        && name.chars().all(is_word)
        && name.contains(|character: char| character.is_ascii_digit())
}

pub(super) fn read(text: &str, importer: &mut Importer<'_>) -> Result<(), ReadError> {
    let mut comment = String::new();
    for (index, line) in text.lines().enumerate() {
        let number = index as u64 + 1;
        let line = line.trim();
        if let Some(words) = line.strip_prefix('#') {
            if !comment.is_empty() {
                comment.push(' ');
            }
            comment.push_str(words.trim());
            continue;
        }
        let reason = std::mem::take(&mut comment);
        let mut words = line.split_whitespace();
        let Some(name) = words.next() else { continue };
        if !is_vulnerability(name) {
            importer.left_out(number, name, "it is no name of a vulnerability; exceptions are for those alone");
            continue;
        }
        let rest: Vec<&str> = words.take_while(|word| !word.starts_with('#')).collect();
        let end = rest.first().and_then(|word| word.strip_prefix("exp:")).and_then(parse_moment);
        if let Some(word) = rest.get(usize::from(end.is_some())) {
            importer.left_out(number, name, format!("`{word}` is not understood"));
            continue;
        }
        // What stands behind the name on its line says more of it than what stands above.
        let behind = line.split_once(" #").map_or("", |(_, words)| words.trim());
        let reason = if behind.is_empty() { reason } else { behind.to_owned() };
        importer.add(&Rule {
            line: number,
            vulnerability: name.to_owned(),
            reason,
            expires: end,
            ..Rule::default()
        })?;
    }
    Ok(())
}
