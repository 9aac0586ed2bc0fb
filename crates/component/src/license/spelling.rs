//! Licences as people write them. Only what names one licence in one version becomes an identifier of the SPDX licence list.

/// Names, in the form that [`normal`] gives them, that mean one licence and are not its identifier.
const NAMES: &[(&str, &str)] = &[
    ("2-clause bsd", "BSD-2-Clause"),
    ("3-clause bsd", "BSD-3-Clause"),
    ("apache 2", "Apache-2.0"),
    ("apache software 2.0", "Apache-2.0"),
    ("apache-2", "Apache-2.0"),
    ("apache2", "Apache-2.0"),
    ("apache2.0", "Apache-2.0"),
    ("asl 2.0", "Apache-2.0"),
    ("asl-2.0", "Apache-2.0"),
    ("asl2.0", "Apache-2.0"),
    ("boost 1.0", "BSL-1.0"),
    ("boost software 1.0", "BSL-1.0"),
    ("bsd-2", "BSD-2-Clause"),
    ("bsd-2clause", "BSD-2-Clause"),
    ("bsd-3", "BSD-3-Clause"),
    ("bsd2", "BSD-2-Clause"),
    ("bsd3", "BSD-3-Clause"),
    // There is no other version.
    ("cc0", "CC0-1.0"),
    ("cc0 1.0 universal", "CC0-1.0"),
    ("eclipse public - 1.0", "EPL-1.0"),
    ("eclipse public - 2.0", "EPL-2.0"),
    ("eclipse public 1.0", "EPL-1.0"),
    ("eclipse public 2.0", "EPL-2.0"),
    ("expat", "MIT"),
    ("modified bsd", "BSD-3-Clause"),
    ("mozilla public 1.1", "MPL-1.1"),
    ("mozilla public 2.0", "MPL-2.0"),
    ("mpl2", "MPL-2.0"),
    ("mpl2.0", "MPL-2.0"),
    ("mplv1.1", "MPL-1.1"),
    ("mplv2.0", "MPL-2.0"),
    ("new bsd", "BSD-3-Clause"),
    ("revised bsd", "BSD-3-Clause"),
    ("sil open font 1.1", "OFL-1.1"),
    ("simplified bsd", "BSD-2-Clause"),
    ("zlib/libpng", "Zlib"),
];

/// The GNU licences, by their names in the form that [`normal`] gives them. A name comes before its own beginnings.
const GNU_FAMILIES: &[(&str, &str)] = &[
    ("affero general public", "AGPL"),
    ("lesser general public", "LGPL"),
    ("library general public", "LGPL"),
    ("general public", "GPL"),
    ("agpl", "AGPL"),
    ("lgpl", "LGPL"),
    ("gpl", "GPL"),
];

/// How it is said that later versions will do too.
const OR_LATER: &[&str] = &["+", "or later", "or-later", "or any later", "or newer", "or above"];

/// Returns an SPDX expression for one or several names joined by `and`, `or`, `with` and `/`; `None` if one of them is not clear.
pub(super) fn canonical(text: &str) -> Option<String> {
    // Names have these words, strokes and parentheses too: `GPL v2 or later`, `zlib/libpng`.
    if let Some(identifier) = identifier(text) {
        return Some(identifier);
    }
    let mut terms = Vec::new();
    let mut name: Vec<&str> = Vec::new();
    for token in tokens(text) {
        let joint = match token {
            "(" | ")" => Some(token),
            "/" => Some("OR"),
            _ if token.eq_ignore_ascii_case("and") => Some("AND"),
            _ if token.eq_ignore_ascii_case("or") => Some("OR"),
            _ if token.eq_ignore_ascii_case("with") => Some("WITH"),
            _ => None,
        };
        match joint {
            None => name.push(token),
            Some(joint) => {
                finish(&mut name, &mut terms)?;
                terms.push(joint.to_owned());
            }
        }
    }
    finish(&mut name, &mut terms)?;
    Some(terms.join(" ").replace("( ", "(").replace(" )", ")"))
}

