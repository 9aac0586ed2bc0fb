//! JSON for documents that are signed, hashed and read by many programs: one meaning, or none.
//!
//! Where a key stands twice in an object, programs differ on which one counts; so such a document is refused, at any
//! depth. The tree borrows from the input, and both its depth and its size are bounded while it grows.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The deepest nesting; a usual manifest has five levels.
pub(crate) const DEPTH_MAX: usize = 32;

/// The most values and keys of a document: room for the most descriptors with all that they usually say, while the
/// tree stays within some ten megabytes.
pub(crate) const VALUES_MAX: usize = 150_000;

#[derive(Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Integer(u64),
    OtherNumber,
    Text(Cow<'a, str>),
    List(Vec<Self>),
    Object(Object<'a>),
}

/// An object's entries, sorted by key, each key once.
#[derive(Debug)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

#[derive(Debug)]
pub(crate) enum JsonError {
    Syntax(serde_json::Error),
    DuplicateKey { key: String, line: usize, column: usize },
    TooDeep,
    TooManyValues,
}

pub(crate) fn parse(bytes: &[u8]) -> Result<Value<'_>, JsonError> {
    let mut progress = Progress { values: 0, refusal: None };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let tree = Seed { progress: &mut progress, depth: 0 }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    tree.map_err(|error| match progress.refusal {
        None => JsonError::Syntax(error),
        Some(Refusal::TooDeep) => JsonError::TooDeep,
        Some(Refusal::TooManyValues) => JsonError::TooManyValues,
        Some(Refusal::DuplicateKey(key)) => JsonError::DuplicateKey { key, line: error.line(), column: error.column() },
    })
}

impl<'a> Object<'a> {
    pub(crate) fn get(&self, key: &str) -> Option<&Value<'a>> {
        let index = self.0.binary_search_by(|(other, _)| other.as_ref().cmp(key)).ok()?;
        self.0.get(index).map(|(_, value)| value)
    }

    /// Returns the value of a key; none for `null`, which some programs write for what is absent.
    pub(crate) fn present(&self, key: &str) -> Option<&Value<'a>> {
        self.get(key).filter(|value| !matches!(value, Value::Null))
    }

    /// Returns a key that is not known, but that some programs take for one that is, and that one.
    ///
    /// Go's JSON decoder, which most clients use, matches keys without regard to case, and folds two letters from outside
    /// ASCII into it. To them, `Layers` is `layers`.
    pub(crate) fn ambiguous_key(&self, known: &[&'static str]) -> Option<(&str, &'static str)> {
        let unknown = self.iter().map(|(key, _)| key).filter(|key| !known.contains(key));
        unknown.into_iter().find_map(|key| {
            let resembled = known.iter().find(|known| key.chars().map(fold).eq(known.chars().map(fold)))?;
            Some((key, *resembled))
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }
}

struct Progress {
    values: usize,
    refusal: Option<Refusal>,
}

enum Refusal {
    DuplicateKey(String),
    TooDeep,
    TooManyValues,
}

impl Progress {
    fn count<E: de::Error>(&mut self) -> Result<(), E> {
        self.values += 1;
        if self.values > VALUES_MAX { Err(self.refuse(Refusal::TooManyValues)) } else { Ok(()) }
    }

    // The parser's own error type carries only text; the typed reason waits here until the parser has unwound.
    fn refuse<E: de::Error>(&mut self, refusal: Refusal) -> E {
        self.refusal = Some(refusal);
        E::custom("refused")
    }
}

struct Seed<'p> {
    progress: &'p mut Progress,
    depth: usize,
}

impl Seed<'_> {
    fn descend<E: de::Error>(&mut self) -> Result<usize, E> {
        let depth = self.depth + 1;
        if depth > DEPTH_MAX { Err(self.progress.refuse(Refusal::TooDeep)) } else { Ok(depth) }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        self.progress.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(u64::try_from(value).map_or(Value::OtherNumber, Value::Integer))
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Value<'de>, E> {
        Ok(Value::OtherNumber)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut access: A) -> Result<Value<'de>, A::Error> {
        let depth = self.descend()?;
        let mut list = Vec::new();
        while let Some(value) = access.next_element_seed(Seed { progress: self.progress, depth })? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut access: A) -> Result<Value<'de>, A::Error> {
        let depth = self.descend()?;
        let mut entries = Vec::new();
        while let Some(Key(key)) = access.next_key()? {
            self.progress.count()?;
            entries.push((key, access.next_value_seed(Seed { progress: self.progress, depth })?));
        }
        entries.sort_unstable_by(|(left, _): &(Cow<'_, str>, _), (right, _)| left.cmp(right));
        match entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => {
                let key = excerpt(&pair[0].0);
                Err(self.progress.refuse(Refusal::DuplicateKey(key)))
            }
            None => Ok(Value::Object(Object(entries))),
        }
    }
}

struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

fn fold(character: char) -> char {
    match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        _ => character.to_ascii_lowercase(),
    }
}

/// Returns enough of a text to recognise it by in an error, without characters that could garble a log.
pub(crate) fn excerpt(text: &str) -> String {
    const CHARACTERS_MAX: usize = 64;
    text.chars()
        .take(CHARACTERS_MAX)
        .map(|character| if character.is_control() { '\u{fffd}' } else { character })
        .collect()
}
