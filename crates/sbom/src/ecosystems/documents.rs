//! JSON as people and tools really write it: a field of another shape than expected counts as absent, the last of two equal fields counts.
//!
//! What is kept of a document is counted while it is read: an empty object has two bytes, and what is known of a package that is described by it takes
//! half a kilobyte.

use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::Refusal;

/// A string; anything else counts as none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) Option<String>);

impl Text {
    /// Returns the text, if there is one.
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// A boolean; anything else counts as false.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

/// An object; what is no string in it is an empty text. Anything else counts as empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names(pub(crate) Dictionary<String>);

/// The most entries of an object of values. The largest lockfiles have twenty thousand packages.
const ENTRIES_MAX: usize = 100_000;

/// The most memory for what is kept of one document. The largest lockfiles take 20 MiB.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// About what an allocation takes beside its bytes.
const ALLOCATION_BYTES: usize = 16;

/// The most separators and brackets in TOML, of which its reader makes values before anybody can count them. The largest lockfiles have some hundred
/// thousand.
const TOML_MARKS_MAX: usize = 1_000_000;

const TOO_MUCH: &str = "it holds more than the limits allow";

thread_local! {
    /// What is left for the document that is read on this thread: deserialisation has no place for a state of its own.
    static LEFT_BYTES: Cell<usize> = const { Cell::new(KEPT_BYTES_MAX) };
}

/// Begins a document on this thread.
pub(crate) fn begin() {
    LEFT_BYTES.set(KEPT_BYTES_MAX);
}

/// Counts what is kept of the document.
pub(crate) fn spend<E: serde::de::Error>(bytes: usize) -> Result<(), E> {
    let left = LEFT_BYTES.get().checked_sub(bytes).ok_or_else(|| E::custom(TOO_MUCH))?;
    LEFT_BYTES.set(left);
    Ok(())
}

/// The entries of an object in the order of their names. A list, since a tree takes half a kilobyte for a single entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dictionary<T>(Box<[(Box<str>, T)]>);

impl<T> Default for Dictionary<T> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<T> Dictionary<T> {
    /// Of several entries of one name the last counts.
    fn new(mut entries: Vec<(Box<str>, T)>) -> Self {
        entries.sort_by(|(left, _), (right, _)| right.cmp(left));
        entries.reverse();
        entries.dedup_by(|(next, _), (kept, _)| next == kept);
        Self(entries.into_boxed_slice())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        let at = self.0.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(&self.0[at].1)
    }

    pub(crate) fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn into_entries(self) -> impl Iterator<Item = (Box<str>, T)> {
        self.0.into_iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An object of values of one kind; anything else counts as empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entries<T>(pub(crate) Dictionary<T>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Dictionary::default())
    }
}

/// A mapping to values of one kind, and nothing else: what the tools that write YAML have there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping<T>(pub(crate) Dictionary<T>);

impl<T> Default for Mapping<T> {
    fn default() -> Self {
        Self(Dictionary::default())
    }
}

/// A list of values of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// A value of any shape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Loose {
    /// Null, or nothing at all.
    #[default]
    Nothing,
    Flag(bool),
    Number,
    Text(Box<str>),
    List(Vec<Self>),
    Fields(Dictionary<Self>),
}

