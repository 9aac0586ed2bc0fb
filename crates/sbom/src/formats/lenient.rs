use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A member that may be absent, or of another type than it should be, without spoiling what is around it.
#[derive(Debug, Clone, Default)]
pub(super) enum Lax<'a, T> {
    #[default]
    Absent,
    Value(T),
    Wrong(&'a RawValue),
}

impl<'a, 'de: 'a, T: Deserialize<'de>> Deserialize<'de> for Lax<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        if raw.get() == "null" {
            return Ok(Self::Absent);
        }
        Ok(serde_json::from_str(raw.get()).map_or(Self::Wrong(raw), Self::Value))
    }
}

/// A text, or a number or truth value that stands where a text should.
#[derive(Debug, Clone)]
pub(super) struct Text<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) was_text: bool,
}

impl<'a, 'de: 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        if raw.starts_with('"') {
            let borrowed = !raw.contains('\\');
            let text = if borrowed {
                Cow::Borrowed(&raw[1..raw.len() - 1])
            } else {
                Cow::Owned(serde_json::from_str(raw).map_err(de::Error::custom)?)
            };
            return Ok(Self { text, was_text: true });
        }
        if raw.starts_with(['{', '[', 'n']) {
            return Err(de::Error::custom("not a text"));
        }
        Ok(Self { text: Cow::Borrowed(raw), was_text: false })
    }
}

/// A list whose items may each be wrong. Of more than `MAX` items the rest is counted and not kept.
#[derive(Debug)]
pub(super) struct Many<T, const MAX: usize = ITEMS_MAX> {
    pub(super) items: Vec<T>,
    pub(super) omitted: usize,
}

/// The most items of a list inside a component; the longest real ones are the files of a package.
pub(super) const ITEMS_MAX: usize = 200_000;

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Many<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ManyVisitor<T, const MAX: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for ManyVisitor<T, MAX> {
            type Value = Many<T, MAX>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut many = Many { items: Vec::new(), omitted: 0 };
                while many.items.len() < MAX {
                    let Some(item) = list.next_element()? else { return Ok(many) };
                    many.items.push(item);
                }
                while list.next_element::<de::IgnoredAny>()?.is_some() {
                    many.omitted += 1;
                }
                Ok(many)
            }
        }

        deserializer.deserialize_seq(ManyVisitor(PhantomData))
    }
}
