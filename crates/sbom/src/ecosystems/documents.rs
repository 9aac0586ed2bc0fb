//! JSON as people and tools really write it: a field of another shape than expected counts as absent, the last of two equal fields counts.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

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
pub(crate) struct Names(pub(crate) BTreeMap<String, String>);

/// The most entries of an object of values. The largest lockfiles have twenty thousand packages.
const ENTRIES_MAX: usize = 100_000;

/// An object of values of one kind; anything else counts as empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entries<T>(pub(crate) BTreeMap<String, T>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
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
        Entries::<Text>::deserialize(deserializer)
            .map(|entries| Self(entries.0.into_iter().map(|(name, text)| (name, text.0.unwrap_or_default())).collect()))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Shape<T> {
            type Value = Entries<T>;
            otherwise_default!(scalars, flag, text, list);
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, T>()? {
                    entries.insert(name, value);
                    if entries.len() > ENTRIES_MAX {
                        return Err(serde::de::Error::custom(format_args!(
                            "an object of more than {ENTRIES_MAX} entries"
                        )));
                    }
                }
                Ok(Entries(entries))
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
                    words.extend(text.0);
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
    serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// Says why a document, of this name, was not read: what is nested too deeply is no broken JSON.
pub(crate) fn refusal(name: &str, error: &serde_json::Error) -> Refusal {
    if error.to_string().starts_with("recursion limit exceeded") {
        return Refusal::new(format!("the {name} is nested too deeply (line {})", error.line()));
    }
    Refusal::new(format!("the {name} is not JSON (line {})", error.line()))
}

/// Reads a lockfile that is TOML.
pub(crate) fn from_toml<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::new("the lockfile is not UTF-8"))?;
    toml::from_str(text).map_err(|_| Refusal::new("the lockfile is not TOML of the expected form"))
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

/// Returns the texts in a value that is a text, an object that has one under one of the keys, or a list of such.
pub(crate) fn texts<'a>(value: &'a Value, keys: &[&str]) -> Vec<&'a str> {
    let one = |value: &'a Value| match value {
        Value::String(text) => Some(text.as_str()),
        Value::Object(fields) => keys.iter().find_map(|key| fields.get(*key).and_then(Value::as_str)),
        _ => None,
    };
    match value {
        Value::Array(values) => values.iter().filter_map(one).collect(),
        value => one(value).into_iter().collect(),
    }
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