impl Loose {
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a field of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Fields(fields) => fields.get(name),
            _ => None,
        }
    }

    /// Returns the texts in a value that is a text, an object that has one under one of the keys, or a list of such.
    pub(crate) fn texts(&self, keys: &[&str]) -> Vec<&str> {
        match self {
            Self::List(values) => values.iter().filter_map(|value| value.text(keys)).collect(),
            value => value.text(keys).into_iter().collect(),
        }
    }

    fn text(&self, keys: &[&str]) -> Option<&str> {
        match self {
            Self::Fields(fields) => keys.iter().find_map(|key| fields.get(key).and_then(Self::as_str)),
            value => value.as_str(),
        }
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Loose;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("anything")
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Loose, E> {
                Ok(Loose::Flag(flag))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Loose, E> {
                Ok(Loose::Number)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Loose, E> {
                Ok(Loose::Number)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Loose, E> {
                Ok(Loose::Number)
            }
            fn visit_unit<E>(self) -> Result<Loose, E> {
                Ok(Loose::Nothing)
            }
            fn visit_str<E>(self, text: &str) -> Result<Loose, E> {
                Ok(Loose::Text(text.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Loose, A::Error> {
                Ok(Loose::List(read_list(list)?))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Loose, A::Error> {
                Ok(Loose::Fields(read_entries(map)?))
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

/// Adds a value to a list, which has room for one alone at first: most lists in hostile documents have no more.
fn push<T>(values: &mut Vec<T>, value: T) {
    if values.is_empty() {
        values.reserve_exact(1);
    }
    values.push(value);
}

/// Reads the rest of a list.
pub(crate) fn read_list<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(mut list: A) -> Result<Vec<T>, A::Error> {
    let mut values = Vec::new();
    while let Some(value) = list.next_element::<T>()? {
        spend(size_of::<T>())?;
        push(&mut values, value);
    }
    values.shrink_to_fit();
    Ok(values)
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
            type Value = List<T>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<List<T>, A::Error> {
                read_list(list).map(List)
            }
        }
        deserializer.deserialize_seq(Shape(std::marker::PhantomData))
    }
}

/// A list of strings; what is no string in it is left out. Anything else counts as empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Words(pub(crate) Vec<String>);

/// Implements what a visitor answers to shapes that its type does not expect.
macro_rules! otherwise_default {
    ($($shape:ident),*) => {
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("anything")
        }
        $($crate::ecosystems::documents::otherwise_default!(@ $shape);)*
    };
    (@ scalars) => {
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> { Ok(Default::default()) }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> { Ok(Default::default()) }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> { Ok(Default::default()) }
        fn visit_unit<E>(self) -> Result<Self::Value, E> { Ok(Default::default()) }
    };
    (@ flag) => { fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> { Ok(Default::default()) } };
    (@ text) => { fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> { Ok(Default::default()) } };
    (@ map) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Default::default())
        }
    };
    (@ list) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Default::default())
        }
    };
}
pub(crate) use otherwise_default;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Text;
            otherwise_default!(scalars, flag, map, list);
            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(Some(text.to_owned())))
            }
            fn visit_string<E>(self, text: String) -> Result<Text, E> {
                Ok(Text(Some(text)))
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Flag;
            otherwise_default!(scalars, text, map, list);
            fn visit_bool<E>(self, flag: bool) -> Result<Flag, E> {
                Ok(Flag(flag))
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Entries::<Text>::deserialize(deserializer).map(|entries| {
            Self(Dictionary(entries.0.into_entries().map(|(name, text)| (name, text.0.unwrap_or_default())).collect()))
        })
    }
}