/// Adds the name that was collected, as an identifier. Behind `WITH` it is an exception's, behind `OR` perhaps the end of `or later`.
fn finish(name: &mut Vec<&str>, terms: &mut Vec<String>) -> Option<()> {
    if name.is_empty() {
        return Some(());
    }
    let text = std::mem::take(name).join(" ");
    let term = match terms.last().map(String::as_str) {
        Some("WITH") => exception(&text)?,
        Some("OR")
            if ["later", "newer", "any later", "any later version", "later version"].contains(&&*normal(&text)) =>
        {
            terms.pop();
            let until = terms.last_mut()?;
            let base = until.strip_suffix("-only")?;
            *until = format!("{base}-or-later");
            return Some(());
        }
        _ => identifier(&text)?,
    };
    terms.push(term);
    Some(())
}

/// Splits at white space and at parentheses and strokes, which are tokens themselves.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().flat_map(|word| word.split_inclusive(['(', ')', '/'])).flat_map(|piece| {
        let (word, mark) = piece.split_at(piece.trim_end_matches(['(', ')', '/']).len());
        [word, mark].into_iter().filter(|part| !part.is_empty())
    })
}

fn identifier(name: &str) -> Option<String> {
    if name.starts_with("LicenseRef-") && !name.contains(' ') {
        return Some(name.to_owned());
    }
    let normal = normal(name);
    if let Some((_, identifier)) = NAMES.iter().find(|(known, _)| *known == normal) {
        return Some((*identifier).to_owned());
    }
    if let Some(identifier) = gnu(&normal) {
        return Some(identifier);
    }
    let (base, plus) = match normal.strip_suffix('+') {
        Some(base) => (base.trim_end(), "+"),
        None => (normal.as_str(), ""),
    };
    let base = base.replace(' ', "-");
    let known = spdx::identifiers::LICENSES.iter().find(|license| license.name.eq_ignore_ascii_case(&base))?;
    Some(format!("{}{plus}", known.name))
}

fn exception(name: &str) -> Option<String> {
    let known = spdx::identifiers::EXCEPTIONS.iter().find(|exception| exception.name.eq_ignore_ascii_case(name))?;
    Some(known.name.to_owned())
}

/// Returns a name in lower case, its words single, without those that say nothing: `The Apache License, Version 2.0` is `apache 2.0`.
fn normal(name: &str) -> String {
    let name = name.to_ascii_lowercase().replace([',', '"'], " ");
    let words = name.split_whitespace().filter_map(|word| {
        let version = word.strip_prefix("v.").or_else(|| word.strip_prefix('v')).unwrap_or(word);
        match word {
            "the" | "license" | "licence" | "version" | "v" | "v." => None,
            _ if version.starts_with(|first: char| first.is_ascii_digit()) => Some(version),
            _ => Some(word),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Reads the name of a GNU licence: `gpl`, `gnu gpl`, `gnu general public`, with a version, and what is said of later ones.
fn gnu(normal: &str) -> Option<String> {
    let rest = normal.strip_prefix("gnu ").unwrap_or(normal);
    let (family, rest) = GNU_FAMILIES.iter().find_map(|(name, family)| Some((*family, rest.strip_prefix(name)?)))?;
    let rest = rest.trim_start_matches([' ', '-']);
    let rest = rest.strip_prefix('v').unwrap_or(rest).trim_start();
    let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
    let (version, rest) = rest.split_at(end);
    let point = if version.contains('.') { "" } else { ".0" };
    let until = match rest.trim_start_matches([' ', '-']) {
        "" | "only" => "only",
        rest if OR_LATER.contains(&rest) => "or-later",
        _ => return None,
    };
    let identifier = format!("{family}-{version}{point}-{until}");
    spdx::license_id(&identifier).filter(|known| known.name == identifier)?;
    Some(identifier)
}
