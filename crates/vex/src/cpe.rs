//! CPE names: NISTIR 7695 (naming, with the URI binding of 2.2 and the formatted string of 2.3) and NISTIR 7696 (matching).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest name that is read, in bytes. NVD's longest have about 350.
const CPE_BYTES_MAX: usize = 1024;

/// How many attributes a name has: part, vendor, product, version, update, edition, language, software edition, target software, target
/// hardware, other.
const ATTRIBUTES: usize = 11;

/// A CPE name; what it leaves out is any value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cpe {
    /// Lower case, unescaped but for wildcards: `*` any, `-` none.
    attributes: [Box<str>; ATTRIBUTES],
}

/// Why a text is no CPE name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no CPE name: those begin with `cpe:/` and a part, or with `cpe:2.3:` and have eleven attributes")]
pub struct CpeError;

impl Cpe {
    /// Reads a name in either binding.
    pub fn parse(text: &str) -> Result<Self, CpeError> {
        let text = text.trim();
        if text.len() > CPE_BYTES_MAX || text.contains(|found: char| found.is_control() || found.is_whitespace()) {
            return Err(CpeError);
        }
        let lower = text.to_lowercase();
        let attributes = if let Some(rest) = lower.strip_prefix("cpe:2.3:") {
            formatted(rest)?
        } else if let Some(rest) = lower.strip_prefix("cpe:/") {
            uri(rest)?
        } else {
            return Err(CpeError);
        };
        let is_part = matches!(&*attributes[0], "a" | "o" | "h" | "*" | "-");
        let cpe = Self { attributes: attributes.map(Into::into) };
        if is_part { Ok(cpe) } else { Err(CpeError) }
    }

    /// Returns vendor and product.
    pub fn vendor_and_product(&self) -> (&str, &str) {
        (&self.attributes[1], &self.attributes[2])
    }

    /// Returns the version; `*` is any, `-` none.
    pub fn version(&self) -> &str {
        &self.attributes[3]
    }

    /// Tells whether vendor and product are both plain names.
    pub fn names_one_product(&self) -> bool {
        let is_plain = |attribute: &str| !attribute.contains(['*', '?']) && attribute != "-";
        is_plain(&self.attributes[1]) && is_plain(&self.attributes[2])
    }

    /// Tells whether all that the other name stands for is meant by this one too.
    pub fn includes(&self, other: &Self) -> bool {
        self.attributes.iter().zip(&other.attributes).all(|(ours, theirs)| includes(ours, theirs))
    }

    /// Tells whether this names the distribution that the other names, or a repository of it: parts and editions
    /// (`cpe:/a:redhat:enterprise_linux:9::appstream`) do not count, and `9` is all of `9.4`.
    pub fn includes_release_of(&self, distribution: &Self) -> bool {
        if !self.names_one_product() || self.vendor_and_product() != distribution.vendor_and_product() {
            return false;
        }
        let (ours, theirs) = (self.version(), distribution.version());
        let is_prefix = theirs.strip_prefix(ours).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        ours == "*" || is_prefix
    }
}

impl fmt::Display for Cpe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("cpe:2.3")?;
        for attribute in &self.attributes {
            formatter.write_str(":")?;
            for character in attribute.chars() {
                let is_plain = character.is_alphanumeric() || matches!(character, '.' | '-' | '_' | '*' | '?');
                write!(formatter, "{}{character}", if is_plain { "" } else { "\\" })?;
            }
        }
        Ok(())
    }
}

impl Serialize for Cpe {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cpe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

fn any() -> [String; ATTRIBUTES] {
    std::array::from_fn(|_| "*".to_owned())
}

/// NISTIR 7695, 6.2: attributes between colons; a colon in one is escaped.
fn formatted(text: &str) -> Result<[String; ATTRIBUTES], CpeError> {
    let mut attributes = any();
    let mut index = 0;
    let mut current = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            ':' => {
                attributes[index] = std::mem::take(&mut current);
                index += 1;
                if index == ATTRIBUTES {
                    return Err(CpeError);
                }
            }
            // A star that is escaped is no wildcard. No product has one in its name, so that nothing is lost.
            '\\' => current.push(characters.next().filter(|next| !matches!(next, '*' | '?')).ok_or(CpeError)?),
            _ => current.push(character),
        }
    }
    attributes[index] = current;
    let is_whole = index == ATTRIBUTES - 1 && attributes.iter().all(|attribute| !attribute.is_empty());
    if is_whole { Ok(attributes) } else { Err(CpeError) }
}

/// NISTIR 7695, 6.1: at most seven attributes, percent-encoded; the edition may hold five, packed with `~`.
fn uri(text: &str) -> Result<[String; ATTRIBUTES], CpeError> {
    let mut attributes = any();
    for (index, encoded) in text.split(':').enumerate() {
        if index > 6 {
            return Err(CpeError);
        }
        if index == 5 && encoded.starts_with('~') {
            for (packed, at) in encoded[1..].split('~').zip([5, 7, 8, 9, 10]) {
                set(&mut attributes[at], packed)?;
            }
            continue;
        }
        set(&mut attributes[index], encoded)?;
    }
    if attributes[0] == "*" { Err(CpeError) } else { Ok(attributes) }
}

fn set(attribute: &mut String, encoded: &str) -> Result<(), CpeError> {
    if encoded.is_empty() {
        return Ok(());
    }
    let mut parts = encoded.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.get(..2).ok_or(CpeError)?;
        decoded.push(match digits {
            "01" => '?',
            "02" => '*',
            _ => u8::from_str_radix(digits, 16)
                .ok()
                .filter(u8::is_ascii_graphic)
                .map(|byte| char::from(byte.to_ascii_lowercase()))
                .ok_or(CpeError)?,
        });
        decoded.push_str(&part[2..]);
    }
    *attribute = decoded;
    Ok(())
}