/// Reads the rest of an object.
fn read_entries<'de, T: Deserialize<'de>, A: MapAccess<'de>>(mut map: A) -> Result<Dictionary<T>, A::Error> {
    let mut entries = Vec::new();
    while let Some((name, value)) = map.next_entry::<Box<str>, T>()? {
        if entries.len() == ENTRIES_MAX {
            return Err(A::Error::custom(TOO_MUCH));
        }
        spend(size_of::<(Box<str>, T)>() + name.len() + ALLOCATION_BYTES)?;
        push(&mut entries, (name, value));
    }
    Ok(Dictionary::new(entries))
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Mapping<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
            type Value = Mapping<T>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a mapping")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Mapping<T>, A::Error> {
                read_entries(map).map(Mapping)
            }
        }
        deserializer.deserialize_map(Shape(std::marker::PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
            type Value = Entries<T>;
            otherwise_default!(scalars, flag, text, list);
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entries<T>, A::Error> {
                read_entries(map).map(Entries)
            }
        }
        deserializer.deserialize_any(Shape(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Words;
            otherwise_default!(scalars, flag, text, map);
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
                let mut words = Vec::new();
                while let Some(text) = list.next_element::<Text>()? {
                    let Some(text) = text.0 else { continue };
                    spend(size_of::<String>() + text.len() + ALLOCATION_BYTES)?;
                    words.push(text);
                }
                Ok(Words(words))
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

/// Declares a struct that is read from a JSON object: fields of other names are ignored, anything but an object gives the default.
macro_rules! document {
    ($(#[$attribute:meta])* $visibility:vis struct $name:ident { $($(#[$field_attribute:meta])* $field:ident: $type:ty = $key:literal,)* }) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Default)]
        $visibility struct $name { $($(#[$field_attribute])* $visibility $field: $type,)* }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
                use std::fmt;
                struct Shape;
                impl<'de> Visitor<'de> for Shape {
                    type Value = $name;
                    $crate::ecosystems::documents::otherwise_default!(scalars, flag, text, list);
                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let mut document = $name::default();
                        while let Some(key) = map.next_key::<String>()? {
                            match key.as_str() {
                                $($key => document.$field = map.next_value()?,)*
                                _ => {
                                    map.next_value::<IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(document)
                    }
                }
                deserializer.deserialize_any(Shape)
            }
        }
    };
}
pub(crate) use document;

/// Reads a JSON document, with or without a byte order mark.
pub(crate) fn from_json<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    begin();
    serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// Says why a document, of this name, was not read: what is too large or nested too deeply is no broken JSON.
pub(crate) fn refusal(name: &str, error: &serde_json::Error) -> Refusal {
    let told = error.to_string();
    if told.starts_with("recursion limit exceeded") {
        return Refusal::new(format!("the {name} is nested too deeply (line {})", error.line()));
    }
    if told.starts_with(TOO_MUCH) {
        return Refusal::new(format!("the {name} is too large: {TOO_MUCH} (line {})", error.line()));
    }
    Refusal::new(format!("the {name} is not JSON (line {})", error.line()))
}

/// Reads a lockfile that is TOML.
pub(crate) fn from_toml<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::new("the lockfile is not UTF-8"))?;
    if !has_few_marks(text) {
        return Err(Refusal::new(format!("the lockfile is too large: {TOO_MUCH}")));
    }
    begin();
    toml::from_str(text).map_err(|_| Refusal::new("the lockfile is not TOML of the expected form"))
}

/// Reads a manifest that is TOML; `None` for what is none.
pub(crate) fn toml_table(bytes: &[u8]) -> Option<toml::Table> {
    let text = std::str::from_utf8(bytes).ok()?;
    has_few_marks(text).then(|| text.parse().ok())?
}

/// Marks in texts and comments count as well: only a reader of TOML could tell them apart.
fn has_few_marks(text: &str) -> bool {
    let may_have_many = text.len() > TOML_MARKS_MAX;
    !may_have_many || text.bytes().filter(|byte| b".,=[{".contains(byte)).nth(TOML_MARKS_MAX).is_none()
}

/// Returns the document without its comments and trailing commas, which some tools' JSON has. Lines stay where they are.
pub(crate) fn without_comments(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    // Where the last comma stands if nothing but white space and comments came after it.
    let mut comma = None;
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        let len = match (first, tail.first()) {
            (b'"', _) => {
                let mut is_escaped = false;
                let end = tail.iter().position(|byte| {
                    let ends = *byte == b'"' && !is_escaped;
                    is_escaped = *byte == b'\\' && !is_escaped;
                    ends
                });
                end.map_or(rest.len(), |end| end + 2)
            }
            (b'/', Some(b'/')) => {
                rest = &rest[rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())..];
                continue;
            }
            (b'/', Some(b'*')) => {
                let end = rest[2..].windows(2).position(|end| end == b"*/").map_or(rest.len(), |end| end + 4);
                plain.extend(rest[..end].iter().filter(|byte| **byte == b'\n'));
                rest = &rest[end..];
                continue;
            }
            _ => 1,
        };
        match first {
            b',' => comma = Some(plain.len()),
            b']' | b'}' => {
                if let Some(comma) = comma.take() {
                    plain[comma] = b' ';
                }
            }
            first if first.is_ascii_whitespace() => {}
            _ => comma = None,
        }
        plain.extend_from_slice(&rest[..len]);
        rest = &rest[len..];
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    document! {
        struct Sample {
            name: Text = "name",
            flag: Flag = "flag",
            names: Names = "names",
            words: Words = "words",
        }
    }

    #[test]
    fn comments_and_trailing_commas_go() {
        let check = |json: &str, expected: &str| {
            assert_eq!(String::from_utf8(without_comments(json.as_bytes())).unwrap(), expected, "{json}");
        };
        check("[1, 2, ]", "[1, 2  ]");
        check("{\"a\": [], // one\n }", "{\"a\": []  \n }");
        check("[1, /* ]\n */ ]", "[1  \n ]");
        check(r#"["//", "/*", ",]", "\",]"]"#, r#"["//", "/*", ",]", "\",]"]"#);
        check("[1,2]", "[1,2]");
        check("\"open,]", "\"open,]");
        check("/* open", "");
        check("/", "/");
        check("", "");
    }

    #[test]
    fn what_is_kept_of_a_document_ends_at_the_limit() {
        const EACH: usize = size_of::<(Box<str>, String)>() + 1 + ALLOCATION_BYTES;
        for (left, is_read) in [(2 * EACH + 1, true), (2 * EACH, true), (2 * EACH - 1, false)] {
            LEFT_BYTES.set(left);
            let read = serde_json::from_str::<Names>(r#"{"a": "b", "c": 1}"#);
            assert_eq!(read.is_ok(), is_read, "{left}");
        }
        for (left, is_read) in [(4, true), (3, true), (2, false)] {
            LEFT_BYTES.set(left * size_of::<Loose>());
            assert_eq!(serde_json::from_str::<Loose>("[1, [], 2]").is_ok(), is_read, "{left}");
            LEFT_BYTES.set(left * size_of::<Loose>());
            assert_eq!(serde_json::from_str::<List<Loose>>("[1, [], 2]").is_ok(), is_read, "{left}");
        }
        // Each document has all of it.
        LEFT_BYTES.set(0);
        assert!(from_json::<Names>(br#"{"a": "b"}"#).is_ok());
        LEFT_BYTES.set(0);
        assert!(from_toml::<toml::Table>(b"a = 1").is_ok());
    }

    #[test]
    fn marks_of_toml_end_at_the_limit() {
        for (marks, is_read) in [(TOML_MARKS_MAX - 1, true), (TOML_MARKS_MAX, true), (TOML_MARKS_MAX + 1, false)] {
            let text = format!("# {}", ".".repeat(marks));
            assert_eq!(toml_table(text.as_bytes()).is_some(), is_read, "{marks}");
            assert_eq!(from_toml::<toml::Table>(text.as_bytes()).is_ok(), is_read, "{marks}");
        }
    }

    #[test]
    fn of_entries_of_one_name_the_last_counts() {
        let names: Names = from_json(br#"{"b": "1", "a": "2", "b": "3", "c": "4", "b": "5"}"#).unwrap();
        assert_eq!(
            names.0.iter().collect::<Vec<_>>(),
            [("a", &"2".to_owned()), ("b", &"5".to_owned()), ("c", &"4".to_owned())]
        );
        assert_eq!((names.0.get("b").map(String::as_str), names.0.get("d")), (Some("5"), None));
    }

    #[test]
    fn other_shapes_count_as_absent() {
        let check = |json: &str, expected: (Option<&str>, bool, usize, usize)| {
            let sample: Sample = from_json(json.as_bytes()).unwrap();
            assert_eq!(
                (sample.name.get(), sample.flag.0, sample.names.0.len(), sample.words.0.len()),
                expected,
                "{json}"
            );
        };
        check(
            r#"{"name": "a", "flag": true, "names": {"x": "1", "y": 2}, "words": ["p", 1]}"#,
            (Some("a"), true, 2, 1),
        );
        check(r#"{"name": 1.5, "flag": "yes", "names": [["x"]], "words": {"p": {}}}"#, (None, false, 0, 0));
        check(r#"{"name": {"a": [1]}, "flag": null, "names": -3, "words": "p"}"#, (None, false, 0, 0));
        check("\u{feff}{\"name\": \"a\", \"name\": \"b\", \"other\": [{}]}", (Some("b"), false, 0, 0));
        for json in ["[]", "[1, {}]", "null", "\"a\"", "1", "-1", "1.5", "true"] {
            check(json, (None, false, 0, 0));
        }
        for json in ["", "{", r#"{"name": "a"} x"#, r#"{"name" "a"}"#] {
            assert!(from_json::<Sample>(json.as_bytes()).is_err(), "{json}");
        }
        let deep = "[".repeat(200_000);
        assert!(from_json::<Sample>(deep.as_bytes()).is_err());
    }
}