/// NISTIR 7696, 6.1.
fn includes(ours: &str, theirs: &str) -> bool {
    match (ours, theirs) {
        ("*", _) => true,
        ("-", _) | (_, "-" | "*") => ours == theirs,
        _ if ours.contains(['*', '?']) => wildcard(ours.as_bytes(), theirs.as_bytes()),
        _ => ours == theirs,
    }
}

/// Wildcards stand at the ends alone in a well-formed name; what stands inside is matched all the same, in linear steps back.
fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut here, mut star) = (0, 0, None);
    while at < text.len() {
        match pattern.get(here) {
            Some(b'*') => {
                star = Some((here, at));
                here += 1;
            }
            Some(b'?') => (here, at) = (here + 1, at + 1),
            Some(byte) if *byte == text[at] => (here, at) = (here + 1, at + 1),
            _ => match &mut star {
                Some((star_at, text_at)) => {
                    *text_at += 1;
                    (here, at) = (*star_at + 1, *text_at);
                }
                None => return false,
            },
        }
    }
    pattern[here..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "cpe:",
            "cpe:/",
            "cpe:/x:a:b",
            "cpe:2.3:a:b:c",
            "cpe:/a:b:c:1:2:3:4:5",
            "pkg:npm/a",
            "cpe:/a:%zz:b",
            "cpe:/a:v w:b",
        ] {
            assert_eq!(Cpe::parse(text), Err(CpeError), "{text}");
        }
        let name = |length: usize| format!("cpe:/a:{}:b", "v".repeat(length));
        let fits = CPE_BYTES_MAX - name(0).len();
        assert!(Cpe::parse(&name(fits)).is_ok());
        assert!(Cpe::parse(&name(fits + 1)).is_err());
    }

    #[test]
    fn both_bindings_are_one_name() {
        let table = [
            ("cpe:/o:redhat:enterprise_linux:9::baseos", "cpe:2.3:o:redhat:enterprise_linux:9:*:baseos:*:*:*:*:*"),
            ("cpe:/a:Vendor:pro%2fduct:1.0", "cpe:2.3:a:vendor:pro\\/duct:1.0:*:*:*:*:*:*:*"),
            ("cpe:/a:v:p:1.0:-:~~~wordpress~~", "cpe:2.3:a:v:p:1.0:-:*:*:*:wordpress:*:*"),
            ("cpe:/a:v:p:1.0.%02", "cpe:2.3:a:v:p:1.0.*:*:*:*:*:*:*:*"),
        ];
        for (uri, formatted) in table {
            assert_eq!(Cpe::parse(uri), Cpe::parse(formatted), "{uri}");
            assert!(Cpe::parse(uri).is_ok(), "{uri}");
        }
    }

    #[test]
    fn a_name_is_written_so_that_it_reads_back() {
        let table = [
            (r"cpe:2.3:a:v:c\+\+\:x:1:*:*:*:*:*:*:*", r"cpe:2.3:a:v:c\+\+\:x:1:*:*:*:*:*:*:*"),
            (r"cpe:2.3:a:v\\:p:1.*:-:*:*:*:*:*:*", r"cpe:2.3:a:v\\:p:1.*:-:*:*:*:*:*:*"),
            ("cpe:/a:%4aoe:c%3ax%5c:1.%02", r"cpe:2.3:a:joe:c\:x\\:1.*:*:*:*:*:*:*:*"),
        ];
        for (text, expected) in table {
            let cpe = Cpe::parse(text).unwrap();
            assert_eq!(cpe.to_string(), expected);
            assert_eq!(Cpe::parse(expected), Ok(cpe));
        }
    }

    #[test]
    fn a_name_includes_what_is_more_exact() {
        let table = [
            ("cpe:/a:v:p", "cpe:/a:v:p:1", true),
            ("cpe:/a:v:p:1", "cpe:/a:v:p", false),
            ("cpe:/a:v:p:1", "cpe:/a:v:p:2", false),
            ("cpe:/a:v:p:1.%02", "cpe:/a:v:p:1.5", true),
            ("cpe:/a:v:p:1.%02", "cpe:/a:v:p:2.5", false),
            ("cpe:/a:v:p:1.%01", "cpe:/a:v:p:1.55", false),
            ("cpe:/a:v:p:-", "cpe:/a:v:p:1", false),
            ("cpe:/o:v:p:1", "cpe:/a:v:p:1", false),
        ];
        for (ours, theirs, expected) in table {
            assert_eq!(Cpe::parse(ours).unwrap().includes(&Cpe::parse(theirs).unwrap()), expected, "{ours} {theirs}");
        }
    }

    #[test]
    fn a_distribution_is_named_by_its_repositories_too() {
        let table = [
            ("cpe:/a:redhat:enterprise_linux:9::appstream", true),
            ("cpe:/o:redhat:enterprise_linux", true),
            ("cpe:/o:redhat:enterprise_linux:9.4", true),
            ("cpe:/o:redhat:enterprise_linux:9.40", false),
            ("cpe:/o:redhat:enterprise_linux:8", false),
            ("cpe:/a:redhat:rhel_eus:9.4::appstream", false),
        ];
        let distribution = Cpe::parse("cpe:/o:redhat:enterprise_linux:9.4::baseos").unwrap();
        for (name, expected) in table {
            assert_eq!(Cpe::parse(name).unwrap().includes_release_of(&distribution), expected, "{name}");
        }
    }
}
